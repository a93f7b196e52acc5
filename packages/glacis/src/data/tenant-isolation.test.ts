import { afterAll, describe, expect, it } from "vitest";
import {
  postureGround,
  withoutRemedy,
  type Fault,
  type PostureGround,
} from "../../../../test/support/posture-ground.ts";
import { rulesOf } from "./posture/rules.ts";
import { tenantIsolation } from "./tenant-isolation.ts";

const ground: PostureGround | undefined = await postureGround("isolation");

const tenant = "nullif(current_setting('app.tenant_id', true), '')::uuid";
const proved = "(select glacis.current_tenant()::uuid)";
/** Only where nothing restrictive is beneath does a permissive policy decide alone. */
const bare = "drop policy tenant_floor on notes;";
const extra = (expression: string, rest: string = ""): string =>
  `${bare} create policy extra on notes to $role using (${expression}) ${rest};`;
const only = (expression: string): string =>
  `${bare} drop policy tenant_select on notes; create policy reading on notes for select to $role using (${expression});`;

const faults: readonly Fault[] = [
  [
    "rls-disabled",
    "public.notes",
    "drop policy tenant_floor on notes; drop policy tenant_select on notes; drop policy tenant_insert on notes; drop policy tenant_update on notes; drop policy tenant_delete on notes; alter table notes disable row level security",
  ],
  [
    "rls-disabled",
    "public.bills",
    "create table bills (tenant_id uuid not null, id uuid); grant select on bills to $role",
  ],
  ["rls-off-with-policies", "public.notes", "alter table notes disable row level security"],
  ["rls-not-forced", "public.notes", "alter table notes no force row level security"],
  [
    "no-policies",
    "public.notes",
    "drop policy tenant_select on notes; drop policy tenant_insert on notes; drop policy tenant_update on notes; drop policy tenant_delete on notes; drop policy tenant_floor on notes",
  ],
  ["verb-not-covered", "public.notes", "drop policy tenant_delete on notes"],
  ["verb-not-covered", "public.notes", "alter policy tenant_update on notes to postgres"],
  [
    "partition-unprotected",
    "public.parts_1",
    `create table parts (tenant_id uuid not null, id uuid) partition by hash (tenant_id); create table parts_1 partition of parts for values with (modulus 1, remainder 0); alter table parts enable row level security; alter table parts force row level security; create policy p on parts to $role using (tenant_id = ${proved}); grant select on parts, parts_1 to $role`,
  ],
  [
    "child-unprotected",
    "public.old_notes",
    "create table old_notes () inherits (notes); grant select on old_notes to $role",
  ],
  ["unlogged-table", "public.notes", "alter table notes set unlogged"],
  [
    "tenant-types-differ",
    "public.labels",
    "create table labels (tenant_id text not null, id uuid); create index on labels (tenant_id)",
  ],
  ["tenant-index-missing", "public.labels", "create table labels (tenant_id uuid not null, id uuid)"],
  [
    "tenant-index-missing",
    "public.labels",
    "create table labels (tenant_id uuid not null, id uuid); create index on labels (tenant_id) where id is not null; create index on labels (id, tenant_id)",
  ],
  ["no-tenant-tables", "glacis_isolation", "drop table notes, users, tenants"],
  ["table-unclassified", "public.loose", "create table loose (id int); grant select (id) on loose to $role"],

  ["policy-always-true", "public.notes.extra", extra("true")],
  ["policy-always-true", "public.notes.extra", extra("1 = 1")],
  ["policy-always-true", "public.notes.reading", only("true")],
  ["policy-or-true", "public.notes.extra", extra(`tenant_id = ${tenant} or true`)],
  ["policy-or-true", "public.notes.extra", extra(`(tenant_id = ${tenant}) or (text = 'x' or 'a' = 'a')`)],
  [
    "policy-missing-tenant-opens",
    "public.notes.extra",
    extra(`current_setting('app.tenant_id', true) is null or tenant_id = ${tenant}`),
  ],
  [
    "policy-missing-tenant-opens",
    "public.notes.extra",
    extra(`current_setting('app.tenant_id', true) = '' or tenant_id = ${tenant}`),
  ],
  ["policy-missing-tenant-opens", "public.notes.extra", extra(`${proved} is null or tenant_id = ${proved}`)],
  ["policy-null-equals-null", "public.notes.extra", extra(`tenant_id is not distinct from ${tenant}`)],
  ["policy-null-equals-null", "public.notes.extra", extra(`tenant_id = coalesce(${tenant}, tenant_id)`)],
  ["policy-fixed-tenant", "public.notes.extra", extra("tenant_id = '00000000-0000-0000-0000-000000000001'")],
  ["policy-by-role-name", "public.notes.extra", extra("text = current_user")],
  ["policy-by-pattern", "public.notes.extra", extra("tenant_id::text like current_setting('app.tenant_id', true)")],
  [
    "policy-by-pattern",
    "public.notes.extra",
    extra("tenant_id::text ~ (select current_setting('app.tenant_id', true))"),
  ],
  [
    "policy-other-setting",
    "public.notes.extra",
    extra("tenant_id = nullif(current_setting('app.org', true), '')::uuid"),
  ],
  ["policy-column-wrapped", "public.notes.extra", extra("tenant_id::text = current_setting('app.tenant_id', true)")],
  [
    "policy-column-wrapped",
    "public.notes.extra",
    extra("lower(tenant_id::text) = lower(current_setting('app.tenant_id', true))"),
  ],
  ["policy-not-on-tenant", "public.notes.extra", extra("text is not null")],
  ["policy-not-on-tenant", "public.notes.extra", extra(`not (tenant_id = ${tenant})`)],
  ["policy-not-on-tenant", "public.notes.extra", extra(`tenant_id = ${tenant} or text = 'public'`)],
  ["policy-not-on-tenant", "public.notes.extra", extra(`exists (select from users u where u.tenant_id = ${tenant})`)],
  ["policy-open-write", "public.notes.extra", extra(`tenant_id = ${proved}`, "with check (true)")],
  [
    "policy-open-write",
    "public.notes.adding",
    `${bare} create policy adding on notes for insert to $role with check (1 = 1)`,
  ],
  [
    "policy-write-not-on-tenant",
    "public.notes.adding",
    `${bare} create policy adding on notes for insert to $role with check (text is not null)`,
  ],
  [
    "policy-write-not-on-tenant",
    "public.notes.extra",
    extra(`tenant_id = ${proved}`, "with check (owner_id is not null)"),
  ],
  [
    "policy-open-for-reachable-role",
    "public.notes.everything",
    "create role posture_other; create policy everything on notes to posture_other using (true); alter role $role noinherit; grant posture_other to $role",
  ],
  [
    "policies-restrictive-only",
    "public.notes",
    "drop policy tenant_select on notes; drop policy tenant_insert on notes; drop policy tenant_update on notes; drop policy tenant_delete on notes",
  ],
  ["policies-without-floor", "public.notes", bare],
  ["policy-inert-floor", "public.notes.floor", "create policy floor on notes as restrictive to $role using (true)"],
  ["policy-check-missing", "public.notes.extra", extra(`tenant_id = ${proved}`)],
  ["policy-empty-tenant", "public.notes.extra", extra("tenant_id = current_setting('app.tenant_id', true)::uuid")],
  [
    "policy-setting-raises",
    "public.notes.extra",
    extra("tenant_id = nullif(current_setting('app.tenant_id'), '')::uuid"),
  ],
  ["policy-per-row", "public.notes.extra", extra(`tenant_id = ${tenant}`)],
  ["policy-volatile", "public.notes.extra", extra(`tenant_id = ${proved} and random() < 0.5`)],
  [
    "policy-volatile",
    "public.notes.extra",
    `create function dice() returns boolean language sql as 'select true'; ${extra(`tenant_id = ${proved} and dice()`)}`,
  ],
  [
    "policy-calls-immutable",
    "public.notes.extra",
    `create function mine() returns uuid language sql immutable as 'select nullif(current_setting(''app.tenant_id'', true), '''')::uuid'; ${extra("tenant_id = mine()")}`,
  ],
  [
    "policy-calls-immutable",
    "public.notes.extra",
    `create function known(code text) returns boolean language plpgsql immutable as 'begin return exists (select from public.countries c where c.code = known.code); end'; ${extra(`tenant_id = ${proved} and known(text)`)}`,
  ],
  [
    "policy-calls-definer",
    "public.notes.extra",
    `create function permitted() returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as 'select true'; ${extra(`tenant_id = ${proved} and permitted()`)}`,
  ],
  [
    "policy-reads-unprotected",
    "public.notes.extra",
    extra(`tenant_id = ${proved} and exists (select from countries c where c.code = text)`),
  ],
  ["policy-never-true", "public.notes.extra", extra("false")],
  [
    "policy-for-exempt-role",
    "public.notes.extra",
    `create role posture_other bypassrls; create policy extra on notes to posture_other using (tenant_id = ${proved})`,
  ],
  ["policy-to-public", "public.notes.extra", `create policy extra on notes using (tenant_id = ${proved})`],
  [
    "policy-duplicate",
    "public.notes.twin",
    `create policy twin on notes for select to $role using (tenant_id = ${proved})`,
  ],
  [
    "policy-placeholder",
    "public.notes.tmp_reading",
    `create policy tmp_reading on notes for select to $role using (tenant_id = ${proved} and text is not null)`,
  ],
  [
    "setting-unproved",
    "app.tenant_id",
    `drop function glacis.current_tenant cascade; ${["notes", "users", "tenants"].map((table) => `create policy plain on ${table} to $role using (${table === "tenants" ? "id" : "tenant_id"} = ${tenant});`).join(" ")}`,
  ],
  [
    "setting-unproved",
    "public.notes",
    `drop policy tenant_floor on notes; drop policy tenant_select on notes; create policy reading on notes for select to $role using (tenant_id = ${tenant})`,
  ],
  ["proof-keys-reachable", "glacis.tenant_keys", "grant select on glacis.tenant_keys to $role"],
  ["proof-keys-reachable", "glacis.tenant_keys", "grant update (inner_pad) on glacis.tenant_keys to $role"],

  [
    "view-not-invoker",
    "public.all_notes",
    "create view all_notes as select * from notes; grant select on all_notes to $role",
  ],
  [
    "view-not-invoker",
    "public.over",
    "create view under as select * from notes; create view over as select * from under",
  ],
  ["view-without-barrier", "public.all_notes", "create view all_notes as select * from notes"],
  [
    "materialized-view",
    "public.copied",
    "create materialized view copied as select * from notes; grant select on copied to $role",
  ],
  [
    "view-calls-definer",
    "public.all_notes",
    "create function every() returns setof notes language sql security definer set search_path = pg_catalog, pg_temp as 'select * from public.notes'; create view all_notes with (security_invoker) as select * from every()",
  ],
  [
    "definer-search-path",
    "public.risky",
    "create function risky() returns int language sql security definer as 'select 1'",
  ],
  [
    "definer-temporary-first",
    "public.risky",
    "create function risky() returns int language sql security definer set search_path = public as 'select 1'",
  ],
  [
    "definer-temporary-first",
    "public.risky",
    "create function risky() returns int language sql security definer set search_path = pg_temp, public as 'select 1'",
  ],
  [
    "definer-owner-exempt",
    "public.risky",
    "create function risky() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'",
  ],
  [
    "definer-public",
    "public.risky",
    "create function risky() returns int language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'",
  ],
  [
    "leakproof-function",
    "public.peek",
    "create function peek(text) returns boolean language sql leakproof as 'select true'",
  ],
  [
    "untrusted-function",
    "public.native",
    "update pg_language set lanpltrusted = false where lanname = 'plpgsql'; create function native() returns int language plpgsql as 'begin return 1; end'",
  ],
  [
    "trigger-definer",
    "public.notes.noting",
    "create function note() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as 'begin return new; end'; create trigger noting before insert on notes for each row execute function note()",
  ],
  [
    "trigger-disabled",
    "public.notes.noting",
    "create function note() returns trigger language plpgsql as 'begin return new; end'; create trigger noting before insert on notes for each row execute function note(); alter table notes disable trigger noting",
  ],
  [
    "rule-rewrites",
    "public.notes",
    "create rule copying as on insert to notes do also insert into countries values ('x')",
  ],
  [
    "default-calls-definer",
    "public.notes.text",
    "create function answer() returns text language sql security definer set search_path = pg_catalog, pg_temp as $$ select 'x' $$; alter table notes alter column text set default answer()",
  ],
  [
    "check-calls-function",
    "public.notes.fine",
    "create function fine(text) returns boolean language sql as 'select true'; alter table notes add constraint fine check (fine(text))",
  ],
];

