/** Cross-site request forgery: where a request comes from, and a token that only our pages can know (catalog csrf; guide A07). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Control, ControlMeta, ReceivedBody } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import { parseOrigin } from "../primitives/origin.ts";
import { recent } from "../primitives/recent.ts";
import { serializeCookie } from "../primitives/set-cookie.ts";
import { cameByBearer } from "./bearer-credential.ts";
import type { Responding } from "./session-cookies.ts";
import { sessionAfter } from "./session.ts";

const META: ControlMeta = {
  id: "csrf",
  title: "Cross-site request forgery defence for every state-changing route",
  layer: "authentication",
  guide: ["A07", "checklist: CSRF protection enabled"],
  owasp2021: ["A01"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-3.5.1", "v5.0.0-3.5.2", "v5.0.0-3.5.8"],
  cwe: ["CWE-352", "CWE-1275"],
};

export const CSRF_INSECURE_ORIGIN: Rule = {
  id: "csrf/insecure-origin",
  severity: "error",
  what: "A trusted origin is not HTTPS.",
  why: "Anybody on the network can serve a page under an HTTP origin, and that page could then change state here.",
  fix: "List trusted origins with https://, or remove the origin.",
  django: ["4_0.E001"],
};

const COOKIE = "__Host-csrf";
const HEADER = "x-csrf-token";

const FORM = "application/x-www-form-urlencoded";
const NONCE_BYTES = 16;
const SEED = /^[A-Za-z0-9_-]{22}$/u;
/** Nonce and MAC, in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/u;
const NONCE_LENGTH = 22;
const VERIFIED_TOKENS = 4096;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export interface CsrfOptions {
  /** The application's own origin. */
  readonly origin: string;
  readonly keys: KeySource;
  /** Other origins whose pages may change state here, exact, such as `https://admin.example.com`. */
  readonly trustedOrigins?: readonly string[];
}

export interface Csrf {
  readonly control: Control<IdentifiedFacts>;
  /**
   * The token for this request's session: put it in a form field named `csrf_token` or send it as `x-csrf-token`. Different each time it is
   * asked for, valid as long as the session, worthless in another. A visitor without a session is given a cookie to bind it to.
   */
  token(request: IdentifiedFacts & Responding): string;
  /**
   * Judges a request whose token only the handler can read, such as the first field of a multipart form: the same checks, source included. The
   * route says so with `csrfExempt`, and the handler throws `Refusal` with a denial before it does anything.
   */
  verify(request: IdentifiedFacts, token: unknown): Decision;
}

type Cause =
  | "fetch_site_cross"
  | "origin_null"
  | "origin_foreign"
  | "referer_foreign"
  | "token_missing"
  | "token_malformed"
  | "token_mismatch"
  | "no_binding";

const FIX: Readonly<Record<Cause, string>> = {
  fetch_site_cross: "The browser says that another site sent this. If it is yours, list it in trustedOrigins.",
  origin_null:
    "The page has an opaque origin: a sandboxed frame, a data: URL or a redirect across sites. Send the form from a page of your own.",
  origin_foreign:
    "The Origin header is not this application's origin. Check `origin`, or list the other in trustedOrigins.",
  referer_foreign: "The Referer header is of another origin, and no Origin header says otherwise.",
  token_missing: `Send the token in the header ${HEADER} or in the form field ${CSRF_FIELD}; csrf.token(request) makes it.`,
  token_malformed: "The token is not in the form that csrf.token(request) makes.",
  token_mismatch:
    "The token belongs to another session: the page was loaded before sign-in or sign-out. Load it again.",
  no_binding: `The request carries neither a session nor the ${COOKIE} cookie. Load the page with the form first, with cookies enabled.`,
};

/**
 * Refuses a state-changing request unless it comes from our own pages: Fetch Metadata and Origin first, then a token bound to the session by
 * HMAC (OWASP CSRF cheat sheet, signed double submit). A credential that a browser does not attach by itself, such as an API key, needs none.
 *
 * @throws TypeError on an unknown option or an origin that is not one.
 * @example
 * const { control, token } = csrf({ origin: "https://app.example.com", keys });
 */
