/** Every query inside one tenant: a transaction that Postgres itself holds to one tenant's rows (catalog tenant-isolation; guide A04). */
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { TenantScope } from "../core/principal.ts";
import { isSafeMethod } from "../core/safe-method.ts";
import { TENANT_PROOF_SETTING, TENANT_SETTING } from "../core/tenancy.ts";
import { currentRequest, followRequests } from "../primitives/request-context.ts";
import { searchPathOf } from "./sql-quoting.ts";
import {
  holdToTenant,
  inTenantContext,
  surroundingTenant,
  TenantIsolationError,
  type TenantContext,
} from "./tenant-context.ts";
import { connectionOf, type TenantConnection } from "./tenant-connection.ts";
import { entryWriter } from "./tenant-entry.ts";
import type { TenantEmbedded, TenantPool } from "./tenant-wire.ts";
import type { Report } from "./tenant-events.ts";
import { tenantProofs } from "./tenant-proof.ts";
import { inSomeOrder } from "./tenant-retry.ts";
import {
  transactionsOf,
  type OpenTransaction,
  type Transactions,
  type TransactionScope,
} from "./tenant-transaction.ts";

export interface TenantDatabaseOptions {
  readonly database: TenantPool | TenantEmbedded;
  /** The setting that the row-level security policies compare with. `app.tenant_id` unless you say otherwise. */
  readonly setting?: string;
  /** A role without privileges of its own to become inside each transaction. Without it, the pool must log in as such a role. */
  readonly role?: string;
  /** Proves the tenant to policies that were made with `proof: true`, so that smuggled SQL cannot set another. */
  readonly proof?: KeySource;
  /** The schemas that unqualified names are looked up in, in order. `["public"]`. */
  readonly schemas?: readonly string[];
  /**
   * Whether statements are prepared, so that Postgres plans each text once per connection. Left out, those are that begin a transaction of `pg`:
   * where a pooler has lost them (PgBouncer before 1.21, or without max_prepared_statements) nothing was done yet, so they are asked again
   * unprepared, and from then on all are. `true` prepares every statement, which such a pooler would fail in the middle of a transaction; values
   * must be bound, not written into the text. `false` prepares none.
   */
  readonly prepare?: boolean;
  /** Where refused crossings are told: `security.report`. */
  readonly report?: Report;
}

export interface TenantWorkOptions {
  /** The transaction may not write. By default it may not in a request with a safe method (RFC 9110 section 9.2.1). */
  readonly readOnly?: boolean;
  /**
   * Sees and changes the data as if nobody else were there (PostgreSQL's SERIALIZABLE). What Postgres refuses for that is run again, up to three
   * times, so the work must do nothing outside the transaction; then it fails as a `Refusal` with `conflict`. For `withTenant` alone.
   */
  readonly serializable?: boolean;
  /** Further settings, local to the transaction, that policies inside the tenant read: `rowSettings(principal)`. They are not proved. */
  readonly settings?: ReadonlyMap<string, string>;
}

export interface TenantDatabase {
  /**
   * Runs the work in one transaction that sees one tenant. It commits when the work resolves and rolls back when it rejects. Inside another
   * one for the same tenant it joins that one, and its failure undoes the whole.
   *
   * @throws TypeError without a scope.
   * @throws Refusal with `conflict` when serializable work could not be brought into an order with that of others.
   * @throws TenantIsolationError for another tenant than the surrounding work's, when the role is exempt from row-level security, and when the
   * transaction was led out of its tenant.
   */
  withTenant<Result>(
    scope: TenantScope,
    work: (connection: TenantConnection) => Promise<Result>,
    options?: TenantWorkOptions,
  ): Promise<Result>;
  /**
   * A connection of which each query is a transaction of its own, in one round trip. Inside `withTenant` for the same tenant its queries belong
   * to that transaction.
   *
   * @throws as `withTenant`, some when the query runs.
   */
  forTenant(scope: TenantScope, options?: TenantWorkOptions): TenantConnection;
}

const OPTION_NAMES = ["database", "setting", "role", "proof", "schemas", "prepare", "report"];
const SETTING = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/u;
const ROLE = /^[a-z_][a-z0-9_]{0,62}$/u;

/**
 * The only door to tenant data: no scope, no query. The setting is local to the transaction, so a pooled connection or a transaction pooler
 * forgets it; and no row is handed out before the database has confirmed that its role is bound by row-level security.
 *
 * @throws TypeError on an unknown option, a malformed name or something that is neither a pool nor PGlite.
 * @example
 * const { withTenant } = tenantDatabase({ database: pool, proof: keys, report: security.report });
 * const rows = await withTenant(currentTenant(), (connection) => connection.query("select id, title from documents"));
 */
