import { describe, expect, it } from "vitest";
import { sketchProof } from "../testing/proof.ts";
import { enrolledFactors } from "./enrolled-factors.ts";
import { mfaRequired } from "./mfa-required.ts";
import { memoryRecoveryCodes } from "./recovery-code-store.ts";
import { recoveryCodes } from "./recovery-codes.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

const NOW = 1_700_000_000_000;
const ADA = { userId: "ada", tenantId: "alpha", roles: [] };
const sealer = { seal: (text: string) => text, open: (text: string) => text };

describe("the factors of an account", () => {
  it("are those that were confirmed, and recovery codes only beside one", async () => {
    const authenticator = totp({ issuer: "Folio", store: memoryTotp(), sealer });
    const codes = recoveryCodes({ store: memoryRecoveryCodes() });
    const passkeys = { enrolled: async (userId: string) => userId === "bob" };
    const enrolled = enrolledFactors({ passkeys, totp: authenticator, recoveryCodes: codes });
    await codes.generate("ada", NOW);
    const { secret } = await authenticator.begin("ada", "ada@example.test", NOW);
    expect(await enrolled(ADA)).toEqual([]);
    await authenticator.confirm("ada", totpCode(secret, totpStep(NOW), 6), NOW);
    expect(await enrolled(ADA)).toEqual(["totp", "recovery_code"]);
    expect(await enrolled({ ...ADA, userId: "bob" })).toEqual(["passkey"]);
    const verdict = await mfaRequired({ enrolled }).judge(ADA, [sketchProof({ userId: "ada", method: "password" })]);
    expect(verdict).toEqual({ kind: "second_factor_required", methods: ["totp", "recovery_code"] });
  });

  it("let nobody in when a store cannot say", async () => {
    const enrolled = enrolledFactors({ totp: { enrolled: () => Promise.reject(new Error("down")) } });
    await expect(mfaRequired({ enrolled }).judge(ADA, [sketchProof({ userId: "ada" })])).rejects.toThrow("down");
  });
});
