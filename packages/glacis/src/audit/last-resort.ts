/** What nobody caught is on record before the process ends (catalog error-handling; ASVS v5.0.0-16.5.4). */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { describeError } from "../core/pipeline.ts";

export interface LastResortOptions {
  readonly report: (event: AuditEvent) => void;
  /** Ends the work that is under way and writes out the log: `() => running.stop()`. */
  readonly close: () => Promise<void>;
  /** How long closing may take, in milliseconds; ten seconds. */
  readonly closeMs?: number;
}

const CLOSE_MS = 10_000;
const EXIT_CODE = 1;

/**
 * On an exception or a rejected promise that nobody caught: reports it, closes, and ends the process with 1. Nothing is served from a state that nobody
 * foresaw; whatever starts the process starts it anew.
 *
 * @returns takes the handler away again
 * @throws TypeError on an unknown option
 * @example
 * lastResort({ report: security.report, close: () => running.stop() });
 */
export function lastResort(options: LastResortOptions): () => void {
  rejectUnknownOptions("lastResort", options, ["report", "close", "closeMs"]);
  const { report, close, closeMs = CLOSE_MS } = options;
  let isEnding = false;

  function tell(error: unknown, detail: string): void {
    try {
      report(auditEvent("system/sys_error/failed", { control: "error-handling", detail, error: describeError(error) }));
    } catch {
      process.stderr.write("glacis: the process ends on an error that could not be reported.\n");
    }
  }

  async function end(): Promise<void> {
    try {
      await close();
    } catch (error) {
      tell(error, "close_failed");
    } finally {
      process.exit(EXIT_CODE);
    }
  }

  function onUncaught(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
    tell(error, origin === "unhandledRejection" ? "unhandled_rejection" : "uncaught_exception");
    if (isEnding) return;
    isEnding = true;
    // Whatever becomes of closing, the process ends.
    setTimeout(() => process.exit(EXIT_CODE), closeMs);
    void end();
  }

  process.on("uncaughtException", onUncaught);
  return () => void process.off("uncaughtException", onUncaught);
}
