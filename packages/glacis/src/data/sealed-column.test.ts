import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { customType, pgTable, text } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { fieldEncryption } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { sealedColumn } from "./sealed-column.ts";
import type { Sealed } from "./sealed-text.ts";

const sealed = customType<{ data: Sealed; driverData: string }>(sealedColumn);
const users = pgTable("users", { id: text("id").primaryKey(), ssn: sealed("ssn") });
const ssn = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "users", column: "ssn" });
const PLACE = { tenantId: "t1", row: "u1" };

const database = await testDatabase("sealed_column");

describe.runIf(database !== undefined)("sealedColumn", () => {
  const pool = database?.pool as NonNullable<typeof database>["pool"];
  const orm = drizzle(pool);

  beforeAll(async () => {
    await pool.query("create table users (id text primary key, ssn text)");
  });
  afterAll(() => database?.drop());

  it("keeps ciphertext in the database, and null as null", async () => {
    await orm.insert(users).values([
      { id: "u1", ssn: ssn.seal("078-05-1120", PLACE) },
      { id: "u2", ssn: null },
    ]);
    const { rows } = await pool.query("select ssn from users order by id");
    expect(rows).toEqual([{ ssn: expect.stringMatching(/^x1\.k1\./u) }, { ssn: null }]);
    const [found] = await orm.select().from(users).where(eq(users.id, "u1"));
    expect(ssn.open(found?.ssn ?? "", PLACE)).toBe("078-05-1120");
  });

  it("refuses text that is no ciphertext, by its type and at run time", async () => {
    // @ts-expect-error a plain string is no ciphertext
    const plain = orm.insert(users).values({ id: "u3", ssn: "078-05-1120" });
    await expect(async () => plain.execute()).rejects.toThrow(/takes what seal\(\) made/u);
    const { rows } = await pool.query("select from users where id = 'u3'");
    expect(rows).toEqual([]);
  });
});
