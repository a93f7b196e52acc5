/** What people did to a customer's data, where the customer can read it (catalog audit-trail; guide checklist: audit trail for sensitive operations). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Service, User } from "../core/principal.ts";
import { currentRequest, followRequests } from "../primitives/request-context.ts";
import { changesBetween, type FieldChange, type ResourceFields } from "./audit-trail-changes.ts";
import { requireRetention, RETENTION_DAYS } from "./audit-trail-migration.ts";

export const AUDIT_TRAIL_META: ControlMeta = {
  id: "audit-trail",
  title: "Customer-visible audit trail of sensitive actions and data access",
  layer: "audit",
  guide: ["A09", "checklist: audit trail for sensitive operations"],
  owasp2021: ["A09"],
  owasp2025: ["A09"],
  asvs: ["v5.0.0-16.3.2", "v5.0.0-16.3.3"],
  cwe: ["CWE-778", "CWE-223"],
};

export const NO_AUDIT_TRAIL: Rule = {
  id: "audit-trail/absent",
  severity: "warning",
  what: "Customers cannot see who did what to their data.",
  why: "They find out about a colleague's or a thief's doings from you, or never.",
  fix: "Make auditTrail({ resources }), record sensitive changes in their transactions, and pass it to saas() as auditTrail.",
};
export const AUDIT_TRAIL_SHORT: Rule = {
  id: "audit-trail/short-retention",
  severity: "warning",
  what: "The audit trail keeps less than a year.",
  why: "Auditors look a year back, and break-ins are found after months.",
  fix: "Leave retentionDays at 400.",
};

export interface AuditTrailOptions {
  /** What is recorded, by type, and the class of each field: values of public and internal fields are shown, all others only named. */
  readonly resources: Readonly<Record<string, ResourceFields>>;
  /** As in `auditTrailMigration`. 400. */
  readonly retentionDays?: number;
}

