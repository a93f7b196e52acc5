/** Security events as JSON lines on stdout (catalog security-event-log; guide A09). The one importer of pino. */
import { pino, type DestinationStream } from "pino";
import type { AuditSink, EventSeverity } from "../core/event.ts";
import { hideRevealed } from "../core/revealed.ts";
import { redactText } from "./redact.ts";

const LEVEL: Readonly<Record<EventSeverity, "info" | "warn" | "error" | "fatal">> = {
  info: "info",
  warning: "warn",
  error: "error",
  critical: "fatal",
};

/**
 * Writes each event as one flat JSON line. JSON escapes every control character, so no value can forge a second line (CWE-117); error texts
 * are redacted first, and a revealed secret is hidden wherever it stands.
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
    log[LEVEL[record.severity]](Object.fromEntries(Object.entries(record).map(cleanField)));
  };
}

/** An error's text can hold anything; what else stands in an event is ours, and still no place for a secret. */
function cleanField([name, value]: readonly [string, unknown]): readonly [string, unknown] {
  if (typeof value !== "string") return [name, value];
  return [name, name === "error" ? redactText(value) : hideRevealed(value)];
}
