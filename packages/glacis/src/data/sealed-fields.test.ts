import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { fieldEncryption } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { fieldEncryptionPosture, sealedFields } from "./sealed-fields.ts";

const [first, second] = [newKey("k1"), newKey("k2")];
const columnOf = (ring: string) => fieldEncryption({ keys: keyRing(ring) }).column({ table: "people", column: "ssn" });
const [old, both] = [columnOf(first), columnOf(`${second},${first}`)];
const ground = await testDatabase("sealed_fields");
const deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
} as const;

describe.runIf(ground !== undefined)("fieldEncryptionPosture", () => {
  afterAll(() => ground?.drop());

  it("finds values in the clear, values under an older key, and columns it cannot see into", async () => {
    const pool = ground?.pool as NonNullable<typeof ground>["pool"];
    await pool.query("create table people (id int primary key, ssn text)");
    const judge = async (): Promise<readonly string[]> =>
      sealedFields(await fieldEncryptionPosture(pool, [both]))
        .check(deployment)
        .map(({ rule, at, detail }) => `${rule.id} ${"name" in at ? at.name : ""} ${detail ?? ""}`);
    const put = (row: number, value: string | null) => pool.query("insert into people values ($1, $2)", [row, value]);
    expect(await judge()).toEqual(["field-encryption/not-seen people.ssn "]);
    await put(1, both.seal("", { tenantId: "t1", row: 1 }));
    await put(2, null);
    expect(await judge()).toEqual([]);
    await put(3, old.seal("078-05-1120", { tenantId: "t1", row: 3 }));
    for (const [row, value] of ["078-05-1120", "x1.k2.", "", `x1.k2.${"A".repeat(74)}`].entries())
      await put(10 + row, value);
    const found = await judge();
    expect(found).toEqual([
      "field-encryption/in-the-clear people.ssn 4 of 6 values",
      "field-encryption/older-key people.ssn 1 of 6 values",
    ]);
    expect(found.join()).not.toContain("078");
  });

  it("refuses what it cannot work with", async () => {
    const pool = ground?.pool as NonNullable<typeof ground>["pool"];
    await expect(fieldEncryptionPosture(pool, [both], { sampledRows: 0 })).rejects.toThrow(/sampledRows/u);
    await expect(fieldEncryptionPosture(pool, [{ ...both, column: "gone" }])).rejects.toThrow(/gone/u);
  });
});
