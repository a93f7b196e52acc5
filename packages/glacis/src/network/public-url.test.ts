import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { publicUrl } from "./public-url.ts";

const ORIGIN = "https://app.example.com";

describe("publicUrl", () => {
  it.each<[string, Record<string, string>, string]>([
    ["/", {}, "https://app.example.com/"],
    ["/reset", { token: "a/b&c=d" }, "https://app.example.com/reset?token=a%2Fb%26c%3Dd"],
    ["/search?q=1#top", { page: "2" }, "https://app.example.com/search?q=1&page=2#top"],
    ["/büro", {}, "https://app.example.com/b%C3%BCro"],
    ["/a@b", {}, "https://app.example.com/a@b"],
    ["/..//elsewhere.example", {}, "https://app.example.com//elsewhere.example"],
  ])("builds %s with %j from the configured origin", (path, parameters, url) => {
    expect(publicUrl(ORIGIN, path, parameters)).toBe(url);
  });

  it.each([
    "",
    "reset",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/a\nb",
    "/a b",
    "https://evil.example/",
    "javascript:alert(1)",
    "@evil.example",
    ":80/",
  ])("refuses the path %j", (path) => expect(() => publicUrl(ORIGIN, path)).toThrow(TypeError));

  it.each([
    "app.example.com",
    "ftp://a.example",
    "https://a.example/x",
    "https://u@a.example",
    "https://*",
    "https://a_b.example",
  ])("refuses the origin %s", (origin) => expect(() => publicUrl(origin, "/")).toThrow(TypeError));

  it("stays on the origin or throws, whatever the path", () => {
    const nasty = fc.stringMatching(/^[/\\.:@?#a-z0-9\t\n %-]{0,20}$/u);
    fc.assert(
      fc.property(fc.oneof(nasty, fc.webUrl(), fc.string({ unit: "binary" })), fc.string(), (path, value) => {
        let url: string;
        try {
          url = publicUrl(ORIGIN, path, { value });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        expect(new URL(url).origin).toBe(ORIGIN);
        expect(new URL(url).searchParams.getAll("value").at(-1)).toBe(value.toWellFormed());
      }),
      { numRuns: 3_000 },
    );
  });
});
