/**
 * What this layer asks of Postgres: one statement at a time, values bound. A `pg` pool and PGlite both fit. Every change that must happen once
 * is a single statement that returns what it changed, so no store here needs a transaction.
 */
export interface AuthenticationDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}
