import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { memoryRecoveryCodes, postgresRecoveryCodes, RECOVERY_CODE_MIGRATION } from "./recovery-code-store.ts";
import { recoveryCodes } from "./recovery-codes.ts";

const database = await testDatabase("recovery_codes");
await database?.pool.query(RECOVERY_CODE_MIGRATION);
afterAll(() => database?.drop());
const stores = [
  ["memory", memoryRecoveryCodes()] as const,
  ...(database === undefined ? [] : [["Postgres", postgresRecoveryCodes(database.pool)] as const]),
];

describe.each(stores)("recovery codes in %s", (_, store) => {
  it("prove possession once, however they are typed, and say how many are left", async () => {
    const uses: unknown[] = [];
    const codes = recoveryCodes({ store, notify: (use) => void uses.push(use) });
    const [first, second] = await codes.generate("typed", 1);
    expect(first).toMatch(/^[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}$/u);
    expect(await codes.redeem("typed", first?.toLowerCase().replaceAll("-", " "), 5)).toMatchObject({
      userId: "typed",
      method: "recovery_code",
      factors: ["possession"],
      provedAtMs: 5,
    });
    expect(await codes.redeem("typed", first, 6)).toBeUndefined();
    expect(await codes.redeem("somebody else", second, 6)).toBeUndefined();
    expect(uses).toEqual([{ userId: "typed", remaining: 9 }]);
    expect(await codes.remaining("typed")).toBe(9);
  });

  it("are redeemed by one of 64 who try at once", async () => {
    const codes = recoveryCodes({ store });
    const [code] = await codes.generate("raced", 1);
    const tries = await Promise.all(Array.from({ length: 64 }, () => codes.redeem("raced", code, 2)));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it("are of one set, however their use and the making of new ones cross", async () => {
    const codes = recoveryCodes({ store });
    const [used, ...others] = await codes.generate("crossed", 1);
    const [sets, tries] = await Promise.all([
      Promise.all(Array.from({ length: 16 }, (_, at) => codes.generate("crossed", 2 + at))),
      Promise.all(Array.from({ length: 32 }, () => codes.redeem("crossed", used, 2))),
    ]);
    expect(tries.filter((one) => one !== undefined).length).toBeLessThanOrEqual(1);
    expect(await codes.remaining("crossed")).toBe(10);
    for (const old of [used, ...others]) expect(await codes.redeem("crossed", old, 20)).toBeUndefined();
    const good: boolean[] = [];
    for (const [first] of sets) good.push((await codes.redeem("crossed", first, 20)) !== undefined);
    expect(good.filter(Boolean)).toHaveLength(1);
  });

  it("are void when a new set is made, and dead after 100 failures in a row", async () => {
    const codes = recoveryCodes({ store });
    const [old] = await codes.generate("renewed", 1);
    const [fresh] = await codes.generate("renewed", 2);
    expect(await codes.redeem("renewed", old, 3)).toBeUndefined();
    for (let count = 1; count < 100; count += 1) await codes.redeem("renewed", "wrong", 3);
    expect(await codes.redeem("renewed", fresh, 3)).toBeUndefined();
  });

  it("refuse whatever is not a code without a fault", async () => {
    const codes = recoveryCodes({ store });
    await codes.generate("odd", 1);
    for (const odd of [undefined, null, 1, [], {}, "", "\0", "\ud800", "Z".repeat(100_000), "０".repeat(24)])
      expect(await codes.redeem("odd", odd, 2)).toBeUndefined();
  });
});
