import { randomUUID } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { authenticated, publicAccess, type Security } from "glacis";
import {
  attackMatrix,
  IsolationError,
  type ApplicationState,
  type AttackCell,
  type AttackReport,
  type LookAlikeTenant,
  type Side,
  type Snapshot,
} from "glacis/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { accountsIn, systemScope } from "../src/accounts/accounts.ts";
import { fileKeeper } from "../src/attachments/policy.ts";
import { attachments, webhookDeliveries } from "../src/database/schema.ts";
import { CASES, OBJECTS } from "./attack-matrix-cases.ts";
import * as mutants from "./attack-matrix-mutants.ts";
import { describeChange, mutated, type Change, type Policy } from "./attack-matrix-mutants.ts";
import * as support from "./attack-matrix-support.ts";
import type { Ground, Parts } from "./attack-matrix-support.ts";

/**
 * A test of the tests: whatever keeps people or tenants apart in the reference application is taken away, one thing at a time, and the matrix
 * must turn red. Where several layers cover the same hole, each is shown to hold alone, and the hole to open when all are gone.
 */

const postgres = await testDatabase("mutants");
const PATIENCE_MS = 300_000;
/** `npm run test:mutants` tries them all, which takes minutes; every other run tries one of fourteen, in every part. */
const EACH = process.env["MUTANTS"] === "all" ? 1 : 14;
/** What is tried over many routes at once is tried over every third of them. */
const WIDE = EACH === 1 ? 1 : 3;
const some = <Item>(list: readonly Item[]): readonly Item[] => list.filter((_, index) => index % EACH === 0);

let ground: Ground;
let state: ApplicationState;
let baseline: Snapshot;
const tenants = {} as Record<Side, LookAlikeTenant>;
const headers = new Map<string, Readonly<Record<string, string>>>();

type Person = { readonly side: string; readonly key: string } | undefined;
const keyOf = (person: Person): string => (person === undefined ? "anonymous" : `${person.side} ${person.key}`);

beforeAll(async () => {
  ground = await (postgres === undefined ? support.embeddedGround() : support.postgresGround(postgres));
  state = support.stateOf(ground);
  const running = await support.listen(ground);
  const enter = support.signIn(running);
  const report = await attackMatrix({
    ...common(running),
    seed: async (tenant) => {
      tenants[tenant.side] = tenant;
      await support.seed(ground, tenant);
    },
    signIn: async (person) => {
      const given = await enter(person);
      headers.set(keyOf(person), given);
      return given;
    },
    only: ["GET /api/me"],
  });
  expect(report.sound, new IsolationError(report).message).toBe(true);
  baseline = await state.read();
  await running.stop();
}, PATIENCE_MS);
beforeEach(() => state.write(baseline));
afterAll(() => ground?.close());

function common({ security, url, origin }: support.Running) {
  const host = new URL(origin).host;
  return { security, target: url, headers: { host }, people: support.PEOPLE, objects: OBJECTS, state, cases: CASES };
}

interface Mutant {
  readonly parts?: Parts;
  readonly mutate?: (security: Security) => Security;
}

/** The matrix over a mutant, with everybody signed in already, until something fails. */
async function matrix(
  mutant: Mutant,
  only: readonly string[],
  stopWhen: (cell: AttackCell) => boolean,
): Promise<AttackReport> {
  const running = await support.listen(ground, mutant.parts, mutant.mutate);
  try {
    return await attackMatrix({
      ...common(running),
      seed: () => Promise.resolve(),
      signIn: (person) => Promise.resolve({ ...headers.get(keyOf(person)), origin: running.origin }),
      only,
      stopWhen,
    });
  } finally {
    await running.stop();
  }
}

const fails = ({ verdict }: AttackCell): boolean => verdict !== "pass" && verdict !== "waived";
/** A failure between tenants, not between colleagues. */
const crosses = (cell: AttackCell): boolean =>
  fails(cell) &&
  !cell.why.includes("this person") &&
  (cell.caller.startsWith("other ") || /\bof other\b/u.test(cell.why));

