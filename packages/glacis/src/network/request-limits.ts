/** Bounds on the size, shape and duration of a request, all of them acting before the application reads anything (CWE-770). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectNonCounts, rejectUnknownOptions } from "../core/options.ts";
import type { Reason } from "../core/reasons.ts";
import type { BodyRules, ServerLimits } from "../core/security.ts";
import { isNamed } from "../core/wire.ts";
import { bodyParser, isForm, parsesBody } from "./body-parser.ts";
import { watchParts } from "./multipart.ts";

const META: ControlMeta = {
  id: "request-limits",
  title: "Bounded request size, shape and duration",
  layer: "network",
  guide: ["checklist: All user input validated"],
  owasp2021: ["A04", "A05"],
  owasp2025: ["A06", "A10"],
  asvs: ["v5.0.0-15.2.2"],
  cwe: ["CWE-770", "CWE-400", "CWE-1333"],
};

export const LIMIT_TOO_GENEROUS: Rule = {
  id: "request-limits/too-generous",
  severity: "warning",
  what: "A limit on requests is so high that it hardly limits.",
  why: "One client can make the process hold or walk that much, several times at once, before anybody knows who it is.",
  fix: "Keep the default and raise bodyBytes on the one route that needs more.",
};
export const SLOW_CLIENT_TOLERATED: Rule = {
  id: "request-limits/slow-client-tolerated",
  severity: "warning",
  what: "A client may take very long to send a request.",
  why: "Connections that trickle bytes cost the attacker nothing and the server a socket each (Slowloris).",
  fix: "Keep headersTimeoutMs at 15_000 and requestTimeoutMs at 30_000; let browsers upload large files to object storage directly.",
};

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every limit, its default, and the value above which `check` asks whether it is meant. */
const LIMITS = {
  headerBytes: { initial: 16 * KIB, generous: 64 * KIB },
  headerCount: { initial: 100, generous: 500 },
  targetBytes: { initial: 8 * KIB, generous: 32 * KIB },
  parameterCount: { initial: 1000, generous: 10_000 },
  jsonBytes: { initial: 100 * KIB, generous: 5 * MIB },
  formBytes: { initial: 1 * MIB, generous: 10 * MIB },
  multipartBytes: { initial: 10 * MIB, generous: 100 * MIB },
  multipartParts: { initial: 100, generous: 1000 },
  bodyCeilingBytes: { initial: 100 * MIB, generous: 1024 * MIB },
  jsonDepth: { initial: 32, generous: 100 },
  jsonKeys: { initial: 10_000, generous: 100_000 },
  headersTimeoutMs: { initial: 15_000, generous: 60_000 },
  requestTimeoutMs: { initial: 30_000, generous: 300_000 },
  responseTimeoutMs: { initial: 30_000, generous: 300_000 },
  keepAliveTimeoutMs: { initial: 65_000, generous: 600_000 },
  maxRequestsPerSocket: { initial: 1000, generous: 100_000 },
} as const;

type LimitName = keyof typeof LIMITS;
type Limits = Readonly<Record<LimitName, number>>;
const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

export interface RequestLimitsOptions {
  /** All header lines together, in bytes. 16 KiB. */
  readonly headerBytes?: number;
  /** Header lines. 100. */
  readonly headerCount?: number;
  /** The request target: path and query, in bytes. 8 KiB. */
  readonly targetBytes?: number;
  /** Query parameters, and fields of an urlencoded form. 1000 each. */
  readonly parameterCount?: number;
  /** A JSON body, and any body of a type that has no limit of its own. 100 KiB. */
  readonly jsonBytes?: number;
  /** An urlencoded form. 1 MiB. */
  readonly formBytes?: number;
  /** A multipart form with its files. 10 MiB. */
  readonly multipartBytes?: number;
  /** Parts of a multipart form. 100. */
  readonly multipartParts?: number;
  /** The most that a route's own `bodyBytes` can grant; what declares more is refused before routing. 100 MiB. */
  readonly bodyCeilingBytes?: number;
  /** Arrays and objects inside each other. 32. */
  readonly jsonDepth?: number;
  /** Members of all objects of a document together. 10 000. */
  readonly jsonKeys?: number;
  /** From the connection, or the end of the request before, to the last header. 15 s. */
  readonly headersTimeoutMs?: number;
  /** To the last byte of the body. 30 s. */
  readonly requestTimeoutMs?: number;
  /**
   * How long a connection may be silent while its response is due: a handler that has not begun to answer by then is answered for, with 503, and
   * a client that has stopped reading is cut off. 30 s, half of what a load balancer waits, and never less than headers may take.
   */
  readonly responseTimeoutMs?: number;
  /** How long an idle connection stays open. 65 s: longer than a load balancer's 60, so that the balancer closes first and no request is lost. */
  readonly keepAliveTimeoutMs?: number;
  /** Requests before a connection is closed. 1000. */
  readonly maxRequestsPerSocket?: number;
}

