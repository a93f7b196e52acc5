import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { MAX_COOKIES, MAX_COOKIE_HEADER_LENGTH, parseCookieHeader } from "./cookie-header.ts";

const parsed = (header: string | undefined): Record<string, string> => Object.fromEntries(parseCookieHeader(header));

describe("parseCookieHeader", () => {
  it("looks for the equals sign of a pair within that pair", () => {
    expect([...parseCookieHeader("flag; theme=dark")]).toEqual([["theme", "dark"]]);
  });

  it.each([
    ["an absent header", undefined, {}],
    ["an empty header", "", {}],
    ["pairs with and without a space between them", "a=1; b=2;c=3", { a: "1", b: "2", c: "3" }],
    ["an empty value", "a=", { a: "" }],
    ["equals signs inside a value", "a=b=c==", { a: "b=c==" }],
    ["a quoted value, without its quotes", 'a="b"', { a: "b" }],
    ["an empty quoted value", 'a=""', { a: "" }],
    ["blanks around a pair", "  a=1 ;\tb=2\t", { a: "1", b: "2" }],
    ["percent escapes exactly as sent", "a=%20%00b", { a: "%20%00b" }],
    ["the first of two equal names, as browsers order them by path", "a=1; a=2", { a: "1" }],
    ["a plain name in other capitals as another name", "a=1; A=2", { a: "1", A: "2" }],
    ["names that a prototype would hold", "constructor=1; toString=2", { constructor: "1", toString: "2" }],
    ["names of the old grammar as ordinary names", "$Version=1; a=2; $Path=/", { $Version: "1", a: "2", $Path: "/" }],
  ])("reads %s", (_, header, expected) => {
    expect(parsed(header)).toEqual(expected);
  });

  it("keeps __proto__ as a plain key that nothing inherits from", () => {
    const cookies = parseCookieHeader("__proto__=1; a=2");
    expect(cookies.get("__proto__")).toBe("1");
    expect(cookies.get("toString")).toBeUndefined();
  });

  it.each([
    ["without a name", "=x"],
    ["that is a bare word, as browsers send a nameless cookie", "x"],
    ["with a blank before the equals sign", "a =1"],
    ["with a blank after the equals sign", "a= 1"],
    ["with a blank inside the value", "a=1 2"],
    ["with a comma", "a=1,2"],
    ["with a backslash", "a=1\\2"],
    ["with a quote inside", 'a=1"2'],
    ["with a quote that is not closed", 'a="1'],
    ["with a lone quote", 'a="'],
    ["with a control character", "a=1\u0001"],
    ["with a DEL", "a=1\u007f"],
    ["with bytes above ASCII in the value", "a=caf\u00e9"],
    ["with bytes above ASCII in the name", "\u00e9=1"],
    ["with a separator in the name", "a:b=1"],
    ["with an unusual space before a prefixed name", "\u00a0__Host-id=evil"],
    ["with a next-line character before a prefixed name", "\u0085__Host-id=evil"],
    ["with a wide space before a prefixed name", "\u2000__Host-id=evil"],
  ])("leaves out a pair %s and keeps its neighbours", (_, pair) => {
    expect(parsed(`before=1; ${pair}; after=2`)).toEqual({ before: "1", after: "2" });
  });

  it("never lets a quoted value swallow the cookie after it", () => {
    expect(parsed('$Version=1; q="start; __Host-session=secret; z=end"')).toEqual({
      $Version: "1",
      "__Host-session": "secret",
    });
  });

  it.each([
    ["twice", "__Host-id=evil; __Host-id=real"],
    ["three times", "__Host-id=evil; __Host-id=real; __Host-id=real"],
    ["twice with the same value", "__Host-id=real; __Host-id=real"],
    ["twice, once malformed", "__Host-id=a b; __Host-id=real"],
    ["twice, malformed the second time", "__Host-id=real; __Host-id=a,b"],
    ["twice with the older prefix", "__Secure-id=evil; __Secure-id=real"],
    ["twice with the http-only prefix", "__Http-id=evil; __Http-id=real"],
  ])("trusts no prefixed cookie that occurs %s", (_, header) => {
    expect(parsed(`${header}; other=1`)).toEqual({ other: "1" });
  });

  it.each([
    "__HOST-id",
    "__host-id",
    "__hOsT-id",
    "__SECURE-id",
    "__secure-id",
    "__HTTP-id",
    "__host-http-id",
    "__Host-http-id",
  ])("leaves out %s, which a server without case could take for the real one", (name) => {
    expect(parsed(`${name}=evil; __Host-id=real`)).toEqual({ "__Host-id": "real" });
  });

  it("reads no cookies from a header with more than the allowed number, rather than some of them", () => {
    const most = Array.from({ length: MAX_COOKIES }, (_, index) => `c${index}=1`);
    expect(parseCookieHeader(most.join("; ")).size).toBe(MAX_COOKIES);
    expect(parseCookieHeader([...most, "one=more"].join("; ")).size).toBe(0);
  });

  it("reads no cookies from a header that is longer than allowed", () => {
    const longest = `a=${"x".repeat(MAX_COOKIE_HEADER_LENGTH - 2)}`;
    expect(parseCookieHeader(longest).size).toBe(1);
    expect(parseCookieHeader(`${longest}x`).size).toBe(0);
  });

  it("stays quick on a hostile header", () => {
    const start = performance.now();
    for (const hostile of ["a;", "=", '"', ";", 'a="', " "]) {
      for (let round = 0; round < 20; round += 1) {
        parseCookieHeader(hostile.repeat(MAX_COOKIE_HEADER_LENGTH).slice(0, MAX_COOKIE_HEADER_LENGTH));
      }
    }
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("never throws, and returns only tokens and cookie-octets that stand in the header", () => {
    const noise = fc.string({
      unit: fc.constantFrom(...'ab_-=;" \t,\\\u0000\u00e9'.split(""), "__Host-", "__HOST-", "; ", "id"),
    });
    fc.assert(
      fc.property(fc.oneof(noise, fc.string({ unit: "binary" })), (header) => {
        for (const [name, value] of parseCookieHeader(header)) {
          expect(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u.test(name)).toBe(true);
          expect(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/u.test(value)).toBe(true);
          expect(header.includes(`${name}=`)).toBe(true);
          if (!name.startsWith("__Host-")) continue;
          const bearers = header.split(";").filter((pair) => pair.replace(/^[ \t]+/u, "").startsWith(`${name}=`));
          expect(bearers).toHaveLength(1);
        }
      }),
    );
  });
});

/** Pairs as everybody splits them: the name, and the value as it stands. */
function pairsOf(header: string): readonly (readonly [name: string, value: string])[] {
  return header.split(";").map((part) => {
    const pair = part.trim();
    const equals = pair.indexOf("=");
    return [pair.slice(0, Math.max(equals, 0)), pair.slice(equals + 1)];
  });
}

/**
 * Why a pair is left out here: a nameless cookie can imitate any other, escapes let one cookie swallow or forge another, and what is no token or no
 * cookie-octet (RFC 6265bis section 4.1.1) is read by each reader in its own way.
 */
function isLeftOut(name: string, value: string): boolean {
  const bare = /^"(.*)"$/su.exec(value)?.[1] ?? value;
  return (
    !/^[\w!#$%&'*+.^`|~-]+$/u.test(name) ||
    (/^__(?:host|secure|http)-/iu.test(name) && !/^__(?:Host|Secure|Http)-/u.test(name)) ||
    !/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/u.test(bare)
  );
}

interface ParseCase {
  readonly id: string;
  readonly kind: string;
  readonly header: string;
  readonly result: Record<string, string>;
}

const cases = (loadVectors<ParseCase>("headers")?.cases ?? []).filter(({ kind }) => kind === "parse-cookie");

describe.skipIf(cases.length === 0)("the recorded Cookie headers", () => {
  it.each(cases)("$id: $header", ({ header, result }) => {
    const ours = parsed(header);
    const pairs = pairsOf(header);
    expect(Object.keys(result)).toEqual(expect.arrayContaining(Object.keys(ours)));
    for (const [name, value] of Object.entries(result)) {
      // The first of one name wins here, the last there.
      const [only, ...others] = pairs.filter(([other, raw]) => other.trim() === name && (name !== "" || raw !== ""));
      if (only === undefined || others.length > 0) continue;
      expect(ours[name], name).toBe(isLeftOut(...only) ? undefined : value);
    }
  });

  it("keep the first of one name", () => {
    expect(parsed("a=1; a=2; b=3")).toEqual({ a: "1", b: "3" });
  });
});
