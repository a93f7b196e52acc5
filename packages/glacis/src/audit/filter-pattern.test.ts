import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FilterPatternError } from "./filter-pattern-error.ts";
import { compileRegex } from "./filter-pattern-regex.ts";
import { filterPattern, logLine, logValue } from "./filter-pattern.ts";

const matches = (pattern: string, message: string): boolean => filterPattern(pattern).matches(logLine(message));

describe("filterPattern", () => {
  it("finds the guide's failed sign-ins as written", () => {
    const guide = filterPattern('{ $.event_type = "authentication" && $.status = "failed" }');
    expect(guide.matches(logValue({ event_type: "authentication", status: "failed" }))).toBe(true);
    expect(guide.matches(logValue({ event_type: "authentication" }))).toBe(false);
  });

  it("reads properties by every notation", () => {
    const message = JSON.stringify({ a: { "b.c": [{ d: "x" }, { d: "y" }] }, "e-f": 1 });
    expect(matches("{ $.a.['b.c'][1].d = \"y\" }", message)).toBe(true);
    expect(matches("{ $['a']['b.c'][*].d = \"x\" }", message)).toBe(true);
    expect(matches("{ $.e-f = 1 }", message)).toBe(true);
    expect(matches("{ $.a = * }", message)).toBe(false);
  });

  it("sees nothing on a prototype", () => {
    expect(matches("{ $.constructor NOT EXISTS && $.toString NOT EXISTS && $.__proto__ NOT EXISTS }", "{}")).toBe(true);
    expect(matches("{ $.list.length NOT EXISTS }", '{"list":[]}')).toBe(true);
  });

  it("compares numbers as numbers, and texts as texts", () => {
    expect(matches("{ $.n = 1e3 }", '{"n":1000}')).toBe(true);
    expect(matches("{ $.n = -0.5 }", '{"n":-0.5}')).toBe(true);
    expect(matches("{ $.n = 404 }", '{"n":"404"}')).toBe(true);
    expect(matches('{ $.n = "4*" }', '{"n":404}')).toBe(true);
    expect(matches("{ $.n > 3 }", '{"n":"404"}')).toBe(false);
    expect(matches("[code >= 400, rest]", "404 x")).toBe(true);
  });

  it.each([
    ["{ $.a IS TRUE && $.b IS NULL && $.c NOT EXISTS }", '{"a":true,"b":null}', true],
    ["{ $.a IS FALSE }", "{}", false],
    ["{ $.a IS NULL }", "{}", false],
    ["{ $.a NOT EXISTS }", '{"a":null}', false],
    ["{ $.n < 10e-3 }", '{"n":0.005}', true],
    ["{ $.n > +1000 }", '{"n":1001}', true],
    ["{ $.n = .5 || $.n = -1 }", '{"n":-1}', true],
    ["{ $.n = 4* }", '{"n":404}', true],
    ["{ $.ip = 10.0.* }", '{"ip":"10.0.3.4"}', true],
    ["{ $.ip != 10.0.* }", '{"ip":"10.0.3.4"}', false],
    ["{ $.ip = 2001:db8:* }", '{"ip":"2001:db8::1"}', true],
    ["{ $.a[*].b = 1 }", '{"a":[{"b":0},{"b":1}]}', true],
    ["{ $.a[0][1] = 2 }", '{"a":[[1,2]]}', true],
    ["{ $.*.b = 1 }", '{"x":{"b":1}}', true],
    ["{ $.['a b'] = 1 && $['c.d'].e = 2 }", '{"a b":1,"c.d":{"e":2}}', true],
    ["{ $.a = %^x% && $.b = %y$% }", '{"a":"xa","b":"by"}', true],
    ['{ $.a = "q\\"uote" }', '{"a":"q\\"uote"}', true],
    ['{ $.a = "back\\\\slash" }', '{"a":"back\\\\slash"}', true],
    ["{ $.a = * }", "{}", false],
    ["{ $.a != * }", '{"a":1}', false],
    ["{ $.a = true }", '{"a":true}', false],
    ["{$.a=1&&$.b=2}", '{"a":1,"b":2}', true],
    ["?a ?b", "xbx", true],
    ["?a ?b -c", "abc", false],
    ["?a ?b -c", "zzz", true],
    ["-c", "ab", true],
    ['-"a b"', "a b", false],
    ["Error", "error", false],
    ['"a\\"b"', 'xa"by', true],
    ["[w1, w2]", "a", false],
    ["[w1, w2, ...]", "a b", true],
    ["[a, ..., z=9]", "9", false],
    ["[a, ..., z=9]", "1 2 3 9", true],
    ["[..., w]", "a", true],
    ["[a=*2*, b]", "121 x", true],
    ['[a="x y", b]', '"x y" z', true],
    ["[a=-1, b<1e3]", "-1 999", true],
    ["[a>=4 && a<5, b]", "4.5 z", true],
    ["[a=1 || a=2, b]", "2 z", true],
    ["[a!=1*, b]", "1x z", false],
    ["[ip, status = 4* && bytes > 1000]", "::1 404 1534", true],
    ["[ip, status = 4* && bytes > 1000]", "::1 404 99", false],
    ["[ip, status = 4* && bytes > 1000]", "::1 200 1534", false],
    ["[ip, status = 4* && bytes > 1000]", "::1 404", false],
    ["[..., status=4* && status!=404, bytes]", "::1 - 403 1534", true],
    ["[..., status=4* && status!=404, bytes]", "::1 - 404 1534", false],
    ["[..., status = 5* || bytes > 1000]", "::1 - 404 1534", true],
    ["[..., status = 5* || bytes > 1000]", "::1 - 500 7", true],
    ["[..., status = 5* || bytes > 1000]", "::1 - 404 7", false],
    ["[ip, ..., status = 404 && ip = 10.*, bytes]", "10.0.0.1 - 404 7", true],
    ["[ip, ..., status = 404 && ip = 10.*, bytes]", "11.0.0.1 - 404 7", false],
    ["[status = 404 && bytes > 5, bytes]", "404 7", true],
    ["[a=1 && b=2 || a=3 && c=4]", "3 0 4", true],
    ["[a=1 && b=2 || a=3 && c=4]", "1 0 4", false],
    ["[2=x*, , ...]", "xy z", true],
    ['"ERROR" - "Exiting"', "Exiting with ERRORCODE: -1", false],
    ['"ERROR" - "Exiting"', "[ERROR] fatal", true],
    ["[a=16, b]", "0x10 x", false],
    ["[a>1, b]", "0x10 x", false],
    ["[a=0, b]", '"" x', false],
    ["[a>=0, b]", '" " x', false],
    ["{ $.n >= 60 }", '{"n":60}', true],
    ["{ $.n > 60 }", '{"n":60}', false],
    ["%a\\sb%", "a\rb", true],
    ["%a\\sb%", "a\u00a0b", false],
    [`{ ${"($.n=1)||".repeat(105)}$.m=2 }`, '{"m":2}', true],
    ["{ $.a[*]=1 && $.b[*]=1 && $.c[*]=1 }", '{"a":[1],"b":[1],"c":[1]}', true],
    ["{ $.a = x && ($.b = y || $.c NOT EXISTS) }", '{"a":"x","b":"z"}', true],
    ["{ $.a[*] != 2 }", '{"a":[2,3]}', true],
    ["[w1!=ERROR && w1!=WARN, w2]", "WARN x", false],
    ['[timestamp=*Z, id="*-*", event]', "2020Z a-b ev ent", true],
    ["%^a{,2}b%", "aab", true],
    ["%^a{,2}b%", "b", true],
    ["%^a{,2}b%", "aaab", false],
    ["%}$%", '{"Message": Success}', true],
    ["%}$%", "Error: {'Hello'} is no object", false],
    ["%a{1,}%", "aa", true],
    ["%a/b%", "a/b", true],
    ["%a b%", "a b", true],
  ])("says of %s and %s: %s", (pattern, message, expected) => {
    expect(matches(pattern, message)).toBe(expected);
  });

  it("says that optional terms beside others are ignored", () => {
    expect(filterPattern("?a ?b -c").remarks).toEqual([expect.stringMatching(/ignored/u)]);
    expect(filterPattern("?a ?b").remarks).toEqual([]);
  });

  it.each([
    "{ }",
    "{ $.a is null }",
    "{ $.a[*].b[*] = 1 }",
    "{ $.a[*]=1 && $.b[*]=1 && $.c[*]=1 && $.d[*]=1 }",
    "{ $.a[] = 1 }",
    "{ $.a..b = 1 }",
    "{ $.a = %x% || $.b = %y% || $.c = %z% }",
    "{ $.a > %x% }",
    "{ $.a = with space }",
    "{ $.a = a@b.c }",
    "{ a = 1 }",
    "{ $.a = 1 } || { $.b = 2 }",
    "{ $.a = 1 AND $.b = 2 }",
    "{ !($.a = 1) }",
    "{ $.a < 1..2 }",
    "[a=%^x%, b=%y$%, c=%z%]",
    "[a b]",
    "[a,b",
    "[a IS NULL]",
    "[a = 'x', b]",
    "%a%b%",
    "%\\bfoo%",
    "%(a)%",
    "%é%",
    "%[%",
    "%]%",
    "%a|%",
    "error!",
    "a,b",
    "{ $ = 1 }",
    "{ $.a }",
    "{ $.a > x }",
    "{ $.a = 1 } x",
    "[a = 1 && b]",
    "[a = 1 && = 2]",
    "[a = 1 && && a = 2]",
    "[a = 1 AND a = 2]",
    "[a = !x, b]",
    "[a = 1 && b = 2, a]",
    "[...=1]",
    "[..., ...]",
    "a@b",
    "%a% b",
    "{ $.a[-1] = 1 }",
    "%a{2,1}%",
    "%a{}%",
    "%a{,}%",
    "%a{,0}%",
    "%[z-a]%",
    "%a**%",
    "%*a%",
    "%a||b%",
  ])("refuses %s and says where", (pattern) => {
    expect(() => filterPattern(pattern)).toThrow(/at character \d+ of the filter pattern/u);
  });

  it("names a field that only a condition names, so that a metric can take its value", () => {
    const pattern = filterPattern("[ip, ..., status = 4* && bytes > 1000]");
    expect(pattern.fields).toEqual(["ip", "status", "bytes"]);
    expect(Object.fromEntries(pattern.extract(logLine("::1 - 404 1534")) ?? [])).toEqual({
      $ip: "::1",
      $2: "-",
      $status: "404",
      $bytes: "1534",
    });
  });

  it.each(["[ ", '"\\" ', '"a '])("divides a line full of %j in a time that grows with its length alone", (part) => {
    const { matches: isLong } = filterPattern("[first = nothing, ...]");
    for (const end of ["", "]x"]) expect(isLong(logLine(part.repeat(100_000) + end))).toBe(false);
  });

  it("never throws anything but its own error, whatever it is given", () => {
    const alphabet = fc.constantFrom(
      ..."{}[]()$.*=!<>&|%\"'\\^?+-,ab1 ".split(""),
      "IS ",
      "NOT EXISTS",
      "$.a",
      " = ",
      "...",
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), fc.string(), fc.json(), (parts, text, json) => {
        try {
          const pattern = filterPattern(parts.join(""));
          expect(pattern.matches(logLine(text))).toBeTypeOf("boolean");
          expect(pattern.matches(logLine(json))).toBeTypeOf("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(FilterPatternError);
        }
      }),
    );
  });

  it("refuses deep nesting instead of overflowing the stack", () => {
    expect(() => filterPattern(`{ ${"(".repeat(500)}$.a = 1${")".repeat(500)} }`)).toThrow(/nested too deeply/u);
  });
});

