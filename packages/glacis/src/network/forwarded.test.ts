import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseForwarded } from "./forwarded.ts";

const element = (node?: string, proto?: string, host?: string) => ({ for: node, proto, host });

describe("parseForwarded", () => {
  it.each([
    ["for=192.0.2.60", [element("192.0.2.60")]],
    ["For=192.0.2.60;Proto=http;by=203.0.113.43", [element("192.0.2.60", "http")]],
    ['for="[2001:db8:cafe::17]:4711"', [element("[2001:db8:cafe::17]:4711")]],
    ["for=192.0.2.43, for=198.51.100.17", [element("192.0.2.43"), element("198.51.100.17")]],
    ['for=_gazonk;host="app.example.com:8443"', [element("_gazonk", undefined, "app.example.com:8443")]],
    ["for=unknown;proto=https", [element("unknown", "https")]],
    ['for="a\\"b\\\\c"', [element('a"b\\c')]],
    ['for="a,b;c=d"', [element("a,b;c=d")]],
    ["for=a ; proto=https ,\tfor=b", [element("a", "https"), element("b")]],
    ["for=a,,for=b,", [element("a"), element("b")]],
    ["for=a;;proto=https", [element("a", "https")]],
    ["proto=https", [element(undefined, "https")]],
    ['for="b\u00fcro"', [element("b\u00fcro")]],
    ['for="b\\\u00fcro"', [element("b\u00fcro")]],
    ["secret=x;for=a", [element("a")]],
  ])("reads %s", (line, elements) => expect(parseForwarded(line)).toEqual(elements));

  it.each([
    "",
    " , ",
    "192.0.2.60",
    "for",
    "for=",
    "=a",
    "for =a",
    "for= a",
    "for=[2001:db8::1]",
    "for=192.0.2.60:80",
    'for="a',
    'for="a"b',
    'for=a"b"',
    'for="a\\',
    "for=a for=b",
    "for=a;for=b",
    "for=a;FOR=b",
    "for=a\0",
    'for="a\nb"',
    'for="a\u0100"',
    'for="a\\\u0100"',
    'for="a\\\0"',
    "for=a\u00a0;proto=https",
    "for=a\v;proto=https",
  ])("does not accept %j", (line) => expect(parseForwarded(line)).toBeUndefined());

  it("reads back whatever a correct writer wrote", () => {
    const token = fc.stringMatching(/^[\w.-]{1,12}$/u);
    const quotable = fc.stringMatching(/^[\t !-~]{0,16}$/u);
    const written = fc.record({ for: quotable, proto: token, host: quotable });
    const quote = (text: string): string => `"${text.replaceAll(/["\\]/gu, "\\$&")}"`;
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 5 }), (elements) => {
        const line = elements
          .map((entry) => `for=${quote(entry.for)};proto=${entry.proto};host=${quote(entry.host)}`)
          .join(", ");
        expect(parseForwarded(line)).toEqual(elements);
      }),
    );
  });

  it("never throws, and takes time in proportion to the length", () => {
    const near = fc.stringMatching(/^(?:for=|proto|[";,= \\a-z0-9]){0,30}$/u);
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (line) => {
        const elements = parseForwarded(line);
        expect(elements === undefined || elements.length > 0).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    const started = performance.now();
    for (const piece of ['for="', "for=a;", 'for="\\', ",", ";", " "]) parseForwarded(piece.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
