/** Referrer-Policy: how much of an address other sites learn (W3C Referrer Policy; guide A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { compilePaths } from "./path-list.ts";

const META: ControlMeta = {
  id: "referrer-policy",
  title: "Referrer information limited",
  layer: "transport",
  guide: ["A05"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-3.4.5"],
  cwe: ["CWE-200", "CWE-201"],
};

export const REFERRER_POLICY_MISSING: Rule = {
  id: "referrer-policy/missing",
  severity: "warning",
  what: "No Referrer-Policy that a browser knows.",
  why: "The browser's default then decides how much of each address, ids and search words included, goes to other sites.",
  fix: "Mount referrerPolicy().",
  django: ["security.W022", "security.E023"],
};
export const REFERRER_POLICY_LEAKY: Rule = {
  id: "referrer-policy/leaky",
  severity: "warning",
  what: "The Referrer-Policy tells other sites more than the origin, or tells it to plain HTTP.",
  why: "Addresses carry ids, search words and one-time tokens.",
  fix: "Use strict-origin-when-cross-origin, strict-origin, same-origin or no-referrer.",
};

/** From the most discreet on. The first four tell other sites at most the origin, and nothing to plain HTTP. */
const POLICIES = [
  "no-referrer",
  "same-origin",
  "strict-origin",
  "strict-origin-when-cross-origin",
  "origin",
  "origin-when-cross-origin",
  "no-referrer-when-downgrade",
  "unsafe-url",
] as const;

export type ReferrerPolicy = (typeof POLICIES)[number];

const LAST_DISCREET = 3;

export interface ReferrerPolicyOptions {
  /** One policy, or several for browsers of different age: each takes the last that it knows. */
  readonly policy?: ReferrerPolicy | readonly ReferrerPolicy[];
  /** Pages whose address holds a secret, such as `/reset/*`: they send no referrer at all. */
  readonly credentialPaths?: readonly string[];
}

/**
 * Sends Referrer-Policy with every response: `strict-origin-when-cross-origin`, and `no-referrer` on pages whose address holds a secret. A more
 * discreet policy of the application stays.
 *
 * @throws TypeError for a policy that browsers do not know.
 * @example
 * referrerPolicy({ credentialPaths: ["/reset/*", "/invite/*"] });
 */
export function referrerPolicy(options: ReferrerPolicyOptions = {}): Control {
  rejectUnknownOptions("referrerPolicy", options, ["policy", "credentialPaths"]);
  const policies = [options.policy ?? "strict-origin-when-cross-origin"].flat();
  for (const policy of policies) {
    if (POLICIES.includes(policy)) continue;
    const nearest = typeof policy === "string" ? nearestWord(policy, POLICIES) : undefined;
    throw new TypeError(
      `referrerPolicy() does not know ${JSON.stringify(policy)}. ${nearest === undefined ? `Known: ${POLICIES.join(", ")}.` : `Did you mean "${nearest}"?`}`,
    );
  }
  if (policies.length === 0) throw new TypeError("referrerPolicy() needs at least one policy.");
  const value = policies.join(",");
  const { credentialPaths = [] } = options;
  const isCredentialPage = compilePaths("referrerPolicy", credentialPaths);
  return {
    meta: META,
    rules: [REFERRER_POLICY_MISSING, REFERRER_POLICY_LEAKY],
    headers: [
      {
        name: "referrer-policy",
        on: "always",
        value: credentialPaths.length === 0 ? value : (facts) => (isCredentialPage(facts.path) ? "no-referrer" : value),
        reconcile: moreDiscreet,
      },
    ],
    check: () => assess([value], { kind: "setting", name: "referrer-policy" }),
    observe: observeReferrer,
  };
}

/** The policy that a browser obeys: the last token that it knows, over all lines. */
function effective(values: readonly string[]): ReferrerPolicy | undefined {
  return values
    .flatMap((value) => value.split(","))
    .map((token) => token.trim().toLowerCase())
    .findLast((token): token is ReferrerPolicy => POLICIES.includes(token as ReferrerPolicy));
}

function moreDiscreet(theirs: string, ours: string): string {
  const mine = effective([ours]) as ReferrerPolicy;
  const other = effective([theirs]);
  return other !== undefined && POLICIES.indexOf(other) <= POLICIES.indexOf(mine) ? theirs : ours;
}

function observeReferrer(response: Observation): readonly Finding[] {
  const name = "referrer-policy";
  return assess(observed(response, name), { kind: "response", url: response.url, header: name });
}

/** The one judgement behind `check` and `observe`. */
function assess(values: readonly string[], at: Location): readonly Finding[] {
  const policy = effective(values);
  if (policy === undefined) return [finding(REFERRER_POLICY_MISSING, at, values.join(", ").slice(0, 80) || "absent")];
  return POLICIES.indexOf(policy) > LAST_DISCREET ? [finding(REFERRER_POLICY_LEAKY, at, policy)] : [];
}
