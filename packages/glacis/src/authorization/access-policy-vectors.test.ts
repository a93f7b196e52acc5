import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { isConditionName } from "./expression.ts";
import { opaque, type Opaque } from "./match.ts";
import { acrossTenants } from "./read-policy.ts";
import type { ActionKind } from "./statements.ts";

/** Recorded decisions of the Python library whose statements the guide uses, asked of ours. */

interface RecordedStatement {
  readonly principal?: string | readonly string[];
  readonly action?: string | readonly string[];
  readonly effect?: string;
  readonly condition?: string | readonly string[];
  readonly condition_expression?: string | readonly string[];
}

interface RecordedCase {
  readonly id: string;
  readonly kind: "evaluate" | "has_permission" | "match_principal" | "match_action" | "match_conditions";
  readonly statements: readonly RecordedStatement[];
  readonly user?: {
    readonly anonymous?: boolean;
    readonly pk: number | string | null;
    readonly groups?: readonly string[];
    readonly is_staff?: boolean;
    readonly is_superuser?: boolean;
  } | null;
  readonly id_prefix?: string;
  readonly method?: string;
  readonly action?: string | null;
  readonly conditions?: Readonly<Record<string, unknown>>;
  readonly is_expression?: boolean;
  readonly allowed?: boolean;
  readonly raises?: string;
  readonly matched?: readonly number[];
}

type Result = "allowed" | "denied" | "not constructed";

/** Where we answer otherwise on purpose: our answer, and why. */
function deviationOf({
  statements,
  user,
  id_prefix: idPrefix = "id:",
}: RecordedCase): readonly [Result, string] | undefined {
  const principals = statements.flatMap(({ principal }) => list(principal) ?? []);
  const actions = statements.flatMap(({ action }) => list(action) ?? []);
  const isKnown = (name: string): boolean =>
    /^(?:\*|anonymous|authenticated|staff|admin|group:.+)$/u.test(name) || name.startsWith(idPrefix);
  if (statements.some(({ effect }) => effect !== "allow" && effect !== "deny"))
    return [
      "not constructed",
      "the library takes every effect that is not allow for deny; a misspelt one is an error here",
    ];
  if (statements.some(({ principal, action }) => list(principal)?.length === 0 || list(action)?.length === 0))
    return [
      "not constructed",
      "without principals or actions a statement never applies, and a deny would protect nothing",
    ];
  if (actions.some((name) => name.startsWith("<method:")))
    return [
      "not constructed",
      "a policy knows actions and what they do, not HTTP methods; an unknown action is an error",
    ];
  if (actions.some((name) => !/^(?:\*|<safe_methods>|\w+)$/u.test(name)))
    return ["not constructed", "an action is a word, not a pattern; a misspelt one would never apply"];
  if (!principals.every(isKnown)) return ["not constructed", "a misspelt principal would be a rule that never applies"];
  const isNobody = user === null || user === undefined || user.anonymous === true;
  return isNobody && principals.includes(`${idPrefix}None`)
    ? ["denied", "the library takes an anonymous caller for the user whose id is the text None"]
    : undefined;
}

function principalOf(user: RecordedCase["user"]): Principal {
  if (user === null || user === undefined || user.anonymous === true) return ANONYMOUS;
  const roles = [...(user.is_staff === true ? ["staff"] : []), ...(user.is_superuser === true ? ["admin"] : [])];
  return {
    kind: "user",
    id: String(user.pk) as UserId,
    tenantId: "tenant" as TenantId,
    roles,
    groups: user.groups ?? [],
    assurance: 1,
    authenticatedAtMs: 0,
  };
}

/** Our words for theirs: an id is a user's, the two flags of their user table are roles. */
function translate(pattern: string, idPrefix: string): string {
  if (pattern === "staff" || pattern === "admin") return `role:${pattern}`;
  return pattern.startsWith(idPrefix) ? `user:${pattern.slice(idPrefix.length)}` : pattern;
}

const list = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  value === undefined ? undefined : [value].flat();

