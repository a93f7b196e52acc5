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
    ["a value of a fragment", "https://x.test/cb#access_token=abcdef1&state=zz", "abcdef1"],
    ["a value under a name with brackets", "/x?a[token]=hunter2", "hunter2"],
    ["a value under an encoded name", "/x?pass%77ord=hunter2", "hunter2"],
    ["a value longer than any", `/x?t=${"a".repeat(5000)}hunter2`, "hunter2"],
    ["a password with an at sign", "postgres://u:p@hunter2@h/db", "hunter2"],
    ["a password with a slash", "postgres://u:pa/hunter2@h/db", "hunter2"],
    ["a password without a user", "redis://:hunter2@h:6379", "hunter2"],
    ["a key in place of a user", "https://k3ysecret@sentry.example/1", "k3ysecret"],
    ["a short JSON Web Token", "eyJhbGciOiJub25lIn0.eyJhIjoxfQ. refused", "eyJhIjoxfQ"],
    ["a bearer token in JSON", '{"authorization":"Bearer abc.def.ghi"}', "abc.def"],
    ["a bearer token in JSON inside JSON", '{\\"authorization\\":\\"Bearer abcdef12\\"}', "abcdef12"],
    ["a header broken over lines", "Authorization:\n Bearer abcdefgh1", "abcdefgh1"],
    ["cookies", "Cookie: theme=dark; sid=hunter2", "hunter2"],
    ["a cookie that is set", "Set-Cookie: __Host-session=hunter2; Path=/", "hunter2"],
    ["cookies in JSON", '{"cookie":"sid=hunter2"}', "hunter2"],
    ["the value of a telling header", "x-api-key: hunter2", "hunter2"],
    ["the value of a telling field", "login failed password=hunter2 user=x", "hunter2"],
    ["a form", "user=x&password=hunter2", "hunter2"],
    ["a field in JSON", '{"password":"hunter2"}', "hunter2"],
    ["a field in JSON inside JSON", '"{\\"client_secret\\":\\"hunter2\\"}"', "hunter2"],
    ["a field as Node prints it", "{ refreshToken: 'hunter 2', a: 1 }", "hunter"],
    ["a field that is percent-encoded", "%7B%22password%22%3A%22hunter2%22%7D", "hunter2"],
    ["a key of a provider", "AKIAIOSFODNN7EXAMPLE", "AKIAIO"],
    ["a key in base64", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalr"],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----", "MIIEvQ"],
    ["a private key on one line", "-----BEGIN RSA PRIVATE KEY-----\\nMIIEvQIBADAN\\n-----END", "MIIEvQ"],
    ["a card number with dots", "4111.1111.1111.1111", "1111.1111"],
    ["a card number with spaces that do not break", "4111\u00a01111\u00a01111\u00a01111", "1111"],
    ["a card number over lines", "4111\n1111\n1111\n1111", "1111"],
    ["a card number in a URL", "/pay/4111%201111%201111%201111", "1111%20"],
    ["a card number in full width", "４１１１１１１１１１１１１１１１", "１１１１"],
    ["a card number at the end of a sentence", "He paid with 4111111111111111.", "4111"],
    ["an American Express number in groups", "3782_822463_10005", "822463"],
    ["an address that is encoded", "/people/anna%40example.com", "anna"],
    ["an address in another script", "анна@пример.рф", "анна"],
    ["an address with an apostrophe", "anna.o'brien@example.com", "anna"],
    ["an address at an address", "anna@[192.168.1.1]", "anna"],
    ["an address at an address of six", "anna@[IPv6:2001:db8::1]", "anna"],
    ["an address that is encoded twice", "anna%2540example.com", "anna"],
    ["an address with an escape", "anna\\u0040example.com", "anna"],
    ["an address in HTML", "anna&#64;example.com", "anna"],
    ["an address in quotes", '"anna smith"@example.com', "smith"],
  ])("takes out %s", (_, text, secret) => {
    expect(redactText(text)).not.toContain(secret);
  });

  it.each([
    "order 4111111111111112 shipped",
    "at 1764158400000 ms",
    "row 4444444444444444",
    "sum 4111111111111111.50",
    "12345",
    "versions 4111.1111 and 5500.0000",
    "SyntaxError: Unexpected token } in JSON at position 12",
    "node:internal/modules/esm/moduleJob:217:25",
    "/Users/sam/src/Projects/App/packages/core/index:12",
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
    const units =
      'a|a@|1a-|?a=|//a:|Bearer |Authorization: Basic |4 |4-1|GB29 |<token a="|name="token"\n|--token |"key",|token: [|aA1/|token=|cookie: a=|%40|eyJabcdef.|4111 1111 |4%20|"|#a|password: "|curl -u |mysql -p|password is |password \'|password("|identified by |machine a login |<a name="password" |jdbc:oracle:a:b|docker login |-> |AUTH |AUTH a |\nAUTH a b|USER a |USER a\n|a1 LOGIN a |SETUSER a |redis-cli -a |requirepass |password:\n |\npassword:\n  a|\u0430|p\u0430';
    for (const unit of [...units.split("|"), "-----BEGIN PRIVATE KEY-----"]) {
      // The processor's time: what else runs on the machine is not the text's doing.
      const before = process.cpuUsage();
      redactText(unit.repeat(20_000));
      expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
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
