/** How statements reach Postgres: several of them in one round trip where the driver can, always one statement per message. */

/** One statement with its bound values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rowMode?: "array";
  /** Prepared under this name, once per connection. */
  readonly name?: string;
}

export interface Answer {
  readonly rows: readonly unknown[];
  /** The command's tag, such as `COMMIT`; a commit of a failed transaction answers `ROLLBACK`. */
  readonly command?: string;
}

/** What became of a flight: the answers up to the first statement that failed, and that failure. */
export interface Flight {
  readonly answers: readonly Answer[];
  readonly failure: { readonly at: number; readonly error: unknown } | undefined;
}

/** Sends statements in order, stops at the first that fails, and never rejects. */
export type Send = (statements: readonly Statement[]) => Promise<Flight>;

/** A connection as flights see it. */
export interface Wire {
  readonly send: Send;
  /** A flight is one transaction by itself, without BEGIN and COMMIT. */
  readonly atomic: boolean;
  /** The connection, or what stands for it: what is known of one holds for the next transaction on it. */
  readonly connection: object;
}

/** The part of a `pg` pool that is used. */
export interface TenantPool {
  connect(): Promise<PoolConnection>;
}

/** A connection that a `pg` pool has lent. */
export interface PoolConnection {
  query(query: PoolQuery): Promise<Answer>;
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
  release(error?: Error | boolean): void;
}

interface PoolQuery {
  readonly text: string;
  readonly values: unknown[];
  readonly name?: string;
  readonly rowMode?: "array" | "object";
  /** The extended protocol takes one statement per query, so that smuggled text cannot append another. */
  readonly queryMode: "extended";
}

/** The part of PGlite that is used. It has one connection and runs one transaction at a time. */
export interface TenantEmbedded {
  transaction<Result>(work: (transaction: EmbeddedTransaction) => Promise<Result>): Promise<Result>;
}

export interface EmbeddedTransaction {
  query(text: string, values?: unknown[], options?: { readonly rowMode?: "array" | "object" }): Promise<Answer>;
}

/**
 * The quickest way that a lent connection offers. A pool made with `pipeline: true` sends without waiting for answers; any other `pg`
 * connection takes a flight as one query object; and what is neither, such as a wrapper or the native bindings, gets one statement at a time.
 */
export function wireOf(client: PoolConnection): Wire {
  if ((client as Partial<PgClient>).pipeline === true)
    return { send: pipelined(client), atomic: false, connection: client };
  const parts = partsOf(client as PgClient);
  if (parts !== undefined) return { send: inOrder(together(parts)), atomic: true, connection: client };
  return {
    send: inOrder(oneByOne((statement) => client.query(asQuery(statement)))),
    atomic: false,
    connection: client,
  };
}

/** True for a connection of `pg` itself, and not for what somebody has put around it. */
export function isDriversOwn(client: PoolConnection): boolean {
  return typeof (client as PgClient).getTypeParser === "function";
}

/** PGlite answers from memory: there is no round trip to save. */
export function embeddedWire(transaction: EmbeddedTransaction, connection: object): Wire {
  const send = oneByOne(({ text, values, rowMode }) =>
    transaction.query(text, [...values], { rowMode: rowMode ?? "object" }),
  );
  return { send: inOrder(send), atomic: false, connection };
}

function asQuery({ text, values, rowMode, name }: Statement): PoolQuery {
  return {
    text,
    values: [...values],
    queryMode: "extended",
    ...(rowMode !== undefined && { rowMode }),
    ...(name !== undefined && { name }),
  };
}

/** A connection does one thing at a time: what is asked meanwhile waits here, so that flights do not mix. */
function inOrder(send: Send): Send {
  let last: Promise<unknown> = Promise.resolve();
  return (statements) => {
    const flight = last.then(() => send(statements));
    last = flight;
    return flight;
  };
}

function oneByOne(run: (statement: Statement) => Promise<Answer>): Send {
  return async (statements) => {
    const answers: Answer[] = [];
    for (const [at, statement] of statements.entries()) {
      try {
        answers.push(await run(statement));
      } catch (error) {
        return { answers, failure: { at, error } };
      }
    }
    return { answers, failure: undefined };
  };
}

/** Everything is on the wire before the first answer; a statement behind one that failed fails as well, inside its transaction. */
function pipelined(client: PoolConnection): Send {
  return async (statements) => {
    const outcomes = await Promise.allSettled(statements.map((statement) => client.query(asQuery(statement))));
    const answers: Answer[] = [];
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected") return { answers, failure: { at, error: outcome.reason } };
      answers.push(outcome.value);
    }
    return { answers, failure: undefined };
  };
}

/** What `pg` offers to query objects of other packages, such as cursors; not in its types, but what those packages stand on. */
interface PgClient {
  readonly pipeline?: boolean;
  readonly constructor: { readonly Query?: new (config: object) => PgQuery };
  query(query: object): unknown;
  getTypeParser?(oid: number, format?: string): unknown;
}

