/** Strict-Transport-Security: tell browsers to use HTTPS only (RFC 6797; guide A02). */
import { dayMs } from "../core/calendar-day.ts";
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

export const HSTS_PRELOAD_UNFIT: Rule = {
  id: "hsts/preload-unfit",
  severity: "warning",
  what: "Strict-Transport-Security asks to be preloaded, but the preload list would refuse it.",
  why: "The list takes at least one year with every subdomain; anyone may submit a site that says preload, and leaving takes months.",
  fix: "Drop preload, or set at least one year and includeSubDomains first.",
};

export interface HstsOptions {
  /** How long a browser insists on HTTPS, in seconds. Two years unless you say otherwise. */
  readonly maxAgeSeconds?: number;
  readonly includeSubDomains?: boolean;
  /** Asks to be built into browsers. Leaving that list takes months, so it is off until you mean it. */
  readonly preload?: boolean;
  /**
   * A roll-out by hand: until this date a shorter `maxAgeSeconds` is not a finding. ISO 8601 date.
   */
  readonly rampUntil?: string;
  /**
   * A roll-out by itself, from this ISO 8601 date on: 300 seconds for a day, one week for a week, one month for a month, then `maxAgeSeconds`.
   * Whatever breaks on HTTPS shows while browsers still forget soon.
   */
  readonly rampFrom?: string;
}

/**
 * Sends Strict-Transport-Security on HTTPS responses, and never over HTTP (RFC 6797 section 7.2).
 *
 * @throws TypeError on an unknown option or a value that browsers would ignore.
 * @example
 * hsts({ maxAgeSeconds: 63_072_000, includeSubDomains: true });
 */
export function hsts(options: HstsOptions = {}): Control {
  rejectUnknownOptions("hsts", options, ["maxAgeSeconds", "includeSubDomains", "preload", "rampUntil", "rampFrom"]);
  const { maxAgeSeconds = TWO_YEARS_SECONDS, includeSubDomains = true, preload = false } = options;
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
    throw new TypeError("hsts() needs maxAgeSeconds as a whole number of seconds, zero or more.");
  }
  for (const [name, value] of Object.entries({ includeSubDomains, preload })) {
    // A text such as "false", out of a variable, would switch it on.
    if (typeof value !== "boolean") throw new TypeError(`hsts() needs ${name} as true or false.`);
  }
  if (preload && !(maxAgeSeconds >= ONE_YEAR_SECONDS && includeSubDomains)) {
    throw new TypeError(
      "hsts({ preload: true }) needs at least one year and includeSubDomains; the preload list refuses anything less.",
    );
  }
  if (options.rampFrom !== undefined && (options.rampUntil !== undefined || preload))
    throw new TypeError("hsts() takes rampFrom alone: the ramp sets its own end, and preload comes after it.");
  const suffix = `${includeSubDomains ? "; includeSubDomains" : ""}${preload ? "; preload" : ""}`;
  const schedule = planRamp(options, maxAgeSeconds);
  const stages = schedule.map(({ untilMs, seconds }) => ({ untilMs, value: `max-age=${seconds}${suffix}` }));
  const value = `max-age=${maxAgeSeconds}${suffix}`;
  const valueAt = (nowMs: number): string => stages.find(({ untilMs }) => nowMs < untilMs)?.value ?? value;
  const at: Location = { kind: "setting", name: "hsts" };
  return {
    meta: META,
    rules: [HSTS_TOO_SHORT, HSTS_NO_SUBDOMAINS, HSTS_UNREADABLE, HSTS_PRELOAD_UNFIT],
    headers: [
      {
        name: "strict-transport-security",
        value: stages.length === 0 ? value : ({ receivedAtMs }) => valueAt(receivedAtMs),
        on: "https",
        reconcile: longer,
      },
    ],
    check: ({ nowMs }) => assess([valueAt(nowMs)], at, rampFloor(schedule, nowMs)),
    observe: (response) => (response.scheme === "https" ? observeHsts(response, schedule) : []),
  };
}

/** One step of a roll-out: until then, this long. */
interface Stage {
  readonly untilMs: number;
  readonly seconds: number;
}

