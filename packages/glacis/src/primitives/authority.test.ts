import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authorityText, parseAuthority, parseConfiguredAuthority, withoutDefaultPort } from "./authority.ts";

const label63 = "a".repeat(63);
const name253 = `${label63}.${label63}.${label63}.${"a".repeat(61)}`;

describe("parseAuthority", () => {
  it.each<[string, string, number | undefined]>([
    ["app.example.com", "app.example.com", undefined],
    ["App.EXAMPLE.com", "app.example.com", undefined],
    ["app.example.com.", "app.example.com", undefined],
    ["app.example.com.:8443", "app.example.com", 8443],
    ["app.example.com:0", "app.example.com", 0],
    ["app.example.com:65535", "app.example.com", 65_535],
    ["localhost:3000", "localhost", 3000],
    ["a-b.c--d.example", "a-b.c--d.example", undefined],
    ["3com.example", "3com.example", undefined],
    ["1.2.3.4.example", "1.2.3.4.example", undefined],
    ["xn--bro-hoa.example", "xn--bro-hoa.example", undefined],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["[2001:DB8:0::1]:443", "[2001:db8::1]", 443],
    ["[::1]", "[::1]", undefined],
    ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", undefined],
    [name253, name253, undefined],
    [`${name253}.:65535`, name253, 65_535],
  ])("reads %s", (raw, hostname, port) => {
    expect(parseAuthority(raw)).toEqual({ hostname, port });
    expect(parseAuthority(raw)).toEqual({ hostname, port });
  });

  it.each([
    ["nothing", ""],
    ["a dot", "."],
    ["two dots at the end", "app.example.com.."],
    ["an empty label", "app..example.com"],
    ["a leading dot", ".example.com"],
    ["userinfo", "user@app.example.com"],
    ["userinfo with a port", "evil.com:80@app.example.com"],
    ["a path", "app.example.com/"],
    ["a scheme", "http://app.example.com"],
    ["a query", "app.example.com?x"],
    ["a list", "app.example.com, evil.com"],
    ["a leading space", " app.example.com"],
    ["a trailing space", "app.example.com "],
    ["a tab", "app.example.com\t"],
    ["a line break", "app.example.com\r\nX: y"],
    ["a final line break", "app.example.com\n"],
    ["a NUL", "app.example.com\0"],
    ["an underscore", "app_1.example.com"],
    ["a hyphen first", "-app.example.com"],
    ["a hyphen last", "app-.example.com"],
    ["percent-encoding", "app%2eexample.com"],
    ["raw UTF-8 read as Latin-1", "bÃ¼ro.example"],
    ["a letter outside ASCII", "büro.example"],
    ["a Kelvin sign that folds to k", "\u212Aelvin.com"],
    ["a full-width dot", "app\uFF0Eexample.com"],
    ["an empty port", "app.example.com:"],
    ["a port over 65535", "app.example.com:65536"],
    ["a port of many digits", "app.example.com:00000000080"],
    ["a signed port", "app.example.com:+80"],
    ["a port that is no number", "app.example.com:abc"],
    ["two ports", "app.example.com:80:80"],
    ["a label of 64", `${"a".repeat(64)}.com`],
    ["a name of 254", `a${name253}`],
    ["endless text", "a.".repeat(100_000)],
    ["short IPv4", "127.1"],
    ["decimal IPv4", "2130706433"],
    ["hexadecimal IPv4", "0x7f.0.0.1"],
    ["IPv4 that ends in hexadecimal", "1.2.3.0x4"],
    ["octal IPv4", "0177.0.0.1"],
    ["IPv4 out of range", "1.2.3.400"],
    ["bare IPv6", "::1"],
    ["half a bracket", "::1]"],
    ["an open bracket", "[::1"],
    ["empty brackets", "[]"],
    ["a name in brackets", "[app.example.com]"],
    ["IPv4 in brackets", "[127.0.0.1]"],
    ["a zone", "[fe80::1%25eth0]"],
    ["letters after the bracket", "[::1]x"],
    ["a future literal", "[v1.fe80]"],
    ["a wildcard", "*"],
  ])("does not accept %s", (_, raw) => expect(parseAuthority(raw)).toBeUndefined());

  it("never throws, and what it accepts a URL parser reads as the very same host", () => {
    const near = fc.stringMatching(/^[a-zA-Z0-9.:@[\]_\\/%-]{0,24}$/u);
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" }), fc.domain(), fc.webAuthority()), (raw) => {
        const host = parseAuthority(raw);
        if (host === undefined) return;
        const url = new URL(`http://${authorityText(host)}/`);
        expect(url.hostname).toBe(host.hostname);
        expect(parseAuthority(authorityText(host))).toEqual(host);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("parseConfiguredAuthority", () => {
  it.each([
    ["büro.example", "xn--bro-hoa.example"],
    ["BÜRO.example:8080", "xn--bro-hoa.example:8080"],
    ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
    ["app.example.com", "app.example.com"],
    ["[::1]:80", "[::1]:80"],
  ])("reads %s as %s", (text, canonical) => {
    const host = parseConfiguredAuthority(text);
    expect(host && authorityText(host)).toBe(canonical);
  });

  it.each(["bü ro.example", "büro.example/x", "a@büro.example", "bü_ro.example", "büro.example:x", "ü\\x.example"])(
    "does not accept %s",
    (text) => expect(parseConfiguredAuthority(text)).toBeUndefined(),
  );
});

it("drops a port that the scheme implies, and no other", () => {
  const on = (port: number) => ({ hostname: "a.example", port });
  expect(authorityText(withoutDefaultPort(on(443), "https"))).toBe("a.example");
  expect(authorityText(withoutDefaultPort(on(80), "http"))).toBe("a.example");
  expect(authorityText(withoutDefaultPort(on(80), "https"))).toBe("a.example:80");
});
