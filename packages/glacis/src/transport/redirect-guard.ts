/** Redirects on their way out: none leaves the application's origin unless its target is listed (CWE-601; guide: input validation). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { observed, type Observation } from "../core/response.ts";
import {
  compileRedirects,
  refusedRedirect,
  type CompiledRedirects,
  type RedirectRefusal,
  type SafeRedirectOptions,
} from "./safe-redirect.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "open-redirect",
  title: "Redirect targets are local or allow-listed",
  layer: "transport",
  guide: ["checklist: URL redirects validated (no open redirects)"],
  owasp2021: ["A01"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-3.7.2", "v5.0.0-3.7.3"],
  cwe: ["CWE-601"],
};

export const OPEN_REDIRECT_OFF_ORIGIN: Rule = {
  id: "open-redirect/off-origin",
  severity: "error",
  what: "A response sends the browser to an origin that is not listed.",
  why: "A link that starts with your name and ends at an attacker's page is what phishing needs; a token in the URL goes along.",
  fix: "Pass targets from outside through safeRedirect(), and list origins that you mean in redirectGuard({ allow }).",
};
export const OPEN_REDIRECT_EXTERNAL_ALLOWED: Rule = {
  id: "open-redirect/external-allowed",
  severity: "note",
  what: "Redirects may leave this application for the listed origins.",
  why: "Each of them can be reached through a link with your name; an open redirect there is one here.",
  fix: "Remove origins that nothing redirects to any more.",
};

/**
 * Looks at every Location and Refresh header that goes out, whoever wrote it, and reads it as a browser would. A redirect to an origin that is
 * neither this application's nor listed becomes one to the fallback, with an event. Relative redirects pass: they stay where they are.
 *
 * @throws TypeError on an unknown option, or an origin that is not one exact https origin.
 * @example
 * redirectGuard({ origin: "https://app.example.com", allow: ["https://login.partner.example"] });
 */
export function redirectGuard(options: SafeRedirectOptions): Control {
  const redirects = compileRedirects("redirectGuard", options);
  return {
    meta: META,
    rules: [OPEN_REDIRECT_OFF_ORIGIN, OPEN_REDIRECT_EXTERNAL_ALLOWED],
    head(draft, { path }) {
      const location = isRedirect(draft.status) ? draft.get("location") : undefined;
      const refresh = draft.get("refresh");
      if (location === undefined && refresh === undefined) return undefined;
      const events: AuditEvent[] = [];
      const refusal = location === undefined ? undefined : judgeTarget(location, redirects, redirects.origin, path);
      if (refusal !== undefined) {
        // From the fallback itself there is nowhere left to send the browser; a redirect without a target shows the page.
        if (path === redirects.fallback) draft.remove("location");
        else draft.set("location", redirects.fallback);
        events.push(refusedRedirect(refusal));
      } else if (location !== undefined) {
        // Of several lines each client would follow another: what was judged goes out, as one.
        draft.set("location", location);
      }
      const later = refresh === undefined ? undefined : judgeRefresh(refresh, redirects, path);
      if (later !== undefined) {
        draft.remove("refresh");
        events.push(refusedRedirect(later));
      }
      return events;
    },
    check: () =>
      redirects.allowed.size === 0
        ? []
        : [
            finding(
              OPEN_REDIRECT_EXTERNAL_ALLOWED,
              { kind: "setting", name: "redirectGuard.allow" },
              [...redirects.allowed].join(", "),
            ),
          ],
    observe: (observation) => observeRedirect(observation, redirects),
  };
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/**
 * Why a browser at this path must not follow the target, or undefined. It is read from an https and from an http page of the host, because
 * `https:evil.test` is a path for the one and a host for the other.
 */
function judgeTarget(
  target: string,
  { origin, allowed }: CompiledRedirects,
  page: string,
  path: string,
): RedirectRefusal | undefined {
  if (/\p{Cc}/u.test(target)) return "hidden_character";
  const { host } = new URL(page);
  for (const scheme of ["https://", "http://"]) {
    const base = scheme + host;
    const from = path.startsWith("/") ? base + path : base;
    if (!canParseUrl(target, from)) return "unparsable";
    const url = new URL(target, from);
    // A blob: URL has the origin of what it wraps, and yet is no page of ours.
    if (url.protocol !== "https:" && url.protocol !== "http:") return "origin_not_allowed";
    if (url.username !== "" || url.password !== "") return "user_info";
    const stays = url.origin === base || url.origin === origin || allowed.has(url.origin);
    if (!stays) return "origin_not_allowed";
  }
  return undefined;
}

/** HTML, shared declarative refresh steps: a time, then perhaps a separator, `url=` and quotes. */
const REFRESH = /^\s*[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?(?:"([^"]*)|'([^']*)|(.*))/iu;

function judgeRefresh(refresh: string, redirects: CompiledRedirects, path: string): RedirectRefusal | undefined {
  const [, double, single, bare] = REFRESH.exec(refresh) ?? [];
  const target = (double ?? single ?? bare ?? "").trim();
  return target === "" ? undefined : judgeTarget(target, redirects, redirects.origin, path);
}

function observeRedirect(observation: Observation, redirects: CompiledRedirects): readonly Finding[] {
  const { url, status } = observation;
  const [location] = observed(observation, "location");
  if (!isRedirect(status) || location === undefined || !canParseUrl(url)) return [];
  const page = new URL(url);
  // The step from http to https of the same host is the one that a first visit takes.
  const secured = `https://${page.host}`;
  const own = { ...redirects, allowed: new Set([...redirects.allowed, secured]) };
  const refusal = judgeTarget(location, own, page.origin, page.pathname);
  return refusal === undefined
    ? []
    : [finding(OPEN_REDIRECT_OFF_ORIGIN, { kind: "response", url, header: "location" }, refusal)];
}
