import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { describeLocation } from "../core/finding.ts";
import type { User } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { atLeast, below, caller, contains, isNull, related } from "./match.ts";
import { checkPolicyDrift } from "./policy-drift.ts";
import { rowSecurity } from "./row-security.ts";

/** Only a full server has collations that take different texts for equal. */
const postgres: TestDatabase | undefined = await testDatabase("columns");
const tenantId = randomUUID();
const ann: User = {
  kind: "user",
  id: "ann" as UserId,
  tenantId: tenantId as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
};

describe.runIf(postgres !== undefined)("the columns that a policy compares", () => {
  if (postgres === undefined) return;
  const note = accessPolicy({
    resource: "note",
    table: "notes",
    columns: {
      tenantId: "uuid",
      ownerId: "text",
      status: "text",
      level: "integer",
      size: "bigint",
      readers: "text[]",
      deletedAt: "timestamptz",
    },
    tenant: "tenantId",
    actions: { list: "list" },
    conditions: {
      isOwner: { ownerId: caller.userId },
      isOpen: { status: "open", level: atLeast(1), size: below(10), deletedAt: isNull() },
      isReader: { readers: contains(caller.userId) },
      isMarked: related({
        property: "marks",
        table: "marks",
        columns: { noteId: "text", kind: "text" },
        on: { noteId: "ownerId" },
        where: { kind: "seen" },
      }),
    },
    statements: [
      { action: "list", principal: "user", effect: "allow", expression: "isOwner or isOpen or isReader or isMarked" },
    ],
  });
  let client: pg.PoolClient;
  beforeAll(async () => {
    client = await postgres.pool.connect();
    await client.query("create collation folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  });
  afterAll(async () => {
    client.release();
    await postgres.drop();
  });

  const shape = {
    tenant_id: "uuid",
    owner_id: "text",
    status: "text",
    level: "integer",
    size: "bigint",
    readers: "text[]",
    deleted_at: "timestamptz",
    kind: "text",
  };
  async function find(change: Partial<typeof shape>): Promise<readonly string[]> {
    const { kind, ...columns } = { ...shape, ...change };
    await client.query("drop table if exists notes, marks");
    await client.query(`create table marks (note_id text, kind ${kind})`);
    await client.query(
      `create table notes (${Object.entries(columns)
        .map(([name, type]) => `${name} ${type}`)
        .join(", ")})`,
    );
    await client.query(rowSecurity(note).sql);
    const findings = await checkPolicyDrift(client, note);
    return findings.map(({ rule, at, detail }) => `${rule.id.split("/")[1]} ${describeLocation(at)} ${detail}`);
  }

  it("compare in the database as in memory where their types are those of the policy", async () => {
    expect(await find({})).toEqual([]);
    expect(await find({ status: "varchar(20)", level: "smallint", size: "integer", deleted_at: "date" })).toEqual([]);
    expect(await find({ status: 'text collate "C"' })).toEqual([]);
  });

  it.each<readonly [Partial<typeof shape>, string]>([
    [{ owner_id: "text collate folding" }, `"notes".owner_id collation folding`],
    [{ kind: "text collate folding" }, `"marks".kind collation folding`],
    [{ status: "character(10)" }, `"notes".status character instead of text`],
    [{ level: "numeric" }, `"notes".level numeric instead of integer`],
    [{ level: "bigint" }, `"notes".level bigint instead of integer`],
    [{ size: "double precision" }, `"notes".size double precision instead of bigint`],
    [{ readers: "text[] collate folding" }, `"notes".readers collation folding`],
  ])("are a finding where they are not: %j", async (change, expected) => {
    expect(await find(change)).toEqual([`column-differs ${expected}`]);
  });

  it("are what the finding says: a text that is another one is the same to the database", async () => {
    await find({ owner_id: "text collate folding" });
    await client.query("insert into notes (tenant_id, owner_id) values ($1, 'ANN')", [tenantId]);
    const { text, values } = note.filter(ann, "list", { alias: "notes" });
    const { rows } = await client.query(`select owner_id from notes where ${text}`, [...values]);
    expect(rows).toEqual([{ owner_id: "ANN" }]);
    expect(note.permits(ann, "list", { tenantId, ownerId: "ANN", marks: [] } as never)).toBe(false);
  });
});
