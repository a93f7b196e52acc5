import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../core/decision.ts";
import type { Exchange } from "../core/exchange.ts";
import type { TenantId } from "../core/brand.ts";
import type { KeySource } from "../core/keys.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import { csrf } from "./csrf.ts";
import { dangerouslyProvedElsewhere } from "./external-proof.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";

const origin = "https://app.example.com";
const key = (fill: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, index) => (index * 7 + fill) % 256);
const keySource = (...fills: readonly number[]): KeySource => {
  const all = fills.map((fill) => ({ id: `k${fill}`, bytes: key(fill) }));
  return { ids: all.map(({ id }) => id), derive: () => ({ current: all[0] as (typeof all)[0], all }) };
};

const guard = csrf({ origin, keys: keySource(1), trustedOrigins: ["https://admin.example.com"] });
const session = { id: "a-session" };
const FORM = "application/x-www-form-urlencoded";

function post(sketch: RequestSketch = {}): Exchange {
  return sketchExchange({ method: "POST", session, ...sketch });
}

function tokenFor(sketch: RequestSketch = {}): string {
  return guard.token(sketchExchange({ session, ...sketch }));
}

function causeOf(decision: Decision | Promise<Decision> | undefined): string | undefined {
  if (decision === undefined || decision instanceof Promise) throw new Error("expected a synchronous decision");
  return decision.kind === "deny" ? decision.events[0]?.detail : decision.kind;
}

const decide = (exchange: Exchange): string | undefined => causeOf(guard.control.decide?.(exchange));

