/** Load shedding: a process that cannot keep up refuses some requests at once instead of serving all of them too late (CWE-400). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, allow, deny, type Decision, type Deny } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectNonCounts, rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { delayMonitor } from "./event-loop-delay.ts";

export const OVERLOAD_META: ControlMeta = {
  id: "overload-protection",
  title: "Load shedding by event-loop delay and requests in flight",
  layer: "network",
  guide: ["Security Mindset: Defense in Depth"],
  owasp2021: ["A04"],
  owasp2025: ["A10", "A06"],
  asvs: ["v5.0.0-13.1.2", "v5.0.0-15.2.2", "v5.0.0-16.5.2"],
  cwe: ["CWE-400", "CWE-770"],
};

export const SHEDS_TOO_LATE: Rule = {
  id: "overload-protection/sheds-too-late",
  severity: "warning",
  what: "The process goes on accepting requests long after it has stopped keeping up.",
  why: "Requests that wait for seconds time out at the client, which sends them again: the work is done twice and nobody gets an answer.",
  fix: "Keep shedAtDelayMs at 200 and maxInFlight at a number that the process has been seen to serve.",
};

export interface OverloadProtectionOptions {
  /** The 99th percentile of the event-loop delay above which anonymous requests are refused. 200 ms. */
  readonly shedAtDelayMs?: number;
  /** The same for requests with a session. Twice as much. */
  readonly shedSessionsAtDelayMs?: number;
  /** Requests in flight at which anonymous ones are refused. 1000. */
  readonly maxInFlight?: number;
  /** The same for requests with a session: the hard limit. Twice as much. */
  readonly maxInFlightSessions?: number;
  /** The name of the session cookie. `__Host-session`. */
  readonly sessionCookie?: string;
  /** Exact paths that always pass: what a load balancer asks, and long-lived streams that would count for ever. `/healthz`. */
  readonly exemptPaths?: readonly string[];
  /** Refused clients are told to come back after one to this many seconds, in turn, so that they do not return together. 5. */
  readonly retryAfterSeconds?: number;
}

export interface OverloadProtection extends Control {
  /** Stops measuring. Only tests need it: nothing here keeps a process alive. */
  readonly stop: () => void;
}

const OPTION_NAMES: readonly (keyof OverloadProtectionOptions)[] = [
  "shedAtDelayMs",
  "shedSessionsAtDelayMs",
  "maxInFlight",
  "maxInFlightSessions",
  "sessionCookie",
  "exemptPaths",
  "retryAfterSeconds",
];

/** In-flight requests at which an overload counts as over, as a share of the limit. */
const CALM_SHARE = 0.8;

/**
 * Refuses with 503 and Retry-After while the event loop is late or too many requests are in flight. Whoever carries a session cookie is
 * refused later: work in progress is worth more than a first visit. The cookie is not verified, because verifying is the work to be saved; a
 * forged one buys the second threshold and never more.
 *
 * Measuring starts with the first request.
 *
 * @throws TypeError on an unknown option or a threshold that is not a positive number.
 * @example
 * overloadProtection({ maxInFlight: 500, exemptPaths: ["/healthz", "/events"] });
 */
export function overloadProtection(options: OverloadProtectionOptions = {}): OverloadProtection {
  const settings = readOptions(options);
  const { anonymousLimit, sessionLimit, cookiePrefix, exempt } = settings;
  const monitor = delayMonitor({ lateMs: settings.lateMs, veryLateMs: settings.veryLateMs });
  // Counting or releasing a request twice is harmless, and releasing one that was never counted is too; a bare counter would drift.
  const counted = new PerRequest<true>();
  let inFlight = 0;
  const refusals = Array.from({ length: settings.retryAfterSeconds }, (_, index) => refusal(index + 1));
  let refused = 0;
  let shedding = false;

  function shed(detail: "event_loop_delay" | "in_flight"): Decision {
    const denial = refusals[refused++ % refusals.length] as Deny;
    if (shedding) return denial;
    shedding = true;
    const count = detail === "in_flight" ? inFlight : Math.round(monitor.delayMs);
    return { ...denial, events: [{ ...BEGAN, detail, count }] };
  }

  return {
    meta: OVERLOAD_META,
    rules: [SHEDS_TOO_LATE],
    decide(facts) {
      if (exempt.has(facts.path)) return ALLOW;
      monitor.start();
      const hasSession = facts.header("cookie")?.includes(cookiePrefix) === true;
      if (monitor.level > (hasSession ? 1 : 0)) return shed("event_loop_delay");
      if (inFlight >= (hasSession ? sessionLimit : anonymousLimit)) return shed("in_flight");
      if (counted.get(facts) === undefined) {
        counted.set(facts, true);
        inFlight += 1;
      }
      if (!shedding || monitor.level > 0 || inFlight > anonymousLimit * CALM_SHARE) return ALLOW;
      shedding = false;
      return allow([], [ENDED]);
    },
    done(facts) {
      if (counted.take(facts) === true) inFlight -= 1;
    },
    // Nobody's clients wait for a process that is being developed or tested.
    check: ({ mode }) => (mode === "production" ? assess(settings) : []),
    stop: () => monitor.stop(),
  };
}

