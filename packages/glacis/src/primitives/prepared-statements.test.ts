import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testBouncer, type TestBouncer } from "../../../../test/support/pgbouncer.ts";
import { testDatabase, testPool, type TestDatabase } from "../../../../test/support/services.ts";
import { preparedStatements } from "./prepared-statements.ts";

const database: TestDatabase | undefined = await testDatabase("prepared_read");
const bouncer: TestBouncer | undefined = database && (await testBouncer(database.url, 3));
const READ = "select id, label from things where id = $1";
const IDS = Array.from({ length: 50 }, (_, index) => index);

/** One statement, asked again and again. */
function preparedRead(pool: Parameters<typeof preparedStatements>[0], text: string) {
  const run = preparedStatements(pool);
  return (values: unknown[]): Promise<readonly unknown[]> => run(text, values);
}

describe.runIf(database !== undefined)("a statement that is made at every request", () => {
  if (database === undefined) return;
  let pool: pg.Pool;

  beforeAll(() => database.pool.query("create table things (id int primary key, label text)"));
  beforeEach(async () => {
    pool = testPool({ connectionString: database.url, max: 1 });
    await database.pool.query("truncate things");
    await database.pool.query("insert into things select n, 'of ' || n from generate_series(0, 49) n");
    return () => pool.end();
  });
  afterAll(async () => {
    await bouncer?.stop();
    await database.drop();
  });

  const planned = async (): Promise<readonly unknown[]> =>
    (await pool.query("select statement from pg_prepared_statements")).rows;

  it("is planned once for a connection", async () => {
    const read = preparedRead(pool, READ);
    expect(await Promise.all(IDS.map((id) => read([id])))).toEqual(IDS.map((id) => [{ id, label: `of ${id}` }]));
    expect(await planned()).toEqual([{ statement: READ }]);
  });

  it("is planned once for a pipelined connection too", async () => {
    const piped = testPool({ connectionString: database.url, max: 2, pipeline: true });
    const read = preparedRead(piped, READ);
    try {
      expect(await Promise.all(IDS.map((id) => read([id])))).toEqual(IDS.map((id) => [{ id, label: `of ${id}` }]));
    } finally {
      await piped.end();
    }
  });

  it.each([
    ["a pooler forgets what a connection had prepared", "discard all"],
    ["a migration changes a column's type", "alter table things alter column id type bigint"],
  ])("answers when %s", async (_what, change) => {
    const read = preparedRead(pool, READ);
    await read([1]);
    await pool.query(change);
    expect(await read([1])).toMatchObject([{ label: "of 1" }]);
    expect(await read([2])).toMatchObject([{ label: "of 2" }]);
    await database.pool.query("alter table things alter column id type int");
  });

  it("gives a fault back as it is, and sends nothing again", async () => {
    const read = preparedRead(pool, READ);
    await expect(read(["no number"])).rejects.toMatchObject({ code: "22P02" });
    expect(await read([3])).toEqual([{ id: 3, label: "of 3" }]);
    expect(await planned()).toEqual([{ statement: READ }]);
  });

  it.runIf(bouncer !== undefined)(
    "answers behind a pooler that knows no names, in many processes at once",
    async () => {
      const pools = Array.from({ length: 8 }, () => testPool({ connectionString: bouncer?.url, max: 5 }));
      try {
        const reads = pools.map((one) => preparedRead(one, READ));
        for (let round = 0; round < 5; round += 1) {
          const rows = await Promise.all(IDS.map(async (id) => (reads[id % 8] as (typeof reads)[number])([id])));
          expect(rows).toEqual(IDS.map((id) => [{ id, label: `of ${id}` }]));
        }
      } finally {
        await Promise.all(pools.map((one) => one.end()));
      }
    },
  );

  it("goes without a name where the database is no pool", async () => {
    const asked: unknown[][] = [];
    const read = preparedRead({ query: async (...given) => (asked.push(given), { rows: [] }) }, READ);
    await read([1]);
    expect(asked).toEqual([[READ, [1]]]);
  });
});
