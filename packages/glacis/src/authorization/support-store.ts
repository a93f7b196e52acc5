/** Where a tenant's consent to support visits, and the visits under way, are kept. */

/** The tables, as a migration. */
export const SUPPORT_MIGRATION = `
create table if not exists glacis_support_consents (
  tenant_id text primary key,
  granted_by text not null,
  ends_at_ms bigint not null
);
create table if not exists glacis_support_visits (
  session_id text primary key,
  actor_id text not null,
  actor_tenant_id text not null,
  tenant_id text not null references glacis_support_consents (tenant_id) on delete cascade,
  user_id text not null,
  started_at_ms bigint not null,
  ends_at_ms bigint not null
);
alter table glacis_support_visits add column if not exists purpose text not null default '' check (length(purpose) <= 200);
create index if not exists glacis_support_visits_tenant on glacis_support_visits (tenant_id);
`;

/** A tenant lets support staff look in until a moment. */
export interface SupportConsent {
  readonly tenantId: string;
  readonly grantedBy: string;
  /** Milliseconds since the epoch. */
  readonly endsAtMs: number;
}

/** Somebody of the support staff sees what one user of a tenant would see. */
export interface SupportVisit {
  /** The session of the person at the keyboard; the visit ends with it. */
  readonly sessionId: string;
  readonly actorId: string;
  readonly actorTenantId: string;
  readonly tenantId: string;
  readonly userId: string;
  /** What for, in the words of whoever visits. */
  readonly purpose: string;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
}

/** A store that fails throws, and the request is refused. */
export interface SupportStore {
  readonly kind: "memory" | "shared";
  /** Puts a consent in the place of the tenant's last one. */
  consent(consent: SupportConsent): void | Promise<void>;
  /** Ends the consent, and every visit under it. */
  withdraw(tenantId: string): void | Promise<void>;
  /** The consent, unless it has ended. */
  consented(tenantId: string, nowMs: number): SupportConsent | undefined | Promise<SupportConsent | undefined>;
  /** The consents that stand, those that end first before the others; a hundred at most. */
  standing(nowMs: number): readonly SupportConsent[] | Promise<readonly SupportConsent[]>;
  /** Begins a visit while the consent stands, never beyond its end. @returns the visit's end, or undefined without consent */
  begin(visit: SupportVisit): number | undefined | Promise<number | undefined>;
  /** The visit of a session, unless it has ended or its tenant's consent has. */
  visit(sessionId: string, nowMs: number): SupportVisit | undefined | Promise<SupportVisit | undefined>;
  end(sessionId: string): void | Promise<void>;
}

const MOST_CONSENTS = 100;

/** Consents and visits in this process alone, for development and tests. */
export function memorySupport(): SupportStore {
  const consents = new Map<string, SupportConsent>();
  const visits = new Map<string, SupportVisit>();
  const standing = (tenantId: string, nowMs: number): SupportConsent | undefined => {
    const consent = consents.get(tenantId);
    return consent !== undefined && nowMs < consent.endsAtMs ? consent : undefined;
  };
  return {
    kind: "memory",
    consent: (consent) => void consents.set(consent.tenantId, consent),
    withdraw(tenantId) {
      consents.delete(tenantId);
      for (const [id, visit] of visits) if (visit.tenantId === tenantId) visits.delete(id);
    },
    consented: standing,
    standing: (nowMs) =>
      [...consents.values()]
        .filter(({ endsAtMs }) => nowMs < endsAtMs)
        .toSorted((one, two) => one.endsAtMs - two.endsAtMs)
        .slice(0, MOST_CONSENTS),
    begin(visit) {
      const consent = standing(visit.tenantId, visit.startedAtMs);
      if (consent === undefined) return undefined;
      const endsAtMs = Math.min(visit.endsAtMs, consent.endsAtMs);
      visits.set(visit.sessionId, { ...visit, endsAtMs });
      return endsAtMs;
    },
    visit(sessionId, nowMs) {
      const visit = visits.get(sessionId);
      return visit !== undefined && nowMs < visit.endsAtMs && standing(visit.tenantId, nowMs) ? visit : undefined;
    },
    end: (sessionId) => void visits.delete(sessionId),
  };
}

