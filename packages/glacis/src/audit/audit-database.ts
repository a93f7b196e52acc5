/** What this layer asks of Postgres: one statement at a time, values bound. A `pg` pool, a client inside a transaction and PGlite all fit. */
export interface AuditDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}
