import type { TenantScope } from "glacis";
import { systemScope, type Accounts } from "./accounts/accounts.ts";
import type { PasswordHasher } from "./accounts/password-hasher.ts";
import type { Database } from "./database/database.ts";
import { documents, documentShares } from "./database/schema.ts";
import { DEMO, TEXTS, type DemoPerson, type DemoTenant } from "./demo.ts";

export interface Seeding {
  readonly database: Database;
  readonly accounts: Accounts;
  /** By e-mail address; hashing is slow and begins before there is a database. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Hashes every password of the demonstration, two at a time. */
export async function hashDemo(hasher: PasswordHasher, tenants: readonly DemoTenant[]): Promise<Seeding["hashes"]> {
  const hashes = new Map<string, string>();
  const people = tenants.flatMap((tenant) => tenant.people);
  const work = async (): Promise<void> => {
    for (let next = people.shift(); next !== undefined; next = people.shift()) {
      hashes.set(next.email, await hasher.hash(next.password));
    }
  };
  await Promise.all([work(), work()]);
  return hashes;
}

/** Fills an empty database. What is already there stays as it is. */
export async function seedDemo({ database, accounts, hashes }: Seeding, tenants: readonly DemoTenant[]): Promise<void> {
  for (const tenant of tenants) {
    const [first, ...others] = tenant.people;
    if (first === undefined || (await accounts.findCredentials(first.email)) !== undefined) continue;
    const newcomer = (one: DemoPerson) => ({ ...one, passwordHash: hashes.get(one.email) ?? "" });
    await accounts.createTenant(tenant, newcomer(first));
    const scope = systemScope(tenant.id, "seed");
    for (const other of others) await accounts.addPerson(scope, newcomer(other));
    await seedDocuments(database, scope, tenant);
  }
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
  await database.withTenant(scope, async (db) => {
    const made = await db.insert(documents).values(rows).returning({ id: documents.id, ownerId: documents.ownerId });
    const shares = made
      .filter(({ ownerId }) => ownerId === lead.id)
      .map(({ id }, index) => ({
        tenantId,
        documentId: id,
        userId: author.id,
        permission: index === 0 ? ("edit" as const) : ("view" as const),
      }));
    if (shares.length > 0) await db.insert(documentShares).values(shares);
  });
}
