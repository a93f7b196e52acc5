import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { rotateColumn, type ColumnRotationOptions, type RotationProgress } from "./column-rotation.ts";
import { fieldEncryption, type EncryptedColumn } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";

const [first, second] = [newKey("k1"), newKey("k2")];
const NAME = { table: "people", column: "ssn" };
const [old, both, after] = [first, `${second},${first}`, second].map((ring) =>
  fieldEncryption({ keys: keyRing(ring) }).column(NAME),
) as [EncryptedColumn, EncryptedColumn, EncryptedColumn];
const TENANTS = [randomUUID(), randomUUID()];
const ROWS = 95;

const ground = await testDatabase("column_rotation");

describe.runIf(ground !== undefined)("rotateColumn", () => {
  const pool = ground?.pool as NonNullable<typeof ground>["pool"];
  const query: ColumnRotationOptions["database"]["query"] = async (text, values) =>
    (await pool.query(text, [...values])).rows;
  const database = { query };

  async function run(
    options: Partial<ColumnRotationOptions> = {},
    most = Number.POSITIVE_INFINITY,
  ): Promise<RotationProgress[]> {
    const seen: RotationProgress[] = [];
    for await (const progress of rotateColumn({ database, column: both, batchRows: 10, ...options })) {
      seen.push(progress);
      if (seen.length === most) break;
    }
    return seen;
  }

  async function valuesUnder(column: EncryptedColumn): Promise<readonly string[]> {
    const { rows } = await pool.query(
      "select id::text, tenant_id, ssn from people where ssn is not null order by people.id",
    );
    return rows.map(({ id, tenant_id: tenantId, ssn }) => column.open(ssn, { tenantId, row: id }));
  }

  const expected = Array.from({ length: ROWS }, (_, index) => `value ${index}`);

  beforeEach(async () => {
    await pool.query(`drop table if exists people;
      create table people (id bigint primary key, tenant_id uuid not null, ssn text)`);
    for (const [index, text] of expected.entries()) {
      // Beyond one digit, so that the order of numbers is not that of texts.
      const place = { tenantId: TENANTS[index % 2] as string, row: index };
      await pool.query("insert into people values ($1, $2, $3)", [index, place.tenantId, old.seal(text, place)]);
    }
    await pool.query("insert into people values (1000, $1, null)", [TENANTS[0]]);
  });
  afterAll(() => ground?.drop());

  it("moves every row to the current key, so that the old one can go", async () => {
    const seen = await run();
    expect(seen).toHaveLength(10);
    expect(seen.at(-1)).toEqual({ moved: ROWS, overtaken: 0, failed: 0, failedRows: [], cursor: "94" });
    expect(await valuesUnder(after)).toEqual(expected);
    expect(await run()).toEqual([]);
  });

  it("moves a table that is no tenant's, for the one that its values were sealed for", async () => {
    await pool.query("create table if not exists secrets_of_people (id text primary key, ssn text)");
    const place = { tenantId: "accounts", row: "ada" };
    await pool.query("insert into secrets_of_people values ('ada', $1)", [
      fieldEncryption({ keys: keyRing(first) })
        .column({ table: "secrets_of_people", column: "ssn" })
        .seal("x", place),
    ]);
    const column = fieldEncryption({ keys: keyRing(`${second},${first}`) }).column({
      table: "secrets_of_people",
      column: "ssn",
    });
    expect(await run({ column, tenantId: "accounts" })).toMatchObject([{ moved: 1, failed: 0 }]);
    await expect(run({ tenantId: "accounts", tenantColumn: "tenant_id" })).rejects.toThrow(/not both/u);
  });

  it("moves the blind index along, in the same statement", async () => {
    await pool.query("alter table people add ssn_index text");
    const index = { column: "ssn_index", values: both.blindIndex() };
    expect((await run({ index })).at(-1)).toMatchObject({ moved: ROWS });
    const { rows } = await pool.query("select ssn_index from people where ssn is not null order by id");
    const fresh = after.blindIndex();
    expect(rows).toEqual(
      expected.map((text, row) => ({ ssn_index: fresh.of(text, { tenantId: TENANTS[row % 2] as string }) })),
    );
    await expect(run({ index: { ...index, column: "" } })).rejects.toThrow(/name/u);
  });

  it("goes on where it was stopped, from its cursor or from the beginning", async () => {
    const [, stopped] = await run({}, 2);
    expect(stopped?.cursor).toBe("19");
    expect((await run({ after: "19" }, 1))[0]).toMatchObject({ moved: 10, cursor: "29" });
    expect((await run()).at(-1)).toMatchObject({ moved: ROWS - 30 });
    expect(await valuesUnder(after)).toEqual(expected);
  });

  it("never overwrites what was written while it ran", async () => {
    let interfered = false;
    const racing: ColumnRotationOptions["database"] = {
      async query(text, values) {
        if (text.startsWith("update") && !interfered) {
          interfered = true;
          const place = { tenantId: TENANTS[1] as string, row: 3 };
          await pool.query("update people set ssn = $1 where id = 3", [both.seal("newer", place)]);
          await pool.query("delete from people where id = 5");
        }
        return query(text, values);
      },
    };
    const seen = await run({ database: racing });
    expect(seen.at(-1)).toMatchObject({ moved: ROWS - 2, overtaken: 2, failed: 0 });
    expect(await valuesUnder(after)).toEqual(expected.with(3, "newer").toSpliced(5, 1));
  });

  it("leaves what does not open as it is, names it, and moves the rest", async () => {
    await pool.query("update people set ssn = (select ssn from people where id = 8) where id = 7");
    await pool.query("update people set ssn = 'in the clear' where id = 12");
    const seen = await run();
    expect(seen.flatMap(({ failedRows }) => failedRows)).toEqual(["7", "12"]);
    expect(seen.at(-1)).toMatchObject({ moved: ROWS - 2, failed: 2 });
    const { rows } = await pool.query("select ssn from people where id = 12");
    expect(rows).toEqual([{ ssn: "in the clear" }]);
    expect(JSON.stringify(seen)).not.toContain("clear");
  });

  it("loses nothing when the database goes away in the middle", async () => {
    let updates = 0;
    const failing: ColumnRotationOptions["database"] = {
      async query(text, values) {
        if (text.startsWith("update") && (updates += 1) === 3) throw new Error("connection lost");
        return query(text, values);
      },
    };
    await expect(run({ database: failing })).rejects.toThrow("connection lost");
    expect(await valuesUnder(both)).toEqual(expected);
    expect((await run()).at(-1)).toMatchObject({ moved: ROWS - 20 });
    expect(await valuesUnder(after)).toEqual(expected);
  });

  it("tells key ids apart that a pattern would not", async () => {
    const place = { tenantId: TENANTS[0] as string, row: 2000 };
    const dashed = newKey("k-1");
    const sealed = fieldEncryption({ keys: keyRing(dashed) })
      .column(NAME)
      .seal("x", place);
    await pool.query("delete from people; ");
    await pool.query("insert into people values (2000, $1, $2)", [place.tenantId, sealed]);
    const column = fieldEncryption({ keys: keyRing(`${newKey("k_1")},${dashed}`) }).column(NAME);
    expect((await run({ column })).at(-1)).toMatchObject({ moved: 1 });
  });

  it("refuses what it cannot work with", async () => {
    await expect(run({ batchRows: 0 })).rejects.toThrow(/batchRows/u);
    await expect(run({ keyColumn: "" })).rejects.toThrow(/name/u);
    await expect(run({ key: "id" } as never)).rejects.toThrow(/Did you mean "keyColumn"/u);
  });
});
