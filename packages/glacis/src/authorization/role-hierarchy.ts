/** Who may give which role to whom, and that the last holder of the highest one stays (catalog privilege-escalation; guide A01; ASVS v5.0.0-8.2.1). */
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";

export interface RoleHierarchyOptions<Role extends string> {
  /** Every role, the lowest first. */
  readonly roles: readonly Role[];
  /** The lowest role that may change anybody's role. */
  readonly grantor: Role;
}

/** A change of somebody's role. */
export interface RoleChange {
  /** What they have now, read in the transaction that changes it; undefined for somebody who joins. */
  readonly from?: string | undefined;
  /** What they are to have; undefined for somebody who leaves. */
  readonly to?: string | undefined;
}

export interface RoleHierarchy<Role extends string> {
  readonly roles: readonly Role[];
  /** What the principal may give, the lowest first; empty for whoever may give nothing. */
  grantable(principal: Principal): readonly Role[];
  /** May the principal give the role? An unknown role is never given, and a principal's unknown roles count for nothing. */
  mayGrant(principal: Principal, role: string): boolean;
  /**
   * Judges a change: neither what somebody has nor what they are to have stands above the principal. A refusal is 403 and carries the event
   * `authz.escalation_attempt`.
   */
  decide(principal: Principal, change: RoleChange): Decision;
}

const OPTION_NAMES = ["roles", "grantor"];
const NOWHERE = -1;

/**
 * Roles in order. Give `decide` a principal whose role was read in the same transaction, with both rows locked: of two people who change each
 * other at once, the second must be judged by what the first has left of them.
 *
 * @throws TypeError on an unknown option, a role that occurs twice, or a grantor that is no role.
 * @example
 * const roles = roleHierarchy({ roles: ["viewer", "member", "admin", "owner"], grantor: "admin" });
 * roles.mayGrant(admin, "owner"); // false
 */
export function roleHierarchy<const Role extends string>(options: RoleHierarchyOptions<Role>): RoleHierarchy<Role> {
  rejectUnknownOptions("roleHierarchy", options, OPTION_NAMES);
  const given: unknown = options.roles;
  if (!Array.isArray(given) || given.length === 0 || given.some((role) => typeof role !== "string" || role === ""))
    throw new TypeError("roleHierarchy() needs roles as a list of names, the lowest first.");
  const roles = Object.freeze([...options.roles]);
  const ranks = new Map<unknown, number>(roles.map((role, rank) => [role, rank]));
  if (ranks.size !== roles.length) throw new TypeError("roleHierarchy() has a role twice.");
  const threshold = ranks.get(options.grantor);
  if (threshold === undefined) throw new TypeError("roleHierarchy() needs a grantor that is one of its roles.");

  function reachOf(principal: Principal): number {
    const held: unknown = principal.kind === "anonymous" ? undefined : principal.roles;
    const rank = Array.isArray(held) ? Math.max(NOWHERE, ...held.map((role) => ranks.get(role) ?? NOWHERE)) : NOWHERE;
    return rank < (threshold ?? Infinity) ? NOWHERE : rank;
  }
  const within = (reach: number, role: unknown): boolean => {
    const rank = ranks.get(role);
    return rank !== undefined && rank <= reach;
  };

  return Object.freeze({
    roles,
    grantable: (principal: Principal) => roles.slice(0, reachOf(principal) + 1),
    mayGrant: (principal: Principal, role: string) => within(reachOf(principal), role),
    decide(principal: Principal, { from, to }: RoleChange) {
      const reach = reachOf(principal);
      if (reach === NOWHERE) return escalation(principal, "not_a_grantor");
      if (from === undefined && to === undefined) return escalation(principal, "no_change");
      if (from !== undefined && !within(reach, from)) return escalation(principal, "target_above");
      if (to !== undefined && !within(reach, to)) return escalation(principal, "grant_above");
      return ALLOW;
    },
  });
}

function escalation(principal: Principal, detail: string): Decision {
  return deny("forbidden", {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz.escalation_attempt",
    control: "privilege-escalation",
    reason: "forbidden",
    detail,
    ...(principal.kind !== "anonymous" && { user_id: principal.id, tenant_id: principal.tenantId }),
  });
}
