/** Parsed documents (JSON, YAML, TOML) as they come: nothing in them has the type that one hopes for. */

export type Table = Readonly<Record<string, unknown>>;

/** Whether a value has names and values: an object, and no list. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A mapping of a parsed document; what is none is empty, and what was inherited is not looked at. */
export function tableOf(value: unknown): Table {
  return isTable(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text, number or truth value as it is written; empty for anything else. */
export function wordOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Own entries whose value is a text. */
export function textEntries(value: unknown): readonly (readonly [string, string])[] {
  return Object.entries(tableOf(value)).flatMap(([name, text]) =>
    typeof text === "string" ? [[name, text] as const] : [],
  );
}

/** An own property, so that a package called `constructor` is not found where there is none. */
export function own(table: Table, name: string): unknown {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
