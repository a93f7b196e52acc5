/** Collects Content-Security-Policy violation reports: an open door, so everything about it is bounded (guide A05; ASVS 5 section 3.4.7). */
import { publicAccess } from "../core/access.ts";
import { answer, type Answer } from "../core/decision.ts";
import type { Endpoint } from "../core/endpoint.ts";
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { routeRule } from "../core/route.ts";
import { CSP_REPORT_PATH } from "./content-security-policy.ts";
import { readReports, type Violation } from "./csp-report-format.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const LARGEST_REPORT_BYTES = 16_384;
const MINUTE_MS = 60_000;
const REPEAT_WINDOW_MS = 600_000;
const MOST_CLIENTS = 10_000;
const MOST_VIOLATIONS = 1_000;
const SAMPLE_EVERY = 100;

export interface CspReportOptions {
  /** An exact path. `/csp-report` unless you say otherwise; give the same to `contentSecurityPolicy({ reportTo })`. */
  readonly path?: string;
  /** The public origin: reports about pages of other origins are dropped. */
  readonly origin?: string;
  /** How many reports one client may send in a minute. 30 unless you say otherwise. */
  readonly perClientPerMinute?: number;
  /** How many reports are taken in a minute before only every hundredth is. 100 unless you say otherwise. */
  readonly perMinute?: number;
}

/**
 * Answers the path that browsers report violations to, in both formats. Reports become `csp_violation` events without query, fragment,
 * sample or anything that looks like an id; repeats within ten minutes and reports caused by browser extensions are counted, not stored. What
 * is over the limits is dropped with the same 204, and the next event says how many were.
 *
 * @throws TypeError for a path with parameters, an origin that is not one, or a limit that is not a whole number.
 * @example
 * cspReportEndpoint({ origin: "https://app.example.com" });
 */
export function cspReportEndpoint(options: CspReportOptions = {}): Endpoint<Answer> {
  rejectUnknownOptions("cspReportEndpoint", options, ["path", "origin", "perClientPerMinute", "perMinute"]);
  const { path = CSP_REPORT_PATH, perClientPerMinute = 30, perMinute = 100 } = options;
  if (typeof path !== "string" || !/^\/[\w\-./]+$/u.test(path))
    throw new TypeError(`cspReportEndpoint() takes an exact path such as "/csp-report", not ${JSON.stringify(path)}.`);
  const origin = options.origin?.replace(/\/$/u, "");
  if (origin !== undefined && (!canParseUrl(origin) || new URL(origin).origin !== origin))
    throw new TypeError(
      'cspReportEndpoint() takes origin as scheme and host alone, such as "https://app.example.com".',
    );
  for (const limit of [perClientPerMinute, perMinute]) {
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new TypeError("cspReportEndpoint() takes limits as whole numbers from 1 on.");
  }
  const intake = reportIntake(perClientPerMinute, perMinute);
  return {
    method: "POST",
    path,
    accepts: ["application/csp-report", "application/reports+json", "application/json"],
    rule: routeRule(publicAccess("browsers report policy violations without credentials"), {
      kind: "api",
      bodyBytes: LARGEST_REPORT_BYTES,
      csrfExempt: "reports carry no credential and change nothing but a log",
    }),
    handle: (facts, body): Answer => {
      if (Buffer.byteLength(body) > LARGEST_REPORT_BYTES) return answer(413);
      if (!intake.admit(facts.client, facts.receivedAtMs)) return answer(204);
      const reports = readReports(body, origin);
      if (reports === undefined) return answer(400);
      return answer(204, [], undefined, intake.take(reports.violations, reports.noise, facts.receivedAtMs));
    },
  };
}

interface ReportIntake {
  /** Counts one request; false when it is over a limit. */
  readonly admit: (client: string, nowMs: number) => boolean;
  /** The events for violations that are new, and for what was dropped since the last. */
  readonly take: (violations: readonly Violation[], noise: number, nowMs: number) => readonly AuditEvent[];
}

/** Fixed windows over bounded maps: forgetting a client early costs one report too many, and nothing else. */
function reportIntake(perClientPerMinute: number, perMinute: number): ReportIntake {
  const clients = new Map<string, number>();
  const seen = new Set<string>();
  let minute = 0;
  let inMinute = 0;
  let repeatWindow = 0;
  let dropped = 0;

  return {
    admit(client, nowMs) {
      const now = Math.floor(nowMs / MINUTE_MS);
      if (now !== minute) {
        minute = now;
        inMinute = 0;
        clients.clear();
      }
      inMinute += 1;
      const sent = (clients.get(client) ?? 0) + 1;
      const known = sent > 1 || clients.size < MOST_CLIENTS;
      if (known) clients.set(client, sent);
      const admitted = known && sent <= perClientPerMinute && (inMinute <= perMinute || inMinute % SAMPLE_EVERY === 0);
      if (!admitted) dropped += 1;
      return admitted;
    },
    take(violations, noise, nowMs) {
      const now = Math.floor(nowMs / REPEAT_WINDOW_MS);
      if (now !== repeatWindow) {
        repeatWindow = now;
        seen.clear();
      }
      const events: AuditEvent[] = [];
      for (const violation of violations) {
        const key = `${violation.directive} ${violation.blocked}`;
        if (seen.has(key) || seen.size >= MOST_VIOLATIONS) {
          dropped += 1;
          continue;
        }
        seen.add(key);
        events.push(eventOf(violation));
      }
      dropped += noise;
      const [first] = events;
      if (first === undefined || dropped === 0) return events;
      // How many went unrecorded before this one.
      events[0] = { ...first, count: dropped };
      dropped = 0;
      return events;
    },
  };
}

function eventOf(violation: Violation): AuditEvent {
  return {
    event_type: "csp_violation",
    status: violation.enforced ? "refused" : "observed",
    severity: violation.enforced ? "warning" : "info",
    event: "csp_violation",
    control: "csp-reporting",
    directive: violation.directive,
    blocked: violation.blocked,
    document: violation.document,
    ...(violation.source !== undefined && { source: violation.source }),
    ...(violation.line !== undefined && { line: violation.line }),
  };
}
