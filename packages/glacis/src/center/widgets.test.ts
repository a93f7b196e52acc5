import { describe, expect, it } from "vitest";
import { visible, visibleId } from "./widgets.ts";

describe("a value for the eye", () => {
  it.each([
    ["a line end and a colour", "a\r\n\u001b[31m", "a\\u000D\\u000A\\u001B[31m"],
    ["text that runs backwards", "\u202Egnp.exe", "\\u202Egnp.exe"],
    ["marks that draw nothing", "us\u200Ber-\u00ADada\u2063", "us\\u200Ber-\\u00ADada\\u2063"],
    ["tags that draw nothing", "ada\u{E0041}", "ada\\uE0041"],
    ["half a character", "a\uD800", "a\uFFFD"],
    [
      "what people write",
      "J\u00FCrgen \u5F20\u4F1F \u0623\u062D\u0645\u062F \u{1F600}",
      "J\u00FCrgen \u5F20\u4F1F \u0623\u062D\u0645\u062F \u{1F600}",
    ],
  ])("shows %s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(visibleId(text)).toBe(shown);
  });

  it("ends after as many characters as there is room for", () => {
    expect(visible("x".repeat(160))).toBe("x".repeat(160));
    expect(visible("x".repeat(161))).toBe(`${"x".repeat(160)}…`);
    expect(visibleId("x".repeat(24))).toBe("x".repeat(24));
    expect(visibleId("a".repeat(10) + "b".repeat(15))).toBe("aaaaaaaa…bbbbbbbb");
  });
});