/** What survives must be known to, with the layer that covers it; what is known to survive and does not any more is news as well. */
function expectRed(
  report: AttackReport,
  mutation: string,
  covered: Readonly<Record<string, string>>,
  red = fails,
): void {
  const seen = report.cells.some(red);
  expect(seen ? "red" : "green", `${mutation}\n${new IsolationError(report).message}`).toBe(
    Object.hasOwn(covered, mutation) ? "green" : "red",
  );
}

const cases = Object.entries(CASES);
const guarded = cases
  .filter(([, wanted]) => !("waived" in wanted) && !("allowed" in wanted && wanted.allowed === "everyone"))
  .map(([route]) => route);

const FLOW_ASKS = "the flow asks who is signed in by itself, and changes nobody else's account";
const RULE_COVERED: Readonly<Record<string, string>> = {
  "POST /confirm": FLOW_ASKS,
  "POST /account/password": FLOW_ASKS,
  "POST /account/email": FLOW_ASKS,
  "POST /account/delete": FLOW_ASKS,
  "POST /account/export": FLOW_ASKS,
  "POST /sso/unlink": FLOW_ASKS,
};

describe("an access rule that is missing", () => {
  it.each(some(guarded))("turns the matrix red: %s", { timeout: PATIENCE_MS }, async (route) => {
    const open = publicAccess("a mutant");
    const report = await matrix({ mutate: (security) => mutants.withRule(security, route, open) }, [route], fails);
    expectRed(report, route, RULE_COVERED);
  });
});

const OWNER_ONLY = "a viewer owns nothing, and the query asks for the owner as well";
const ROLE_IN_TRANSACTION = "the roles of both people are judged again in the transaction that changes one";
const ROLE_IN_POLICY = "the access policy asks for the role as well";
const ROLE_OF_INVITER = "nobody gives a role above his own, and who may give none gives none";
const ROLE_COVERED: Readonly<Record<string, string>> = {
  "GET /documents/:id/delete": OWNER_ONLY,
  "POST /documents/:id/delete": OWNER_ONLY,
  "POST /documents/:id/shares": OWNER_ONLY,
  "POST /documents/:id/shares/:userId/remove": OWNER_ONLY,
  "DELETE /api/documents/:id": OWNER_ONLY,
  "POST /api/documents/:id/shares": OWNER_ONLY,
  "DELETE /api/documents/:id/shares/:userId": OWNER_ONLY,
  "POST /people/:id/role": ROLE_IN_TRANSACTION,
  "POST /people/:id/remove": ROLE_IN_TRANSACTION,
  "POST /people/invitations": ROLE_OF_INVITER,
  "POST /api/invitations": ROLE_OF_INVITER,
  "PATCH /api/people/:id": ROLE_IN_TRANSACTION,
  "DELETE /api/people/:id": ROLE_IN_TRANSACTION,
  "POST /documents": ROLE_IN_POLICY,
  "GET /documents/:id/edit": ROLE_IN_POLICY,
  "POST /documents/:id": ROLE_IN_POLICY,
  "POST /api/documents": ROLE_IN_POLICY,
  "PUT /api/documents/:id": ROLE_IN_POLICY,
  "PATCH /api/documents/:id": ROLE_IN_POLICY,
  "POST /documents/:id/attachments": ROLE_IN_POLICY,
  "GET /documents/:id/attachments/:attachmentId/remove": ROLE_IN_POLICY,
  "POST /documents/:id/attachments/:attachmentId/remove": ROLE_IN_POLICY,
  "POST /api/documents/:id/attachments": ROLE_IN_POLICY,
  "DELETE /api/attachments/:id": ROLE_IN_POLICY,
};
const WITH_ROLE = [
  "GET /activity",
  "POST /activity/export",
  "GET /settings/api-keys",
  "POST /settings/api-keys/:id/revoke",
  "GET /settings/webhooks",
  "POST /settings/webhooks/:id/test",
  "POST /settings/webhooks/:id/remove",
  "GET /documents/new",
  "GET /api/admin/users",
  ...Object.keys(ROLE_COVERED),
];

