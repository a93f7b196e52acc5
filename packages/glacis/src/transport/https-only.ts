/** HTTPS only: pages move to HTTPS, API calls are refused (ASVS 5 section 4.1.2, NIST SP 800-63B-4 section 5.1; guide A02). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { ALLOW, allow, deny, redirect, type Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "https-only",
  title: "All public traffic uses HTTPS; APIs refuse plain HTTP",
  layer: "transport",
  guide: ["A02", "Django Security Middleware", "checklist: HTTPS enforced"],
  owasp2021: ["A02"],
  owasp2025: ["A04", "A02"],
  asvs: ["v5.0.0-4.1.2", "v5.0.0-12.2.1"],
  cwe: ["CWE-319", "CWE-311", "CWE-523"],
};

export const HTTPS_ONLY_PLAIN_SERVED: Rule = {
  id: "https-only/plain-http-served",
  severity: "error",
  what: "Plain HTTP is answered instead of redirected or refused.",
  why: "Whoever sits between the user and the server reads and rewrites everything, sessions included.",
  fix: "Configure an https:// origin and mount httpsOnly(); where a proxy ends TLS, declare the proxy so that its word about the scheme counts.",
  django: ["security.W008"],
};
export const HTTPS_ONLY_REDIRECT_ELSEWHERE: Rule = {
  id: "https-only/redirect-elsewhere",
  severity: "error",
  what: "Plain HTTP is redirected, but not to this application over HTTPS.",
  why: "Another hop over HTTP, or another host, hands the visitor to whoever controls it.",
  fix: "Redirect in one step to the configured origin, never to the Host header.",
};
export const HTTPS_ONLY_COOKIE: Rule = {
  id: "https-only/cookie-over-http",
  severity: "error",
  what: "A cookie is set over plain HTTP.",
  why: "It can be read on the way, and a planted one survives into the HTTPS site.",
  fix: "Set cookies on HTTPS responses alone, Secure and with the __Host- prefix.",
};

export interface HttpsOnlyOptions {
  /** The public origin, such as `https://app.example.com`. An http:// origin is for localhost alone and switches the control off. */
  readonly origin: string;
  /** Exact paths that plain HTTP may reach, such as `/healthz` for a load balancer. */
  readonly exempt?: readonly string[];
}

/**
 * Sends pages that arrive over plain HTTP to the configured origin with 308, and refuses every other request with 403
 * `insecure_transport`: a client that is redirected keeps sending its credential in the clear. A credential that did arrive raises the event
 * `transport.cleartext_credential`, so that it can be revoked. The scheme is what the trusted proxies say; unknown counts as insecure.
 *
 * @throws TypeError for an origin that is not one, or is http:// on anything but localhost.
 * @example
 * httpsOnly({ origin: "https://app.example.com", exempt: ["/healthz"] });
 */
export function httpsOnly(options: HttpsOnlyOptions): Control {
  rejectUnknownOptions("httpsOnly", options, ["origin", "exempt"]);
  const { exempt = [] } = options;
  const { origin, local } = parseOrigin(options.origin);
  for (const path of exempt) {
    if (typeof path !== "string" || !/^\/[^\s?#*]*$/u.test(path))
      throw new TypeError(`httpsOnly() takes exact exempt paths such as "/healthz", not ${JSON.stringify(path)}.`);
  }
  const exempted = new Set(exempt);
  return {
    meta: META,
    rules: [HTTPS_ONLY_PLAIN_SERVED, HTTPS_ONLY_REDIRECT_ELSEWHERE, HTTPS_ONLY_COOKIE],
    decide: (facts) => (facts.scheme === "https" || local ? ALLOW : overPlainHttp(facts, origin, exempted)),
    check: (deployment: Deployment) => {
      const at: Location = { kind: "setting", name: "origin" };
      if (local)
        return deployment.mode === "production"
          ? assess({ status: 200, location: undefined, cookies: 0 }, origin, at)
          : [];
      return assess({ status: 308, location: `${origin}/`, cookies: 0 }, origin, at);
    },
    observe: (response) => (local ? [] : observePlainHttp(response, origin, exempted)),
  };
}

function parseOrigin(text: string): { readonly origin: string; readonly local: boolean } {
  const url = typeof text === "string" && canParseUrl(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    (url.protocol !== "https:" && url.protocol !== "http:") ||
    url.origin !== text.replace(/\/$/u, "")
  )
    throw new TypeError('httpsOnly() needs origin as scheme and host alone, such as "https://app.example.com".');
  if (url.protocol === "https:") return { origin: url.origin, local: false };
  if (!/^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])$/u.test(url.hostname))
    throw new TypeError(`httpsOnly() needs an https:// origin; ${url.protocol}// is for localhost during development.`);
  return { origin: url.origin, local: true };
}

