/** Cross-origin resource sharing, for exact origins only (Fetch standard, CORS protocol; guide: CORS configuration). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { ALLOW, answer, deny, type HeaderPair } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { finding, type Finding } from "../core/finding.ts";
import { HeaderNames, observed, type Observation, type ResponseDraft } from "../core/response.ts";
import { rawHeaderValues } from "../core/wire.ts";
import { joinVary, varyNames } from "../primitives/vary.ts";
import { compilePolicy, type CorsOptions, type CorsPolicy } from "./cors-policy.ts";
import {
  assessOrigin,
  CHROMIUM_MAX_AGE_SECONDS,
  CORS_INSECURE_ORIGIN,
  CORS_LOOPBACK_ORIGIN,
  CORS_MAX_AGE_OVER_CAP,
  CORS_NULL_ORIGIN,
  CORS_TENANT_HEADER,
  CORS_UNLISTED_CREDENTIALS,
  CORS_UNLISTED_ORIGIN,
  CORS_VARY_MISSING,
  CORS_WILDCARD,
} from "./cors-rules.ts";

/** With "true" it lets a script of the origin send cookies, and read what they open. */
const CREDENTIALS = "access-control-allow-credentials";

const META: ControlMeta = {
  id: "cors",
  title: "CORS limited to exact trusted origins",
  layer: "transport",
  guide: ["A05", "checklist: CORS configured with specific origins", "CORS configuration"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-3.4.2"],
  cwe: ["CWE-942", "CWE-346"],
};

const RULES = [
  CORS_INSECURE_ORIGIN,
  CORS_LOOPBACK_ORIGIN,
  CORS_WILDCARD,
  CORS_NULL_ORIGIN,
  CORS_UNLISTED_CREDENTIALS,
  CORS_UNLISTED_ORIGIN,
  CORS_VARY_MISSING,
  CORS_TENANT_HEADER,
  CORS_MAX_AGE_OVER_CAP,
];

/** Every response header of the CORS protocol. They are written here and nowhere else. */
const RESPONSE_HEADER_NAMES = [
  "access-control-allow-origin",
  CREDENTIALS,
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
  "access-control-max-age",
  "access-control-allow-private-network",
];
const RESPONSE_HEADERS = new HeaderNames(RESPONSE_HEADER_NAMES);

/** A page asks for some few headers; a longer list is not from a browser. */
const MAX_REQUESTED_HEADERS = 64;
const MAX_REQUESTED_LENGTH = 2048;

const DETAILS = {
  path_not_covered: "The path is not under cors({ paths }). Add its prefix there.",
  origin_not_allowed: "The origin is not in cors({ origins }). Add it there, exactly as the browser sends it.",
  method_not_allowed:
    "The method is not in cors({ methods }). Methods compare with case; write patch as PATCH in the caller.",
  header_not_allowed: "A requested header is not in cors({ allowedHeaders }). Add it there.",
} as const;

type Refusal = keyof typeof DETAILS;

/**
 * Answers preflights and marks responses for exactly the listed origins. Without origins no CORS header leaves the server at all, whoever wrote
 * it. A preflight that asks for anything unlisted is refused with 403 and no CORS header. An OPTIONS request that is no preflight is left to
 * routing, which knows whether the application declared it. Whether another origin may change state is the CSRF control's question, not this.
 *
 * @throws TypeError on a wildcard, a pattern, `null`, or credentials for an origin that is not listed.
 * @example
 * cors({ origins: ["https://partner.example"], allowedHeaders: ["content-type", "x-request-id"], paths: ["/api"] });
 */
export function cors(options: CorsOptions = {}): Control {
  const policy = compilePolicy(options);
  const headersFor = responseHeaders(policy);
  const preflightHeadersFor = preflightHeaders(policy);
  const preflightVary = `Origin, Access-Control-Request-Method, Access-Control-Request-Headers${policy.privateNetwork ? ", Access-Control-Request-Private-Network" : ""}`;
  const withOrigin = joinVary("Origin");
  const withPreflight = joinVary(preflightVary);
  let overwritten = false;

  function headersOf(facts: RequestFacts): ReadonlyMap<string, string> | undefined {
    if (isPreflight(facts)) return judgePreflight(facts, policy) === undefined ? preflightHeadersFor(facts) : undefined;
    const origin = soleHeader(facts, "origin");
    return origin === undefined ? undefined : headersFor.get(origin);
  }

  return {
    meta: META,
    rules: RULES,
    decide(facts) {
      if (facts.method !== "OPTIONS" || !isPreflight(facts)) return ALLOW;
      const refusal = policy.covers(facts.path) ? judgePreflight(facts, policy) : "path_not_covered";
      if (refusal !== undefined)
        return deny("cors_refused", refusedEvent(refusal), { why: WHY, fix: DETAILS[refusal] });
      return answer(204, [...preflightHeadersFor(facts)].concat([["vary", preflightVary]]));
    },
    head(draft, facts) {
      const covered = policy.origins.size > 0 && policy.covers(facts.path);
      const ours = covered ? headersOf(facts) : undefined;
      const foreign = replaceHeaders(draft, ours);
      if (covered) draft.set("vary", (isPreflight(facts) ? withPreflight : withOrigin)(draft.get("vary")));
      if (!foreign || overwritten) return undefined;
      overwritten = true;
      return [OVERWRITTEN];
    },
    check: (deployment) => checkPolicy(policy, deployment),
    observe: (observation) => observeCors(observation, policy),
  };
}

const WHY = "The preflight asks for something that the CORS policy does not list.";

const OVERWRITTEN: AuditEvent = {
  event_type: "transport",
  status: "observed",
  severity: "warning",
  event: "sys_header_replaced",
  control: META.id,
  detail: "application_cors_header",
};

function refusedEvent(detail: Refusal): AuditEvent {
  return {
    event_type: "authorization_failure",
    status: "refused",
    severity: "info",
    event: "authz_fail",
    control: META.id,
    reason: "cors_refused",
    detail,
  };
}

/** Fetch standard: an OPTIONS request with Origin and Access-Control-Request-Method. */
function isPreflight(facts: RequestFacts): boolean {
  return (
    facts.method === "OPTIONS" &&
    facts.header("access-control-request-method") !== undefined &&
    facts.header("origin") !== undefined
  );
}

/** Why a preflight is refused, or undefined when everything it asks for is listed. */
function judgePreflight(facts: RequestFacts, policy: CorsPolicy): Refusal | undefined {
  const origin = soleHeader(facts, "origin");
  if (origin === undefined || !policy.origins.has(origin)) return "origin_not_allowed";
  const method = soleHeader(facts, "access-control-request-method");
  if (method === undefined || !policy.methods.has(method)) return "method_not_allowed";
  const requested = rawHeaderValues(facts.wire.rawHeaders, "access-control-request-headers").join(",");
  if (requested.length > MAX_REQUESTED_LENGTH) return "header_not_allowed";
  const names = requested
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const listed = names.every((name) => policy.allowedHeaders.has(name.toLowerCase()));
  return listed && names.length <= MAX_REQUESTED_HEADERS ? undefined : "header_not_allowed";
}

/** A header that says one thing; two lines of it say none. */
function soleHeader(facts: RequestFacts, name: string): string | undefined {
  const first = facts.header(name);
  return first !== undefined && rawHeaderValues(facts.wire.rawHeaders, name).length === 1 ? first : undefined;
}

/** Each origin's headers, made once. */
function responseHeaders({
  origins,
  credentialed,
  exposedHeaders,
}: CorsPolicy): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    [...origins].map((origin) => {
      const headers: HeaderPair[] = [["access-control-allow-origin", origin]];
      if (credentialed.has(origin)) headers.push([CREDENTIALS, "true"]);
      if (exposedHeaders.length > 0) headers.push(["access-control-expose-headers", exposedHeaders.join(", ")]);
      return [origin, new Map(headers)] as const;
    }),
  );
}

