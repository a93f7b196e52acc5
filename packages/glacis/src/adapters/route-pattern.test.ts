import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { covers, join } from "./route-pattern.ts";

describe("join", () => {
  it.each([
    ["", "/", "/"],
    ["", "/a", "/a"],
    ["/a", "/", "/a"],
    ["/a", "/b", "/a/b"],
    ["/a/", "/b", "/a/b"],
    ["/", "*", "/*"],
    ["", "", "/"],
    ["/a", "", "/a"],
  ])("joins %j and %j to %j", (prefix, path, whole) => {
    expect(join(prefix, path)).toBe(whole);
  });
});

describe("covers", () => {
  it.each([
    ["/", "/a/b"],
    ["/*", "/a/b"],
    ["/a", "/a"],
    ["/a/*", "/a"],
    ["/a", "/a/:id"],
    ["/a/*", "/a/:id/b"],
    ["/:tenant", "/acme/x"],
    ["/:tenant/*", "/:id/x"],
    ["/a", "/a{/:id}"],
    ["/a", "/a/*rest"],
    ["/a/", "/a/b"],
    ["/a", "/a/"],
    ["/a/b", "/a/b//c"],
  ])("%s covers %s", (prefix, pattern) => {
    expect(covers(prefix, pattern)).toBe(true);
  });

  it.each([
    ["/a", "/ab"],
    ["/a", "/b/a"],
    ["/a/b", "/a"],
    ["/a/b", "/a/:id"],
    ["/a", "/:any"],
    ["/a", "/*"],
    ["/a/b", "/a/*"],
    ["/a/b", "/a{/b}"],
    ["/:id?", "/a"],
    ["/(a|b)", "/a"],
    ["/a", "/a|/b"],
    ["/A", "/a"],
    ["/a//*", "/a/b"],
    ["/a/b", "/a//b/c"],
    ["/:tenant/*", "//x"],
    ["/:tenant", "/(a|b/c)"],
    ["/:tenant", "/*"],
    ["/:tenant", "/{a}"],
    ["/:tenant", "/:id?"],
    ["/:tenant", "/:id+"],
  ])("%s does not cover %s", (prefix, pattern) => {
    expect(covers(prefix, pattern)).toBe(false);
  });

  it("is never wrong about a path: what a covered literal route matches begins with the prefix", () => {
    const segment = fc.constantFrom("a", "b", ":x", "c");
    const pattern = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
    fc.assert(
      fc.property(pattern, pattern, (prefix, route) => {
        if (!covers(prefix, route)) return;
        // Any value for a parameter of the route must still match the prefix.
        const path = route.replaceAll(":x", "anything").split("/");
        const wanted = prefix.split("/").filter((part) => part !== "");
        expect(wanted.every((part, index) => part === ":x" || part === path[index + 1])).toBe(true);
      }),
    );
  });
});
