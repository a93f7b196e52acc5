/** Transactions that are held to one tenant, from the first statement to the commit. */
import { carriedLeftover, refusedByEntry, stillInTenant, type Entry } from "./tenant-entry.ts";
import { TenantIsolationError } from "./tenant-context.ts";
import { ROLLBACK, takeOff, type Naming } from "./tenant-first-flight.ts";
import { planIsOutdated } from "../primitives/prepared-statements.ts";
import { prepared } from "./tenant-names.ts";
import { failedWithResidue, leavesResidue } from "./tenant-residue.ts";
import { borrow } from "./pool-lease.ts";
import { embeddedWire } from "./tenant-driver.ts";
import type { Flight, Statement, TenantEmbedded, TenantPool, Wire } from "./tenant-wire.ts";
import { explainFailure, reportCrossing, reportTenant, type Report } from "./tenant-events.ts";

export interface TransactionOptions extends Naming {
  readonly database: TenantPool | TenantEmbedded;
  /** The name under which the tenant is set. */
  readonly setting: string;
  readonly enter: (entry: Entry) => Statement;
  readonly prove: ((tenantId: string, nowMs: number) => string) | undefined;
  readonly report: Report | undefined;
  /** When the role of a connection was last looked up, in milliseconds since the epoch. */
  readonly roleSeenMs: WeakMap<object, number>;
}

export interface TransactionScope {
  readonly tenantId: string;
  readonly readOnly: boolean;
  readonly serializable: boolean;
  readonly settings: ReadonlyMap<string, string>;
}

/** A transaction while its work runs. */
export interface OpenTransaction {
  readonly scope: TransactionScope;
  isOpen(): boolean;
  run(statement: Statement): Promise<readonly unknown[]>;
  /** Runs work inside; when it rejects, the whole transaction is undone, whoever catches the error. */
  join<Result>(work: () => Promise<Result>): Promise<Result>;
}

type Work<Result> = (transaction: OpenTransaction) => Promise<Result>;

export interface Transactions {
  begin<Result>(scope: TransactionScope, work: Work<Result>): Promise<Result>;
  /** One statement as a transaction of its own. */
  once(scope: TransactionScope, statement: Statement): Promise<readonly unknown[]>;
}

/** A role's attributes change by hand and rarely; looking them up costs more than a short query. */
const ROLE_HOLDS_MS = 60_000;
const BEGIN: Statement = { text: "begin", values: [], plain: true };
const BEGIN_SERIALIZABLE: Statement = { text: "begin isolation level serializable", values: [], plain: true };
const SERIALIZABLE: Statement = { text: "set transaction isolation level serializable", values: [], plain: true };
const COMMIT: Statement = { text: "commit", values: [], plain: true };

/**
 * @throws TypeError when the database is neither a pool nor PGlite.
 */
export function transactionsOf(options: TransactionOptions): Transactions {
  const { database } = options;
  if (typeof (database as Partial<TenantEmbedded>)?.transaction === "function") {
    return embeddedTransactions(options, database as TenantEmbedded);
  }
  if (typeof (database as Partial<TenantPool>)?.connect === "function") {
    return pooledTransactions(options, database as TenantPool);
  }
  throw new TypeError("tenantDatabase() needs a pg pool or a PGlite instance as its database.");
}

function pooledTransactions(options: TransactionOptions, pool: TenantPool): Transactions {
  /** Ends well or rolls back; a connection that cannot even do that, or that kept a tenant, is not used again. */
  const within = <Result>(
    scope: TransactionScope,
    openingOf: (wire: Wire) => readonly Statement[],
    use: (transaction: HeldTransaction, wire: Wire) => Promise<Result>,
  ): Promise<Result> =>
    borrow(pool, async (wire, lease) => {
      const transaction = new HeldTransaction(options, scope, wire, openingOf(wire));
      try {
        const result = await use(transaction, wire);
        lease.broken = transaction.isTainted();
        return result;
      } catch (error) {
        const { failure } = await wire.send([ROLLBACK]);
        lease.broken =
          failure !== undefined ||
          transaction.isTainted() ||
          planIsOutdated(error) ||
          error instanceof TenantIsolationError;
        throw error;
      }
    });
  return {
    begin: (scope, work) =>
      within(
        scope,
        () => [scope.serializable ? BEGIN_SERIALIZABLE : BEGIN],
        (transaction) => transaction.complete(work, [COMMIT]),
      ),
    once: (scope, statement) =>
      within(
        scope,
        ({ atomic }) => (atomic ? [] : [BEGIN]),
        (transaction, { atomic }) => transaction.only(statement, atomic ? [] : [COMMIT]),
      ),
  };
}

function embeddedTransactions(options: TransactionOptions, database: TenantEmbedded): Transactions {
  const within = <Result>(scope: TransactionScope, use: (transaction: HeldTransaction) => Promise<Result>) =>
    database.transaction((inner) =>
      use(new HeldTransaction(options, scope, embeddedWire(inner, database), scope.serializable ? [SERIALIZABLE] : [])),
    );
  return {
    begin: (scope, work) => within(scope, (transaction) => transaction.complete(work, [])),
    once: (scope, statement) => within(scope, (transaction) => transaction.only(statement, [])),
  };
}

function ignore(): void {}

class HeldTransaction implements OpenTransaction {
  readonly scope: TransactionScope;
  readonly #options: TransactionOptions;
  readonly #wire: Wire;
  readonly #opening: readonly Statement[];
  #open = true;
  #tainted = false;
  #entered: Promise<Flight> | undefined;
  #doom: { readonly cause: unknown } | undefined;

