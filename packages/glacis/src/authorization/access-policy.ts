/** Who may do what to which row: one policy for the handler, the list and the database (guide A01; catalog object-level-authorization). */
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Principal } from "../core/principal.ts";
import { followRequests } from "../primitives/request-context.ts";
import type { Columns, RowOf } from "./columns.ts";
import { fieldProblems, fieldRefusal, hiddenFields, LIST_BY, projectRow, type FieldRule } from "./field-rules.ts";
import { listFilter, type ListFilter, type ListFilterOptions } from "./list-filter.ts";
import type { ConditionSource } from "./match.ts";
import { policyJudge, type PolicyDecision } from "./policy-judge.ts";
import { refusalOf } from "./policy-refusal.ts";
import type { PolicyRow } from "./predicate.ts";
import { NO_ROW } from "./plan.ts";
import { readPolicy, type AcrossTenants, type AnyPolicyOptions, type PolicyModel } from "./read-policy.ts";
import { unknownWord } from "./read-conditions.ts";
import type { ActionKind, Statement } from "./statements.ts";

export interface AccessPolicyOptions<
  C extends Columns,
  A extends Readonly<Record<string, ActionKind>>,
  N extends string,
  R extends string,
  G extends string,
  F extends string,
> {
  /** What it is about, in one word, such as `document`. It stands in events. */
  readonly resource: string;
  /** The columns that conditions look at, with their types. */
  readonly columns: C;
  /** The column that holds the tenant. No statement reaches beyond it. */
  readonly tenant: (keyof C & string) | AcrossTenants;
  /** The column of the row's id, whose hash stands in events. `id` where there is such a column. */
  readonly id?: keyof C & string;
  /** The table, `documents` or `app.documents`, for row-level security. */
  readonly table?: string;
  readonly actions: A;
  /** The roles and groups that principals of statements may name. */
  readonly roles?: readonly R[];
  readonly groups?: readonly G[];
  readonly conditions?: { readonly [Name in N]: ConditionSource<C> };
  readonly statements: readonly Statement<keyof A & string, NoInfer<N>, NoInfer<R>, NoInfer<G>>[];
  readonly fields?: { readonly [Field in F]: FieldRule<keyof A & string, NoInfer<N>, NoInfer<R>, NoInfer<G>> };
  /** Receives the events that no refusal carries. Inside a request they reach its log by themselves; elsewhere, stderr. */
  readonly report?: (event: AuditEvent) => void;
}

declare const authorized: unique symbol;

/** Proof that the policy has permitted this action on this row. A repository that takes nothing less cannot be called without asking. */
export interface Authorized<Resource extends string, Action extends string, Row> {
  readonly resource: Resource;
  readonly action: Action;
  readonly row: Row;
  readonly [authorized]: true;
}

export interface AccessPolicy<C extends Columns = Columns, A extends string = string, F extends string = string> {
  readonly resource: string;
  readonly model: PolicyModel;
  /** Yes or no for one row. For `create` the row is the proposed one. A fault says no and raises an event. */
  permits(principal: Principal, action: A, row: RowOf<C>): boolean;
  /** The same as a value that says why not. @param changes for an update: the row as it will be must be permitted too */
  decide(principal: Principal, action: A, row: RowOf<C> | null | undefined, changes?: RowOf<C>): PolicyDecision;
  /**
   * Permits or throws, so that nobody can forget to look. A row that is missing, of another tenant, or that the caller may not read is a 404;
   * what the caller sees but may not do is a 403; a fault is a 503.
   *
   * @throws Refusal
   */
  authorize<Action extends A, Row extends RowOf<C>>(
    principal: Principal,
    action: Action,
    row: Row | null | undefined,
    changes?: RowOf<C>,
  ): Authorized<string, Action, Row>;
  /** Whether there can be a row that is permitted: for routes, which know the caller and no row yet. */
  couldPermit(principal: Principal, action: A): boolean;
  /** The rows that are permitted, as a `where`. @throws TypeError on an opaque condition */
  filter(principal: Principal, action: A, options?: ListFilterOptions): ListFilter;
  /** The fields of a row that the caller may see. @throws Refusal when it may not read the row at all */
  readable<Row extends RowOf<C>>(principal: Principal, row: Row | null | undefined): Partial<Pick<Row, F & keyof Row>>;
  /**
   * The names of fields by which the caller wants to sort or search a list, if it sees each of them on every row: the order of a list and what is
   * found in it tell a field as well as showing it would. A field that is masked, or readable under a condition, is not among them.
   *
   * @throws Refusal 422 with the names of fields that are unknown or not the caller's to see
   */
  searchable(principal: Principal, names: readonly string[]): readonly F[];
  /**
   * The input, if the caller may set each of its fields. @param row the row as it is, without which no condition of a field holds; for `create` the
   * input unless you say otherwise
   *
   * @throws Refusal 422 with the names of fields that are unknown or not the caller's to set
   */
  writable<Input extends object>(principal: Principal, action: A, input: Input, row?: RowOf<C>): Input;
}

