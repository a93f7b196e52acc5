import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { djangoValidators } from "./password-policy-django.ts";
import { passwordPolicy, type PasswordJudgement, type PasswordPolicyOptions } from "./password-policy.ts";
import type { PasswordContext } from "./password-problem.ts";

const GOOD = "seven quiet otters paint";
const ACCEPTED: PasswordJudgement = { kind: "accepted", breached: "not_checked" };
const production: Deployment = {
  mode: "production",
  nodeVersion: "v22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};

async function codesOf(
  password: unknown,
  about: PasswordContext = {},
  options: PasswordPolicyOptions = {},
): Promise<readonly string[]> {
  const judgement = await passwordPolicy(options).judge(password, about);
  return judgement.kind === "accepted" ? [] : judgement.problems.map(({ code }) => code);
}

describe("the length of a password", () => {
  it.each([
    ["qzvkwjxmtrbgpl", ["password_too_short"]],
    ["qzvkwjxmtrbgplh", []],
    ["🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤", ["password_too_short"]],
    ["🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤🦉", []],
    ["q z".repeat(5), []],
    ["ae\u0301".repeat(5) + "qzwx", ["password_too_short"]],
    ["", ["password_too_short"]],
  ])("is counted in characters of normal form C: %j", async (password, codes) => {
    expect(await codesOf(password)).toEqual(codes);
  });

  it("is eight and up where a second factor stands behind it, and only there", async () => {
    expect(await codesOf("qzvkwjxm", { secondFactor: true })).toEqual([]);
    expect(await codesOf("qzvkwjx", { secondFactor: true })).toEqual(["password_too_short"]);
    expect(await codesOf("qzvkwjxm", { secondFactor: false })).toEqual(["password_too_short"]);
  });

  it("says its limit and what to do, and nothing of the password", async () => {
    const judgement = await passwordPolicy().judge("hunter2-xyz");
    expect(judgement).toEqual({
      kind: "rejected",
      problems: [
        {
          code: "password_too_short",
          message: "Use at least 15 characters. Several words that you remember are good.",
          limit: 15,
        },
      ],
    });
  });

  it("may be 1024 characters and 4096 bytes, and is refused beyond, not cut", async () => {
    const long = Array.from({ length: 1024 }, (_, index) => "qzvkwjx"[(index * index) % 7]).join("");
    expect(await codesOf(long)).toEqual([]);
    expect(await codesOf(`${long}q`)).toEqual(["password_too_long"]);
    expect(await codesOf("🦊🦝".repeat(512))).toEqual([]);
    expect(await codesOf("🦊🦝".repeat(513))).toEqual(["password_too_long"]);
    expect(await codesOf("a".repeat(10_000_000))).toEqual(["password_too_long"]);
    expect(await codesOf("q".repeat(65) + "z", {}, { maxLength: 64 })).toEqual(["password_too_long"]);
  });
});

describe("the characters of a password", () => {
  it.each([
    "all lower case letters here",
    "20934857230948572039",
    "  spaces before and after  ",
    "пароль из нескольких слов",
    "\ttabs\tand\nlines\nwithin",
  ])("may be any: %j", async (password) => {
    expect(await passwordPolicy().judge(password)).toEqual(ACCEPTED);
  });

  it.each([
    [undefined, "password_not_text"],
    [null, "password_not_text"],
    [1234567890123456, "password_not_text"],
    [[GOOD], "password_not_text"],
    [{ toString: () => GOOD }, "password_not_text"],
    [`${GOOD}\0`, "password_holds_nul"],
    [`${GOOD}\ud800`, "password_malformed"],
  ])("must be a text: %j", async (password, code) => {
    expect(await codesOf(password)).toEqual([code]);
  });

  it("never make it throw, nor show up in what it says", async () => {
    const policy = passwordPolicy({ rules: djangoValidators(), words: ["Folio"] });
    await fc.assert(
      fc.asyncProperty(fc.anything(), fc.string({ unit: "binary" }), async (anything, text) => {
        for (const password of [anything, text, `¡${text}¡`]) {
          const said = JSON.stringify(await policy.judge(password, { email: text, name: text, words: [text] }));
          if (typeof password === "string" && password.startsWith("¡")) expect(said).not.toContain(password);
        }
      }),
    );
  });
});

describe("the list of common passwords", () => {
  it.each([
    "123456789987654321",
    "PasswordPassword",
    "qwerty123456789",
    "Ｑｗｅｒｔｙ１２３４５６７８９",
    "qwerty\u200b123456789",
    " qwerty123456789 ",
    "aaaaaaaaaaaaaaaaaaaa",
    "               ",
    "!!!!!!!!!!!!!!!!",
    "🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊🦊",
    "abcabcabcabcabcabc",
    "iloveyouiloveyou",
    "abcdefghijklmnop",
    "1234567890123456",
    "zyxwvutsrqponmlkj",
    "1q2w3e4r5t6y7u8i",
    "1Q2W3E4R5T6Y7U8I9O0P",
    "1qaz2wsx3edc4rfv",
    "qwertyuiop[]][poi",
    "qwertzuioplkjhgf",
    "azertyuiopmlkjhg",
    "password1234567890",
    "sunshine9876543210",
  ])("refuses %j", async (password) => {
    expect(await codesOf(password)).toEqual(["password_too_common"]);
  });

  it("compares the whole, so a phrase may hold a common word", async () => {
    expect(await codesOf("the password of otters")).toEqual([]);
    expect(await codesOf("abcdefgh is a beginning")).toEqual([]);
    expect(await codesOf("qwertyuiop or otters")).toEqual([]);
    expect(await codesOf("1q2w3e4r5t6y7u8p")).toEqual([]);
    expect(await codesOf("password and 1234567")).toEqual([]);
    expect(await codesOf("password8675309135")).toEqual([]);
  });
});

describe("words of the account", () => {
  const about = { email: "jane.okonkwo@northwind-traders.com", name: "Jane Ngozi Okonkwo", words: ["Acme Ltd"] };
  it.each([
    "jane.okonkwo@northwind-traders.com",
    "JaneNgoziOkonkwo",
    "Okonkwo.Jane.2026!",
    "northwindtraders",
    "Acme Ltd Acme Ltd 1",
    "Folio2026Folio20",
    "ＦＯＬＩＯ-Northwind-1",
  ])("are no password: %j", async (password) => {
    expect(await codesOf(password, about, { words: ["Folio"] })).toEqual(["password_too_similar"]);
  });

  it.each(["jane paints otters quietly", "okonkwo 4829 1182 7712 0934", "an unrelated phrase"])(
    "may stand in one among others: %j",
    async (password) => {
      expect(await codesOf(password, about, { words: ["Folio"] })).toEqual([]);
    },
  );

  it("do not count when they are two letters, empty, of another type, or too many to look at", async () => {
    const odd = { email: "", name: "Al", words: [42, null, "", "  "] } as unknown as PasswordContext;
    expect(await codesOf("alalalal1234qzvk", odd)).toEqual([]);
    expect(await codesOf(GOOD, { words: Array.from({ length: 100_000 }, () => "x".repeat(1000)) })).toEqual([]);
  });
});

describe("rules of one's own", () => {
  it("refuse the password and are told when they throw", async () => {
    const events: AuditEvent[] = [];
    const rules = [{ name: "history", judge: () => Promise.reject(new Error(GOOD)) }];
    expect(await codesOf(GOOD, {}, { rules, report: (event) => events.push(event) })).toEqual(["password_not_judged"]);
    expect(events).toMatchObject([{ event: "password_rule_fail", detail: "history", status: "failed" }]);
    expect(JSON.stringify(events)).not.toContain(GOOD);
  });
});

describe("the options of a policy", () => {
  it("are known and within bounds", () => {
    expect(() => passwordPolicy({ maxAge: 90 } as never)).toThrow('no option "maxAge"');
    expect(() => passwordPolicy({ minLength: 7 })).toThrow("whole numbers");
    expect(() => passwordPolicy({ minLengthWithSecondFactor: 7 })).toThrow("whole numbers");
    expect(() => passwordPolicy({ maxLength: 63 })).toThrow("whole numbers");
    expect(() => passwordPolicy({ maxLength: 1025 })).toThrow("whole numbers");
    expect(() => passwordPolicy({ breachedTimeoutMs: 0 })).toThrow("breachedTimeoutMs");
  });

  it("are judged: a short floor, a rule of composition, no source of breaches", () => {
    const found = (options: PasswordPolicyOptions) =>
      passwordPolicy(options).controls.flatMap(({ check }) => check(production).map(({ rule }) => rule.id));
    const breached = { isBreached: async () => false };
    expect(found({ breached })).toEqual([]);
    expect(found({ minLength: 12, rules: djangoValidators() })).toEqual([
      "password-length/below-floor",
      "password-no-composition/composition-rule",
      "password-blocklist/no-breach-source",
    ]);
    expect(found({ breached, rules: djangoValidators({ numericPassword: false }) })).toEqual([]);
  });

  it("are described for the form", () => {
    const { description } = passwordPolicy();
    expect(description).toMatchObject({ minLength: 15, minLengthWithSecondFactor: 8, maxLength: 1024 });
    expect(description.sentences.join(" ")).toContain("at least 15 characters");
  });
});

describe("a list of common passwords that cannot be read", () => {
  it("judges no password, and says so", () => {
    const policy = new URL("../../dist/authentication/password-policy.js", import.meta.url).href;
    const away = `export const resolve = (name, context, next) => {
      if (name === "@zxcvbn-ts/language-common") throw new Error("away");
      return next(name, context);
    };`;
    const work = `import { register } from "node:module";
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(away)}`)});
      const { passwordPolicy } = await import(${JSON.stringify(policy)});
      const told = [];
      const judged = await passwordPolicy({ report: ({ event }) => told.push(event) }).judge("correct horse battery staple");
      console.log(JSON.stringify({ judged, told }));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", work], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      judged: { problems: [{ code: "password_not_judged" }] },
      told: ["password_blocklist_unavailable"],
    });
  });
});
