import { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import {
  callers,
  COLUMNS,
  policies,
  things,
  type GeneratedPolicy,
  type Thing,
  type ThingAction,
} from "../../../../test/support/access-policies.ts";
import type { Principal } from "../core/principal.ts";
import { rowSecurity, rowSettings } from "./row-security.ts";

/** One policy, three enforcers: generated policies, callers and rows, and no row on which two of them disagree. */

const role = `access_test_${randomBytes(6).toString("hex")}`;
const MIGRATION = `
  create table things (
    number integer, tenant_id text, owner_id text, reviewer_id text, status text, level integer, size bigint, open boolean, team_id uuid,
    shared_with text[], teams uuid[], deleted_at timestamptz
  );
  create table marks (number integer, owner_id text, status text, user_id text, kind text);
  create role ${role} nologin nosuperuser nobypassrls;
  grant select on marks to ${role};
  grant select, insert, update, delete on things to ${role};
`;

interface Connection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

interface Ground {
  readonly connection: Connection;
  readonly exec: (sql: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const postgres: TestDatabase | undefined = await testDatabase("enforcers");

const grounds: Readonly<Record<string, { readonly runs: number; readonly open: () => Promise<Ground> }>> = {
  PGlite: {
    runs: 40,
    open: async () => {
      const database = await PGlite.create();
      return { connection: database, exec: (sql) => database.exec(sql), close: () => database.close() };
    },
  },
  ...(postgres !== undefined && {
    Postgres: {
      runs: 120,
      open: async (): Promise<Ground> => {
        const client = new pg.Client({ connectionString: postgres.url });
        await client.connect();
        return {
          connection: client,
          exec: (sql) => client.query(sql),
          close: async () => {
            await client.query(`drop owned by ${role}; drop role ${role}`);
            await client.end();
            await postgres.drop();
          },
        };
      },
    },
  }),
};

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

const PROPERTIES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const NAMES = PROPERTIES.map(snake).join(", ");

async function insert(connection: Connection, things: readonly Thing[]): Promise<void> {
  const width = PROPERTIES.length;
  const rows = things.map((_, index) => `(${PROPERTIES.map((_name, at) => `$${index * width + at + 1}`).join(", ")})`);
  const values = things.flatMap((thing) => PROPERTIES.map((name) => thing[name]));
  await connection.query(`insert into things (${NAMES}) values ${rows.join(", ")}`, values);
}

async function mark(connection: Connection, things: readonly Thing[]): Promise<void> {
  for (const { number, marks } of things)
    for (const { userId, kind } of marks)
      await connection.query("insert into marks (number, user_id, kind) values ($1, $2, $3)", [number, userId, kind]);
}

const EVERYTHING = `select *, (select coalesce(json_agg(json_build_object('userId', m.user_id, 'kind', m.kind)), '[]')
  from marks m where m.number = things.number) as marks from things order by number`;

function read(record: unknown): Thing {
  const values = record as Readonly<Record<string, unknown>>;
  const names = [...PROPERTIES, "marks"];
  return Object.fromEntries(names.map((name) => [name, values[snake(name)]])) as unknown as Thing;
}

const numbersOf = (rows: readonly unknown[]): readonly number[] =>
  rows.map((found) => (found as { number: number }).number).sort((left, right) => left - right);

async function become(connection: Connection, who: Principal): Promise<void> {
  const settings = [...rowSettings(who), ["role", role]];
  const calls = settings.map((_, index) => `set_config($${index * 2 + 1}, $${index * 2 + 2}, true)`);
  await connection.query(`select ${calls.join(", ")}`, settings.flat());
}

/** Does row-level security let the work through? Anything but its refusal is an error of the test. */
async function passes(connection: Connection, work: () => Promise<unknown>): Promise<boolean> {
  await connection.query("savepoint attempt");
  try {
    await work();
    return true;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "42501") return false;
    throw error;
  } finally {
    await connection.query("rollback to savepoint attempt");
  }
}

async function numbersAfter(connection: Connection, sql: string): Promise<readonly number[]> {
  await connection.query("savepoint attempt");
  const { rows } = await connection.query(sql);
  await connection.query("rollback to savepoint attempt");
  return numbersOf(rows);
}

function isSomebody(who: Principal): boolean {
  return who.kind === "anonymous" || (who.id.length > 0 && who.tenantId.length > 0);
}

async function compare(
  connection: Connection,
  subject: GeneratedPolicy,
  who: Principal,
  rows: readonly Thing[],
): Promise<void> {
  const permitted = (...actions: readonly ThingAction[]): readonly number[] =>
    rows
      .filter((thing) => actions.some((action) => subject.permits(who, action, thing as never)))
      .map(({ number }) => number as number);
  for (const action of ["list", "update", "destroy"] as const) {
    const { text: where, values } = subject.filter(who, action, { startAt: 2, alias: "t" });
    const listed = await connection.query(`select number from things t where number >= $1 and ${where}`, [
      0,
      ...values,
    ]);
    expect(numbersOf(listed.rows)).toEqual(permitted(action));
  }
  if (!isSomebody(who)) return;
  await become(connection, who);
  const visible = permitted("list", "retrieve");
  expect(numbersOf((await connection.query("select number from things")).rows)).toEqual(visible);
  // Postgres changes and removes only what the caller also sees.
  const within = (numbers: readonly number[]): readonly number[] =>
    numbers.filter((number) => visible.includes(number));
  expect(await numbersAfter(connection, "update things set level = level returning number")).toEqual(
    within(permitted("update")),
  );
  expect(await numbersAfter(connection, "delete from things returning number")).toEqual(within(permitted("destroy")));
  for (const thing of rows.slice(0, 2)) {
    const passed = await passes(connection, () => insert(connection, [thing]));
    expect(passed).toBe(subject.permits(who, "create", thing as never));
  }
  await connection.query("reset role");
}

describe.each(Object.entries(grounds))("the three enforcers on %s", (_name, { runs, open }) => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await open();
    await ground.exec(MIGRATION);
  });

  afterAll(async () => ground.close());

  it("agree about every row, every caller and every verb", async () => {
    const { connection } = ground;
    const answers = { yes: 0, no: 0 };
    const property = fc.asyncProperty(policies, things, callers, async (subject, generated, asking) => {
      await connection.query("begin");
      try {
        const numbered = generated.map((thing, number) => ({ number, ...thing }));
        await insert(connection, numbered);
        await mark(connection, numbered);
        await ground.exec(rowSecurity(subject).sql);
        const rows = (await connection.query(EVERYTHING)).rows.map(read);
        for (const who of asking) {
          await compare(connection, subject, who, rows);
          for (const thing of rows) answers[subject.permits(who, "list", thing as never) ? "yes" : "no"] += 1;
        }
      } finally {
        await connection.query("rollback");
      }
    });
    await fc.assert(property, { numRuns: runs, endOnFailure: true });
    // Policies that refuse everything agree about nothing worth knowing.
    expect(Math.min(answers.yes, answers.no)).toBeGreaterThan(runs);
  }, 120_000);
});
