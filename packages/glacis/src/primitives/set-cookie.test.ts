import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { parseCookieHeader } from "./cookie-header.ts";
import {
  MAX_COOKIE_AGE_SECONDS,
  serializeCookie,
  serializeCookieDeletion,
  type CookieAttributes,
} from "./set-cookie.ts";

describe("serializeCookie", () => {
  it("is strict unless told otherwise", () => {
    expect(serializeCookie("__Host-session", "abc")).toBe("__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
  });

  it("goes as far as browsers do, and no further", () => {
    const age = { maxAgeSeconds: MAX_COOKIE_AGE_SECONDS };
    expect(serializeCookie("a", "b", age)).toContain("Max-Age=34560000");
    expect(serializeCookie("a", "b", { expires: new Date("1601-01-01T00:00:00Z") })).toContain("1601 00:00:00 GMT");
    expect(serializeCookie("a", "b", { domain: `${"a".repeat(63)}.example` })).toContain("aaa.example;");
    const rest = serializeCookie("a", "").length;
    expect(serializeCookie("a", "x".repeat(4096 - rest))).toHaveLength(4096);
    expect(() => serializeCookie("a", "x".repeat(4097 - rest))).toThrow(/4097 bytes/u);
  });

  it("writes every attribute in a fixed order", () => {
    const everything: CookieAttributes = {
      priority: "High",
      partitioned: true,
      sameSite: "None",
      httpOnly: true,
      secure: true,
      path: "/a",
      domain: "example.com",
      expires: new Date("2026-11-26T12:00:00Z"),
      maxAgeSeconds: 60,
    };
    expect(serializeCookie("a", "b", everything)).toBe(
      "a=b; Max-Age=60; Expires=Thu, 26 Nov 2026 12:00:00 GMT; Domain=example.com; Path=/a; Secure; HttpOnly; SameSite=None; Partitioned; Priority=High",
    );
  });

  it("leaves out what is switched off in so many words", () => {
    expect(serializeCookie("a", "b", { secure: false, httpOnly: false })).toBe("a=b; Path=/; SameSite=Lax");
  });

  it("deletes by an empty value and two ends of lifetime", () => {
    expect(serializeCookieDeletion("__Host-session")).toBe(
      "__Host-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
    );
  });

  it.each([
    ["", "v", /token/u],
    ["a b", "v", /token/u],
    ["a=b", "v", /token/u],
    ["a;b", "v", /token/u],
    ["a\r\nb", "v", /token/u],
    ["\u00e9", "v", /token/u],
    ["a", "a b", /Encode it first/u],
    ["a", "a;b", /Encode it first/u],
    ["a", "a,b", /Encode it first/u],
    ["a", 'a"b', /Encode it first/u],
    ["a", '"ab"', /Encode it first/u],
    ["a", "a\\b", /Encode it first/u],
    ["a", "a\r\nSet-Cookie: b=1", /Encode it first/u],
    ["a", "a\u0000", /Encode it first/u],
    ["a", "caf\u00e9", /Encode it first/u],
    ["a", 1, /Encode it first/u],
    [undefined, "v", /token/u],
  ])("refuses the name %j with the value %j", (name, value, message) => {
    expect(() => serializeCookie(name as never, value as never)).toThrow(message);
  });

  it.each([
    ["a", { maxage: 1 }, /Did you mean "maxAgeSeconds"/u],
    ["a", { samesite: "Lax" }, /Did you mean "sameSite"/u],
    ["a", { maxAgeSeconds: 1.5 }, /whole number/u],
    ["a", { maxAgeSeconds: -1 }, /whole number/u],
    ["a", { maxAgeSeconds: Number.NaN }, /whole number/u],
    ["a", { maxAgeSeconds: MAX_COOKIE_AGE_SECONDS + 1 }, /400 days/u],
    ["a", { expires: new Date(Number.NaN) }, /valid Date/u],
    ["a", { expires: new Date(8.64e15) }, /valid Date/u],
    ["a", { expires: "2026-11-26" }, /valid Date/u],
    ["a", { path: "/a;b" }, /no space or semicolon/u],
    ["a", { expires: new Date("1600-12-31T23:59:59Z") }, /valid Date/u],
    ["a", { domain: `${"a".repeat(64)}.example` }, /host name/u],
    ["a", { domain: `${"abcdefg.".repeat(31)}exampl` }, /host name/u],
    ["a", { domain: "example.com; Secure" }, /host name/u],
    ["a", { domain: ".example.com" }, /leading dot/u],
    ["a", { domain: "EXAMPLE.com" }, /lower-case/u],
    ["a", { domain: "example.com." }, /host name/u],
    ["a", { domain: "" }, /host name/u],
    ["a", { path: "a" }, /starts with/u],
    ["a", { path: "" }, /starts with/u],
    ["a", { path: "/a; HttpOnly" }, /semicolon/u],
    ["a", { path: "/a\n" }, /starts with/u],
    ["a", { sameSite: "none" }, /"Strict", "Lax" or "None"/u],
    ["a", { sameSite: "" }, /"Strict", "Lax" or "None"/u],
    ["a", { sameSite: "None", secure: false }, /needs secure/u],
    ["a", { partitioned: true, secure: false }, /needs secure/u],
    ["a", { secure: "no" }, /true or false/u],
    ["a", { httpOnly: 0 }, /true or false/u],
    ["a", { priority: "urgent" }, /"Low", "Medium" or "High"/u],
    ["__Host-a", { secure: false }, /needs secure/u],
    ["__Host-a", { domain: "example.com" }, /no domain/u],
    ["__Host-a", { path: "/a" }, /only path/u],
    ["__Secure-a", { secure: false }, /needs secure/u],
    ["__Http-a", { httpOnly: false }, /needs httpOnly/u],
    ["__Host-Http-a", { httpOnly: false }, /needs httpOnly/u],
    ["__Host-Http-a", { path: "/a" }, /only path/u],
    ["__HOST-a", {}, /Write the prefix of "__HOST-a" as __Host-/u],
    ["__secure-a", {}, /Write the prefix/u],
  ])("refuses %s with %o and says what to write instead", (name, attributes, message) => {
    expect(() => serializeCookie(name, "v", attributes as never)).toThrow(message);
  });

  it("refuses what a browser would drop for its size, without quoting the value", () => {
    const secret = "s".repeat(4096);
    expect(() => serializeCookie("a", secret)).toThrow(/takes 41\d\d bytes/u);
    expect(() => serializeCookie("a", secret)).not.toThrow(/sss/u);
  });

  it("either throws, or writes one line that reads back as the same name and value", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'ab=; ,"\\\r\n\u0000\u00e9_-'.split("")) }),
    );
    fc.assert(
      fc.property(text, text, text, (name, value, path) => {
        let line: string;
        try {
          line = serializeCookie(name, value, { path: `/${path}` });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        const [pair = "", ...attributes] = line.split("; ");
        expect(attributes).toEqual([`Path=/${path}`, "Secure", "HttpOnly", "SameSite=Lax"]);
        expect([...parseCookieHeader(pair)]).toEqual([[name, value]]);
      }),
    );
  });
});

