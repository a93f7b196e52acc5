/** No value of an event makes a second line, a field, or what a terminal acts upon (catalog log-injection; CWE-117; guide A09). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditRecord } from "../core/event.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { eventLine } from "./event-line.ts";
import { eventLog } from "./event-log.ts";

const META: ControlMeta = {
  id: "log-injection",
  title: "Log entries encoded against forging",
  layer: "audit",
  guide: ["A09", "A07"],
  owasp2021: ["A09", "A03"],
  owasp2025: ["A09", "A05"],
  asvs: ["v5.0.0-16.4.1"],
  cwe: ["CWE-117", "CWE-93"],
};

export const LOG_FORGEABLE: Rule = {
  id: "log-injection/forgeable",
  severity: "error",
  what: "An event with hostile values is not one line that reads back as it was.",
  why: "Something in this process has changed how JSON is written, so whoever types a user name can write the log.",
  fix: "Remove what replaces JSON.stringify or adds toJSON to Object.prototype.",
};

/** What forgers try: line ends of every kind, the end of a string, colours of a terminal, text that runs backwards. */
const HOSTILE = [
  '\r\n{"event":"authn_login_success"}',
  '","status":"succeeded","x":"',
  "\u001b[2K\u001b[1A\u009b31m",
  "\u2028\u2029\u0085\u000b\u000c\u0000",
  "\u202egnp.exe\u2066\u200b\ufeff",
] as const;

/**
 * Encodes hostile events as the log does and reads them back, in the process that will write it.
 *
 * @example
 * const layers = withControls(saas(options), logInjection());
 */
export function logInjection(): Control {
  return {
    meta: META,
    rules: [LOG_FORGEABLE],
    check: () => HOSTILE.flatMap((value) => assess(value)),
  };
}

function assess(value: string): readonly Finding[] {
  const record: AuditRecord = {
    time: "2026-01-01T00:00:00.000Z",
    event_type: "authentication",
    status: "failed",
    severity: "warning",
    event: "authn_login_fail",
    detail: value,
    user_id: value,
  };
  let written = "";
  eventLog({ write: (text) => void (written += text) })(record);
  const isSound = isOneLine(written) && readsBack(written, record) && readsBack(`${eventLine(record)}\n`, record);
  return isSound ? [] : [finding(LOG_FORGEABLE, { kind: "setting", name: "audit" })];
}

/** Printable, but for the line feed at its end. */
function isOneLine(text: string): boolean {
  return text.endsWith("\n") && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text.slice(0, -1));
}

function readsBack(line: string, record: AuditRecord): boolean {
  try {
    const { level: _, ...read } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const names = Object.keys(record) as (keyof AuditRecord)[];
    return Object.keys(read).length === names.length && names.every((name) => read[name] === record[name]);
  } catch {
    return false;
  }
}