export function csrf(options: CsrfOptions): Csrf {
  rejectUnknownOptions("csrf", options, ["origin", "keys", "trustedOrigins"]);
  const ours = parseOrigin("csrf({ origin })", options.origin);
  const trusted = new Set([
    ours,
    ...(options.trustedOrigins ?? []).map((text) => parseOrigin("csrf({ trustedOrigins })", text)),
  ]);
  const keys = options.keys.derive("csrf");
  // A page sends its one token with each of its requests: what has verified for a session is compared, not computed again.
  const verified = recent<string>(VERIFIED_TOKENS);

  function judgeToken(facts: IdentifiedFacts, token: unknown): Decision {
    if (token === undefined) return refuse("token_missing");
    if (typeof token !== "string" || !TOKEN.test(token)) return refuse("token_malformed");
    const binding = bindingOf(facts);
    if (binding === undefined) return refuse("no_binding");
    const known = verified.get(binding);
    if (known !== undefined && matches(token, known)) return ALLOW;
    const nonce = token.slice(0, NONCE_LENGTH);
    if (!keys.all.some((key) => matches(token, tokenOf(key, nonce, binding)))) return refuse("token_mismatch");
    verified.set(binding, token);
    return ALLOW;
  }

  return {
    control: {
      meta: META,
      rules: [CSRF_INSECURE_ORIGIN],
      check: ({ mode }) =>
        [...trusted]
          .filter((origin) => mode === "production" && !origin.startsWith("https://"))
          .map((origin) => finding(CSRF_INSECURE_ORIGIN, { kind: "setting", name: "csrf.trustedOrigins" }, origin)),
      decide(facts) {
        if (isExempt(facts)) return ALLOW;
        const cause = judgeSource(facts, trusted);
        if (cause !== undefined) return refuse(cause);
        const token = facts.header(HEADER);
        // The token of a plain form is in its body, which `decideBody` sees before the handler does.
        if (token === undefined && facts.awaitsBody && facts.mediaType === FORM) return ALLOW;
        return judgeToken(facts, token);
      },
      decideBody(facts, body) {
        if (isExempt(facts) || facts.header(HEADER) !== undefined || body.mediaType !== FORM) return ALLOW;
        return judgeToken(facts, fieldOf(body));
      },
    },
    verify(request, token) {
      const cause = judgeSource(request, trusted);
      return cause === undefined ? judgeToken(request, token) : refuse(cause);
    },
    token(request) {
      const nonce = randomBytes(NONCE_BYTES).toString("base64url");
      const session = sessionAfter(request);
      const binding = session === undefined ? (bindingOf(request) ?? plantSeed(request)) : `session:${session}`;
      return tokenOf(keys.current, nonce, binding);
    },
  };
}

function isExempt(facts: IdentifiedFacts): boolean {
  if (SAFE_METHODS.has(facts.method) || facts.route.csrfExempt !== undefined) return true;
  return facts.session === undefined && (facts.principal.kind === "service" || cameByBearer(facts));
}

/** What the browser itself says about where the request comes from; a forged page cannot change these headers. */
function judgeSource(facts: IdentifiedFacts, trusted: ReadonlySet<string>): Cause | undefined {
  const origin = facts.header("origin");
  const fromTrusted = origin !== undefined && trusted.has(origin);
  const site = facts.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none" && !fromTrusted) return "fetch_site_cross";
  // A page that sends no referrer posts its own forms with this Origin (Fetch section 3.1). A frame without an origin, which has it too, is no same origin.
  if (origin === "null") return site === "same-origin" ? undefined : "origin_null";
  if (origin !== undefined) return fromTrusted ? undefined : "origin_foreign";
  const referer = facts.header("referer");
  if (referer === undefined || site !== undefined) return undefined;
  // A browser writes an origin in one way, and no user in front of it (Referrer Policy section 8.4). A reader that forgives backslashes, capitals
  // and missing slashes would find ours in what is none.
  const [, scheme = "", authority = ""] = /^(https?):\/\/([^/?#]*)/iu.exec(referer) ?? [];
  return trusted.has(`${scheme.toLowerCase()}://${authority}`) ? undefined : "referer_foreign";
}

/** What a token is bound to: the session, or for a visitor the seed in a cookie of his own. Marked apart, so that one never passes as the other. */
function bindingOf(facts: IdentifiedFacts): string | undefined {
  if (facts.session !== undefined) return `session:${facts.session.id}`;
  const seed = facts.cookies.get(COOKIE);
  return seed !== undefined && SEED.test(seed) ? `visitor:${seed}` : undefined;
}

/** A visitor's seed, planted once per request however many forms ask for a token. */
const planted = new PerRequest<string>();

function plantSeed(request: Responding): string {
  const known = planted.get(request);
  if (known !== undefined) return known;
  const seed = randomBytes(NONCE_BYTES).toString("base64url");
  request.addResponseHeaders([["set-cookie", serializeCookie(COOKIE, seed)]]);
  const binding = `visitor:${seed}`;
  planted.set(request, binding);
  return binding;
}

/** Nonce and MAC, in base64url. */
function tokenOf(key: DerivedKey, nonce: string, binding: string): string {
  const mac = createHmac("sha256", key.bytes).update(`${nonce}.${binding}`).digest("base64url");
  return `${nonce}.${mac}`;
}

/** Compares the text, not its decoding: one MAC has one spelling. Both are tokens by the time they get here. */
function matches(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

function fieldOf(body: ReceivedBody): unknown {
  if (typeof body.value !== "object" || body.value === null || !Object.hasOwn(body.value, CSRF_FIELD)) return undefined;
  return (body.value as Readonly<Record<string, unknown>>)[CSRF_FIELD];
}

function refuse(cause: Cause): Decision {
  return deny(
    "csrf_failed",
    {
      event_type: "csrf",
      status: "refused",
      severity: "warning",
      event: "csrf_rejected",
      control: "csrf",
      reason: "csrf_failed",
      detail: cause,
    },
    { why: `CSRF: ${cause}.`, fix: FIX[cause] },
  );
}
