/** Reads statements: `{ action, principal, effect, condition }`, and refuses every word that the policy does not know. */
import { all, any, type CallerPattern, type Condition } from "./condition.ts";
import { parseExpression } from "./expression.ts";
import { fromExpression, unknownWord, type Vocabulary } from "./read-conditions.ts";

/** What an action does, which decides its SQL verb: `list` and `read` select. A list is filtered in SQL, so its conditions must compile. */
export type ActionKind = "list" | "read" | "create" | "update" | "delete";

export type PrincipalPattern<Role extends string, Group extends string> =
  | "*"
  | "anonymous"
  /** Any signed-in user and any verified service. */
  | "authenticated"
  | "user"
  | "service"
  | `user:${string}`
  | `service:${string}`
  | `role:${Role}`
  | `group:${Group}`;

/** `<read>` is every action of kind `list` or `read`, `<write>` every other, `*` all. */
export type ActionPattern<Action extends string> = Action | "*" | "<read>" | "<write>";

export interface Grant<Name extends string, Role extends string, Group extends string> {
  readonly principal: PrincipalPattern<Role, Group> | readonly PrincipalPattern<Role, Group>[];
  /** Names of conditions that must all hold. */
  readonly condition?: Name | readonly Name[];
  /** Conditions joined in text, such as `"isOwner and not isLocked"`; of several each must hold. */
  readonly expression?: string | readonly string[];
}

export interface Statement<
  Action extends string,
  Name extends string,
  Role extends string,
  Group extends string,
> extends Grant<Name, Role, Group> {
  readonly action: ActionPattern<Action> | readonly ActionPattern<Action>[];
  /** A statement that denies wins over every one that allows. */
  readonly effect: "allow" | "deny";
}

export type AnyGrant = Grant<string, string, string>;
export type AnyStatement = Statement<string, string, string, string>;

