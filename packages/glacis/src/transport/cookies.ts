/** Cookies on their way out: `__Host-` by default, Secure, HttpOnly, SameSite (RFC 6265bis; guide A02, A05, A07). */
import { auditEvent } from "../core/event-entry.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { finding, type Finding } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { isLoopbackHost } from "../primitives/origin.ts";
import { recent } from "../primitives/recent.ts";
import { MAX_SET_COOKIE_BYTES } from "../primitives/set-cookie.ts";
import { compileRegistry, strictLine, type CookieRegistry, type RegisteredCookie } from "./cookie-registry.ts";
import {
  assessSetCookie,
  COOKIES_DOMAIN_WIDE,
  COOKIES_INSECURE_TRANSPORT,
  COOKIES_MALFORMED,
  COOKIES_NOT_SECURE,
  COOKIES_PREFIX_BROKEN,
  COOKIES_PREFIX_MISSING,
  COOKIES_SAME_SITE_MISSING,
  COOKIES_SAME_SITE_NONE,
  COOKIES_SCRIPT_READABLE,
  COOKIES_SECRET_READABLE,
  COOKIES_TOO_LARGE,
  COOKIES_UNREGISTERED_ALLOWED,
} from "./cookie-rules.ts";
import { tighten } from "./cookie-tightening.ts";
import { readSetCookie } from "./set-cookie-line.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "cookies",
  title: "Every cookie Secure, HttpOnly and SameSite, with the __Host- prefix where it holds a secret",
  layer: "transport",
  guide: ["A02", "A05", "A07", "checklist: Secure cookies"],
  owasp2021: ["A01", "A02", "A05", "A07"],
  owasp2025: ["A01", "A02", "A04", "A07"],
  asvs: ["v5.0.0-3.3.1", "v5.0.0-3.3.2", "v5.0.0-3.3.3", "v5.0.0-3.3.4", "v5.0.0-3.3.5"],
  cwe: ["CWE-614", "CWE-1004", "CWE-1275"],
};

const RULES = [
  COOKIES_INSECURE_TRANSPORT,
  COOKIES_MALFORMED,
  COOKIES_NOT_SECURE,
  COOKIES_SECRET_READABLE,
  COOKIES_SCRIPT_READABLE,
  COOKIES_SAME_SITE_MISSING,
  COOKIES_SAME_SITE_NONE,
  COOKIES_PREFIX_MISSING,
  COOKIES_PREFIX_BROKEN,
  COOKIES_DOMAIN_WIDE,
  COOKIES_TOO_LARGE,
  COOKIES_UNREGISTERED_ALLOWED,
];

/** What happens to a cookie that the registry does not list: made strict, left out, or the whole response refused (for tests). */
export type UnregisteredCookies = "tighten" | "drop" | "refuse";

export interface CookieOptions {
  /** The application's own cookies by full name. */
  readonly registry?: CookieRegistry;
  /** `tighten` unless you say otherwise. */
  readonly unregistered?: UnregisteredCookies;
}

const UNREGISTERED: readonly UnregisteredCookies[] = ["tighten", "drop", "refuse"];

/** An application has some dozens of cookie names; one that makes names up costs repeated events, not memory. */
const REMEMBERED_NAMES = 1000;

/**
 * Judges every Set-Cookie line on its way out, whoever wrote it. What is missing is added, what is weaker than the registry allows is made
 * strict, nothing is loosened. Over plain HTTP no cookie is sent, except on a loopback host, which browsers treat as secure.
 *
 * @throws TypeError on an unknown option or a registry entry that browsers or reviewers would refuse.
 * @example
 * cookies({
 *   registry: { "__Host-device": { purpose: "device" }, theme: { purpose: "preference", scriptReadable: true } },
 *   unregistered: "drop",
 * });
 */
