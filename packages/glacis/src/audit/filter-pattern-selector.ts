import { fail, take, takeMatch, type Cursor } from "./filter-pattern-cursor.ts";

/** One step into a value: a member by name or number, or all of them. */
export type SelectorStep = string | number | typeof ALL;

export const ALL: unique symbol = Symbol("all members");

export interface Selector {
  readonly text: string;
  readonly steps: readonly SelectorStep[];
  readonly wildcards: number;
}

/** Reads `$.name`, `$.a.b[0]`, `$.list[*].id`, `$.*`, `$.['name with.dots']`. */
export function takeSelector(cursor: Cursor): Selector {
  const start = cursor.at;
  if (!take(cursor, "$")) return fail(cursor, "A property is expected, such as $.event_type.");
  const steps: SelectorStep[] = [];
  for (let step = takeStep(cursor); step !== undefined; step = takeStep(cursor)) steps.push(step);
  const wildcards = steps.filter((step) => step === ALL).length;
  if (steps.length === 0) return fail(cursor, "$ alone is no property; write $.name.");
  if (wildcards > 1) return fail(cursor, "A property has one wildcard at most.");
  return { text: cursor.text.slice(start, cursor.at), steps, wildcards };
}

function takeStep(cursor: Cursor): SelectorStep | undefined {
  if (take(cursor, ".*") || take(cursor, "[*]")) return ALL;
  const index = takeMatch(cursor, /\[\d{1,9}\]/uy);
  if (index !== undefined) return Number(index.slice(1, -1));
  const key = takeMatch(cursor, /\.?\['(?:[^'\\]|\\.)+'\]/uy);
  if (key !== undefined) return key.slice(key.indexOf("'") + 1, -2).replace(/\\(.)/gu, "$1");
  const name = takeMatch(cursor, /\.[A-Za-z0-9_-]+/uy);
  if (name !== undefined) return name.slice(1);
  return cursor.text[cursor.at] === "." || cursor.text[cursor.at] === "["
    ? fail(cursor, "A property's name is made of letters, digits, _ and -; write others as ['a.name'].")
    : undefined;
}

/**
 * Whether a property of a value, or one of several that a wildcard stands for, passes a test. What is not there passes none.
 */
export function selects(root: unknown, { steps }: Selector, test: (value: unknown) => boolean, from = 0): boolean {
  let value = root;
  for (let at = from; at < steps.length; at += 1) {
    const step = steps[at] as SelectorStep;
    if (step === ALL) {
      if (typeof value !== "object" || value === null) return false;
      const rest = { text: "", steps, wildcards: 0 };
      return Object.values(value).some((member) => selects(member, rest, test, at + 1));
    }
    if (!hasMember(value, step)) return false;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
    if (value === undefined) return false;
  }
  return test(value);
}

function hasMember(value: unknown, step: string | number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return typeof step === "number" && step < value.length;
  return typeof step === "string" && Object.hasOwn(value, step);
}