export interface StatementVocabulary extends Vocabulary {
  readonly actions: ReadonlyMap<string, ActionKind>;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

export interface ReadStatement {
  readonly effect: "allow" | "deny";
  readonly actions: readonly string[];
  /** Who and when, in one. */
  readonly condition: Condition;
  /** Who alone, for what is asked before there is a row. */
  readonly who: Condition;
  /** Whether it looks at the row. */
  readonly conditional: boolean;
}

const NARROWING: ReadonlySet<string> = new Set(["condition", "expression", "action"]);

/** @throws TypeError on a name that has no meaning here, and on a limit that is undefined */
export function rejectUnknownParts(owner: string, value: object, known: readonly string[]): void {
  if (typeof value !== "object" || value === null) throw new TypeError(`${owner} must be an object.`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownWord(owner, "part", unknown, known);
  // What is left out means no limit, so it is left out and not lost on the way, as by a name that is misspelt.
  const lost = Object.entries(value).find(([name, part]) => NARROWING.has(name) && part === undefined);
  if (lost !== undefined)
    throw new TypeError(`${owner} has ${lost[0]} as undefined; leave it out where nothing limits.`);
}

const KINDS: readonly ActionKind[] = ["list", "read", "create", "update", "delete"];

export function isReadKind(kind: ActionKind): boolean {
  return kind === "list" || kind === "read";
}

export function readActions(
  owner: string,
  declared: Readonly<Record<string, ActionKind>>,
): ReadonlyMap<string, ActionKind> {
  const actions = new Map(Object.entries(declared));
  if (actions.size === 0) throw new TypeError(`${owner} needs actions, such as { list: "list", update: "update" }.`);
  for (const [action, kind] of actions) {
    if (!KINDS.includes(kind)) throw unknownWord(`${owner}, action "${action}",`, "kind", kind, KINDS);
    if (!/^[A-Za-z][\w.-]{0,63}$/u.test(action))
      throw new TypeError(`${owner} needs a plain word for an action, not "${action.slice(0, 100)}".`);
  }
  return actions;
}

/** @throws TypeError on an unknown word, with the nearest known one */
export function readStatement(vocabulary: StatementVocabulary, statement: AnyStatement, index: number): ReadStatement {
  const owner = `${vocabulary.owner}, statement ${index + 1},`;
  rejectUnknownParts(owner, statement, ["action", "principal", "effect", "condition", "expression"]);
  const { effect } = statement;
  if (effect !== "allow" && effect !== "deny") throw unknownWord(owner, "effect", effect, ["allow", "deny"]);
  const actions = readActionPatterns(owner, vocabulary.actions, statement.action);
  const { who, when } = readGrant(owner, vocabulary, statement);
  return { effect, actions, condition: all([who, when]), who, conditional: when.kind !== "constant" };
}

/** @throws TypeError on an unknown word */
export function readGrant(
  owner: string,
  vocabulary: StatementVocabulary,
  grant: AnyGrant,
): { readonly who: Condition; readonly when: Condition } {
  const patterns = listOf(owner, "principal", grant.principal);
  const named = (name: string): Condition => {
    const condition = vocabulary.conditions.get(name);
    if (condition === undefined) throw unknownWord(owner, "condition", name, [...vocabulary.conditions.keys()]);
    return condition;
  };
  const names = grant.condition === undefined ? [] : listOf(owner, "condition", grant.condition);
  const expressions = grant.expression === undefined ? [] : listOf(owner, "expression", grant.expression);
  return {
    who: any(patterns.map((pattern) => readCaller(owner, vocabulary, pattern))),
    when: all([...names.map(named), ...expressions.map((text) => fromExpression(parseExpression(text), named))]),
  };
}

export function readActionPatterns(
  owner: string,
  actions: ReadonlyMap<string, ActionKind>,
  patterns: string | readonly string[],
): readonly string[] {
  const all = [...actions.keys()];
  const chosen = listOf(owner, "action", patterns).flatMap((pattern) => {
    if (pattern === "*") return all;
    if (pattern === "<read>") return all.filter((action) => isReadKind(actions.get(action) as ActionKind));
    if (pattern === "<write>") return all.filter((action) => !isReadKind(actions.get(action) as ActionKind));
    if (!actions.has(pattern)) throw unknownWord(owner, "action", pattern, [...all, "<read>", "<write>", "*"]);
    return [pattern];
  });
  return [...new Set(chosen)];
}

const PLAIN_CALLERS = {
  anonymous: "anonymous",
  authenticated: "authenticated",
  user: "any-user",
  service: "any-service",
} as const;

function readCaller(owner: string, vocabulary: StatementVocabulary, pattern: string): Condition {
  if (pattern === "*") return { kind: "constant", value: true };
  const separator = pattern.indexOf(":");
  if (separator === -1) {
    if (!Object.hasOwn(PLAIN_CALLERS, pattern)) throw unknownCaller(owner, vocabulary, pattern);
    return { kind: "caller", pattern: { kind: PLAIN_CALLERS[pattern as keyof typeof PLAIN_CALLERS] } };
  }
  const kind = pattern.slice(0, separator);
  const name = pattern.slice(separator + 1);
  if (name === "" || !name.isWellFormed() || name.includes("\0")) throw unknownCaller(owner, vocabulary, pattern);
  if ((kind === "role" || kind === "group") && vocabulary[`${kind}s`].includes(name)) return named(kind, name);
  if (kind === "user" || kind === "service") return named(kind, name);
  throw unknownCaller(owner, vocabulary, pattern);
}

function named(kind: "role" | "group" | "user" | "service", name: string): Condition {
  const pattern: CallerPattern = { kind, name };
  return { kind: "caller", pattern };
}

/** Roles and groups are declared, so that a misspelt one is an error and not a rule that never applies. */
function unknownCaller(owner: string, { roles, groups }: StatementVocabulary, pattern: string): TypeError {
  const known = [
    "*",
    "anonymous",
    "authenticated",
    "user",
    "service",
    "user:<id>",
    "service:<id>",
    ...roles.map((role) => `role:${role}`),
    ...groups.map((group) => `group:${group}`),
  ];
  return unknownWord(owner, "principal", pattern, known);
}

/** One or several; none would be a statement that never applies. */
function listOf(owner: string, what: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (list.length === 0) throw new TypeError(`${owner} needs at least one ${what}; with none it never applies.`);
  if (list.some((each) => typeof each !== "string" || each === ""))
    throw new TypeError(`${owner} needs ${what} as text or a list of texts.`);
  return list as readonly string[];
}