interface PgQuery {
  readonly name: string | undefined;
  readonly text: string;
  callback: (error: unknown, answer?: Answer) => void;
  submit(connection: PgWire): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: PgWire): void;
  handleEmptyQuery(connection: PgWire): void;
  handleCopyInResponse(connection: PgWire): void;
  handleReadyForQuery(connection: PgWire): void;
}

interface PgWire {
  readonly stream: { cork?(): void; uncork?(): void };
  sync(): void;
}

interface Parts {
  readonly client: PgClient;
  readonly Query: new (config: object) => PgQuery;
  readonly types: object;
}

function partsOf(client: PgClient): Parts | undefined {
  const { Query } = client.constructor;
  if (typeof Query !== "function" || typeof client.getTypeParser !== "function") return undefined;
  const getTypeParser = client.getTypeParser.bind(client);
  return { client, Query, types: { getTypeParser } };
}

function together({ client, Query, types }: Parts): Send {
  return (statements) =>
    new Promise((resolve) => {
      const queries = statements.map((statement) => new Query({ ...asQuery(statement), types }));
      client.query(flightQuery(queries, resolve));
    });
}

/** What `pg` asks of a query object. */
interface Submittable {
  /** What `pg` notes as prepared when Postgres has parsed it: those of the query whose answer is due. */
  readonly name: string | undefined;
  readonly text: string | undefined;
  /** `pg` wraps this when it has a time limit for queries, and calls it then. */
  callback: (error: unknown) => void;
  submit(connection: PgWire): null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: PgWire): void;
  handleEmptyQuery(connection: PgWire): void;
  handleCopyInResponse(connection: PgWire): void;
  handleCopyData(): void;
  handleError(error: unknown): void;
  handleReadyForQuery(connection: PgWire): void;
}

/**
 * Several queries as one query object of `pg`: all messages in one write with one Sync behind the last. Without a BEGIN among them Postgres
 * runs them as one transaction that ends at the Sync (PostgreSQL documentation, "Pipelining", section 55.2.4).
 */
function flightQuery(queries: readonly PgQuery[], resolve: (flight: Flight) => void): Submittable {
  const answers: Answer[] = [];
  const last = queries.length - 1;
  let current = 0;
  let unsent: Flight["failure"];

  const flight: Submittable = {
    get name() {
      return queries[current]?.name;
    },
    get text() {
      return queries[current]?.text;
    },
    callback: (error) => resolve({ answers, failure: error == null ? unsent : { at: Math.min(current, last), error } }),
    submit(connection) {
      const { stream } = connection;
      const withoutSync = silenced(connection);
      stream.cork?.();
      for (const [at, query] of queries.entries()) {
        const error = submitOne(query, withoutSync);
        if (error == null) continue;
        // The messages before it are on their way, so the failure is told when their answers are in.
        unsent = { at, error };
        break;
      }
      connection.sync();
      stream.uncork?.();
      return null;
    },
    handleRowDescription: (message) => queries[current]?.handleRowDescription(message),
    handleDataRow: (message) => queries[current]?.handleDataRow(message),
    handleCommandComplete(message, connection) {
      queries[current]?.handleCommandComplete(message, connection);
      current += 1;
    },
    handleEmptyQuery(connection) {
      queries[current]?.handleEmptyQuery(connection);
      current += 1;
    },
    handleCopyInResponse: (connection) => queries[current]?.handleCopyInResponse(connection),
    handleCopyData: () => undefined,
    handleError: (error) => flight.callback(error),
    handleReadyForQuery(connection) {
      for (const [at, query] of queries.slice(0, unsent?.at).entries()) {
        const failure = collect(query, connection, answers);
        if (failure == null) continue;
        current = at;
        return flight.callback(failure);
      }
      flight.callback(null);
    },
  };
  return flight;
}

const silencedWires = new WeakMap<PgWire, PgWire>();

/** The same connection, on which a query's own Sync is not sent. */
function silenced(connection: PgWire): PgWire {
  let wire = silencedWires.get(connection);
  if (wire === undefined) {
    wire = Object.create(connection, { sync: { value: () => undefined } }) as PgWire;
    silencedWires.set(connection, wire);
  }
  return wire;
}

/** A query hands its result to its callback when it is told that the connection is ready; a value that it could not parse is an error. */
function collect(query: PgQuery, connection: PgWire, answers: Answer[]): unknown {
  let failure: unknown;
  query.callback = (error, answer) => {
    failure = error;
    if (answer !== undefined) answers.push(answer);
  };
  query.handleReadyForQuery(connection);
  return failure;
}

/** `pg` returns what is wrong with a query, or reports a value that cannot be sent to the query's callback. */
function submitOne(query: PgQuery, connection: PgWire): unknown {
  let refusal: unknown;
  query.callback = (error) => {
    refusal = error;
  };
  const error: unknown = query.submit(connection);
  query.callback = () => undefined;
  return error ?? refusal;
}