/** A role, and at most that a person asks. */
const ROLE_ALONE = /^(?:assurance level 1 and )?role (?:(?! and ).)+$/u;

describe("an access rule that forgets the role", () => {
  it("is tried on every route that has one", async () => {
    const running = await support.listen(ground);
    const isWaived = (route: string): boolean => "waived" in (CASES[route] ?? {});
    const withRole = running.security.routes.filter(
      ({ rule, method, pattern }) => ROLE_ALONE.test(rule.access.description) && !isWaived(`${method} ${pattern}`),
    );
    await running.stop();
    expect(withRole.map(({ method, pattern }) => `${method} ${pattern}`).toSorted()).toEqual(WITH_ROLE.toSorted());
  });

  it.each(some(WITH_ROLE))("turns the matrix red: %s", { timeout: PATIENCE_MS }, async (route) => {
    const loose = (security: Security): Security => mutants.withRule(security, route, authenticated());
    expectRed(await matrix({ mutate: loose }, [route], fails), route, ROLE_COVERED);
  });
});

const ROUTES = {
  "accounts/accounts.ts": ["GET /api/me", "POST /api/profile", "GET /api/admin/users"],
  "documents/documents.ts": [
    "GET /api/documents",
    "GET /api/documents/:id",
    "PUT /api/documents/:id",
    "DELETE /api/documents/:id",
  ],
  "attachments/attachments.ts": [
    "GET /api/documents/:id/attachments",
    "POST /api/documents/:id/attachments",
    "GET /api/attachments/:id",
    "DELETE /api/attachments/:id",
  ],
  "documents/sharing.ts": [
    "GET /api/documents/:id/shares",
    "POST /api/documents/:id/shares",
    "DELETE /api/documents/:id/shares/:userId",
  ],
} as const;
const FILES = Object.keys(ROUTES) as (keyof typeof ROUTES)[];
const everything = Object.values(ROUTES).flat();
const spread = everything.filter((_, index) => index % WIDE === 0);
const routesOf = ({ file }: Change): readonly string[] => ROUTES[file as keyof typeof ROUTES];

const all = FILES.flatMap(mutants.comparisons);
const isTenant = ({ from }: Change): boolean => /tenantId|tenants\.id/u.test(from);
const isPerson = (change: Change): boolean => !isTenant(change) && /\buser\.id\b/u.test(change.from);
const filters = FILES.flatMap(mutants.filters);
const tenantComparisons = all.filter(isTenant);
const personComparisons = all.filter(isPerson);
const named = (changes: readonly Change[]) => changes.map((change) => [describeChange(change), change] as const);

const CHECKS: readonly Change[] = [
  { file: "documents/documents.ts", from: ' || !mayWith(user, "change", current)', to: "", nth: 0 },
  {
    file: "documents/sharing.ts",
    from: 'if (!(await holds(db, user, "audience", id))) return undefined;',
    to: "",
    nth: 0,
  },
  {
    file: "documents/sharing.ts",
    from: 'if (!(await holds(db, user, "share", id))) return "not_found";',
    to: "",
    nth: 0,
  },
  { file: "attachments/attachments.ts", from: "file?.removable !== true", to: "file === undefined", nth: 0 },
  { file: "attachments/attachments.ts", from: ' || !mayWithFiles(user, "add", document)', to: "", nth: 0 },
  {
    file: "attachments/attachments.ts",
    from: 'if (document === undefined || !mayWithFiles(user, "list", document)) return undefined;',
    to: "",
    nth: 0,
  },
  { file: "documents/sharing.ts", from: "colleague === undefined || ", to: "", nth: 0 },
];

