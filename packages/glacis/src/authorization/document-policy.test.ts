import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT } from "../../../../test/support/repository.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { Refusal } from "../core/error-reason.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import type { AccessPolicy } from "./access-policy.ts";

/** The example of docs/authorization.md, taken from the page and run; and the same with one word changed, which must not pass. */

const source = /^```ts\n(import \{ accessPolicy, caller \}.*?documentPolicy.*?)^```$/msu.exec(
  readFileSync(join(ROOT, "docs/authorization.md"), "utf8"),
)?.[1] as string;
const folder = mkdtempSync(join(tmpdir(), "glacis-document-policy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;
async function load(code: string): Promise<AccessPolicy> {
  const file = join(folder, `policy-${(written += 1)}.ts`);
  writeFileSync(file, code);
  const module = (await import(pathToFileURL(file).href)) as { readonly documentPolicy: AccessPolicy };
  return module.documentPolicy;
}

const ACME = "0b9f8d64-3f5c-4f6e-9a51-5d1c2f6f0a01";
const GLOBEX = "0b9f8d64-3f5c-4f6e-9a51-5d1c2f6f0a02";
const person = (id: string, tenantId: string, ...roles: string[]): Principal => ({
  kind: "user",
  id: id as UserId,
  tenantId: tenantId as TenantId,
  roles,
  assurance: 1,
  authenticatedAtMs: 0,
});
const ANN = "11111111-1111-4111-8111-111111111111";
const BOB = "22222222-2222-4222-8222-222222222222";
const callers = {
  owner: person(ANN, ACME),
  colleague: person(BOB, ACME),
  admin: person(BOB, ACME, "admin"),
  outsider: person(ANN, GLOBEX, "admin"),
  robot: { kind: "service", id: ANN, tenantId: ACME as TenantId, roles: [] },
  stranger: ANONYMOUS,
} as const;
const document = {
  id: "d1",
  tenantId: ACME,
  ownerId: ANN,
  title: "Plan",
  draft: false,
  locked: false,
  accountNumber: "DE89370400440532",
};
const rows = {
  final: document,
  draft: { ...document, draft: true },
  locked: { ...document, locked: true },
  orphan: { ...document, ownerId: null, tenantId: null },
} as const;

/** Who may do what, by hand: L list, R retrieve, C create, U update, D destroy. */
const TABLE: Readonly<
  Record<keyof typeof callers, readonly [final: string, draft: string, locked: string, orphan: string]>
> = {
  owner: ["LRCUD", "LRCUD", "LRC", ""],
  colleague: ["LR", "", "LR", ""],
  admin: ["LRD", "", "LR", ""],
  outsider: ["", "", "", ""],
  robot: ["LR", "", "LR", ""],
  stranger: ["", "", "", ""],
};
/** Fields that each sees of a final document, and may send in a create and in an update. */
const FIELDS: Readonly<Record<keyof typeof callers, readonly [read: string, create: string, update: string]>> = {
  owner: ["id ownerId title draft locked accountNumber", "title accountNumber", "title draft accountNumber"],
  colleague: ["id ownerId title draft locked accountNumber*", "title accountNumber", "title accountNumber"],
  admin: ["id ownerId title draft locked accountNumber*", "title locked accountNumber", "title locked accountNumber"],
  outsider: ["", "title locked accountNumber", "title locked accountNumber"],
  robot: ["id ownerId title draft locked accountNumber*", "title accountNumber", "title accountNumber"],
  stranger: ["", "", ""],
};

function actionsOf(policy: AccessPolicy, who: Principal, row: object): string {
  const actions = { L: "list", R: "retrieve", C: "create", U: "update", D: "destroy" };
  return Object.entries(actions)
    .flatMap(([letter, action]) => (policy.decide(who, action, row).permitted ? [letter] : []))
    .join("");
}

function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function fieldsOf(policy: AccessPolicy, who: Principal): readonly [string, string, string] {
  const shown = (attempt(() => policy.readable(who, document)) ?? {}) as Readonly<Record<string, unknown>>;
  const read = Object.entries(shown).map(([field, value]) => field + (String(value).startsWith("••••") ? "*" : ""));
  const settable = (action: string): string =>
    Object.keys(document)
      .filter((field) => attempt(() => policy.writable(who, action, { [field]: 1 }, document)) !== undefined)
      .join(" ");
  return [read.join(" "), settable("create"), settable("update")];
}

const everything = (policy: AccessPolicy) =>
  Object.entries(callers).map(([name, who]) => [
    name,
    Object.values(rows).map((row) => actionsOf(policy, who, row)),
    fieldsOf(policy, who),
  ]);
const EXPECTED = Object.keys(callers).map((name) => [
  name,
  TABLE[name as keyof typeof callers],
  FIELDS[name as keyof typeof callers],
]);

/** Every way to change one word of the policy: an effect, a condition, a principal, an action, a column, a grant. */
function mutants(code: string): readonly (readonly [string, string])[] {
  const changes: readonly (readonly [RegExp, (found: string) => string])[] = [
    [/effect: "\w+"/gu, (found) => (found.includes("allow") ? 'effect: "deny"' : 'effect: "allow"')],
    [/, (?:condition|expression): "[^"]+"/gu, () => ""],
    [/condition: "\w+"/gu, (found) => found.replace(/condition: "(\w+)"/u, 'expression: "not $1"')],
    [/expression: "not (\w+)"/gu, (found) => found.replace("not ", "")],
    [/\{ action: .*\},$/gmu, () => ""],
    [/(?<=\{ action: )(?:\[[^\]]+\]|"destroy")/gu, (found) => (found.includes("list") ? '"list"' : '"update"')],
    [/principal: "(?:authenticated|role:admin|user)"/gu, () => 'principal: "anonymous"'],
    [/principal: "\*"/gu, () => 'principal: "role:admin"'],
    [/: true \}/gu, () => ": false }"],
    [/caller\.userId/gu, () => "caller.serviceId"],
    [/"isOwner or not isDraft"/gu, () => '"isOwner"'],
    [/"isOwner or not isDraft"/gu, () => '"not isDraft"'],
    [/"isOwner or not isDraft"/gu, () => '"isOwner or isDraft"'],
    [/(?:read|masked|write): (?:"[^"]+"|\{[^}]+\})(?:, )?/gu, () => ""],
    [/(?<=(?:read|write): )"(?:authenticated|role:admin)"/gu, () => '"anonymous"'],
    [/tenant: "tenantId"/gu, () => 'tenant: { acrossTenants: "by mistake" }'],
  ];
  return changes.flatMap(([pattern, replace]) =>
    [...code.matchAll(pattern)].map(({ 0: found, index }) => {
      const line = code.slice(0, index).split("\n").length;
      return [
        `line ${line}: ${found.trim()}`,
        code.slice(0, index) + replace(found) + code.slice(index + found.length),
      ] as const;
    }),
  );
}

describe("the document policy of the docs", () => {
  it("permits what its table says, and nothing else", async () => {
    expect(everything(await load(source))).toEqual(EXPECTED);
  });

  it("is the guide's: who lists is its owner or of the tenant, who writes is its owner, and the database says the same", async () => {
    const { rowSecurity } = await import("./row-security.ts");
    const { policies } = rowSecurity(await load(source));
    expect(policies.map(({ verb }) => verb)).toEqual(["select", "insert", "update", "delete"]);
  });

  it("has no word that could change without a test turning red", async () => {
    const list = mutants(source);
    expect(list.length).toBeGreaterThan(50);
    // A page that did not construct at all would let every change pass for caught.
    expect(everything(await load(source))).toEqual(EXPECTED);
    const survivors: string[] = [];
    for (const [name, code] of list) {
      const policy = await load(code).catch(() => undefined);
      if (policy !== undefined && JSON.stringify(everything(policy)) === JSON.stringify(EXPECTED)) survivors.push(name);
    }
    expect(survivors).toEqual([]);
  });
});