interface Settings {
  readonly lateMs: number;
  readonly veryLateMs: number;
  readonly anonymousLimit: number;
  readonly sessionLimit: number;
  readonly cookiePrefix: string;
  readonly exempt: ReadonlySet<string>;
  readonly retryAfterSeconds: number;
}

function readOptions(options: OverloadProtectionOptions): Settings {
  rejectUnknownOptions("overloadProtection", options, OPTION_NAMES);
  const { shedAtDelayMs = 200, maxInFlight = 1000, sessionCookie = "__Host-session", retryAfterSeconds = 5 } = options;
  const { shedSessionsAtDelayMs = shedAtDelayMs * 2, maxInFlightSessions = maxInFlight * 2 } = options;
  const { exemptPaths = ["/healthz"] } = options;
  const counts = { shedAtDelayMs, shedSessionsAtDelayMs, maxInFlight, maxInFlightSessions, retryAfterSeconds };
  rejectNonCounts("overloadProtection", counts);
  if (shedSessionsAtDelayMs < shedAtDelayMs || maxInFlightSessions < maxInFlight)
    throw new TypeError(
      "overloadProtection() sheds anonymous requests first: the session thresholds must not be lower.",
    );
  for (const path of exemptPaths) {
    if (!path.startsWith("/") || /[?#]/u.test(path))
      throw new TypeError(`overloadProtection() needs exact paths such as "/healthz", not ${JSON.stringify(path)}.`);
  }
  return {
    lateMs: shedAtDelayMs,
    veryLateMs: shedSessionsAtDelayMs,
    anonymousLimit: maxInFlight,
    sessionLimit: maxInFlightSessions,
    cookiePrefix: `${sessionCookie}=`,
    exempt: new Set(exemptPaths),
    retryAfterSeconds,
  };
}

/** One event when shedding begins and one when it ends: an event per refused request would be a second overload. */
const BEGAN: AuditEvent = {
  event_type: "system",
  status: "refused",
  severity: "warning",
  event: "sys_overload_began",
  control: OVERLOAD_META.id,
  reason: "overloaded",
};
const ENDED: AuditEvent = {
  event_type: "system",
  status: "observed",
  severity: "info",
  event: "sys_overload_ended",
  control: OVERLOAD_META.id,
};

function refusal(seconds: number): Deny {
  const denial = deny("overloaded", BEGAN, {
    headers: [["retry-after", String(seconds)]],
    why: "The event loop is late or too many requests are in flight.",
    fix: "Look for synchronous work in handlers, or add processes; raise the limits only when both are ruled out.",
  });
  return { ...denial, events: [] };
}

const GENEROUS_DELAY_MS = 1000;
const GENEROUS_IN_FLIGHT = 10_000;

/** No `observe` face: shedding shows only under a load that a probe must not make. */
function assess({ lateMs, veryLateMs, anonymousLimit, sessionLimit }: Settings): readonly Finding[] {
  const at: Location = { kind: "setting", name: OVERLOAD_META.id };
  const findings: Finding[] = [];
  if (Math.max(lateMs, veryLateMs) > GENEROUS_DELAY_MS)
    findings.push(finding(SHEDS_TOO_LATE, at, `event-loop delay of ${veryLateMs} ms`));
  if (Math.max(anonymousLimit, sessionLimit) > GENEROUS_IN_FLIGHT)
    findings.push(finding(SHEDS_TOO_LATE, at, `${sessionLimit} requests in flight`));
  return findings;
}