const NOT_A_LIMIT = "decides what belongs together or comes next, not who may see it";
const OWN_TO_CHANGE = "what else would change is this person's to change as well";
const COMPARISON_COVERED: Readonly<Record<string, string>> = {
  "documents/documents.ts: eq(documents.id, id)": OWN_TO_CHANGE,
  'documents/documents.ts:  || !mayWith(user, "change", current)': "the update asks the same policy once more",
  "accounts/accounts.ts: eq(memberships.userId, users.id)": NOT_A_LIMIT,
  "documents/documents.ts: eq(documents.version, seen)": NOT_A_LIMIT,
  "documents/documents.ts: eq(documents.title, last.title)": NOT_A_LIMIT,
  "documents/documents.ts: eq(column, value)": NOT_A_LIMIT,
  "documents/sharing.ts: eq(users.id, documentShares.userId)": NOT_A_LIMIT,
  "attachments/attachments.ts: file?.removable !== true": "the deletion asks the same policy once more",
  'attachments/attachments.ts:  || !mayWithFiles(user, "add", document)':
    "the route asks the same before it receives a byte",
  "attachments/attachments.ts: eq(users.id, attachments.addedBy)": NOT_A_LIMIT,
  "attachments/attachments.ts: eq(documents.id, documentId)": "locks a row, and reads nothing of it",
  "attachments/attachments.ts: eq(fileTasks.storageKey, storageKey)":
    "strikes out what is to be done, which is not watched",
  "attachments/attachments.ts: eq(attachments.storageKey, storageKey)":
    "is asked by a link that lives for a minute, which attachments.test.ts tries as others",
  "attachments/attachments.ts: eq(attachments.id, id) (2)": OWN_TO_CHANGE,
  "attachments/attachments.ts: eq(attachments.id, id) (3)": OWN_TO_CHANGE,
  "attachments/attachments.ts: eq(attachments.id, made.id)":
    "what else would be shown is this person's to read as well",
  "attachments/attachments.ts: eq(attachments.documentId, documentId)":
    "what else would be listed is this person's to read as well",
  "documents/sharing.ts: eq(documentShares.documentId, id)": "lists names of colleagues, all of whom the owner may see",
};

describe("a comparison with a person or an object, or a check, that is missing", () => {
  const changes = [...all.filter((change) => !isTenant(change)), ...CHECKS];
  it.each(some(named(changes)))("turns the matrix red: %s", { timeout: PATIENCE_MS }, async (name, change) => {
    expectRed(await matrix({ parts: await mutated([change]) }, routesOf(change), fails), name, COMPARISON_COVERED);
  });
});

/** Every policy and the function that knows addresses. */
async function withAllOpen<Result>(work: () => Promise<Result>): Promise<Result> {
  const close = await mutants.openAddresses(ground);
  try {
    return await withOpen(await mutants.policiesOf(ground), work);
  } finally {
    await close();
  }
}

async function withOpen<Result>(policies: readonly Policy[], work: () => Promise<Result>): Promise<Result> {
  for (const policy of policies) await mutants.openPolicy(ground, policy);
  try {
    return await work();
  } finally {
    for (const policy of policies) await mutants.restorePolicy(ground, policy);
  }
}

const GONE_COVERED: Readonly<Record<string, string>> = {
  "POST /api/documents/:id/attachments": "the composite foreign key ties a file to a document of its own tenant",
};

describe("each layer by itself", () => {
  const expectGreen = (report: AttackReport, red = fails): void =>
    expect(report.cells.filter(red), new IsolationError(report).message).toEqual([]);

  it("keeps tenants apart by comparisons, when every policy is open", { timeout: PATIENCE_MS }, async () => {
    expectGreen(await withAllOpen(() => matrix({}, spread, fails)));
  });

  it("keeps tenants apart by policies, when no query compares tenants", { timeout: PATIENCE_MS }, async () => {
    const parts = await mutated([...tenantComparisons, ...filters]);
    expectGreen(await matrix({ parts }, spread, crosses), crosses);
  });

  it("keeps tenants apart by comparisons of tenants alone", { timeout: PATIENCE_MS }, async () => {
    const parts = await mutated(personComparisons);
    expectGreen(await withAllOpen(() => matrix({ parts }, spread, crosses)), crosses);
  });

  it.each(some(everything.filter((route) => !/profile|password|sign-in/u.test(route))))(
    "and when all are gone, tenants are not apart: %s",
    { timeout: PATIENCE_MS },
    async (route) => {
      const parts = await mutated([...tenantComparisons, ...personComparisons, ...filters, ...CHECKS]);
      const report = await withAllOpen(() => matrix({ parts }, [route], crosses));
      expectRed(report, route, GONE_COVERED, crosses);
    },
  );
});

