import { and, asc, eq, sql, type SQL } from "drizzle-orm";
import { tenantScope, type User } from "glacis";
import type { StoredUpload } from "glacis/input";
import type { Database, TenantDrizzle } from "../database/database.ts";
import { attachments, documents, fileTasks, users } from "../database/schema.ts";
import { documentIn } from "../documents/documents.ts";
import { mayWithFiles, permittedAttachments } from "./policy.ts";

export interface Attachment {
  readonly id: string;
  readonly documentId: string;
  /** As its sender called it: to show and to save under. */
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly scan: "clean" | "none" | "pending" | "infected";
  /** Undefined once they have left. */
  readonly addedBy: string | null;
  readonly createdAt: Date;
}

export interface AttachedFile extends Attachment {
  readonly storageKey: string;
  /** Whether this user may remove it. */
  readonly removable: boolean;
}

export const MOST_FILES = 50;

/**
 * Files of documents, as one user may see them: whoever may read the document reads them, whoever may edit it adds and removes them. A file of a
 * document that a user may not see does not exist for him.
 */
export interface Attachments {
  list(user: User, documentId: string): Promise<readonly Attachment[] | undefined>;
  find(user: User, id: string): Promise<AttachedFile | undefined>;
  /** By the key in the storage, as a download link has it. */
  findByKey(user: User, storageKey: string): Promise<AttachedFile | undefined>;
  /** Names a file that has arrived. */
  add(user: User, documentId: string, file: StoredUpload): Promise<Attachment | "not_found" | "full">;
  /** @returns false when there is nothing that this user may remove */
  remove(user: User, id: string): Promise<boolean>;
}

export function attachmentsIn(database: Database): Attachments {
  const inTenant = <Result>(user: User, work: (db: TenantDrizzle) => Promise<Result>): Promise<Result> =>
    database.withTenant(tenantScope(user), work, user);
  const one = (user: User, which: SQL): Promise<AttachedFile | undefined> =>
    inTenant(user, (db) => readFile(db, user, which));

  return {
    list: (user, documentId) =>
      inTenant(user, async (db) => {
        const document = await documentIn(db, user, documentId);
        if (document === undefined || !mayWithFiles(user, "list", document)) return undefined;
        return db
          .select(SHOWN)
          .from(attachments)
          .leftJoin(users, sender)
          .where(and(filesOf(user, documentId), permittedAttachments(user, "list")))
          .orderBy(asc(attachments.createdAt), asc(attachments.id));
      }),

    find: (user, id) => one(user, eq(attachments.id, id)),
    findByKey: (user, storageKey) => one(user, eq(attachments.storageKey, storageKey)),
    add: (user, documentId, file) => inTenant(user, (db) => add(db, user, documentId, file)),

    remove: (user, id) =>
      inTenant(user, async (db) => {
        const file = await readFile(db, user, eq(attachments.id, id));
        if (file?.removable !== true) return false;
        const removed = await db
          .delete(attachments)
          .where(and(eq(attachments.id, id), permittedAttachments(user, "remove")))
          .returning({ id: attachments.id });
        return removed.length > 0;
      }),
  };
}

const sender = and(eq(users.tenantId, attachments.tenantId), eq(users.id, attachments.addedBy));
const SHOWN = {
  id: attachments.id,
  documentId: attachments.documentId,
  name: attachments.name,
  mediaType: attachments.mediaType,
  bytes: attachments.bytes,
  sha256: attachments.sha256,
  scan: attachments.scan,
  addedBy: users.name,
  createdAt: attachments.createdAt,
};

const filesOf = (user: User, documentId: string): SQL | undefined =>
  and(eq(attachments.tenantId, user.tenantId), eq(attachments.documentId, documentId));

async function readFile(db: TenantDrizzle, user: User, which: SQL): Promise<AttachedFile | undefined> {
  const [file] = await db
    .select({ ...SHOWN, storageKey: attachments.storageKey })
    .from(attachments)
    .leftJoin(users, sender)
    .where(and(which, permittedAttachments(user, "read")));
  const document = file && (await documentIn(db, user, file.documentId));
  return document && { ...file, removable: mayWithFiles(user, "remove", document) };
}

async function add(
  db: TenantDrizzle,
  user: User,
  documentId: string,
  { key: storageKey, originalName: name, mediaType, bytes, sha256, scan }: StoredUpload,
): Promise<Attachment | "not_found" | "full"> {
  const document = await documentIn(db, user, documentId);
  if (document === undefined || !mayWithFiles(user, "add", document)) return "not_found";
  // Files that come at the same time are counted one after the other.
  await db
    .select({ id: documents.id })
    .from(documents)
    .where(and(eq(documents.tenantId, user.tenantId), eq(documents.id, documentId)))
    .for("no key update");
  const [count] = await db
    .select({ files: sql<number>`count(*)::int` })
    .from(attachments)
    .where(filesOf(user, documentId));
  if ((count?.files ?? 0) >= MOST_FILES) return "full";
  const values = { tenantId: user.tenantId, documentId, addedBy: user.id, storageKey, name, mediaType, bytes, sha256 };
  const [made] = await db
    .insert(attachments)
    .values({ ...values, scan })
    .returning({ id: attachments.id });
  const announcement = eq(fileTasks.storageKey, storageKey);
  if (scan === "pending") await db.update(fileTasks).set({ task: "scan" }).where(announcement);
  else await db.delete(fileTasks).where(announcement);
  const file = made && (await readFile(db, user, eq(attachments.id, made.id)));
  if (file === undefined) throw new Error("The database accepted a file and returned none.");
  return file;
}