function overPlainHttp(facts: RequestFacts, origin: string, exempt: ReadonlySet<string>): Decision {
  const authorization = facts.header("authorization") !== undefined;
  const events = authorization || facts.header("cookie") !== undefined ? [cleartextCredential(authorization)] : [];
  if (exempt.has(facts.path)) return events.length === 0 ? ALLOW : allow([], events);
  // A client that sends Authorization is a program: it would follow the redirect every time, its credential in the clear.
  if (!authorization && isPageNavigation(facts)) return redirect(308, origin + pathAndQuery(facts.wire.target), events);
  const refusal = deny(
    "insecure_transport",
    {
      event_type: "transport",
      status: "refused",
      severity: "info",
      event: "transport.insecure_request",
      control: META.id,
      reason: "insecure_transport",
    },
    {
      why: "The request came over plain HTTP, or no trusted proxy said otherwise.",
      fix: "Call the https:// address. Behind a proxy that ends TLS, declare it in `proxies` and let it send X-Forwarded-Proto.",
    },
  );
  return events.length === 0 ? refusal : { ...refusal, events: [...events, ...refusal.events] };
}

function cleartextCredential(authorization: boolean): AuditEvent {
  return {
    event_type: "transport",
    status: "observed",
    severity: "warning",
    event: "transport.cleartext_credential",
    control: META.id,
    detail: authorization ? "authorization" : "cookie",
  };
}

/** A person opening a page. Browsers leave Sec-Fetch-Mode out over plain HTTP, so Accept decides where it is absent. */
function isPageNavigation(facts: RequestFacts): boolean {
  if (facts.method !== "GET" && facts.method !== "HEAD") return false;
  const mode = facts.header("sec-fetch-mode");
  if (mode !== undefined && mode !== "navigate") return false;
  return (facts.header("accept") ?? "").toLowerCase().includes("text/html");
}

/** The target's path and query as a URL may hold them: bytes outside the grammar of RFC 3986 are percent-encoded. */
function pathAndQuery(target: string): string {
  let path = target;
  if (!path.startsWith("/")) {
    const absolute = canParseUrl(target) ? new URL(target) : undefined;
    path = absolute === undefined || !absolute.pathname.startsWith("/") ? "/" : absolute.pathname + absolute.search;
  }
  return path.replace(/[^\w\-.~:/?[\]@!$&'()*+,;=%]/gu, (character) =>
    Array.from(
      Buffer.from(character, character.charCodeAt(0) < 0x100 ? "latin1" : "utf8"),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}

interface PlainAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: number;
}

function observePlainHttp(response: Observation, origin: string, exempt: ReadonlySet<string>): readonly Finding[] {
  if (response.scheme === "https" || exempt.has(new URL(response.url).pathname)) return [];
  const answer = {
    status: response.status,
    location: observed(response, "location")[0],
    cookies: observed(response, "set-cookie").length,
  };
  return assess(answer, origin, { kind: "response", url: response.url, header: undefined });
}

/** The one judgement behind `check` and `observe`. */
function assess({ status, location, cookies }: PlainAnswer, origin: string, at: Location): readonly Finding[] {
  const findings: Finding[] = [];
  if (status >= 200 && status < 300) findings.push(finding(HTTPS_ONLY_PLAIN_SERVED, at, `status ${status}`));
  if (status >= 300 && status < 400) {
    const target = location !== undefined && canParseUrl(location) ? new URL(location).origin : "no absolute location";
    if (target !== origin) findings.push(finding(HTTPS_ONLY_REDIRECT_ELSEWHERE, at, target));
  }
  if (cookies > 0) findings.push(finding(HTTPS_ONLY_COOKIE, at, `${cookies} cookies`));
  return findings;
}
