/** Who may do what with documents and their shares: asked in memory for one, in SQL for lists, and compiled into the database's own policies. */
import { sql, type SQL } from "drizzle-orm";
import type { Principal, User } from "glacis";
import { accessPolicy, caller, ownership, related, sameAs } from "glacis/authorization";

/** Who writes at all. A viewer reads, whatever somebody shares with him. */
export const WRITERS = ["owner", "admin", "member"] as const;

const PEOPLE = ["owner", "admin", "member", "viewer"] as const;
export const writers = WRITERS.map((role) => `role:${role}` as const);

export const documentColumns = { id: "uuid", tenantId: "uuid", ownerId: "uuid" } as const;
const shareColumns = {
  tenantId: "uuid",
  documentId: "uuid",
  ownerId: "uuid",
  userId: "uuid",
  permission: "text",
} as const;

export const shares = {
  property: "shares",
  table: "document_shares",
  columns: shareColumns,
  on: { tenantId: "tenantId", documentId: "id" },
} as const;

export const documentPolicy = accessPolicy({
  resource: "document",
  table: "documents",
  columns: documentColumns,
  tenant: "tenantId",
  actions: {
    list: "list",
    read: "read",
    /** Who else may see it. */
    audience: "read",
    create: "create",
    change: "update",
    share: "update",
    remove: "delete",
  },
  roles: PEOPLE,
  conditions: {
    isOwner: { ownerId: caller.userId },
    isReader: related({ ...shares, where: { userId: caller.userId } }),
    isEditor: related({ ...shares, where: { userId: caller.userId, permission: "edit" } }),
  },
  statements: [
    { action: ["list", "read"], principal: "user", effect: "allow", expression: "isOwner or isReader" },
    { action: "audience", principal: "user", effect: "allow", condition: "isOwner" },
    { action: ["create", "remove", "share"], principal: writers, effect: "allow", condition: "isOwner" },
    { action: "change", principal: writers, effect: "allow", expression: "isOwner or isEditor" },
  ],
  fields: {
    title: { write: writers },
    body: { write: writers },
    link: { write: writers },
  },
});

/** The document's owner stands in each share, held to the document's by a foreign key: so neither table's policy has to look at the other's. */
export const sharePolicy = accessPolicy({
  resource: "share",
  table: "document_shares",
  columns: shareColumns,
  tenant: "tenantId",
  id: "documentId",
  actions: { list: "list", create: "create", change: "update", remove: "delete" },
  roles: PEOPLE,
  conditions: {
    isOwner: { ownerId: caller.userId },
    isRecipient: { userId: caller.userId },
    isWithOneself: { userId: sameAs("ownerId") },
  },
  statements: [
    { action: "list", principal: "user", effect: "allow", expression: "isOwner or isRecipient" },
    { action: "<write>", principal: writers, effect: "allow", condition: "isOwner" },
    { action: ["create", "change"], principal: "*", effect: "deny", condition: "isWithOneself" },
  ],
});

/** What somebody is to a document that he may read. */
export type DocumentAccess = "owner" | "edit" | "view";
export type DocumentAction = "list" | "read" | "audience" | "create" | "change" | "share" | "remove";
export type ShareAction = "list" | "create" | "change" | "remove";

/** Owner and tenant of what somebody creates. */
export const documentOwnership = ownership({
  resource: "document",
  columns: documentColumns,
  owner: "ownerId",
  tenant: "tenantId",
});

/** The documents on which this caller may do this, in a query over `documents`. */
export function permittedDocuments(who: Principal, action: DocumentAction): SQL {
  return documentPolicy.filter(who, action, { alias: "documents" }).template(sql);
}

/** The same for shares, in a query over `document_shares`. */
export function permittedShares(who: Principal, action: ShareAction): SQL {
  return sharePolicy.filter(who, action, { alias: "document_shares" }).template(sql);
}

/** A document as it was read for somebody, with what was shared with him. */
export function mayWith(
  user: User,
  action: DocumentAction,
  { id, ownerId, access }: { readonly id: string; readonly ownerId: string; readonly access: DocumentAccess },
): boolean {
  const { tenantId } = user;
  const own = { tenantId, documentId: id, ownerId, userId: user.id, permission: access };
  const row = { id, tenantId, ownerId, shares: access === "owner" ? [] : [own] };
  return documentPolicy.permits(user, action, row);
}

/** Beside the policies that keep tenants apart, which allow. */
export const ROW_SECURITY = { restrictive: true } as const;
