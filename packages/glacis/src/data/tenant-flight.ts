/** Several statements as one query object of `pg`: one write, one round trip. */
import { type Answer, type Flight, type PoolConnection, type Send, type Statement } from "./tenant-wire.ts";

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
  readonly stream: PgStream;
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { readonly text: string; readonly name?: string }): void;
  bind(message: { readonly statement?: string; readonly values: readonly unknown[] }): void;
  execute(message: object): void;
  sync(): void;
}

interface PgStream {
  cork?(): void;
  uncork?(): void;
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
        statement.plain === true ? new PlainQuery(statement) : new Query(configOf(statement, types)),
      );
      client.query(new FlightQuery(queries, resolve));
    });
}

function configOf({ text, values, rowMode, name }: Statement, types: object): object {
  return { text, values: [...values], queryMode: "extended", rowMode, name, types };
}

/** One of our own statements needs no description, and none of what `pg` does to give values types. */
class PlainQuery implements PgQuery {
  readonly name: string | undefined;
  readonly text: string;
  callback: PgQuery["callback"] = ignore;
  readonly #values: readonly unknown[];
  readonly #rows: unknown[] = [];
  #command: string | undefined;

  constructor({ text, values, name }: Statement) {
    this.text = text;
    this.name = name;
    this.#values = values;
  }

  submit(connection: PgWire): null {
    const { name, text } = this;
    if (name === undefined) {
      connection.parse({ text });
      connection.bind({ values: this.#values });
    } else {
      const { parsedStatements, submittedNamedStatements } = connection;
      if (parsedStatements[name] === undefined && submittedNamedStatements[name] === undefined) {
        connection.parse({ text, name });
        submittedNamedStatements[name] = text;
      }
      connection.bind({ values: this.#values, statement: name });
    }
    connection.execute({});
    return null;
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: unknown }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#command = message.text;
  }

  handleEmptyQuery(): void {}

  handleCopyInResponse(): void {}

  handleReadyForQuery(): void {
    this.callback(null, { rows: this.#rows, command: this.#command });
  }
}

function ignore(): void {}

/**
 * Several queries as one query object of `pg`: all messages in one write with one Sync behind the last. Without a BEGIN among them Postgres
 * runs them as one transaction that ends at the Sync (PostgreSQL documentation, "Pipelining", section 55.2.4).
 *
 * A class and no literal: V8 gives a literal with getters a hidden class of its own each time, which keeps all that it has seen alive until the
 * next full collection.
 */
class FlightQuery {
  /** `pg` wraps this when it has a time limit for queries, and calls it then. */
  callback: (error: unknown) => void;
  readonly #queries: readonly PgQuery[];
  readonly #answers: Answer[] = [];
  #current = 0;
  #unsent: Flight["failure"];

  constructor(queries: readonly PgQuery[], resolve: (flight: Flight) => void) {
    this.#queries = queries;
    this.callback = (error) => resolve(this.#flight(error));
  }

  /** What `pg` notes as prepared when Postgres has parsed it: those of the query whose answer is due. */
  get name(): string | undefined {
    return this.#queries[this.#current]?.name;
  }

  get text(): string | undefined {
    return this.#queries[this.#current]?.text;
  }

  submit(connection: PgWire): null {
    const { stream } = connection;
    const withoutSync = silenced(connection);
    stream.cork?.();
    for (const [at, query] of this.#queries.entries()) {
      const error = submitOne(query, withoutSync);
      if (error == null) continue;
      // The messages before it are on their way, so the failure is told when their answers are in.
      this.#unsent = { at, error };
      break;
    }
    connection.sync();
    stream.uncork?.();
    return null;
  }

  handleRowDescription(message: unknown): void {
    this.#queries[this.#current]?.handleRowDescription(message);
  }

  handleDataRow(message: { readonly fields: unknown }): void {
    this.#queries[this.#current]?.handleDataRow(message);
  }

  handleCommandComplete(message: { readonly text: string }, connection: PgWire): void {
    this.#queries[this.#current]?.handleCommandComplete(message, connection);
    this.#current += 1;
  }

  handleEmptyQuery(connection: PgWire): void {
    this.#queries[this.#current]?.handleEmptyQuery(connection);
    this.#current += 1;
  }

  handleCopyInResponse(connection: PgWire): void {
    this.#queries[this.#current]?.handleCopyInResponse(connection);
  }

  handleCopyData(): void {}

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(connection: PgWire): void {
    for (const [at, query] of this.#queries.slice(0, this.#unsent?.at).entries()) {
      const failure = collect(query, connection, this.#answers);
      if (failure == null) continue;
      this.#current = at;
      return this.callback(failure);
    }
    this.callback(null);
  }

  #flight(error: unknown): Flight {
    const failure = error == null ? this.#unsent : { at: Math.min(this.#current, this.#queries.length - 1), error };
    return { answers: this.#answers, failure };
  }
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
  query.callback = ignore;
  return error ?? refusal;
}
