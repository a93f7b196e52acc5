import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalEmail } from "./email.ts";

describe("canonicalEmail", () => {
  it.each([
    [" Ada@Example.COM ", "ada@example.com"],
    ["first.last+tag@sub.example.co.uk", "first.last+tag@sub.example.co.uk"],
    ["a@BÜCHER.example", "a@xn--bcher-kva.example"],
    ["a@bu\u0308cher.example", "a@xn--bcher-kva.example"],
    ["o'brien@example.com", "o'brien@example.com"],
  ])("spells %j as %j", (text, expected) => {
    expect(canonicalEmail(text)).toBe(expected);
  });

  it.each([
    "",
    "@",
    "a@",
    "@example.com",
    "a@localhost",
    "a@127.0.0.1",
    "a@[::1]",
    "a b@example.com",
    "a@exa mple.com",
    "a@b@example.com ",
    ".a@example.com",
    "a..b@example.com",
    "a@example.com\u0000",
    "a@example.com\r\nBcc: x@example.com",
    "аda@example.com",
    "a@-example.com",
    `${"a".repeat(65)}@example.com`,
    `a@${"a".repeat(300)}.com`,
    "\uD800@example.com",
    '"a b"@example.com',
    "a@example.com/path",
    "a@exa\nmple.com",
    "a@exa\tmple.com",
    "a@example.com?x",
    "a@0x7f.1",
    "a@example%2ecom",
    "a@example.com:25",
  ])("refuses %j", (text) => {
    expect(canonicalEmail(text)).toBeUndefined();
  });

  it("is its own canonical form, whatever it was given", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.emailAddress()), (text) => {
        const once = canonicalEmail(text);
        expect(once === undefined ? undefined : canonicalEmail(once)).toBe(once);
      }),
    );
  });
});
