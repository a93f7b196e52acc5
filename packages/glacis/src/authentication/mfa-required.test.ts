import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sketchProof } from "../testing/proof.ts";
import { mfaRequired, type MfaOptions, type MfaVerdict } from "./mfa-required.ts";
import type { ProofMethod } from "./proof.ts";

const deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
} as const;
const METHODS: readonly ProofMethod[] = ["password", "totp", "recovery_code", "passkey", "single_sign_on"];

function judge(
  options: MfaOptions,
  methods: readonly ProofMethod[],
  roles: readonly string[] = [],
): Promise<MfaVerdict> {
  const subject = { userId: "ada", tenantId: "acme", roles };
  return mfaRequired(options).judge(
    subject,
    methods.map((method) => sketchProof({ userId: "ada", method })),
  );
}

describe("mfaRequired", () => {
  it("names what is missing or optional", () => {
    const ids = (options: MfaOptions): string[] =>
      mfaRequired(options)
        .control.check(deployment)
        .map(({ rule }) => rule.id);
    expect(ids({ enrolled: () => [] })).toEqual(["mfa-required/optional"]);
    expect(ids({ required: "everyone" })).toEqual(["mfa-required/no-source"]);
    expect(ids({ required: ["admin"], enrolled: () => [] })).toEqual([]);
  });

  it.each<[string, MfaOptions, readonly string[], boolean]>([
    ["nobody must", { enrolled: () => [] }, ["admin"], false],
    ["his role must, and he has none", { required: ["admin"], enrolled: () => [] }, ["admin"], true],
    ["his role must, and he has one", { required: ["admin"], enrolled: () => ["totp"] }, ["admin"], false],
    ["another role must", { required: ["admin"], enrolled: () => [] }, ["member"], false],
    ["everybody must", { required: "everyone", enrolled: () => [] }, [], true],
    [
      "his role takes a passkey, and he has a code",
      { phishingResistant: ["admin"], enrolled: () => ["totp"] },
      ["admin"],
      true,
    ],
    [
      "his role takes a passkey, and he has it",
      { phishingResistant: ["admin"], enrolled: () => ["passkey"] },
      ["admin"],
      false,
    ],
    ["his tenant says nothing clear", { required: () => undefined as never, enrolled: () => [] }, [], true],
  ])("says whether somebody lacks a factor: %s", async (_, options, roles, isLacking) => {
    expect(await mfaRequired(options).lacks({ userId: "ada", tenantId: "acme", roles })).toBe(isLacking);
  });

  it("says of nobody that he lacks nothing while the source of factors fails", async () => {
    const policy = mfaRequired({ required: "everyone", enrolled: () => Promise.reject(new Error("down")) });
    await expect(policy.lacks({ userId: "ada", tenantId: "acme", roles: [] })).rejects.toThrow("down");
  });

  it("takes no misspelt option and no empty list", () => {
    expect(() => mfaRequired({ required: [] })).toThrow(/list of roles/u);
    expect(() => mfaRequired({ required: "all" as never })).toThrow(/list of roles/u);
    expect(() => mfaRequired({ require: "everyone" } as never)).toThrow(/required/u);
  });

  it("asks who began with the only second factor for the password", async () => {
    const key = sketchProof({ userId: "ada", method: "passkey", factors: ["possession"] });
    const policy = mfaRequired({ enrolled: () => ["passkey"] });
    expect(await policy.judge({ userId: "ada", tenantId: "acme", roles: [] }, [key])).toEqual({
      kind: "second_factor_required",
      methods: ["password"],
    });
  });

  it("asks for the factor that somebody has before he may add the passkey that his role takes", async () => {
    const options: MfaOptions = { phishingResistant: ["admin"], enrolled: () => ["totp"] };
    expect(await judge(options, ["password"], ["admin"])).toEqual({
      kind: "second_factor_required",
      methods: ["totp"],
    });
    expect(await judge(options, ["password", "totp"], ["admin"])).toEqual({
      kind: "enrolment_required",
      methods: ["passkey"],
    });
  });

  it("lets nobody in when the source of factors answers with anything but a list", async () => {
    for (const answer of [undefined, null, "totp", {}])
      await expect(judge({ enrolled: () => answer as never }, ["password"])).rejects.toThrow(/list of methods/u);
  });

  it("never asks for less because there are more roles, more factors on the account, or a stricter rule", async () => {
    const lists = (values: readonly string[]) => fc.subarray([...values]);
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...METHODS], { minLength: 1 }),
        lists(["member", "admin"]),
        fc.subarray<ProofMethod>(["totp", "passkey"]),
        fc.boolean(),
        async (proved, roles, methods, everyone) => {
          const options: MfaOptions = { phishingResistant: ["admin"], enrolled: () => methods };
          const before = await judge(options, proved, roles);
          const stricter = await judge({ ...options, ...(everyone && { required: "everyone" }) }, proved, [
            ...roles,
            "admin",
          ]);
          const fuller = await judge({ ...options, enrolled: () => ["totp", "passkey"] }, proved, roles);
          if (before.kind === "enough") return;
          expect(stricter.kind).not.toBe("enough");
          expect(fuller.kind).not.toBe("enough");
        },
      ),
    );
  });
});
