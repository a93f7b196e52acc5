/** The two statements around tenant work: the one that enters a tenant and refuses an exempt role, and the one that looks whether it still holds. */
import { TENANT_PROOF_SETTING } from "../core/tenancy.ts";
import { sqlState } from "../primitives/prepared-statements.ts";
import type { Answer, Statement } from "./tenant-wire.ts";

export interface EntryOptions {
  readonly setting: string;
  readonly role: string | undefined;
  readonly searchPath: string;
}

export interface Entry {
  readonly tenantId: string;
  readonly proof: string | undefined;
  readonly readOnly: boolean;
  /** Further settings for the transaction, by name. */
  readonly settings: ReadonlyMap<string, string>;
  /** Look the role up in the catalog. Otherwise only whether it is a superuser is asked, which costs nothing. */
  readonly lookUpRole: boolean;
}

/** SQLSTATE division_by_zero: how one statement without a function of ours can refuse inside the database. */
const REFUSED = "22012";
const IN_DATABASE = "pg_catalog.current_setting";
const SET = "pg_catalog.set_config";

/** Who asks, as policies inside a tenant read it: the settings of `rowSettings()` beside the tenant's. */
const CALLER = ["user_id", "service_id", "roles", "groups"] as const;

const NO_SUPERUSER = `${IN_DATABASE}('is_superuser') operator(pg_catalog.=) 'off'`;
const ROLE_IS_BOUND = `(select r.rolsuper or r.rolbypassrls from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) current_user) is false`;

function without(setting: string): string {
  return `case when ${IN_DATABASE}('${setting}', true) operator(pg_catalog.<>) '' then ${SET}('${setting}', '', true) end`;
}

/** An application names its settings in its code; one that makes names up must not fill the memory. */
const MOST_TEXTS = 200;

/**
 * Writes the statement that becomes the role, sets the tenant for this transaction alone and fails for a role that row-level security does not
 * bind. Each text is put together once: most transactions of an application enter in the same way, with other values.
 */
export function entryWriter(options: EntryOptions): (entry: Entry) => Statement {
  const texts = new Map<string, string>();
  return (entry) => {
    const shape = `${entry.lookUpRole}|${entry.readOnly}|${entry.proof !== undefined}|${[...entry.settings.keys()].join("|")}`;
    let text = texts.get(shape);
    if (text === undefined) {
      if (texts.size >= MOST_TEXTS) texts.clear();
      text = entryText(options, entry);
      texts.set(shape, text);
    }
    return { text, values: entryValues(options, entry), rowMode: "array", plain: true };
  };
}

function entryValues({ setting, role, searchPath }: EntryOptions, { tenantId, proof, settings }: Entry): string[] {
  const values = [setting, tenantId, searchPath];
  if (role !== undefined) values.push(role);
  if (proof !== undefined) values.push(proof);
  for (const [name, value] of settings) values.push(name, value);
  return values;
}

/**
 * The schemas are named with the temporary one last, so that a table that somebody left in the session shadows none of them.
 *
 * The columns are evaluated in order: the first tells whether the session already carried a tenant or a caller, the last refuses. Values are
 * bound in the order of `entryValues()`.
 */
function entryText({ setting, role }: EntryOptions, entry: Entry): string {
  let bound = 3;
  const bind = (): string => `$${(bound += 1)}`;
  const callers = CALLER.map((name) => `${setting.slice(0, setting.indexOf("."))}.${name}`);
  const inSession = callers.map((name) => `${IN_DATABASE}('${name}', true)`);
  const steps = [
    `pg_catalog.concat(${IN_DATABASE}($1, true), ${inSession.join(", ")}) as leftover`,
    // Somebody who was set for the whole session is not who asks now.
    ...callers.filter((name) => !entry.settings.has(name)).map(without),
    ...(role === undefined ? [] : [`${SET}('role', ${bind()}, true)`]),
    `${SET}($1, $2, true)`,
    // Setting it makes Postgres look the schemas up anew, twice a transaction; where it is right already it stays.
    `case when ${IN_DATABASE}('search_path') operator(pg_catalog.=) $3 then null else ${SET}('search_path', $3, true) end`,
    ...(entry.proof === undefined ? [] : [`${SET}('${TENANT_PROOF_SETTING}', ${bind()}, true)`]),
    ...Array.from(entry.settings, () => `${SET}(${bind()}, ${bind()}, true)`),
    ...(entry.readOnly ? [`${SET}('transaction_read_only', 'on', true)`] : []),
    `1 operator(pg_catalog./) case when ${entry.lookUpRole ? ROLE_IS_BOUND : NO_SUPERUSER} then 1 else 0 end`,
  ];
  return `select ${steps.join(", ")}`;
}

const STILL_IN_TENANT = `select 1 operator(pg_catalog./) case when ${IN_DATABASE}($1, true) operator(pg_catalog.=) $2 then 1 else 0 end`;

/** Fails unless the transaction is still the one that was entered. Sent together with COMMIT, which then becomes a rollback. */
export function stillInTenant(setting: string, tenantId: string): Statement {
  return { text: STILL_IN_TENANT, values: [setting, tenantId], plain: true };
}

/** True when the session carried a tenant or a caller before this transaction set its own: somebody set one for longer than a transaction. */
export function carriedLeftover(answer: Answer | undefined): boolean {
  const [row] = (answer?.rows ?? []) as readonly (readonly unknown[])[];
  return row !== undefined && row[0] !== null && row[0] !== "";
}

/** True for the failure with which the two statements refuse. */
export function refusedByEntry(error: unknown): boolean {
  return sqlState(error) === REFUSED;
}
