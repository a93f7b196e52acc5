import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "../core/secret.ts";
import { redactText } from "./redact.ts";

describe("redactText", () => {
  it.each([
    ["a password in a URL", "connect postgres://app:hunter2@db:5432/x failed", "hunter2"],
    ["an e-mail address", "no such user anna.smith@example.co.uk", "anna.smith"],
    ["a bearer token", "header Authorization: Bearer abcdefgh.ijkl", "abcdefgh"],
    ["a session token", `unknown ${"aB3".repeat(15)}`, "aB3aB3"],
    ["a card number", "charge 4111111111111111 failed", "4111"],
    ["a card number in groups", "charge 5500 0000 0000 0004 failed", "5500"],
    ["a card number with hyphens", "charge 3782-822463-10005 failed", "3782"],
    ["a query value", "GET /reset?token=shorty&next=/home", "shorty"],
  ])("takes out %s", (_, text, secret) => {
    expect(redactText(text)).not.toContain(secret);
  });

  it.each([
    "order 4111111111111112 shipped",
    "at 1764158400000 ms",
    "row 4444444444444444",
    "sum 4111111111111111.50",
    "12345",
  ])("leaves other numbers: %s", (text) => {
    expect(redactText(text)).toBe(text);
  });

  it("takes out a secret that was revealed, in whatever encoding", () => {
    const secret = new Secret("tr0ub4dor and 3");
    const text = `login failed: ${encodeURIComponent(secret.reveal())} ${Buffer.from(secret.reveal()).toString("hex")}`;
    expect(redactText(text)).toBe("login failed: [secret] [secret]");
  });

  it("finds a revealed secret wherever it stands among others", () => {
    const secrets = Array.from({ length: 40 }, (_, index) => new Secret(`s3cret-${index}-${"xyz".repeat(index % 5)}`));
    for (const one of secrets) one.reveal();
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.nat(39), fc.string({ maxLength: 40 }), (before, index, after) => {
        const value = (secrets[index] as Secret<string>).reveal();
        expect(redactText(`${before}${value}${after}`)).not.toContain(value);
      }),
    );
  });

  it("finds a long token at every place in a text", () => {
    for (let before = 0; before < 70; before += 1) {
      const text = `${"a ".repeat(before)}${"aB3".repeat(11)} b`;
      expect(redactText(text)).toBe(`${"a ".repeat(before)}[token] b`);
    }
  });

  it("leaves an ordinary stack readable", () => {
    const stack = "TypeError: x is not a function\n    at handler (file:///srv/app/routes.ts:10:5)";
    expect(redactText(stack)).toBe(stack);
  });

  it("takes time in proportion to the text, whatever the text", () => {
    for (const unit of ["a", "a@", "1a-", "?a=", "//a:", "Bearer ", "4 ", "4-1"]) {
      const started = performance.now();
      redactText(unit.repeat(20_000));
      expect(performance.now() - started).toBeLessThan(2_000);
    }
  });

  it("finds an address in any surroundings", () => {
    const noise = fc.string({ maxLength: 40 }).map((text) => text.replaceAll("@", ""));
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        expect(redactText(`${before} ann.lee@mail.example.com ${after}`)).not.toContain("ann.lee@mail");
      }),
    );
  });
});
