import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { postgresTotp, TOTP_MIGRATION } from "../authentication/totp-store.ts";
import { totpCode, totpStep } from "../authentication/totp-code.ts";
import { totp } from "../authentication/totp.ts";
import type { RotationProgress } from "../data/column-rotation.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { rotateAccountSecrets, TOTP_COLUMN } from "./account-secrets.ts";

const ground = await testDatabase("account_secrets");
afterAll(() => ground?.drop());
const [first, second] = [newKey("k1"), newKey("k2")];
const rings = { old: keyRing(first), both: keyRing(`${second},${first}`), fresh: keyRing(second) };

describe.runIf(ground !== undefined)("rotateAccountSecrets", () => {
  const pool = ground?.pool as NonNullable<typeof ground>["pool"];
  const database = {
    query: async (text: string, values: readonly unknown[]) => (await pool.query(text, [...values])).rows,
  };
  const appOf = (keys: (typeof rings)["old"]) =>
    totp({ issuer: "Folio", store: postgresTotp(pool), sealer: fieldEncryption({ keys }).column(TOTP_COLUMN) });

  it("moves authenticator apps to the new key while they are in use, so that the old one can go", async () => {
    await pool.query(TOTP_MIGRATION);
    const nowMs = Date.now();
    const users = Array.from({ length: 30 }, (_, index) => `user-${index}`);
    const secrets = new Map<string, string>();
    const old = appOf(rings.old);
    for (const user of users) {
      const { secret } = await old.begin(user, "ada@example.com", nowMs);
      secrets.set(user, secret);
      await old.confirm(user, totpCode(secret, totpStep(nowMs), 6), nowMs);
    }
    // Offered under the old key, confirmed after the rotation: found by the next run.
    const late = await old.begin("late", "late@example.com", nowMs);
    const proves = async (keys: (typeof rings)["old"], user: string, atMs: number): Promise<boolean> =>
      (await appOf(keys).verify(user, totpCode(secrets.get(user) ?? "", totpStep(atMs), 6), atMs)) !== undefined;
    expect(await proves(rings.both, "user-3", nowMs + 30_000)).toBe(true);
    const rotated = async (): Promise<readonly RotationProgress[]> => {
      const seen: RotationProgress[] = [];
      for await (const progress of rotateAccountSecrets({ keys: rings.both, database })) seen.push(progress);
      return seen;
    };
    const moved = await rotated();
    expect(moved.at(-1)).toMatchObject({ moved: 30, failed: 0 });
    await appOf(rings.both).confirm("late", totpCode(late.secret, totpStep(nowMs), 6), nowMs);
    expect(await rotated()).toMatchObject([{ moved: 1 }]);
    expect(await rotated()).toEqual([]);
    expect(await proves(rings.fresh, "user-3", nowMs + 60_000)).toBe(true);
    // The last accepted step went along: a code is still good once.
    expect(await proves(rings.fresh, "user-3", nowMs + 60_000)).toBe(false);
  });
});