  /** @param opening what precedes the entry on this wire */
  constructor(options: TransactionOptions, scope: TransactionScope, wire: Wire, opening: readonly Statement[]) {
    this.scope = scope;
    this.#options = options;
    this.#wire = wire;
    this.#opening = opening;
  }

  isOpen(): boolean {
    return this.#open;
  }

  /** Something outlives its transaction in the session: the connection should not be used again. */
  isTainted(): boolean {
    return this.#tainted;
  }

  /** The first statement takes the entry along, in one flight; the others need their own alone. */
  async run(statement: Statement): Promise<readonly unknown[]> {
    if (!this.#open) throw ended();
    if (this.#entered === undefined) return this.only(statement, []);
    if (this.#wire.atomic) await this.#entered;
    const sent = this.#wire.send([this.#asked(statement)]);
    await this.#entered;
    return this.#settle(await sent, 0, statement);
  }

  /** Runs one statement, with the entry before it and the ending behind it. */
  async only(statement: Statement, ending: readonly Statement[]): Promise<readonly unknown[]> {
    this.#entered = this.#enter(statement, ending);
    // Whoever runs the next statement awaits this one as well; until then a failure is not an unhandled one.
    this.#entered.catch(ignore);
    return this.#settle(await this.#entered, this.#opening.length + 1, statement);
  }

  async #enter(statement: Statement, ending: readonly Statement[]): Promise<Flight> {
    const { enter, prove, roleSeenMs } = this.#options;
    const { tenantId, readOnly, settings } = this.scope;
    const { connection } = this.#wire;
    const nowMs = Date.now();
    const lookUpRole = nowMs - (roleSeenMs.get(connection) ?? 0) > ROLE_HOLDS_MS;
    const entering = enter({ tenantId, readOnly, settings, proof: prove?.(tenantId, nowMs), lookUpRole });
    const first = { entering, rare: lookUpRole, statement, ending };
    const flight = await takeOff(this.#options, this.#wire, this.#opening, first);
    this.#tainted = confirmEntry(flight, this.#opening.length, this.#options, tenantId) || flight.outdated === true;
    if (lookUpRole) roleSeenMs.set(connection, nowMs);
    return flight;
  }

  /** Runs work inside; when it rejects, the whole transaction is undone, whoever catches the error. */
  async join<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.#doom ??= { cause: error };
      throw error;
    }
  }

  /** Runs the work and ends: in the tenant that was entered, or not at all. */
  async complete<Result>(work: Work<Result>, ending: readonly Statement[]): Promise<Result> {
    const { setting, report } = this.#options;
    const { tenantId } = this.scope;
    const result = await work(this).finally(() => {
      this.#open = false;
    });
    if (this.#doom !== undefined) throw undone(this.#doom);
    if (this.#entered === undefined) return result;
    await this.#entered;
    const last = await this.#wire.send([this.#asked(stillInTenant(setting, tenantId)), ...ending]);
    confirmEnd(last, report, tenantId);
    return result;
  }

  #asked(statement: Statement): Statement {
    return this.#options.prepare === true ? prepared(statement) : statement;
  }

  #settle(flight: Flight, at: number, { text }: Statement): readonly unknown[] {
    this.#tainted ||= residueOf(flight, at, text);
    return rowsOf(flight, at, this.#options.report, this.scope.tenantId);
  }
}

/**
 * @param at where the entry stands in the flight
 * @returns whether the session carried a tenant from before
 */
function confirmEntry(
  { answers, failure }: Flight,
  at: number,
  { report }: TransactionOptions,
  tenantId: string,
): boolean {
  if (failure !== undefined && failure.at <= at) {
    if (!refusedByEntry(failure.error)) throw failure.error;
    throw new TenantIsolationError(
      "The database role is exempt from row-level security. Log in as a role without SUPERUSER and BYPASSRLS, or pass such a role.",
    );
  }
  const leftover = carriedLeftover(answers[at]);
  if (leftover) {
    reportTenant(report, "tenant/tenant_setting_leaked/observed", { tenant_id: tenantId });
  }
  return leftover;
}

function ended(): TenantIsolationError {
  return new TenantIsolationError(
    "This connection belongs to a transaction that has ended. Await every query inside withTenant().",
  );
}

function undone(doom: { readonly cause: unknown }): TenantIsolationError {
  return new TenantIsolationError("Work that had joined this transaction failed, so all of it is undone.", doom);
}

function residueOf({ answers, failure }: Flight, at: number, text: string): boolean {
  return failure === undefined ? leavesResidue(answers[at]?.command, text) : failedWithResidue(text);
}

function rowsOf(
  { answers, failure }: Flight,
  at: number,
  report: Report | undefined,
  tenantId: string,
): readonly unknown[] {
  if (failure !== undefined) throw explainFailure(report, tenantId, failure.error);
  return answers[at]?.rows ?? [];
}

/**
 * Text that was smuggled into a query could have changed the tenant. Nothing of such a transaction is kept or returned. It also fails when an
 * earlier error was swallowed, after which Postgres would answer the commit by rolling back in silence.
 */
function confirmEnd({ answers, failure }: Flight, report: Report | undefined, tenantId: string): void {
  if (refusedByEntry(failure?.error)) {
    reportCrossing(report, tenantId, "tenant_changed");
    throw new TenantIsolationError("The transaction is not in the tenant of its scope.");
  }
  if (failure !== undefined) throw explainFailure(report, tenantId, failure.error);
  if (answers.at(-1)?.command === "ROLLBACK") {
    throw new TenantIsolationError("The transaction was aborted before its commit, so nothing of it is kept.");
  }
}
