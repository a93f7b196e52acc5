import type { AuthenticationDatabase } from "./database.ts";

/** Work that a request leaves for later, so that its answer neither waits for it nor depends on it. */
export interface Job {
  /** Random, so that a retried insert is one job. */
  readonly id: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Not before this moment, in milliseconds since the epoch. */
  readonly runAtMs: number;
}

export interface ClaimedJob extends Job {
  /** How often it has been claimed, this time included. */
  readonly attempts: number;
}

/** Where jobs wait. A store that fails throws, and the request is refused. */
export interface JobStore {
  readonly kind: "memory" | "shared";
  add(jobs: readonly Job[]): void | Promise<void>;
  /** How many wait, counted up to `most`. */
  waiting(most: number): number | Promise<number>;
  /** Hands out due jobs to one caller each; whoever does not finish within the lease loses them to the next. */
  claim(most: number, nowMs: number, leaseMs: number): readonly ClaimedJob[] | Promise<readonly ClaimedJob[]>;
  done(id: string): void | Promise<void>;
  /** @param runAtMs when to try again */
  retry(id: string, runAtMs: number): void | Promise<void>;
  /**
   * Counts against an allowance, such as three mails an hour to one address.
   *
   * @returns false when it is used up: of any number at once no more than `most` are true
   */
  allow(key: string, most: number, windowMs: number, nowMs: number): boolean | Promise<boolean>;
  /** Forgets allowances whose window is over; at most a thousand at a time. */
  sweep(nowMs: number): void | Promise<void>;
}

export const JOB_MIGRATION = `
create table if not exists glacis_jobs (
  id text primary key check (length(id) <= 64),
  kind text not null check (length(kind) <= 60),
  payload jsonb not null check (length(payload::text) <= 8000),
  run_at_ms bigint not null,
  attempts integer not null default 0
);
create index if not exists glacis_jobs_run on glacis_jobs (run_at_ms);
create table if not exists glacis_job_allowances (
  key text primary key check (length(key) <= 64),
  ends_at_ms bigint not null,
  used integer not null
);
create index if not exists glacis_job_allowances_end on glacis_job_allowances (ends_at_ms);
`;

const MOST_ALLOWANCES = 100_000;

/** Jobs in this process alone, for development and tests: a restart loses them. */
export function memoryJobs(): JobStore {
  const jobs = new Map<string, ClaimedJob>();
  const allowances = new Map<string, { readonly endsAtMs: number; used: number }>();
  return {
    kind: "memory",
    add(added) {
      for (const job of added) if (!jobs.has(job.id)) jobs.set(job.id, { ...structuredClone(job), attempts: 0 });
    },
    waiting: (most) => Math.min(most, jobs.size),
    claim(most, nowMs, leaseMs) {
      const due = [...jobs.values()].filter(({ runAtMs }) => runAtMs <= nowMs);
      const claimed = due.toSorted((one, other) => one.runAtMs - other.runAtMs).slice(0, most);
      for (const job of claimed) jobs.set(job.id, { ...job, attempts: job.attempts + 1, runAtMs: nowMs + leaseMs });
      return claimed.map((job) => ({ ...job, attempts: job.attempts + 1 }));
    },
    done: (id) => void jobs.delete(id),
    retry(id, runAtMs) {
      const job = jobs.get(id);
      if (job !== undefined) jobs.set(id, { ...job, runAtMs });
    },
    allow(key, most, windowMs, nowMs) {
      const standing = allowances.get(key);
      if (standing === undefined || standing.endsAtMs <= nowMs) {
        // Full of addresses within one window: refusing a mail is the safe side.
        if (standing === undefined && allowances.size >= MOST_ALLOWANCES) return false;
        allowances.set(key, { endsAtMs: nowMs + windowMs, used: 1 });
        return true;
      }
      if (standing.used >= most) return false;
      standing.used += 1;
      return true;
    },
    sweep(nowMs) {
      for (const [key, { endsAtMs }] of allowances) if (endsAtMs <= nowMs) allowances.delete(key);
    },
  };
}

/** Jobs in Postgres, at least once each: any number of workers share them by `for update skip locked`. */
export function postgresJobs(database: AuthenticationDatabase): JobStore {
  const run = async (text: string, values: unknown[]): Promise<readonly unknown[]> =>
    (await database.query(text, values)).rows;
  return {
    kind: "shared",
    async add(jobs) {
      await run(
        `insert into glacis_jobs (id, kind, payload, run_at_ms) ${selectJobs("$1")} on conflict (id) do nothing`,
        [jobsJson(jobs)],
      );
    },
    async waiting(most) {
      const rows = await run("select count(*)::int as count from (select from glacis_jobs limit $1) j", [most]);
      return (rows[0] as { readonly count: number }).count;
    },
    async claim(most, nowMs, leaseMs) {
      const rows = await run(
        `update glacis_jobs set attempts = attempts + 1, run_at_ms = $2::bigint + $3::bigint where id in
           (select id from glacis_jobs where run_at_ms <= $2::bigint order by run_at_ms limit $1 for update skip locked)
         returning id, kind, payload, attempts`,
        [most, nowMs, leaseMs],
      );
      return rows.map((row) => ({ ...(row as Omit<ClaimedJob, "runAtMs">), runAtMs: nowMs }));
    },
    async done(id) {
      await run("delete from glacis_jobs where id = $1", [id]);
    },
    async retry(id, runAtMs) {
      await run("update glacis_jobs set run_at_ms = $2 where id = $1", [id, runAtMs]);
    },
    async allow(key, most, windowMs, nowMs) {
      const rows = await run(
        `insert into glacis_job_allowances as a (key, ends_at_ms, used) values ($1, $4::bigint + $3::bigint, 1)
         on conflict (key) do update set
           used = case when a.ends_at_ms <= $4::bigint then 1 else a.used + 1 end,
           ends_at_ms = case when a.ends_at_ms <= $4::bigint then excluded.ends_at_ms else a.ends_at_ms end
         where a.ends_at_ms <= $4::bigint or a.used < $2 returning used`,
        [key, most, windowMs, nowMs],
      );
      return rows.length === 1;
    },
    async sweep(nowMs) {
      await run(
        `delete from glacis_job_allowances where key in
           (select key from glacis_job_allowances where ends_at_ms <= $1 limit 1000 for update skip locked)`,
        [nowMs],
      );
    },
  };
}

/** Rows to insert from one JSON parameter, so that jobs can be part of any statement. */
export function selectJobs(parameter: string): string {
  return `select id, kind, payload, run_at_ms from jsonb_to_recordset(${parameter}::jsonb)
    as job(id text, kind text, payload jsonb, run_at_ms bigint)`;
}

export function jobsJson(jobs: readonly Job[]): string {
  return JSON.stringify(jobs.map(({ id, kind, payload, runAtMs }) => ({ id, kind, payload, run_at_ms: runAtMs })));
}
