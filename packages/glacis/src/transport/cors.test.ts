import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Observation } from "../core/response.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { cors } from "./cors.ts";
import type { CorsOptions } from "./cors-policy.ts";

interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly rawHeaders?: readonly string[];
  /** What the application wrote. */
  readonly written?: Readonly<Record<string, string>>;
}

interface Told {
  readonly decision: Decision;
  /** What goes out, with the decision's own headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly events: readonly AuditEvent[];
}

function ask(control: Control, { written = {}, ...request }: Asked): Told {
  const exchange = sketchExchange(request);
  const decision = control.decide?.(exchange) as Decision;
  const own = decision.kind === "answer" ? Object.fromEntries(decision.headers) : {};
  const draft = sketchResponse({ headers: { ...written, ...own } });
  const events = control.head?.(draft, exchange) ?? [];
  return { decision, headers: draft.headers(), events };
}

/** The rules by which a response with these headers is found. */
function observedBy(control: Control, headers: Observation["headers"]): readonly string[] | undefined {
  const response = { url: "https://app.test/", scheme: "https", status: 200, headers } as const;
  return control.observe?.(response).map(({ rule }) => rule.id);
}

const ORIGIN = "https://partner.example";
const preflight = (headers: Readonly<Record<string, string>> = {}, target = "/"): Asked => ({
  method: "OPTIONS",
  target,
  headers: { origin: ORIGIN, "access-control-request-method": "PUT", ...headers },
});

describe("cors", () => {
  it("lets no CORS header out until origins are configured, whoever wrote it", () => {
    const written = { "access-control-allow-origin": "*", "access-control-allow-credentials": "true", vary: "Cookie" };
    const { decision, headers, events } = ask(cors(), { headers: { origin: ORIGIN }, written });
    expect(decision.kind).toBe("allow");
    expect(headers).toEqual({ vary: "Cookie" });
    expect(events).toMatchObject([{ event: "sys_header_replaced", control: "cors" }]);
  });

  it("marks a response for a listed origin, and for no other", () => {
    const control = cors({ origins: [ORIGIN], exposedHeaders: ["X-Request-Id"] });
    expect(ask(control, { headers: { origin: ORIGIN } }).headers).toEqual({
      "access-control-allow-origin": ORIGIN,
      "access-control-expose-headers": "x-request-id",
      vary: "Origin",
    });
    expect(ask(control, {}).headers).toEqual({ vary: "Origin" });
  });

  it.each([
    "https://evil.test",
    "null",
    "https://partner.example.evil.test",
    "https://evilpartner.example",
    "https://a.partner.example",
    "http://partner.example",
    "HTTPS://partner.example",
    "https://PARTNER.example",
    "https://partner.example/",
    "https://partner.example:443",
    "https://partner.example:8443",
    "https://user@partner.example",
    "https://partner.example.",
    "https://partner.example https://evil.test",
    "https://partner.example, https://evil.test",
    " https://partner.example",
    "",
    "*",
    "file://",
    "__proto__",
    "constructor",
  ])("gives the origin %j nothing, and refuses its preflight", (origin) => {
    const control = cors({ origins: [ORIGIN], credentials: true });
    expect(ask(control, { headers: { origin } }).headers).toEqual({ vary: "Origin" });
    const told = ask(control, preflight({ origin }));
    expect(told.decision).toMatchObject({ kind: "deny", reason: "cors_refused" });
    expect(Object.keys(told.headers)).toEqual(["vary"]);
  });

  it("takes two Origin headers for none", () => {
    const rawHeaders = ["Origin", ORIGIN, "origin", "https://evil.test"];
    expect(ask(cors({ origins: [ORIGIN] }), { rawHeaders }).headers).toEqual({ vary: "Origin" });
  });

  it("answers a preflight with the exact lists", () => {
    const control = cors({ origins: [ORIGIN], methods: ["PUT"], allowedHeaders: ["X-Tenant-Id", "x-request-id"] });
    const { decision, headers } = ask(
      control,
      preflight({ "access-control-request-headers": "x-request-id,X-Tenant-ID" }),
    );
    expect(decision).toMatchObject({ kind: "answer", status: 204, body: undefined });
    expect(headers).toEqual({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "x-tenant-id, x-request-id",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
  });

  it.each([
    ["a method that is not listed", { "access-control-request-method": "DELETE" }, "method_not_allowed"],
    ["a method in other capitals", { "access-control-request-method": "put" }, "method_not_allowed"],
    ["an empty method", { "access-control-request-method": "" }, "method_not_allowed"],
    ["a header that is not listed", { "access-control-request-headers": "x-evil" }, "header_not_allowed"],
    [
      "one unlisted header among listed ones",
      { "access-control-request-headers": "x-ok,x-evil" },
      "header_not_allowed",
    ],
    ["a header list that is no list of names", { "access-control-request-headers": "x-ok;x-ok" }, "header_not_allowed"],
    ["a wildcard header", { "access-control-request-headers": "*" }, "header_not_allowed"],
    ["too many headers", { "access-control-request-headers": "x-ok,".repeat(65) }, "header_not_allowed"],
    ["a very long header list", { "access-control-request-headers": ",".repeat(3000) }, "header_not_allowed"],
  ])("refuses a preflight for %s, without any CORS header", (_, extra, detail) => {
    const told = ask(cors({ origins: [ORIGIN], methods: ["PUT"], allowedHeaders: ["x-ok"] }), preflight(extra));
    expect(told.decision).toMatchObject({ kind: "deny", reason: "cors_refused", events: [{ detail }] });
    expect(Object.keys(told.headers)).toEqual(["vary"]);
  });

  it("reads a header list over several lines and with blanks", () => {
    const control = cors({ origins: [ORIGIN], allowedHeaders: ["x-a", "x-b"] });
    const asked = ["Access-Control-Request-Headers", " x-a ,", "access-control-request-headers", "X-B"];
    const rawHeaders = ["Origin", ORIGIN, "Access-Control-Request-Method", "PUT", ...asked];
    expect(ask(control, { method: "OPTIONS", rawHeaders }).decision).toMatchObject({ kind: "answer", status: 204 });
  });

  it("leaves an OPTIONS request that is no preflight to routing", () => {
    const control = cors({ origins: [ORIGIN] });
    expect(ask(control, { method: "OPTIONS" }).decision.kind).toBe("allow");
    expect(ask(control, { method: "OPTIONS", headers: { origin: ORIGIN } }).decision.kind).toBe("allow");
    const withoutOrigin = { method: "OPTIONS", headers: { "access-control-request-method": "PUT" } };
    expect(ask(control, withoutOrigin).decision.kind).toBe("allow");
  });

  it("gives credentials to the origins that have them", () => {
    const other = "https://public.example";
    const control = cors({ origins: [ORIGIN, other], credentials: [ORIGIN] });
    const name = "access-control-allow-credentials";
    expect(ask(control, { headers: { origin: ORIGIN } }).headers[name]).toBe("true");
    expect(ask(control, preflight()).headers[name]).toBe("true");
    expect(ask(control, { headers: { origin: other } }).headers[name]).toBeUndefined();
    expect(ask(control, preflight({ origin: other })).headers[name]).toBeUndefined();
  });

  it("never lets the application's own header add to what an origin is given", () => {
    const written = {
      "access-control-allow-origin": "https://evil.test",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "*",
      "access-control-allow-private-network": "true",
    };
    const control = cors({ origins: [ORIGIN] });
    const first = ask(control, { headers: { origin: ORIGIN }, written });
    expect(first.headers).toEqual({ "access-control-allow-origin": ORIGIN, vary: "Origin" });
    expect(first.events).toHaveLength(1);
    expect(ask(control, { headers: { origin: ORIGIN }, written }).events).toEqual([]);
  });

  it("allows a private network only when asked in so many words and told to", () => {
    const name = "access-control-allow-private-network";
    const request = preflight({ "access-control-request-private-network": "true" });
    expect(ask(cors({ origins: [ORIGIN] }), request).headers[name]).toBeUndefined();
    const open = cors({ origins: [ORIGIN], privateNetwork: true });
    expect(ask(open, request).headers[name]).toBe("true");
    expect(ask(open, request).headers["vary"]).toContain("Access-Control-Request-Private-Network");
    expect(ask(open, preflight({ "access-control-request-private-network": "1" })).headers[name]).toBeUndefined();
  });

  it("keeps to its paths, by whole segments and without climbing", () => {
    const control = cors({ origins: [ORIGIN], paths: ["/api", "/hooks/"] });
    const allowed = (target: string): boolean =>
      "access-control-allow-origin" in ask(control, { target, headers: { origin: ORIGIN } }).headers;
    expect(["/api", "/api/", "/api/x?y=/z", "/hooks", "/hooks/x"].filter(allowed)).toHaveLength(5);
    const outside = [
      "/",
      "/apix",
      "/API/x",
      "/x/api",
      "/api/../admin",
      "/api/%2e%2e/admin",
      "/api/..%2fadmin",
      "/api/.",
      "/api\\..",
      "//api",
    ];
    expect(outside.filter(allowed)).toEqual([]);
    expect(ask(control, preflight({}, "/other")).decision).toMatchObject({
      kind: "deny",
      events: [{ detail: "path_not_covered" }],
    });
    expect(ask(control, { target: "/other", headers: { origin: ORIGIN } }).headers).toEqual({});
  });

  it.each([
    [undefined, "Origin"],
    ["", "Origin"],
    ["Cookie", "Cookie, Origin"],
    ["origin", "origin"],
    ["Accept-Encoding,ORIGIN", "Accept-Encoding,ORIGIN"],
    ["*", "*"],
  ])("joins Vary: %j to %j", (vary, expected) => {
    const written = vary === undefined ? {} : { vary };
    expect(ask(cors({ origins: [ORIGIN] }), { written }).headers["vary"]).toBe(expected);
  });

  it.each([
    ["https://Partner.Example", "https://partner.example"],
    ["HTTPS://partner.example:443", "https://partner.example"],
    ["https://b\u00fccher.example", "https://xn--bcher-kva.example"],
    ["https://partner.example:8443", "https://partner.example:8443"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["https://[2001:DB8::1]", "https://[2001:db8::1]"],
  ])("compares with %s as browsers spell it", (written, origin) => {
    const { headers } = ask(cors({ origins: [written] }), { headers: { origin } });
    expect(headers["access-control-allow-origin"]).toBe(origin);
  });

  it.each([
    [{ origin: [ORIGIN] }, /Did you mean "origins"/u],
    [{ origins: ORIGIN }, /as an array/u],
    [{ origins: ["*"] }, /no wildcard/u],
    [{ origins: ["https://*.example.com"] }, /no wildcard/u],
    [{ origins: ["null"] }, /sandboxed/u],
    [{ origins: [/example\.com$/u] }, /regular expression/u],
    [{ origins: [() => true] }, /a function/u],
    [{ origins: [null] }, /no text/u],
    [{ origins: [true] }, /no text/u],
    [{ origins: [""] }, /such as/u],
    [{ origins: [".example.com"] }, /such as/u],
    [{ origins: ["partner.example"] }, /such as/u],
    [{ origins: ["//partner.example"] }, /such as/u],
    [{ origins: ["https://"] }, /such as/u],
    [{ origins: ["https://partner.example/"] }, /Write "https:\/\/partner\.example"/u],
    [{ origins: ["https://partner.example/path"] }, /nothing after it/u],
    [{ origins: ["https://partner.example?x"] }, /nothing after it/u],
    [{ origins: ["https://user@partner.example"] }, /nothing after it/u],
    [{ origins: ["https://partner.example."] }, /nothing after it/u],
    [{ origins: [" https://partner.example"] }, /nothing after it/u],
    [{ origins: ["https://partner.example https://b.example"] }, /nothing after it/u],
    [{ origins: ["file://"] }, /http or https/u],
    [{ origins: ["ftp://partner.example"] }, /http or https/u],
    [{ origins: ["https://partner.example:99999"] }, /such as/u],
    [{ origins: [ORIGIN], credentials: ["https://other.example"] }, /not in origins/u],
    [{ origins: [ORIGIN], credentials: "yes" }, /as an array/u],
    [{ methods: ["*"] }, /no wildcard/u],
    [{ methods: ["put"] }, /in capitals/u],
    [{ methods: ["TRACE"] }, /no TRACE/u],
    [{ methods: "PUT" }, /as an array/u],
    [{ allowedHeaders: ["*"] }, /no wildcard/u],
    [{ allowedHeaders: ["x y"] }, /header names/u],
    [{ exposedHeaders: ["*"] }, /no wildcard/u],
    [{ exposedHeaders: ["a\r\nb"] }, /header names/u],
    [{ maxAgeSeconds: -1 }, /whole number/u],
    [{ maxAgeSeconds: true }, /whole number/u],
    [{ paths: ["api"] }, /path prefixes/u],
    [{ paths: ["/api/*"] }, /path prefixes/u],
    [{ paths: ["/api/../x"] }, /path prefixes/u],
    [{ privateNetwork: 1 }, /true or false/u],
  ])("cannot express %o", (options, message) => {
    expect(() => cors(options as never)).toThrow(message);
  });

  const deployment = { mode: "production", nodeVersion: "22.0.0", variables: new Map(), nodeOptions: [], nowMs: 0 };
  const found = (options: CorsOptions, mode = "production"): readonly string[] =>
    cors(options)
      .check({ ...deployment, mode } as never)
      .map(({ rule }) => rule.id);

  it("finds what production should not have", () => {
    expect(found({})).toEqual([]);
    expect(found({ origins: [ORIGIN] })).toEqual([]);
    expect(found({ origins: ["http://partner.example"] })).toEqual(["cors/insecure-origin"]);
    expect(found({ origins: ["http://localhost:3000", "https://127.0.0.1"] })).toEqual([
      "cors/loopback-origin",
      "cors/loopback-origin",
    ]);
    expect(found({ origins: ["http://localhost:3000"] }, "development")).toEqual([]);
    expect(found({ allowedHeaders: ["X-Tenant-ID"] })).toEqual(["cors/tenant-header"]);
    expect(found({ maxAgeSeconds: 7200 })).toEqual([]);
    expect(found({ maxAgeSeconds: 86_400 })).toEqual(["cors/max-age-over-cap"]);
  });

  it.each([
    ["nothing", {}, []],
    ["a listed origin with Vary", { "access-control-allow-origin": ORIGIN, vary: "Cookie, Origin" }, []],
    ["a listed origin without Vary", { "access-control-allow-origin": ORIGIN }, ["cors/vary-missing"]],
    ["a wildcard", { "access-control-allow-origin": "*" }, ["cors/wildcard"]],
    ["null", { "access-control-allow-origin": "null", vary: "origin" }, ["cors/null-origin"]],
    [
      "a reflected origin",
      { "access-control-allow-origin": "https://evil.test", vary: "origin" },
      ["cors/unlisted-origin"],
    ],
    [
      "cookies of an origin that is listed without them",
      { "access-control-allow-origin": ORIGIN, "access-control-allow-credentials": "true", vary: "Origin" },
      ["cors/unlisted-credentials"],
    ],
    ["no origin at all", { "access-control-allow-origin": "yes", vary: "*" }, ["cors/unlisted-origin"]],
  ])("observes %s", (_, headers, expected) => {
    expect(observedBy(cors({ origins: [ORIGIN] }), Object.entries(headers))).toEqual(expected);
  });

  it.each([
    ["*", ["cors/wildcard"]],
    ["null", ["cors/null-origin"]],
  ])("observes %s behind an origin that is listed", (second, ids) => {
    const headers = [ORIGIN, second].map((value) => ["access-control-allow-origin", value] as const);
    expect(observedBy(cors({ origins: [ORIGIN] }), headers)).toEqual(ids);
  });

  it("lets a preflight ask for sixty-four headers in 2048 characters, and for no more", () => {
    const control = cors({ origins: [ORIGIN], allowedHeaders: ["a"] });
    const kind = (list: string): string =>
      ask(control, preflight({ "access-control-request-headers": list })).decision.kind;
    expect(kind(Array<string>(64).fill("a").join(","))).toBe("answer");
    expect(kind(Array<string>(65).fill("a").join(","))).toBe("deny");
    expect(kind("a".padEnd(2048, " "))).toBe("answer");
    expect(kind("a".padEnd(2049, " "))).toBe("deny");
  });

  it("tells caches what a preflight was judged by, and any other answer that its origin mattered", () => {
    const control = cors({ origins: [ORIGIN] });
    const names = { origin: ORIGIN, "access-control-request-method": "PUT" };
    expect(ask(control, preflight()).headers["vary"]).toBe(
      "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    );
    const refused = sketchResponse({ status: 403, headers: {} });
    control.head?.(refused, sketchExchange({ method: "OPTIONS", headers: { ...names, origin: "https://evil.test" } }));
    expect(refused.get("vary")).toBe("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    // No preflight, although it looks like one.
    expect(ask(control, { method: "GET", headers: names }).headers["vary"]).toBe("Origin");
  });

  it.each([
    ["of an origin that may send them", ORIGIN, []],
    ["of an origin that is not listed at all", "https://evil.test", ["cors/unlisted-origin"]],
  ])("observes cookies %s", (_, origin, ids) => {
    const headers = {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "Origin",
    };
    expect(observedBy(cors({ origins: [ORIGIN], credentials: true }), Object.entries(headers))).toEqual(ids);
  });

  it("says nothing of what nobody wrote", () => {
    expect(ask(cors({ origins: [ORIGIN] }), { headers: { origin: ORIGIN } }).events).toEqual([]);
  });

  it("observes two lines of one origin, at which browsers refuse", () => {
    const line = ["access-control-allow-origin", ORIGIN] as const;
    const headers = [line, line, ["vary", "Origin"]] as const;
    expect(observedBy(cors({ origins: [ORIGIN] }), headers)).toEqual(["cors/unlisted-origin"]);
  });

  it("names an origin only if it is listed, whatever is sent and whatever the application writes", () => {
    const control = cors({
      origins: [ORIGIN, "https://b.example"],
      credentials: ["https://b.example"],
      paths: ["/api"],
    });
    const origin = fc.oneof(fc.constantFrom(ORIGIN, "https://b.example", "null", "*"), fc.webUrl(), fc.string());
    const name = fc.constantFrom(
      "access-control-allow-origin",
      "access-control-allow-credentials",
      "access-control-max-age",
      "vary",
    );
    const method = fc.constantFrom("GET", "OPTIONS", "PUT");
    const target = fc.constantFrom("/api/x", "/", "/api", "/apix");
    fc.assert(
      fc.property(
        origin,
        method,
        target,
        fc.dictionary(name, fc.constantFrom("*", "true", "Origin", ORIGIN)),
        (from, verb, path, written) => {
          const { headers } = ask(control, {
            method: verb,
            target: path,
            headers: { origin: from, "access-control-request-method": "PUT" },
            written,
          });
          const named = headers["access-control-allow-origin"];
          const expected = path.startsWith("/api") && path !== "/apix" && [ORIGIN, "https://b.example"].includes(from);
          expect(named).toBe(expected ? from : undefined);
          expect(headers["access-control-allow-credentials"]).toBe(expected && from !== ORIGIN ? "true" : undefined);
        },
      ),
    );
  });
});
