/** A right that was taken away is gone with the next request (catalog authorization-freshness; ASVS 5 section 8.3). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { currentRequest, followRequests } from "../primitives/request-context.ts";

const META: ControlMeta = {
  id: "authorization-freshness",
  title: "Permission changes apply at once",
  layer: "authorization",
  guide: ["A01"],
  owasp2021: ["A01"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-8.3.2", "v5.0.0-8.3.3"],
  cwe: ["CWE-863", "CWE-613", "CWE-441"],
};

export const ROLES_OF_SIGN_IN: Rule = {
  id: "authorization-freshness/roles-of-sign-in",
  severity: "warning",
  what: "Roles are those of the sign-in, until somebody ends the sessions.",
  why: "Whoever was dismissed or lost a role keeps it for as long as his session lives, wherever the code that took it away forgets to revoke.",
  fix: "Give saas() membership, which reads a user's roles at each request; undefined ends the session.",
};

export interface AuthorizationFreshnessOptions {
  /** Whether roles are read at each request. */
  readonly readAtEachRequest: boolean;
}

/**
 * Judges where roles come from. `saas()` mounts it and tells it.
 *
 * @throws TypeError on an unknown option.
 */
export function authorizationFreshness(options: AuthorizationFreshnessOptions): Control<IdentifiedFacts> {
  rejectUnknownOptions("authorizationFreshness", options, ["readAtEachRequest"]);
  return {
    meta: META,
    rules: [ROLES_OF_SIGN_IN],
    check: () =>
      options.readAtEachRequest ? [] : [finding(ROLES_OF_SIGN_IN, { kind: "setting", name: "saas.membership" })],
  };
}

const MOST_KEPT = 1_000;

/**
 * The same reading once for a request: asked again with the same words it gives the same answer, and the next request reads anew. Nothing outlives its
 * request, so a change is seen by the next one in every process. A reading that fails is not kept. Outside a request it reads each time.
 *
 * @param read what a decision rests on, by texts that name it: a role, a share, a version
 * @example
 * const roleIn = oncePerRequest((userId: string, projectId: string) => readRole(userId, projectId));
 */
export function oncePerRequest<Words extends readonly string[], Value>(
  read: (...words: Words) => Promise<Value>,
): (...words: Words) => Promise<Value> {
  followRequests();
  const kept = new PerRequest<Map<string, Promise<Value>>>();
  return (...words) => {
    const request = currentRequest();
    if (request === undefined) return read(...words);
    let answers = kept.get(request);
    if (answers === undefined) kept.set(request, (answers = new Map<string, Promise<Value>>()));
    const key = JSON.stringify(words);
    const known = answers.get(key);
    if (known !== undefined) return known;
    // A request that asks about more than this is a loop; the oldest answers are read again.
    const [oldest] = answers.keys();
    if (answers.size >= MOST_KEPT && oldest !== undefined) answers.delete(oldest);
    const asked = read(...words);
    answers.set(key, asked);
    asked.catch(() => answers.delete(key));
    return asked;
  };
}
