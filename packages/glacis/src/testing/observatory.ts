/**
 * The MDN HTTP Observatory's score, computed from what a site sends: twelve tests over headers, cookies, redirects and script tags
 * (scoring algorithm 6). It says how a site compares; it does not see a known bypass in a policy, so read it beside the CSP grade.
 */
import { observed, type Observation } from "../core/response.ts";
import { scoreCookies } from "./observatory-cookies.ts";
import { framesGoverned, scoreCsp } from "./observatory-csp.ts";
import { scoreScripts } from "./observatory-scripts.ts";

export interface ObservatorySite {
  /** The page as it finally answers over HTTPS; undefined when nothing does. */
  readonly page: Observation | undefined;
  /** The page's HTML. */
  readonly html: string;
  /** The addresses visited from `http://host/` on, in order; undefined when nothing listens there. */
  readonly plainHttp?: readonly string[];
  /** The answer to a request with the Origin header `OBSERVATORY_ORIGIN`. */
  readonly cors?: Observation;
  /** The host is in the browsers' HSTS preload list. */
  readonly preloaded?: boolean;
}

export interface ObservatoryTest {
  readonly name: string;
  readonly result: string;
  readonly modifier: number;
}

export interface ObservatoryScore {
  /** 0 to 165. */
  readonly score: number;
  readonly grade: string;
  readonly tests: readonly ObservatoryTest[];
}

export const OBSERVATORY_ORIGIN = "https://http-observatory.security.mozilla.org";

const SIX_MONTHS_SECONDS = 15_552_000;
const BONUS_FROM = 90;
const GRADES: readonly (readonly [from: number, grade: string])[] = [
  [100, "A+"],
  [90, "A"],
  [85, "A-"],
  [80, "B+"],
  [70, "B"],
  [65, "B-"],
  [60, "C+"],
  [50, "C"],
  [45, "C-"],
  [40, "D+"],
  [30, "D"],
  [25, "D-"],
  [0, "F"],
];

/**
 * Scores a site.
 *
 * @example
 * const { score, grade } = observatoryScore({ page: observation, html, plainHttp: ["http://app.example.com/", "https://app.example.com/"] });
 */
export function observatoryScore(site: ObservatorySite): ObservatoryScore {
  const tests = scoreTests(site);
  const sum = (modifiers: readonly number[]): number => modifiers.reduce((total, modifier) => total + modifier, 0);
  const modifiers = tests.map(({ modifier }) => modifier);
  const uncurved = 100 + sum(modifiers.filter((modifier) => modifier < 0));
  // Bonuses count only for a site that has little to be forgiven.
  const score = Math.max(0, uncurved >= BONUS_FROM ? 100 + sum(modifiers) : uncurved);
  const key = Math.min(score - (score % 5), 100);
  return { score, grade: GRADES.find(([from]) => key >= from)?.[1] ?? "F", tests };
}

function scoreTests(site: ObservatorySite): readonly ObservatoryTest[] {
  const headers = site.page ?? { url: "", scheme: "http" as const, status: 0, headers: [] };
  const value = (name: string): string | undefined => observed(headers, name).at(-1);
  const all = (name: string): readonly string[] => observed(headers, name);
  const transport = scoreHsts(site, all("strict-transport-security"));
  return [
    {
      name: "content-security-policy",
      ...scoreCsp(all("content-security-policy"), all("content-security-policy-report-only"), site),
    },
    { name: "cookies", ...scoreCookies(all("set-cookie"), transport.modifier >= 0) },
    { name: "cross-origin-resource-sharing", ...scoreCors(site.cors) },
    { name: "redirection", ...scoreRedirection(site) },
    { name: "referrer-policy", ...scoreReferrer(all("referrer-policy")) },
    { name: "strict-transport-security", ...transport },
    { name: "subresource-integrity", ...scoreScripts(site) },
    { name: "x-content-type-options", ...scoreNosniff(value("x-content-type-options")) },
    {
      name: "x-frame-options",
      ...scoreFraming(value("x-frame-options"), framesGoverned(all("content-security-policy"))),
    },
    {
      name: "cross-origin-embedder-policy",
      ...scoreIsolation(value("cross-origin-embedder-policy"), ["require-corp", "credentialless"], ["unsafe-none"]),
    },
    {
      name: "cross-origin-opener-policy",
      ...scoreIsolation(
        value("cross-origin-opener-policy"),
        ["same-origin", "same-origin-allow-popups", "noopener-allow-popups"],
        ["unsafe-none"],
      ),
    },
    {
      name: "cross-origin-resource-policy",
      ...scoreIsolation(value("cross-origin-resource-policy"), ["same-origin", "same-site"], ["cross-origin"]),
    },
  ];
}

