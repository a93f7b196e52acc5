import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { html } from "./html.ts";
import { url } from "./url.ts";

describe("url", () => {
  it("keeps what is written and encodes what is filled in", () => {
    expect(String(url`/documents/${"a/b?c#d"}?q=${"x&y=z"}&page=${2}#${"é"}`)).toBe(
      "/documents/a%2Fb%3Fc%23d?q=x%26y%3Dz&page=2#%C3%A9",
    );
    expect(String(url`https://app.example.com/reset`)).toBe("https://app.example.com/reset");
    expect(String(url`/`)).toBe("/");
  });

  it("leads to the origin and the path of its template, whatever is filled in", () => {
    const base = "https://app.example.com";
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (step, value) => {
        fc.pre(!/^\.{1,2}$/u.test(step) && step.isWellFormed() && value.isWellFormed());
        const { origin, pathname, searchParams } = new URL(String(url`/d/${step}/e?v=${value}`), base);
        expect(origin).toBe(base);
        expect(pathname.split("/")).toHaveLength(4);
        expect(decodeURIComponent(pathname.split("/")[2] ?? "")).toBe(step);
        expect(searchParams.get("v")).toBe(value);
      }),
    );
  });

  it("refuses steps that lead elsewhere", () => {
    for (const step of [".", ".."]) expect(() => url`/a/${step}/b`).toThrow(TypeError);
    expect(() => url`/${""}/evil.example`).toThrow(TypeError);
    expect(() => url`/a/.${"."}/b`).toThrow(TypeError);
  });

  it("refuses a template that does not say where it leads", () => {
    const start = "javascript:";
    expect(() => url`${start}alert(1)`).toThrow(TypeError);
    expect(() => url`//evil.example/`).toThrow(TypeError);
    expect(() => url`javascript:alert(${1})`).toThrow(TypeError);
    expect(() => url`a/${1}`).toThrow(TypeError);
  });

  it("refuses values that have no text", () => {
    for (const value of [null, undefined, {}, [], true, "\uD800"])
      expect(() => url`/a/${value as string}`).toThrow(TypeError);
  });

  it("is shown as its text, and an object that looks like one is not", () => {
    expect(String(html`<a href="${url`/a/${"<"}`}">${url`/b`}</a>`)).toBe('<a href="/a/%3C">/b</a>');
    expect(() => html`<a href="${{ toString: () => "javascript:x" }}">x</a>`).toThrow(TypeError);
  });
});
