import { ALLOW, deny, redirect, type Decision } from "./decision.ts";
import type { IdentifiedFacts } from "./facts.ts";
import type { AssuranceLevel, Principal } from "./principal.ts";

/**
 * Who may call a route. It sees the principal, not the object: object-level rules are asked in the handler.
 * Every rule but `publicAccess` refuses an anonymous principal.
 */
export interface AccessRule {
  readonly kind: "public" | "authenticated" | "role" | "policy" | "assurance" | "all";
  /** One line for the sealed route table and the report, such as `role admin`. */
  readonly description: string;
  readonly decide: (facts: IdentifiedFacts) => Decision | Promise<Decision>;
}

/**
 * Open to everyone. The reason is printed in the route table, so that a reviewer can disagree with it.
 *
 * @throws TypeError without a reason.
 */
export function publicAccess(reason: string): AccessRule {
  if (typeof reason !== "string" || reason.trim() === "") {
    throw new TypeError('publicAccess() needs the reason in words, such as publicAccess("sign-in page").');
  }
  return { kind: "public", description: `public: ${reason}`, decide: () => ALLOW };
}

/** Any signed-in user or verified service. */
export function authenticated(): AccessRule {
  return { kind: "authenticated", description: "authenticated", decide: (facts) => signedIn(facts.principal) ?? ALLOW };
}

/** A principal that holds at least one of the roles in its tenant. */
export function hasRole(...roles: readonly string[]): AccessRule {
  if (roles.length === 0 || roles.some((role) => role === ""))
    throw new TypeError('hasRole() needs at least one role, such as hasRole("admin").');
  const wanted = new Set(roles);
  return {
    kind: "role",
    description: `role ${roles.join(" or ")}`,
    decide: ({ principal }) => {
      const refusal = signedIn(principal);
      if (refusal !== undefined) return refusal;
      return principal.kind !== "anonymous" && principal.roles.some((role) => wanted.has(role))
        ? ALLOW
        : forbidden("role_missing");
    },
  };
}

/**
 * The same rule, but a stranger who opens a page in a browser is sent to sign in, with the path he wanted in `next`. Programs, forms and
 * everybody else get the rule's own refusal.
 *
 * @param path of the sign-in page, such as `/sign-in`
 * @throws TypeError when it is not a path of this application.
 * @example
 * app.get("/documents", access(signInFirst("/sign-in", authenticated())), listDocuments);
 */
export function signInFirst(path: string, rule: AccessRule): AccessRule {
  if (!/^\/(?![/\\])[\w/-]*$/u.test(path)) throw new TypeError('signInFirst() needs a plain path, such as "/sign-in".');
  const instead = (decision: Decision, facts: IdentifiedFacts): Decision =>
    decision.kind === "deny" && decision.reason === "unauthenticated" && opensPage(facts)
      ? redirect(303, `${path}?next=${encodeURIComponent(facts.wire.target)}`, decision.events)
      : decision;
  return {
    kind: rule.kind,
    description: rule.description,
    decide: (facts) => {
      const decision = rule.decide(facts);
      return decision instanceof Promise
        ? decision.then((settled) => instead(settled, facts))
        : instead(decision, facts);
    },
  };
}

/** A path that begins with two slashes would be another host to whoever follows `next`. */
function opensPage(facts: IdentifiedFacts): boolean {
  const { method, route, wire } = facts;
  if (method !== "GET" || route.kind !== "page" || !/^\/(?![/\\])/u.test(wire.target)) return false;
  return (facts.header("accept") ?? "").includes("text/html");
}

/**
 * A user whose session has reached an assurance level, and recently enough (ASVS 5 section 7.5; the guide's `otp_required`).
 *
 * @param maxAgeSeconds how long ago the last proof may be; without it any age inside the session counts
 */
export function assurance(level: AssuranceLevel, options: { readonly maxAgeSeconds?: number } = {}): AccessRule {
  const { maxAgeSeconds } = options;
  if (![1, 2, 3].includes(level)) throw new TypeError("assurance() takes level 1, 2 or 3.");
  if (maxAgeSeconds !== undefined && !(maxAgeSeconds > 0))
    throw new TypeError("maxAgeSeconds must be greater than zero.");
  const age = maxAgeSeconds === undefined ? "" : `, proved within ${maxAgeSeconds} s`;
  return {
    kind: "assurance",
    description: `assurance level ${level}${age}`,
    decide: ({ principal, receivedAtMs }) => {
      const refusal = signedIn(principal);
      if (refusal !== undefined) return refusal;
      if (principal.kind !== "user") return forbidden("assurance_needs_user");
      const fresh = maxAgeSeconds === undefined || receivedAtMs - principal.authenticatedAtMs <= maxAgeSeconds * 1000;
      return principal.assurance >= level && fresh ? ALLOW : stepUp();
    },
  };
}

/**
 * A decision of your own about the principal, under a name that the route table shows. Anything but `true` refuses; a throw or a promise
 * that rejects refuses with 503.
 */
export function policyAccess(
  name: string,
  permits: (principal: Principal, facts: IdentifiedFacts) => boolean | Promise<boolean>,
): AccessRule {
  if (name.trim() === "") throw new TypeError("policyAccess() needs a name for the route table.");
  const verdict = (permitted: unknown): Decision => (permitted === true ? ALLOW : forbidden("policy_refused"));
  return {
    kind: "policy",
    description: `policy ${name}`,
    decide: (facts) => {
      const refusal = signedIn(facts.principal);
      if (refusal !== undefined) return refusal;
      const permitted: unknown = permits(facts.principal, facts);
      return permitted instanceof Promise ? permitted.then(verdict) : verdict(permitted);
    },
  };
}

/** Every rule must allow; the first refusal wins. */
export function allOf(...rules: readonly AccessRule[]): AccessRule {
  if (rules.length === 0) throw new TypeError("allOf() needs at least one rule.");
  if (rules.some((rule) => rule.kind === "public"))
    throw new TypeError("allOf() with a public rule says less than it seems; leave the public rule out.");
  return {
    kind: "all",
    description: rules.map((rule) => rule.description).join(" and "),
    decide: (facts) => decideAll(rules, facts, 0),
  };
}

function decideAll(rules: readonly AccessRule[], facts: IdentifiedFacts, start: number): Decision | Promise<Decision> {
  for (let index = start; index < rules.length; index += 1) {
    const decision = (rules[index] as AccessRule).decide(facts);
    if (decision instanceof Promise) {
      return decision.then((settled) => (settled.kind === "allow" ? decideAll(rules, facts, index + 1) : settled));
    }
    if (decision.kind !== "allow") return decision;
  }
  return ALLOW;
}

function signedIn(principal: Principal): Decision | undefined {
  if (principal.kind === "user" || principal.kind === "service") return undefined;
  return deny("unauthenticated", {
    event_type: "authorization_failure",
    status: "refused",
    severity: "info",
    event: "authz_fail",
    control: "access-rule",
    reason: "unauthenticated",
  });
}

function forbidden(detail: string): Decision {
  return deny("forbidden", {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz_fail",
    control: "access-rule",
    reason: "forbidden",
    detail,
  });
}

function stepUp(): Decision {
  return deny("step_up_required", {
    event_type: "authorization_failure",
    status: "refused",
    severity: "info",
    event: "authz_fail",
    control: "access-rule",
    reason: "step_up_required",
  });
}
