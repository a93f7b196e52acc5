import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { canonicalIdentifier, newIdentifier } from "./identifier.ts";

interface Case {
  readonly id: string;
  readonly fn?: string;
  readonly a: string;
  readonly b: string;
  readonly equal: boolean;
}

describe("canonicalIdentifier", () => {
  it.each([
    "VICTIM@Example.COM",
    "  victim@example.com ",
    "victim@example.com.",
    "ｖｉｃｔｉｍ＠ｅｘａｍｐｌｅ．ｃｏｍ",
    "victim@example。com",
    "Vıctim@example.com".replace("ı", "I"),
  ])("makes one account of %j", (spelling) => {
    expect(canonicalIdentifier(spelling)).toBe("victim@example.com");
  });

  it("takes the Kelvin sign and the long s for the letters that they are", () => {
    expect(canonicalIdentifier("\u212aiſ@x.com")).toBe("kis@x.com");
  });

  it.each([
    ["mike@example.com", "mıke@example.com"],
    ["mike@example.com", "mike@ıxample.com"],
    ["mike@example.com", "mike+tag@example.com"],
    ["mike@fussball.de", "mike@fußball.de"],
    ["аdmin@example.com", "admin@example.com"],
  ])("keeps %s and %s apart", (a, b) => {
    expect(canonicalIdentifier(a)).toBeDefined();
    expect(canonicalIdentifier(a)).not.toBe(canonicalIdentifier(b));
  });

  it("writes a name of another alphabet as the DNS does", () => {
    expect(canonicalIdentifier("jörg@BÜCHER.example")).toBe("jörg@xn--bcher-kva.example");
  });

  it.each([
    undefined,
    null,
    42,
    ["a@x.com"],
    { toString: () => "a@x.com" },
    "",
    "a",
    "@x.com",
    "a@",
    "a@x",
    "a@@x.com",
    "a@b@x.com",
    "a b@x.com",
    "a@x.com\n",
    "a@x.com\r\nBcc: b@x.com",
    "a\0@x.com",
    "a\u200b@x.com",
    "a\u00ad@x.com",
    "a\u202e@x.com",
    "a\ud800@x.com",
    '"a"@x.com',
    "a<b@x.com",
    ".a@x.com",
    "a..b@x.com",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a@0x7f.1",
    "a@x..com",
    "a@-x.com",
    "a@x.com..",
    "a@x%2ecom",
    "a@x/com.com",
    `${"a".repeat(65)}@x.com`,
    `a@${"x".repeat(64)}.com`,
    "a".repeat(100_000),
  ])("refuses %j", (text) => {
    expect(canonicalIdentifier(text)).toBeUndefined();
  });

  it("leaves alone what it has made, and never throws", () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.tuple(fc.string({ unit: "binary" }), fc.domain()).map(([local, domain]) => `${local}@${domain}`),
      fc.emailAddress(),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const canonical = canonicalIdentifier(text);
        if (canonical !== undefined) expect(canonicalIdentifier(canonical)).toBe(canonical);
      }),
      { numRuns: 2_000 },
    );
  });

  it("does not mind case", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        expect(canonicalIdentifier(address.toUpperCase())).toBe(canonicalIdentifier(address));
      }),
    );
  });
});

describe("newIdentifier", () => {
  it.each([
    "\u0430dmin@example.com", // a Cyrillic a
    "adm\u0456n@example.com", // a Cyrillic i
    "p\u03bfstmaster@example.com", // a Greek o
    "\u03b1\u0430@example.com", // Greek and Cyrillic
    "admin\u13aa@example.com", // Cherokee
    "a\u057d@example.com", // Armenian
    "admin@ex\u0430mple.com",
    "admin@mail.ex\u0430mple.com",
    "admin@xn--exmple-4nf.com",
    "=?utf-8?q?x=40y.example=3e=00?=a@example.com", // an encoded word
    "not an address",
    undefined,
  ])("gives no account to %j, which another one looks like", (text) => {
    expect(newIdentifier(text)).toBeUndefined();
  });

  it.each([
    ["Jane.Doe+tag_1@Example.com", "jane.doe+tag_1@example.com"],
    ["jörg@BÜCHER.example", "jörg@xn--bcher-kva.example"],
    ["иван.петров@example.com", "иван.петров@example.com"],
    ["иван@пример.рф", "иван@xn--e1afmkfd.xn--p1ai"],
    ["νίκος@example.com", "νίκοσ@example.com"],
    ["山田taro@example.com", "山田taro@example.com"],
    ["user@例え.jp", "user@xn--r8jz45g.jp"],
  ])("takes %j, written in one alphabet or in scripts that nobody confuses", (text, canonical) => {
    expect(newIdentifier(text)).toBe(canonical);
  });
});

const cases = (loadVectors<Case>("passwords")?.cases ?? []).filter(({ fn }) => fn === "identifier_ci_compare");

describe.skipIf(cases.length === 0)("canonicalIdentifier, by recorded comparisons", () => {
  it.each(cases.map((one) => [one.id, one] as const))("agrees about %s", (_, { a, b, equal }) => {
    const [left, right] = [canonicalIdentifier(a), canonicalIdentifier(b)];
    expect(left !== undefined && left === right).toBe(equal);
  });
});
