import { afterAll, describe, expect, it } from "vitest";
import {
  postureGround,
  withoutRemedy,
  type Fault,
  type PostureGround,
} from "../../../../test/support/posture-ground.ts";
import { rulesOf } from "./posture/rules.ts";
import { tenantReferentialIntegrity } from "./tenant-referential-integrity.ts";

const ground: PostureGround | undefined = await postureGround("integrity");

/** The key of the notes that points at their owners, as the migration named it. */
const pointer = "notes_tenant_id_owner_id_fkey";
const replaced = (key: string): string =>
  `alter table notes drop constraint ${pointer}; alter table notes add constraint pointer ${key}`;

const faults: readonly Fault[] = [
  ["key-without-tenant", "public.notes.pointer", replaced("foreign key (owner_id) references users (id)")],
  [
    "key-without-tenant",
    "public.notes.pointer",
    replaced("foreign key (owner_id) references users (id) on delete cascade"),
  ],
  [
    "key-without-tenant",
    "public.notes.parent",
    "alter table notes add column parent_id uuid; alter table notes add constraint parent foreign key (parent_id) references notes (id)",
  ],
  [
    "key-pairs-other-column",
    "public.notes.pointer",
    `alter table users add column created_by uuid; alter table users add unique (created_by, id); ${replaced("foreign key (tenant_id, owner_id) references users (created_by, id)")}`,
  ],
  [
    "key-not-validated",
    "public.notes.pointer",
    replaced("foreign key (tenant_id, owner_id) references users (tenant_id, id) not valid"),
  ],
  ["key-not-enforced", `public.notes.${pointer}`, "alter table notes disable trigger all"],
  ["key-not-enforced", `public.notes.${pointer}`, "alter table users disable trigger all"],
  [
    "key-empties-tenant",
    "public.notes.pointer",
    replaced("foreign key (tenant_id, owner_id) references users (tenant_id, id) on delete set null"),
  ],
  [
    "key-from-untenanted",
    "public.labels.label",
    "create table labels (note uuid constraint label references notes (id))",
  ],
  ["tenant-nullable", "public.notes", "alter table notes alter column tenant_id drop not null"],
  ["unique-across-tenants", "public.users.users_name_key", "alter table users add unique (name)"],
  ["unique-across-tenants", "public.users.by_name", "create unique index by_name on users (lower(name))"],
  [
    "unique-across-tenants",
    "public.users.slot",
    "create extension btree_gist; alter table users add constraint slot exclude using gist (name with =)",
  ],
  [
    "key-target-missing",
    "public.labels",
    "create table labels (tenant_id uuid not null references tenants, id uuid primary key)",
  ],
  ["tenant-not-referenced", "public.labels", "create table labels (tenant_id uuid not null, id uuid primary key)"],
];

describe.runIf(ground !== undefined)("keys between tenant tables", () => {
  if (ground === undefined) return;
  afterAll(() => ground.ground.drop());

  it.each(faults)("have the finding %s at %s for: %s", async (rule, place, sql) => {
    const id = `tenant-referential-integrity/${rule}`;
    const { findings, afterMending } = await ground.plant(sql, id, place);
    const at = { kind: "database", name: expect.stringContaining(place) as string };
    expect(findings.map((finding) => [finding.rule.id, finding.at])).toContainEqual([id, at]);
    expect(withoutRemedy(findings)).toEqual([]);
    expect(afterMending?.map((finding) => [finding.rule.id, finding.at]) ?? []).not.toContainEqual([id, at]);
  });

  it("have a planted fault for each rule", () => {
    const planted = new Set(faults.map(([rule]) => `tenant-referential-integrity/${rule}`));
    expect(
      rulesOf("tenant-referential-integrity")
        .map(({ id }) => id)
        .filter((id) => !planted.has(id)),
    ).toEqual([]);
  });

  it("let a mended key keep what its deletion did", async () => {
    const { afterMending } = await ground.plant(
      replaced("foreign key (tenant_id, owner_id) references users (tenant_id, id) on delete set null"),
      "tenant-referential-integrity/key-empties-tenant",
    );
    expect(afterMending).toBeDefined();
  });

  it.each([
    ["a key in another order", replaced("foreign key (owner_id, tenant_id) references users (id, tenant_id)")],
    ["a unique value of each tenant", "alter table users add unique (tenant_id, name)"],
    ["a unique uuid, which nobody guesses", "alter table users add column token uuid unique"],
    ["a key into what all tenants share", "alter table notes add column country text references countries (code)"],
    [
      "a key that empties the pointer alone",
      replaced("foreign key (tenant_id, owner_id) references users (tenant_id, id) on delete set null (owner_id)"),
    ],
  ])("are fine with %s", async (_what, sql) => {
    const { findings } = await ground.plant(sql, "");
    expect(
      findings.filter(({ rule }) => rule.id.startsWith("tenant-referential")).map(({ rule, at }) => [rule.id, at]),
    ).toEqual([]);
  });
});

describe("the control", () => {
  it("counts its own findings", () => {
    const [rule] = rulesOf("tenant-referential-integrity");
    if (rule === undefined) throw new Error("There is no rule.");
    const posture = [{ rule, at: { kind: "database", name: "x" } as const, detail: undefined }];
    expect(tenantReferentialIntegrity(posture).check({} as never)).toEqual(posture);
  });
});
