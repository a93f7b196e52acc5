/** What is kept about one person: a copy of it, and its end (GDPR articles 17 and 20), as the personal data map says. */
import { and, eq, ne } from "drizzle-orm";
import type { User } from "glacis";
import {
  eraseSubject,
  exportSubject,
  type PersonalDatabase,
  type SubjectExport,
  type TenantConnection,
} from "glacis/data";
import type { TenantDrizzle } from "../database/database.ts";
import { PERSONAL_DATA } from "../database/personal-map.ts";
import { memberships, tenants } from "../database/schema.ts";
import { tellOfEndingShares, tellOfLostDocuments } from "../webhooks/leaving.ts";
import { ROLE_ORDER, type Role } from "./memberships.ts";

/** Rows by table; nothing of what others have shared with him but that they have. */
export type PersonalData = SubjectExport;

export function exportPerson(connection: PersonalDatabase, userId: string): Promise<PersonalData> {
  return exportSubject(PERSONAL_DATA, connection, userId);
}

/**
 * Webhooks hear which documents go with him, and which shares.
 *
 * @param connection the transaction that `db` is in: his own
 */
export async function erasePerson(
  db: TenantDrizzle,
  connection: TenantConnection,
  person: Pick<User, "id" | "tenantId">,
): Promise<void> {
  const { tenantId, id: userId } = person;
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
  await tellOfEndingShares(db, connection, person);
  await tellOfLostDocuments(db, connection, person);
  await eraseSubject(PERSONAL_DATA, connection, userId);
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
