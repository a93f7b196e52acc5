import { createHash, randomUUID } from "node:crypto";
import type { KeySource, TenantScope, User } from "glacis";
import {
  postgresAuthentication,
  postgresRecoveryCodes,
  postgresTotp,
  type AuthenticationStore,
  type PasswordHashing,
} from "glacis/authentication";
import { personOf, systemScope, type Accounts } from "./accounts/accounts.ts";
import { totpSealer } from "./authentication.ts";
import type { Database } from "./database/database.ts";
import { documents, documentShares } from "./database/schema.ts";
import { BAIT, DEMO, TEXTS, type DemoPerson, type DemoTenant } from "./demo.ts";

export interface Seeding {
  readonly database: Database;
  readonly accounts: Accounts;
  readonly passwords: Pick<PasswordHashing, "hash">;
  readonly keys: KeySource;
  /** Puts back credentials that are there already: for a black-box test, which starts from what is described. */
  readonly afresh: boolean;
}

/**
 * Begins to hash the passwords of the demonstration, while a start does something else: each takes a tenth of a second of a core, and none needs
 * the database.
 */
export function hashAhead(hashing: PasswordHashing, tenants: readonly DemoTenant[]): Seeding["passwords"] {
  const people = tenants.flatMap((tenant) => tenant.people);
  const begun = new Map(people.map(({ password }) => [password, hashing.hash(password)]));
  // Whoever asks for it hears of its failure; a start that fails before asks for none.
  for (const hash of begun.values()) hash.catch(() => undefined);
  return { hash: async (password) => begun.get(String(password)) ?? hashing.hash(password) };
}

/** Fills an empty database. What is already there stays as it is. */
export async function seedDemo(seeding: Seeding, tenants: readonly DemoTenant[]): Promise<void> {
  const { database, accounts } = seeding;
  const store = postgresAuthentication(database.driver);
  const hashes = await hashesOf(
    seeding,
    store,
    tenants.flatMap(({ people }) => people),
  );
  for (const tenant of tenants) {
    const [first, ...others] = tenant.people;
    if (first === undefined) continue;
    const isNew = (await accounts.belonging(first.id)) === undefined;
    for (const person of tenant.people) await seedCredentials(seeding, store, person, hashes.get(person.id));
    if (!isNew) continue;
    await accounts.createTenant(tenant, first);
    const scope = systemScope(tenant.id, "seed");
    for (const other of others) await accounts.addPerson(scope, other);
    await seedDocuments(database, scope, tenant);
  }
  await seedBait(seeding, store);
}

/** Its password is known to nobody. */
async function seedBait(seeding: Seeding, store: AuthenticationStore): Promise<void> {
  const { database, accounts } = seeding;
  const { id: tenantId, person, document } = BAIT;
  if ((await accounts.belonging(person.id)) !== undefined) return;
  const unknown = { ...person, key: "bait", password: randomUUID() };
  await seedCredentials(seeding, store, unknown, await hashOf(seeding, unknown));
  await accounts.createTenant(BAIT, person);
  const owner = personOf(tenantId, person.id, person.role);
  await database.withTenant(
    systemScope(tenantId, "seed"),
    async (db) => db.insert(documents).values({ ...document, tenantId, ownerId: person.id }),
    owner,
  );
}

/** Side by side, because a hash takes a tenth of a second of a core, and most machines have several. */
async function hashesOf(
  seeding: Seeding,
  { accounts }: AuthenticationStore,
  people: readonly DemoPerson[],
): Promise<ReadonlyMap<string, string>> {
  const standing = await Promise.all(people.map(({ id }) => accounts.byId(id)));
  const wanted = people.filter((_, index) => seeding.afresh || standing[index] === undefined);
  return new Map(await Promise.all(wanted.map(async (person) => [person.id, await hashOf(seeding, person)] as const)));
}

async function hashOf({ passwords }: Seeding, { password }: DemoPerson): Promise<string> {
  const hashed = await passwords.hash(password);
  if (hashed.kind !== "hashed") throw new Error("The password of the demonstration could not be hashed.");
  return hashed.encoded;
}

/** @param passwordHash undefined where the person's credentials stay as they are */
async function seedCredentials(
  seeding: Seeding,
  { accounts }: AuthenticationStore,
  person: DemoPerson,
  passwordHash: string | undefined,
): Promise<void> {
  if (passwordHash === undefined) return;
  const { id: userId, email } = person;
  const standing = await accounts.byId(userId);
  const nowMs = Date.now();
  const account = { email, verifiedAtMs: nowMs, passwordHash, status: "active" } as const;
  const done =
    standing === undefined
      ? await accounts.create({ ...account, userId: userId as User["id"], version: 1, createdAtMs: nowMs })
      : (await accounts.change(userId, standing.version, account)) !== undefined;
  if (!done) throw new Error("The address of the demonstration belongs to somebody else.");
  await seedFactors(seeding, person, nowMs);
}

/** Known secrets, which the library gives to nobody: they go into its stores as it would have written them. */
async function seedFactors({ database: { driver }, keys }: Seeding, person: DemoPerson, nowMs: number): Promise<void> {
  const { id, totpSecret, recoveryCodes = [] } = person;
  if (totpSecret === undefined) return;
  const apps = postgresTotp(driver);
  const sealed = totpSealer(keys).seal(totpSecret, { tenantId: "accounts", row: id });
  await apps.offer(id, sealed, nowMs + 60_000);
  await apps.confirm(id, sealed, 0, nowMs);
  const hashes = recoveryCodes.map((code) =>
    createHash("sha256")
      .update(JSON.stringify(["recovery-code", id, code.replaceAll("-", "")]))
      .digest("base64url"),
  );
  await postgresRecoveryCodes(driver).replace(id, hashes, nowMs);
}

async function seedDocuments(database: Database, scope: TenantScope, tenant: DemoTenant): Promise<void> {
  const people = tenant.people.filter(({ hidden }) => hidden !== true);
  const author = people[1];
  const lead = people[0];
  if (author === undefined || lead === undefined) return;
  const tenantId = tenant.id;
  const rows = TEXTS[tenant.id === DEMO[0]?.id ? "alpha" : "bravo"].map(
    ({ id, title, body, link, byLead, minutes }) => {
      const at = new Date(Date.UTC(2026, 10, 20, 9, 0) + minutes * 60_000);
      const ownerId = byLead === true ? lead.id : author.id;
      return {
        tenantId,
        ...(id !== undefined && { id }),
        ownerId,
        title,
        body,
        link: link ?? null,
        createdAt: at,
        updatedAt: at,
      };
    },
  );
  // Each writes his own, as he would have: nobody else may.
  for (const { id: ownerId, role } of [author, lead]) {
    const own = rows.filter((row) => row.ownerId === ownerId);
    await database.withTenant(
      scope,
      async (db) => {
        const made = await db.insert(documents).values(own).returning({ id: documents.id });
        if (ownerId !== lead.id) return;
        const shares = made.map(({ id: documentId }, index) => {
          const permission = index === 0 ? ("edit" as const) : ("view" as const);
          return { tenantId, documentId, ownerId, userId: author.id, permission };
        });
        await db.insert(documentShares).values(shares);
      },
      personOf(tenantId, ownerId, role),
    );
  }
}
