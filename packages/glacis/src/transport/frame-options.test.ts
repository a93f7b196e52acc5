import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import type { ResponseDraft } from "../core/response.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { contentSecurityPolicy } from "./content-security-policy.ts";
import { frameOptions } from "./frame-options.ts";

describe("frameOptions", () => {
  const emitted = (
    options: Parameters<typeof frameOptions>[0],
    path = "/",
    headers: Record<string, string> = {},
  ): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ headers });
    compileHead([frameOptions(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers();
  };
  const policy = (value: string, options = {}): string | undefined =>
    emitted(options, "/", { "content-security-policy": value })["content-security-policy"];

  it("denies framing even where no Content-Security-Policy is mounted", () => {
    expect(emitted({})).toEqual({ "x-frame-options": "DENY", "content-security-policy": "frame-ancestors 'none'" });
  });

  it.each([
    ["default-src 'none'; frame-ancestors 'none'", "as it is"],
    ["default-src 'none'; frame-ancestors 'none'; sandbox", "as it is"],
    ["FRAME-ANCESTORS 'NONE'", "as it is"],
    ["frame-ancestors", "as it is"],
    ["img-src *, default-src 'none'; frame-ancestors 'none'", "as it is"],
    ["default-src 'self'", "completed"],
    ["frame-ancestors *", "completed"],
    ["frame-ancestors 'self'", "completed"],
    ["frame-ancestors *; frame-ancestors 'none'", "completed"],
    ["default-src 'none'; Frame-Ancestors *; frame-ancestors 'none'", "completed"],
    ["default-src 'none'; Frame-Ancestors 'none'", "as it is"],
    ["default-src 'none'; FRAME-ANCESTORS 'NONE'; frame-ancestors *", "as it is"],
    ["report-uri /frame-ancestors", "completed"],
    ["report-uri /x?frame-ancestors 'none'", "completed"],
    ["frame-ancestors 'none' https://evil.test", "completed"],
    ["default-src 'none'; frame-ancestors 'none' https://evil.test", "completed"],
  ])("leaves the policy %j %s", (value, outcome) => {
    expect(policy(value)).toBe(outcome === "as it is" ? value : `${value}, frame-ancestors 'none'`);
  });

  it("keeps an application's stricter framing where more would be allowed", () => {
    const options = { origins: ["https://a.example", "https://b.example"] };
    expect(policy("frame-ancestors https://a.example", options)).toBe("frame-ancestors https://a.example");
    expect(policy("frame-ancestors https://a.example.evil.test", options)).toMatch(
      /, frame-ancestors https:\/\/a\.example https:\/\/b\.example$/u,
    );
    expect(policy("frame-ancestors 'none'", options)).toBe("frame-ancestors 'none'");
  });

  it("judges our own policy by its pieces, each page by those of its own, and one that was changed by its words", () => {
    const embeddable = [{ path: "/widget", origins: ["https://partner.example"] }];
    const { meta, rules, check } = frameOptions();
    const widen: Control = {
      meta,
      rules,
      check,
      head(draft: ResponseDraft) {
        const policy = draft.get("content-security-policy") ?? "";
        draft.set("content-security-policy", policy.replace(/frame-ancestors [^;]*/u, "frame-ancestors *"));
      },
    };
    const send = (path: string, between: readonly Control[] = [], framed = embeddable): string => {
      const draft = sketchResponse({ headers: { "content-type": "text/html" } });
      const controls = [contentSecurityPolicy({ embeddable: framed }), ...between, control];
      compileHead(controls, () => undefined)(sketchExchange({ target: path, route: { kind: "page" } }), draft);
      return draft.headers()["content-security-policy"] ?? "";
    };
    const control = frameOptions({ embeddable });
    for (let time = 0; time < 2; time += 1) {
      expect(send("/")).toMatch(/frame-ancestors 'none'(?!.*frame-ancestors)/u);
      expect(send("/widget")).toMatch(/frame-ancestors https:\/\/partner\.example(?!.*frame-ancestors)/u);
      expect(send("/", [widen])).toMatch(/frame-ancestors \*;.*, frame-ancestors 'none'$/u);
      // The two controls were given different lists: the stricter one holds.
      expect(send("/other", [], [{ path: "/other", origins: ["https://partner.example"] }])).toMatch(
        /, frame-ancestors 'none'$/u,
      );
    }
  });

  it("gives an embeddable page no X-Frame-Options, which has no word for a list", () => {
    const options = { embeddable: [{ path: "/widget", origins: ["https://partner.example"] }] };
    expect(emitted(options, "/widget", { "x-frame-options": "DENY" })).toEqual({
      "content-security-policy": "frame-ancestors https://partner.example",
    });
    expect(emitted(options, "/")["x-frame-options"]).toBe("DENY");
  });

  it.each([
    [{ origins: ["*"] }, /exact origin/u],
    [{ origins: ["self"] }, /with its quotes/u],
    [{ origins: ["http://partner.example"] }, /exact origin/u],
    [{ origins: ["https://partner.example/"] }, /exact origin/u],
    [{ embeddable: [{ path: "/w" }] }, /exact origins/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => frameOptions(options as object)).toThrow(message);
  });

  it("finds an old header beside origins that embed the page, since it says something else", () => {
    const judge = (...legacy: readonly (readonly [string, string])[]): readonly string[] | undefined =>
      frameOptions()
        .observe?.({
          url: "https://app.test/",
          scheme: "https",
          status: 200,
          headers: [["content-security-policy", "frame-ancestors https://partner.example"], ...legacy],
        })
        .map(({ rule }) => rule.id);
    expect(judge()).toEqual([]);
    expect(judge(["x-frame-options", "ALLOW-FROM https://partner.example"])).toEqual(["frame-ancestors/legacy-header"]);
  });

  it("does not count X-Frame-Options alone", () => {
    const observation = {
      url: "https://app.test/",
      scheme: "https",
      status: 200,
      headers: [["x-frame-options", "DENY"]],
    } as const;
    expect(
      frameOptions()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(["frame-ancestors/missing"]);
  });

  it("takes the strictest of several policies, and a repeated X-Frame-Options for one that browsers ignore", () => {
    const judge = (...headers: readonly (readonly [string, string])[]): readonly string[] | undefined =>
      frameOptions()
        .observe?.({ url: "https://app.test/", scheme: "https", status: 200, headers })
        .map(({ rule }) => rule.id);
    const open = ["content-security-policy", "frame-ancestors *"] as const;
    const closed = ["content-security-policy", "frame-ancestors 'none'"] as const;
    const legacy = ["x-frame-options", "DENY"] as const;
    expect(judge(open, closed, legacy)).toEqual([]);
    expect(judge(closed, legacy, legacy)).toEqual(["frame-ancestors/legacy-header"]);
  });
});
