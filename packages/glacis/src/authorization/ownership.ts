/** Whose a row is: set from who creates it, never from what it sends (guide A01, ownership queryset; catalog mass-assignment). */
import { Refusal } from "../core/error-reason.ts";
import { deny } from "../core/decision.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";
import { isRecord } from "../primitives/is-record.ts";
import { isDecidable } from "./caller.ts";
import { readColumns, type Columns } from "./columns.ts";
import { all, type Condition } from "./condition.ts";
import { fieldRefusal, NOT_A_RECORD } from "./field-rules.ts";
import { listFilter, type ListFilter, type ListFilterOptions } from "./list-filter.ts";
import { unknownWord } from "./read-conditions.ts";

export interface OwnershipOptions<C extends Columns> {
  /** What is owned, in one word, such as `document`. It stands in events. */
  readonly resource: string;
  readonly columns: C;
  /** The column of the user or service that owns the row. For a table of users, its id. */
  readonly owner: keyof C & string;
  readonly tenant: keyof C & string;
}

export interface Ownership<Owned extends string> {
  /**
   * The input with owner and tenant of the caller.
   *
   * @throws Refusal 422 when the input names either, by property or by column, whatever the value; 401 for an anonymous caller
   */
  stamp<Input extends object>(
    principal: Principal,
    input: Input,
  ): Omit<Input, Owned> & { readonly [Name in Owned]: string };
  /** The caller's own rows of its own tenant, as a `where`; no rows for an anonymous caller. */
  scope(principal: Principal, options?: ListFilterOptions): ListFilter;
}

/**
 * Ownership of a resource, apart from any policy.
 *
 * @throws TypeError on an unknown option or column.
 * @example
 * const mine = ownership({ resource: "document", columns: { ownerId: "uuid", tenantId: "uuid" }, owner: "ownerId", tenant: "tenantId" });
 * await db.insert(documents).values(mine.stamp(principal, input));
 * await db.select().from(documents).where(mine.scope(principal).template(sql));
 */
export function ownership<
  const C extends Columns,
  const Owner extends keyof C & string,
  const Tenant extends keyof C & string,
>(options: OwnershipOptions<C> & { readonly owner: Owner; readonly tenant: Tenant }): Ownership<Owner | Tenant> {
  rejectUnknownOptions("ownership", options, ["resource", "columns", "owner", "tenant"]);
  const { resource, owner, tenant } = options;
  const name = `ownership("${resource}")`;
  const columns = readColumns(name, options.columns);
  const equals = (property: string, attribute: "userId" | "serviceId" | "tenantId"): Condition => {
    const column = columns.get(property);
    if (column === undefined) throw unknownWord(name, "column", property, [...columns.keys()]);
    return { kind: "compare", column, operator: "=", operand: { kind: "attribute", name: attribute } };
  };
  const inTenant = equals(tenant, "tenantId");
  const rules = {
    user: all([inTenant, equals(owner, "userId")]),
    service: all([inTenant, equals(owner, "serviceId")]),
    anonymous: all([inTenant, equals(owner, "userId")]),
  };

  // A query builder that is given the columns' own names takes them as well.
  const reserved = [...new Set([owner, tenant, columns.get(owner)?.name, columns.get(tenant)?.name])].filter(
    (field) => field !== undefined,
  );

  function stamp(principal: Principal, input: object): object {
    if (principal.kind === "anonymous" || !isDecidable(principal)) throw new Refusal(unowned(resource));
    if (!isRecord(input)) throw new Refusal(fieldRefusal(resource, "create", [NOT_A_RECORD]));
    const named = reserved.filter((field) => Object.hasOwn(input, field));
    if (named.length > 0) {
      const problems = named.map((field) => ({ field, problem: "forbidden" }) as const);
      throw new Refusal(fieldRefusal(resource, "create", problems));
    }
    return { ...input, [owner]: principal.id, [tenant]: principal.tenantId };
  }

  const scope = (principal: Principal, settings?: ListFilterOptions): ListFilter =>
    listFilter(name, rules[principal.kind], principal, settings);
  return Object.freeze({ stamp, scope }) as Ownership<Owner | Tenant>;
}

function unowned(resource: string) {
  return deny("unauthenticated", {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz_fail",
    control: "object-level-authorization",
    reason: "unauthenticated",
    detail: "no_owner",
    resource_type: resource,
    action: "create",
  });
}
