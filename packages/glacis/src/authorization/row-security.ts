/** The policy as row-level security of Postgres: what holds when a query forgets to ask. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";
import { isDecidable } from "./caller.ts";
import { isIdentifier, isStorableText, storableTexts, type ColumnType, type Scalar } from "./columns.ts";
import { any, type Attribute, type CallerPattern, type ListAttribute } from "./condition.ts";
import { conditionSql, quoteIdentifier, quoteLiteral, type SqlChunk, type SqlDialect } from "./condition-sql.ts";
import type { PolicyModel } from "./read-policy.ts";
import type { ActionKind } from "./statements.ts";

export type SqlVerb = "select" | "insert" | "update" | "delete";

export interface RowSecurityOptions {
  /** The first word of the settings that name the caller. `app` unless you say otherwise. */
  readonly settings?: string;
  /** The role that the policies are for. Everybody unless you say otherwise. */
  readonly role?: string;
  /**
   * Narrows what other policies of the table allow instead of allowing by itself: for a table that already has a permissive policy, such as one
   * per tenant. Two permissive policies widen each other.
   */
  readonly restrictive?: boolean;
}

/** One `create policy`. */
export interface RowPolicy {
  readonly name: string;
  readonly verb: SqlVerb;
  /** Which rows the verb may touch; not for an insert. */
  readonly using: string | undefined;
  /** What a row may be afterwards; not for select and delete. */
  readonly check: string | undefined;
}

export interface RowSecurity {
  /** The table, quoted. */
  readonly table: string;
  /** The same without its schema. */
  readonly name: string;
  readonly policies: readonly RowPolicy[];
  readonly role: string | undefined;
  readonly restrictive: boolean;
  /** The migration: row-level security on and forced, and the policies anew. */
  readonly sql: string;
}

const VERBS: Readonly<Record<SqlVerb, readonly ActionKind[]>> = {
  select: ["list", "read"],
  insert: ["create"],
  update: ["update"],
  delete: ["delete"],
};

/** What `rowSecurity` reads of a policy. */
export interface CompilablePolicy {
  readonly resource: string;
  readonly model: PolicyModel;
}

/**
 * Writes the policies of the table. The database does not know which action is under way, so a verb may do what any of its actions may: of
 * `list` and `retrieve` the wider one. A verb without an action is refused to everybody.
 *
 * @throws TypeError on an opaque condition and without a table.
 * @example
 * await migrate(rowSecurity(documentPolicy).sql);
 */
export function rowSecurity(policy: CompilablePolicy, options: RowSecurityOptions = {}): RowSecurity {
  rejectUnknownOptions("rowSecurity", options, ["settings", "role", "restrictive"]);
  const { settings = "app", role, restrictive = false } = options;
  const { table, owner, plans } = policy.model;
  if (table === undefined) throw new TypeError(`rowSecurity() needs a table in ${owner}, such as table: "documents".`);
  if (role !== undefined && !isIdentifier(role)) throw new TypeError("rowSecurity() needs role as a plain identifier.");
  const dialect = settingsDialect(readPrefix(settings), quoteIdentifier(table.at(-1) as string));
  const policies = Object.entries(VERBS).flatMap(([verb, kinds]): readonly RowPolicy[] => {
    const rules = [...plans.values()].filter(({ kind }) => kinds.includes(kind)).map(({ rule }) => rule);
    if (rules.length === 0) return [];
    const text = textOf(conditionSql(`${owner}, row-level security for ${verb},`, any(rules), dialect));
    const uses = verb !== "insert";
    const checks = verb === "insert" || verb === "update";
    const name = `${policy.resource}_${verb}`;
    return [{ name, verb: verb as SqlVerb, using: uses ? text : undefined, check: checks ? text : undefined }];
  });
  const quoted = table.map(quoteIdentifier).join(".");
  const described = { table: quoted, name: quoteIdentifier(table.at(-1) as string), policies, role, restrictive };
  return { ...described, sql: migration(described) };
}

/** A policy has no parameters: the dialect writes every value as a literal. */
function textOf(chunks: readonly SqlChunk[]): string {
  return chunks.map((chunk) => (typeof chunk === "string" ? chunk : quoteLiteral(String(chunk.value)))).join("");
}

function migration(security: Omit<RowSecurity, "sql">): string {
  const { table, policies } = security;
  return [
    `alter table ${table} enable row level security;`,
    `alter table ${table} force row level security;`,
    ...policies.flatMap((policy) => [
      `drop policy if exists ${quoteIdentifier(policy.name)} on ${table};`,
      `${createPolicy(security, policy, table)};`,
    ]),
    "",
  ].join("\n");
}

