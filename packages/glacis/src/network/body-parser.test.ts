import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyParser, parsesBody, type Parsed } from "./body-parser.ts";

const LIMITS = { jsonDepth: 32, jsonKeys: 10_000, parameterCount: 1000 };
const parse = bodyParser(LIMITS);
const json = (text: string): Parsed => parse("application/json", text);
const form = (text: string): Parsed => parse("application/x-www-form-urlencoded", text);

/** The refusal's reason and detail, or "accepted". */
function outcome(parsed: Parsed): string {
  if (!("refusal" in parsed)) return "accepted";
  const { refusal } = parsed;
  return refusal.kind === "deny" ? `${refusal.reason} ${refusal.events[0]?.detail}` : refusal.kind;
}

function valueOf(parsed: Parsed): unknown {
  if ("refusal" in parsed) throw new Error(outcome(parsed));
  return parsed.value;
}

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const nestedObjects = (levels: number): string => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);
const wide = (keys: number): string => `{${Array.from({ length: keys }, (_, index) => `"k${index}":0`).join(",")}}`;

describe("which media types are parsed", () => {
  it.each([
    ["application/json", true],
    ["application/problem+json", true],
    ["application/vnd.api+json", true],
    ["application/x-www-form-urlencoded", true],
    ["text/plain", false],
    ["text/html", false],
    ["multipart/form-data", false],
    ["application/jsonp", false],
    ["text/json", false],
    ["application/xjson", false],
    ["application/octet-stream", false],
    ["", false],
  ])("%s: %s", (mediaType, parsed) => {
    expect(parsesBody(mediaType)).toBe(parsed);
  });

  it("never reads text/plain as JSON, the type that a cross-site form can send without asking", () => {
    expect(outcome(parse("text/plain", '{"a":1}'))).toBe("media_type_unsupported media_type");
  });
});

it("names the field of a document that it refuses, and nothing of its value", () => {
  const named = (text: string): unknown => {
    const parsed = json(text);
    if (!("refusal" in parsed) || parsed.refusal.kind !== "deny") return undefined;
    expect(JSON.stringify(parsed.refusal.members ?? {})).not.toContain("secret");
    return (parsed.refusal.members?.["errors"] as readonly { readonly pointer: string }[] | undefined)?.[0]?.pointer;
  };
  expect(named('{"name":"Ada","email":"secret\\ud800"}')).toBe("/email");
  expect(named('{"answer":{"deep":["secret \\udfff"]},"a":1}')).toBe("/answer");
  expect(named('{"half \\ud800":"secret"}')).toBe("/half \ud800");
  expect(named('{"a":1,"age":1e999}')).toBe("/age");
  expect(named('{"a":{"b":1},"b":2, "a/~" :1,"a/~":"secret"}')).toBe("/a~1~0");
  expect(named('{"email":"a\\":","email" \n:"secret"}')).toBe("/email");
  expect(named('{"\\u0061":1,"a":2}')).toBe("/a");
  expect(named(`{"${"x".repeat(500)}":1e999}`)).toBe(`/${"x".repeat(60)}`);
  expect(named('{"a":{"b":1,"b":2}}')).toBeUndefined();
  expect(named('["\\ud800"]')).toBeUndefined();
  expect(named('{"a":')).toBeUndefined();
});

