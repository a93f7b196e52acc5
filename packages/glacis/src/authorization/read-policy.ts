/** Reads a whole policy once: what it says is checked here, so that nothing is left to check when it is asked. */
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { isIdentifier, readColumns, type Column, type Columns } from "./columns.ts";
import { opaqueIn, type Condition } from "./condition.ts";
import { planFields, type AnyFieldRule, type FieldPlans } from "./field-rules.ts";
import type { ConditionSource } from "./match.ts";
import { planAction, tenantFence, type ActionPlan } from "./plan.ts";
import { readConditions, unknownWord } from "./read-conditions.ts";
import {
  readActions,
  readStatement,
  type ActionKind,
  type AnyStatement,
  type StatementVocabulary,
} from "./statements.ts";

/** Says why rows of this resource are nobody's tenant's. It shows as a finding. */
export interface AcrossTenants {
  readonly acrossTenants: string;
}

/**
 * For a resource whose rows belong to no tenant, such as plans and prices: nothing then keeps tenants apart but the conditions.
 *
 * @throws TypeError without a reason.
 */
export function acrossTenants(reason: string): AcrossTenants {
  if (typeof reason !== "string" || reason.trim() === "")
    throw new TypeError('acrossTenants() needs the reason in words, such as acrossTenants("the public price list").');
  return Object.freeze({ acrossTenants: reason });
}

/** What the compilers read: for `rowSecurity` and checks, not for handlers. */
export interface PolicyModel {
  readonly resource: string;
  /** The policy as an error names it. */
  readonly owner: string;
  /** The schema where one was named, and the table. */
  readonly table: readonly string[] | undefined;
  readonly tenant: Column | AcrossTenants;
  /** The property of a row's id. */
  readonly id: string;
  readonly plans: ReadonlyMap<string, ActionPlan>;
}

/** The options without their types, as a JavaScript caller may send them. */
export interface AnyPolicyOptions {
  readonly resource: string;
  readonly columns: Columns;
  readonly tenant: string | AcrossTenants;
  readonly id?: string;
  readonly table?: string;
  readonly actions: Readonly<Record<string, ActionKind>>;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly conditions?: Readonly<Record<string, ConditionSource<Columns>>>;
  readonly statements: readonly AnyStatement[];
  readonly fields?: Readonly<Record<string, AnyFieldRule>>;
  readonly report?: (event: AuditEvent) => void;
}

const OPTION_NAMES: readonly (keyof AnyPolicyOptions)[] = [
  "resource",
  "columns",
  "tenant",
  "id",
  "table",
  "actions",
  "roles",
  "groups",
  "conditions",
  "statements",
  "fields",
  "report",
];

/** @throws TypeError on whatever it does not know */
export function readPolicy(options: AnyPolicyOptions): { readonly model: PolicyModel; readonly fields: FieldPlans } {
  rejectUnknownOptions("accessPolicy", options, OPTION_NAMES);
  const { resource } = options;
  if (typeof resource !== "string" || !/^[A-Za-z][\w.-]{0,63}$/u.test(resource))
    throw new TypeError('accessPolicy() needs resource as a plain word, such as "document".');
  const owner = `accessPolicy("${resource}")`;
  const columns = readColumns(owner, options.columns);
  const vocabulary: StatementVocabulary = {
    owner,
    columns,
    actions: readActions(owner, options.actions),
    roles: readNames(owner, "roles", options.roles),
    groups: readNames(owner, "groups", options.groups),
    conditions: readConditions(owner, columns, options.conditions ?? {}),
  };
  const tenant = readTenant(owner, columns, options.tenant);
  const fence = tenantFence("acrossTenants" in tenant ? undefined : tenant);
  return {
    model: {
      resource,
      owner,
      table: readTable(owner, options.table),
      tenant,
      id: readId(owner, columns, options.id),
      plans: readPlans(vocabulary, fence, options.statements),
    },
    fields: planFields(vocabulary, fence, options.fields ?? {}),
  };
}

function readPlans(
  vocabulary: StatementVocabulary,
  fence: Condition,
  statements: readonly AnyStatement[],
): ReadonlyMap<string, ActionPlan> {
  const { owner } = vocabulary;
  if (!Array.isArray(statements)) throw new TypeError(`${owner} needs a list of statements.`);
  const read = statements.map((statement, index) => readStatement(vocabulary, statement as AnyStatement, index));
  const plans = new Map<string, ActionPlan>();
  for (const [action, kind] of vocabulary.actions) {
    const plan = planAction(action, kind, fence, read);
    const opaque = kind === "list" ? opaqueIn(plan.rule) : undefined;
    if (opaque !== undefined) {
      throw new TypeError(
        `${owner} cannot list by the condition "${opaque}": it is a function, and a list is filtered in SQL. Write it as a pattern, or leave "${action}" out of its statement.`,
      );
    }
    plans.set(action, plan);
  }
  return plans;
}

function readTenant(owner: string, columns: ReadonlyMap<string, Column>, tenant: unknown): Column | AcrossTenants {
  if (typeof tenant === "object" && tenant !== null && "acrossTenants" in tenant)
    return acrossTenants((tenant as AcrossTenants).acrossTenants);
  if (tenant === undefined)
    throw new TypeError(`${owner} needs tenant: the column of the tenant, or acrossTenants(reason).`);
  const column = typeof tenant === "string" ? columns.get(tenant) : undefined;
  if (column === undefined) throw unknownWord(owner, "column", tenant, [...columns.keys()]);
  if (column.type === "text" || column.type === "uuid" || column.type === "integer" || column.type === "bigint")
    return column;
  throw new TypeError(`${owner} needs a tenant column of type text, uuid, integer or bigint.`);
}

function readId(owner: string, columns: ReadonlyMap<string, Column>, id: string | undefined): string {
  if (id !== undefined && !columns.has(id)) throw unknownWord(owner, "column", id, [...columns.keys()]);
  return id ?? "id";
}

function readTable(owner: string, table: string | undefined): readonly string[] | undefined {
  if (table === undefined) return undefined;
  const parts = typeof table === "string" ? table.split(".") : [];
  if (parts.length < 1 || parts.length > 2 || !parts.every(isIdentifier))
    throw new TypeError(`${owner} needs table as a name, such as "documents" or "app.documents".`);
  return parts;
}

function readNames(owner: string, option: string, names: readonly string[] = []): readonly string[] {
  if (!Array.isArray(names) || names.some((name: unknown) => typeof name !== "string" || name === ""))
    throw new TypeError(`${owner} needs ${option} as a list of texts.`);
  return names as readonly string[];
}