/** @param table where to; a drift check creates the same policies on a copy */
export function createPolicy(
  { role, restrictive }: Pick<RowSecurity, "role" | "restrictive">,
  { name, verb, using, check }: RowPolicy,
  table: string,
): string {
  return [
    `create policy ${quoteIdentifier(name)} on ${table} as ${restrictive ? "restrictive" : "permissive"} for ${verb}`,
    ` to ${role === undefined ? "public" : quoteIdentifier(role)}`,
    using === undefined ? "" : ` using (${using})`,
    check === undefined ? "" : ` with check (${check})`,
  ].join("");
}

/**
 * What the policies read of the caller: every setting, so that none is left over from somebody else. Set them local to a transaction.
 *
 * @throws TypeError for a principal without an id or a tenant
 * @example
 * for (const [name, value] of rowSettings(principal)) await connection.query("select set_config($1, $2, true)", [name, value]);
 */
export function rowSettings(principal: Principal, settings = "app"): ReadonlyMap<string, string> {
  if (!isDecidable(principal) || !isStorable(principal))
    throw new TypeError("rowSettings() needs a principal with an id and a tenant, or an anonymous one.");
  const prefix = readPrefix(settings);
  const { kind } = principal;
  return new Map([
    [`${prefix}.tenant_id`, kind === "anonymous" ? "" : principal.tenantId],
    [`${prefix}.user_id`, kind === "user" ? principal.id : ""],
    [`${prefix}.service_id`, kind === "service" ? principal.id : ""],
    [`${prefix}.roles`, JSON.stringify(kind === "anonymous" ? [] : storableTexts(principal.roles))],
    [`${prefix}.groups`, JSON.stringify(kind === "anonymous" ? [] : storableTexts(principal.groups ?? []))],
  ]);
}

/** Postgres would take what it cannot keep for another text, which may be somebody else's. */
function isStorable(principal: Principal): boolean {
  return principal.kind === "anonymous" || (isStorableText(principal.id) && isStorableText(principal.tenantId));
}

function readPrefix(settings: string): string {
  if (!/^[a-z_][a-z0-9_]{0,30}$/u.test(settings))
    throw new TypeError('settings is one lower-case word, such as "app".');
  return settings;
}

const SETTING_OF: Readonly<Record<Attribute, string>> = {
  tenantId: "tenant_id",
  userId: "user_id",
  serviceId: "service_id",
};

const UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
const WHOLE = "^(0|-?[1-9][0-9]{0,18})$";
const RANGE = { integer: "-2147483648 and 2147483647", bigint: "-9223372036854775808 and 9223372036854775807" };

/** A text as a value of a type, written as it is compared in memory. What Postgres reads besides, such as a uuid in braces, is nobody's id. */
function valueOf(text: string, type: ColumnType): string {
  switch (type) {
    case "uuid":
      return `case when ${text} ~ '${UUID}' then ${text}::uuid end`;
    case "integer":
    case "bigint":
      return `case when ${text} ~ '${WHOLE}' then (case when ${text}::numeric between ${RANGE[type]} then ${text}::numeric end)::${type} end`;
    case "text":
    case "boolean":
    case "timestamptz":
    case "text[]":
    case "uuid[]":
      return `${text}::${type}`;
  }
}

/** Each setting stands in a sub-select of its own, which Postgres reads once for a query and not once for a row. */
function settingsDialect(prefix: string, table: string): SqlDialect {
  const setting = (name: string): string => `nullif(current_setting('${prefix}.${name}', true), '')`;
  const somebody = `coalesce(${setting("user_id")}, ${setting("service_id")})`;
  const caller = (pattern: CallerPattern): string => {
    switch (pattern.kind) {
      case "anonymous":
        return `(select ${somebody} is null)`;
      case "authenticated":
        return `(select ${somebody} is not null)`;
      case "any-user":
        return `(select ${setting("user_id")} is not null)`;
      case "any-service":
        return `(select ${setting("service_id")} is not null)`;
      case "role":
      case "group":
        return `(select coalesce(${setting(`${pattern.kind}s`)}::jsonb @> ${quoteLiteral(JSON.stringify(pattern.name))}::jsonb, false))`;
      case "user":
      case "service":
        return `(select coalesce(${setting(`${pattern.kind}_id`)} = ${quoteLiteral(pattern.name)}, false))`;
    }
  };
  return {
    column: ({ name }) => quoteIdentifier(name),
    outerColumn: ({ name }) => `${table}.${quoteIdentifier(name)}`,
    literal: (value: Scalar, type): readonly SqlChunk[] => [`${quoteLiteral(String(value))}::${type}`],
    attribute: (name, type) => [`(select ${valueOf(setting(SETTING_OF[name]), type)})`],
    member: (column: string, list: ListAttribute) => [
      `(${column} = any (array(select jsonb_array_elements_text(${setting(list)}::jsonb))))`,
    ],
    caller: (pattern) => [caller(pattern)],
  };
}