const ROW_POLICIES = /^(?:document|share|attachment)_/u;
const READ_BEFORE = "the document was read before, by the same policy, and the change is judged in memory";
const FILTER_COVERED: Readonly<Record<string, string>> = {
  'documents/documents.ts: permittedDocuments(user, "change")': READ_BEFORE,
  'documents/sharing.ts: permittedShares(user, "list")': "only the document's owner gets this far",
  'attachments/attachments.ts: permittedAttachments(user, "list")': READ_BEFORE,
  'attachments/attachments.ts: permittedAttachments(user, "read")': READ_BEFORE,
  'attachments/attachments.ts: permittedAttachments(user, "remove")': READ_BEFORE,
};

/** Seeing who else may see is a question of its own, which the database takes for one of reading. */
const VERBS_ONLY: ReadonlySet<string> = new Set(["documents/sharing.ts: permittedDocuments(user, action)"]);

describe("a question of a query to the access policy that is missing", () => {
  it.each(some(named(filters)))(
    "is asked by the database all the same: %s",
    { timeout: PATIENCE_MS },
    async (name, change) => {
      const red = VERBS_ONLY.has(name) ? crosses : fails;
      const report = await matrix({ parts: await mutated([change]) }, routesOf(change), red);
      expect(report.cells.filter(red), new IsolationError(report).message).toEqual([]);
    },
  );

  it.each(some(named(filters)))(
    "turns the matrix red where the database does not: %s",
    { timeout: PATIENCE_MS },
    async (name, change) => {
      const open = (await mutants.policiesOf(ground)).filter((policy) => ROW_POLICIES.test(policy.name));
      const parts = await mutated([change]);
      const report = await withOpen(open, () => matrix({ parts }, routesOf(change), fails));
      expectRed(report, name, FILTER_COVERED);
    },
  );
});

const BY_ID = "the row is named by an id that no other tenant has, and that was checked before";
const BY_OWNER =
  "is asked at the sign-in and set by an owner with two factors, which workspace.test.ts tries for two workspaces";
const PINNED: Readonly<Record<string, string>> = {
  "accounts/accounts.ts: eq(tenants.id, tenantId)": BY_OWNER,
  "accounts/accounts.ts: eq(tenants.id, owner.tenantId)": BY_OWNER,
  "accounts/accounts.ts: eq(memberships.tenantId, users.tenantId)": BY_ID,
  "documents/documents.ts: eq(documentShares.tenantId, documents.tenantId)": BY_ID,
  "attachments/attachments.ts: eq(attachments.tenantId, user.tenantId)": BY_ID,
  "attachments/attachments.ts: eq(users.tenantId, attachments.tenantId)": BY_ID,
  "attachments/attachments.ts: eq(documents.tenantId, user.tenantId)": BY_ID,
  "documents/documents.ts: eq(users.tenantId, documents.tenantId)": BY_ID,
  "documents/sharing.ts: eq(users.tenantId, documentShares.tenantId)": BY_ID,
  "documents/sharing.ts: eq(documentShares.tenantId, user.tenantId)": BY_ID,
  "documents/sharing.ts: eq(documentShares.tenantId, user.tenantId) (2)": BY_ID,
};

describe("a comparison of tenants that is missing, where nothing else holds", () => {
  it.each(some(named(tenantComparisons)))(
    "turns the matrix red: %s",
    { timeout: PATIENCE_MS },
    async (name, change) => {
      const parts = await mutated([change, ...personComparisons]);
      const report = await withAllOpen(() => matrix({ parts }, routesOf(change), crosses));
      expectRed(report, name, PINNED, crosses);
    },
  );
});

