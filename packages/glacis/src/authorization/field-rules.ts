/** Which fields of a row a caller may see and set (catalog field-level-authorization; guide, forms and serializers). */
import { deny, type Deny } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { isRecord } from "../primitives/is-record.ts";
import { isDecidable } from "./caller.ts";
import { all, any, FALSE, TRUE, type Condition } from "./condition.ts";
import { byKind, NO_ROW } from "./plan.ts";
import { holds, type PolicyRow, type Predicate } from "./predicate.ts";
import { unknownWord } from "./read-conditions.ts";
import {
  isReadKind,
  readActionPatterns,
  readGrant,
  rejectUnknownParts,
  type ActionPattern,
  type AnyGrant,
  type Grant,
  type PrincipalPattern,
  type StatementVocabulary,
} from "./statements.ts";

/** Who sees a field: principals, or principals and a condition on the row. */
export type ReadGrant<Name extends string, Role extends string, Group extends string> =
  | PrincipalPattern<Role, Group>
  | Grant<Name, Role, Group>;

export interface WriteGrant<
  Action extends string,
  Name extends string,
  Role extends string,
  Group extends string,
> extends Grant<Name, Role, Group> {
  /** Every action that writes unless you say otherwise. */
  readonly action?: ActionPattern<Action> | readonly ActionPattern<Action>[];
}

type OneOrMore<Item> = Item | readonly Item[];

/** A field without a grant is nobody's. */
export interface FieldRule<Action extends string, Name extends string, Role extends string, Group extends string> {
  readonly read?: OneOrMore<ReadGrant<Name, Role, Group>>;
  /** Who sees the last four characters where `read` does not show all of it. */
  readonly masked?: OneOrMore<ReadGrant<Name, Role, Group>>;
  readonly write?: OneOrMore<PrincipalPattern<Role, Group> | WriteGrant<Action, Name, Role, Group>>;
}

export type AnyFieldRule = FieldRule<string, string, string, string>;

type ByKind = Readonly<Record<Principal["kind"], Predicate>>;

export interface FieldPlan {
  readonly name: string;
  readonly read: ByKind;
  /** Who sees it on every row, whatever stands there. */
  readonly everywhere: Predicate;
  readonly masked: ByKind;
  readonly write: ReadonlyMap<string, ByKind>;
}

export type FieldPlans = ReadonlyMap<string, FieldPlan>;

interface AnyWriteGrant extends AnyGrant {
  readonly action?: string | readonly string[];
}

type AnyFieldGrant = AnyGrant["principal"] | AnyWriteGrant;

/** @throws TypeError on an unknown word in a field's rule */
export function planFields(
  vocabulary: StatementVocabulary,
  fence: Condition,
  declared: Readonly<Record<string, AnyFieldRule>>,
): FieldPlans {
  const plans = new Map<string, FieldPlan>();
  for (const [name, rule] of Object.entries(declared)) {
    const owner = `${vocabulary.owner}, field "${name}",`;
    if (name === "__proto__") throw new TypeError(`${owner} is a reserved name.`);
    rejectUnknownParts(owner, rule, ["read", "masked", "write"]);
    plans.set(name, {
      name,
      read: byKind(readSeeing(owner, vocabulary, fence, rule.read)),
      everywhere: holds(readUnconditional(owner, vocabulary, rule.read)),
      masked: byKind(readSeeing(owner, vocabulary, fence, rule.masked)),
      write: readSetting(owner, vocabulary, fence, rule.write),
    });
  }
  return plans;
}

function grantsOf(declared: OneOrMore<AnyFieldGrant> | undefined): readonly AnyWriteGrant[] {
  if (declared === undefined) return [];
  const list = (Array.isArray(declared) ? declared : [declared]) as readonly (AnyGrant["principal"] | AnyWriteGrant)[];
  return list.map((grant) => (typeof grant === "string" ? { principal: grant } : (grant as AnyWriteGrant)));
}

/** A condition looks at the row, and nobody's condition looks at a row of another tenant. */
function within(fence: Condition, { who, when }: { readonly who: Condition; readonly when: Condition }): Condition {
  return all([when.kind === "constant" ? TRUE : fence, who, when]);
}

function readSeeing(
  owner: string,
  vocabulary: StatementVocabulary,
  fence: Condition,
  declared: AnyFieldRule["read"],
): Condition {
  return any(
    grantsOf(declared).map((grant) => {
      rejectUnknownParts(owner, grant, ["principal", "condition", "expression"]);
      return within(fence, readGrant(owner, vocabulary, grant));
    }),
  );
}

function readUnconditional(owner: string, vocabulary: StatementVocabulary, declared: AnyFieldRule["read"]): Condition {
  const grants = grantsOf(declared).map((grant) => readGrant(owner, vocabulary, grant));
  return any(grants.filter(({ when }) => when.kind === "constant" && when.value).map(({ who }) => who));
}

