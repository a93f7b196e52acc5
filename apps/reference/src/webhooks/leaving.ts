import { and, eq, gte } from "drizzle-orm";
import type { User } from "glacis";
import type { TenantConnection } from "glacis/data";
import { trail } from "../activity/trail.ts";
import type { TenantDrizzle } from "../database/database.ts";
import { documents, documentShares, memberships, users, webhooks } from "../database/schema.ts";
import { tellWebhooks } from "./queue.ts";

type Person = Pick<User, "id" | "tenantId">;

/**
 * Tells of the shares that end with somebody's place in the workspace, before it goes. The place is locked, so that none is added behind this.
 * The transaction is that person's own: the database shows nobody else what is shared with him.
 */
export async function tellOfEndingShares(db: TenantDrizzle, connection: TenantConnection, who: Person): Promise<void> {
  const { id, tenantId } = who;
  await db
    .select({ id: memberships.userId })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, id)))
    .for("update");
  const ending = await db
    .select({ id: documentShares.documentId })
    .from(documentShares)
    .where(and(eq(documentShares.tenantId, tenantId), eq(documentShares.userId, id)));
  await tellWebhooks(connection, who, "document.unshared", idsOf(ending));
}

/** What somebody else has set up in a person's name goes on telling him, so it goes. The trail says which it was. */
export async function removeAddedSince(
  db: TenantDrizzle,
  connection: TenantConnection,
  principal: User,
  since: Date,
): Promise<void> {
  const { id, tenantId } = principal;
  const removed = await db
    .delete(webhooks)
    .where(and(eq(webhooks.tenantId, tenantId), eq(webhooks.addedBy, id), gte(webhooks.createdAt, since)))
    .returning({ id: webhooks.id, endpoint: webhooks.endpoint });
  for (const one of removed)
    await trail.record(connection, {
      principal,
      action: "webhook.remove",
      resource: "webhook",
      id: one.id,
      before: { endpoint: one.endpoint },
    });
}

/** Tells of the documents that go with their owner, in the same way. Whoever shares in them hears of no ended share besides. */
export async function tellOfLostDocuments(db: TenantDrizzle, connection: TenantConnection, who: Person): Promise<void> {
  const { id, tenantId } = who;
  await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.tenantId, tenantId), eq(users.id, id)))
    .for("update");
  const lost = await db
    .select({ id: documents.id })
    .from(documents)
    .where(and(eq(documents.tenantId, tenantId), eq(documents.ownerId, id)));
  await tellWebhooks(connection, who, "document.deleted", idsOf(lost));
}

function idsOf(rows: readonly { readonly id: string }[]): readonly string[] {
  return rows.map(({ id }) => id);
}