export function cookies(options: CookieOptions = {}): Control {
  rejectUnknownOptions("cookies", options, ["registry", "unregistered"]);
  const { unregistered = "tighten" } = options;
  if (!UNREGISTERED.includes(unregistered)) {
    throw new TypeError(`cookies() needs unregistered as one of ${UNREGISTERED.join(", ")}.`);
  }
  const registry = compileRegistry(options.registry ?? {});
  const reported = recent<true>(REMEMBERED_NAMES);

  /** Each cause once per name: a cookie goes out with every page, and the log is read by people. */
  function once(name: string, detail: string, status: "refused" | "observed"): readonly AuditEvent[] {
    const key = `${detail} ${name.slice(0, 64)}`;
    if (reported.get(key) !== undefined) return [];
    reported.set(key, true);
    return [cookieEvent(name, detail, status)];
  }

  function judge(line: string, nowMs: number): { readonly line?: string; readonly events: readonly AuditEvent[] } {
    const cookie = readSetCookie(line);
    if (cookie === undefined) return { events: once("", "malformed", "refused") };
    const { name } = cookie;
    const entry = registry.get(name);
    if (entry === undefined && unregistered === "drop") return { events: once(name, "unregistered", "refused") };
    if (entry === undefined && unregistered === "refuse") {
      throw new TypeError(`The cookie "${name}" is not in cookies({ registry }). Register it with its purpose.`);
    }
    const strict = tighten(cookie, entry, nowMs);
    if (strict.line.length > MAX_SET_COOKIE_BYTES) return { events: once(name, "too_large", "refused") };
    if (strict.tightened.length === 0) return { line, events: [] };
    return { line: strict.line, events: strict.tightened.flatMap((change) => once(name, change, "observed")) };
  }

  return {
    meta: META,
    rules: RULES,
    head(draft, facts) {
      const lines = draft.setCookies;
      if (lines.length === 0) return undefined;
      if (!isPrivate(facts)) {
        draft.setCookieLines([]);
        return lines.flatMap((line) => once(readSetCookie(line)?.name ?? "", "insecure_transport", "refused"));
      }
      const judged = lines.map((line) => judge(line, facts.receivedAtMs));
      const kept = judged.flatMap(({ line }) => (line === undefined ? [] : [line]));
      if (kept.length !== lines.length || kept.some((line, index) => line !== lines[index])) draft.setCookieLines(kept);
      return judged.flatMap(({ events }) => events);
    },
    check: ({ nowMs }) => checkRegistry(registry, unregistered, nowMs),
    observe: (observation) => observeCookies(observation, registry),
  };
}

function checkRegistry(
  registry: ReadonlyMap<string, RegisteredCookie>,
  unregistered: UnregisteredCookies,
  nowMs: number,
): readonly Finding[] {
  const entries = [...registry].flatMap(([name, cookie]) =>
    assessSetCookie(strictLine(name, cookie), registry, { kind: "setting", name: `cookies.registry.${name}` }, nowMs),
  );
  const open = finding(COOKIES_UNREGISTERED_ALLOWED, { kind: "setting", name: "cookies.unregistered" });
  return unregistered === "tighten" ? [...entries, open] : entries;
}

function observeCookies(observation: Observation, registry: ReadonlyMap<string, RegisteredCookie>): readonly Finding[] {
  const { url, scheme } = observation;
  const at = { kind: "response", url, header: "set-cookie" } as const;
  const lines = observed(observation, "set-cookie");
  const exposed = scheme === "http" && !(canParseUrl(url) && isLoopbackHost(new URL(url).hostname));
  // What a browser does with an attribute does not depend on our clock; a deletion is recognised by a date long past.
  const findings = lines.flatMap((line) => assessSetCookie(line, registry, at, Date.UTC(2000, 0)));
  return exposed && lines.length > 0 ? [finding(COOKIES_INSECURE_TRANSPORT, at), ...findings] : findings;
}

/** True where nobody on the network can read or change the response. */
function isPrivate({ scheme, authority }: RequestFacts): boolean {
  return scheme === "https" || isLoopbackHost((authority ?? "").toLowerCase().replace(/:\d+$/u, ""));
}

function cookieEvent(name: string, detail: string, status: "refused" | "observed"): AuditEvent {
  return auditEvent(
    `transport/${status === "refused" ? "sys_cookie_dropped/refused" : "sys_cookie_tightened/observed"}`,
    {
      control: META.id,
      detail,
      resource_type: "cookie",
      ...(name !== "" && { resource_id: name.slice(0, 64) }),
    },
  );
}
