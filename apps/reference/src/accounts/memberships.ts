import { and, asc, eq, inArray } from "drizzle-orm";
import { Refusal, tenantScope, type User } from "glacis";
import { isLastHolderRefusal, roleHierarchy, type RoleHierarchy } from "glacis/authorization";
import type { TenantConnection } from "glacis/data";
import { trail } from "../activity/trail.ts";
import type { Database, TenantDrizzle, TenantWork } from "../database/database.ts";
import { memberships } from "../database/schema.ts";
import { tellOfEndingShares } from "../webhooks/leaving.ts";

export type Role = "owner" | "admin" | "member" | "viewer";

/** Who stands above whom; admins and owners change roles, nobody above their own. */
export const ROLE_ORDER: RoleHierarchy<Role> = roleHierarchy({
  roles: ["viewer", "member", "admin", "owner"],
  grantor: "admin",
});

export function isRole(text: unknown): text is Role {
  return ROLE_ORDER.roles.some((role) => role === text);
}

export type MembershipResult = "changed" | "not_found" | "last_owner";

/**
 * Changes of who may do what in a workspace. Both people's roles are read and locked in the transaction that changes one: an admin who was
 * demoted a moment ago changes nobody any more. That an owner stays is the database's word.
 */
export interface Memberships {
  /** @throws Refusal 403 for a change that reaches above the one who makes it */
  changeRole(actor: User, userId: string, role: Role): Promise<MembershipResult>;
  /**
   * Takes a person out of the workspace: they cannot sign in any more, and what others shared with them is shared no more, even should they come
   * back. Their own documents stay.
   *
   * @throws Refusal 403 for somebody above the one who asks
   */
  removePerson(actor: User, userId: string): Promise<MembershipResult>;
}

export function membershipsIn(database: Database): Memberships {
  async function change(actor: User, userId: string, role: Role | undefined): Promise<MembershipResult> {
    // Whoever goes is the one to whom the database shows what is shared with him.
    const leaving: User = { ...actor, id: userId as User["id"], roles: [] };
    try {
      const work: TenantWork<MembershipResult> = async (db, connection) => {
        const held = await lockRoles(db, actor, userId);
        const from = held.get(userId);
        const own = held.get(actor.id);
        const now: User = { ...actor, roles: own === undefined ? [] : [own] };
        // Who may change nobody does not learn who is there.
        if (from === undefined && ROLE_ORDER.grantable(now).length > 0) return "not_found";
        const decision = ROLE_ORDER.decide(now, { from, to: role });
        if (decision.kind === "deny") throw new Refusal(decision);
        await (role === undefined ? remove(db, connection, leaving) : setRole(db, actor, userId, role));
        await trail.record(connection, {
          principal: actor,
          action: role === undefined ? "member.remove" : "member.role",
          resource: "membership",
          id: userId,
          before: { role: from },
          after: { role },
        });
        return "changed";
      };
      return await database.withTenant(tenantScope(actor), work, role === undefined ? leaving : undefined);
    } catch (error) {
      if (isLastHolderRefusal(error)) return "last_owner";
      throw error;
    }
  }
  return {
    changeRole: (actor, userId, role) => change(actor, userId, role),
    removePerson: (actor, userId) => change(actor, userId, undefined),
  };
}

/** Whether somebody may give a role now. His own stays as it is until the transaction ends. */
export async function mayInvite(db: TenantDrizzle, tenantId: string, userId: string, role: Role): Promise<boolean> {
  const [held] = await db
    .select({ role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId)))
    .for("share");
  if (held === undefined) return false;
  return ROLE_ORDER.mayGrant(
    { kind: "service", id: userId, tenantId: tenantId as User["tenantId"], roles: [held.role] },
    role,
  );
}

/** In the order of their ids, so that two people who change each other do not wait for each other for ever. */
async function lockRoles(db: TenantDrizzle, actor: User, userId: string): Promise<ReadonlyMap<string, Role>> {
  const rows = await db
    .select({ userId: memberships.userId, role: memberships.role })
    .from(memberships)
    .where(and(eq(memberships.tenantId, actor.tenantId), inArray(memberships.userId, [actor.id, userId])))
    .orderBy(asc(memberships.userId))
    .for("update");
  return new Map(rows.map((row) => [row.userId, row.role]));
}

async function setRole(db: TenantDrizzle, { tenantId }: User, userId: string, role: Role): Promise<void> {
  await db
    .update(memberships)
    .set({ role })
    .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId)));
}

async function remove(db: TenantDrizzle, connection: TenantConnection, leaving: User): Promise<void> {
  const { id, tenantId } = leaving;
  await tellOfEndingShares(db, connection, leaving);
  await db.delete(memberships).where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, id)));
}
