/** Security events as JSON lines on stdout (catalog security-event-log; guide A09). The one importer of pino. */
import { pino, type DestinationStream } from "pino";
import type { AuditSink, EventSeverity } from "../core/event.ts";
import { redactText } from "./redact.ts";

const LEVEL: Readonly<Record<EventSeverity, "info" | "warn" | "error" | "fatal">> = {
  info: "info",
  warning: "warn",
  error: "error",
  critical: "fatal",
};

/**
 * Writes each event as one flat JSON line. JSON escapes every control character, so no value can forge a second line (CWE-117); error texts
 * are redacted first.
 *
 * @param destination where lines go; stdout unless you say otherwise
 * @example
 * const security = glacis({ ...saas(options), audit: eventLog() });
 */
export function eventLog(destination?: DestinationStream): AuditSink {
  const options = {
    base: null,
    timestamp: false,
    formatters: { level: (label: string) => ({ level: label }) },
  } as const;
  const log = destination === undefined ? pino(options) : pino(options, destination);
  return (record) => {
    const clean = record.error === undefined ? record : { ...record, error: redactText(record.error) };
    log[LEVEL[record.severity]](clean);
  };
}