function preflightHeaders(policy: CorsPolicy): (facts: RequestFacts) => ReadonlyMap<string, string> {
  const constant: readonly HeaderPair[] = [
    ["access-control-allow-methods", [...policy.methods].join(", ")],
    ["access-control-allow-headers", [...policy.allowedHeaders].join(", ")],
    ["access-control-max-age", String(policy.maxAgeSeconds)],
  ];
  return (facts) => {
    const origin = facts.header("origin") ?? "";
    const headers = new Map([["access-control-allow-origin", origin], ...constant]);
    if (policy.credentialed.has(origin)) headers.set(CREDENTIALS, "true");
    if (policy.privateNetwork && soleHeader(facts, "access-control-request-private-network") === "true") {
      headers.set("access-control-allow-private-network", "true");
    }
    return headers;
  };
}

/** Writes ours and removes every other CORS header; true when there was one that we did not write. */
function replaceHeaders(draft: ResponseDraft, ours: ReadonlyMap<string, string> | undefined): boolean {
  if (ours === undefined && !draft.hasAny(RESPONSE_HEADERS)) return false;
  let foreign = false;
  for (const name of RESPONSE_HEADER_NAMES) {
    const theirs = draft.get(name);
    const wanted = ours?.get(name);
    if (theirs === wanted) continue;
    if (theirs !== undefined) foreign = true;
    if (wanted === undefined) draft.remove(name);
    else draft.set(name, wanted);
  }
  return foreign;
}

function checkPolicy(policy: CorsPolicy, { mode }: Deployment): readonly Finding[] {
  const at = (option: keyof CorsOptions): { readonly kind: "setting"; readonly name: string } => ({
    kind: "setting",
    name: `cors.${option}`,
  });
  const findings =
    mode === "production" ? [...policy.origins].flatMap((origin) => assessOrigin(origin, at("origins"))) : [];
  if (policy.allowedHeaders.has("x-tenant-id")) findings.push(finding(CORS_TENANT_HEADER, at("allowedHeaders")));
  if (policy.maxAgeSeconds > CHROMIUM_MAX_AGE_SECONDS) {
    findings.push(finding(CORS_MAX_AGE_OVER_CAP, at("maxAgeSeconds"), String(policy.maxAgeSeconds)));
  }
  return findings;
}

function observeCors(observation: Observation, policy: CorsPolicy): readonly Finding[] {
  const header = "access-control-allow-origin";
  const at = { kind: "response", url: observation.url, header } as const;
  const values = observed(observation, header);
  const [value] = values;
  if (value === undefined) return [];
  if (values.includes("*")) return [finding(CORS_WILDCARD, at)];
  if (values.includes("null")) return [finding(CORS_NULL_ORIGIN, at)];
  const findings: Finding[] = [];
  if (values.length > 1 || !policy.origins.has(value)) findings.push(finding(CORS_UNLISTED_ORIGIN, at));
  else findings.push(...assessOrigin(value, at));
  if (
    policy.origins.has(value) &&
    !policy.credentialed.has(value) &&
    observed(observation, CREDENTIALS).includes("true")
  ) {
    findings.push(finding(CORS_UNLISTED_CREDENTIALS, { ...at, header: CREDENTIALS }));
  }
  const vary = varyNames(observed(observation, "vary").join(","));
  if (!vary.has("origin") && !vary.has("*")) findings.push(finding(CORS_VARY_MISSING, at));
  return findings;
}
