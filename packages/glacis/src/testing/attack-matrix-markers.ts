/** Words by which one tenant's data is recognised wherever it turns up: taken from the rows themselves, so that no column is forgotten. */
import type { Answer, Ask } from "./attack-matrix-client.ts";
import type { ApplicationState, Snapshot, StateRow } from "./attack-matrix-state.ts";
import { SIDES, type LookAlikeTenant, type Side } from "./attack-matrix-world.ts";

/** Eight characters do not occur by chance; ids, addresses' domains and canaries have them. */
const WORD = /[\w-]{8,}/gu;
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]|$)/u;
const NUMBER = /^[\d-]*$/u;

/** A word, and the column that it comes from. */
export type Markers = ReadonlyMap<string, string>;

export interface MarkedWorld {
  /** What only this tenant has. */
  readonly sides: Readonly<Record<Side, Markers>>;
  /** What only this object's rows have, by side and object. */
  readonly objects: Readonly<Record<Side, ReadonlyMap<string, Markers>>>;
  /** What only the rows of this person have. */
  readonly people: Readonly<Record<Side, ReadonlyMap<string, Markers>>>;
  /** Columns whose leak nobody would see, as `documents.title of own`. */
  readonly blind: readonly string[];
}

type Tenants = Readonly<Record<Side, LookAlikeTenant>>;

/** Reads the markers out of a seeded state. */
export function markersIn(snapshot: Snapshot, tenants: Tenants, state: ApplicationState): MarkedWorld {
  const rows = snapshot.map((row) => ({ row, words: wordsOf(row) }));
  const of = (side: Side): readonly Marked[] => rows.filter(({ row }) => row.tenant === tenants[side].id);
  const beyond = (side: Side): readonly Marked[] => rows.filter(({ row }) => row.tenant !== tenants[side].id);
  const sides = bySide((side) => only(of(side), beyond(side)));
  const belongingTo = (side: Side, ids: Readonly<Record<string, string>>): ReadonlyMap<string, Markers> =>
    new Map(
      Object.entries(ids).map(([name, id]) => {
        const belongs = ({ row }: Marked): boolean =>
          row.tenant === tenants[side].id && Object.values(row.values).some((value) => String(value) === id);
        return [
          name,
          only(
            rows.filter(belongs),
            rows.filter((marked) => !belongs(marked)),
          ),
        ] as const;
      }),
    );
  const idsOfPeople = (side: Side): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.values(tenants[side].people).map(({ key, id }) => [key, id]));
  return {
    sides,
    objects: bySide((side) => belongingTo(side, tenants[side].objects)),
    people: bySide((side) => belongingTo(side, idsOfPeople(side))),
    blind: SIDES.flatMap((side) => blindColumns(of(side), sides[side], side, state)),
  };
}

interface Marked {
  readonly row: StateRow;
  readonly words: Markers;
}

function bySide<Value>(make: (side: Side) => Value): Readonly<Record<Side, Value>> {
  return { own: make("own"), other: make("other") };
}

/** Also a part of a word elsewhere says nothing, because answers are searched for parts of words. The longest first: it says most exactly where it is from. */
function only(mine: readonly Marked[], others: readonly Marked[]): Markers {
  const elsewhere = others.flatMap(({ words }) => [...words.keys()]).join("\n");
  const found = mine.flatMap(({ words }) => [...words]).filter(([word]) => !elsewhere.includes(word));
  // Reversed, so that the first column that has a word names it: tables stand before those that refer to them.
  return new Map(found.toReversed().toSorted(([one], [two]) => two.length - one.length));
}

function wordsOf(row: StateRow): Markers {
  return new Map(
    Object.entries(row.values).flatMap(([column, value]) =>
      textsIn(value).flatMap((text) => wordsIn(text).map((word) => [word, `${row.table}.${column}`] as const)),
    ),
  );
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return DATE.test(value) ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function wordsIn(text: string): readonly string[] {
  return (text.toLowerCase().match(WORD) ?? []).filter((word) => !NUMBER.test(word));
}

/** Text columns without a marker, and columns that are empty throughout: what leaks from them would pass unseen. */
function blindColumns(rows: readonly Marked[], markers: Markers, side: Side, state: ApplicationState): string[] {
  const excused = new Set([...(state.closed ?? []), ...(state.ignored ?? [])]);
  const seen = new Map<string, boolean>();
  for (const { row, words } of rows) {
    for (const [column, value] of Object.entries(row.values)) {
      const name = `${row.table}.${column}`;
      const marked = [...words].some(([word, place]) => place === name && markers.has(word));
      const opaque =
        typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && DATE.test(value));
      seen.set(name, seen.get(name) === true || marked || opaque);
    }
  }
  return [...seen].filter(([name, marked]) => !marked && !excused.has(name)).map(([name]) => `${name} of ${side}`);
}

/** The first foreign word in an answer that the request did not bring itself: where it stands, and which column it comes from. */
export function findMarker(answer: Answer, ask: Ask, markers: Markers): string | undefined {
  if (markers.size === 0) return undefined;
  const brought = textOf(ask);
  for (const [name, value] of [...answer.headers, ["body", answer.body] as const]) {
    const text = decode(value);
    for (const [word, column] of markers) {
      if (text.includes(word) && !brought.includes(word))
        return `${name === "body" ? "the body" : name} holds ${column}`;
    }
  }
  return undefined;
}

/** Everything that a request says, to be searched for words. */
export function textOf({ target, headers, body = "" }: Ask): string {
  return decode(`${target}\n${Object.values(headers).join("\n")}\n${body}`);
}

/** In small letters, and every run of percent-escapes by itself, so that a broken one does not hide the rest. */
function decode(text: string): string {
  const lower = text.toLowerCase();
  if (!lower.includes("%")) return lower;
  return lower.replaceAll(/(?:%[0-9a-f]{2})+/gu, (escapes) => {
    try {
      return decodeURIComponent(escapes).toLowerCase();
    } catch {
      return escapes;
    }
  });
}