const newcomer = (): Promise<unknown> => {
  const owner = { id: randomUUID(), name: "N", role: "owner" } as const;
  return accountsIn(ground.database).createTenant({ name: "New" }, owner);
};
/** A row that no policy lets go stays, and says nothing. */
const erasure = async (): Promise<void> => {
  const accounts = accountsIn(ground.database);
  const [alone, tenantId] = [randomUUID(), randomUUID()];
  await accounts.createTenant({ id: tenantId, name: "Alone" }, { id: alone, name: "A", role: "owner" });
  const other = randomUUID();
  await accounts.addPerson(systemScope(tenantId, "test"), { id: other, name: "B", role: "member" });
  try {
    await accounts.erasePerson(other);
    await accounts.erasePerson(alone);
    const { rows } = await ground.query("select 1 from users where id = any($1)", [[alone, other]]);
    if (rows.length > 0) throw new Error("Somebody is still there.");
  } finally {
    await ground.query("delete from tenants where id = $1", [tenantId]);
  }
};

/** What the scanner says of a file that waited. */
const verdict = async (): Promise<void> => {
  const { id } = tenants.own;
  const rows = await ground.database.withTenant(
    systemScope(id, "files"),
    (db) =>
      db
        .update(attachments)
        .set({ scan: "clean" })
        .where(eq(attachments.tenantId, id))
        .returning({ id: attachments.id }),
    fileKeeper(id),
  );
  if (rows.length === 0) throw new Error("Nobody heard it.");
};

/** What a worker does with a delivery, once made and now told. */
const delivered = async (act: "update" | "delete"): Promise<void> => {
  const { id, objects } = tenants.own;
  const made = await ground.query(
    "insert into webhook_deliveries (tenant_id, webhook_id, event, state) values ($1, $2, 'webhook.test', 'delivered') returning id",
    [id, objects["webhook"]],
  );
  const [row] = made.rows as readonly { readonly id: string }[];
  const which = eq(webhookDeliveries.id, row!.id);
  const key = { id: webhookDeliveries.id };
  const rows = await ground.database.withTenant(systemScope(id, "webhooks"), (db) =>
    act === "delete"
      ? db.delete(webhookDeliveries).where(which).returning(key)
      : db.update(webhookDeliveries).set({ outcome: "200" }).where(which).returning(key),
  );
  if (rows.length === 0) throw new Error("Nothing was written down.");
};

/** By policy, a route that needs it, or work that no request does at once; none where the runtime role has no such privilege in the first place. */
const POLICIES: readonly (readonly [policy: string, route: string | (() => Promise<unknown>) | undefined])[] = [
  ["tenants SELECT", "GET /api/me"],
  ["tenants INSERT", newcomer],
  ["tenants UPDATE", undefined],
  ["tenants DELETE", erasure],
  ["users SELECT", "GET /api/me"],
  ["users INSERT", newcomer],
  ["users UPDATE", "POST /api/profile"],
  ["users DELETE", erasure],
  ["memberships SELECT", "GET /api/me"],
  ["memberships INSERT", newcomer],
  ["memberships UPDATE", "PATCH /api/people/:id"],
  ["memberships DELETE", "DELETE /api/people/:id"],
  ["documents SELECT", "GET /api/documents/:id"],
  ["documents INSERT", "POST /api/documents"],
  ["documents UPDATE", "PUT /api/documents/:id"],
  ["documents DELETE", "DELETE /api/documents/:id"],
  ["attachments SELECT", "GET /api/attachments/:id"],
  ["attachments INSERT", "POST /api/documents/:id/attachments"],
  ["attachments UPDATE", verdict],
  ["attachments DELETE", "DELETE /api/attachments/:id"],
  ["document_shares SELECT", "GET /api/documents/:id/shares"],
  ["document_shares INSERT", "POST /api/documents/:id/shares"],
  ["document_shares UPDATE", "POST /api/documents/:id/shares"],
  ["document_shares DELETE", "DELETE /api/documents/:id/shares/:userId"],
  ["webhooks SELECT", "GET /settings/webhooks"],
  ["webhooks INSERT", "POST /settings/webhooks"],
  ["webhooks UPDATE", "POST /settings/webhooks/:id/test"],
  ["webhooks DELETE", "POST /settings/webhooks/:id/remove"],
  ["webhook_deliveries SELECT", "POST /settings/webhooks/:id/test"],
  ["webhook_deliveries INSERT", "POST /settings/webhooks/:id/test"],
  ["webhook_deliveries UPDATE", () => delivered("update")],
  ["webhook_deliveries DELETE", () => delivered("delete")],
];
/** The policies of a table and a verb: the tenant's first, and what an access policy narrows it to. */
const policiesOn = async (name: string): Promise<readonly Policy[]> =>
  (await mutants.policiesOf(ground))
    .filter(
      ({ table, verb, roles }) =>
        (roles === "public" && `${table} ${verb}` === name) ||
        // A file that goes leaves a task of its tenant, which has a policy of its own.
        (name === "attachments DELETE" && table === "file_tasks"),
    )
    .toSorted((one, two) => Number(ROW_POLICIES.test(one.name)) - Number(ROW_POLICIES.test(two.name)));