describe("JSON", () => {
  it.each([
    ["an object", '{"a":[1,2,{"b":null}]}', { a: [1, 2, { b: null }] }],
    ["an array", "[true,false]", [true, false]],
    ["white space around", ' \t\r\n{"a":1}\n', { a: 1 }],
    ["brackets, colons and quotes inside strings", '{"a":"[{:\\"\\\\","]":"}"}', { a: '[{:"\\', "]": "}" }],
    ["a whole surrogate pair written as escapes", '{"a":"\\uD83D\\uDE00"}', { a: "😀" }],
    ["the same key in two objects", '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ["an empty key", '{"":1}', { "": 1 }],
    ["a key that only resembles a reserved one", '{"Constructor":1,"__proto":2,"prototypes":3}', undefined],
    ["the largest double", '{"a":1.7976931348623157e308}', { a: Number.MAX_VALUE }],
  ])("accepts %s", (_, text, expected) => {
    expect(valueOf(json(text))).toEqual(expected ?? JSON.parse(text));
  });

  it("takes an empty body as no body, because clients announce JSON and send nothing", () => {
    expect(json("")).toEqual({ value: undefined });
  });

  it.each([
    ["white space alone", " ", "body_malformed json_syntax"],
    ["a byte order mark", '\uFEFF{"a":1}', "body_malformed json_syntax"],
    ["an unfinished document", '{"a":', "body_malformed json_syntax"],
    ["an unfinished string", '{"a":"b', "body_malformed json_syntax"],
    ["two documents", "{}{}", "body_malformed json_syntax"],
    ["a comment", "{/**/}", "body_malformed json_syntax"],
    ["a trailing comma", '{"a":1,}', "body_malformed json_syntax"],
    ["single quotes", "{'a':1}", "body_malformed json_syntax"],
    ["NaN", '{"a":NaN}', "body_malformed json_syntax"],
    ["a line feed in a string", '{"a":"\n"}', "body_malformed json_syntax"],
    ["null at the top", "null", "body_malformed json_scalar"],
    ["a string at the top", '"a"', "body_malformed json_scalar"],
    ["a number at the top", "1", "body_malformed json_scalar"],
    ["true at the top", "true", "body_malformed json_scalar"],
    ["a number that becomes Infinity", '{"a":[1e999]}', "body_malformed number_out_of_range"],
    ["a number that becomes -Infinity", "[-1e400]", "body_malformed number_out_of_range"],
    ["an integer that becomes another one", '{"account":9007199254740993}', "body_malformed number_inexact"],
    ["a lone high surrogate", '{"a":"\\ud800"}', "body_malformed lone_surrogate"],
    ["a lone low surrogate in an array", '["\\uDFFF"]', "body_malformed lone_surrogate"],
    ["surrogates in the wrong order", '["\\udc00\\ud800"]', "body_malformed lone_surrogate"],
    ["a lone surrogate in a key", '{"\\uD800":1}', "body_malformed lone_surrogate"],
    ["a key twice", '{"role":"user","role":"admin"}', "body_malformed duplicate_key"],
    ["a key twice, once escaped", '{"role":"user","r\\u006fle":"admin"}', "body_malformed duplicate_key"],
    ["a key twice deep inside", '{"a":[{"b":1,"c":2,"b":3}]}', "body_malformed duplicate_key"],
  ])("refuses %s", (_, text, expected) => {
    expect(outcome(json(text))).toBe(expected);
  });

  it.each([
    ['{"__proto__":{"admin":true}}'],
    ['{"\\u005f\\u005fproto__":{"admin":true}}'],
    ['{"__pro\\u0074o__":1}'],
    ['{"a":{"constructor":{"prototype":{"admin":true}}}}'],
    ['{"a":[[[{"prototype":0}]]]}'],
    ['[{"constructor":"Ada Builders"}]'],
    ['{"__proto__":1,"__proto__":2}'],
  ])("refuses the reserved key in %s", (text) => {
    expect(outcome(json(text))).toBe("key_forbidden prototype_pollution");
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  it("keeps a reserved word that is a value", () => {
    expect(valueOf(json('{"a":"__proto__","b":["constructor"]}'))).toEqual({ a: "__proto__", b: ["constructor"] });
  });

  it("allows exactly the depth and the keys of the limit, and not one more", () => {
    expect(outcome(json(nested(32)))).toBe("accepted");
    expect(outcome(json(nested(33)))).toBe("body_too_deep json_depth");
    expect(outcome(json(nestedObjects(32)))).toBe("accepted");
    expect(outcome(json(nestedObjects(33)))).toBe("body_too_deep json_depth");
    expect(outcome(json(wide(10_000)))).toBe("accepted");
    expect(outcome(json(wide(10_001)))).toBe("body_too_complex json_keys");
  });

  it("counts depth by what is open, not by how many brackets there are", () => {
    expect(outcome(json(`[${"[],".repeat(5000)}{}]`))).toBe("accepted");
  });

  it("refuses 200 levels, and 50 000 of them in less than the time of parsing them", () => {
    expect(outcome(json(nested(200)))).toBe("body_too_deep json_depth");
    const bomb = nested(50_000);
    const start = performance.now();
    for (let round = 0; round < 100; round += 1) expect(outcome(json(bomb))).toBe("body_too_deep json_depth");
    const ours = (performance.now() - start) / 100;
    const before = performance.now();
    JSON.parse(bomb);
    expect(ours).toBeLessThan(performance.now() - before);
  });

  it("agrees with JSON.parse on every document that has one reading and no reserved key", () => {
    const key = fc.string({ unit: "grapheme" }).filter((text) => !/^(?:__proto__|constructor|prototype)$/u.test(text));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, tie("scalar"), tie("list"), tie("object")),
      scalar: fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
      ),
      list: fc.array(tie("value"), { maxLength: 5 }),
      object: fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
    }));
    const indent = fc.constantFrom(undefined, 2, "\t");
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), indent, (document, space) => {
        const text = JSON.stringify(document, undefined, space);
        expect(bodyParser({ ...LIMITS, jsonDepth: 1000 })("application/json", text)).toEqual({
          value: JSON.parse(text),
        });
      }),
    );
  });

  it("refuses a reserved key wherever it is put, however it is spelt", () => {
    const spelt = fc
      .tuple(
        fc.constantFrom("__proto__", "constructor", "prototype"),
        fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }),
      )
      .map(([word, escaped]) =>
        word
          .split("")
          .map((char, at) => (escaped[at] === true ? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}` : char))
          .join(""),
      );
    const path = fc.array(fc.constantFrom("list", "object"), { maxLength: 20 });
    fc.assert(
      fc.property(spelt, path, (key, steps) => {
        const text = steps.reduce(
          (inner, step) => (step === "list" ? `[0,${inner}]` : `{"x":${inner}}`),
          `{"${key}":1}`,
        );
        expect(outcome(json(text))).toBe("key_forbidden prototype_pollution");
      }),
    );
  });

  it("never throws, whatever the text, and accepts only what JSON.parse accepts", () => {
    const soup = fc.string({
      unit: fc.constantFrom('"', "\\", "{", "}", "[", "]", ":", ",", "a", "1", "e", "-", " ", "u", "\ud800"),
    });
    fc.assert(
      fc.property(fc.oneof(soup, fc.string({ unit: "binary" }), fc.json()), (text) => {
        const parsed = json(text);
        if (!("refusal" in parsed) && text !== "") expect(parsed.value).toEqual(JSON.parse(text));
      }),
    );
  });
});

it("reports a reserved key as an attack, and what is only malformed as a mistake", () => {
  const reported = (text: string): unknown => {
    const parsed = json(text);
    return "refusal" in parsed && parsed.refusal.kind === "deny" ? parsed.refusal.events[0] : undefined;
  };
  expect(reported('{"__proto__":1}')).toMatchObject({ control: "prototype-pollution", severity: "warning" });
  expect(reported('{"a":')).toMatchObject({ control: "request-limits", severity: "info" });
});

describe("urlencoded forms", () => {
  it.each([
    ["one field", "a=1", { a: "1" }],
    ["an empty form", "", {}],
    ["escapes and plus signs", "full+name=Ada%20L%C3%B6velace%2B", { "full name": "Ada Lövelace+" }],
    ["each of several plus signs", "a+b+c=d+e+f", { "a b c": "d e f" }],
    ["a field without a value", "a&b=", { a: "", b: "" }],
    ["an equals sign in the value", "a=b=c", { a: "b=c" }],
    ["empty pairs", "&&a=1&", { a: "1" }],
    ["a repeated field, in order", "tag=x&a=1&tag=y&tag=x", { tag: ["x", "y", "x"], a: "1" }],
    ["brackets as plain text", "a[b]=1&a[]=2", { "a[b]": "1", "a[]": "2" }],
    ["names of inherited methods", "toString=1&hasOwnProperty=2", { toString: "1", hasOwnProperty: "2" }],
  ])("reads %s", (_, text, expected) => {
    expect({ ...(valueOf(form(text)) as object) }).toEqual(expected);
  });

  it("hands over a record without a prototype, so that nothing is inherited", () => {
    const value = valueOf(form("a=1")) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(value["toString"]).toBeUndefined();
  });

  it.each([
    ["a stray percent sign", "a=100%", "body_malformed form_encoding"],
    ["half an escape", "a=%4", "body_malformed form_encoding"],
    ["an escape that is not hexadecimal", "a=%zz", "body_malformed form_encoding"],
    ["a malformed name", "%=1", "body_malformed form_encoding"],
    ["invalid UTF-8", "a=%ff", "body_malformed form_encoding"],
    ["overlong UTF-8 for a slash", "a=%c0%af", "body_malformed form_encoding"],
    ["a surrogate as UTF-8", "a=%ed%a0%80", "body_malformed form_encoding"],
    ["__proto__", "__proto__=1", "key_forbidden prototype_pollution"],
    ["__proto__ with escapes", "%5f%5fproto%5F%5F=1", "key_forbidden prototype_pollution"],
    ["a reserved key in brackets", "a[__proto__][admin]=1", "key_forbidden prototype_pollution"],
    ["a reserved key in brackets at the start", "constructor[prototype][admin]=1", "key_forbidden prototype_pollution"],
    ["a reserved key behind a dot", "a.constructor.b=1", "key_forbidden prototype_pollution"],
    [
      "more fields than allowed",
      Array.from({ length: 10_000 }, (_, index) => `a${index}=1`).join("&"),
      "parameters_too_many form_fields",
    ],
    ["more separators than allowed", "&".repeat(1_000_000), "parameters_too_many form_fields"],
  ])("refuses %s", (_, text, expected) => {
    expect(outcome(form(text))).toBe(expected);
  });

  it("allows exactly as many fields as the limit", () => {
    const fields = (count: number): string => Array.from({ length: count }, () => "a=1").join("&");
    expect(outcome(form(fields(1000)))).toBe("accepted");
    expect(outcome(form(fields(1001)))).toBe("parameters_too_many form_fields");
  });

  it("reads back what URLSearchParams wrote", () => {
    const name = fc.string({ unit: "grapheme" }).filter((text) => !/proto|constructor/u.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ unit: "grapheme" })), { maxLength: 20 }), (pairs) => {
        const value = valueOf(form(new URLSearchParams(pairs).toString())) as Record<string, string | string[]>;
        const expected = new Map<string, string[]>();
        for (const [key, text] of pairs) expected.set(key, [...(expected.get(key) ?? []), text]);
        expect(new Map(Object.entries(value).map(([key, texts]) => [key, [texts].flat()]))).toEqual(expected);
      }),
    );
  });

  it("never throws, whatever the text", () => {
    const soup = fc.string({ unit: fc.constantFrom("%", "=", "&", "+", "f", "0", "[", "]", ".", "é", "\udfff") });
    fc.assert(
      fc.property(soup, (text) => {
        expect(["accepted", "body_malformed form_encoding", "parameters_too_many form_fields"]).toContain(
          outcome(form(text)),
        );
      }),
    );
  });
});
