/** An event as the archive keeps it: bounded, redacted, and of characters that every store takes. */
import { redactText } from "../audit/redact.ts";
import type { AuditRecord } from "../core/event.ts";
import { hideRevealed } from "../core/revealed.ts";

/** One archived event. */
export interface ArchivedEvent {
  /** A whole number as text; later events of one store have higher ones. */
  readonly id: string;
  /** Milliseconds since the epoch, of the process that wrote it. */
  readonly timeMs: number;
  readonly record: AuditRecord;
}

/** An event before the store has numbered it. */
export type EventDraft = Omit<ArchivedEvent, "id">;

const LONGEST_VALUE = 512;
const LONGEST_ERROR = 4000;
const MOST_FIELDS = 40;
// oxlint-disable-next-line no-control-regex -- these are what is meant
const UNSTORABLE = /\0/gu;

/**
 * Makes a record fit to be kept: secrets hidden, every value bounded, well-formed Unicode without NUL, which Postgres cannot store. Whatever else
 * a value holds is kept as it is; encoding belongs to whoever shows it.
 *
 * @param nowMs stands in for a time that is none
 */
export function draftOf(record: AuditRecord, nowMs: number): EventDraft {
  const fields = Object.entries(record).slice(0, MOST_FIELDS).map(cleanField);
  const parsed = Date.parse(record.time);
  const timeMs = Number.isFinite(parsed) ? parsed : nowMs;
  return { timeMs, record: Object.fromEntries(fields) as unknown as AuditRecord };
}

function cleanField([name, value]: readonly [string, unknown]): readonly [string, unknown] {
  if (typeof value === "number" || typeof value === "boolean") return [name, value];
  if (typeof value !== "string") return [name, undefined];
  const isError = name === "error";
  const shown = isError ? redactText(value) : hideRevealed(value);
  const clipped = clip(shown, isError ? LONGEST_ERROR : LONGEST_VALUE);
  return [name, clipped.replaceAll(UNSTORABLE, "\uFFFD").toWellFormed()];
}

function clip(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
