import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import { compileHead } from "../core/head.ts";
import type { User } from "../core/principal.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { cacheControl } from "./cache-control.ts";
import { isExactHttpsOrigin } from "./embedding.ts";
import { obsoleteHeaders } from "./obsolete-headers.ts";
import { parsePermissions, serializePermissions } from "./permissions-field.ts";
import { permissionsPolicy } from "./permissions-policy.ts";
import { resourceIsolation } from "./resource-isolation.ts";

const user: User = {
  kind: "user",
  id: "u1" as UserId,
  tenantId: "t1" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
};

function emit(
  control: Control<never>,
  response: ResponseSketch,
  request: RequestSketch = {},
): Readonly<Record<string, string>> {
  const exchange = sketchExchange(request);
  exchange.pattern = "/x";
  const draft = sketchResponse(response);
  compileHead([control], () => undefined)(exchange, draft);
  return draft.headers();
}

describe("cacheControl", () => {
  const stored = "public, max-age=300";
  const html = { "content-type": "text/html" };
  const value = (response: ResponseSketch, request: RequestSketch): string | undefined =>
    emit(cacheControl(), response, request)["cache-control"];

  it("lets nothing be stored that is not declared, whatever the application says", () => {
    for (const theirs of [stored, "private", "max-age=0", "no-cache", "no-storage", ""])
      expect(value({ headers: { ...html, "cache-control": theirs } }, {}), theirs).toBe("no-store");
    expect(value({ headers: { "cache-control": "private, No-Store" } }, {})).toBe("private, No-Store");
  });

  it("honours a public route's declaration for an anonymous visitor", () => {
    const route = { cacheControl: stored };
    expect(value({ headers: html }, { route })).toBe(stored);
    expect(value({ headers: { "cache-control": "no-store" } }, { route })).toBe("no-store");
  });

  it.each<[string, ResponseSketch, RequestSketch]>([
    ["a signed-in user", {}, { principal: user }],
    ["a session", {}, { session: { id: "s" } }],
    ["a request with Authorization", {}, { headers: { authorization: "Bearer x" } }],
    ["a cookie being set", { setCookies: ["a=b"] }, {}],
    ["an error", { status: 500 }, {}],
    ["a refusal", { status: 403 }, {}],
    ["a temporary redirect", { status: 302 }, {}],
  ])("does not honour it for %s", (_, response, request) => {
    expect(value(response, { ...request, route: { cacheControl: stored } })).toBe("no-store");
  });

  it("honours it on static files for signed-in users too, but never with a cookie", () => {
    const route = { kind: "asset", cacheControl: "public, max-age=31536000, immutable" } as const;
    expect(value({}, { route, principal: user })).toBe(route.cacheControl);
    expect(value({ setCookies: ["a=b"] }, { route, principal: user })).toBe("no-store");
    expect(value({}, { route: { kind: "asset" }, principal: user })).toBe("no-store");
  });

  it.each([
    [undefined, "Cookie"],
    ["Accept-Encoding", "Accept-Encoding, Cookie"],
    ["Origin, cookie", "Origin, cookie"],
    ["*", "*"],
    ["X-Cookie", "X-Cookie, Cookie"],
  ])("turns Vary %s into %s", (theirs, expected) => {
    expect(emit(cacheControl(), { headers: theirs === undefined ? {} : { vary: theirs } })["vary"]).toBe(expected);
  });

  it("takes validators off pages, whose nonce a 304 would not match, and leaves them on data", () => {
    const validators = { etag: '"a"', "last-modified": "Thu, 26 Nov 2026 12:00:00 GMT" };
    expect(emit(cacheControl(), { headers: { ...html, ...validators } })).not.toHaveProperty("etag");
    expect(emit(cacheControl(), { headers: { "content-type": "application/json", ...validators } })).toMatchObject(
      validators,
    );
  });

  it.each([
    [[["content-type", "text/html"]], ["cache-control/missing"]],
    [
      [
        ["cache-control", "public"],
        ["set-cookie", "a=b"],
        ["vary", "Cookie"],
      ],
      ["cache-control/cookie-stored"],
    ],
    [
      [
        ["cache-control", "public, max-age=5"],
        ["content-type", "text/html"],
      ],
      ["cache-control/no-vary"],
    ],
    [
      [
        ["cache-control", "private"],
        ["content-type", "text/html"],
      ],
      [],
    ],
    [
      [
        ["cache-control", "no-store"],
        ["set-cookie", "a=b"],
      ],
      [],
    ],
  ] as const)("judges %j", (headers, ids) => {
    const observation = { url: "https://app.test/", scheme: "https", status: 200, headers } as const;
    expect(
      cacheControl()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(ids);
  });
});

describe("obsoleteHeaders", () => {
  it("removes banners and dropped headers, and switches the XSS filter off", () => {
    const headers = emit(obsoleteHeaders(), {
      headers: {
        server: "Apache/2.4.1",
        "x-powered-by": "Express",
        "x-aspnet-version": "4",
        "x-runtime": "0.1",
        "expect-ct": "max-age=1",
        "public-key-pins": "x",
        pragma: "no-cache",
        "feature-policy": "camera *",
        "x-xss-protection": "1; mode=block",
        "content-type": "text/html",
      },
    });
    expect(headers).toEqual({ "x-xss-protection": "0", "content-type": "text/html" });
  });

  it("finds what a proxy puts back", () => {
    const judge = (...headers: readonly (readonly [string, string])[]): readonly string[] | undefined =>
      obsoleteHeaders()
        .observe?.({ url: "https://app.test/", scheme: "https", status: 404, headers })
        .map(({ rule }) => rule.id);
    expect(judge(["server", "nginx/1.25.3"], ["x-powered-by", "PHP"])).toEqual([
      "obsolete-headers/disclosing",
      "obsolete-headers/disclosing",
    ]);
    expect(judge(["server", "cloudflare"])).toEqual([]);
    expect(judge(["x-xss-protection", "1"], ["p3p", "x"])).toEqual([
      "obsolete-headers/dropped",
      "obsolete-headers/xss-filter",
    ]);
  });
});

describe("permissionsPolicy", () => {
  const emitted = (options: Parameters<typeof permissionsPolicy>[0], theirs?: string): string =>
    emit(permissionsPolicy(options), theirs === undefined ? {} : { headers: { "permissions-policy": theirs } })[
      "permissions-policy"
    ] as string;

  it("switches every powerful feature off but passkeys on the page itself", () => {
    const permissions = parsePermissions([emitted({})]);
    expect(permissions?.get("publickey-credentials-get")).toEqual(["self"]);
    for (const feature of ["camera", "microphone", "geolocation", "payment", "usb", "browsing-topics"])
      expect(permissions?.get(feature), feature).toEqual([]);
  });

  it("writes a structured field for what is declared", () => {
    const value = emitted({
      features: { camera: "self", fullscreen: ["self", "https://player.example"], "web-share": "*" },
    });
    expect(value).toContain("camera=(self)");
    expect(value).toContain('fullscreen=(self "https://player.example")');
    expect(value).toContain("web-share=(*)");
  });

  it("lets the application narrow a response, not widen it", () => {
    const options = { features: { camera: ["self", "https://a.example"] } } as const;
    expect(emitted(options, "camera=(self), usb=*")).toContain("camera=(self)");
    expect(emitted(options, "camera=(self), usb=*")).toContain("usb=()");
    expect(emitted(options, 'camera=(self "https://a.example" "https://evil.test")')).toContain(
      'camera=(self "https://a.example")',
    );
    expect(emitted(options, "camera=*")).toContain('camera=(self "https://a.example")');
    expect(emitted(options, "camera 'none'")).toBe(emitted(options));
    expect(emitted(options, "attribution-reporting=()")).toContain("attribution-reporting=()");
  });

  it.each<[object, RegExp]>([
    [{ features: { geolocaton: "none" } }, /Did you mean "geolocation"/u],
    [{ features: { camera: "'self'" } }, /no inner quotes/u],
    [{ features: { camera: ["*", "self"] } }, /cannot give camera/u],
    [{ features: { camera: ["http://a.example"] } }, /exact https/u],
    [{ features: { camera: ['https://a.example"'] } }, /exact https/u],
    [{ features: { camera: [1] } }, /cannot give camera/u],
    [{ feature: {} }, /Did you mean "features"/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => permissionsPolicy(options)).toThrow(message);
  });

  it.each([
    ["camera=()", true],
    ['camera=(), geolocation=(self "https://a.example")', true],
    ["camera=*", true],
    ["camera=();report-to=x, usb=self", true],
    ["camera", false],
    ["camera 'none'", false],
    ["camera=none", false],
    ["camera=()geolocation=()", false],
    ["camera=(),", false],
    ["camera=('self')", false],
    ["Camera=()", false],
    ["", false],
  ])("reads %j as a browser does: %s", (field, readable) => {
    expect(parsePermissions([field]) !== undefined).toBe(readable);
  });

  it("reads back what it writes", () => {
    const member = fc.constantFrom("self", "https://a.example", "https://b.example:8443");
    const feature = fc.stringMatching(/^[a-z][a-z-]{0,20}$/u);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(feature, fc.uniqueArray(member)), { selector: ([name]) => name, minLength: 1 }),
        (entries) => {
          expect([...(parsePermissions([serializePermissions(new Map(entries))]) ?? [])]).toEqual(entries);
        },
      ),
    );
  });
});

