/** Refuse requests that two readers could read in two ways, before anything reads them (RFC 9112; CWE-444). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { ALLOW, deny, type Decision, type DenyDetails } from "../core/decision.ts";
import type { RequestFacts, Scheme } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Reason } from "../core/reasons.ts";
import { observed, type Observation } from "../core/response.ts";
import { parseAuthority, withoutDefaultPort } from "../primitives/authority.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  headerRole,
  HOST,
  METHOD_OVERRIDE,
  NOT_A_TOKEN,
  PLAIN,
  TRANSFER_ENCODING,
} from "./header-roles.ts";

const META: ControlMeta = {
  id: "request-shape",
  title: "One meaning per request: framing, Host, headers, target and method",
  layer: "network",
  guide: ["A05"],
  owasp2021: ["A05", "A03", "A04"],
  owasp2025: ["A05", "A02", "A01"],
  asvs: ["v5.0.0-4.1.4", "v5.0.0-4.2.1", "v5.0.0-4.2.2", "v5.0.0-4.2.3", "v5.0.0-4.2.4", "v5.0.0-13.4.4"],
  cwe: ["CWE-444", "CWE-113", "CWE-650", "CWE-749"],
};

export const REQUEST_SHAPE_LENIENT_PARSER: Rule = {
  id: "request-shape/lenient-parser",
  severity: "error",
  what: "Node runs with --insecure-http-parser.",
  why: "The lenient parser accepts messages whose end a proxy in front sees elsewhere: the rest becomes somebody else's request.",
  fix: "Remove --insecure-http-parser from NODE_OPTIONS and from the command line, and insecureHTTPParser from createServer().",
};
export const REQUEST_SHAPE_HEADER_SIZE: Rule = {
  id: "request-shape/header-size",
  severity: "warning",
  what: "Node runs with a --max-http-header-size above 64 KiB.",
  why: "Every connection may hold that much before any control can refuse it.",
  fix: "Remove the flag; find out which cookie or header needs so much.",
};
export const REQUEST_SHAPE_TRACE_OFFERED: Rule = {
  id: "request-shape/trace-offered",
  severity: "warning",
  what: "TRACE, TRACK or CONNECT is offered or answered.",
  why: "TRACE returns the request with its credentials to a script; CONNECT makes a server a relay.",
  fix: "Mount the control before everything else, and turn the method off in the proxy or static server that answered.",
};

/** What applications are written for (RFC 9110 section 9.3, RFC 5789). */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** Known, and refused whatever the options say: 405 rather than 501 (RFC 9110 section 15.6.2 is for methods that a server does not know). */
const REFUSED_METHODS = new Set(["TRACE", "TRACK", "CONNECT"]);

