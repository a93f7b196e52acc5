/** Several statements as one query object of `pg`: one write, one round trip. */
import { asQuery, type Answer, type Flight, type PoolConnection, type Send, type Statement } from "./tenant-wire.ts";

/** True for a connection of `pg` itself, and not for what somebody has put around it. */
export function isDriversOwn(client: PoolConnection): boolean {
  return typeof (client as PgClient).getTypeParser === "function";
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
  handleDataRow(message: { readonly fields: unknown }): void;
  handleCommandComplete(message: { readonly text: string }, connection: PgWire): void;
  handleEmptyQuery(connection: PgWire): void;
  handleCopyInResponse(connection: PgWire): void;
  handleReadyForQuery(connection: PgWire): void;
}

interface PgWire {
  readonly stream: { cork?(): void; uncork?(): void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { readonly text: string; readonly name?: string }): void;
  bind(message: { readonly statement?: string; readonly values: readonly unknown[] }): void;
  execute(message: object): void;
  sync(): void;
}

/**
 * Flights as single query objects of `pg`, or undefined over what is not a connection of `pg`.
 */
export function flightsOver(connection: PoolConnection): Send | undefined {
  const client = connection as PgClient;
  const { Query } = client.constructor;
  if (typeof Query !== "function" || typeof client.getTypeParser !== "function") return undefined;
  const types = { getTypeParser: client.getTypeParser.bind(client) };
  return (statements) =>
    new Promise((resolve) => {
      const queries = statements.map((statement) =>
        statement.plain === true ? plainQuery(statement) : new Query({ ...asQuery(statement), types }),
      );
      client.query(flightQuery(queries, resolve));
    });
}

/** One of our own statements needs no description, and none of what `pg` does to give values types. */
function plainQuery({ text, values, name }: Statement): PgQuery {
  const rows: unknown[] = [];
  const named = name !== undefined && { name };
  let command: string | undefined;
  const query: PgQuery = {
    name,
    text,
    callback: () => undefined,
    submit(connection) {
      const known =
        name !== undefined &&
        (connection.parsedStatements[name] !== undefined || connection.submittedNamedStatements[name] !== undefined);
      if (!known) connection.parse({ text, ...named });
      if (!known && name !== undefined) connection.submittedNamedStatements[name] = text;
      connection.bind({ values, ...(name !== undefined && { statement: name }) });
      connection.execute({});
      return null;
    },
    handleRowDescription: () => undefined,
    handleDataRow: ({ fields }) => void rows.push(fields),
    handleCommandComplete(message) {
      command = message.text;
    },
    handleEmptyQuery: () => undefined,
    handleCopyInResponse: () => undefined,
    handleReadyForQuery: () => query.callback(null, { rows, ...(command !== undefined && { command }) }),
  };
  return query;
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
  handleDataRow(message: { readonly fields: unknown }): void;
  handleCommandComplete(message: { readonly text: string }, connection: PgWire): void;
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
