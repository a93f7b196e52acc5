import type { AuditEvent } from "../core/event.ts";
import type { ClaimedJob, JobStore } from "./job-store.ts";

/** Does one job. What it throws is tried again; it may run twice, so it must not matter when it does. */
export type JobHandler = (job: ClaimedJob, nowMs: number) => Promise<void>;

export interface JobWorkerOptions {
  readonly store: JobStore;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  readonly report?: ((event: AuditEvent) => void) | undefined;
  /** Runs now and then, such as a sweep. */
  readonly tidy?: (nowMs: number) => Promise<void>;
  readonly now?: () => number;
}

export interface JobWorker {
  /** Does everything that is due and says how many jobs succeeded. */
  drain(): Promise<number>;
  /** Works until it is stopped; stopping waits for what is in hand. */
  start(): { readonly stop: () => Promise<void> };
}

/**
 * Once a second and never at the call of a request: whoever measures answers would otherwise see in the next one whether the last had left real work.
 */
const PAUSE_MS = 1000;
const TIDY_EVERY_MS = 60_000;
/** A mail may take three quarters of a minute to fail: two of them end within the lease, and nobody else begins them again. */
const AT_ONCE = 2;
const LEASE_MS = 120_000;
const MOST_ATTEMPTS = 12;
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 3_600_000;

/**
 * Takes jobs and does them, at least once each. A failure waits from five seconds, doubling up to an hour; after twelve the job is dropped and an
 * event of severity error says so. Neither payload nor error message is logged: both may hold an address.
 */
export function jobWorker(options: JobWorkerOptions): JobWorker {
  const { store, handlers, report, tidy, now = Date.now } = options;
  let tidiedAtMs = Number.NEGATIVE_INFINITY;

  async function attempt(job: ClaimedJob): Promise<boolean> {
    try {
      const handler = Object.hasOwn(handlers, job.kind) ? handlers[job.kind] : undefined;
      if (handler === undefined) throw new TypeError("No handler knows this kind of job.");
      await handler(job, now());
      await store.done(job.id);
      return true;
    } catch (error) {
      const over = job.attempts >= MOST_ATTEMPTS;
      report?.(failure(job, error, over));
      const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (job.attempts - 1));
      await (over ? store.done(job.id) : store.retry(job.id, now() + delay));
      return false;
    }
  }

  async function drain(): Promise<number> {
    let done = 0;
    for (;;) {
      const jobs = await store.claim(AT_ONCE, now(), LEASE_MS);
      if (jobs.length === 0) break;
      for (const job of jobs) if (await attempt(job)) done += 1;
    }
    if (now() - tidiedAtMs >= TIDY_EVERY_MS) {
      tidiedAtMs = now();
      await store.sweep(now());
      await tidy?.(now());
    }
    return done;
  }

  return {
    drain,
    start() {
      let stopped = false;
      let working: Promise<unknown> = Promise.resolve();
      const work = (): void => {
        working = drain().catch((error: unknown) => report?.(outage(error)));
        void working.then(() => {
          if (!stopped) timer = setTimeout(work, PAUSE_MS).unref();
        });
      };
      let timer = setTimeout(work, PAUSE_MS).unref();
      return {
        async stop() {
          stopped = true;
          clearTimeout(timer);
          await working;
        },
      };
    },
  };
}

function failure({ kind, attempts }: ClaimedJob, error: unknown, over: boolean): AuditEvent {
  return {
    event_type: "system",
    status: "failed",
    severity: over ? "error" : "warning",
    event: over ? "sys_job_dropped" : "sys_job_failed",
    resource_type: kind,
    count: attempts,
    error: error instanceof Error ? error.name : "Error",
  };
}

function outage(error: unknown): AuditEvent {
  return {
    event_type: "system",
    status: "failed",
    severity: "error",
    event: "sys_job_store_failed",
    error: error instanceof Error ? error.name : "Error",
  };
}
