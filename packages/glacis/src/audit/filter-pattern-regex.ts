/** The regular expressions of CloudWatch Logs: no groups, so a pattern is a choice of sequences, and matching takes linear time. */
import { fail, take, takeMatch, type Cursor } from "./filter-pattern-cursor.ts";
import { FilterPatternError } from "./filter-pattern-error.ts";

type Predicate = (code: number) => boolean;

/** One step of a sequence: a character of a set, so many times; or a place. */
type Step =
  | { readonly kind: "characters"; readonly test: Predicate; readonly least: number; readonly most: number }
  | { readonly kind: "start" | "end" };

/** What one state does: take a character, or go on where the text begins or ends, or skip ahead, or say yes. */
interface State {
  readonly test: Predicate | undefined;
  readonly place: "start" | "end" | undefined;
  /** Where to go on without taking a character. */
  readonly free: readonly number[];
  readonly next: number;
}

const LITERAL = /[A-Za-z0-9:_#=@/;,\- ]/u;
const OPERATORS = "^$?[]{}|\\*+.";
const MOST_REPEATS = 1000;
/** A text of n characters takes at most n times this many steps. */
const MOST_STATES = 4000;

const isDigit: Predicate = (code) => code >= 0x30 && code <= 0x39;
const isBlank: Predicate = (code) => code === 0x20 || (code >= 0x09 && code <= 0x0d);
const isWord: Predicate = (code) =>
  isDigit(code) || code === 0x5f || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
const not =
  (test: Predicate): Predicate =>
  (code) =>
    !test(code);
const CLASSES: Readonly<Record<string, Predicate>> = {
  d: isDigit,
  D: not(isDigit),
  s: isBlank,
  S: not(isBlank),
  w: isWord,
  W: not(isWord),
};

/**
 * Compiles an expression as CloudWatch Logs documents them. It is never handed to the runtime's own engine, whose time can be exponential.
 *
 * @param source what stands between the percent signs
 * @param index where it stands in the pattern, for messages
 * @returns whether a text contains a match
 * @throws FilterPatternError on what the dialect does not have
 */
export function compileRegex(source: string, index = 0): (text: string) => boolean {
  const cursor: Cursor = { text: source, at: 0 };
  try {
    if (source === "") fail(cursor, "A regular expression between percent signs is empty.");
    const sequences = [readSequence(cursor)];
    while (take(cursor, "|")) sequences.push(readSequence(cursor));
    return runner(statesOf(sequences, cursor), sequences.length);
  } catch (error) {
    if (!(error instanceof FilterPatternError)) throw error;
    throw new FilterPatternError(error.message.replace(/ \(at character .*$/u, ""), index + cursor.at);
  }
}

function readSequence(cursor: Cursor): readonly Step[] {
  const steps: Step[] = [];
  while (cursor.at < cursor.text.length && cursor.text[cursor.at] !== "|") {
    if (take(cursor, "^")) steps.push({ kind: "start" });
    else if (take(cursor, "$")) steps.push({ kind: "end" });
    else {
      const test = readSet(cursor);
      steps.push({ kind: "characters", test, ...readQuantity(cursor) });
    }
  }
  return steps.length === 0 ? fail(cursor, "One side of | is empty.") : steps;
}

function readQuantity(cursor: Cursor): { readonly least: number; readonly most: number } {
  if (take(cursor, "?")) return { least: 0, most: 1 };
  if (take(cursor, "*")) return { least: 0, most: Infinity };
  if (take(cursor, "+")) return { least: 1, most: Infinity };
  if (cursor.text[cursor.at] !== "{") return { least: 1, most: 1 };
  const found = /^\{(?!,?\})(\d{0,4})(?:(,)(\d{1,4})?)?\}/u.exec(cursor.text.slice(cursor.at));
  if (found === null) return fail(cursor, "Write a number of repetitions as {2}, {2,}, {,5} or {2,5}.");
  const least = Number(found[1]);
  const most = found[2] === undefined ? least : found[3] === undefined ? Infinity : Number(found[3]);
  if (most < least || least > MOST_REPEATS || (most !== Infinity && most > MOST_REPEATS) || most === 0)
    return fail(cursor, `A number of repetitions goes from less to more, and to ${MOST_REPEATS} at most.`);
  cursor.at += found[0].length;
  return { least, most };
}

function readSet(cursor: Cursor): Predicate {
  if (take(cursor, ".")) return () => true;
  if (take(cursor, "[")) return readBrackets(cursor);
  const escaped = readEscape(cursor);
  if (escaped !== undefined) return typeof escaped === "number" ? (code) => code === escaped : escaped;
  const character = cursor.text[cursor.at] as string;
  // A brace that closes nothing stands for itself.
  if (!LITERAL.test(character) && character !== "}") {
    const repeats = "?*+{".includes(character);
    return fail(
      cursor,
      repeats ? `There is nothing that ${character} could repeat.` : `${JSON.stringify(character)} cannot stand here.`,
    );
  }
  cursor.at += 1;
  const wanted = character.charCodeAt(0);
  return (code) => code === wanted;
}

/** A set or a character's code; undefined when no backslash stands here. */
function readEscape(cursor: Cursor): Predicate | number | undefined {
  if (cursor.text[cursor.at] !== "\\") return undefined;
  const hex = takeMatch(cursor, /\\x[0-9A-Fa-f]{2}/uy);
  if (hex !== undefined) return Number.parseInt(hex.slice(2), 16);
  const character = cursor.text[cursor.at + 1] ?? "";
  const known = CLASSES[character];
  const literal = character !== "" && (OPERATORS.includes(character) || "-/ ".includes(character));
  if (known === undefined && !literal) return fail(cursor, `\\${character} means nothing in this dialect.`);
  cursor.at += 2;
  return known ?? character.charCodeAt(0);
}

function readBrackets(cursor: Cursor): Predicate {
  const negated = take(cursor, "^");
  const tests: Predicate[] = [];
  while (!take(cursor, "]")) {
    const low = readMember(cursor);
    const isRange = cursor.text[cursor.at] === "-" && cursor.text[cursor.at + 1] !== "]";
    if (typeof low !== "number") tests.push(low);
    else if (!isRange) tests.push((code) => code === low);
    else {
      cursor.at += 1;
      const high = readMember(cursor);
      if (typeof high !== "number" || high < low)
        return fail(cursor, "A range goes from a lower character to a higher.");
      tests.push((code) => code >= low && code <= high);
    }
  }
  if (tests.length === 0) return fail(cursor, "A set of characters is empty.");
  return negated ? (code) => !tests.some((test) => test(code)) : (code) => tests.some((test) => test(code));
}

function readMember(cursor: Cursor): Predicate | number {
  const escaped = readEscape(cursor);
  if (escaped !== undefined) return escaped;
  const character = cursor.text[cursor.at];
  if (character === undefined) return fail(cursor, "A set of characters has no end.");
  // Inside brackets the operators stand for themselves.
  if (!LITERAL.test(character) && !"^$?{}|*+.".includes(character))
    return fail(cursor, `${JSON.stringify(character)} cannot stand here.`);
  cursor.at += 1;
  return character.charCodeAt(0);
}

/** The first states are the beginnings of the sequences; a state whose `next` is -1 and that takes nothing says yes. */
function statesOf(sequences: readonly (readonly Step[])[], cursor: Cursor): readonly State[] {
  const states: State[] = sequences.map(() => ({ test: undefined, place: undefined, free: [], next: -1 }));
  const add = (state: State): number => {
    if (states.length >= MOST_STATES) fail(cursor, "The repetitions of the regular expression multiply to too much.");
    return states.push(state) - 1;
  };
  const accept = add({ test: undefined, place: undefined, free: [], next: -1 });
  for (const [index, steps] of sequences.entries()) {
    let next = accept;
    for (const step of steps.toReversed()) next = prepend(step, next, add);
    states[index] = { test: undefined, place: undefined, free: [next], next: -1 };
  }
  return states;
}

function prepend(step: Step, after: number, add: (state: State) => number): number {
  if (step.kind !== "characters") return add({ test: undefined, place: step.kind, free: [], next: after });
  let next = after;
  if (step.most === Infinity) {
    // A loop: its own number is known only once it is there.
    const free = [after];
    const loop = add({ test: undefined, place: undefined, free, next: -1 });
    free.push(add({ test: step.test, place: undefined, free: [], next: loop }));
    next = loop;
  } else {
    for (let extra = step.least; extra < step.most; extra += 1) {
      const taking = add({ test: step.test, place: undefined, free: [], next });
      next = add({ test: undefined, place: undefined, free: [taking, after], next: -1 });
    }
  }
  for (let needed = 0; needed < step.least; needed += 1)
    next = add({ test: step.test, place: undefined, free: [], next });
  return next;
}

/** All states at once, one character after the other (Thompson). */
function runner(states: readonly State[], sequences: number): (text: string) => boolean {
  // Rounds are counted over all texts, and never begin again: a state last seen as many rounds ago as there are numbers would pass for seen.
  const seen = new Float64Array(states.length);
  let round = 0;
  const current: number[] = [];
  const stack: number[] = [];
  /** Enters a state and all that it leads to for free; true when one of them says yes. */
  function enter(first: number, list: number[], atStart: boolean, atEnd: boolean): boolean {
    stack.push(first);
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      if (seen[index] === round) continue;
      seen[index] = round;
      const { test, place, free, next } = states[index] as State;
      if (test !== undefined) list.push(index);
      else if (place !== undefined) {
        if (place === "start" ? atStart : atEnd) stack.push(next);
      } else if (free.length === 0) {
        stack.length = 0;
        return true;
      } else for (const target of free) stack.push(target);
    }
    return false;
  }
  return (text) => {
    let now = current;
    let then: number[] = [];
    now.length = 0;
    round += 1;
    for (let at = 0; ; at += 1) {
      const atEnd = at === text.length;
      for (let index = 0; index < sequences; index += 1) if (enter(index, now, at === 0, atEnd)) return true;
      if (atEnd) return false;
      const code = text.charCodeAt(at);
      round += 1;
      for (const index of now) {
        const { test, next } = states[index] as State;
        if (test?.(code) === true && enter(next, then, false, at + 1 === text.length)) return true;
      }
      [now, then] = [then, now];
      then.length = 0;
    }
  };
}