/** A connection inside the tenant's transaction: `withTenant(scope, async (connection) => ...)`. */
export interface TrailConnection {
  query<Row = Readonly<Record<string, unknown>>>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

/** Something that somebody did. */
export interface TrailAction {
  /** Who asks; a visit of support staff is recorded under both names. */
  readonly principal: User | Service;
  /** Such as `document.change`. */
  readonly action: string;
  readonly resource: string;
  readonly id: string;
  /** The fields before and after; what is in only one was made or removed. */
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  /** Why, in the words of whoever did it. */
  readonly reason?: string;
}

export interface TrailEntry {
  /** Grows with time. */
  readonly id: string;
  readonly at: Date;
  readonly actorId: string;
  readonly actorKind: "user" | "service";
  readonly impersonatorId: string | null;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly changes: readonly FieldChange[];
  readonly reason: string | null;
  readonly requestId: string | null;
}

export interface TrailQuery {
  readonly actorId?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  /** Entries older than this one: the `id` of the last one seen. */
  readonly before?: string;
  /** At most 500; 50 unless you say otherwise. */
  readonly limit?: number;
}

export interface AuditTrail {
  readonly control: Control;
  /**
   * Writes an entry in the running transaction: it is there exactly when the change is. What it throws must not be caught, so that a change that
   * cannot be recorded does not happen. Entries of the tenant that are past their time go.
   *
   * @throws TypeError for a resource that is not declared, or a text that is too long
   */
  record(connection: TrailConnection, action: TrailAction): Promise<void>;
  /** The newest first. */
  page(connection: TrailConnection, query?: TrailQuery): Promise<readonly TrailEntry[]>;
}

const MOST_ON_A_PAGE = 500;
const MOST_EXPIRED_AT_ONCE = 20;
const LIMITS = { action: 100, id: 200, reason: 500 } as const;
const ENTRY_ID = /^[0-9]{1,18}$/u;

/**
 * An audit trail over the table of `auditTrailMigration`.
 *
 * @throws TypeError on an unknown option, no resource, or an unknown class of a field
 * @example
 * const trail = auditTrail({ resources: { document: { title: "internal", body: "personal" } } });
 * await withTenant(scope, async (connection) => {
 *   await connection.query("update documents set title = $1 where id = $2", ["Plan", id]);
 *   await trail.record(connection, { principal: user, action: "document.change", resource: "document", id, before, after: { title: "Plan" } });
 * });
 */
export function auditTrail(options: AuditTrailOptions): AuditTrail {
  rejectUnknownOptions("auditTrail", options, ["resources", "retentionDays"]);
  const { resources, retentionDays = RETENTION_DAYS } = options;
  requireRetention("auditTrail", retentionDays);
  const fieldsOf = resourcesOf(resources);
  followRequests();
  return {
    control: auditTrailControl(retentionDays),
    async record(connection, action) {
      const fields = fieldsOf.get(action.resource);
      if (fields === undefined) throw new TypeError(`The audit trail has no resource "${action.resource}".`);
      const { principal, reason = null } = action;
      requireText("action", action.action);
      requireText("id", action.id);
      if (reason !== null) requireText("reason", reason);
      const changes = changesBetween(fields, action.before ?? {}, action.after ?? {});
      await connection.query(INSERT, [
        principal.tenantId,
        principal.id,
        principal.kind,
        principal.kind === "user" ? (principal.actor?.id ?? null) : null,
        action.action,
        action.resource,
        action.id,
        JSON.stringify(changes),
        reason,
        currentRequest()?.requestId ?? null,
      ]);
      await connection.query(EXPIRE, [retentionDays, principal.tenantId]);
    },
    async page(connection, query = {}) {
      const { actorId = null, resourceType = null, resourceId = null, before = null, limit = 50 } = query;
      if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError("A page needs a limit of at least one.");
      if (before !== null && !ENTRY_ID.test(before)) return [];
      const values = [actorId, resourceType, resourceId, before, Math.min(limit, MOST_ON_A_PAGE)];
      return (await connection.query<TrailRow>(PAGE, values)).map(entryOf);
    },
  };
}

/** Judges the trail of a composition; undefined says that there is none. */
export function auditTrailControl(retentionDays?: number): Control {
  const at = { kind: "setting", name: "auditTrail" } as const;
  return {
    meta: AUDIT_TRAIL_META,
    rules: [NO_AUDIT_TRAIL, AUDIT_TRAIL_SHORT],
    check: ({ mode }) => {
      if (mode !== "production") return [];
      if (retentionDays === undefined) return [finding(NO_AUDIT_TRAIL, at)];
      return retentionDays < 365 ? [finding(AUDIT_TRAIL_SHORT, at, `${retentionDays} days`)] : [];
    },
  };
}

const INSERT = `insert into glacis_audit_trail
  (tenant_id, actor_id, actor_kind, impersonator_id, action, resource_type, resource_id, changes, reason, request_id)
  values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10)`;
/** Policies say the same; said again for a role that they do not bind. */
const EXPIRE = `delete from glacis_audit_trail where id in (
  select id from glacis_audit_trail where tenant_id = $2 and at < now() - make_interval(days => $1::int)
  order by id limit ${MOST_EXPIRED_AT_ONCE})`;
const PAGE = `select t.id::text as id, at, actor_id, actor_kind, impersonator_id, action, resource_type, resource_id, changes::text, reason, request_id
  from glacis_audit_trail t
  where ($1::text is null or actor_id = $1) and ($2::text is null or resource_type = $2)
    and ($3::text is null or resource_id = $3) and ($4::bigint is null or t.id < $4)
  order by t.id desc limit $5`;

interface TrailRow {
  readonly id: string;
  readonly at: Date | string;
  readonly actor_id: string;
  readonly actor_kind: "user" | "service";
  readonly impersonator_id: string | null;
  readonly action: string;
  readonly resource_type: string;
  readonly resource_id: string;
  readonly changes: string;
  readonly reason: string | null;
  readonly request_id: string | null;
}

function entryOf(row: TrailRow): TrailEntry {
  return {
    id: row.id,
    at: new Date(row.at),
    actorId: row.actor_id,
    actorKind: row.actor_kind,
    impersonatorId: row.impersonator_id,
    action: row.action,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    changes: JSON.parse(row.changes) as readonly FieldChange[],
    reason: row.reason,
    requestId: row.request_id,
  };
}

function resourcesOf(resources: AuditTrailOptions["resources"]): ReadonlyMap<string, ResourceFields> {
  const declared = Object.entries(resources);
  if (declared.length === 0) throw new TypeError("auditTrail() needs at least one resource.");
  for (const [name, fields] of declared) {
    const wrong = Object.entries(fields).find(([, level]) => !CLASSES.has(level));
    if (wrong !== undefined)
      throw new TypeError(
        `auditTrail() knows no class "${wrong[1]}" (${name}.${wrong[0]}); one of ${[...CLASSES].join(", ")}.`,
      );
  }
  return new Map(declared);
}

const CLASSES: ReadonlySet<string> = new Set(["public", "internal", "personal", "sensitive", "secret"]);

function requireText(name: keyof typeof LIMITS, text: string): void {
  const fits = typeof text === "string" && text !== "" && text.length <= LIMITS[name] && !text.includes("\0");
  if (!fits)
    throw new TypeError(`An entry of the audit trail needs ${name} as a text of at most ${LIMITS[name]} characters.`);
}
