import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { accessPolicy, caller, rowSecurity } from "glacis/authorization";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../test/support/command-line.ts";
import { tenantGround, type TenantGround } from "../../../test/support/tenant-ground.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const answer = commandProcess();
const ground: TenantGround | undefined = await tenantGround("cli_database");

const CONFIG = `import { glacis, REQUIRED_CONTROLS } from "glacis";
import { bareLayers, stubControl } from "glacis/testing";
export const security = glacis(bareLayers({ mode: "production", network: REQUIRED_CONTROLS.map((id) => stubControl(id, {})) }));
`;
const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
const CONFIGS: Readonly<Record<string, string>> = {
  "glacis.config.ts": CONFIG,
  "shared.config.ts": `${CONFIG}export const database = { shared: ["countries"], tables: { bills: "org_id" } };`,
  "waived.config.ts": `${CONFIG}export const waivers = [
    { id: "tenant-isolation/rls-disabled", at: "public.notes", reason: "until the migration", owner: "data team", expires: "${expires}" },
  ];`,
  "mounted.config.ts": CONFIG.replace(
    "glacis(bareLayers({",
    "glacis(bareLayers({ environment: [...databaseControls([])],",
  ).replace("import { bareLayers", 'import { databaseControls } from "glacis/data";\nimport { bareLayers'),
  "policies.config.ts": `${CONFIG}import { accessPolicy, caller } from "glacis/authorization";
    const policy = accessPolicy({
      resource: "draft", table: "drafts", columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid" }, tenant: "tenantId",
      actions: { list: "list", create: "create", update: "update", destroy: "delete" },
      conditions: { isOwner: { ownerId: caller.userId } },
      statements: [{ action: "*", principal: "user", effect: "allow", condition: "isOwner" }],
    });
    export const policies = [{ policy }];`,
  "no-policy.config.ts": `${CONFIG}export const policies = [{ table: "drafts" }];`,
  "misspelt.config.ts": `${CONFIG}export const database = { sharde: ["countries"] };`,
  "list.config.ts": `${CONFIG}export const database = ["countries"];`,
};

let folder: string;
let bare: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glacis-check-database-"));
  bare = mkdtempSync(join(tmpdir(), "glacis-check-bare-"));
  for (const place of [folder, bare]) {
    mkdirSync(join(place, "node_modules"));
    symlinkSync(join(ROOT, "packages/glacis"), join(place, "node_modules/glacis"), "dir");
    writeFileSync(join(place, "package.json"), '{ "type": "module" }');
    for (const [path, text] of Object.entries(CONFIGS)) writeFileSync(join(place, path), text);
  }
  symlinkSync(join(ROOT, "node_modules/pg"), join(folder, "node_modules/pg"), "dir");
  await ground?.owner.query(`create table notes (tenant_id uuid not null, id uuid primary key);
    create table bills (org_id uuid not null, id uuid primary key);
    create table countries (code text primary key);
    grant select on notes, bills, countries to ${ground.role}`);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(bare, { recursive: true, force: true });
  await ground?.drop();
});

/** The same database as its owner. */
function ownerUrl(url: string): string {
  const owner = new URL(url);
  const admin = new URL(process.env["DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres");
  owner.username = admin.username;
  owner.password = admin.password;
  return owner.href;
}

/** As policies.config.ts has it. */
const drafts = accessPolicy({
  resource: "draft",
  table: "drafts",
  columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid" },
  tenant: "tenantId",
  actions: { list: "list", create: "create", update: "update", destroy: "delete" },
  conditions: { isOwner: { ownerId: caller.userId } },
  statements: [{ action: "*", principal: "user", effect: "allow", condition: "isOwner" }],
});

const environment = (more: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  PATH: process.env["PATH"] ?? "",
  NODE_ENV: "production",
  ...more,
});

const glacis = (args: readonly string[], more = {}, cwd = folder): Promise<Ended> =>
  answer(["check", ...args], { cwd, env: environment(more) });

interface Document {
  readonly clean: boolean;
  readonly findings: readonly {
    readonly id: string;
    readonly at: object;
    readonly sql?: string;
    readonly detail?: string;
  }[];
  readonly controls: readonly { readonly id: string; readonly findings: number }[];
}

