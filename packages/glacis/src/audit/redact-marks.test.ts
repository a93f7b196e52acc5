import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { hideRevealed } from "../core/revealed.ts";
import { Secret } from "../core/secret.ts";
import { plainText } from "./redact-disguise.ts";
import { markFinder } from "./redact-marks.ts";
import { CARD_MARKS, hideCardNumbers, hideIbans, IBAN_MARKS } from "./redact-numbers.ts";
import type { HiddenPattern } from "./redact-pattern.ts";
import { PATTERNS, redactText } from "./redact.ts";

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
  ..."AKIA xoxb- xapp- sk_live_ rk_test_ whsec_ whsk_ ghp_ gho_ github_pat_ glpat- npm_ pypi- shpat_ dop_v1_ hf_ lin_api_ sk-proj- SG. ya29. 1//0".split(
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

/** What `redactText` does, with every pattern tried on every text. */
function redactWithoutMarks(text: string): string {
  let clean = hideRevealed(plainText(text));
  for (const { replacements } of PATTERNS)
    for (const [pattern, by] of replacements) clean = clean.replace(pattern, by as string);
  return hideIbans(hideCardNumbers(clean));
}

const RUNS = Number(process.env["GLACIS_MARK_RUNS"] ?? 6000);

describe("markFinder", () => {
  const find = markFinder([...PATTERNS.map(({ marks }) => marks), CARD_MARKS, IBAN_MARKS]);
  const bitOf = (index: number): number => 1 << (PATTERNS[index]?.marks.length === 0 ? PATTERNS.length + 2 : index);

  it("misses no mark of a pattern that would hide something", () => {
    let hidden = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const found = find(text);
        for (const [index, pattern] of PATTERNS.entries()) {
          if (!changed(text, pattern)) continue;
          hidden += 1;
          expect([text, index, (found & bitOf(index)) !== 0]).toEqual([text, index, true]);
          const plain = plainText(text);
          expect([text, index, changed(plain, pattern) && pattern.mayStand?.(plain) === false]).toEqual([
            text,
            index,
            false,
          ]);
        }
        if (hideCardNumbers(text) !== text) expect((found & (1 << PATTERNS.length)) !== 0).toBe(true);
        if (hideIbans(text) !== text) expect((found & (1 << (PATTERNS.length + 1))) !== 0).toBe(true);
      }),
      { numRuns: RUNS },
    );
    expect(hidden).toBeGreaterThan(500);
  });

  it.each([
    "The request to list documents of the folder was answered after 12 ms from the cache of this process.",
    '{"time":"2026-01-01T00:00:00.000Z","event_type":"data_access","status":"succeeded","ip_address":"192.168.200.201","user_id":"user-231"}',
    '198.51.100.231 - - [27/Nov/2026:05:12:10 +0000] "GET /documents/4111/edit HTTP/1.1" 200 5124 "-" "Mozilla/5.0 (X11; Linux x86_64)"',
    "Die Anfrage über die Größe der Möbel wurde geprüft.",
  ])("gives no reason to try anything on an ordinary line: %s", (line) => {
    expect(find(line)).toBe(0);
  });

  it("finds a mark at every place of a text, at its ends, beyond what one room holds and among characters of any width", () => {
    const one = markFinder([["@"], ["pin[sn]?[=:]"]]);
    const LONG = 4;
    for (const around of ["", ".", "..", "\u00fc", "\u4e00", "\ud83d\ude00", "\ud800", "x".repeat(65_536)]) {
      expect(one(`${around}a@b${around}`)).toBe(1 | (around.length > 100 ? LONG : 0));
      expect(one(`${around} PIN=1${around}`)).toBe(2 | (around.length > 100 ? LONG : 0));
      expect(one(`${around} pinx=1${around}`)).toBe(around.length > 100 ? LONG : 0);
    }
    expect(one(` ${"b1".repeat(16)} `)).toBe(LONG);
    expect(one(`${"b1".repeat(16)} `)).toBe(LONG);
    expect(one(`${"b1".repeat(14)} `)).toBe(0);
    expect(one("\u212a")).toBe(7);
  });

  it("sees nothing of the text before", () => {
    const one = markFinder([["token[=:]"]]);
    expect(one("a token=1")).toBe(1);
    expect(one("a tok")).toBe(0);
    expect(one("")).toBe(0);
  });

  it("refuses more lists than it has bits for, marks of two characters, and what a mark cannot say", () => {
    expect(() => markFinder(Array.from({ length: 31 }, () => ["abc"]))).toThrow(/30 lists at most/u);
    expect(() => markFinder(Array.from({ length: 21 }, () => ["@"]))).toThrow(/20 of them/u);
    expect(() => markFinder([["ab"]])).toThrow(/one character or three/u);
    for (const source of ["abc+", "ab{2}c", "abc.", "(abc)", "(?:abc", "abc)", "(?=abc)def", "[abc"])
      expect(() => markFinder([[source]])).toThrow(SyntaxError);
  });
});

describe("redactText", () => {
  /** Texts of the tests beside this one, and the recorded cases. */
  const cases = [
    ...readdirSync(import.meta.dirname)
      .filter((name) => /^redact.*\.test\.ts$/u.test(name))
      .flatMap(
        (name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8").match(/"(?:[^"\\\n]|\\["\\nrtu])+"/gu) ?? [],
      )
      .flatMap((literal) => {
        try {
          return [JSON.parse(literal) as string];
        } catch {
          return [];
        }
      }),
    ...(loadVectors<unknown>("redaction")?.cases ?? []).map((one) => JSON.stringify(one)),
  ];

  const joints = fc.constantFrom(
    "",
    " ",
    "\n",
    '"',
    "=",
    ":",
    "%",
    "&",
    "\\",
    "\u00fc",
    "\u0430",
    "\u017f",
    "\u212a",
    "\u200b",
    "4",
    "a",
    "-",
  );
  /** A piece of it, with something put into it, in another case. */
  const mutated = fc
    .tuple(fc.constantFrom(...cases), fc.nat(400), fc.nat(400), joints, fc.nat(4))
    .map(([text, from, at, joint, how]) => {
      const piece = how === 0 ? text.slice(from) : text;
      const changed = how < 3 ? piece.slice(0, at) + joint + piece.slice(at + (how % 2)) : piece;
      return how === 3 ? changed.toUpperCase() : changed;
    });
  const secret = new Secret('tr0ub4dor "and" 3/\u00fc').reveal();
  const encoded = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret),
    ...(["base64", "base64url", "hex"] as const).map((encoding) => Buffer.from(secret).toString(encoding)),
  ];
  const lines = fc.array(fc.oneof({ weight: 8, arbitrary: mutated }, fc.constantFrom(...encoded), joints), {
    maxLength: 4,
  });

  it("hides on every text what it would hide if it tried every pattern", () => {
    for (const one of [...cases, ...encoded]) expect(redactText(one)).toBe(redactWithoutMarks(one));
    let hidden = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          lines.map((parts) => parts.join("")),
          texts,
        ),
        (text) => {
          const clean = redactWithoutMarks(text);
          if (clean !== text) hidden += 1;
          expect(redactText(text)).toBe(clean);
        },
      ),
      { numRuns: RUNS },
    );
    expect(hidden).toBeGreaterThan(RUNS / 3);
  });
});