describe.runIf(ground !== undefined)("tenant isolation of a database", () => {
  if (ground === undefined) return;
  afterAll(() => ground.ground.drop());

  it("is clean where tenantMigration() made it, as the application sees it", async () => {
    const found = (await ground.asApplication()).filter(({ rule }) => rule.id.startsWith("tenant-"));
    expect(found.map(({ rule, at }) => [rule.id, at])).toEqual([]);
  });

  it.each(faults)("has the finding %s at %s for: %s", async (rule, place, sql) => {
    const id = `tenant-isolation/${rule}`;
    const { findings, afterMending } = await ground.plant(sql, id, place);
    const at = { kind: "database", name: expect.stringContaining(place) as string };
    expect(findings.map((finding) => [finding.rule.id, finding.at])).toContainEqual([id, at]);
    expect(withoutRemedy(findings)).toEqual([]);
    expect(afterMending?.map((finding) => [finding.rule.id, finding.at]) ?? []).not.toContainEqual([id, at]);
  });

  it("has a planted fault for each of its rules", () => {
    const planted = new Set(faults.map(([rule]) => `tenant-isolation/${rule}`));
    expect(
      rulesOf("tenant-isolation")
        .map(({ id }) => id)
        .filter((id) => !planted.has(id)),
    ).toEqual([]);
  });

  it.each([
    [
      "another alternative inside the tenant",
      extra(
        `(tenant_id = ${proved} and text = 'a') or (tenant_id = ${proved} and text = 'b')`,
        `with check (tenant_id = ${proved})`,
      ),
    ],
    ["an open policy above a floor", "create policy extra on notes to $role using (true) with check (true)"],
    [
      "a policy of another role that the application cannot become",
      "create role posture_other; create policy extra on notes to posture_other using (true) with check (true)",
    ],
    [
      "an invoker's view",
      "create view all_notes with (security_invoker = on) as select * from notes; grant select on all_notes to $role",
    ],
    [
      "a definer whose names were resolved when it was made",
      "create role posture_other; create function early() returns int language sql security definer begin atomic select 1; end; revoke execute on function early from public; alter function early owner to posture_other",
    ],
    [
      "a shared table that names a tenant",
      "create table glacis_upload_quotas (tenant_id text, bytes bigint); grant select on glacis_upload_quotas to $role",
    ],
    [
      "a function that is IMMUTABLE and is right to be",
      `create function even(number int) returns boolean language sql immutable as 'select number % 2 = 0'; ${extra(`tenant_id = ${proved} and even(length(text))`, `with check (tenant_id = ${proved})`)}`,
    ],
    ["a view that reads no tenant's rows", "create view codes as select * from countries"],
    [
      "a partition that is reached through its parent alone",
      `create table parts (tenant_id uuid not null references tenants, id uuid) partition by hash (tenant_id); create table parts_1 partition of parts for values with (modulus 1, remainder 0); create index on parts (tenant_id); alter table parts enable row level security; alter table parts force row level security; create policy floor on parts as restrictive to $role using (tenant_id = ${proved}) with check (tenant_id = ${proved}); create policy p on parts to $role using (tenant_id = ${proved}) with check (tenant_id = ${proved}); grant select on parts to $role`,
    ],
  ])("finds no error in %s", async (_what, sql) => {
    const { findings } = await ground.plant(sql, "");
    expect(findings.filter(({ rule }) => rule.severity !== "note").map(({ rule, at }) => [rule.id, at])).toEqual([]);
  });
});

describe("the control", () => {
  it("counts its own findings and leaves the others to theirs", () => {
    const [own, other] = [rulesOf("tenant-isolation")[0], rulesOf("database-exposure")[0]];
    const posture = [own, other].map((rule) => ({
      rule: rule as NonNullable<typeof rule>,
      at: { kind: "database", name: "x" } as const,
      detail: undefined,
    }));
    const control = tenantIsolation(posture);
    expect(control.check({} as never)).toEqual([posture[0]]);
    expect(control.rules.every(({ id }) => id.startsWith("tenant-isolation/"))).toBe(true);
  });
});
