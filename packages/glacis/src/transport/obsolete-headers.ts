/** Headers that disclose what runs here, or that browsers have dropped, do not go out (guide A02, A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { HeaderNames, observed, type Observation, type ResponseDraft } from "../core/response.ts";

const META: ControlMeta = {
  id: "obsolete-headers",
  title: "No obsolete or disclosing response headers",
  layer: "transport",
  guide: ["A02", "A05: remove unnecessary features", "Django Security Middleware"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-13.4.6"],
  cwe: ["CWE-200", "CWE-497"],
};

export const OBSOLETE_HEADERS_DISCLOSING: Rule = {
  id: "obsolete-headers/disclosing",
  severity: "warning",
  what: "A response names the software that made it.",
  why: "A version saves an attacker the search for what is known about it.",
  fix: "Mount obsoleteHeaders(); switch the banner off in the proxy that adds it.",
};
export const OBSOLETE_HEADERS_DROPPED: Rule = {
  id: "obsolete-headers/dropped",
  severity: "warning",
  what: "A response carries a header that browsers have dropped.",
  why: "It looks like protection and is none; some, like key pinning, locked sites out.",
  fix: "Remove it. Content-Security-Policy and Permissions-Policy are the successors.",
};
export const OBSOLETE_HEADERS_XSS_FILTER: Rule = {
  id: "obsolete-headers/xss-filter",
  severity: "warning",
  what: "X-XSS-Protection is not 0.",
  why: "The filter is gone from browsers, and where it lives on it can be used to switch off scripts of the page.",
  fix: "Send X-XSS-Protection: 0; the Content-Security-Policy does the work.",
  django: ["security.W007"],
};

/** They name software, versions or machines. */
const DISCLOSING = [
  "server",
  "x-powered-by",
  "x-aspnet-version",
  "x-aspnetmvc-version",
  "x-runtime",
  "x-generator",
  "x-version",
  "x-debug-token",
  "x-debug-token-link",
  "x-sourcemap",
  "sourcemap",
] as const;

/** Browsers have dropped them, or they never meant anything in a response. */
const DROPPED = [
  "expect-ct",
  "public-key-pins",
  "public-key-pins-report-only",
  "feature-policy",
  "x-content-security-policy",
  "x-webkit-csp",
  "p3p",
  "pragma",
] as const;

const REMOVED = new HeaderNames([...DISCLOSING, ...DROPPED]);
const XSS_FILTER = "x-xss-protection";

/**
 * Removes headers that disclose or that nothing obeys at the last write, and sends `X-XSS-Protection: 0`.
 *
 * @example
 * obsoleteHeaders();
 */
export function obsoleteHeaders(): Control {
  return {
    meta: META,
    rules: [OBSOLETE_HEADERS_DISCLOSING, OBSOLETE_HEADERS_DROPPED, OBSOLETE_HEADERS_XSS_FILTER],
    headers: [{ name: XSS_FILTER, value: "0", on: "always" }],
    head: removeThem,
    check: () => assess([[XSS_FILTER, "0"]], { kind: "setting", name: "obsolete-headers" }),
    observe: observeObsolete,
  };
}

function removeThem(draft: ResponseDraft): void {
  draft.removeAny(REMOVED);
}

function observeObsolete(response: Observation): readonly Finding[] {
  return assess(response.headers, { kind: "response", url: response.url, header: undefined });
}

/** The one judgement behind `check` and `observe`. A bare product name in Server is what load balancers send and says little. */
function assess(headers: Observation["headers"], at: Location): readonly Finding[] {
  const findings: Finding[] = [];
  const values = (name: string): readonly string[] =>
    observed({ url: "", scheme: "https", status: 200, headers }, name);
  for (const name of DISCLOSING) {
    if (values(name).some((value) => name !== "server" || /[\d/]/u.test(value)))
      findings.push(finding(OBSOLETE_HEADERS_DISCLOSING, at, name));
  }
  for (const name of DROPPED) {
    if (values(name).length > 0) findings.push(finding(OBSOLETE_HEADERS_DROPPED, at, name));
  }
  if (values(XSS_FILTER).some((value) => value.trim() !== "0")) findings.push(finding(OBSOLETE_HEADERS_XSS_FILTER, at));
  return findings;
}
