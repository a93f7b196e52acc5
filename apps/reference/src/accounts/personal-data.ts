/** What is kept about one person: a copy of it, and its end (GDPR articles 17 and 20). */
import { and, eq, ne } from "drizzle-orm";
import type { TenantDrizzle } from "../database/database.ts";
import { documents, memberships, tenants, users } from "../database/schema.ts";
import { ROLE_ORDER, type Role } from "./memberships.ts";

export interface PersonalData {
  readonly name: string;
  readonly workspace: string;
  readonly role: string;
  readonly documents: readonly {
    readonly title: string;
    readonly body: string;
    readonly link: string | null;
    readonly createdAt: string;
  }[];
}

const MOST_DOCUMENTS = 10_000;

/** Everything that is his, and nothing that others have shared with him. */
export async function exportPerson(
  db: TenantDrizzle,
  tenantId: string,
  userId: string,
): Promise<PersonalData | undefined> {
  const [person] = await db
    .select({ name: users.name, workspace: tenants.name, role: memberships.role })
    .from(users)
    .innerJoin(memberships, and(eq(memberships.tenantId, users.tenantId), eq(memberships.userId, users.id)))
    .innerJoin(tenants, eq(tenants.id, users.tenantId))
    .where(and(eq(users.tenantId, tenantId), eq(users.id, userId)));
  if (person === undefined) return undefined;
  const own = await db
    .select({ title: documents.title, body: documents.body, link: documents.link, createdAt: documents.createdAt })
    .from(documents)
    .where(and(eq(documents.tenantId, tenantId), eq(documents.ownerId, userId)))
    .orderBy(documents.createdAt)
    .limit(MOST_DOCUMENTS);
  return { ...person, documents: own.map((one) => ({ ...one, createdAt: one.createdAt.toISOString() })) };
}

export async function erasePerson(db: TenantDrizzle, tenantId: string, userId: string): Promise<void> {
  const others = await db
    .select({ userId: memberships.userId, role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), ne(memberships.userId, userId)));
  const [heir] = others.toSorted((one, two) => rank(two.role) - rank(one.role));
  if (heir === undefined) {
    await db.delete(tenants).where(eq(tenants.id, tenantId));
    return;
  }
  // A workspace keeps an owner: whoever stands highest follows the last one.
  if (heir.role !== "owner") await promote(db, tenantId, userId, heir.userId);
  await db.delete(users).where(and(eq(users.tenantId, tenantId), eq(users.id, userId)));
}

const rank = (role: Role): number => ROLE_ORDER.roles.indexOf(role);

async function promote(db: TenantDrizzle, tenantId: string, userId: string, heir: string): Promise<void> {
  const [own] = await db
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId)));
  if (own?.role !== "owner") return;
  await db
    .update(memberships)
    .set({ role: "owner" })
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, heir)));
}
