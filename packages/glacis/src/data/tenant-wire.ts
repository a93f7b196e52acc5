/** The words of the drivers: statements, flights of them, and the shapes that the application's driver has. */

/** One statement with its bound values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rowMode?: "array" | undefined;
  /** Prepared under this name, once per connection. */
  readonly name?: string | undefined;
  /** One of ours, with texts as values: its rows come as arrays of texts, undescribed. */
  readonly plain?: true | undefined;
}

export interface Answer {
  readonly rows: readonly unknown[];
  /** The command's tag, such as `COMMIT`; a commit of a failed transaction answers `ROLLBACK`. */
  readonly command?: string | undefined;
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

export interface PoolQuery {
  readonly text: string;
  readonly values: unknown[];
  readonly name: string | undefined;
  readonly rowMode: "array" | undefined;
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
 * The statement under a name. Written out, here and below: V8 gives an object that is spread into a literal a hidden class of its own each
 * time, which keeps all that it has seen alive until the next full collection.
 */
export function named({ text, values, rowMode, plain }: Statement, name: string): Statement {
  return { text, values, rowMode, name, plain };
}

/** A statement as `pg` takes it. */
export function asQuery({ text, values, rowMode, name }: Statement): PoolQuery {
  return { text, values: [...values], queryMode: "extended", rowMode, name };
}
