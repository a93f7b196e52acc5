/** The rule expressions of composite alarms: ALARM("a") AND NOT OK("b"), as CloudWatch documents them. */
import type { AlarmState } from "./alarm.ts";
import { skipBlanks, take, takeMatch, takeQuoted, type Cursor } from "./filter-pattern-cursor.ts";

export type RuleNode =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "state"; readonly state: AlarmState; readonly alarm: string }
  | { readonly kind: "not"; readonly of: RuleNode }
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
  if (!takeWord(cursor, /\(/uy)) return readState(cursor);
  const node = readOr(cursor, depth + 1);
  if (!takeWord(cursor, /\)/uy)) refuse(cursor, "A closing parenthesis is missing");
  return node;
}

function readState(cursor: Cursor): RuleNode {
  const state = takeMatch(cursor, /(?:ALARM|OK|INSUFFICIENT_DATA)\b/uy) as AlarmState | undefined;
  skipBlanks(cursor);
  if (state === undefined || !take(cursor, "("))
    return refuse(cursor, "ALARM(name), OK(name) or INSUFFICIENT_DATA(name) is expected");
  skipBlanks(cursor);
  const alarm = cursor.text[cursor.at] === '"' ? takeQuoted(cursor) : takeMatch(cursor, /[^\s()"]+/uy);
  if (alarm === undefined || alarm === "") return refuse(cursor, "The name of an alarm is expected");
  if (!takeWord(cursor, /\)/uy)) refuse(cursor, "A closing parenthesis is missing");
  return { kind: "state", state, alarm: alarmNameOf(alarm) };
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
    case "and":
      return evaluateRule(node.left, stateOf) && evaluateRule(node.right, stateOf);
    case "or":
      return evaluateRule(node.left, stateOf) || evaluateRule(node.right, stateOf);
  }
}