describe("resourceIsolation", () => {
  const decide = (
    kind: "page" | "api" | "download" | "asset",
    site: string,
    mode: string,
    destination: string,
    method = "GET",
  ): Decision => {
    const headers = { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination };
    const decision = resourceIsolation().decide?.(sketchExchange({ method, headers, route: { kind } }));
    if (decision === undefined || decision instanceof Promise) throw new Error("it decides at once");
    return decision;
  };

  it.each([
    ["api", "none", "navigate", "document", "navigation"],
    ["api", "same-origin", "navigate", "document", "navigation"],
    ["api", "same-origin", "navigate", "iframe", "navigation"],
    ["api", "cross-site", "navigate", "document", "navigation"],
    ["api", "same-origin", "no-cors", "script", "executed"],
    ["api", "same-origin", "same-origin", "serviceworker", "executed"],
    ["download", "same-origin", "no-cors", "script", "executed"],
    ["api", "cross-site", "no-cors", "image", "cross_site_load"],
    ["api", "cross-site", "no-cors", "empty", "cross_site_load"],
    ["api", "somewhere", "no-cors", "image", "cross_site_load"],
    ["page", "cross-site", "no-cors", "image", "cross_site_load"],
    ["page", "cross-site", "navigate", "object", "embedded"],
    ["download", "cross-site", "navigate", "embed", "embedded"],
  ] as const)("refuses for a %s route: %s %s %s", (kind, site, mode, destination, detail) => {
    expect(decide(kind, site, mode, destination)).toMatchObject({
      kind: "deny",
      reason: "context_refused",
      events: [{ detail }],
    });
  });

  it.each([
    ["api", "same-origin", "cors", "empty"],
    ["api", "same-site", "cors", "empty"],
    ["api", "cross-site", "cors", "empty"],
    ["api", "same-origin", "no-cors", "image"],
    ["api", "same-origin", "no-cors", "report"],
    ["page", "cross-site", "navigate", "document"],
    ["page", "none", "navigate", "document"],
    ["page", "same-origin", "cors", "empty"],
    ["download", "cross-site", "navigate", "document"],
    ["download", "same-origin", "no-cors", "image"],
    ["asset", "cross-site", "no-cors", "script"],
  ] as const)("passes for a %s route: %s %s %s", (kind, site, mode, destination) => {
    expect(decide(kind, site, mode, destination).kind).toBe("allow");
  });

  it("passes clients that send no fetch metadata: they are no browsers of today", () => {
    const decision = resourceIsolation().decide?.(
      sketchExchange({ route: { kind: "api" }, headers: { "sec-fetch-mode": "navigate" } }),
    );
    expect(decision).toMatchObject({ kind: "allow" });
  });

  it.each([
    [undefined, "attachment"],
    ["inline", "attachment"],
    ['inline; filename="a.html"', 'attachment; filename="a.html"'],
    ['attachment; filename="a.html"', 'attachment; filename="a.html"'],
    ["attachments", "attachment"],
  ])("sends a download whose disposition is %s as %s", (theirs, expected) => {
    const headers = emit(
      resourceIsolation(),
      { headers: theirs === undefined ? {} : { "content-disposition": theirs } },
      { route: { kind: "download" } },
    );
    expect(headers["content-disposition"]).toBe(expected);
    expect(emit(resourceIsolation(), {}, { route: { kind: "api" } })).toEqual({});
  });

  it("finds an address of data that answers with a live page", () => {
    const page = { url: "https://app.test/api/users", scheme: "https", status: 200 } as const;
    const judge = (policy: string): readonly unknown[] | undefined =>
      resourceIsolation().observe?.({
        ...page,
        headers: [
          ["content-type", "text/html"],
          ["content-security-policy", policy],
        ],
      });
    expect(judge("default-src 'self'")).toHaveLength(1);
    expect(judge("default-src 'none'; sandbox")).toEqual([]);
    expect(judge("default-src 'none'; sandbox allow-scripts")).toHaveLength(1);
  });
});

describe("isExactHttpsOrigin", () => {
  it("takes what a browser would send as Origin, and nothing that could end a header's value", () => {
    for (const origin of ["https://a.example", "https://a.example:8443", "https://xn--bcher-kva.example"])
      expect(isExactHttpsOrigin(origin), origin).toBe(true);
    for (const origin of [
      "https://a.example/",
      "https://A.example",
      "https://a.example:443",
      "http://a.example",
      "https://*.example",
      "https://a;b",
      "https://a,b",
      'https://a"',
      "https://a'b",
      "https://u@a.example",
      "https://",
      "null",
    ])
      expect(isExactHttpsOrigin(origin), origin).toBe(false);
  });
});
