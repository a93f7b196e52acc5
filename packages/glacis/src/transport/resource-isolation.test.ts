import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import { compileHead } from "../core/head.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { resourceIsolation } from "./resource-isolation.ts";

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
    ["api", "same-origin", "no-cors", "object", "navigation"],
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