describe("csrf", () => {
  it("lets safe methods pass without a token", () => {
    for (const method of ["GET", "HEAD", "OPTIONS"]) expect(decide(sketchExchange({ method }))).toBe("allow");
  });

  it("lets a post from our own page with its token pass", () => {
    const headers = { origin, "sec-fetch-site": "same-origin", "x-csrf-token": tokenFor() };
    expect(decide(post({ headers }))).toBe("allow");
  });

  it.each([
    ["comes from another site", { "sec-fetch-site": "cross-site" }, "fetch_site_cross"],
    ["comes from a sibling subdomain", { "sec-fetch-site": "same-site" }, "fetch_site_cross"],
    ["carries another origin", { origin: "https://evil.test" }, "origin_foreign"],
    ["carries our origin over http", { origin: "http://app.example.com" }, "origin_foreign"],
    ["carries our origin with a port", { origin: `${origin}:8443` }, "origin_foreign"],
    ["carries our origin as a prefix", { origin: `${origin}.evil.test` }, "origin_foreign"],
    ["comes from an opaque origin", { origin: "null" }, "origin_null"],
    ["comes from a sandboxed frame", { origin: "null", "sec-fetch-site": "cross-site" }, "fetch_site_cross"],
    ["has an opaque origin and nobody who began it", { origin: "null", "sec-fetch-site": "none" }, "origin_null"],
    ["has a foreign referer and no origin", { referer: "https://evil.test/app.example.com" }, "referer_foreign"],
    ["has a referer that is no URL", { referer: "app.example.com" }, "referer_foreign"],
    ["claims an unknown fetch site", { "sec-fetch-site": "same-orig" }, "fetch_site_cross"],
  ])("refuses a post that %s, even with a good token", (_, headers, cause) => {
    expect(decide(post({ headers: { "x-csrf-token": tokenFor(), ...headers } }))).toBe(cause);
  });

  it("lets a page of ours that sends no referrer post, with its token", () => {
    const headers = { origin: "null", "sec-fetch-site": "same-origin" };
    expect(decide(post({ headers: { ...headers, "x-csrf-token": tokenFor() } }))).toBe("allow");
    expect(decide(post({ headers }))).toBe("token_missing");
  });

  it("lets a trusted origin post across sites, with a token", () => {
    const headers = { origin: "https://admin.example.com", "sec-fetch-site": "same-site" };
    expect(decide(post({ headers: { ...headers, "x-csrf-token": tokenFor() } }))).toBe("allow");
    expect(decide(post({ headers }))).toBe("token_missing");
  });

  it.each([
    ["absent", {}, "token_missing"],
    ["empty", { "x-csrf-token": "" }, "token_malformed"],
    ["too long", { "x-csrf-token": "a".repeat(10_000) }, "token_malformed"],
    ["made up", { "x-csrf-token": `${"a".repeat(22)}.${"b".repeat(43)}` }, "token_mismatch"],
    ["of another session", { "x-csrf-token": tokenFor({ session: { id: "another" } }) }, "token_mismatch"],
    ["of a visitor", { "x-csrf-token": guard.token(sketchExchange()) }, "token_mismatch"],
  ])("refuses a same-origin post whose token is %s", (_, headers, cause) => {
    expect(decide(post({ headers: { "sec-fetch-site": "same-origin", ...headers } }))).toBe(cause);
  });

  it("guards the sign-in form of a visitor by a token bound to a cookie of his own", () => {
    const page = sketchExchange();
    const token = guard.token(page);
    expect(guard.token(page)).not.toBe(token);
    expect(page.responseHeaders).toHaveLength(1);
    const cookie = page.responseHeaders?.[0]?.[1] ?? "";
    expect(cookie).toMatch(/^__Host-csrf=[\w-]{22}; Path=\/; Secure; HttpOnly; SameSite=Lax$/u);
    const headers = { cookie: cookie.split(";")[0] as string, "x-csrf-token": token };
    expect(decide(sketchExchange({ method: "POST", headers }))).toBe("allow");
    expect(decide(sketchExchange({ method: "POST", headers: { "x-csrf-token": token } }))).toBe("no_binding");
    // After sign-in the visitor's token is worthless: the session is what counts.
    expect(decide(post({ headers }))).toBe("token_mismatch");
  });

  it("waits for the body of a form, and judges the token in its field", () => {
    const exchange = post({ headers: { "content-type": FORM }, awaitsBody: true });
    expect(decide(exchange)).toBe("allow");
    const body = (value: unknown): string | undefined =>
      causeOf(guard.control.decideBody?.(exchange, { mediaType: FORM, value, text: "" }));
    expect(body({ [CSRF_FIELD]: tokenFor() })).toBe("allow");
    expect(body({})).toBe("token_missing");
    expect(body({ [CSRF_FIELD]: [tokenFor(), tokenFor()] })).toBe("token_malformed");
    expect(body(null)).toBe("token_missing");
    expect(body(Object.create({ [CSRF_FIELD]: tokenFor() }))).toBe("token_missing");
  });

  it("does not wait for a body that nobody will parse", () => {
    const headers = { "content-type": FORM };
    expect(decide(post({ headers, awaitsBody: false }))).toBe("token_missing");
    expect(decide(post({ headers: { "content-type": "multipart/form-data; boundary=x" }, awaitsBody: true }))).toBe(
      "token_missing",
    );
    expect(decide(post({ headers: { "content-type": "application/json" }, awaitsBody: true }))).toBe("token_missing");
  });

  it("asks no token of a verified service key, but does of a service key that rides on a session", () => {
    const principal = { kind: "service", id: "s", tenantId: "t" as TenantId, roles: [] } as const;
    expect(decide(sketchExchange({ method: "POST", principal }))).toBe("allow");
    expect(decide(post({ principal }))).toBe("token_missing");
  });

  it("judges the token of a multipart form in the handler, the source of the request included", () => {
    const headers = { origin, "content-type": "multipart/form-data; boundary=x" };
    const route = { csrfExempt: "the handler asks csrf.verify() for the token in the first field" };
    const upload = post({ headers, route });
    expect(causeOf(guard.verify(upload, tokenFor()))).toBe("allow");
    for (const token of [undefined, "", ["x"], { toString: () => tokenFor() }, null, 7])
      expect(causeOf(guard.verify(upload, token))).toMatch(/^token_(?:missing|malformed)$/u);
    const foreign = post({ headers: { ...headers, origin: "https://evil.test" }, route });
    expect(causeOf(guard.verify(foreign, tokenFor()))).toBe("origin_foreign");
  });

  it("binds the token of an answer that signs in to the session that the answer brings", async () => {
    const session = sessions({ store: memorySessions() });
    const request = sketchExchange({ method: "POST" });
    await session.establish(request, [dangerouslyProvedElsewhere("ada", request.receivedAtMs)], {
      userId: "ada",
      tenantId: "t",
      roles: [],
    });
    const headers = { "x-csrf-token": guard.token(request) };
    const cookie = request.responseHeaders?.[0]?.[1].split(";")[0] as string;
    const identity = await session.authenticate(sketchExchange({ headers: { cookie } }));
    const next = (reference: typeof identity.session): RequestSketch => ({
      method: "POST",
      headers,
      ...(reference && { session: reference }),
    });
    expect(decide(sketchExchange(next(identity.session)))).toBe("allow");
    expect(decide(sketchExchange(next({ id: "another" })))).toBe("token_mismatch");
  });

  it.each([
    "https://user@app.example.com/",
    "https://app.example.com\\@evil.test/",
    "https://app.example.com\\.evil.test/",
    "https:app.example.com/",
    "https:/app.example.com/",
    "https:///app.example.com/",
    "blob:https://app.example.com/1",
    "https://app\u3002example.com/",
    "https://APP.example.com/",
    "https://app.example.com:443/",
    " https://app.example.com/",
  ])("believes no referer that no browser would write: %j", (referer) => {
    expect(decide(post({ headers: { referer, "x-csrf-token": tokenFor() } }))).toBe("referer_foreign");
  });

  it.each(["https://app.example.com/", "https://app.example.com", "https://admin.example.com/a?b#c"])(
    "believes the referer %j of an origin that may change state",
    (referer) => {
      expect(decide(post({ headers: { referer, "x-csrf-token": tokenFor() } }))).toBe("allow");
    },
  );

  it("asks no referer of a browser that says itself where a request comes from", () => {
    const headers = { "sec-fetch-site": "same-origin", referer: "https://elsewhere.example/" };
    expect(decide(post({ headers: { ...headers, "x-csrf-token": tokenFor() } }))).toBe("allow");
  });

  it("asks no token of a route that declared why", () => {
    expect(decide(post({ route: { csrfExempt: "verified by webhook signature" } }))).toBe("allow");
  });

  it("lets a token that has verified pass again in its own session, and another token of that session beside it", () => {
    const first = tokenFor();
    const second = tokenFor();
    for (const token of [first, first, second, first]) {
      expect(decide(post({ headers: { origin, "x-csrf-token": token } }))).toBe("allow");
    }
    const elsewhere = post({ session: { id: "another" }, headers: { origin, "x-csrf-token": first } });
    expect(decide(elsewhere)).toBe("token_mismatch");
    const altered = `${second.slice(0, -2)}${second.endsWith("AA") ? "BB" : "AA"}`;
    expect(decide(post({ headers: { origin, "x-csrf-token": altered } }))).toBe("token_mismatch");
  });

  it("accepts tokens of an older key after rotation, and none of a removed key", () => {
    const headers = { "x-csrf-token": tokenFor() };
    const rotated = csrf({ origin, keys: keySource(2, 1) });
    const removed = csrf({ origin, keys: keySource(2) });
    expect(causeOf(rotated.control.decide?.(post({ headers })))).toBe("allow");
    expect(causeOf(removed.control.decide?.(post({ headers })))).toBe("token_mismatch");
  });

  it("refuses every token that differs in any character", () => {
    const token = tokenFor();
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(..."AaZz09-_.~"), (index, character) => {
        fc.pre(token[index] !== character);
        const forged = token.slice(0, index) + character + token.slice(index + 1);
        const verdict = decide(post({ headers: { "x-csrf-token": forged } }));
        expect(["token_mismatch", "token_malformed"]).toContain(verdict);
      }),
    );
  });

  it.each([
    "*",
    "null",
    "https://app.example.com/",
    "app.example.com",
    "https://*.example.com",
    "ftp://app.example.com",
    "",
  ])("refuses %j as an origin at construction", (bad) => {
    expect(() => csrf({ origin, keys: keySource(1), trustedOrigins: [bad] })).toThrow(
      /^csrf\(\{ trustedOrigins \}\) takes (?:origins|no wildcard|no "null")/u,
    );
  });

  it("finds a trusted origin without HTTPS in production", () => {
    const lax = csrf({ origin, keys: keySource(1), trustedOrigins: ["http://old.example.com"] });
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    expect(lax.control.check(deployment).map(({ rule }) => rule.id)).toEqual(["csrf/insecure-origin"]);
    expect(guard.control.check(deployment)).toEqual([]);
  });
});
