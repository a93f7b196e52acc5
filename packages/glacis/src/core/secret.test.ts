import { Console } from "node:console";
import { createHmac } from "node:crypto";
import { Writable } from "node:stream";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";

const VALUE = "correct-horse-battery-staple";

/** Every way in which a value becomes text. */
const PRINTERS: Readonly<Record<string, (secret: Secret<string>) => string>> = {
  String: (secret) => String(secret),
  "a template": (secret) => `${secret}`,
  concatenation: (secret) => "".concat(secret as unknown as string),
  "Array.join": (secret) => [secret].join(),
  JSON: (secret) => JSON.stringify(secret),
  "JSON deep inside": (secret) => JSON.stringify({ a: [{ b: secret }] }),
  "a spread into JSON": (secret) => JSON.stringify({ ...secret }),
  inspect: (secret) => inspect(secret),
  "inspect of everything": (secret) =>
    inspect({ a: new Map([["b", [secret]]]) }, { showHidden: true, depth: null, getters: true }),
  "inspect without its own say": (secret) => inspect(secret, { customInspect: false, showHidden: true }),
  "format %s": (secret) => format("%s", secret),
  "format %j": (secret) => format("%j", secret),
  "format %o": (secret) => format("%o %O", secret, secret),
  "console.log": (secret) => logged((console) => console.log(secret, { secret })),
  "console.table": (secret) => logged((console) => console.table([{ secret }])),
  "console.dir": (secret) => logged((console) => console.dir(secret, { showHidden: true })),
  "an error with a cause": (secret) => inspect(new Error("x", { cause: secret })),
  "a property list": (secret) => `${Reflect.ownKeys(secret).map(String)} ${Object.entries(secret)}`,
  "a structured clone": (secret) => inspect(structuredClone({ secret }), { showHidden: true }),
  "v8.serialize": (secret) => serialize({ secret }).toString("latin1"),
  "a query": (secret) => new URLSearchParams({ a: secret as unknown as string }).toString(),
  "a locale": (secret) => secret.toLocaleString(),
};

function logged(print: (console: Console) => void): string {
  let text = "";
  const stream = new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) });
  print(new Console(stream, stream));
  return text;
}

describe("a secret", () => {
  it("is revealed when asked, and only then", () => {
    expect(new Secret(VALUE).reveal()).toBe(VALUE);
    const bytes = new Uint8Array([1, 2, 3]);
    expect(new Secret(bytes).reveal()).toBe(bytes);
  });

  it.each(Object.keys(PRINTERS))("is not printed by %s", (name) => {
    const printed = PRINTERS[name]!(new Secret(VALUE));
    expect(printed).not.toContain(VALUE);
    expect(printed.length).toBeGreaterThan(0);
  });

  it("reads [secret] wherever it is a text", () => {
    const secret = new Secret(VALUE);
    expect([`${secret}`, String(secret), inspect(secret), format("%s", secret)]).toEqual(Array(4).fill("[secret]"));
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  });

  it("shows nothing of any value by any printer", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 9, unit: "grapheme-ascii" }), (value) => {
        fc.pre(!"[secret] Secret {} URLSearchParams".includes(value));
        for (const print of Object.values(PRINTERS)) expect(print(new Secret(value))).not.toContain(value);
      }),
      { numRuns: 50 },
    );
  });

  it("is no key by accident: what takes bytes throws", () => {
    const secret = new Secret(VALUE) as unknown as string;
    expect(() => Buffer.from(secret)).toThrow(TypeError);
    expect(() => createHmac("sha256", secret)).toThrow(TypeError);
  });

  it.each([undefined, null, ""])("refuses %j, which is an unset variable", (value) => {
    expect(() => new Secret(value)).toThrow(/needs a value/u);
  });

  it("cannot be given another face", () => {
    const secret = new Secret(VALUE);
    expect(() => Object.assign(secret, { toJSON: () => "x" })).toThrow(TypeError);
  });
});
