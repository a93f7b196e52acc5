import { PGlite } from "@electric-sql/pglite";
import { sql as drizzle } from "drizzle-orm";
import { drizzle as drizzleOn } from "drizzle-orm/pglite";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import fc from "fast-check";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import { accessPolicy } from "../authorization/access-policy.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { reasonOfError } from "../core/error-reason.ts";
import type { User } from "../core/principal.ts";
import { SqlError, sqlClient } from "./sql-client.ts";
import { drizzleSql, pgQuery, sql, type Sql } from "./sql.ts";

const ATTACKS: readonly string[] = [
  "' or '1'='1",
  "'; drop table documents; --",
  "1); delete from documents; --",
  "\\'; drop table documents; --",
  "' union select secret from vault --",
  "$1",
  "$$; drop table documents; $$",
  "/* x */ or 1=1",
  '"; drop table documents; --',
  "\u02bc or 1=1 --",
  "%' or true --",
  "E'\\x27",
  "'||pg_sleep(30)||'",
  "x\u0027; select 1",
];

describe("a fragment", () => {
  it("binds every value and numbers them through nested fragments", () => {
    const inner = sql`a = ${1} or b = ${"two"}`;
    expect(pgQuery(sql`select * from t where c = ${true} and (${inner}) and d = any(${[3, 4]})`)).toEqual({
      text: "select * from t where c = $1 and (a = $2 or b = $3) and d = any($4)",
      values: [true, 1, "two", [3, 4]],
    });
  });

  it("never has a value in its text, whatever the value is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(...ATTACKS)), { maxLength: 8 }),
        (values) => {
          const bindable = values.filter((value) => !value.includes("\0"));
          const { text, values: bound } = pgQuery(sql.join([sql`select`, ...bindable.map((value) => sql`(${value})`)]));
          expect(text.replaceAll(/\$\d+/gu, "?")).toBe(["select", ...bindable.map(() => "(?)")].join(", "));
          expect(bound).toEqual(bindable);
        },
      ),
    );
  });

  it("is not made of a text, by type and at run time", () => {
    const input = "select 1; drop table documents";
    // @ts-expect-error a text is no template
    expect(() => sql(input)).toThrow(/is a tag/u);
    expect(() => sql([input] as never)).toThrow(/is a tag/u);
    // @ts-expect-error a text is no fragment
    expect(() => pgQuery(input)).toThrow(/not a text/u);
    // @ts-expect-error nor is an object that looks like one
    expect(() => pgQuery({ text: input, values: [] })).toThrow(/not a text/u);
    // @ts-expect-error nor a list of texts
    expect(() => sql.join([input])).toThrow(/not a text/u);
    expect(() => sql.join([sql`a`], input as unknown as Sql)).toThrow(/not a text/u);
    // @ts-expect-error nor for Drizzle
    expect(() => drizzleSql(input, drizzle)).toThrow(/not a text/u);
  });

  it("does not become text, and prints no value", () => {
    const fragment = sql`select ${"geheim"}`;
    expect(() => `${fragment as unknown as string} limit 1`).toThrow(/does not become text/u);
    expect(() => String(fragment as unknown)).toThrow(/does not become text/u);
    expect(inspect(fragment) + JSON.stringify(fragment)).not.toContain("geheim");
  });

  it.each<[string, unknown]>([
    ["an operator in the place of a value", { $ne: null }],
    ["an object with toPostgres", { toPostgres: () => "x" }],
    ["a list of lists", [["a"]]],
    ["undefined", undefined],
    ["NaN", NaN],
    ["Infinity", -Infinity],
    ["a number that has lost digits", 2 ** 53],
    ["a null character", "a\0b"],
    ["half a surrogate pair", "\ud800"],
    ["an invalid date", new Date("x")],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
  ])("refuses to bind %s", (_what, value) => {
    expect(() => sql`select ${value as string}`).toThrow(TypeError);
    expect(() => sql`select ${[value] as string[]}`).toThrow(TypeError);
  });

  it("names no value in an error", () => {
    for (const value of ["geheim\0", { geheim: 1 }, "geheim\ud800"]) {
      expect(() => sql`select ${value as string}`).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining("geheim") }),
      );
    }
  });

  it("refuses a digit behind a value, which would make another parameter's number of its own", () => {
    expect(() => sql`select ${1}0`).toThrow(/digit behind a value/u);
    expect(() => sql`select ${1}${sql.empty}${sql`0`}`).toThrow(/digit behind a value/u);
    expect(() => sql.join([sql`${1}`, sql`${2}`], sql`1`)).toThrow(/digit behind a value/u);
    expect(pgQuery(sql`select ${1} 0, 0${2}`).text).toBe("select $1 0, 0$2");
  });

  it("numbers its parameters itself", () => {
    expect(() => sql`select $1, ${2}`).toThrow(/numbers its parameters itself/u);
  });

  it("has at most as many parameters as a statement can", () => {
    const many = Array.from({ length: 65_536 }, (_, index) => sql`${index}`);
    expect(() => pgQuery(sql.join(many))).toThrow(/at most 65535/u);
    expect(() => sql.join([])).toThrow(/at least one/u);
  });
});

