/** Strict-Transport-Security: tell browsers to use HTTPS only (RFC 6797; guide A02). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";

const META: ControlMeta = {
  id: "hsts",
  title: "HSTS of at least one year on every HTTPS response",
  layer: "transport",
  guide: ["A02", "A05", "checklist: HSTS enabled"],
  owasp2021: ["A02", "A05"],
  owasp2025: ["A04", "A02"],
  asvs: ["v5.0.0-3.4.1", "v5.0.0-3.7.4"],
  cwe: ["CWE-319", "CWE-523", "CWE-693"],
};

const ONE_YEAR_SECONDS = 31_536_000;
const TWO_YEARS_SECONDS = 63_072_000;

export const HSTS_TOO_SHORT: Rule = {
  id: "hsts/too-short",
  severity: "warning",
  what: "Strict-Transport-Security lasts less than one year.",
  why: "A browser forgets a short policy between visits, and the next visit can be downgraded to HTTP.",
  fix: "Use maxAgeSeconds: 63_072_000, or a ramp with an end date while you roll out.",
  django: ["security.W004"],
};
export const HSTS_NO_SUBDOMAINS: Rule = {
  id: "hsts/no-subdomains",
  severity: "warning",
  what: "Strict-Transport-Security does not cover subdomains.",
  why: "A subdomain reached over HTTP can set cookies for, and be confused with, the domain above it.",
  fix: "Set includeSubDomains: true once every subdomain speaks HTTPS.",
  django: ["security.W005"],
};
export const HSTS_UNREADABLE: Rule = {
  id: "hsts/unreadable",
  severity: "error",
  what: "Strict-Transport-Security is absent, repeated or not parseable.",
  why: "Browsers ignore a header that they cannot parse, so the site is not protected at all.",
  fix: "Send the header once, with a whole number of seconds; remove a second writer such as a proxy.",
};

export interface HstsOptions {
  /** How long a browser insists on HTTPS, in seconds. Two years unless you say otherwise. */
  readonly maxAgeSeconds?: number;
  readonly includeSubDomains?: boolean;
  /** Asks to be built into browsers. Leaving that list takes months, so it is off until you mean it. */
  readonly preload?: boolean;
  /**
   * A planned roll-out: until this date a shorter `maxAgeSeconds` is not a finding. ISO 8601 date.
   */
  readonly rampUntil?: string;
}

/**
 * Sends Strict-Transport-Security on HTTPS responses, and never over HTTP (RFC 6797 section 7.2).
 *
 * @throws TypeError on an unknown option or a value that browsers would ignore.
 * @example
 * hsts({ maxAgeSeconds: 63_072_000, includeSubDomains: true });
 */
export function hsts(options: HstsOptions = {}): Control {
  rejectUnknownOptions("hsts", options, ["maxAgeSeconds", "includeSubDomains", "preload", "rampUntil"]);
  const { maxAgeSeconds = TWO_YEARS_SECONDS, includeSubDomains = true, preload = false } = options;
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
    throw new TypeError("hsts() needs maxAgeSeconds as a whole number of seconds, zero or more.");
  }
  if (preload && !(maxAgeSeconds >= ONE_YEAR_SECONDS && includeSubDomains)) {
    throw new TypeError(
      "hsts({ preload: true }) needs at least one year and includeSubDomains; the preload list refuses anything less.",
    );
  }
  const rampUntilMs = options.rampUntil === undefined ? 0 : Date.parse(options.rampUntil);
  if (Number.isNaN(rampUntilMs)) throw new TypeError('hsts() needs rampUntil as a date, such as "2027-03-01".');
  const value = `max-age=${maxAgeSeconds}${includeSubDomains ? "; includeSubDomains" : ""}${preload ? "; preload" : ""}`;
  const at: Location = { kind: "setting", name: "hsts" };
  return {
    meta: META,
    rules: [HSTS_TOO_SHORT, HSTS_NO_SUBDOMAINS, HSTS_UNREADABLE],
    headers: [{ name: "strict-transport-security", value, on: "https", reconcile: longer }],
    check: ({ nowMs }) => (nowMs < rampUntilMs ? [] : assess([value], at)),
    observe: (response) => (response.scheme === "https" ? observeHsts(response) : []),
  };
}

function observeHsts(response: Observation): readonly Finding[] {
  const name = "strict-transport-security";
  return assess(observed(response, name), { kind: "response", url: response.url, header: name });
}

/** The one judgement behind `check` and `observe`. */
function assess(values: readonly string[], at: Location): readonly Finding[] {
  const policy = values.length === 1 ? parse(values[0] as string) : undefined;
  if (policy === undefined) return [finding(HSTS_UNREADABLE, at, `${values.length} header lines`)];
  const findings: Finding[] = [];
  if (policy.maxAgeSeconds < ONE_YEAR_SECONDS)
    findings.push(finding(HSTS_TOO_SHORT, at, `max-age=${policy.maxAgeSeconds}`));
  if (!policy.includeSubDomains) findings.push(finding(HSTS_NO_SUBDOMAINS, at));
  return findings;
}

interface HstsPolicy {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
}

/** RFC 6797 section 6.1: directives in any order, names without case, each at most once, the value perhaps quoted. */
function parse(header: string): HstsPolicy | undefined {
  const directives = header
    .split(";")
    .map((directive) => directive.trim().toLowerCase())
    .filter((directive) => directive !== "");
  const names = directives.map((directive) => directive.split("=", 1)[0]);
  if (new Set(names).size !== names.length) return undefined;
  const maxAge = directives
    .map((directive) => /^max-age\s*=\s*"?(\d{1,15})"?$/u.exec(directive)?.[1])
    .find((found) => found !== undefined);
  if (maxAge === undefined) return undefined;
  return { maxAgeSeconds: Number(maxAge), includeSubDomains: directives.includes("includesubdomains") };
}

/** The application may promise longer than we do, never shorter. */
function longer(theirs: string, ours: string): string {
  const mine = parse(ours);
  const other = parse(theirs);
  if (mine === undefined || other === undefined) return ours;
  return other.maxAgeSeconds >= mine.maxAgeSeconds && (other.includeSubDomains || !mine.includeSubDomains)
    ? theirs
    : ours;
}
