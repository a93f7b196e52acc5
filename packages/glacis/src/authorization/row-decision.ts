/** What decides about a row of the caller's tenant: one function, in which what most policies ask for costs no call. */
import type { Service, User } from "../core/principal.ts";
import { isSomebody } from "./caller.ts";
import type { Comparison, Condition, Operand } from "./condition.ts";
import { everyOf, oneOf, rolesApart, someOf, type Predicate, type RolePredicate } from "./predicate.ts";

type Kind = (User | Service)["kind"];
type Flag = Comparison & { readonly operand: Extract<Operand, { kind: "literal" }> };

/** Alternatives by what they look at. */
interface Alternatives {
  /** The property that holds the id of the row's owner. */
  readonly owner: string | undefined;
  readonly flag: string | undefined;
  readonly value: unknown;
  readonly roles: readonly RolePredicate[];
  readonly others: readonly Predicate[];
}

/**
 * Three things must be: the tenant is the caller's, no denial is true or unknown, and one allowance is true. They are not asked in the order of the
 * statements, so that none of them may be able to fail: an opaque condition does not belong here.
 *
 * @param tenant the property that holds the row's tenant
 * @param inside takes the second look that a uuid in another case needs
 */
export function decideInTenant(
  kind: Kind,
  tenant: string,
  inside: Predicate,
  denial: Condition,
  allowance: Condition,
): Predicate {
  const { flag: denied, value: deniedValue, roles: deniedRoles, others } = takeApart(denial, kind, false);
  const type = typeof deniedValue;
  const undenied = others.length === 0 ? undefined : everyOf(others);
  const { owner, flag, value, roles, others: rest } = takeApart(allowance, kind, true);
  const allowed = rest.length === 0 ? undefined : someOf(rest);
  return (principal, row) => {
    if (!isSomebody(principal)) return false;
    const { id, tenantId, roles: held } = principal as User | Service;
    if (row[tenant] !== tenantId && !inside(principal, row)) return false;
    // Each property is read at a place of its own: where that sees one name alone, no look-up is needed.
    if (denied !== undefined) {
      const found = row[denied];
      if (found === deniedValue || typeof found !== type) return false;
    }
    if (deniedRoles.length > 0 && oneOf(deniedRoles, held, principal, row, false)) return false;
    if (undenied !== undefined && !undenied(principal, row)) return false;
    if (owner !== undefined && row[owner] === id) return true;
    if (flag !== undefined && row[flag] === value) return true;
    return oneOf(roles, held, principal, row, true) || (allowed !== undefined && allowed(principal, row));
  };
}

function takeApart(condition: Condition, kind: Kind, wanted: boolean): Alternatives {
  const conditions = alternativesOf(condition);
  const owner = wanted ? conditions.find((each) => isOwner(each, kind)) : undefined;
  const flag = conditions.find(isFlag);
  const rest = conditions.filter((each) => each !== owner && each !== flag);
  return {
    owner: owner?.column.property,
    flag: flag?.column.property,
    value: flag?.operand.value,
    ...rolesApart(rest, wanted),
  };
}

function alternativesOf(condition: Condition): readonly Condition[] {
  if (condition.kind === "constant" && !condition.value) return [];
  return condition.kind === "any" ? condition.conditions : [condition];
}

/** A uuid is no text here: in another case it is the same one. */
function isOwner(condition: Condition, kind: Kind): condition is Comparison {
  if (condition.kind !== "compare" || condition.operator !== "=" || condition.column.type !== "text") return false;
  return condition.operand.kind === "attribute" && condition.operand.name === `${kind}Id`;
}

function isFlag(condition: Condition): condition is Flag {
  if (condition.kind !== "compare" || condition.operator !== "=" || condition.operand.kind !== "literal") return false;
  return condition.column.type === "boolean" || condition.column.type === "text";
}