export interface RequestLimits {
  /** Judges what is known from the head of a request. */
  readonly control: Control;
  /** Bounds and parses bodies. */
  readonly body: BodyRules;
  /** What the adapter sets on the http.Server. */
  readonly server: ServerLimits;
}

/**
 * Bounds requests in three places that share one set of numbers: at the socket, at the head, and at the body.
 *
 * @throws TypeError on an unknown option, and on a limit that is not a positive whole number: none of them can be switched off.
 * @example
 * const { control, body, server } = requestLimits({ jsonBytes: 256 * 1024 });
 */
export function requestLimits(options: RequestLimitsOptions = {}): RequestLimits {
  rejectUnknownOptions("requestLimits", options, LIMIT_NAMES);
  const limits = Object.fromEntries(LIMIT_NAMES.map((name) => [name, options[name] ?? LIMITS[name].initial])) as Limits;
  rejectNonCounts("requestLimits", limits);
  if (limits.headersTimeoutMs > limits.requestTimeoutMs)
    throw new TypeError("requestLimits() needs headersTimeoutMs no longer than requestTimeoutMs, which includes it.");
  const ceiling = Math.max(limits.bodyCeilingBytes, limits.jsonBytes, limits.formBytes, limits.multipartBytes);
  return {
    control: {
      meta: META,
      rules: [LIMIT_TOO_GENEROUS, SLOW_CLIENT_TOLERATED],
      decide: (facts) => judgeHead(facts, limits, ceiling),
      check: () => assess(limits),
    },
    body: {
      maxBytes: (facts) => Math.min(facts.route.bodyBytes ?? bytesFor(facts, limits), ceiling),
      parse: bodyParser(limits),
      parses: parsesBody,
      watchMultipart: (contentType) => watchParts(contentType, limits.multipartParts),
    },
    server: serverLimits(limits),
  };
}

/**
 * Node's own limits stand a little above ours, so that a request which is merely too large gets our answer, and only a flood gets Node's.
 * Node drops header lines above its count in silence; one line more than we allow is enough for us to see that there were too many.
 */
function serverLimits(limits: Limits): ServerLimits {
  const connectionsCheckingIntervalMs = Math.ceil(limits.headersTimeoutMs / 5);
  // A client that stops in the middle of its headers is silent as well, and its answer is the one of headersTimeoutMs.
  const headersMs = limits.headersTimeoutMs + 2 * connectionsCheckingIntervalMs;
  return {
    maxHeaderBytes: limits.headerBytes + limits.targetBytes + KIB,
    maxHeaderCount: limits.headerCount + 1,
    headersTimeoutMs: limits.headersTimeoutMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    connectionsCheckingIntervalMs,
    responseTimeoutMs: Math.max(limits.responseTimeoutMs, headersMs),
    keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.maxRequestsPerSocket,
  };
}

function bytesFor(facts: IdentifiedFacts, limits: Limits): number {
  const { mediaType } = facts;
  if (mediaType.startsWith("multipart/")) return limits.multipartBytes;
  return isForm(mediaType) ? limits.formBytes : limits.jsonBytes;
}

/** What the headers say about the body, gathered in the one pass that also adds up their size. */
interface Framing {
  bytes: number;
  length: string | undefined;
  transferEncoding: boolean;
  type: string | undefined;
}

const LINE_OVERHEAD = ": \r\n".length;

function readHeaders(rawHeaders: readonly string[]): Framing {
  const framing: Framing = { bytes: 0, length: undefined, transferEncoding: false, type: undefined };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    const value = rawHeaders[index + 1] as string;
    framing.bytes += name.length + value.length + LINE_OVERHEAD;
    if (isNamed(name, "content-length")) framing.length ??= value;
    else if (isNamed(name, "transfer-encoding")) framing.transferEncoding = true;
    else if (isNamed(name, "content-type")) framing.type ??= value;
  }
  return framing;
}