function readSetting(
  owner: string,
  vocabulary: StatementVocabulary,
  fence: Condition,
  declared: AnyFieldRule["write"],
): FieldPlan["write"] {
  const conditions = new Map<string, Condition>();
  for (const grant of grantsOf(declared)) {
    rejectUnknownParts(owner, grant, ["action", "principal", "condition", "expression"]);
    const granted = within(fence, readGrant(owner, vocabulary, grant));
    for (const action of readActionPatterns(owner, vocabulary.actions, grant.action ?? "<write>")) {
      const kind = vocabulary.actions.get(action);
      if (kind === undefined || isReadKind(kind))
        throw unknownWord(owner, "writing action", action, writingActions(vocabulary));
      conditions.set(action, any([conditions.get(action) ?? FALSE, granted]));
    }
  }
  return new Map([...conditions].map(([action, condition]) => [action, byKind(condition)]));
}

function writingActions({ actions }: StatementVocabulary): readonly string[] {
  return [...actions].filter(([, kind]) => !isReadKind(kind)).map(([action]) => action);
}

const MASK = "••••";
const SHOWN = 4;

/** The last four characters of a text that has at least twice as many; of anything else only that it is there. */
function mask(value: unknown): string | null | undefined {
  if (value === null || value === undefined) return value;
  return typeof value === "string" && value.length >= 2 * SHOWN ? MASK + value.slice(-SHOWN) : MASK;
}

/** The part of a row that the caller may see: declared fields alone. A condition that fails hides its field. */
export function projectRow(
  plans: FieldPlans,
  principal: Principal,
  row: PolicyRow,
  onFault: (error: unknown) => void,
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const { name, read, masked } of plans.values()) {
    if (!Object.hasOwn(row, name) || !isDecidable(principal)) continue;
    try {
      if (read[principal.kind](principal, row)) shown[name] = row[name];
      else if (masked[principal.kind](principal, row)) shown[name] = mask(row[name]);
    } catch (error) {
      onFault(error);
    }
  }
  return shown;
}

export interface FieldProblem {
  /** Empty where the input as a whole is meant. */
  readonly field: string;
  readonly problem: "unknown" | "forbidden" | "not_a_record";
}

/** What is asked for is names and values; a list, a text or nothing has none to judge. */
export const NOT_A_RECORD: FieldProblem = Object.freeze({ field: "", problem: "not_a_record" });

const MOST_PROBLEMS = 20;
const LONGEST_NAME = 64;

/** The fields by which the caller may not sort or search, in the order in which they were asked for, at most twenty. */
export function hiddenFields(
  plans: FieldPlans,
  principal: Principal,
  names: readonly unknown[],
): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const name of names) {
    const plan = typeof name === "string" ? plans.get(name) : undefined;
    if (plan !== undefined && isDecidable(principal) && plan.everywhere(principal, NO_ROW)) continue;
    const field = String(name).slice(0, LONGEST_NAME);
    problems.push({ field, problem: plan === undefined ? "unknown" : "forbidden" });
    if (problems.length === MOST_PROBLEMS) break;
  }
  return problems;
}

export interface FieldWrite {
  readonly principal: Principal;
  readonly action: string;
  readonly input: PolicyRow;
  /** What the conditions of the fields look at. */
  readonly row: PolicyRow;
}

/** The fields of an input that the caller may not set, in the order of the input, at most twenty. */
export function fieldProblems(
  plans: FieldPlans,
  write: FieldWrite,
  onFault: (error: unknown) => void,
): readonly FieldProblem[] {
  if (!isRecord(write.input)) return [NOT_A_RECORD];
  const problems: FieldProblem[] = [];
  for (const field of Object.keys(write.input)) {
    const plan = plans.get(field);
    if (plan !== undefined && maySet(plan, write, onFault)) continue;
    problems.push({ field: field.slice(0, LONGEST_NAME), problem: plan === undefined ? "unknown" : "forbidden" });
    if (problems.length === MOST_PROBLEMS) break;
  }
  return problems;
}

function maySet(
  { write }: FieldPlan,
  { principal, action, row }: FieldWrite,
  onFault: (error: unknown) => void,
): boolean {
  try {
    return isDecidable(principal) && write.get(action)?.[principal.kind](principal, row) === true;
  } catch (error) {
    onFault(error);
    return false;
  }
}

const SET = { why: "Not settable here", fix: "Send only fields that the policy lets this caller write." };
/** What a list is sorted or searched by, it tells. */
export const LIST_BY: typeof SET = {
  why: "Not to be sorted or searched by here",
  fix: "Sort and search by fields that the policy lets this caller read on every row.",
};

/** A request that names fields it may not set, or not list by. The names are the client's own; their values stay out of it. */
export function fieldRefusal(
  resource: string,
  action: string,
  problems: readonly FieldProblem[],
  { why, fix }: typeof SET = SET,
): Deny {
  const forbidden = problems.some(({ problem }) => problem === "forbidden");
  return deny(
    "input_invalid",
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "input_validation_fail",
      control: "field-level-authorization",
      reason: "input_invalid",
      detail: forbidden ? "field_forbidden" : "field_unknown",
      resource_type: resource,
      action,
      count: problems.length,
    },
    {
      why: `${why}: ${problems.map(({ field, problem }) => `${field} (${problem})`).join(", ")}.`,
      fix,
      members: { fields: problems },
    },
  );
}
