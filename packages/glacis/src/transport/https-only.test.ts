import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Deployment } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import type { Observation } from "../core/response.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { httpsOnly, type HttpsOnlyOptions } from "./https-only.ts";

const ORIGIN = "https://app.example.com";
const production: Deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};
const development: Deployment = { ...production, mode: "development" };

function decide(sketch: RequestSketch, options: Partial<HttpsOnlyOptions> = {}): Decision {
  const decision = httpsOnly({ origin: ORIGIN, ...options }).decide?.(sketchExchange({ scheme: "http", ...sketch }));
  if (decision === undefined || decision instanceof Promise) throw new Error("https-only decides at once");
  return decision;
}

const page = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

describe("httpsOnly", () => {
  it("lets HTTPS pass", () => {
    expect(decide({ scheme: "https" })).toMatchObject({ kind: "allow", events: [] });
  });

  it("knows a page by a media type in any case", () => {
    expect(decide({ headers: { accept: "Text/HTML" } }).kind).toBe("redirect");
  });

  it.each(["GET", "HEAD"])(
    "moves a page that arrives by %s to the configured origin, whatever the Host says",
    (method) => {
      expect(decide({ method, target: "/a/b?c=d", headers: page, host: "evil.test" })).toEqual({
        kind: "redirect",
        status: 308,
        location: "https://app.example.com/a/b?c=d",
        events: [],
      });
    },
  );

  it.each<[string, RequestSketch]>([
    ["a POST", { method: "POST", headers: page }],
    ["a call that wants JSON", { headers: { accept: "application/json" } }],
    ["a call that wants anything", { headers: { accept: "*/*" } }],
    ["a call that says nothing", {}],
    ["a script's fetch that accepts HTML", { headers: { ...page, "sec-fetch-mode": "cors" } }],
    ["a preflight", { method: "OPTIONS", headers: page }],
    ["a client that sends Authorization", { headers: { ...page, authorization: "Bearer x" } }],
  ])("refuses %s instead of redirecting it", (_, sketch) => {
    expect(decide(sketch)).toMatchObject({ kind: "deny", reason: "insecure_transport" });
  });

  it.each([
    ["authorization", { authorization: "Bearer s3cret" }],
    ["cookie", { cookie: "__Host-session=s3cret" }],
  ])(
    "raises an event for a credential in %s that crossed the network in the clear, without quoting it",
    (detail, headers) => {
      for (const sketch of [
        { headers: { ...page, ...headers } },
        { method: "POST", headers },
        { target: "/healthz", headers },
      ]) {
        const decision = decide(sketch, { exempt: ["/healthz"] });
        expect(decision.events[0]).toMatchObject({
          event: "transport.cleartext_credential",
          detail,
          severity: "warning",
        });
        expect(JSON.stringify(decision)).not.toContain("s3cret");
      }
    },
  );

  it("lets plain HTTP reach exempt paths, and nothing near them", () => {
    const options = { exempt: ["/healthz"] };
    expect(decide({ target: "/healthz?verbose" }, options).kind).toBe("allow");
    for (const target of ["/healthz/", "/healthz/x", "/Healthz", "/x?/healthz", "/%68ealthz", "//healthz"])
      expect(decide({ target }, options).kind, target).toBe("deny");
  });

  it.each([
    ["//evil.test/x", "https://app.example.com//evil.test/x"],
    ["/\\evil.test", "https://app.example.com/%5Cevil.test"],
    ["http://evil.test/x?y", "https://app.example.com/x?y"],
    ["evil.test:443", "https://app.example.com/"],
    ["*", "https://app.example.com/"],
    ["/caf\u00c3\u00a9", "https://app.example.com/caf%C3%A9"],
    ["/a\tb", "https://app.example.com/a%09b"],
    ['/"<x>', "https://app.example.com/%22%3Cx%3E"],
    ["/@evil.test", "https://app.example.com/@evil.test"],
  ])("keeps the target %s on the configured origin", (target, location) => {
    expect(decide({ target, headers: page })).toMatchObject({ location });
    expect(new URL(location).origin).toBe(ORIGIN);
  });

  it.each(["http://localhost:3000", "http://acme.app.localhost", "http://127.0.0.2:3000", "http://[::1]:3000"])(
    "is off for the local origin %s, which production does not accept",
    (origin) => {
      const control = httpsOnly({ origin });
      expect(control.observe?.({ url: origin, scheme: "http", status: 200, headers: [] })).toEqual([]);
      expect(control.decide?.(sketchExchange({ scheme: "http", method: "POST" }))).toMatchObject({ kind: "allow" });
      expect(control.check(development)).toEqual([]);
      expect(control.check(production).map(({ rule }) => rule.id)).toEqual(["https-only/plain-http-served"]);
    },
  );

  it.each<[object, RegExp]>([
    [{}, /needs origin/u],
    [{ origin: "app.example.com" }, /needs origin/u],
    [{ origin: "https://app.example.com/app" }, /needs origin/u],
    [{ origin: "https://user@app.example.com" }, /needs origin/u],
    [{ origin: "http://app.example.com" }, /https:\/\/ origin/u],
    [{ origin: "http://localhost.evil.test" }, /https:\/\/ origin/u],
    [{ origin: "http://127.evil.test" }, /https:\/\/ origin/u],
    [{ origin: "ftp://app.example.com" }, /needs origin/u],
    [{ origin: ORIGIN, exempt: ["healthz"] }, /exact exempt paths/u],
    [{ origin: ORIGIN, exempt: ["/health*"] }, /exact exempt paths/u],
    [{ origin: ORIGIN, exempted: [] }, /Did you mean "exempt"/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => httpsOnly(options as HttpsOnlyOptions)).toThrow(message);
  });

  it.each<[string, number, Observation["headers"], readonly string[]]>([
    ["a page over plain HTTP", 200, [], ["https-only/plain-http-served"]],
    ["an answer without content", 204, [], ["https-only/plain-http-served"]],
    ["a redirect home", 301, [["location", "https://app.example.com/x"]], []],
    ["a refusal", 403, [], []],
    ["a redirect to another host", 308, [["location", "https://www.example.com/"]], ["https-only/redirect-elsewhere"]],
    ["a redirect that stays on HTTP", 302, [["location", "/login"]], ["https-only/redirect-elsewhere"]],
    ["a cookie on a refusal", 403, [["set-cookie", "a=b"]], ["https-only/cookie-over-http"]],
  ])("judges %s on the wire", (_, status, headers, ids) => {
    const observation: Observation = { url: "http://app.example.com/x", scheme: "http", status, headers };
    expect(
      httpsOnly({ origin: ORIGIN, exempt: ["/healthz"] })
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(ids);
  });

  it("has nothing against plain HTTP on an exempt path", () => {
    const { observe } = httpsOnly({ origin: ORIGIN, exempt: ["/healthz"] });
    const at = (url: string): number | undefined => observe?.({ url, scheme: "http", status: 200, headers: [] }).length;
    expect([at("http://app.example.com/healthz?verbose"), at("http://app.example.com/health")]).toEqual([0, 1]);
  });
});

interface RedirectCase {
  readonly id: string;
  readonly kind: string;
  readonly method?: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secure: boolean;
  readonly host: string;
  readonly url: string;
  readonly result: null | { readonly status?: number; readonly location?: string; readonly raises?: string };
}

/** Why we differ from the recorded behaviour on purpose, beside the status: 308 keeps the method, 301 does not. */
function differenceOf({ settings, method = "GET", secure, result, url }: RedirectCase): string | undefined {
  const patterns = (settings["SECURE_REDIRECT_EXEMPT"] ?? []) as readonly string[];
  if (secure) return undefined;
  if (settings["SECURE_SSL_REDIRECT"] !== true) return "the control cannot be switched off but by a localhost origin";
  if (result === null && !patterns.some((pattern) => EXEMPT[pattern]?.includes(url) === true))
    return "exempt paths are exact, not patterns";
  if (result !== null && !/^(?:GET|HEAD)$/u.test(method))
    return "refused: redirected, it would go on arriving in the clear";
  return result?.raises === undefined
    ? undefined
    : "the Host header is not consulted: the target is the configured origin, and hosts are judged by allowed-hosts";
}

/** Exact paths for the recorded patterns. */
const EXEMPT: Readonly<Record<string, readonly string[]>> = {
  "^insecure/": ["/insecure/page"],
  "^health": ["/health"],
  "^/health": [],
  health: ["/health"],
};

const vectors = loadVectors<RedirectCase>("headers");

describe.skipIf(vectors === undefined)("recorded redirects", () => {
  const run = ({ settings, method, secure, host, url }: RedirectCase): Decision => {
    const patterns = (settings["SECURE_REDIRECT_EXEMPT"] ?? []) as readonly string[];
    return decide(
      {
        method: method ?? "GET",
        target: Buffer.from(url, "utf8").toString("latin1"),
        scheme: secure ? "https" : "http",
        host,
        headers: page,
      },
      {
        origin: `https://${(settings["SECURE_SSL_HOST"] as string | null | undefined) ?? host}`,
        exempt: patterns.flatMap((pattern) => EXEMPT[pattern] ?? []),
      },
    );
  };
  const cases = (vectors?.cases ?? []).filter(({ kind }) => kind === "redirect");

  it.each(cases)("$id", (recorded) => {
    const decision = run(recorded);
    const why = differenceOf(recorded);
    if (why !== undefined) {
      const { method = "GET" } = recorded;
      expect(decision.kind, why).toBe(/^(?:GET|HEAD)$/u.test(method) ? "redirect" : "deny");
    } else if (recorded.result === null) expect(decision.kind).toBe("allow");
    else expect(decision).toMatchObject({ kind: "redirect", status: 308, location: recorded.result.location });
  });
});
