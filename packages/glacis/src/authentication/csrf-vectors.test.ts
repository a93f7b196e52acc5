/** Recorded verdicts of another framework's guard: whatever it refuses for its source or its token is refused here too. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { KeySource } from "../core/keys.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { csrf } from "./csrf.ts";

interface Case {
  readonly id: string;
  readonly fn?: string;
  readonly method: string;
  readonly secure: boolean;
  readonly host?: string;
  readonly origin?: string;
  readonly referer?: string;
  readonly form_token?: unknown;
  readonly header_token?: unknown;
  readonly exempt?: boolean;
  readonly enforce_off?: boolean;
  readonly already_done?: boolean;
  readonly settings: {
    readonly ALLOWED_HOSTS?: readonly string[];
    readonly CSRF_TRUSTED_ORIGINS?: readonly string[];
    readonly CSRF_COOKIE_DOMAIN?: string;
    readonly SESSION_COOKIE_DOMAIN?: string;
  };
  readonly meta?: Readonly<Record<string, string>>;
  readonly accepted: boolean;
  readonly reason?: string;
}

/** Reasons about where a request comes from; every other reason is about a token, and those tokens are nobody's here. */
const SOURCE = new Set(["bad_origin", "no_referer", "malformed_referer", "insecure_referer", "bad_referer"]);

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
const keys: KeySource = {
  ids: ["k1"],
  derive: () => ({ current: { id: "k1", bytes }, all: [{ id: "k1", bytes }] }),
};
const session = { id: "a-session" };
const scenarios = (loadVectors<Case>("csrf")?.cases ?? []).filter(({ fn }) => fn === undefined);

/** The one origin that the application would have been told: the case's host where it is allowed, else the first allowed one. */
function originOf({ host, secure, settings, meta }: Case): string {
  const allowed = (settings.ALLOWED_HOSTS ?? []).map((name) => name.replace(/^\./u, "www."));
  const wanted = (host ?? "").toLowerCase();
  const known = allowed.includes(wanted.replace(/:\d+$/u, "")) || allowed.includes("*");
  const https = secure || meta?.["HTTP_X_FORWARDED_PROTO"] === "https";
  return new URL(`${https ? "https" : "http"}://${known ? wanted : (allowed[0] ?? "testserver")}`).origin;
}

function verdictOf(one: Case): string {
  const origin = originOf(one);
  const trustedOrigins = (one.settings.CSRF_TRUSTED_ORIGINS ?? []).filter(isExact);
  const guard = csrf({ origin, keys, trustedOrigins });
  const ours = guard.token(sketchExchange({ session }));
  const good = one.accepted || SOURCE.has(one.reason ?? "");
  const given = good ? ours : (one.header_token ?? one.form_token);
  const headers = {
    ...(one.origin !== undefined && { origin: one.origin }),
    ...(one.referer !== undefined && { referer: one.referer }),
    ...(typeof given === "string" && { "x-csrf-token": given }),
  };
  const route = one.exempt === true ? { csrfExempt: "the case's view is exempt" } : {};
  const decision = guard.control.decide?.(sketchExchange({ method: one.method, session, headers, route }));
  if (decision === undefined || decision instanceof Promise) throw new Error("expected a synchronous decision");
  return decision.kind === "allow" ? "allow" : (decision.events[0]?.detail ?? "");
}

describe.skipIf(scenarios.length === 0)("csrf, by recorded cases", () => {
  it.each(scenarios.map((one) => [one.id, one] as const))("agrees about %s, or says why not", (_, one) => {
    const verdict = verdictOf(one);
    const why = differenceOf(one);
    if (why === undefined) expect(verdict === "allow", verdict).toBe(one.accepted);
    else expect(verdict === "allow", why).not.toBe(one.accepted);
  });
});

/** Why a case goes the other way here, or undefined. All but the last are stricter. */
function differenceOf(one: Case): string | undefined {
  const { referer, origin, settings, accepted, reason, secure } = one;
  const trusted = settings.CSRF_TRUSTED_ORIGINS ?? [];
  const elsewhere = URL.canParse(referer ?? "") && new URL(referer ?? "").origin !== originOf(one);
  const patterned = trusted.some((text) => text.includes("*")) && !trusted.includes(origin ?? "");
  if (accepted && patterned && (origin === undefined ? elsewhere : origin !== originOf(one)))
    return "a pattern lets in hosts that nobody thought of: trusted origins are exact";
  if (accepted && elsewhere && (settings.CSRF_COOKIE_DOMAIN ?? settings.SESSION_COOKIE_DOMAIN ?? "") !== "")
    return "a cookie's domain trusts no sibling: cookies here have none";
  if (accepted && elsewhere && trusted.length > 0 && !trusted.includes(new URL(referer ?? "").origin))
    return "a trusted origin is one origin, scheme included";
  if (accepted && elsewhere && !secure) return "a foreign Referer is foreign over HTTP too";
  if (accepted && origin !== undefined && origin !== origin.toLowerCase())
    return "browsers send origins in lower case; whoever does not is none";
  if (reason === "no_referer")
    return "weaker on purpose: a request with neither Origin, Referer nor Fetch Metadata is judged by its token, which is bound to the session";
  return undefined;
}

function isExact(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && !text.includes("*");
}