const policyOf = async (name: string): Promise<Policy> => (await policiesOn(name))[0]!;

/** Raw SQL of the other tenant, as an injection would have it: no comparison of the application stands before it. */
const own = (): LookAlikeTenant => tenants.own;
const ATTACKS: Readonly<Record<string, () => string>> = {
  "tenants SELECT": () => `select name from tenants where id = '${own().id}'`,
  "users SELECT": () => `select name from users where tenant_id = '${own().id}'`,
  "memberships SELECT": () => `select role from memberships where tenant_id = '${own().id}'`,
  "documents SELECT": () => `select title from documents where tenant_id = '${own().id}'`,
  "attachments SELECT": () => `select name from attachments where tenant_id = '${own().id}'`,
  "attachments INSERT": () =>
    `insert into attachments (tenant_id, document_id, storage_key, name, media_type, bytes, sha256, scan) values ('${own().id}', '${own().objects["draft"]}', '${"k".repeat(40)}', 'x', 'text/plain', 1, '${"0".repeat(64)}', 'none')`,
  "attachments UPDATE": () => "update attachments set scan = 'clean'",
  "attachments DELETE": () => "delete from attachments",
  "document_shares SELECT": () => `select permission from document_shares where tenant_id = '${own().id}'`,
  "tenants INSERT": () => "insert into tenants (name) values ('x')",
  "users INSERT": () => `insert into users (tenant_id, name) values ('${own().id}', 'x')`,
  "memberships INSERT": () =>
    `insert into memberships (tenant_id, user_id, role) values ('${own().id}', '${own().people["member"]!.id}', 'owner')`,
  "documents INSERT": () =>
    `insert into documents (tenant_id, owner_id, title, body) values ('${own().id}', '${own().people["member"]!.id}', 'x', 'x')`,
  "document_shares INSERT": () =>
    `insert into document_shares (tenant_id, document_id, owner_id, user_id, permission) values ('${own().id}', '${own().objects["draft"]}', '${own().people["member"]!.id}', '${own().people["editor"]!.id}', 'edit')`,
  "users UPDATE": () => "update users set name = 'x'",
  "documents UPDATE": () => "update documents set title = 'x'",
  "document_shares UPDATE": () => "update document_shares set permission = 'edit'",
  "tenants DELETE": () => "delete from tenants",
  "users DELETE": () => "delete from users",
  "documents DELETE": () => "delete from documents",
  "document_shares DELETE": () => "delete from document_shares",
  "webhooks SELECT": () => `select endpoint from webhooks where tenant_id = '${own().id}'`,
  "webhooks INSERT": () =>
    `insert into webhooks (tenant_id, id, endpoint, secret) values ('${own().id}', gen_random_uuid(), 'https://x.example/', 'x')`,
  "webhooks UPDATE": () => "update webhooks set endpoint = 'https://x.example/'",
  "webhooks DELETE": () => "delete from webhooks",
};

const DENIED: Readonly<Record<string, () => string>> = {
  "tenants UPDATE": () => "update tenants set name = 'x'",
};

