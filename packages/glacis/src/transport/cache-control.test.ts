import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import type { User } from "../core/principal.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { cacheControl } from "./cache-control.ts";

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

  it("keeps the declaration of what has not changed", () => {
    expect(value({ status: 304 }, { route: { cacheControl: stored } })).toBe(stored);
  });

  it("lets a page vary by cookie even where it is declared a file", () => {
    const route = { kind: "asset", cacheControl: stored } as const;
    expect(emit(cacheControl(), { headers: html }, { route })["vary"]).toBe("Cookie");
    expect(emit(cacheControl(), { headers: { "content-type": "text/css" } }, { route })).not.toHaveProperty("vary");
  });

  const targeted = {
    "cdn-cache-control": "max-age=600",
    "surrogate-control": "max-age=600",
    "cloudflare-cdn-cache-control": "max-age=600",
    "vercel-cdn-cache-control": "max-age=600",
    "netlify-cdn-cache-control": "public, durable, max-age=600",
    "edge-control": "cache-maxage=10m",
    "x-accel-expires": "600",
  };

  it.each<[string, Readonly<Record<string, string>>, RequestSketch]>([
    ["is not declared", {}, {}],
    ["the application itself forbids to store", { "cache-control": "no-store" }, { route: { cacheControl: stored } }],
    ["a signed-in user gets", {}, { principal: user, route: { cacheControl: stored } }],
  ])("takes away what CDNs prefer to Cache-Control from what %s", (_, own, request) => {
    const out = emit(cacheControl(), { headers: { ...html, ...own, ...targeted } }, request);
    for (const name of Object.keys(targeted)) expect(out, name).not.toHaveProperty(name);
  });

  it("leaves it where the route may be stored", () => {
    const out = emit(cacheControl(), { headers: { ...html, ...targeted } }, { route: { cacheControl: stored } });
    expect(out).toMatchObject(targeted);
  });

  it.each(Object.entries(targeted))("finds %s beside no-store on the wire, unless it says the same", (name, value) => {
    const see = (header: string): readonly string[] =>
      (
        cacheControl().observe?.({
          url: "https://app.example.com/",
          status: 200,
          headers: [
            ["cache-control", "no-store"],
            [name, header],
          ],
          scheme: "https",
        } as never) ?? []
      ).map(({ rule }) => rule.id);
    expect(see(value)).toEqual(["cache-control/targeted"]);
    expect(see(name === "x-accel-expires" ? "0" : "no-store")).toEqual([]);
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
