/** Who may do what with files: whatever he may do with their document. Asked in memory, in SQL and by the database, as documents are. */
import { sql, type SQL } from "drizzle-orm";
import type { Principal, Service, User } from "glacis";
import { accessPolicy, caller, related } from "glacis/authorization";
import { documentColumns, shares, writers, WRITERS, type DocumentAccess } from "../documents/policy.ts";

/** What scans files and removes them: no person, and in one tenant at a time. */
const KEEPER = "files";

const ofDocument = { ...shares, on: { tenantId: "tenantId", documentId: "documentId" } } as const;

export const attachmentPolicy = accessPolicy({
  resource: "attachment",
  table: "attachments",
  columns: { tenantId: "uuid", documentId: "uuid" },
  tenant: "tenantId",
  id: "documentId",
  actions: { list: "list", read: "read", add: "create", judge: "update", remove: "delete" },
  roles: WRITERS,
  conditions: {
    isOwner: related({
      property: "documents",
      table: "documents",
      columns: documentColumns,
      on: { tenantId: "tenantId", id: "documentId" },
      where: { ownerId: caller.userId },
    }),
    isReader: related({ ...ofDocument, where: { userId: caller.userId } }),
    isEditor: related({ ...ofDocument, where: { userId: caller.userId, permission: "edit" } }),
  },
  statements: [
    { action: ["list", "read"], principal: "user", effect: "allow", expression: "isOwner or isReader" },
    { action: ["add", "remove"], principal: writers, effect: "allow", expression: "isOwner or isEditor" },
    { action: ["list", "read", "judge"], principal: `service:${KEEPER}`, effect: "allow" },
  ],
});

export type AttachmentAction = "list" | "read" | "add" | "remove";

/** The files with which this caller may do this, in a query over `attachments`. */
export function permittedAttachments(who: Principal, action: AttachmentAction): SQL {
  return attachmentPolicy.filter(who, action, { alias: "attachments" }).template(sql);
}

/** The files of a document that was read for somebody. */
export function mayWithFiles(
  user: User,
  action: AttachmentAction,
  { id, ownerId, access }: { readonly id: string; readonly ownerId: string; readonly access: DocumentAccess },
): boolean {
  const { tenantId } = user;
  const own = { tenantId, documentId: id, ownerId, userId: user.id, permission: access };
  const shared = access === "owner" ? [] : [own];
  const row = { tenantId, documentId: id, documents: [{ tenantId, id, ownerId }], shares: shared };
  return attachmentPolicy.permits(user, action, row);
}

/** Who keeps house among a tenant's files. */
export function fileKeeper(tenant: string): Service {
  return { kind: "service", id: KEEPER, tenantId: tenant as Service["tenantId"], roles: [] };
}
