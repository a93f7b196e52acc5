import { randomBytes } from "node:crypto";
import { format, inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hideRevealed } from "./revealed.ts";
import { Secret } from "./secret.ts";

const PASSWORD = 'hunter2 "quoted" & Pässword/+=';

const WAYS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in base64": (text) => Buffer.from(text).toString("base64"),
  "in base64url": (text) => Buffer.from(text).toString("base64url"),
  "in hexadecimal": (text) => Buffer.from(text).toString("hex"),
  "in upper-case hexadecimal": (text) => Buffer.from(text).toString("hex").toUpperCase(),
  "URL-encoded": (text) => encodeURIComponent(text),
  "URL-encoded in lower case": (text) => encodeURIComponent(text).replaceAll(/%../gu, (byte) => byte.toLowerCase()),
  "as a form field": (text) => new URLSearchParams({ a: text }).toString(),
  "in JSON": (text) => JSON.stringify({ a: text }),
  "in JSON inside JSON": (text) => JSON.stringify(JSON.stringify({ a: text })),
  "in basic credentials of any user": (text) => Buffer.from(`me:${text}!`).toString("base64"),
  "after one more byte": (text) => Buffer.from(`me2:${text}`).toString("base64"),
  "after two more bytes": (text) => Buffer.from(`me23:${text}`).toString("base64url"),
  "in an error": (text) => String(new Error(`cannot log in with ${text}`)),
};

describe("a revealed secret", () => {
  it("is forgotten once a thousand others were revealed since, but not what was revealed first or is used", () => {
    const fresh = (): string => randomBytes(16).toString("hex");
    const [first, old, used] = [fresh(), fresh(), new Secret(fresh())];
    new Secret(first).reveal();
    for (let count = 0; count < 300; count += 1) new Secret(fresh()).reveal();
    new Secret(old).reveal();
    for (let count = 0; count < 1200; count += 1) {
      new Secret(fresh()).reveal();
      used.reveal();
    }
    expect(hideRevealed(old)).toBe(old);
    expect(hideRevealed(used.reveal())).toBe("[secret]");
    expect(hideRevealed(first)).toBe("[secret]");
  });

  it.each(Object.entries(WAYS))("is hidden %s", (_, encode) => {
    new Secret(PASSWORD).reveal();
    const line = `before ${encode(PASSWORD)} after`;
    const clean = hideRevealed(line);
    expect(clean).toContain("[secret]");
    expect(clean.startsWith("before ") && clean.endsWith(" after")).toBe(true);
    expect(clean.length).toBeLessThan(line.length - encode(PASSWORD).length + 70);
    expect(clean).not.toMatch(/hunter2|aHVudGVyMi|68756E|quoted/iu);
  });

  it("is hidden line by line when it has many, as in the output of a logger that indents", () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${randomBytes(48).toString("base64")}\n${randomBytes(30).toString("base64")}\n-----END PRIVATE KEY-----\n`;
    new Secret(pem).reveal();
    const clean = hideRevealed(inspect({ deep: { pem } }) + format("%o", pem.split("\n")));
    expect(clean).toContain("[secret]");
    for (const line of pem.split("\n").slice(1, 3)) expect(clean).not.toContain(line);
  });

  it("is hidden when it is bytes", () => {
    const bytes = randomBytes(32);
    new Secret(bytes).reveal();
    for (const encoding of ["hex", "base64", "base64url"] as const)
      expect(hideRevealed(`key ${bytes.toString(encoding)}`)).toBe("key [secret]");
  });

  it("is not looked for until it was revealed, nor when it is shorter than eight characters", () => {
    const [unseen, short] = [randomBytes(12).toString("hex"), "abc1234"];
    expect(new Secret(unseen).toString()).toBe("[secret]");
    new Secret(short).reveal();
    expect(hideRevealed(`${unseen} ${short}`)).toBe(`${unseen} ${short}`);
  });

  it("is hidden to its end where another one has its beginning", () => {
    for (const text of ["tr0ub4dor-and-3", "and-3-is-company", "company-of-wolves"]) new Secret(text).reveal();
    expect(hideRevealed("x tr0ub4dor-and-3-is-company-of-wolves y tr0ub4dor-and-3tr0ub4dor-and-3 z")).toBe(
      "x [secret] y [secret][secret] z",
    );
  });

  it("hides nothing that only begins as it does", () => {
    new Secret("hunter2-hunter2").reveal();
    expect(hideRevealed("a hunter2-hare and hunter2-hunter2")).toBe("a hunter2-hare and [secret]");
  });

  it("is hidden in any surroundings, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (text, before, after) => {
        new Secret(text).reveal();
        const clean = hideRevealed(before + text + after);
        expect(clean.replaceAll("[secret]", "\0")).not.toContain(text);
      }),
      { numRuns: 300 },
    );
  });
});
