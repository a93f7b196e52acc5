import { describe, expect, it } from "vitest";
import { authenticated, hasRole, publicAccess } from "./access.ts";
import { routeRule } from "./route.ts";

describe("routeRule", () => {
  it("stores nothing, asks for a CSRF token and treats the route as a page unless told otherwise", () => {
    const rule = routeRule(authenticated());
    expect(rule).toMatchObject({
      kind: "page",
      cacheControl: undefined,
      csrfExempt: undefined,
      passive: false,
      bodyBytes: undefined,
      controls: [],
    });
  });

  it.each([
    [{ cachecontrol: "x" }, /Did you mean "cacheControl"/u],
    [{ cacheControl: "public, max-age=60" }, /public routes only/u],
    [{ csrfExempt: " " }, /reason in words/u],
    [{ bodyBytes: -1 }, /whole number/u],
    [{ bodyBytes: Number.POSITIVE_INFINITY }, /whole number/u],
    [{ scopes: "documents:read" }, /documents:read/u],
    [{ scopes: ["two words"] }, /list/u],
    [{ kind: "rss" }, /page, api, download, asset/u],
  ])("refuses %j", (options, message) => {
    for (const access of [authenticated(), hasRole("admin")])
      expect(() => routeRule(access, options as object)).toThrow(message);
  });

  it("lets a public route say how long it may be stored", () => {
    expect(routeRule(publicAccess("logo"), { cacheControl: "public, max-age=60" }).cacheControl).toBe(
      "public, max-age=60",
    );
  });
});
