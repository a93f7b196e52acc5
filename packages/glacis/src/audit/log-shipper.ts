/** A copy of every event off the host: a bounded buffer, batches, retries, and a count of what did not fit (catalog log-shipping). */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, AuditRecord, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { describeError } from "../core/pipeline.ts";
import type { AlarmFetch } from "./alarm-action.ts";
import { eventLine } from "./event-line.ts";
import { BATCH_BYTES, lineBuffer } from "./log-buffer.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const MOST_BYTES = 32_000_000;
const FLUSH_EVERY_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const SEND_TIMEOUT_MS = 15_000;
const CONTROL = "log-shipping";

export interface LogShipperOptions {
  /** The collector: takes a POST of JSON lines. HTTPS, and no credentials inside. */
  readonly url: string;
  /** The `fetch` of `outbound({ hosts: [...] })`, which refuses private addresses. */
  readonly fetch: AlarmFetch;
  /** More headers, asked before each batch, so that a rotated credential is used at once. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Bytes of lines that may wait while the collector is away; 32 MB. */
  readonly bufferBytes?: number;
  /** Told when the collector goes away, comes back, and when events were lost. */
  readonly report: (event: AuditEvent) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface LogShippingState {
  /** Events that wait to be sent. */
  readonly waiting: number;
  /** How old the oldest of them is, in milliseconds. */
  readonly lagMs: number;
  /** Events that never reached the collector, since the start. */
  readonly lost: number;
  readonly failing: boolean;
}

export interface LogShipper {
  /** Takes an event and returns at once. */
  readonly audit: AuditSink;
  /** Sends what waits. @throws what the collector's refusal was; the events wait on */
  flush(): Promise<void>;
  /** Tries once more to send what waits, and stops. What is left is reported as lost. */
  close(): Promise<void>;
  state(): LogShippingState;
}

/**
 * Sends events to a collector as they come. A collector that is slow or away makes no request wait: lines wait in memory; when that is full the oldest
 * that are not critical make room, and how many is told by an event that rings. A batch whose answer got lost is sent again, with the same
 * `idempotency-key`.
 *
 * @throws TypeError on an unknown option, a URL that is no HTTPS URL, or a buffer too small for one batch
 * @example
 * const shipper = logShipper({ url: "https://logs.example.com/ingest", fetch: guarded.fetch, report });
 */
export function logShipper(options: LogShipperOptions): LogShipper {
  rejectUnknownOptions("logShipper", options, ["url", "fetch", "headers", "bufferBytes", "report", "now"]);
  const { fetch, headers = () => ({}), bufferBytes = MOST_BYTES, report, now = Date.now } = options;
  const target = judgeTarget(options.url, bufferBytes);
  const post = poster(target, fetch, headers);
  const buffer = lineBuffer(bufferBytes);
  let failures = 0;
  let toldLost = 0;
  let batches = 0;
  const began = now();
  let running: Promise<void> | undefined;
  const timer = flushTimer(
    async () => flush(),
    () => buffer.size() > 0,
  );

  async function drain(): Promise<void> {
    while (buffer.size() > 0) {
      const batch = buffer.batch();
      try {
        await post(
          batch.map(({ line }) => line),
          `${began}-${process.pid}-${batches}`,
        );
      } catch (error) {
        failures += 1;
        if (failures === 1) tell("system/sys_log_shipping_failed/failed", { error: describeError(error) });
        throw error;
      }
      batches += 1;
      buffer.remove(batch);
      if (failures > 0) tell("system/sys_log_shipping_resumed/succeeded", { count: buffer.size() });
      failures = 0;
    }
    tellLoss();
  }

  function tellLoss(): void {
    const lost = buffer.lost();
    if (lost <= toldLost) return;
    const count = lost - toldLost;
    toldLost = lost;
    tell("audit_integrity/log_events_unshipped/failed", { count });
  }

  function tell(...[key, details]: Parameters<typeof auditEvent>): void {
    report(auditEvent(key, { control: CONTROL, ...details }));
  }

  async function flush(): Promise<void> {
    running ??= drain().finally(() => (running = undefined));
    return running;
  }

  return {
    audit(record) {
      buffer.add({ line: eventLine(record), atMs: now(), isCritical: isCritical(record) });
      // A quarter of the buffer goes at once, so this is one event for thousands.
      tellLoss();
      timer.schedule(failures);
    },
    flush,
    async close() {
      timer.stop();
      await flush().catch(() => undefined);
      buffer.drop();
      tellLoss();
    },
    state: () => ({
      waiting: buffer.size(),
      lagMs: Math.max(0, now() - (buffer.oldestMs() ?? now())),
      lost: buffer.lost(),
      failing: failures > 0,
    }),
  };
}

function judgeTarget(url: string, bufferBytes: number): string {
  const target = canParseUrl(url) ? new URL(url) : undefined;
  if (target?.protocol !== "https:" || target.username !== "" || target.password !== "")
    throw new TypeError("logShipper() needs url as an HTTPS URL without credentials; pass those by headers.");
  if (!(Number.isSafeInteger(bufferBytes) && bufferBytes >= BATCH_BYTES))
    throw new TypeError(`logShipper() needs bufferBytes as a whole number of at least ${BATCH_BYTES}.`);
  return target.href;
}

/** Waits for an answer, but not for ever. */
function poster(href: string, fetch: AlarmFetch, headers: () => Readonly<Record<string, string>>) {
  return async (lines: readonly string[], key: string): Promise<void> => {
    const late = rejectAfter(SEND_TIMEOUT_MS);
    try {
      const own = { "content-type": "application/x-ndjson", "idempotency-key": key };
      const sent = fetch(href, { method: "POST", headers: { ...headers(), ...own }, body: `${lines.join("\n")}\n` });
      const { ok, status } = await Promise.race([sent, late.promise]);
      if (!ok) throw new Error(`The collector answered ${status}.`);
    } finally {
      late.cancel();
    }
  };
}

function rejectAfter(ms: number): { readonly promise: Promise<never>; readonly cancel: () => void } {
  const controller = new AbortController();
  const promise = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`The collector did not answer in ${ms} ms.`)), ms).unref();
    controller.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  return { promise, cancel: () => controller.abort() };
}

/** Flushes a while after it was asked to, and again while something waits; the longer the more often that failed. */
function flushTimer(flush: () => Promise<void>, waits: () => boolean) {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  function schedule(failures: number): void {
    if (timer !== undefined || isStopped) return;
    const again = (next: number): void => {
      timer = undefined;
      if (waits()) schedule(next);
    };
    const pauseMs = Math.min(FLUSH_EVERY_MS * 2 ** failures, LONGEST_PAUSE_MS);
    timer = setTimeout(() => {
      flush().then(
        () => again(0),
        () => again(failures + 1),
      );
    }, pauseMs).unref();
  }
  return {
    schedule,
    stop(): void {
      clearTimeout(timer);
      isStopped = true;
    },
  };
}

function isCritical({ severity }: AuditRecord): boolean {
  return severity === "critical";
}