/** RFC 9110 section 5.5: a field value holds visible ASCII, spaces, tabs and obs-text. */
const BAD_VALUE_BYTE = /[^\t\x20-\x7e\x80-\xff]/u;
/** RFC 3986 section 2, as far as browsers keep to it; `#` and `\` never belong in a target (RFC 9112 section 3.2). */
const BAD_TARGET_BYTE = /[^\x21-\x7e]|[#\\]/u;
/** Nobody but an attacker writes `HTTP://`, and frameworks differ in whether that is a URL or a path. */
const ABSOLUTE_FORM = /^(https?):\/\/([^/?]+)(?:[/?]|$)/u;
const LENGTH = /^\d{1,15}$/u;
/** What concerns one connection alone. An option that names any other header asks each proxy to drop it (RFC 9110 section 7.6.1). */
const CONNECTION_OPTIONS = new Set(["", "close", "keep-alive", "upgrade", "http2-settings", "te", "trailer"]);
const SLASH = 0x2f;

export interface RequestShapeOptions {
  /** Methods beyond GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS that the application's routes use, such as `QUERY`. */
  readonly methods?: readonly string[];
}

/**
 * Judges the raw request in one pass over its headers. Framing that is ambiguous, a Host that is missing or doubled, a second line of a header
 * that may come once, bytes that do not belong: 400, and the connection closes. TRACE, TRACK and CONNECT: 405. Unknown methods: 501.
 *
 * Node's parser refuses much of this itself (`primitives/client-error.ts` has the table); what is checked again here holds with a lenient parser
 * and with requests that never were bytes.
 *
 * HTTP/2 is refused: end it at the proxy, or the same ambiguities return in another form.
 *
 * @throws TypeError on an unknown option or a method that is no upper-case token, or one that is never allowed.
 * @example
 * requestShape();
 */
export function requestShape(options: RequestShapeOptions = {}): Control {
  rejectUnknownOptions("requestShape", options, ["methods"]);
  const added = options.methods ?? [];
  for (const method of added) {
    if (!/^[A-Z]+(?:-[A-Z]+)*$/u.test(method)) {
      throw new TypeError(`requestShape() needs methods in capital letters, such as "QUERY"; "${method}" is none.`);
    }
    if (REFUSED_METHODS.has(method)) throw new TypeError(`requestShape() never allows ${method}.`);
  }
  const methods = new Set([...METHODS, ...added]);
  const allowed = [...methods].join(", ");

  return {
    meta: META,
    rules: [REQUEST_SHAPE_LENIENT_PARSER, REQUEST_SHAPE_HEADER_SIZE, REQUEST_SHAPE_TRACE_OFFERED],
    // Framing first: a refusal that leaves the connection open must not come before the one that closes it.
    decide: (facts) =>
      judgeHeaders(facts) ?? judgeTarget(facts) ?? judgeMethod(facts.method, methods, allowed) ?? ALLOW,
    check: assess,
    observe: observeMethods,
  };
}

function judgeHeaders({ wire: { rawHeaders, httpVersion }, authority }: RequestFacts): Decision | undefined {
  let seen = 0;
  let host: string | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const value = rawHeaders[index + 1] as string;
    if (BAD_VALUE_BYTE.test(value)) return refuse("request_malformed", "header-value");
    const role = headerRole(rawHeaders[index] as string);
    if (role === PLAIN) continue;
    if (role === NOT_A_TOKEN) return refuse("request_malformed", "header-name");
    if (role === CONNECTION) {
      if (value === "keep-alive" || concernsConnection(value)) continue;
      return refuse("request_malformed", "connection-option");
    }
    if (role === METHOD_OVERRIDE) return refuse("method_override", "method-override");
    if ((seen & role) !== 0) return repeated(role);
    seen |= role;
    if (role === HOST) host = value;
    else if (role === EXPECT && value.toLowerCase() !== "100-continue") return refuse("expectation_failed", "expect");
    else if (role === CONTENT_LENGTH) length = value;
    else if (role === TRANSFER_ENCODING) coding = value;
  }
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return refuse("request_malformed", "version");
  if (coding !== undefined || length !== undefined) {
    const fault = framingFault(coding, length, httpVersion);
    if (fault !== undefined) return refuse("framing_ambiguous", fault);
  }
  if (host === undefined) return httpVersion === "1.1" ? refuse("host_malformed", "host-missing") : undefined;
  // The allowed hosts judge the authority. Only where a proxy put another host in its place is Host still unread.
  return host !== authority && parseAuthority(host) === undefined ? refuse("host_malformed", "host-syntax") : undefined;
}

function concernsConnection(options: string): boolean {
  return options.split(",").every((option) => CONNECTION_OPTIONS.has(option.trim().toLowerCase()));
}

function repeated(role: number): Decision {
  if (role === HOST) return refuse("host_malformed", "host-repeated");
  if (role === CONTENT_LENGTH || role === TRANSFER_ENCODING) return refuse("framing_ambiguous", "length-repeated");
  return refuse("header_duplicated", "header-repeated");
}

/** RFC 9112 sections 6.1 to 6.3. Codings are case-insensitive there; nobody but an attacker writes `cHuNKed`, so the letters count here. */
function framingFault(coding: string | undefined, length: string | undefined, version: string): string | undefined {
  if (coding === undefined) return length === undefined || LENGTH.test(length) ? undefined : "content-length";
  if (length !== undefined) return "length-and-coding";
  if (version === "1.0") return "coding-in-1.0";
  return coding === "chunked" ? undefined : "transfer-coding";
}

/** RFC 9112 section 3.2: origin form for everyone, absolute form when it says what Host says, `*` for OPTIONS. */
function judgeTarget({ method, wire: { target, rawHeaders } }: RequestFacts): Decision | undefined {
  if (BAD_TARGET_BYTE.test(target)) return refuse("request_malformed", "target-bytes");
  if (target.charCodeAt(0) === SLASH || method === "CONNECT") return undefined;
  if (target === "*") return method === "OPTIONS" ? undefined : refuse("request_malformed", "target-form");
  const [, scheme, authority] = ABSOLUTE_FORM.exec(target) ?? [];
  if (scheme === undefined || authority === undefined) return refuse("request_malformed", "target-form");
  const host = rawHeaders.find((_, index) => index % 2 === 1 && headerRole(rawHeaders[index - 1] as string) === HOST);
  return sameHost(authority, host ?? authority, scheme as Scheme)
    ? undefined
    : refuse("host_malformed", "target-and-host-differ");
}