describe("names", () => {
  it("come from a list, quoted", () => {
    expect(pgQuery(sql`select ${sql.identifier("title", ["title", "size"])}`).text).toBe('select "title"');
    expect(pgQuery(sql`select ${sql.identifier('a"b', ['a"b'])}`).text).toBe('select "a""b"');
    for (const name of [...ATTACKS, "", "constructor", "Title"])
      expect(() => sql.identifier(name, ["title"]), name).toThrow(/of its list/u);
    expect(() => sql.identifier("x".repeat(64), ["x".repeat(64)])).toThrow(/1 to 63 bytes/u);
  });

  const columns = { created: "created_at", title: "title" };
  const order = (requested: string | undefined): string =>
    pgQuery(sql.orderBy(requested, columns, { initial: "-created", last: "id" })).text;

  it("order rows as a client asks, by what is listed", () => {
    expect(order("title,-created")).toBe('order by "title", "created_at" desc, "id"');
    expect(order(undefined)).toBe('order by "created_at" desc, "id"');
    expect(order("")).toBe('order by "created_at" desc, "id"');
  });

  it.each([
    ...ATTACKS,
    "created_at",
    "title desc",
    "title,title",
    "--title",
    "title,",
    "constructor",
    "__proto__",
    "toString",
    "title,created,title,created",
    "(case when (select 1) then title else created end)",
    "a".repeat(10_000),
  ])("refuse to order by anything else: %s", (requested) => {
    let thrown: unknown;
    try {
      order(requested);
    } catch (error) {
      thrown = error;
    }
    const decision = reasonOfError(thrown);
    expect(decision).toMatchObject({ kind: "deny", reason: "input_invalid", events: [{ control: "sql-injection" }] });
    expect(JSON.stringify(decision)).not.toContain(requested === "" ? "?" : requested);
  });

  it("throw at once when the program's own order is not listed", () => {
    expect(() => sql.orderBy(undefined, columns, { initial: "size" })).toThrow(/initial as names/u);
  });
});

const server = await testDatabase("sql");

