/** An event as one line of JSON that nobody can forge from inside (catalog log-injection; CWE-117). */
import type { AuditRecord } from "../core/event.ts";
import { hideRevealed } from "../core/revealed.ts";
import { cleanBeginning } from "../core/clean-beginning.ts";
import { redactText } from "./redact.ts";

const LONGEST_FIELD = 2048;
const LONGEST_LINE = 16_384;
/** What a terminal or a viewer acts upon or shows nobody: controls, line separators, marks that turn the direction of text, marks without a shape. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Writes a record: fields in their order, texts of 2 KiB at most, the line of 16 KiB at most, redacted as in the event log. It never throws: what
 * cannot be written becomes a line that says so.
 *
 * @returns JSON without a line break
 */
export function eventLine(record: AuditRecord): string {
  try {
    // Most events are short and clean: one look at the whole line does for all of its fields.
    const plain = JSON.stringify(record);
    const isShort = plain.length <= LONGEST_FIELD && record.error === undefined;
    if (isShort && !hasActive(plain) && hideRevealed(plain) === plain) return plain;
    const line = escapeActive(JSON.stringify(record, cleanValue));
    return line.length <= LONGEST_LINE ? line : minimal(record, "too_long");
  } catch {
    return minimal(record, "unwritable");
  }
}

/** A record that may leave for another format: every text bounded and redacted as in a line. */
export function cleanRecord(record: AuditRecord): AuditRecord {
  const fields = Object.entries(record).map(([name, value]) => [name, cleanValue(name, value)] as const);
  return Object.fromEntries(fields) as unknown as AuditRecord;
}

function cleanValue(name: string, value: unknown): unknown {
  if (typeof value !== "string") return typeof value === "bigint" ? String(value) : value;
  return cleanBeginning(value, LONGEST_FIELD, name === "error" ? redactText : hideRevealed);
}

/** Plain ASCII has one such character, and is recognised in a fraction of the time that the pattern takes. */
function hasActive(line: string): boolean {
  return (Buffer.byteLength(line) !== line.length || line.includes("\u007f")) && line.search(ACTIVE) !== -1;
}

function escapeActive(line: string): string {
  return line.replace(ACTIVE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

function minimal(record: AuditRecord, invalid: string): string {
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 100) : "unknown");
  const { time, event_type, status, severity, event } = record;
  const kept = {
    time: text(time),
    event_type: text(event_type),
    status: text(status),
    severity: text(severity),
    event: text(event),
  };
  return escapeActive(JSON.stringify({ ...kept, invalid }));
}
