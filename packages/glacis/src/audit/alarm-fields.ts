/** Reads the objects of a definition file strictly: an unknown name or a value of the wrong kind is an error that says where. */
import { nearestWord } from "../core/options.ts";

export interface Fields {
  readonly where: string;
  readonly text: (name: string) => string | undefined;
  readonly number: (name: string) => number | undefined;
  readonly flag: (name: string) => boolean | undefined;
  readonly list: (name: string) => readonly unknown[];
  readonly texts: (name: string) => readonly string[];
  readonly choice: <Choice extends string>(name: string, choices: readonly Choice[]) => Choice | undefined;
  readonly needed: <Value>(name: string, value: Value | undefined) => Value;
  readonly raw: (name: string) => unknown;
  readonly refuse: (message: string) => never;
}

const MOST_ENTRIES = 1000;

/** @throws TypeError naming the place and the correction */
export function readFields(value: unknown, where: string, known: readonly string[]): Fields {
  const refuse = (message: string): never => {
    throw new TypeError(`${where}: ${message}`);
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse("an object is expected.");
  const record = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(record)) {
    if (known.includes(name)) continue;
    const nearest = nearestWord(name, known);
    refuse(
      `"${name}" means nothing here. ${nearest === undefined ? `Known: ${known.join(", ")}.` : `Did you mean "${nearest}"?`}`,
    );
  }
  const own = (name: string): unknown => (Object.hasOwn(record, name) ? record[name] : undefined);
  const list = (name: string): readonly unknown[] => {
    const found = own(name) ?? [];
    if (!Array.isArray(found)) return refuse(`${name} is a list.`);
    return found.length > MOST_ENTRIES ? refuse(`${name} has ${MOST_ENTRIES} entries at most.`) : (found as unknown[]);
  };
  const text = (name: string): string | undefined => {
    const found = own(name);
    return found === undefined || typeof found === "string" ? found : refuse(`${name} is a text.`);
  };
  return {
    where,
    text,
    number(name) {
      const found = own(name);
      if (found === undefined) return undefined;
      return typeof found === "number" && Number.isFinite(found) ? found : refuse(`${name} is a number, and finite.`);
    },
    flag(name) {
      const found = own(name);
      return found === undefined || typeof found === "boolean" ? found : refuse(`${name} is true or false.`);
    },
    list,
    texts: (name) =>
      list(name).map((item) => (typeof item === "string" ? item : refuse(`${name} is a list of texts.`))),
    choice(name, choices) {
      const found = text(name);
      if (found === undefined) return undefined;
      const choice = choices.find((one) => one === found);
      return choice ?? refuse(`${name} is one of ${choices.join(", ")}.`);
    },
    needed: (name, found) => found ?? refuse(`${name} is missing.`),
    raw: own,
    refuse,
  };
}