function sameHost(left: string, right: string, scheme: Scheme): boolean {
  const one = parseAuthority(left);
  const other = parseAuthority(right);
  if (one === undefined || other === undefined) return false;
  const { hostname, port } = withoutDefaultPort(one, scheme);
  return hostname === other.hostname && port === withoutDefaultPort(other, scheme).port;
}

function judgeMethod(method: string, methods: ReadonlySet<string>, allowed: string): Decision | undefined {
  if (methods.has(method)) return undefined;
  if (!REFUSED_METHODS.has(method)) return refuse("method_unknown", "method-unknown");
  return refuse("method_not_allowed", "method-refused", { headers: [["allow", allowed]] });
}

/** For the developer: what each cause means. The keys are the closed set of `detail`. */
const CAUSES: Readonly<Record<string, string>> = {
  "header-name": "A header name is no token.",
  "header-value": "A header value holds a control character or one beyond Latin-1.",
  "header-repeated": "A header that may come once came twice.",
  "connection-option":
    "Connection names a header that is meant for whoever answers: a proxy on the way drops it, such as the address that it had added itself.",
  expect: "Expect may say 100-continue and nothing else.",
  "method-override":
    "A method override header would make the application see another method than every filter in front of it.",
  version: "Only HTTP/1.1 and HTTP/1.0 are served; a proxy ends HTTP/2.",
  "content-length": "Content-Length is not one plain number.",
  "length-repeated": "Content-Length or Transfer-Encoding came twice.",
  "length-and-coding": "Content-Length and Transfer-Encoding exclude each other.",
  "coding-in-1.0": "HTTP/1.0 knows no Transfer-Encoding.",
  "transfer-coding": "Transfer-Encoding is not exactly chunked.",
  "host-missing": "HTTP/1.1 needs a Host header.",
  "host-repeated": "Host came twice.",
  "host-syntax": "The Host header does not parse.",
  "target-bytes": "The request target holds a control character, a space, raw non-ASCII, a fragment or a backslash.",
  "target-form": "The request target is neither a path nor an absolute http URL.",
  "target-and-host-differ": "The request target names another host than the Host header.",
  "method-refused": "This method is never served.",
  "method-unknown": "Name the method in requestShape({ methods }) if a route uses it.",
};

const EVENTS: {
  readonly [Name in Reason]?: "http.framing_rejected" | "http.host_rejected" | "http.method_rejected";
} = {
  framing_ambiguous: "http.framing_rejected",
  host_malformed: "http.host_rejected",
  method_not_allowed: "http.method_rejected",
  method_unknown: "http.method_rejected",
  method_override: "http.method_rejected",
};

function refuse(reason: Reason, detail: string, details: DenyDetails = {}): Decision {
  return deny(
    reason,
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: EVENTS[reason] ?? "http.request_rejected",
      control: META.id,
      reason,
      detail,
    },
    { why: CAUSES[detail] ?? detail, ...details },
  );
}

const LARGEST_HEADER_BYTES = 65_536;

function assess({ nodeOptions }: Deployment): readonly Finding[] {
  const findings: Finding[] = [];
  const at = { kind: "environment", name: "NODE_OPTIONS" } as const;
  if (nodeOptions.some((flag) => /^--insecure[-_]http[-_]parser$/u.test(flag))) {
    findings.push(finding(REQUEST_SHAPE_LENIENT_PARSER, at));
  }
  const size = /(?:^|\s)--max[-_]http[-_]header[-_]size[=\s](\d+)/u.exec(nodeOptions.join(" "))?.[1];
  if (size !== undefined && Number(size) > LARGEST_HEADER_BYTES) {
    findings.push(finding(REQUEST_SHAPE_HEADER_SIZE, at, size));
  }
  return findings;
}

function observeMethods(observation: Observation): readonly Finding[] {
  const { url, method = "GET", status } = observation;
  if (REFUSED_METHODS.has(method) && status >= 200 && status < 300)
    return [finding(REQUEST_SHAPE_TRACE_OFFERED, { kind: "response", url, header: undefined }, `${method} ${status}`)];
  return ["allow", "access-control-allow-methods"].flatMap((header) => {
    const offered = observed(observation, header).join(",").toUpperCase().split(",");
    const refused = offered.map((method) => method.trim()).find((method) => REFUSED_METHODS.has(method));
    const at = { kind: "response", url, header } as const;
    return refused === undefined ? [] : [finding(REQUEST_SHAPE_TRACE_OFFERED, at, refused)];
  });
}