interface SetCase {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly value?: string;
  readonly max_age?: number | { readonly timedelta_s: number };
  readonly expires?: string | { readonly datetime: string };
  readonly path?: string;
  readonly domain?: string;
  readonly secure?: boolean;
  readonly samesite?: string;
  readonly output?: string;
  readonly raises?: string;
}

/** Why we refuse on purpose what the recorded serialiser writes. */
function refusalOf({ value = "", max_age: age, domain = "", secure, samesite }: SetCase): string | undefined {
  if (typeof age === "number" && (!Number.isInteger(age) || age < 0))
    return "a fraction or less than nothing is a mistake in the caller";
  if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/u.test(value)) return "escapes are what readers disagree about";
  if (samesite === "") return "an empty SameSite means whatever the browser thinks";
  if (samesite?.toLowerCase() === "none" && secure !== true) return "browsers drop SameSite=None without Secure";
  return /[;\s]/u.test(domain) ? "a domain that smuggles an attribute" : undefined;
}

function oursFor(testCase: SetCase): string {
  const { key, value = "", max_age: age, expires, path, domain, secure, samesite } = testCase;
  const spelling: Readonly<Record<string, string>> = { lax: "Lax", strict: "Strict", none: "None" };
  const when = typeof expires === "object" ? expires.datetime.replace(/(T[\d:.]+)$/u, "$1Z") : expires;
  const attributes = {
    secure: secure ?? false,
    httpOnly: false,
    ...(age !== undefined && { maxAgeSeconds: typeof age === "object" ? age.timedelta_s : age }),
    ...(when !== undefined && { expires: new Date(when) }),
    ...(path !== undefined && { path }),
    ...(domain !== undefined && { domain }),
    ...(samesite !== undefined && { sameSite: (spelling[samesite.toLowerCase()] ?? samesite) as never }),
  };
  if (testCase.kind === "set-cookie") return serializeCookie(key, value, attributes);
  const { maxAgeSeconds: _age, expires: _expires, ...rest } = attributes;
  return serializeCookieDeletion(key, { ...rest, secure: true });
}

/** What both spellings must agree on: pair, Domain, Path, SameSite, Secure and, where the recording has it, Max-Age. */
function meaning(line: string): Readonly<Record<string, string>> {
  const [pair = "", ...attributes] = line.split("; ");
  const [name = "", ...value] = pair.split("=");
  const found = new Map(
    attributes.map((attribute) => {
      const [key = "", ...rest] = attribute.split("=");
      return [key.toLowerCase(), rest.join("=").toLowerCase()] as const;
    }),
  );
  for (const added of ["expires", "secure"]) found.delete(added);
  if (!found.has("samesite")) found.set("samesite", "lax");
  return { ...Object.fromEntries(found), [`cookie ${name}`]: value.join("=").replace(/^""$/u, "") };
}

const cases = (loadVectors<SetCase>("headers")?.cases ?? []).filter(({ kind }) =>
  /^(?:set|delete)-cookie$/u.test(kind),
);

describe.skipIf(cases.length === 0)("the recorded Set-Cookie lines", () => {
  it.each(cases)("$id: $key", (testCase) => {
    const { output } = testCase;
    if (output === undefined || (testCase.kind === "set-cookie" && refusalOf(testCase) !== undefined)) {
      if (testCase.max_age !== undefined && testCase.expires !== undefined) {
        // Both lifetimes at once: RFC 6265bis lets Max-Age win, and a deletion is written that way.
        expect(oursFor(testCase)).toContain("Max-Age=3600; Expires=Sat, 01 Jan 2000 00:00:00 GMT");
        return;
      }
      expect(() => oursFor(testCase)).toThrow(TypeError);
      return;
    }
    const expected = meaning(output);
    expect(meaning(oursFor(testCase))).toMatchObject(withoutDerivedAge(testCase, expected));
  });
});

/** The recorded serialiser derives Max-Age from a date; we write what was said. */
function withoutDerivedAge({ kind, max_age: age }: SetCase, attributes: Readonly<Record<string, string>>): object {
  const { "max-age": maxAge, ...rest } = attributes;
  return age === undefined && kind === "set-cookie"
    ? rest
    : { ...rest, ...(maxAge !== undefined && { "max-age": maxAge }) };
}
