import { describe, expect, it } from "vitest";
import { redactText } from "./redact.ts";

/** Written apart, so that no scanner takes a test for a leak. */
const joined = (...parts: readonly string[]): string => parts.join("");
const encoded = (text: string): string => Buffer.from(text).toString("base64");

describe("credentials by their look", () => {
  it.each([
    ["three characters of Basic", `Authorization: Basic ${encoded("a:b")}`, encoded("a:b")],
    ["Basic in a sentence", `got Basic ${encoded("a:b")} from a client`, encoded("a:b")],
    ["Basic in JSON", `{"authorization":"Basic ${encoded("a:b")}"}`, encoded("a:b")],
    ["Basic to a proxy", `Proxy-Authorization: Basic ${encoded("a:b")}`, encoded("a:b")],
    ["a short bearer token", "Authorization: Bearer abc", "abc"],
    ["a scheme of an application", "Authorization: Token abc12", "abc12"],
    ["a header behind a tab or a backtick", "authorization\t: token abc12 `authorization`: token abc12", "abc12"],
    ["a scheme that nobody listed", "Authorization: GenieKey 3fa85f64-5717-4562-b3fc-2c963f66afa6", "2c963f66afa6"],
    ["a short key of such a scheme", `{"authorization":"Splunk 7c2b8e4d9f"}, authorization=SSWS 7c2b8e4d9f`, "7c2b"],
    ["DPoP", "Authorization: DPoP abc12", "abc12"],
    ["a signed request", "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEX/1, Signature=5d672d79", "5d672d79"],
    ["a key of Google", joined("AIza", "SyD-9tSrke72PouQMnMX-a7eZS"), "SyD-9t"],
    ["a token of Google", joined("ya29", ".a0AfH6SMBx"), "a0AfH6"],
    ["a webhook secret", joined("whsec_", "abcdefgh12345678"), "abcdefgh"],
    ["a webhook's private key", joined("whsk_", "abcdefgh12345678"), "abcdefgh"],
    ["a token of Slack", joined("xapp-", "1-A0123-456-abcdef"), "A0123"],
    ["a token of GitHub", joined("github_pat_", "11ABCDEFG0abcdefgh"), "11ABCDE"],
    ["a key of a model's provider", joined("sk-", "proj-abcdefghijkl"), "abcdefgh"],
    ["a key of SendGrid", joined("SG", ".abcdefghijklmnop.qrstuvwxyz"), "abcdefgh"],
    ["a key of DigitalOcean", joined("dop_v1_", "abcdef0123456789"), "abcdef01"],
    ["a key of Hugging Face", joined("hf_", "abcdefghijklmnopqrs"), "abcdefgh"],
    ["a token of PyPI", joined("pypi-", "AgEIcHlwaS5vcmc"), "AgEIcH"],
    ["a token of npm", joined("npm_", "abcdefghijklmnopqrst"), "abcdefgh"],
    ["a token of Shopify", joined("shpat_", "abcdef0123456789abcdef"), "abcdef01"],
    ["the address of a webhook", "https://discord.com/api/webhooks/123456789012345678/abcDEFghi", "abcDEF"],
    ["a webhook of Slack", "https://hooks.slack.com/services/T0000/B0000/abcDEFghi", "abcDEF"],
    ["a bot", "https://api.telegram.org/bot123456:ABC-DEF1234/getMe", "ABC-DEF"],
    ["a key of sixteen bytes", "aes q83vEjRWeJCrze8SNFZ4kA==", "q83vEj"],
    ["a key of PGP", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END", "lQOYB"],
    ["a key of PuTTY", "Private-Lines: 1\nAAAAgQ==", "AAAAgQ"],
    ["an argon2id hash", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b", "Rdescud"],
    ["a bcrypt hash", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "R9h/cIP"],
    ["a hash of Django", "pbkdf2_sha256$600000$abcdefgh$abcdefghijklmnop=", "abcdefgh"],
    ["hexadecimal digits", "key 0123456789abcdef0123456789abcdef", "0123456789abcdef"],
    ["a token of a runner of GitLab", joined("glrt-", "aB3dE5gH7jK9mN1pQ2sT"), "aB3dE5"],
    ["a token of GitLab that says its route", joined("glpat-", "aB3dE5gH7jK9mN1pQ2sT", ".01.0w1ab2cd3"), "0w1ab2"],
    ["a token of Vault", joined("hvs", ".aB3dE5gH7jK9mN1pQ2sT4vW6"), "aB3dE5"],
    ["a token of Square", joined("sq0atp-", "aB3dE5gH7jK9mN1pQ2sT4v"), "aB3dE5"],
    ["a key of Alibaba", joined("LTAI", "5taB3dE5gH7jK9mN1pQ2"), "aB3dE5"],
    ["a bot of Discord", `${encoded("123456789012345678")}.Ab3-dE.${"aB3dE5gH7".repeat(3)}`, "aB3dE5"],
    ["an address in an address", "url=https%3A%2F%2Fu%3Ahunter2%40h%2F", "hunter2"],
  ])("are hidden: %s", (_, text, secret) => {
    expect(redactText(text)).not.toContain(secret);
  });

  it.each([
    "request 123e4567-e89b-12d3-a456-426614174000 done",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
    "basic authentication failed",
    "Basic plan upgraded to Basic team",
    "a bearer token was refused, Bearer authentication required",
    "authorization failed for route /x",
    "authorization: required, Authorization: access denied for 5 users, authorization: denied 4034",
    "express@4.18.2 and @scope/name@1.0.0",
    "ask-me and risk-averse on sk-SK",
    "npm_config_registry",
    "costs $20 or $1",
    "the hvs.example host, a resultAIde, sq0-1 and gloas-lists",
    "MTIzMTIzMTIz.module.load",
    "version 1.2.3-beta.4+build.5",
  ])("are not seen in ordinary lines: %s", (text) => {
    expect(redactText(text)).toBe(text);
  });
});
