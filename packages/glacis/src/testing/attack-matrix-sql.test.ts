import { PGlite } from "@electric-sql/pglite";
import { dataDir } from "@electric-sql/pglite-prepopulatedfs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { sqlState, type SqlStateOptions } from "./attack-matrix-sql.ts";
import type { ApplicationState } from "./attack-matrix-state.ts";

const postgres = await testDatabase("state");

interface Ground {
  readonly query: SqlStateOptions["query"];
  readonly exec: (sql: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: async () => {
    const engine = await PGlite.create({ loadDataDir: await dataDir() });
    return {
      query: (text, values) => engine.query(text, values),
      exec: (sql) => engine.exec(sql),
      close: () => engine.close(),
    };
  },
  ...(postgres !== undefined && {
    Postgres: () =>
      Promise.resolve({
        query: (text: string, values: unknown[]) => postgres.pool.query(text, values),
        exec: (sql: string) => postgres.pool.query(sql),
        close: () => postgres.drop(),
      }),
  }),
};

const TABLES = {
  teams: { tenant: "id" },
  notes: { tenant: "team", ignore: ["seen"], closed: ["kind"] },
  tags: { tenant: "team" },
  settings: {},
};

describe.each(Object.entries(grounds))("the state of an application on %s", (_, open) => {
  let ground: Ground;
  let state: ApplicationState;
  beforeAll(async () => {
    ground = await open();
    await ground.exec(`
      create table teams (id text primary key, name text not null);
      create table notes (team text not null references teams on delete cascade, id bigint generated always as identity primary key,
        body text, kind text, seen timestamptz default now(), raw bytea, amount numeric, length integer generated always as (length(body)) stored);
      create table tags (team text not null references teams, note bigint not null references notes, name text);
      create table settings (name text primary key, value jsonb);
      create table left_out (x int);
      insert into teams values ('a', 'A'), ('b', 'B');
      insert into notes (team, body, kind, raw, amount) values ('a', 'one "quoted" \\ ü', 'x', '\\xdeadbeef', 12345678901234567890.123456789), ('b', null, 'y', null, null);
      insert into tags select team, id, 'tag' from notes;
      insert into settings values ('theme', '{"dark": [1, 2, {"x": null}]}');
    `);
    state = sqlState({ query: ground.query, tables: TABLES, except: { left_out: "says nothing" } });
  });
  afterAll(() => ground.close());

  it("is every row of every table, each with its tenant", async () => {
    const rows = await state.read();
    expect(rows.map(({ table, tenant }) => `${table} ${tenant}`)).toEqual([
      "notes a",
      "notes b",
      "settings undefined",
      "tags a",
      "tags b",
      "teams a",
      "teams b",
    ]);
    expect(rows[0]?.values).toMatchObject({ body: 'one "quoted" \\ ü', kind: "x", raw: "\\xdeadbeef" });
    expect(state.ignored).toEqual(["notes.seen"]);
    expect(state.closed).toEqual(["notes.kind"]);
  });

  it.each([
    ["a changed row", "update notes set body = 'other', seen = now() + interval '1 day'"],
    ["a changed parent", "update teams set name = name || '!'"],
    ["a lost child", "delete from tags where team = 'a'"],
    ["a lost family", "delete from tags; delete from notes; delete from teams"],
    ["a cascade", "delete from tags where team = 'a'; delete from teams where id = 'a'"],
    ["a new family", "insert into teams values ('c', 'C'); insert into notes (team, body) values ('c', 'new')"],
    ["a changed document", "update settings set value = '{}'"],
    ["nothing", "select 1"],
  ])("comes back after %s, to the last digit", async (_name, damage) => {
    const before = await state.read();
    await ground.exec(damage);
    await state.write(before);
    expect(await state.read()).toEqual(before);
  });

  it("can be without one tenant, and whole again", async () => {
    const before = await state.read();
    const alone = before.filter(({ tenant }) => tenant !== "a");
    await state.write(alone);
    expect(await state.read()).toEqual(alone);
    await state.write(before);
    expect(await state.read()).toEqual(before);
  });

  it("does not overlook a table that was added later", async () => {
    const { left_out: _left, ...except } = { left_out: "x" };
    await expect(sqlState({ query: ground.query, tables: TABLES, except }).read()).rejects.toThrow(
      /does not know left_out\. Describe each table/u,
    );
    const tables = { ...TABLES, gone: {} };
    await expect(
      sqlState({ query: ground.query, tables, except: { left_out: "says nothing" } }).read(),
    ).rejects.toThrow(/describes gone, and there is no such table/u);
  });

  it("refuses a role that sees less than everything", async () => {
    const limited: SqlStateOptions["query"] = async (text, values) => {
      if (text.includes("rolbypassrls"))
        return ground.query(text.replace("current_user", "'pg_read_all_data'"), values);
      return ground.query(text, values);
    };
    await expect(
      sqlState({ query: limited, tables: TABLES, except: { left_out: "says nothing" } }).read(),
    ).rejects.toThrow(/a role that no row-level security binds/u);
  });

  it("says so when the database will not take a row as it was", async () => {
    const before = await state.read();
    await ground.exec(`
      create function shout() returns trigger language plpgsql as 'begin new.name := upper(new.name) || ''!''; return new; end';
      create trigger shout before insert on settings for each row execute function shout();
      delete from settings;
    `);
    await expect(state.write(before)).rejects.toThrow(/Is there a trigger/u);
    await ground.exec("drop trigger shout on settings; drop function shout");
    await state.write(before);
  });

  it("is small", async () => {
    await ground.exec("insert into settings select 'n' || n, null from generate_series(1, 2000) n");
    await expect(state.read()).rejects.toThrow(/more than 2000 rows/u);
    await ground.exec("delete from settings where name like 'n%'");
  });
});

describe("sqlState", () => {
  const query: SqlStateOptions["query"] = () => Promise.resolve({ rows: [] });
  it.each<[string, object, RegExp]>([
    ["an unknown option", { table: {} }, /no option "table"\. Did you mean "tables"/u],
    [
      "an unknown word of a table",
      { tables: { users: { tenat: "id" } } },
      /no option "tenat"\. Did you mean "tenant"/u,
    ],
    ["a table that is no plain identifier", { tables: { 'x"; drop': {} } }, /plain identifiers/u],
    ["a column that is no plain identifier", { tables: { users: { tenant: "a b" } } }, /plain identifiers/u],
    ["an exception without a reason", { except: { migrations: " " } }, /the reason in words/u],
  ])("refuses %s", (_, options, message) => {
    expect(() => sqlState({ query, tables: {}, ...options })).toThrow(message);
  });
});