function judgeHead(facts: RequestFacts, limits: Limits, ceiling: number): Decision {
  const { rawHeaders, target } = facts.wire;
  if (target.length > limits.targetBytes) return refuse("target_too_long", "target_bytes", limits.targetBytes);
  if (rawHeaders.length / 2 > limits.headerCount)
    return refuse("headers_too_large", "header_count", limits.headerCount);
  const framing = readHeaders(rawHeaders);
  if (framing.bytes > limits.headerBytes) return refuse("headers_too_large", "header_bytes", limits.headerBytes);
  const { query } = facts;
  if (query !== "" && exceeds(query, limits.parameterCount))
    return refuse("parameters_too_many", "query_parameters", limits.parameterCount);
  return judgeFraming(facts, framing, ceiling);
}

/**
 * A request without Content-Length and without Transfer-Encoding has no body (RFC 9112 section 6.3), whatever its method: `curl -X POST`
 * and some gateways send it so, and refusing would break them for nothing. When it also announces content, by type or by
 * `Expect: 100-continue`, the sender believes that bytes follow, and they would be read as the next request: that is 411.
 */
function judgeFraming(facts: RequestFacts, framing: Framing, ceiling: number): Decision {
  const { length, transferEncoding, type } = framing;
  if (length !== undefined) {
    if (!/^\d+$/u.test(length)) return refuse("framing_ambiguous", "content_length");
    if (Number(length) > ceiling) return refuse("body_too_large", "content_length", ceiling);
  } else if (!transferEncoding && mayCarryBody(facts.method)) {
    if (type !== undefined || facts.header("expect") !== undefined) return refuse("length_required", "content_length");
  }
  if (type !== undefined && (transferEncoding || Number(length ?? 0) > 0) && !MEDIA_TYPE.test(type))
    return refuse("media_type_unsupported", "content_type");
  if (type !== undefined && !speaksUtf8(type, facts)) return refuse("media_type_unsupported", "charset");
  return ALLOW;
}

function mayCarryBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && method !== "DELETE";
}

/** RFC 9110 section 8.3.1. Anything else is JSON to one reader and unknown to the next, so that one of them checks what the other reads. */
const MEDIA_TYPE = /^[!#$%&'*+.^`|~\w-]+\/[!#$%&'*+.^`|~\w-]+[\t ]*(?:;|$)/u;
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]*)/giu;
const UTF8: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii"]);

/** Bodies that are parsed are read as UTF-8. One that says it is something else would be misread rather than refused. */
function speaksUtf8(contentType: string, facts: RequestFacts): boolean {
  if (!contentType.includes(";") || !parsesBody(facts.mediaType)) return true;
  // Each of them, because a filter in front may go by another one of two.
  return [...contentType.matchAll(CHARSET)].every(([, charset = ""]) => UTF8.has(charset.toLowerCase()));
}

/** Whether a query has more parameters than allowed, without splitting it. */
function exceeds(query: string, limit: number): boolean {
  let count = 1;
  for (let at = query.indexOf("&"); at !== -1; at = query.indexOf("&", at + 1)) {
    count += 1;
    if (count > limit) return true;
  }
  return false;
}

function refuse(reason: Reason, detail: string, limit?: number): Decision {
  return deny(
    reason,
    {
      event_type: "input_validation",
      status: "refused",
      severity: "info",
      event: "input_validation_fail",
      control: META.id,
      reason,
      detail,
      ...(limit !== undefined && { limit }),
    },
    { why: limit === undefined ? `Refused by ${detail}.` : `The limit of ${detail} is ${limit}.` },
  );
}

/** No `observe` face: a limit shows only to a request that exceeds it, which `glacis probe` sends. */
function assess(limits: Limits): readonly Finding[] {
  return LIMIT_NAMES.filter((name) => limits[name] > LIMITS[name].generous).map((name) =>
    finding(
      name.endsWith("TimeoutMs") ? SLOW_CLIENT_TOLERATED : LIMIT_TOO_GENEROUS,
      { kind: "setting", name: `request-limits ${name}` },
      `${limits[name]} is more than ${LIMITS[name].generous}`,
    ),
  );
}
