import fc from "fast-check";
import { expect, it } from "vitest";
import { holdsInexactInteger } from "./json-text.ts";

it.each([
  "9007199254740993",
  "-9007199254740993",
  '{"a":[{"b":9007199254740993}]}',
  '{"9007199254740992":9007199254740993}',
  '["\\"",9007199254740993]',
  '["\\\\",9007199254740993,"\\\\"]',
  "[1.5e3,18446744073709551615]",
  "1".repeat(400),
])("sees that a number is another one once it is read: %s", (text) => {
  expect(holdsInexactInteger(text)).toBe(true);
});

it.each([
  "9007199254740991",
  "9007199254740992",
  "-9007199254740994",
  "-18250423613608790",
  "100000000000000000000",
  "1000000000000000000000",
  "12345678901234567e-3",
  "1234567890123456.75",
  "0.12345678901234567890",
  "1e400",
  '"9007199254740993"',
  '{"9007199254740993":1}',
  '["\\"9007199254740993",9007199254740993.0]',
  '["9007199254740993 \\\\\\" 9007199254740993"]',
])("lets be what is the same number, no integer, or none: %s", (text) => {
  expect(holdsInexactInteger(text)).toBe(false);
});

it("says of whatever this language writes that it holds it", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.double({ min: 2 ** 53, max: 2 ** 75, noNaN: true })), (value) => {
      expect(holdsInexactInteger(JSON.stringify(value))).toBe(false);
    }),
  );
});
