import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../../test/support/services.ts";
import { isAlways, isBound, readExpression, type TenantTerms } from "./expression.ts";

const terms: TenantTerms = { column: "tenant_id", setting: "app.tenant_id", functions: ["glacis.current_tenant"] };
const setting = "current_setting('app.tenant_id', true)";
const tenant = `nullif(${setting}, '')::uuid`;

const bound: readonly string[] = [
  `tenant_id = ${tenant}`,
  `${tenant} = tenant_id`,
  `t.tenant_id = (select ${tenant})`,
  `tenant_id = (select nullif(${setting}, ''))::uuid`,
  `tenant_id = current_setting('app.tenant_id')::uuid`,
  `tenant_id = (select glacis.current_tenant())::uuid`,
  `tenant_id = ${tenant} and title <> 'x'`,
  `(title = 'a' or title = 'b') and tenant_id = ${tenant}`,
  `(tenant_id = ${tenant} and title = 'a') or (tenant_id = ${tenant} and title = 'b')`,
  `tenant_id = ${tenant} and (title = 'a' or true)`,
  `tenant_id = ${tenant} and case when title = 'a' then true else false end`,
  `tenant_id = (select case when ${setting} ~ '^[0-9a-f-]+$' then ${tenant} else null::uuid end)`,
  `tenant_id = case when title = 'a' then ${tenant} else null end`,
];

const unbound: readonly string[] = [
  "true",
  "1 = 1",
  "title is not null",
  `tenant_id = ${tenant} or true`,
  `tenant_id = ${tenant} or title = 'public'`,
  `tenant_id <> ${tenant}`,
  `not (tenant_id = ${tenant})`,
  `(tenant_id = ${tenant}) is not null`,
  `tenant_id is not distinct from ${tenant}`,
  `coalesce(tenant_id = ${tenant}, true)`,
  `tenant_id = coalesce(${tenant}, tenant_id)`,
  `tenant_id = any (array[${tenant}, other_id])`,
  `tenant_id in (${tenant}, other_id)`,
  `other_id = ${tenant}`,
  `tenant_id = current_setting('app.other', true)::uuid`,
  `tenant_id = '00000000-0000-0000-0000-000000000000'::uuid`,
  `tenant_id = tenant_id`,
  `case when title = 'a' then tenant_id = ${tenant} else true end`,
  `tenant_id::text = (${setting}::text || '')`,
  `tenant_id::text like ${setting}`,
  `tenant_id = (select ${tenant} from docs limit 1)`,
  `exists (select 1 from docs d where d.tenant_id = ${tenant})`,
  `title = 'tenant_id = current_setting(''app.tenant_id'')'`,
  `tenant_id = nullif(${setting}, title)::uuid`,
  `(tenant_id = ${tenant}) = (title = 'x')`,
  `tenant_id = case when title = 'a' then ${tenant} else other_id end`,
  `tenant_id = case when title = 'a' then ${tenant} when title = 'b' then other_id else null end`,
  `tenant_id = case when title = 'a' then other_id else null end`,
  `tenant_id = case when title = 'a' then ${tenant} else (select tenant_id) end`,
  `tenant_id = (select case when title = 'a' then ${tenant} else null end from docs limit 1)`,
];

describe("an expression", () => {
  it.each(bound)("that is %s stays in the tenant", (text) => {
    expect(isBound(readExpression(text), terms)).toBe(true);
  });

  it.each(unbound)("that is %s may leave the tenant", (text) => {
    expect(isBound(readExpression(text), terms)).toBe(false);
  });

  it.each(["true", "(true)", "1 = 1", "('a'::text = 'a'::text)", "((title = 'a') OR true)"])(
    "that is %s is always true",
    (text) => {
      expect(isAlways(readExpression(text))).toBe(true);
    },
  );

  it.each(["false", "title = 'a'", "1 = 2", "title = title", "(true AND (title = 'a'))"])(
    "that is %s is not always true",
    (text) => {
      expect(isAlways(readExpression(text))).toBe(false);
    },
  );

  it("is read whatever it is, and never vouched for by chance", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(typeof isBound(readExpression(text), terms)).toBe("boolean");
        // The words that vouch are the column and the setting; without them there is nothing to stand on.
        if (!text.includes("tenant_id")) expect(isBound(readExpression(text), terms)).toBe(false);
      }),
    );
  });
});