describe("regular expressions", () => {
  it("agree with the runtime's own engine where both have the same dialect", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "\\x61");
    const quantity = fc.constantFrom("", "", "?", "*", "+", "{2}", "{1,2}", "{1,}");
    const sequence = fc
      .tuple(
        fc.constantFrom("", "^"),
        fc.array(fc.tuple(atom, quantity), { minLength: 1, maxLength: 4 }),
        fc.constantFrom("", "$"),
      )
      .map(([start, atoms, end]) => `${start}${atoms.flat().join("")}${end}`);
    const pattern = fc.array(sequence, { minLength: 1, maxLength: 3 }).map((sequences) => sequences.join("|"));
    const text = fc
      .array(fc.constantFrom("a", "b", "1", " ", "_"), { maxLength: 8 })
      .map((letters) => letters.join(""));
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        expect(compileRegex(source)(subject)).toBe(new RegExp(source, "s").test(subject));
      }),
      { numRuns: 2000 },
    );
  });

  it("take as many steps as the text is long, where others would never end", () => {
    expect(compileRegex("a*a*a*a*a*a*a*a*b")("a".repeat(50_000))).toBe(false);
  });

  it("refuse repetitions that multiply to too much", () => {
    expect(() => compileRegex("a{1000}b{1000}c{1000}d{1000}e{1000}")).toThrow(/multiply/u);
  });
});