/** What is asked of Postgres: one statement at a time, values bound. A `pg` pool and PGlite both fit. */
export interface SupportDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Consents and visits in Postgres, with `SUPPORT_MIGRATION` applied. Each question is one statement, so that a consent that ends ends at once. */
export function postgresSupport(database: SupportDatabase): SupportStore {
  const run = async (text: string, values: unknown[]): Promise<unknown> => (await database.query(text, values)).rows[0];
  return {
    kind: "shared",
    async consent({ tenantId, grantedBy, endsAtMs }) {
      await run(
        `insert into glacis_support_consents (tenant_id, granted_by, ends_at_ms) values ($1, $2, $3)
         on conflict (tenant_id) do update set granted_by = excluded.granted_by, ends_at_ms = excluded.ends_at_ms`,
        [tenantId, grantedBy, endsAtMs],
      );
    },
    async withdraw(tenantId) {
      await run("delete from glacis_support_consents where tenant_id = $1", [tenantId]);
    },
    async consented(tenantId, nowMs) {
      const text = `select tenant_id, granted_by, ends_at_ms from glacis_support_consents where tenant_id = $1 and ends_at_ms > $2`;
      const row = (await run(text, [tenantId, nowMs])) as ConsentRow | undefined;
      return row && consentOf(row);
    },
    async standing(nowMs) {
      const text = `select tenant_id, granted_by, ends_at_ms from glacis_support_consents where ends_at_ms > $1 order by ends_at_ms limit $2`;
      return ((await database.query(text, [nowMs, MOST_CONSENTS])).rows as readonly ConsentRow[]).map(consentOf);
    },
    async begin({ sessionId, actorId, actorTenantId, tenantId, userId, purpose, startedAtMs, endsAtMs }) {
      const row = (await run(
        `insert into glacis_support_visits (session_id, actor_id, actor_tenant_id, tenant_id, user_id, purpose, started_at_ms, ends_at_ms)
         select $1, $2, $3, tenant_id, $5, $8, $6, least($7::bigint, ends_at_ms) from glacis_support_consents
         where tenant_id = $4 and ends_at_ms > $6
         on conflict (session_id) do update set actor_id = excluded.actor_id, actor_tenant_id = excluded.actor_tenant_id,
           tenant_id = excluded.tenant_id, user_id = excluded.user_id, purpose = excluded.purpose, started_at_ms = excluded.started_at_ms, ends_at_ms = excluded.ends_at_ms
         returning ends_at_ms`,
        [sessionId, actorId, actorTenantId, tenantId, userId, startedAtMs, endsAtMs, purpose],
      )) as Pick<VisitRow, "ends_at_ms"> | undefined;
      return row && Number(row.ends_at_ms);
    },
    async visit(sessionId, nowMs) {
      const row = (await run(
        `select v.* from glacis_support_visits v join glacis_support_consents c using (tenant_id)
         where v.session_id = $1 and v.ends_at_ms > $2 and c.ends_at_ms > $2`,
        [sessionId, nowMs],
      )) as VisitRow | undefined;
      return row && visitOf(row);
    },
    async end(sessionId) {
      await run("delete from glacis_support_visits where session_id = $1", [sessionId]);
    },
  };
}

interface ConsentRow {
  readonly tenant_id: string;
  readonly granted_by: string;
  readonly ends_at_ms: string | number;
}

interface VisitRow {
  readonly session_id: string;
  readonly actor_id: string;
  readonly actor_tenant_id: string;
  readonly tenant_id: string;
  readonly user_id: string;
  readonly purpose: string;
  readonly started_at_ms: string | number;
  readonly ends_at_ms: string | number;
}

function consentOf({ tenant_id: tenantId, granted_by: grantedBy, ends_at_ms: endsAtMs }: ConsentRow): SupportConsent {
  return { tenantId, grantedBy, endsAtMs: Number(endsAtMs) };
}

function visitOf(row: VisitRow): SupportVisit {
  return {
    sessionId: row.session_id,
    actorId: row.actor_id,
    actorTenantId: row.actor_tenant_id,
    tenantId: row.tenant_id,
    userId: row.user_id,
    purpose: row.purpose,
    startedAtMs: Number(row.started_at_ms),
    endsAtMs: Number(row.ends_at_ms),
  };
}
