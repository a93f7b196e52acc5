import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "./redact-command.ts";
import { CREDENTIAL_FORMS, ISSUED_FORMS } from "./redact-issued.ts";
import { markFinder } from "./redact-marks.ts";
import { NAMED_VALUES } from "./redact-named.ts";
import { CARD_MARKS, hideCardNumbers, hideIbans, IBAN_MARKS } from "./redact-numbers.ts";
import type { HiddenPattern } from "./redact-pattern.ts";

/** Of what patterns are made of, so that texts of some of them are often nearly a match, and sometimes one. */
const PIECES = [
  ..."password passwd pwd passphrase kennwort contrase\u00f1a mot_de_passe senha rediscli_auth secret token api_key client-key signature".split(
    " ",
  ),
  ..."credential session_id sessionid session-id pin otp totp cvv cvc jwt sid sig csrf xsrf ssn iban mnemonic cookie set-cookie".split(
    " ",
  ),
  ..."authorization basic bearer proxy-authorization x-api-key --user --password curl mysql machine login USER PASS LOGIN AUTH".split(
    " ",
  ),
  ..."requirepass masterauth SETUSER redis-cli a1 eyJhbGciOi.eyJhIjox. /webhooks/12345/ hooks.slack.com/services/ /bot12345: $2b$12$".split(
    " ",
  ),
  ..."AKIA xoxb- xapp- sk_live_ rk_test_ whsec_ ghp_ gho_ github_pat_ glpat- npm_ pypi- shpat_ dop_v1_ hf_ lin_api_ sk-proj- SG. ya29. 1//0".split(
    " ",
  ),
  ..."GOCSPX- AIza 4111 1111 4111111111111111 DE89 3704 0044 0532 0130 00 %20 %3A %3D %5D %22".split(" "),
  ..."hunter2 abcdefghij0123456789ABCDEFGHIJ a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6 q83vEjRWeJCrze8SNFZ4kA==".split(" "),
  "-----BEGIN PRIVATE KEY-----",
  "Private-Lines: 1\n",
  "identified by ",
  "seed phrase",
  'name="',
  'value="',
  "<add ",
  "</",
  "value",
  "key",
  "name",
  ":",
  "=",
  "=>",
  "->",
  ":=",
  " ",
  "  ",
  "\n",
  "\r\n",
  '"',
  "'",
  "`",
  "\\",
  ",",
  ";",
  "<",
  ">",
  "(",
  "[",
  "]",
  "{",
  "}",
  "|",
  "?",
  "&",
  " -u ",
  " -p ",
  " > ",
  "\u017fecret",
  "to\u212aen",
];
const cased = fc
  .tuple(fc.constantFrom(...PIECES), fc.nat(3))
  .map(([piece, how]) => (how === 0 ? piece.toUpperCase() : how === 1 ? piece.toLowerCase() : piece));
const texts = fc
  .array(fc.oneof({ weight: 9, arbitrary: cased }, fc.string({ maxLength: 6 })), { maxLength: 14 })
  .map((parts) => parts.join(""));

function changed(text: string, { replacements }: HiddenPattern): boolean {
  return replacements.some(([pattern, by]) => text.replace(pattern, by as string) !== text);
}

describe("markFinder", () => {
  const patterns = [...CREDENTIAL_FORMS, ...COMMANDS, ...NAMED_VALUES, ...ISSUED_FORMS];
  const find = markFinder([...patterns.map(({ marks }) => marks), CARD_MARKS, IBAN_MARKS]);
  const bitOf = (index: number): number => 1 << (patterns[index]?.marks.length === 0 ? patterns.length + 2 : index);

  it("misses no mark of a pattern that would hide something", () => {
    let hidden = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const found = find(text);
        for (const [index, pattern] of patterns.entries()) {
          if (!changed(text, pattern)) continue;
          hidden += 1;
          expect([text, index, (found & bitOf(index)) !== 0]).toEqual([text, index, true]);
        }
        if (hideCardNumbers(text) !== text) expect((found & (1 << patterns.length)) !== 0).toBe(true);
        if (hideIbans(text) !== text) expect((found & (1 << (patterns.length + 1))) !== 0).toBe(true);
      }),
      { numRuns: Number(process.env["GLACIS_MARK_RUNS"] ?? 6000) },
    );
    expect(hidden).toBeGreaterThan(500);
  });

  it("gives no reason to try anything on an ordinary line", () => {
    expect(
      find("The request to list documents of the folder was answered after 12 ms from the cache of this process."),
    ).toBe(0);
  });

  it("refuses more lists than it has bits for, and a mark of two characters", () => {
    expect(() => markFinder(Array.from({ length: 26 }, () => ["@"]))).toThrow(/25 lists at most/u);
    expect(() => markFinder([["ab"]])).toThrow(/one character or three/u);
  });
});