describe.runIf(server !== undefined)("on Postgres", () => {
  const { pool } = (server ?? {}) as TestDatabase;
  const database = sqlClient(pool ?? { query: async () => [] });
  const tables = async (): Promise<unknown> =>
    (
      await pool.query(
        "select (select count(*) from documents)::int as documents, (select count(*) from vault)::int as vault",
      )
    ).rows;

  beforeAll(async () => {
    await pool.query("create table documents (id int primary key, title text unique, tags text[], extra jsonb)");
    await pool.query("create table vault (secret text)");
    await pool.query("insert into documents values (1, 'Plan', '{a}', null), (2, '100%_\\', '{b}', null)");
    await pool.query("insert into vault values ('s3cr3t')");
  });
  afterAll(() => server?.drop());

  it.each(ATTACKS)("%s is a title like any other", async (attack) => {
    const before = await tables();
    const rows = await database.query(
      sql`select title from documents where title = ${attack} or title ilike ${sql.contains(attack)}`,
    );
    expect(rows).toEqual([]);
    expect(await database.query(sql`select title from documents where title = any(${[attack, "Plan"]})`)).toEqual([
      { title: "Plan" },
    ]);
    const [written] = await database.query(
      sql`with one as (select ${attack}::text as t, ${[attack]}::text[] as l, ${sql.json({ [attack]: attack })} as j) select * from one`,
    );
    expect(written).toEqual({ t: attack, l: [attack], j: { [attack]: attack } });
    expect(await tables()).toEqual(before);
  });

  it("shows that the same texts pasted do harm, so that the attacks are real", async () => {
    const pasted = `select title from documents where title = '${ATTACKS[0]}'`;
    expect((await pool.query(pasted)).rows).toHaveLength(2);
    const union = `select title from documents where title = '${ATTACKS[4]}'`;
    expect((await pool.query(union)).rows).toEqual([{ title: "s3cr3t" }]);
  });

  it("searches for what a pattern would take for a wildcard", async () => {
    for (const wanted of ["%", "_", "\\", "100%", "%_\\"])
      expect(
        await database.query(sql`select id from documents where title like ${sql.contains(wanted)}`),
        wanted,
      ).toEqual([{ id: 2 }]);
    expect(await database.query(sql`select id from documents where title like ${sql.startsWith("Pl")}`)).toEqual([
      { id: 1 },
    ]);
    expect(await database.query(sql`select id from documents where title like ${sql.endsWith("an")}`)).toEqual([
      { id: 1 },
    ]);
    expect(await database.query(sql`select id from documents where title like ${sql.startsWith("%")}`)).toEqual([]);
  });

  it("brings back any text as it was", async () => {
    const texts = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0") && value.isWellFormed());
    await fc.assert(
      fc.asyncProperty(texts, fc.array(texts, { maxLength: 4 }), async (value, list) => {
        const found = await database.query(
          sql`select ${value}::text as t, ${list}::text[] as l, ${value}::text like ${sql.contains(value)} as m`,
        );
        expect(found).toEqual([{ t: value, l: list, m: true }]);
      }),
      { numRuns: 200 },
    );
  });

  it("lets no error carry a statement or a value", async () => {
    const failures: readonly Sql[] = [
      sql`insert into documents values (${7}, ${"Plan"})`,
      sql`select ${"geheim"}::int`,
      sql`select geheim from documents where title = ${"geheim"}`,
    ];
    for (const fragment of failures) {
      const error = await database.query(fragment).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SqlError);
      expect(inspect(error, { depth: 9, showHidden: true }).split("\n    at ")[0] + JSON.stringify(error)).not.toMatch(
        /geheim|Plan|insert|select|Key \(/u,
      );
    }
    const unique = (await database.query(failures[0] as Sql).catch((thrown: unknown) => thrown)) as SqlError;
    expect([unique.code, unique.constraint, unique.table]).toEqual(["23505", "documents_title_key", "documents"]);
  });

  it("throws before the database when it is given a text", async () => {
    await expect(database.query("drop table documents" as unknown as Sql)).rejects.toThrow(TypeError);
    await expect(database.query(sql`select ${sql`1`}, ${"x"}`)).resolves.toHaveLength(1);
  });

  it("takes the filter of an access policy", async () => {
    const [mine, other] = [randomUUID(), randomUUID()];
    await pool.query("create table owned (id uuid, tenant_id uuid)");
    await pool.query("insert into owned values ($1, $1), ($2, $2)", [mine, other]);
    const policy = accessPolicy({
      resource: "owned",
      table: "owned",
      columns: { id: "uuid", tenantId: "uuid" },
      tenant: "tenantId",
      actions: { list: "list" },
      statements: [{ action: "list", principal: "authenticated", effect: "allow" }],
    });
    const who: User = {
      kind: "user",
      id: mine as UserId,
      tenantId: mine as TenantId,
      roles: [],
      assurance: 1,
      authenticatedAtMs: 0,
    };
    const filter = policy.filter(who, "list").template<Sql>(sql);
    expect(await database.query(sql`select id from owned where ${filter} and id = any(${[mine, other]})`)).toEqual([
      { id: mine },
    ]);
  });
});

describe("in Drizzle, on PGlite", () => {
  const documents = pgTable("documents", { id: integer("id").primaryKey(), title: text("title") });
  const embedded = new PGlite();
  const db = drizzleOn(embedded);
  beforeAll(async () => {
    await embedded.exec("create table documents (id int primary key, title text)");
    await db.insert(documents).values([
      { id: 1, title: "Plan" },
      { id: 2, title: "' or '1'='1" },
    ]);
  });
  afterAll(() => embedded.close());

  it("is a condition with its values bound, lists as one parameter", async () => {
    const where = drizzleSql(sql`title = ${"' or '1'='1"} and id = any(${[1, 2]})`, drizzle);
    expect(await db.select().from(documents).where(where)).toEqual([{ id: 2, title: "' or '1'='1" }]);
    const query = db.select().from(documents).where(where).toSQL();
    expect(query.sql).toContain("title = $1 and id = any($2)");
    expect(query.params).toEqual(["' or '1'='1", [1, 2]]);
  });

  it.each(ATTACKS)("%s is a value", async (attack) => {
    const where = drizzleSql(sql`title = ${attack}`, drizzle);
    const order = drizzleSql(sql`${sql.identifier("id", ["id"])} desc`, drizzle);
    const found = await db.select().from(documents).where(where).orderBy(order);
    expect(found).toHaveLength(attack === "' or '1'='1" ? 1 : 0);
    expect(await db.select().from(documents)).toHaveLength(2);
  });

  it("runs through the client as well", async () => {
    expect(await sqlClient(embedded).query(sql`select id from documents where title = ${"Plan"}`)).toEqual([{ id: 1 }]);
  });
});