const documentOf = ({ stdout }: Ended): Document => JSON.parse(stdout) as Document;

describe.runIf(ground !== undefined)("glacis check --database", () => {
  if (ground === undefined) return;
  const { url, role } = ground;

  it("judges the database of the environment, and prints what mends it", async () => {
    const env = environment({ DATABASE_URL: url });
    const { stdout, stderr, exitCode } = await spawnGlacis(["check", "--database"], { cwd: folder, env });
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });
    expect(stdout).toMatch(/^error {4}tenant-isolation\/rls-disabled {2}at public\.notes$/mu);
    expect(stdout).toContain('         sql: alter table "public"."notes" enable row level security;');
    expect(stdout).toMatch(
      /^warning {2}tenant-isolation\/table-unclassified {2}at public\.bills, public\.countries$/mu,
    );
  });

  it("says nothing about a database that it was not asked about", async () => {
    const { stdout, exitCode } = await glacis([], { DATABASE_URL: url });
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("tenant-isolation");
  });

  it("looks at tables as the configuration says", async () => {
    const ended = await glacis(["--database", "--format", "json", "--config", "shared.config.ts"], {
      DATABASE_URL: url,
    });
    const ids = documentOf(ended).findings.map(({ id, at }) => `${id} ${(at as { name: string }).name}`);
    expect(ids).toContain("tenant-isolation/rls-disabled public.bills");
    expect(ids.filter((id) => id.includes("table-unclassified"))).toEqual([]);
  });

  it("takes the role that the application becomes", async () => {
    const ended = await glacis(["--database", ownerUrl(url), "--database-role", role, "--format", "json"]);
    const ids = documentOf(ended).findings.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(["database-exposure/login-is-another-role", "database-exposure/role-superuser"]),
    );
  });

  it("gives programs the SQL, and counts the controls", async () => {
    const document = documentOf(await glacis(["--database", "--format", "json"], { DATABASE_URL: url }));
    const finding = document.findings.find(({ id }) => id === "tenant-isolation/rls-disabled");
    expect(finding).toMatchObject({
      at: { kind: "database", name: "public.notes" },
      sql: expect.stringContaining("enable row level security") as string,
    });
    expect(document.controls.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["tenant-isolation", "tenant-referential-integrity", "database-exposure"]),
    );
  });

  it("writes SARIF of which every result can be told from every other", async () => {
    const { stdout } = await glacis(["--database", "--format", "sarif", "--deploy"], { DATABASE_URL: url });
    const log = JSON.parse(stdout) as {
      readonly runs: readonly {
        readonly results: readonly {
          readonly partialFingerprints: Readonly<Record<string, string>>;
          readonly properties?: object;
        }[];
      }[];
    };
    const results = log.runs[0]?.results ?? [];
    const prints = results.map((result) => result.partialFingerprints["ruleAndPlace/v1"]);
    expect(new Set(prints).size).toBe(prints.length);
    expect(results.some(({ properties }) => properties !== undefined && "sql" in properties)).toBe(true);
  });

  it("honours a waiver of one table", async () => {
    const { stdout } = await glacis(["--database", "--config", "waived.config.ts"], { DATABASE_URL: url });
    expect(stdout).toMatch(/^waived {3}tenant-isolation\/rls-disabled {2}at public\.notes$/mu);
  });

  it("looks itself where the composition has mounted a posture already", async () => {
    const { stdout } = await glacis(["--database", "--config", "mounted.config.ts"], { DATABASE_URL: url });
    expect(stdout).toContain("tenant-isolation/rls-disabled");
  });

  it("compares the row-level security of each access policy, and finds every kind of difference", async () => {
    const mend = rowSecurity(drafts).sql;
    const owner = ownerUrl(url);
    await ground.owner.query(
      `create table drafts (tenant_id uuid not null, id uuid primary key, owner_id uuid not null); ${mend}`,
    );
    const found = async (change: string): Promise<readonly (readonly [string, string | undefined])[]> => {
      await ground.owner.query(`${mend} ${change}`);
      const args = ["--database", "--format", "json", "--config", "policies.config.ts"];
      const document = documentOf(await glacis(args, { DATABASE_URL: url, MIGRATION_DATABASE_URL: owner }));
      return document.findings
        .filter(({ id }) => id.startsWith("object-level-authorization/"))
        .map(({ id, detail }) => [id.split("/")[1] as string, detail]);
    };
    expect(await found("")).toEqual([]);
    const each: readonly (readonly [change: string, rule: string, detail: string])[] = [
      ["drop policy draft_update on drafts", "policy-missing", "draft_update"],
      ["alter policy draft_select on drafts using (true)", "policy-drift", "draft_select: using"],
      ["alter policy draft_insert on drafts with check (true)", "policy-drift", "draft_insert: with check"],
      [`alter policy draft_delete on drafts to ${role}`, "policy-drift", "draft_delete: roles"],
      [
        "drop policy draft_delete on drafts; create policy draft_delete on drafts as restrictive for delete using (true)",
        "policy-drift",
        "draft_delete: permissive, using",
      ],
      ["create policy extra on drafts using (true)", "policy-widened", "extra"],
      ["drop policy extra on drafts; alter table drafts no force row level security", "row-security-off", "not forced"],
      ["alter table drafts disable row level security", "row-security-off", "not enabled"],
    ];
    for (const [change, rule, detail] of each) expect(await found(change), change).toEqual([[rule, detail]]);
    const args = ["--database", "--config", "policies.config.ts"];
    await ground.owner.query(`${mend} alter policy draft_select on drafts using (true)`);
    const environment = { DATABASE_URL: url, MIGRATION_DATABASE_URL: owner };
    const text = await glacis(args, environment);
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toMatch(/^error {4}object-level-authorization\/policy-drift {2}at "drafts"/mu);
    expect((await glacis([...args, "--format", "sarif"], environment)).stdout).toContain(
      "object-level-authorization/policy-drift",
    );
    await ground.owner.query(mend);
  }, 120_000);

  it("says so where the policies cannot be compared, and exits 2 for what is no policy", async () => {
    await ground.owner.query("drop table if exists drafts");
    const args = ["--database", "--format", "json", "--config", "policies.config.ts"];
    const ids = documentOf(await glacis(args, { DATABASE_URL: url })).findings.map(({ id }) => id);
    expect(ids).toContain("object-level-authorization/drift-unjudged");
    const { exitCode, stderr } = await glacis(["--database", "--config", "no-policy.config.ts"], { DATABASE_URL: url });
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("exports policies that are no list") as string,
    });
  });

  it("exits 2 and quotes no password when the database does not let it in", async () => {
    const wrong = new URL(url);
    wrong.pathname = "/nowhere_at_all";
    wrong.password = "hunter2";
    const place = { cwd: folder, env: environment({}) };
    const { stdout, stderr, exitCode } = await spawnGlacis(["check", "--database", wrong.href], place);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toContain("the database could not be judged:");
    expect(stderr).not.toContain("hunter2");
  });

  it("exits 2 for an option about the database that means nothing", async () => {
    const { stderr, exitCode } = await glacis(["--database", "--config", "misspelt.config.ts"], { DATABASE_URL: url });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean "shared"?');
    expect((await glacis(["--config", "list.config.ts"])).stderr).toContain("exports a database that is no object");
  });
});

describe("glacis check --database without what it needs", () => {
  it("exits 2 without a URL, and without a driver", async () => {
    const none = await glacis(["--database"]);
    expect(none).toMatchObject({ stdout: "", exitCode: 2 });
    expect(none.stderr).toContain("DATABASE_URL");
    const undriven = await glacis(["--database", "postgres://127.0.0.1/x"], {}, bare);
    expect(undriven).toMatchObject({ stdout: "", exitCode: 2 });
    expect(undriven.stderr).toContain("npm install pg");
  });

  it("exits 2 for a URL that is none, without quoting it", async () => {
    const { stderr, exitCode } = await glacis(["--database", "postgres://user:hunter2@[nonsense/x"]);
    expect(exitCode).toBe(2);
    expect(stderr).not.toContain("hunter2");
  });
});
