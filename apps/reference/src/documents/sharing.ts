import { and, asc, eq } from "drizzle-orm";
import { tenantScope, type User } from "glacis";
import { trail } from "../activity/trail.ts";
import type { Database, TenantDrizzle, TenantWork } from "../database/database.ts";
import { addressed } from "../accounts/accounts.ts";
import { addressOf, documentShares, documents, memberships, users } from "../database/schema.ts";
import { tellWebhooks } from "../webhooks/queue.ts";
import { permittedDocuments, permittedShares, sharePolicy } from "./policy.ts";

export interface Share {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly permission: "view" | "edit";
}

/** Who else may see a document. Only its owner asks and decides. */
export interface Sharing {
  /** Only the owner sees who else may read. */
  shares(user: User, id: string): Promise<readonly Share[] | undefined>;
  share(
    user: User,
    id: string,
    colleague: Pick<Share, "userId" | "permission">,
  ): Promise<"shared" | "not_found" | "unknown_colleague">;
  unshare(user: User, id: string, userId: string): Promise<boolean>;
}

export function sharingIn(database: Database): Sharing {
  const inTenant = <Result>(user: User, work: TenantWork<Result>): Promise<Result> =>
    database.withTenant(tenantScope(user), work, user);

  return {
    shares: (user, id) =>
      inTenant(user, async (db) => {
        if (!(await holds(db, user, "audience", id))) return undefined;
        const rows = await db
          .select({ userId: users.id, name: users.name, email: addressOf, permission: documentShares.permission })
          .from(documentShares)
          .innerJoin(users, and(eq(users.tenantId, documentShares.tenantId), eq(users.id, documentShares.userId)))
          .where(and(eq(documentShares.documentId, id), permittedShares(user, "list")))
          .orderBy(asc(users.name), asc(users.id));
        return rows.flatMap((row) => addressed(row) ?? []);
      }),

    share: (user, id, { userId, permission }) =>
      lookingAgain(() =>
        inTenant(user, async (db, connection) => {
          if (!(await holds(db, user, "share", id))) return "not_found";
          const [colleague] = await db
            .select({ id: memberships.userId })
            .from(memberships)
            .where(and(eq(memberships.tenantId, user.tenantId), eq(memberships.userId, userId)));
          const share = { tenantId: user.tenantId, documentId: id, ownerId: user.id, userId, permission };
          if (colleague === undefined || !sharePolicy.permits(user, "create", share)) return "unknown_colleague";
          await db
            .insert(documentShares)
            .values(share)
            .onConflictDoUpdate({
              target: [documentShares.tenantId, documentShares.documentId, documentShares.userId],
              set: { permission },
            });
          await trail.record(connection, {
            ...sharing(user, "document.share", id),
            after: { colleague: userId, permission },
          });
          await tellWebhooks(connection, user, "document.shared", [id]);
          return "shared";
        }),
      ),

    unshare: (user, id, userId) =>
      inTenant(user, async (db, connection) => {
        const removed = await db
          .delete(documentShares)
          .where(
            and(eq(documentShares.documentId, id), eq(documentShares.userId, userId), permittedShares(user, "remove")),
          )
          .returning({ permission: documentShares.permission });
        const [gone] = removed;
        if (gone === undefined) return false;
        await trail.record(connection, {
          ...sharing(user, "document.unshare", id),
          before: { colleague: userId, permission: gone.permission },
        });
        await tellWebhooks(connection, user, "document.unshared", [id]);
        return true;
      }),
  };
}

/** Between the look at what is there and the share a colleague may leave, or the document go. A foreign key refuses it then, and a second look says why. */
async function lookingAgain<Result>(share: () => Promise<Result>): Promise<Result> {
  try {
    return await share();
  } catch (error) {
    if (codeOf(error) !== FOREIGN_KEY) throw error;
    return share();
  }
}

const FOREIGN_KEY = "23503";

/** The query builder wraps what the database has thrown. */
function codeOf(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return (at as { readonly code?: unknown } | null | undefined)?.code;
}

function sharing(principal: User, action: string, id: string) {
  return { principal, action, resource: "document", id } as const;
}

async function holds(db: TenantDrizzle, user: User, action: "audience" | "share", id: string): Promise<boolean> {
  const rows = await db
    .select({ id: documents.id })
    .from(documents)
    .where(and(eq(documents.id, id), permittedDocuments(user, action)));
  return rows.length > 0;
}