export function tenantDatabase(options: TenantDatabaseOptions): TenantDatabase {
  followRequests();
  const transactions = compose(options);
  const { setting = TENANT_SETTING } = options;
  const owner = {};

  async function withTenant<Result>(
    scope: TenantScope,
    work: (connection: TenantConnection) => Promise<Result>,
    workOptions: TenantWorkOptions = {},
  ): Promise<Result> {
    const context = surroundingTenant();
    holdToTenant(scope, context);
    const wanted = transactionScope("withTenant", scope, workOptions, setting);
    const open = openTransaction(context, owner);
    if (open !== undefined) {
      refuseOther(open, wanted, workOptions);
      return open.join(() => work(connectionOf((statement) => open.run(statement))));
    }
    const run = (): Promise<Result> =>
      transactions.begin(wanted, (transaction) => {
        const surrounding: TenantContext = {
          scope,
          transactions: new Map([...(context?.transactions ?? []), [owner, transaction]]),
        };
        return inTenantContext(surrounding, () => work(connectionOf((statement) => transaction.run(statement))));
      });
    return wanted.serializable ? inSomeOrder(run) : run();
  }

  function forTenant(scope: TenantScope, workOptions: TenantWorkOptions = {}): TenantConnection {
    holdToTenant(scope, surroundingTenant());
    return connectionOf(async (statement) => {
      const context = surroundingTenant();
      holdToTenant(scope, context);
      const wanted = transactionScope("forTenant", scope, workOptions, setting);
      const open = openTransaction(context, owner);
      if (open === undefined) return transactions.once(wanted, statement);
      refuseOther(open, wanted, workOptions);
      return open.run(statement);
    });
  }

  return { withTenant, forTenant };
}

function compose(options: TenantDatabaseOptions): Transactions {
  rejectUnknownOptions("tenantDatabase", options, OPTION_NAMES);
  const {
    database,
    setting = TENANT_SETTING,
    role,
    proof,
    schemas = ["public"],
    prepare = "where safe",
    report,
  } = options;
  if (!SETTING.test(setting))
    throw new TypeError('tenantDatabase() needs setting as two words, such as "app.tenant_id".');
  if (role !== undefined && !ROLE.test(role)) throw new TypeError("tenantDatabase() needs role as a plain identifier.");
  if (proof !== undefined && setting !== TENANT_SETTING)
    throw new TypeError(`tenantDatabase() proves the setting "${TENANT_SETTING}" only; leave setting out.`);
  if (!Array.isArray(schemas) || schemas.length === 0)
    throw new TypeError('tenantDatabase() needs schemas as a list of names, such as ["public"].');
  return transactionsOf({
    database,
    report,
    roleSeenMs: new WeakMap(),
    prove: proof === undefined ? undefined : tenantProofs(proof),
    prepare,
    names: { areKept: true },
    setting,
    enter: entryWriter({ setting, role, searchPath: searchPathOf(schemas) }),
  });
}

const NO_SETTINGS: ReadonlyMap<string, string> = new Map();

function transactionScope(
  owner: string,
  { tenantId }: TenantScope,
  options: TenantWorkOptions,
  setting: string,
): TransactionScope {
  rejectUnknownOptions(owner, options, ["readOnly", "serializable", "settings"]);
  const { serializable = false } = options;
  if (serializable && owner !== "withTenant")
    throw new TypeError("A single statement is atomic by itself: serializable is for withTenant().");
  const request = options.readOnly === undefined ? currentRequest() : undefined;
  const readOnly = options.readOnly ?? (request !== undefined && isSafeMethod(request.method));
  if (options.settings === undefined) return { tenantId, readOnly, serializable, settings: NO_SETTINGS };
  const settings = new Map(options.settings);
  if ((settings.get(setting) ?? tenantId) !== tenantId)
    throw new TenantIsolationError("The settings are those of another tenant than the scope.");
  settings.delete(setting);
  for (const name of settings.keys()) {
    if (!SETTING.test(name) || name === TENANT_PROOF_SETTING)
      throw new TypeError(`${owner}() takes settings of your own, named in two words such as "app.user_id".`);
  }
  return { tenantId, readOnly, serializable, settings };
}

/** The surrounding transaction of this database, unless it has ended and only its context lives on. */
function openTransaction(context: TenantContext | undefined, owner: object): OpenTransaction | undefined {
  const transaction = context?.transactions.get(owner) as OpenTransaction | undefined;
  return transaction?.isOpen() === true ? transaction : undefined;
}

/** What joins a transaction takes it as it is. */
function refuseOther(open: OpenTransaction, wanted: TransactionScope, options: TenantWorkOptions): void {
  if (open.scope.readOnly && !wanted.readOnly)
    throw new TenantIsolationError("The surrounding transaction is read-only, and this work asked to write.");
  if (wanted.serializable && !open.scope.serializable)
    throw new TenantIsolationError("The surrounding transaction is not serializable, and this work asked for that.");
  if (options.settings === undefined) return;
  const same =
    wanted.settings.size === open.scope.settings.size &&
    [...wanted.settings].every(([name, value]) => open.scope.settings.get(name) === value);
  if (!same) throw new TenantIsolationError("The surrounding transaction is for another caller.");
}