/**
 * Compiles a policy. Nothing is permitted unless a statement allows it; a statement that denies wins; the tenant bounds both.
 *
 * @throws TypeError on any word that it does not know, with the nearest one that it does.
 * @example
 * const documents = accessPolicy({
 *   resource: "document",
 *   columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid" },
 *   tenant: "tenantId",
 *   actions: { list: "list", retrieve: "read", update: "update" },
 *   conditions: { isOwner: { ownerId: caller.userId } },
 *   statements: [{ action: "<read>", principal: "authenticated", effect: "allow", condition: "isOwner" }],
 * });
 */
export function accessPolicy<
  const C extends Columns,
  const A extends Readonly<Record<string, ActionKind>>,
  const N extends string = never,
  const R extends string = never,
  const G extends string = never,
  const F extends string = never,
>(options: AccessPolicyOptions<C, A, N, R, G, F>): AccessPolicy<C, keyof A & string, F> {
  const { model, fields } = readPolicy(options as unknown as AnyPolicyOptions);
  const { resource, owner, plans } = model;
  const judge = policyJudge(model, options.report);
  if (options.report === undefined) followRequests();

  function planOf(action: string) {
    const plan = plans.get(action);
    if (plan === undefined) throw unknownWord(owner, "action", action, [...plans.keys()]);
    return plan;
  }

  function authorize(
    principal: Principal,
    action: string,
    row: PolicyRow | null | undefined,
    changes?: PolicyRow,
  ): object {
    const decision = judge.decide(principal, action, row, changes);
    if (!decision.permitted) throw new Refusal(decision.refusal);
    return Object.freeze({ resource, action, row });
  }

  function readable(principal: Principal, row: PolicyRow | null | undefined): Record<string, unknown> {
    const action = judge.readAction;
    const outcome = judge.seeing(principal, row);
    if (!outcome.permitted || row === null || row === undefined) {
      const refused = { resource, action, principal, rowId: row?.[model.id], hidden: true };
      throw new Refusal(refusalOf(refused, outcome.permitted ? { permitted: false, cause: "no_row" } : outcome));
    }
    return projectRow(fields, principal, row, (error) => judge.fault(principal, action, row, error));
  }

  function searchable(principal: Principal, names: readonly string[]): readonly string[] {
    const problems = hiddenFields(fields, principal, names);
    if (problems.length > 0) throw new Refusal(fieldRefusal(resource, judge.readAction, problems, LIST_BY));
    return names;
  }

  function writable(principal: Principal, action: string, input: PolicyRow, known?: PolicyRow): object {
    const { kind } = planOf(action);
    // Only a row that does not exist yet is what the client says it is.
    const row = known ?? (kind === "create" ? input : NO_ROW);
    const onFault = (error: unknown): void => judge.fault(principal, action, row, error);
    const problems = fieldProblems(fields, { principal, action, input, row }, onFault);
    if (problems.length > 0) throw new Refusal(fieldRefusal(resource, action, problems));
    return input;
  }

  const policy = {
    resource,
    model,
    permits: judge.permits,
    decide: judge.decide,
    authorize,
    couldPermit: (principal: Principal, action: string) => planOf(action).couldPermit(principal),
    filter: (principal: Principal, action: string, settings?: ListFilterOptions) =>
      listFilter(`${owner}, action "${action}",`, planOf(action).rule, principal, settings),
    readable,
    searchable,
    writable,
  };
  return Object.freeze(policy) as unknown as AccessPolicy<C, keyof A & string, F>;
}