/** @returns what became of the own tenant: seen, changed, or neither */
async function inject(statement: string): Promise<"seen" | "changed" | "refused" | "denied" | "nothing"> {
  const scope = systemScope(tenants.other.id, "injection");
  try {
    const rows = await ground.database.withTenant(scope, (db) => db.execute(sql.raw(statement)));
    if ((rows as unknown as { length: number }).length > 0) return "seen";
  } catch (error) {
    const cause = (error as { readonly cause?: Error }).cause ?? (error as Error);
    if (cause.message.includes("permission denied")) return "denied";
    // Past the policy other constraints may still stop a row; the policy was not what stopped it.
    return cause.message.includes("row-level security") ? "refused" : "changed";
  }
  const rowsOf = (snapshot: Snapshot): string =>
    snapshot
      .filter(({ table, tenant }) => tenant !== tenants.other.id && !table.startsWith("glacis_"))
      .map((row) => row.text)
      .join("\n");
  return rowsOf(await state.read()) === rowsOf(baseline) ? "nothing" : "changed";
}

describe("a policy", () => {
  it("of every table and verb is in the lists", async () => {
    const found = (await mutants.policiesOf(ground)).filter(
      // The library tries the policies of its own tables.
      ({ roles, name, table }) => roles === "public" && !ROW_POLICIES.test(name) && !table.startsWith("glacis_"),
    );
    expect(found.map(({ table, verb }) => `${table} ${verb}`).toSorted()).toEqual(
      POLICIES.map(([name]) => name).toSorted(),
    );
  });

  it.each(some(POLICIES))("that is dropped turns the matrix red: %s", { timeout: PATIENCE_MS }, async (name, route) => {
    const policy = await policyOf(name);
    if (route === undefined) return expect(await inject(DENIED[name]!())).toBe("denied");
    await mutants.dropPolicy(ground, policy);
    try {
      if (typeof route === "function") return await expect(route()).rejects.toThrow();
      expectRed(await matrix({}, [route], fails), name, {});
    } finally {
      await mutants.createPolicy(ground, policy);
    }
  });

  it.each(some(Object.keys(ATTACKS)))("that is open lets raw SQL cross, and closed it does not: %s", async (name) => {
    const statement = ATTACKS[name]!();
    expect(["nothing", "refused"]).toContain(await inject(statement));
    // A file that goes leaves a task, whose own policy would refuse another tenant's.
    const tasks = (await mutants.policiesOf(ground)).filter(({ name: policy }) => policy === "own_tenant");
    await state.write(baseline);
    expect(["seen", "changed"]).toContain(
      await withOpen([...(await policiesOn(name)), ...tasks], () => inject(statement)),
    );
  });
});

describe("the composite foreign key", () => {
  it(
    "is the last to stop a share with a stranger, and without it the matrix sees the row",
    { timeout: PATIENCE_MS },
    async () => {
      const route = "POST /api/documents/:id/shares";
      const filter = tenantComparisons.find(
        ({ file, from }) => file === "documents/sharing.ts" && from === "eq(memberships.tenantId, user.tenantId)",
      )!;
      const parts = await mutated([filter]);
      const users = [await policyOf("memberships SELECT")];
      const shares = (cell: AttackCell): boolean => fails(cell) && cell.attack === "foreign json userId";
      const stopped = await withOpen(users, () => matrix({ parts }, [route], shares));
      expect(stopped.cells.find(shares)).toMatchObject({ verdict: "inconclusive", why: "status 500" });
      await state.write(baseline);
      await ground.query("alter table document_shares drop constraint document_shares_member_fkey");
      try {
        const crossed = await withOpen(users, () => matrix({ parts }, [route], shares));
        expect(crossed.cells.find(shares)).toMatchObject({ verdict: "leak", why: expect.stringContaining("of own") });
      } finally {
        await state.write(baseline);
        await ground.query(
          "alter table document_shares add constraint document_shares_member_fkey foreign key (tenant_id, user_id) references memberships (tenant_id, user_id) on delete cascade",
        );
      }
    },
  );
});
