/** An audit log in Postgres: events join the transaction that they are about, and a sequencer chains what has been committed. */
import type { KeyObject } from "node:crypto";
import type { AuditEvent, AuditRecord, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { publishNote, type AuditAnchor } from "./audit-anchor.ts";
import { checkOrigin, checkSigningKey, signCheckpoint } from "./audit-checkpoint.ts";
import type { AuditDatabase } from "./audit-database.ts";
import { answeredWithin } from "./audit-deadline.ts";
import { chainHash, FIRST_HASH } from "./audit-log-line.ts";
import { auditLogQueue, type AuditLogQueue } from "./audit-log-queue.ts";
import { eventLine } from "./event-line.ts";
import { merkleFrontier, type MerkleFrontier } from "./merkle-frontier.ts";

const ROLE = /^[a-z_][a-z0-9_]{0,62}$/u;

/**
 * The tables, as a migration, to be run by a role that owns nothing else the application uses. Nobody changes a row: a trigger refuses, for the
 * owner too, and the application's role may only read and insert.
 *
 * @param role the application's role
 * @throws TypeError when the role is not a plain identifier
 */
export function auditLogMigration(role: string): string {
  if (!ROLE.test(role)) throw new TypeError("auditLogMigration() needs a role by its plain name.");
  return `create table if not exists glacis_audit_events (
  id bigint generated always as identity primary key,
  tenant_id text,
  line text not null check (length(line) <= 20000)
);
create index if not exists glacis_audit_events_tenant on glacis_audit_events (tenant_id, id);
create table if not exists glacis_audit_chain (
  seq bigint primary key,
  event_id bigint not null unique references glacis_audit_events (id),
  hash text not null
);
create table if not exists glacis_audit_pending (
  event_id bigint primary key references glacis_audit_events (id)
);
create table if not exists glacis_audit_checkpoints (
  size bigint primary key,
  note text not null,
  frontier text not null
);
create or replace function glacis_audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create or replace function glacis_audit_await_chain() returns trigger language plpgsql as $$
begin
  insert into glacis_audit_pending (event_id) values (new.id);
  return null;
end $$;
drop trigger if exists glacis_await_chain on glacis_audit_events;
create trigger glacis_await_chain after insert on glacis_audit_events
  for each row execute function glacis_audit_await_chain();
revoke all on glacis_audit_pending from public, ${role};
grant select, insert, delete on glacis_audit_pending to ${role};
${TABLES.map(
  (table) => `drop trigger if exists glacis_append_only on ${table};
create trigger glacis_append_only before update or delete or truncate on ${table}
  for each statement execute function glacis_audit_refuse();
alter table ${table} enable always trigger glacis_append_only;
revoke all on ${table} from public, ${role};
grant select, insert on ${table} to ${role};`,
).join("\n")}
`;
}

const TABLES = ["glacis_audit_events", "glacis_audit_chain", "glacis_audit_checkpoints"];

export interface PostgresAuditLogOptions {
  readonly database: AuditDatabase;
  readonly origin: string;
  readonly signingKey?: KeyObject;
  readonly anchors?: readonly AuditAnchor[];
  /** Where an event is told that could not be written; stderr unless you say otherwise. */
  readonly report?: (event: AuditEvent) => void;
}

export interface PostgresAuditLog {
  /**
   * The sink to compose: returns at once. One statement at a time writes what has gathered, beside any transaction: within 200 ms, an error or worse
   * without that delay.
   */
  readonly audit: AuditSink;
  /** Writes over a client inside a transaction: the event is there exactly when the change is. What it throws rolls both back. */
  append(record: AuditRecord, client?: AuditDatabase): Promise<void>;
  /**
   * Chains what has been committed, and signs a checkpoint when there was any. Run it every second in any process; of two at once one does the
   * work.
   *
   * @returns how many events it chained
   */
  sequence(): Promise<number>;
  /** Waits until all that was handed to the sink is in the database. */
  flush(): Promise<void>;
  /** Writes what waits, chains it, and takes no more. */
  close(): Promise<void>;
  readonly options: PostgresAuditLogOptions;
}

interface Head {
  readonly seq: number;
  readonly hash: string;
}

const BATCH = 1000;
const WRITE = `insert into glacis_audit_events (tenant_id, line)
select given.tenant, given.line from unnest($1::text[], $2::text[]) with ordinality as given(tenant, line, place) order by given.place`;
/** A connection that is dead on the other side never answers. */
const LONGEST_SECONDS = 10;
/** A database that is away for a moment loses nothing. */
const PAUSES_MS = [100, 400, 1500, 5000];
const UNIQUE_VIOLATION = "23505";

/** Whatever has been committed and not been chained: a transaction that commits late takes its place behind those that did before. */
const NEXT = `select e.id::text as id, e.line from glacis_audit_pending p join glacis_audit_events e on e.id = p.event_id
order by e.id limit ${BATCH}`;
const HEAD = "select c.seq::text as seq, c.hash from glacis_audit_chain c order by c.seq desc limit 1";
/** One statement: of two sequencers that take the same numbers, one takes nothing. */
const CHAIN = `with chained as (
  insert into glacis_audit_chain (seq, event_id, hash) select * from unnest($1::bigint[], $2::bigint[], $3::text[]) returning event_id
) delete from glacis_audit_pending using chained where glacis_audit_pending.event_id = chained.event_id`;

interface EventRow {
  readonly id: string;
  readonly line: string;
}

/**
 * A log that the application's transactions write into.
 *
 * @throws TypeError on an unknown option or another key than Ed25519
 */
export function postgresAuditLog(options: PostgresAuditLogOptions): PostgresAuditLog {
  rejectUnknownOptions("postgresAuditLog", options, ["database", "origin", "signingKey", "anchors", "report"]);
  const { database, signingKey, report = toStderr } = options;
  checkOrigin(options.origin);
  if (signingKey !== undefined) checkSigningKey(signingKey, "private");
  const query = async <Row>(text: string, values: unknown[] = []): Promise<readonly Row[]> =>
    (await answeredWithin(LONGEST_SECONDS, "The database", database.query(text, values))).rows as readonly Row[];

  async function append(record: AuditRecord, client: AuditDatabase = database): Promise<void> {
    const text = "insert into glacis_audit_events (tenant_id, line) values ($1, $2)";
    await client.query(text, [record.tenant_id ?? null, eventLine(record)]);
  }

  const queue = writerOf(database, report);

  async function head(): Promise<Head> {
    const [row] = await query<{ seq: string; hash: string }>(HEAD);
    return row === undefined ? { seq: 0, hash: FIRST_HASH } : { seq: Number(row.seq), hash: row.hash };
  }

  async function chainNext(from: Head): Promise<number> {
    const events = await query<EventRow>(NEXT);
    if (events.length === 0) return 0;
    let { hash } = from;
    const hashes = events.map(({ line }) => (hash = chainHash(hash, line)));
    await query(CHAIN, [events.map((_, index) => from.seq + 1 + index), events.map(({ id }) => id), hashes]);
    return events.length;
  }

  async function sequence(): Promise<number> {
    let chained = 0;
    try {
      for (let count = BATCH; count === BATCH; chained += count) count = await chainNext(await head());
    } catch (error) {
      // Another sequencer has taken these numbers.
      if ((error as { readonly code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
    }
    if (chained > 0) await checkpoint(query, options);
    return chained;
  }

  return {
    options,
    append,
    audit: (record) => queue.offer(eventLine(record), record.severity),
    sequence,
    flush: queue.flush,
    async close() {
      await queue.close();
      await sequence();
    },
  };
}

/** What the sink takes, written together: one statement at a time, so that a slow database costs no request its connection. */
function writerOf(database: AuditDatabase, report: (event: AuditEvent) => void): AuditLogQueue {
  async function write(lines: readonly string[]): Promise<void> {
    const values = [lines.map(tenantOf), lines];
    const attempt = async (): Promise<unknown> =>
      answeredWithin(LONGEST_SECONDS, "The database", database.query(WRITE, values));
    for (const pauseMs of PAUSES_MS) {
      try {
        await attempt();
        return;
      } catch {
        await new Promise<void>((resolve) => void setTimeout(resolve, pauseMs).unref());
      }
    }
    await attempt();
  }
  const nowText = (): string => new Date().toISOString();
  return auditLogQueue({ file: { write }, nowText, report, onWritten: () => undefined });
}

/** Read from the line, as any reader would: Postgres itself refuses to look into JSON that holds an escaped NUL. */
function tenantOf(line: string): string | null {
  const { tenant_id: tenant } = JSON.parse(line) as { readonly tenant_id?: unknown };
  return typeof tenant === "string" ? tenant.replaceAll("\0", "") : null;
}

export type AuditQuery = <Row>(text: string, values?: unknown[]) => Promise<readonly Row[]>;

/** Signs where the chain stands, unless another process has, and gives the note to whoever keeps it. */
async function checkpoint(
  query: AuditQuery,
  { origin, signingKey, anchors = [], report = toStderr }: PostgresAuditLogOptions,
): Promise<void> {
  if (signingKey === undefined) return;
  const frontier = await frontierOf(query);
  const size = frontier.size();
  const note = signCheckpoint({ origin, size, root: frontier.root() }, signingKey);
  const text =
    "insert into glacis_audit_checkpoints (size, note, frontier) values ($1, $2, $3) on conflict do nothing returning size";
  const kept = await query(text, [size, note, frontier.export().join(" ")]);
  if (kept.length === 0) return;
  for (const anchor of anchors) {
    try {
      await publishNote(anchor, note);
    } catch (error) {
      const about = { event: "audit_anchor_failed", severity: "error", detail: anchor.name } as const;
      report({ ...FAILED, ...about, error: String(error) });
    }
  }
}

/** The frontier at the end of the chain: from the last checkpoint on, or from the beginning. */
async function frontierOf(query: AuditQuery): Promise<MerkleFrontier> {
  const text = "select c.size::text as size, c.frontier from glacis_audit_checkpoints c order by c.size desc limit 1";
  const [last] = await query<{ size: string; frontier: string }>(text);
  const frontier = merkleFrontier(
    Number(last?.size ?? 0),
    last === undefined || last.frontier === "" ? [] : last.frontier.split(" "),
  );
  for (let rows = BATCH; rows === BATCH;) {
    const next = `select hash from glacis_audit_chain where seq > $1 order by seq limit ${BATCH}`;
    const hashes = await query<{ hash: string }>(next, [frontier.size()]);
    for (const { hash } of hashes) frontier.add(hash);
    rows = hashes.length;
  }
  return frontier;
}

const FAILED = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "critical",
  control: "audit-integrity",
} as const;

function toStderr(event: AuditEvent): void {
  process.stderr.write(`${JSON.stringify(event)}\n`);
}