const DAY_MS = 86_400_000;
const RAMP = [
  { days: 1, seconds: 300 },
  { days: 8, seconds: 604_800 },
  { days: 38, seconds: 2_592_000 },
] as const;

function planRamp({ rampFrom, rampUntil }: HstsOptions, maxAgeSeconds: number): readonly Stage[] {
  if (rampUntil !== undefined) return [{ untilMs: parseDate("rampUntil", rampUntil), seconds: maxAgeSeconds }];
  if (rampFrom === undefined) return [];
  const startMs = parseDate("rampFrom", rampFrom);
  return RAMP.map(({ days, seconds }) => ({
    untilMs: startMs + days * DAY_MS,
    seconds: Math.min(seconds, maxAgeSeconds),
  }));
}

function parseDate(option: string, text: string): number {
  const ms = typeof text === "string" && dayMs(text.slice(0, 10)) !== undefined ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new TypeError(`hsts() needs ${option} as a date, such as "2027-03-01".`);
  return ms;
}

/** How long the policy must last at a moment of the roll-out, or undefined outside one. */
function rampFloor(schedule: readonly Stage[], nowMs: number): number | undefined {
  return schedule.find(({ untilMs }) => nowMs < untilMs)?.seconds;
}

/** A response says when it was made; without its Date no roll-out excuses it. */
function observeHsts(response: Observation, schedule: readonly Stage[]): readonly Finding[] {
  const name = "strict-transport-security";
  const madeMs = Date.parse(observed(response, "date")[0] ?? "");
  const floor = Number.isNaN(madeMs) ? undefined : rampFloor(schedule, madeMs);
  return assess(observed(response, name), { kind: "response", url: response.url, header: name }, floor);
}

/**
 * The one judgement behind `check` and `observe`.
 *
 * @param rampSeconds what a roll-out asks for at this moment; undefined when none is under way
 */
function assess(values: readonly string[], at: Location, rampSeconds: number | undefined): readonly Finding[] {
  const policy = values.length === 1 ? parse(values[0] as string) : undefined;
  if (policy === undefined) return [finding(HSTS_UNREADABLE, at, `${values.length} header lines`)];
  const findings: Finding[] = [];
  const short = policy.maxAgeSeconds < ONE_YEAR_SECONDS;
  if (short && policy.maxAgeSeconds < (rampSeconds ?? ONE_YEAR_SECONDS))
    findings.push(finding(HSTS_TOO_SHORT, at, `max-age=${policy.maxAgeSeconds}`));
  if (!policy.includeSubDomains && rampSeconds === undefined) findings.push(finding(HSTS_NO_SUBDOMAINS, at));
  if (policy.preload && (short || !policy.includeSubDomains)) findings.push(finding(HSTS_PRELOAD_UNFIT, at));
  return findings;
}

interface HstsPolicy {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
  readonly preload: boolean;
}

/** RFC 6797 section 6.1: directives in any order, names without case, each at most once, the value perhaps quoted. */
function parse(header: string): HstsPolicy | undefined {
  const directives = header
    .split(";")
    .map((directive) => directive.trim().toLowerCase())
    .filter((directive) => directive !== "");
  const names = directives.map((directive) => directive.split("=", 1)[0]?.trim());
  if (new Set(names).size !== names.length) return undefined;
  const maxAge = directives
    .map((directive) => /^max-age\s*=\s*(?:(\d{1,15})|"(\d{1,15})")$/u.exec(directive))
    .find((found) => found !== null);
  if (maxAge === undefined) return undefined;
  return {
    maxAgeSeconds: Number(maxAge[1] ?? maxAge[2]),
    includeSubDomains: directives.includes("includesubdomains"),
    preload: directives.includes("preload"),
  };
}

/** The application may promise longer than we do, never shorter; whether to be preloaded is decided in one place. */
function longer(theirs: string, ours: string): string {
  const mine = parse(ours);
  const other = parse(theirs);
  if (mine === undefined || other === undefined || other.preload !== mine.preload) return ours;
  return other.maxAgeSeconds >= mine.maxAgeSeconds && (other.includeSubDomains || !mine.includeSubDomains)
    ? theirs
    : ours;
}
