import { execSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { environmentSecrets } from "./secret-environment.ts";
import { secretStore } from "./secret-store.ts";
import { SECRET_PLACEHOLDER, SECRET_WEAK, secretsManagement } from "./secrets-management.ts";

const STRONG = "vJ2kq8Yt0mZr4Xw7Lb1Nc5Df9Gh3Ks6Pa2Qe8Ru0TiM";

function judge(variables: Readonly<Record<string, string>>, change: Partial<Deployment> = {}) {
  return secretsManagement().check({
    mode: "production",
    nodeVersion: "22.20.0",
    variables: new Map(Object.entries(variables)),
    nodeOptions: [],
    nowMs: 0,
    ...change,
  });
}

const ids = (...given: Parameters<typeof judge>): readonly string[] => judge(...given).map(({ rule }) => rule.id);

describe("secrets-management", () => {
  it("says how to make a secret in a command that a shell takes as it stands", () => {
    for (const { fix } of [SECRET_PLACEHOLDER, SECRET_WEAK]) {
      const [command = ""] = /node -e .+$/u.exec(fix) ?? [];
      const made = execSync(command, { encoding: "utf8", stdio: "pipe" });
      expect(made).toMatch(/^[\w-]{43}\n$/u);
      expect(ids({ SESSION_SECRET: made.trim() })).toEqual(ids({}));
    }
  });

  it.each([
    "changeme",
    "change-me-please-this-is-long-enough-to-pass-a-length-check-0123",
    "django-insecure-k3Yq9Zp1Lw7Xc5Vb2Nm8As4Df6Gh0JkQwErTyUiOpZxCvBnM",
    "secret",
    "Pass-Word",
    "keyboard cat",
    "your_secret_here",
    "<set in production>",
    "${SESSION_SECRET}",
  ])("finds the example value %s", (value) => {
    expect(ids({ SESSION_SECRET: value })).toEqual(["secrets-management/placeholder"]);
    expect(ids({ SMTP_PASSWORD: value })).toEqual(["secrets-management/placeholder"]);
  });

  it.each([
    ["too short", "x7Kq2mZp"],
    ["one character", "a".repeat(64)],
    ["a repeated word", "abcdeabcde".repeat(10)],
    ["a repeated half", "0123456789abcdef".repeat(4)],
    ["a text repeated and cut off", "0123456789abcdef".repeat(4).slice(0, 60)],
  ])("finds a signing secret that is %s", (_, value) => {
    expect(ids({ SECRET_KEY: value })).toEqual(["secrets-management/weak"]);
  });

  it("accepts 32 random bytes however they are written", () => {
    const encoding = fc.constantFrom("hex", "base64", "base64url");
    fc.assert(
      fc.property(encoding, (name) => {
        expect(ids({ JWT_SECRET: randomBytes(32).toString(name as BufferEncoding) })).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it("does not judge the strength of what somebody else issued, nor what is no secret", () => {
    expect(
      ids({ STRIPE_API_KEY: "sk_live_1", PGPASSWORD: "x", PWD: "/srv", KEY_FILE: "secret", SECRET_ARN: "a" }),
    ).toEqual([]);
    expect(ids({ SESSION_SECRET: "" })).toEqual([]);
  });

  it("judges each value that is still accepted beside the current one", () => {
    expect(ids({ SECRET_KEY: STRONG, SECRET_KEY_FALLBACKS: `${STRONG.toLowerCase()},short,changeme` })).toEqual([
      "secrets-management/weak",
      "secrets-management/placeholder",
    ]);
  });

  it("finds one value under two names, and names both", () => {
    const [found] = judge({ SESSION_SECRET: STRONG, JWT_SECRET: STRONG });
    expect(found?.rule.id).toBe("secrets-management/reused");
    expect(found?.at).toEqual({ kind: "environment", name: "JWT_SECRET" });
    expect(found?.detail).toBe("same as SESSION_SECRET");
  });

  it("never quotes a value", () => {
    const value = fc.string({ minLength: 6, maxLength: 80 }).filter((text) => text.trim().length >= 6);
    fc.assert(
      fc.property(value, (secret) => {
        const told = judge({ A_SECRET: secret, B_SECRET: secret }).map(({ at, detail }) => ({ at, detail }));
        const names = "environment name same as A_SECRET B_SECRET kind at detail";
        expect(names.includes(secret) || !JSON.stringify(told).includes(secret)).toBe(true);
      }),
    );
  });

  it("finds dotenv files in production, given to Node or lying beside the code", () => {
    expect(ids({}, { nodeOptions: ["--env-file=.env"] })).toEqual(["secrets-management/env-file"]);
    expect(ids({}, { nodeOptions: ["--env-file-if-exists=.env"] })).toEqual(["secrets-management/env-file"]);
    expect(ids({}, { envFiles: [".env", ".env.local"] })).toHaveLength(2);
  });

  it("finds dotenv files that git tracks, on a laptop as well", () => {
    const tracked = { trackedEnvFiles: [".env", "packages/api/.env.local"] };
    const found = judge({}, { mode: "development", ...tracked });
    expect(found.map(({ rule, at }) => [rule.id, at])).toEqual(
      tracked.trackedEnvFiles.map((name) => ["secrets-management/env-file-tracked", { kind: "environment", name }]),
    );
  });

  it("finds secrets whose place grants and records no access", async () => {
    const environment = { A: "some long value" };
    const store = secretStore({ providers: [environmentSecrets({ environment })] });
    await store.secrets({ a: "/a" });
    const control = secretsManagement({ store });
    const deployment = { nodeVersion: "22.20.0", variables: new Map(), nodeOptions: [], nowMs: 0 };
    const [found, ...more] = control.check({ mode: "production", ...deployment });
    expect([found?.rule.id, found?.at, more]).toEqual([
      "secrets-management/unmanaged-provider",
      { kind: "setting", name: "/a" },
      [],
    ]);
    expect(control.check({ mode: "development", ...deployment })).toEqual([]);
    expect(() => secretsManagement({ stores: store } as never)).toThrow(/Did you mean "store"/u);
  });

  it("leaves laptops alone", () => {
    expect(ids({ SESSION_SECRET: "secret" }, { mode: "development", envFiles: [".env"] })).toEqual([]);
  });
});
