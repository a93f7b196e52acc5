import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import {
  memoryUploadQuotas,
  postgresUploadQuotas,
  UPLOAD_QUOTA_MIGRATION,
  type UploadQuotaStore,
} from "./upload-quota-store.ts";
import { uploadQuota } from "./upload-quota.ts";

const ground = await testDatabase("upload_quota");
await ground?.pool.query(UPLOAD_QUOTA_MIGRATION);
afterAll(() => ground?.drop());

const stores: readonly (readonly [string, UploadQuotaStore | undefined])[] = [
  ["memory", memoryUploadQuotas()],
  ["Postgres", ground === undefined ? undefined : postgresUploadQuotas(ground.pool)],
];

describe.each(stores.filter(([, store]) => store !== undefined))("a quota in %s", (_name, store) => {
  const quota = uploadQuota({ store: store as UploadQuotaStore, bytes: 10_000 });

  it("grants the last byte once, to whoever of 64 comes first", async () => {
    const asked = await Promise.all(Array.from({ length: 64 }, () => quota.reserve("race", 1000, 60_000)));
    const granted = asked.filter((one) => one !== undefined);
    expect(granted).toHaveLength(10);
    await Promise.all(granted.map((one) => one.settle(400)));
    expect(await quota.store.used("race")).toBe(4000);
    expect(await quota.reserve("race", 6001, 60_000)).toBeUndefined();
    expect(await quota.reserve("race", 6000, 60_000)).toBeDefined();
  });

  it("takes what was removed off, and never below nothing", async () => {
    await (await quota.reserve("release", 1000, 60_000))?.settle(1000);
    await quota.release("release", 400);
    expect(await quota.store.used("release")).toBe(600);
    await quota.release("release", 10_000);
    expect(await quota.store.used("release")).toBe(0);
  });

  it("frees what a crash has left once it expires", async () => {
    expect(await quota.reserve("crash", 10_000, 1)).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await quota.reserve("crash", 10_000, 60_000)).toBeDefined();
    expect(await quota.reserve("crash", 1, 60_000)).toBeUndefined();
  });

  it("keeps one tenant out of another's room", async () => {
    expect(await quota.reserve("one", 10_000, 60_000)).toBeDefined();
    expect(await quota.reserve("other", 10_000, 60_000)).toBeDefined();
  });
});

describe("a quota", () => {
  it.each([[{ bytes: 0 }], [{ bytes: 1.5 }], [{ bytes: 1, limit: 1 }]])("cannot be %j", (options) => {
    expect(() => uploadQuota({ store: memoryUploadQuotas(), ...options })).toThrow(TypeError);
  });
});
