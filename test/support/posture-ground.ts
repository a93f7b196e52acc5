import { describeLocation, keyRing, newKey, type Finding } from "glacis";
import { databasePosture, installTenantProof, tenantMigration, type PostureOptions } from "glacis/data";
import { tenantGround, type TenantGround } from "./tenant-ground.ts";

/** A database without faults, and a way to plant one, judge, mend and forget it. */
export interface PostureGround {
  readonly ground: TenantGround;
  /** What the application's own connection shows. */
  asApplication(options?: PostureOptions): Promise<readonly Finding[]>;
  /**
   * Plants a fault, judges the database as the application, and judges it again after the SQL of the finding was applied. Everything happens in
   * a transaction that is undone.
   *
   * @param rule the finding to mend
   * @param place a part of its place
   */
  plant(fault: string, rule: string, place?: string): Promise<Planted>;
}

export interface Planted {
  readonly findings: readonly Finding[];
  /** Undefined where the finding has no SQL, or leaves a name to be filled in. */
  readonly afterMending: readonly Finding[] | undefined;
}

const TABLES = `
  create table tenants (id uuid primary key, name text not null);
  create table users (tenant_id uuid not null, id uuid primary key, name text not null);
  create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), owner_id uuid, text text);
  create table countries (code text primary key);
`;

/** @returns undefined where no Postgres answers, after saying so */
export async function postureGround(suite: string): Promise<PostureGround | undefined> {
  const ground = await tenantGround(suite);
  if (ground === undefined) return undefined;
  const { owner, role } = ground;
  await owner.query(TABLES);
  await owner.query(
    tenantMigration({
      role,
      proof: true,
      tables: [
        { name: "tenants", tenantColumn: "id", grant: { select: true } },
        { name: "users", references: [{ column: "tenant_id", table: "tenants" }] },
        {
          name: "notes",
          references: [
            { column: "tenant_id", table: "tenants" },
            { column: "owner_id", table: "users" },
          ],
        },
      ],
    }),
  );
  await installTenantProof(owner, keyRing(newKey("k1")));
  await owner.query(`grant select on countries to ${role};
    alter role ${role} set statement_timeout = '30s'; alter role ${role} set idle_in_transaction_session_timeout = '30s'`);
  const shared: PostureOptions = { shared: ["countries"] };
  return {
    ground,
    asApplication: (options) => databasePosture(ground.pool(), { ...shared, ...options }),
    async plant(fault, rule, place = "") {
      const client = await owner.connect();
      const judge = async (): Promise<readonly Finding[]> => {
        await client.query(`set local session authorization ${role}`);
        await client.query(
          "set local statement_timeout = '30s'; set local idle_in_transaction_session_timeout = '30s'",
        );
        const findings = await databasePosture(client, shared);
        await client.query("set local session authorization default");
        return findings;
      };
      try {
        await client.query("begin");
        await client.query(fault.replaceAll("$role", role));
        const findings = await judge();
        const sql = findings.find(
          (finding) => finding.rule.id === rule && describeLocation(finding.at).includes(place),
        )?.sql;
        // What leaves a name to be filled in, and the server's own settings, which no transaction can change.
        if (sql === undefined || /<|--|alter system/u.test(sql)) return { findings, afterMending: undefined };
        await client.query(sql.replaceAll(" concurrently", ""));
        return { findings, afterMending: await judge() };
      } finally {
        await client.query("rollback");
        client.release();
      }
    },
  };
}

/** What no SQL mends, and what does. */
const MENDED_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["database-exposure/connection-not-encrypted", "sslmode of the connection's URL, and pg_hba.conf"],
  ["database-exposure/server-end-of-life", "another server"],
  ["database-exposure/embedded-engine", "another server"],
  ["database-exposure/login-is-another-role", "the user of the connection's URL"],
  ["database-exposure/posture-unread", "a role or a view of the catalogs that is there"],
  ["tenant-isolation/no-tenant-tables", "the options of the check"],
  ["tenant-isolation/setting-unproved", "tenantMigration({ proof: true }), and the keys of the application"],
]);

/** The rules of findings that say nothing of what mends them, although SQL would. */
export function withoutRemedy(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ rule, sql }) =>
    (sql === undefined) === MENDED_ELSEWHERE.has(rule.id) ? [] : [`${rule.id}: ${sql ?? "no SQL"}`],
  );
}

/** A fault: the rule that must find it, where, and the SQL that plants it; `$role` is the application's. */
export type Fault = readonly [rule: string, place: string, sql: string];