function ask(recorded: RecordedCase, statements: readonly RecordedStatement[]): Result {
  const { id_prefix: idPrefix = "id:", method = "GET", conditions = {} } = recorded;
  const kind: ActionKind = ["GET", "HEAD", "OPTIONS"].includes(method) ? "read" : "update";
  const written = statements.flatMap(({ action }) => list(action) ?? []);
  const action = recorded.action ?? "none";
  const actions = [...written.filter((name) => /^\w+$/u.test(name)), action];
  const groups = statements
    .flatMap(({ principal }) => list(principal) ?? [])
    .flatMap((name) => name.match(/^group:(.+)$/u)?.[1] ?? []);
  const named = statements.flatMap((statement) => [
    ...(list(statement.condition) ?? []),
    ...(list(statement.condition_expression) ?? []).flatMap((text) => text.match(/[\w:.*]+/gu) ?? []),
  ]);
  // A condition that was not asked in the recording must not be asked here.
  const answered = { ...Object.fromEntries(named.map((name) => [name, "raise"])), ...conditions };
  const answers = (name: string, value: unknown): Opaque<unknown> =>
    opaque(() => {
      if (value === "raise") throw new Error(`${name} fails`);
      return value as boolean;
    });
  try {
    const policy = accessPolicy({
      resource: "recorded",
      columns: { id: "text" },
      tenant: acrossTenants("the recorded users have no tenant"),
      actions: Object.fromEntries(actions.map((name) => [name, kind])),
      roles: ["staff", "admin"],
      groups,
      conditions: Object.fromEntries(
        Object.entries(answered)
          .filter(([name]) => isConditionName(name))
          .map(([name, value]) => [name, answers(name, value)]),
      ),
      statements: statements.map((statement) => ({
        action: (list(statement.action) ?? []).map((name) => (name === "<safe_methods>" ? "<read>" : name)),
        principal: (list(statement.principal) ?? []).map((name) => translate(name, idPrefix)) as "*"[],
        effect: statement.effect as "allow",
        ...((list(statement.condition) ?? []).length > 0 && { condition: list(statement.condition) as never[] }),
        ...((list(statement.condition_expression) ?? []).length > 0 && {
          expression: list(statement.condition_expression) ?? [],
        }),
      })),
      report: () => undefined,
    });
    return policy.permits(principalOf(recorded.user), action, { id: "1" }) ? "allowed" : "denied";
  } catch (error) {
    if (error instanceof TypeError) return "not constructed";
    throw error;
  }
}

/** What the recording wants of us; of an exception that nothing is allowed. */
function wanted(recorded: RecordedCase): readonly Result[] {
  const { raises, allowed } = recorded;
  if (raises !== undefined) return ["denied", "not constructed"];
  const deviation = deviationOf(recorded);
  if (deviation !== undefined) return [deviation[0]];
  return [allowed === true ? "allowed" : "denied"];
}

/** One stage alone: each statement by itself, with the other parts open. */
function matched(recorded: RecordedCase): readonly number[] {
  const open = { principal: "*", action: "*", effect: "allow" } as const;
  const part = (statement: RecordedStatement): RecordedStatement => {
    switch (recorded.kind) {
      case "match_principal":
        return { ...open, principal: statement.principal ?? [] };
      case "match_action":
        return { ...open, action: statement.action ?? [] };
      case "match_conditions":
      case "evaluate":
      case "has_permission":
        return recorded.is_expression === true
          ? { ...open, condition_expression: statement.condition_expression ?? [] }
          : { ...open, condition: statement.condition ?? [] };
    }
  };
  return recorded.statements.flatMap((statement, index) =>
    ask(recorded, [part(statement)]) === "allowed" ? [index] : [],
  );
}

describe("an access policy", () => {
  const vectors = loadVectors<RecordedCase>("access_policy");

  it.each(vectors?.cases ?? [])("$id: $label", (recorded) => {
    if (recorded.matched === undefined) expect(wanted(recorded)).toContain(ask(recorded, recorded.statements));
    else expect(matched(recorded)).toEqual(recorded.matched);
  });
});