type Result = Omit<ObservatoryTest, "name">;

function scoreCors(answer: Observation | undefined): Result {
  const origin = answer === undefined ? undefined : observed(answer, "access-control-allow-origin").at(-1)?.trim();
  const credentials =
    answer === undefined
      ? undefined
      : observed(answer, "access-control-allow-credentials").at(-1)?.trim().toLowerCase();
  return origin === OBSERVATORY_ORIGIN && credentials === "true"
    ? { result: "reflects any origin with credentials", modifier: -50 }
    : { result: "no foreign origin with credentials", modifier: 0 };
}

function scoreRedirection({ plainHttp, preloaded }: ObservatorySite): Result {
  if (plainHttp === undefined) return { result: "nothing listens on plain HTTP", modifier: 0 };
  if (preloaded === true) return { result: "preloaded", modifier: 0 };
  const [start, first, ...rest] = plainHttp.map((address) => new URL(address));
  const last = rest.at(-1) ?? first ?? start;
  if (start === undefined || first === undefined) return { result: "no redirect", modifier: -20 };
  if (last?.protocol !== "https:") return { result: "ends on plain HTTP", modifier: -20 };
  if (first.protocol !== "https:") return { result: "first hop stays on plain HTTP", modifier: -10 };
  return first.hostname === start.hostname
    ? { result: "to HTTPS on the same host", modifier: 0 }
    : { result: "to HTTPS on another host", modifier: -5 };
}

function scoreReferrer(values: readonly string[]): Result {
  if (values.length === 0) return { result: "absent", modifier: 0 };
  const good = new Set(["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"]);
  const poor = new Set(["origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade"]);
  const policy = values
    .flatMap((line) => line.split(","))
    .map((token) => token.trim().toLowerCase())
    .findLast((token) => good.has(token) || poor.has(token));
  if (policy === undefined) return { result: "not valid", modifier: -5 };
  return good.has(policy) ? { result: policy, modifier: 5 } : { result: policy, modifier: -5 };
}

function scoreHsts(site: ObservatorySite, values: readonly string[]): Result {
  if (site.preloaded === true) return { result: "preloaded", modifier: 5 };
  if (site.page?.scheme !== "https") return { result: "no HTTPS", modifier: -20 };
  const seconds =
    values.length === 1 ? /(?:^|;)\s*max-age\s*=\s*"?(\d+)"?\s*(?:;|$)/iu.exec(values[0] as string)?.[1] : undefined;
  if (seconds === undefined || values[0]?.includes(",") === true)
    return { result: values.length === 0 ? "absent" : "not valid", modifier: -20 };
  return Number(seconds) >= SIX_MONTHS_SECONDS
    ? { result: "six months or more", modifier: 0 }
    : { result: "less than six months", modifier: -10 };
}

function scoreNosniff(value: string | undefined): Result {
  return value?.trim().toLowerCase() === "nosniff"
    ? { result: "nosniff", modifier: 0 }
    : { result: "absent or not valid", modifier: -5 };
}

function scoreFraming(value: string | undefined, governed: boolean): Result {
  if (governed) return { result: "frame-ancestors", modifier: 5 };
  const policy = value?.trim().toUpperCase() ?? "";
  if (policy === "DENY" || policy === "SAMEORIGIN") return { result: policy, modifier: 5 };
  return policy.startsWith("ALLOW-FROM ")
    ? { result: "ALLOW-FROM", modifier: 0 }
    : { result: "absent or not valid", modifier: -20 };
}

function scoreIsolation(value: string | undefined, isolating: readonly string[], open: readonly string[]): Result {
  if (value === undefined) return { result: "absent", modifier: 0 };
  const token = value.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (isolating.includes(token)) return { result: token, modifier: 10 };
  return open.includes(token) ? { result: token, modifier: 0 } : { result: "not valid", modifier: -5 };
}
