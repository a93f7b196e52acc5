import { and, asc, desc, eq, gt, ilike, lt, or, sql, type SQL } from "drizzle-orm";
import { tenantScope, type User } from "glacis";
import { trail } from "../activity/trail.ts";
import type { Database, TenantDrizzle, TenantWork } from "../database/database.ts";
import { documents, users } from "../database/schema.ts";
import { tellWebhooks } from "../webhooks/queue.ts";
import type { DocumentChange, ListQuery, NewDocument } from "./input.ts";
import { documentOwnership, documentPolicy, mayWith, permittedDocuments, type DocumentAccess } from "./policy.ts";
import { sharingIn, type Sharing } from "./sharing.ts";

/** What a list shows; the body is cut to its beginning. */
export interface DocumentSummary {
  readonly id: string;
  readonly title: string;
  readonly excerpt: string;
  readonly ownerId: string;
  readonly ownerName: string;
  readonly access: DocumentAccess;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Document extends Omit<DocumentSummary, "excerpt"> {
  readonly body: string;
  readonly link: string | null;
  readonly version: number;
}

export interface Page {
  readonly documents: readonly DocumentSummary[];
  /** The id to ask for what follows; undefined on the last page. */
  readonly next: string | undefined;
}

export type ChangeResult =
  | { readonly kind: "changed"; readonly version: number }
  | { readonly kind: "conflict"; readonly current: Document }
  | { readonly kind: "not_found" };

/**
 * Documents as one user may see them: his own, and what colleagues share with him, as policy.ts says. The queries of this file ask it, and so does
 * the database, whose policies are compiled from it. Whatever a user may not see does not exist for him.
 */
export interface Documents extends Sharing {
  list(user: User, query: ListQuery): Promise<Page>;
  read(user: User, id: string): Promise<Document | undefined>;
  create(user: User, document: NewDocument): Promise<string>;
  /** @param version what the writer had seen; a newer one in the database is a conflict. Without it the last writer wins. */
  change(user: User, id: string, change: DocumentChange, version?: number): Promise<ChangeResult>;
  /** @returns false when there is nothing that this user may delete */
  remove(user: User, id: string): Promise<boolean>;
}

export const PAGE_SIZE = 20;
const EXCERPT_LENGTH = 180;

export function documentsIn(database: Database): Documents {
  const inTenant = <Result>(user: User, work: TenantWork<Result>): Promise<Result> =>
    database.withTenant(tenantScope(user), work, user);

  return {
    list: (user, query) => inTenant(user, (db) => listPage(db, user, query)),
    read: (user, id) => inTenant(user, (db) => documentIn(db, user, id)),

    create: (user, { title, body, link }) =>
      inTenant(user, async (db, connection) => {
        const input = documentPolicy.writable(user, "create", { title, body, link: link ?? null });
        const values = documentOwnership.stamp(user, input);
        documentPolicy.authorize(user, "create", values);
        const [row] = await db.insert(documents).values(values).returning({ id: documents.id });
        if (row === undefined) throw new Error("The database accepted a document and returned none.");
        await trail.record(connection, { ...named(user, "document.create", row.id), after: input });
        await tellWebhooks(connection, user, "document.created", [row.id]);
        return row.id;
      }),

    change: (user, id, change, version) =>
      inTenant(user, async (db, connection) => {
        const current = await documentIn(db, user, id);
        if (current === undefined || !mayWith(user, "change", current)) return { kind: "not_found" };
        const seen = version ?? current.version;
        const after = documentPolicy.writable(user, "change", change);
        const [row] = await db
          .update(documents)
          .set({
            ...after,
            version: sql`${documents.version} + 1`,
            updatedAt: new Date(),
          })
          .where(and(eq(documents.id, id), permittedDocuments(user, "change"), eq(documents.version, seen)))
          .returning({ version: documents.version });
        if (row !== undefined) {
          const { title, body, link } = current;
          const before = { title, body, link };
          await trail.record(connection, {
            ...named(user, "document.change", id),
            before,
            after: { ...before, ...after },
          });
          await tellWebhooks(connection, user, "document.changed", [id]);
          return { kind: "changed", version: row.version };
        }
        const now = await documentIn(db, user, id);
        return now === undefined ? { kind: "not_found" } : { kind: "conflict", current: now };
      }),

    remove: (user, id) =>
      inTenant(user, async (db, connection) => {
        const removed = await db
          .delete(documents)
          .where(and(eq(documents.id, id), permittedDocuments(user, "remove")))
          .returning({ id: documents.id });
        if (removed.length === 0) return false;
        await trail.record(connection, named(user, "document.remove", id));
        await tellWebhooks(connection, user, "document.deleted", [id]);
        return true;
      }),

    ...sharingIn(database),
  };
}

/** An entry of the trail about a document. */
export function named(principal: User, action: string, id: string) {
  return { principal, action, resource: "document", id } as const;
}

function accessOf(user: User): SQL<DocumentAccess> {
  return sql<DocumentAccess>`case when ${documents.ownerId} = ${user.id} then 'owner' else (
    select s.permission from document_shares s
    where s.tenant_id = ${documents.tenantId} and s.document_id = ${documents.id} and s.user_id = ${user.id}
  ) end`;
}

const SUMMARY = {
  id: documents.id,
  title: documents.title,
  ownerId: documents.ownerId,
  ownerName: users.name,
  createdAt: documents.createdAt,
  updatedAt: documents.updatedAt,
};
const owner = and(eq(users.tenantId, documents.tenantId), eq(users.id, documents.ownerId));

/** A document as this user may see it, inside a transaction that has begun. */
export async function documentIn(db: TenantDrizzle, user: User, id: string): Promise<Document | undefined> {
  const [found] = await db
    .select({
      ...SUMMARY,
      body: documents.body,
      link: documents.link,
      version: documents.version,
      access: accessOf(user),
    })
    .from(documents)
    .innerJoin(users, owner)
    .where(and(eq(documents.id, id), permittedDocuments(user, "read")));
  return found;
}

const ORDER = {
  updated: { column: documents.updatedAt, direction: "desc" },
  created: { column: documents.createdAt, direction: "desc" },
  title: { column: documents.title, direction: "asc" },
} as const;

/**
 * One page by keyset: the rows behind the last one seen, whatever was added or removed meanwhile. The cursor is a document's id and nothing
 * else, so no title travels in a URL; a document that has gone starts over.
 */
async function listPage(db: TenantDrizzle, user: User, { q, sort, after }: ListQuery): Promise<Page> {
  const { column, direction } = ORDER[sort];
  const from = after === undefined ? undefined : await documentIn(db, user, after);
  const rows = await db
    .select({ ...SUMMARY, excerpt: sql<string>`left(${documents.body}, ${EXCERPT_LENGTH})`, access: accessOf(user) })
    .from(documents)
    .innerJoin(users, owner)
    .where(and(permittedDocuments(user, "list"), matching(q), from === undefined ? undefined : beyond(from, sort)))
    .orderBy(...(direction === "asc" ? [asc(column), asc(documents.id)] : [desc(column), desc(documents.id)]))
    .limit(PAGE_SIZE + 1);
  const shown = rows.slice(0, PAGE_SIZE);
  return { documents: shown, next: rows.length > PAGE_SIZE ? shown.at(-1)?.id : undefined };
}

function matching(q: string): SQL | undefined {
  if (q === "") return undefined;
  const pattern = `%${q.replaceAll(/[\\%_]/gu, String.raw`\$&`)}%`;
  return or(ilike(documents.title, pattern), ilike(documents.body, pattern));
}

function beyond(last: Document, sort: ListQuery["sort"]): SQL | undefined {
  if (sort === "title") {
    return or(gt(documents.title, last.title), and(eq(documents.title, last.title), gt(documents.id, last.id)));
  }
  const [column, value] =
    sort === "created" ? [documents.createdAt, last.createdAt] : [documents.updatedAt, last.updatedAt];
  return or(lt(column, value), and(eq(column, value), lt(documents.id, last.id)));
}
