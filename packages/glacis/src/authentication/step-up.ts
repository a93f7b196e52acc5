/** Fresh proof for sensitive routes, and the way to give it (catalog step-up-auth; ASVS 5 section 7.5; the guide's `otp_required`). */
import { assurance, type AccessRule } from "../core/access.ts";
import { redirect, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AssuranceLevel } from "../core/principal.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface StepUpOptions {
  /** The level that the session must have. 2 unless you say otherwise. */
  readonly level?: AssuranceLevel;
  /** How long ago the last proof may be, in seconds. Ten minutes unless you say otherwise. */
  readonly maxAgeSeconds?: number;
  /** The page where a signed-in user proves again, such as `/confirm`. It gets the way back in `next`. Without it everybody gets the refusal. */
  readonly page?: string;
}

const TEN_MINUTES = 600;
/** A path of this site: two slashes, or a slash and a backslash, would begin another host. */
const OWN_PATH = /^\/(?![/\\])[\x21-\x7e]*$/u;
const LONGEST_NEXT = 2000;

/**
 * A route that wants a recent proof: changing a password, an address, a factor or a role, showing a key, exporting, deleting. A person with a
 * browser is sent to the page of `page` and comes back; a program gets 401 `step_up_required` with `required_level` and `max_age_seconds`.
 *
 * @throws TypeError on an unknown option, a level that is none, or a page that is not a path of this application.
 * @example
 * app.post("/settings/email", access(signInFirst("/sign-in", stepUp({ level: 2, page: "/confirm" }))), changeEmail);
 */
export function stepUp(options: StepUpOptions = {}): AccessRule {
  rejectUnknownOptions("stepUp", options, ["level", "maxAgeSeconds", "page"]);
  const { level = 2, maxAgeSeconds = TEN_MINUTES, page } = options;
  if (page !== undefined && !/^\/(?![/\\])[\w/-]*$/u.test(page))
    throw new TypeError('stepUp() needs page as a plain path, such as "/confirm".');
  const rule = assurance(level, { maxAgeSeconds });
  const challenge = (decision: Decision, facts: IdentifiedFacts): Decision => {
    if (decision.kind !== "deny" || decision.reason !== "step_up_required") return decision;
    const next = page === undefined || !isPerson(facts) ? undefined : wayBack(facts, page);
    if (next !== undefined) return redirect(303, next, decision.events);
    return { ...decision, members: { required_level: level, max_age_seconds: maxAgeSeconds } };
  };
  return {
    kind: rule.kind,
    description: rule.description,
    decide: (facts) => {
      const decision = rule.decide(facts);
      return decision instanceof Promise
        ? decision.then((settled) => challenge(settled, facts))
        : challenge(decision, facts);
    },
  };
}

function isPerson(facts: IdentifiedFacts): boolean {
  return facts.route.kind === "page" && (facts.header("accept") ?? "").includes("text/html");
}

/** Back to the page itself, or for a form to the page that it is on: what was posted is not kept and not repeated. */
function wayBack(facts: IdentifiedFacts, page: string): string {
  const path = facts.method === "GET" ? facts.wire.target : refererPath(facts);
  const next = path !== undefined && OWN_PATH.test(path) && path.length <= LONGEST_NEXT ? path : undefined;
  return next === undefined ? page : `${page}?next=${encodeURIComponent(next)}`;
}

function refererPath(facts: IdentifiedFacts): string | undefined {
  const referer = facts.header("referer") ?? "";
  const url = canParseUrl(referer) ? new URL(referer) : undefined;
  if (
    url === undefined ||
    `${url.protocol.slice(0, -1)}://${url.host}` !== `${facts.scheme}://${facts.authority ?? ""}`
  )
    return undefined;
  return `${url.pathname}${url.search}`;
}