const reader = `expression_${randomBytes(6).toString("hex")}`;
const postgres: TestDatabase | undefined = await testDatabase("expression");

describe.runIf(postgres !== undefined)("an expression as Postgres prints it", () => {
  if (postgres === undefined) return;
  const { pool } = postgres;

  beforeAll(async () => {
    await pool.query(`create schema glacis; create function glacis.current_tenant() returns text language sql stable as $$ select ${setting} $$;
      create table docs (tenant_id uuid, other_id uuid, title text); alter table docs enable row level security; alter table docs force row level security;
      create role ${reader}; grant select on docs to ${reader}; grant usage on schema glacis to ${reader}`);
    await pool.query(
      "insert into docs select 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000000', t from unnest(array['a', 'b', 'public', null]) t",
    );
    await pool.query(
      "insert into docs select 'bbbbbbbb-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000000', t from unnest(array['a', 'b', 'public', null]) t",
    );
    await pool.query("insert into docs values (null, 'aaaaaaaa-0000-4000-8000-000000000000', 'a')");
  });
  afterAll(async () => {
    await pool.query(`drop owned by ${reader}; drop role ${reader}`);
    await postgres.drop();
  });

  /** What Postgres keeps of it, and whether a row of another tenant is seen with it: in the tenant, and without any. */
  async function ask(text: string): Promise<{ readonly printed: string; readonly leaks: boolean }> {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(
        `create policy p on docs for select using (${text.replaceAll("t.tenant_id", "docs.tenant_id")})`,
      );
      const printed = await client.query(
        "select pg_get_expr(polqual, polrelid) as text from pg_policy where polname = 'p'",
      );
      await client.query(`set local role ${reader}`);
      let leaks = false;
      for (const value of ["aaaaaaaa-0000-4000-8000-000000000000", "", undefined]) {
        if (value !== undefined) await client.query("select set_config('app.tenant_id', $1, true)", [value]);
        await client.query("savepoint s");
        const foreign = value
          ? "select 1 from docs where tenant_id is distinct from 'aaaaaaaa-0000-4000-8000-000000000000'"
          : "select 1 from docs";
        const rows = await client.query(foreign).then(
          (result) => result.rowCount ?? 0,
          () => 0,
        );
        await client.query("rollback to savepoint s");
        leaks ||= rows > 0;
      }
      return { printed: printed.rows[0].text, leaks };
    } finally {
      await client.query("rollback");
      client.release();
    }
  }

  it.each(bound)("is recognised, and leaks nothing: %s", async (text) => {
    const { printed, leaks } = await ask(text);
    expect({ bound: isBound(readExpression(printed), terms), leaks }).toEqual({ bound: true, leaks: false });
  });

  it.each(unbound.filter((text) => !/from docs|like/u.test(text)))("is not vouched for: %s", async (text) => {
    const { printed } = await ask(text);
    expect(isBound(readExpression(printed), terms)).toBe(false);
  });

  it("is vouched for only where Postgres shows no foreign row, for any combination", async () => {
    const atom = fc.constantFrom(
      `tenant_id = ${tenant}`,
      "title = 'a'",
      "true",
      "false",
      `other_id = ${tenant}`,
      "tenant_id is null",
      `tenant_id = (select ${tenant})`,
      `tenant_id is not distinct from ${tenant}`,
    );
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        atom,
        fc
          .tuple(tie("tree"), fc.constantFrom("and", "or"), tie("tree"))
          .map(([left, word, right]) => `(${left}) ${word} (${right})`),
        tie("tree").map((inner) => `not (${inner})`),
        fc.tuple(tie("tree"), tie("tree")).map(([when, then]) => `case when ${when} then ${then} else false end`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (text) => {
        const { printed, leaks } = await ask(text);
        if (isBound(readExpression(printed), terms)) expect(leaks).toBe(false);
      }),
      { numRuns: 150 },
    );
  });
});
