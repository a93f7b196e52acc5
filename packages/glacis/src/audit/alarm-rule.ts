/** The rule expressions of composite alarms: ALARM("a") AND NOT OK("b"), as CloudWatch documents them. */
import type { AlarmState } from "./alarm.ts";
import { countOf } from "./alarm-statistic.ts";
import { skipBlanks, take, takeMatch, takeQuoted, type Cursor } from "./filter-pattern-cursor.ts";

export type RuleNode =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "state"; readonly state: AlarmState; readonly alarm: string }
  | { readonly kind: "not"; readonly of: RuleNode }
  | { readonly kind: "atLeast"; readonly least: number; readonly of: readonly RuleNode[] }
  | { readonly kind: "and" | "or"; readonly left: RuleNode; readonly right: RuleNode };

const MOST_CHILDREN = 100;
const MOST_CHARACTERS = 10_240;
const DEEPEST = 100;

/**
 * Reads a rule. NOT binds closer than AND, AND closer than OR.
 *
 * @throws TypeError on what CloudWatch would not take
 */
export function parseAlarmRule(text: string): RuleNode {
  const cursor: Cursor = { text, at: 0 };
  if (text.length > MOST_CHARACTERS) refuse(cursor, `An alarm rule has ${MOST_CHARACTERS} characters at most`);
  const node = readOr(cursor, 0);
  skipBlanks(cursor);
  if (cursor.at < text.length) refuse(cursor, "AND, OR or the end is expected");
  if (alarmsOf(node).length > MOST_CHILDREN) refuse(cursor, `An alarm rule names ${MOST_CHILDREN} alarms at most`);
  return node;
}

function refuse(cursor: Cursor, message: string): never {
  throw new TypeError(`${message} (at character ${cursor.at + 1} of the alarm rule).`);
}

function takeWord(cursor: Cursor, word: RegExp): boolean {
  skipBlanks(cursor);
  return takeMatch(cursor, word) !== undefined;
}

function readOr(cursor: Cursor, depth: number): RuleNode {
  let left = readAnd(cursor, depth);
  while (takeWord(cursor, /OR\b/uy)) left = { kind: "or", left, right: readAnd(cursor, depth) };
  return left;
}

function readAnd(cursor: Cursor, depth: number): RuleNode {
  let left = readNot(cursor, depth);
  while (takeWord(cursor, /AND\b/uy)) left = { kind: "and", left, right: readNot(cursor, depth) };
  return left;
}

function readNot(cursor: Cursor, depth: number): RuleNode {
  if (depth > DEEPEST) refuse(cursor, "The rule is nested too deeply");
  if (takeWord(cursor, /NOT\b/uy)) return { kind: "not", of: readNot(cursor, depth + 1) };
  if (takeWord(cursor, /TRUE\b/uy)) return { kind: "constant", value: true };
  if (takeWord(cursor, /FALSE\b/uy)) return { kind: "constant", value: false };
  if (takeWord(cursor, /AT_LEAST\b/uy)) return readAtLeast(cursor);
  if (!takeWord(cursor, /\(/uy)) return readState(cursor);
  const node = readOr(cursor, depth + 1);
  takeClosing(cursor);
  return node;
}

/** `AT_LEAST(2, ALARM, (a, b, c))` and `AT_LEAST(50%, NOT OK, (a, b))`. */
function readAtLeast(cursor: Cursor): RuleNode {
  takePunctuation(cursor, "(");
  skipBlanks(cursor);
  const written =
    takeMatch(cursor, /\d{1,3}%?/uy) ?? refuse(cursor, "A count such as 2 or a share such as 50% is expected");
  takePunctuation(cursor, ",");
  const negated = takeWord(cursor, /NOT\b/uy);
  skipBlanks(cursor);
  const state = takeState(cursor) ?? refuse(cursor, "ALARM, OK or INSUFFICIENT_DATA is expected");
  takePunctuation(cursor, ",");
  takePunctuation(cursor, "(");
  const of: RuleNode[] = [];
  do {
    const one: RuleNode = { kind: "state", state, alarm: takeAlarm(cursor, /[^\s(),"]+/uy) };
    of.push(negated ? { kind: "not", of: one } : one);
  } while (takeWord(cursor, /,/uy));
  takeClosing(cursor);
  takeClosing(cursor);
  const least = written.endsWith("%") ? countOf(Number.parseInt(written, 10) / 100, of.length) : Number(written);
  if (least <= 0 || least > of.length)
    refuse(cursor, `AT_LEAST asks for 1 to ${of.length} of ${of.length} alarms, or 1% to 100%`);
  return { kind: "atLeast", least, of };
}

function takePunctuation(cursor: Cursor, mark: "(" | ","): void {
  skipBlanks(cursor);
  if (!take(cursor, mark)) refuse(cursor, `${mark} is expected`);
}

function takeClosing(cursor: Cursor): void {
  if (!takeWord(cursor, /\)/uy)) refuse(cursor, "A closing parenthesis is missing");
}

function takeState(cursor: Cursor): AlarmState | undefined {
  return takeMatch(cursor, /(?:ALARM|OK|INSUFFICIENT_DATA)\b/uy) as AlarmState | undefined;
}

function readState(cursor: Cursor): RuleNode {
  const state = takeState(cursor);
  skipBlanks(cursor);
  if (state === undefined || !take(cursor, "("))
    return refuse(cursor, "ALARM(name), OK(name) or INSUFFICIENT_DATA(name) is expected");
  const alarm = takeAlarm(cursor, /[^\s()"]+/uy);
  takeClosing(cursor);
  return { kind: "state", state, alarm };
}

/** @param bare a name without quotes */
function takeAlarm(cursor: Cursor, bare: RegExp): string {
  skipBlanks(cursor);
  const alarm = cursor.text[cursor.at] === '"' ? takeQuoted(cursor) : takeMatch(cursor, bare);
  return alarm === undefined || alarm === "" ? refuse(cursor, "The name of an alarm is expected") : alarmNameOf(alarm);
}

/** An alarm may be named by its resource of AWS as well. */
export function alarmNameOf(text: string): string {
  return text.replace(/^arn:[^:]*:cloudwatch:[^:]*:[^:]*:alarm:/u, "");
}

/** The alarms that a rule names. */
export function alarmsOf(node: RuleNode): readonly string[] {
  switch (node.kind) {
    case "constant":
      return [];
    case "state":
      return [node.alarm];
    case "not":
      return alarmsOf(node.of);
    case "atLeast":
      return [...new Set(node.of.flatMap(alarmsOf))];
    case "and":
    case "or":
      return [...new Set([...alarmsOf(node.left), ...alarmsOf(node.right)])];
  }
}

/** @param stateOf the state of each named alarm; an alarm that is unknown has no data */
export function evaluateRule(node: RuleNode, stateOf: (alarm: string) => AlarmState | undefined): boolean {
  switch (node.kind) {
    case "constant":
      return node.value;
    case "state":
      return (stateOf(node.alarm) ?? "INSUFFICIENT_DATA") === node.state;
    case "not":
      return !evaluateRule(node.of, stateOf);
    case "atLeast":
      return node.of.filter((one) => evaluateRule(one, stateOf)).length >= node.least;
    case "and":
      return evaluateRule(node.left, stateOf) && evaluateRule(node.right, stateOf);
    case "or":
      return evaluateRule(node.left, stateOf) || evaluateRule(node.right, stateOf);
  }
}
