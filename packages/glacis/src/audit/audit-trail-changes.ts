/** What changed, field by field: values only of fields whose class lets them be shown. */
import { redactText } from "./redact.ts";

export type ResourceFields = Readonly<Record<string, "public" | "internal" | "personal" | "sensitive" | "secret">>;

export interface FieldChange {
  readonly field: string;
  /** The value, or its class in brackets where it is not to be shown; null where there was none. */
  readonly before: string | null;
  readonly after: string | null;
}

const MOST_FIELDS = 50;
const LONGEST_VALUE = 200;

/** Fields that differ, by name. One that is not declared is taken for a secret: nobody has decided that it may be shown. */
export function changesBetween(
  fields: ResourceFields,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted().slice(0, MOST_FIELDS);
  return names.flatMap((field) => {
    const [from, to] = [textOf(before[field]), textOf(after[field])];
    if (from === to) return [];
    const level = Object.hasOwn(fields, field) ? fields[field] : "secret";
    const shown = level === "public" || level === "internal";
    const show = (text: string | null): string | null => (text === null ? null : shown ? clean(text) : `[${level}]`);
    return [{ field: field.slice(0, LONGEST_VALUE), before: show(from), after: show(to) }];
  });
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

/** Postgres keeps no NUL in jsonb, and no half of a surrogate pair. */
function clean(text: string): string {
  const whole = redactText(text).replaceAll("\0", "").toWellFormed();
  return whole.length <= LONGEST_VALUE ? whole : `${whole.slice(0, LONGEST_VALUE).toWellFormed()}…`;
}
