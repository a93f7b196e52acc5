/** Security events as JSON lines on stdout (catalog security-event-log, log-injection; guide A09). The one importer of pino. */
import { destination as openDestination, type DestinationStream } from "pino";
import type { AuditSink, EventSeverity } from "../core/event.ts";
import { eventLine } from "./event-line.ts";

/** As pino names levels, which collectors know. */
const LEVEL: Readonly<Record<EventSeverity, "info" | "warn" | "error" | "fatal">> = {
  info: "info",
  warning: "warn",
  error: "error",
  critical: "fatal",
};

/**
 * Writes each event as one flat JSON line, its level first. No value can forge a second line, a field or what a terminal shows (CWE-117): see
 * `eventLine`. Error texts are redacted, and a revealed secret is hidden wherever it stands.
 *
 * @param destination where lines go; stdout unless you say otherwise
 * @example
 * const security = glacis({ ...saas(options), audit: eventLog() });
 */
export function eventLog(destination: DestinationStream = openDestination()): AuditSink {
  return (record) => {
    destination.write(`{"level":"${LEVEL[record.severity] ?? "error"}",${eventLine(record).slice(1)}\n`);
  };
}
