import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { judgeSecrets, scanLine, scanText, secretScanning, type SecretWaiver } from "./secret-scanning.ts";

const letters = (count: number, alphabet = "ABCDEFGHJKLMNPQRSTUVWYZabcdefghjkmnpqrstuvwyz2346789"): string =>
  Array.from(randomBytes(count), (byte) => alphabet[byte % alphabet.length]).join("");
const upper = (count: number): string => letters(count, "ABCDEFGHJKLMNPQRSTUVWYZ234567");

// Made here, so that this file holds none.
const SECRETS: readonly (readonly [string, string])[] = [
  ["private-key", `-----${["BEGIN", "EC", "PRIVATE", "KEY"].join(" ")}-----`],
  ["private-key", `"-----${["BEGIN", "PRIVATE", "KEY"].join(" ")}-----\\nMII"`],
  ["aws-access-key", `AKIA${upper(16)}`],
  ["github-token", `ghp_${letters(36)}`],
  ["github-token", `github_pat_${letters(22)}_${letters(59)}`],
  ["gitlab-token", `glpat-${letters(20)}`],
  ["npm-token", `npm_${letters(36)}`],
  ["slack-token", `xoxb-${letters(24)}`],
  ["stripe-key", `sk_live_${letters(24)}`],
  ["sendgrid-key", `SG.${letters(22)}.${letters(43)}`],
  ["google-api-key", `AIza${letters(35)}`],
  ["azure-storage-key", `AccountKey=${letters(86)}==`],
  ["json-web-token", `eyJ${letters(20)}.eyJ${letters(40)}.${letters(43)}`],
  ["url-password", `postgres://app:${letters(12)}@db.example.com/app`],
  ["assigned-secret", `const apiKey = "${letters(32)}";`],
  ["assigned-secret", `GLACIS_KEYS=k1:${randomBytes(32).toString("base64url")}`],
  ["assigned-secret", `"client_secret": "${randomBytes(20).toString("hex")}",`],
];

describe("scanLine", () => {
  it.each(SECRETS)("finds a %s, once, and says nothing of what it is", (detector, text) => {
    const hits = scanLine(`before ${text} after`, { file: "a.ts", line: 3 });
    expect(hits.map((hit) => hit.detector)).toEqual([detector]);
    expect(hits[0]).toMatchObject({ file: "a.ts", line: 3 });
    const secret = /[\w+/=-]{20,}/u.exec(text)?.[0];
    if (secret !== undefined) expect(JSON.stringify(hits)).not.toContain(secret);
  });

  it.each([
    "const token = process.env.API_TOKEN_FOR_BILLING;",
    'const password = "your-password-goes-here";',
    "apiKey: ${{ secrets.API_KEY_OF_PRODUCTION }}",
    'token: "xxxxxxxxxxxxxxxxxxxxxxxx"',
    "postgres://user:password@localhost/app",
    "https://example.com/a:b@c",
    "AKIAIOSFODNN7EXAMPLE",
    'import { secretsManagement } from "./secrets-management.ts";',
    "const accessKey = await provider.secrets.current();",
    "export const passwordFieldDescription = translate('sign-in.password.description');",
    "-----BEGIN PUBLIC KEY-----",
    `integrity sha512-${"a".repeat(86)}==`,
  ])("leaves %s alone", (line) => {
    expect(scanLine(line, { file: "a", line: 1 })).toEqual([]);
  });

  it("finds a token in whose random letters a word stands by chance, and none that says what it is", () => {
    const [front, back] = [letters(14, "ABCDEGHJKMNPQRST23456789"), letters(18, "BCDEGHJKMNPQRST23456789")];
    expect(scanText(`ghp_${front}fAkE${back}`, "a.ts")).toHaveLength(1);
    for (const word of ["fake", "FAKE", "Fake"]) expect(scanText(`ghp_${front}${word}${back}`, "a.ts")).toEqual([]);
  });

  it("gives one secret one fingerprint wherever it stands, and another secret another", () => {
    const [one, other] = [`ghp_${letters(36)}`, `ghp_${letters(36)}`];
    const prints = [`x ${one}`, `token = "${one}"`, other].map(
      (text) => scanLine(text, { file: "f", line: 1 })[0]?.fingerprint,
    );
    expect(prints[0]).toBe(prints[1]);
    expect(prints[0]).not.toBe(prints[2]);
    expect(prints[0]).toMatch(/^[0-9a-f]{32}$/u);
  });

  it("finds a secret in a line of a megabyte, wherever in it, and takes no long time for any line", () => {
    const secret = `ghp_${letters(36)}`;
    for (const before of [0, 14_990, 19_980, 19_999, 500_000]) {
      const line = `${"a ".repeat(before / 2)}${before % 2 === 1 ? " " : ""}${secret} ${"b ".repeat(100_000)}`;
      const hits = scanLine(line, { file: "f", line: 1 });
      expect(hits.map(({ column }) => column)).toEqual([before - (before % 2) + (before % 2) + 1]);
    }
    const hostile = [
      "eyJ".repeat(300_000),
      "secret=".repeat(100_000),
      "://a:".repeat(200_000),
      "-----BEGIN ".repeat(100_000),
      "token".repeat(200_000),
      `secret=${"a".repeat(190)}7 `.repeat(1000),
    ];
    for (const line of hostile) {
      const began = performance.now();
      scanLine(line, { file: "f", line: 1 });
      expect(performance.now() - began).toBeLessThan(4000);
    }
  });

  it("finds nothing in ordinary words, whatever their order", () => {
    const word = fc.constantFrom(
      "const",
      "the",
      "password",
      "token",
      "=",
      ":",
      "is",
      "kept",
      "value;",
      "secret",
      '"',
      "()",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        expect(scanText(words.join(" "), "f")).toEqual([]);
      }),
    );
  });
});

describe("judgeSecrets", () => {
  const nowMs = Date.parse("2026-11-26T12:00:00Z");
  const hits = scanText(`a\nghp_${letters(36)}`, "a.ts");
  const fingerprint = hits[0]?.fingerprint ?? "";
  const waiver: SecretWaiver = { fingerprint, reason: "made up", owner: "team", expires: "2027-11-26" };
  const ids = (waivers: readonly SecretWaiver[]): readonly string[] =>
    judgeSecrets(hits, waivers, nowMs).map(({ rule }) => rule.id.split("/")[1] ?? "");

  it("reports what stands, and what is waived no more", () => {
    expect(judgeSecrets(hits, [], nowMs)).toMatchObject([{ at: { kind: "source", file: "a.ts", line: 2, column: 1 } }]);
    expect(ids([waiver])).toEqual([]);
    expect(ids([{ ...waiver, fingerprint: "other" }])).toEqual(["found", "waiver-unused"]);
  });

  it.each<Partial<SecretWaiver>>([
    { reason: " " },
    { reason: "\u200b\u2060" },
    { owner: "..." },
    { owner: "" },
    { expires: "2026-11-25" },
    { expires: "2028-01-01" },
    { expires: "never" },
    { expires: "2027-13-45" },
    { expires: "2027-02-30" },
  ])("believes no waiver with %j", (change) => {
    expect(ids([{ ...waiver, ...change }])).toEqual(["found", "waiver-invalid"]);
  });

  it("becomes a control that says the same", () => {
    const findings = judgeSecrets(hits, [], nowMs);
    expect(secretScanning(findings).check(currentDeployment("production"))).toEqual(findings);
  });
});
