/** Support staff see what a customer sees: with the customer's consent, for half an hour, read-only, under both names (catalog support-impersonation). */
import { auditEvent } from "../core/event-entry.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { allow, ALLOW, deny, type Decision } from "../core/decision.ts";
import type { AuditEvent, EventKey } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal, User } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import type { SupportConsent, SupportStore, SupportVisit } from "./support-store.ts";

const META: ControlMeta = {
  id: "support-impersonation",
  title: "Support access to customer accounts is consented, limited and recorded",
  layer: "authorization",
  guide: ["A01", "A09"],
  owasp2021: ["A01", "A04"],
  owasp2025: ["A01", "A06"],
  asvs: [],
  cwe: ["CWE-269", "CWE-778"],
};

export const SUPPORT_MEMORY_STORE: Rule = {
  id: "support-impersonation/memory-store",
  severity: "error",
  what: "Consents to support visits live in the memory of one process.",
  why: "A consent that was withdrawn on one instance still stands on the others.",
  fix: "Pass postgresSupport(pool).",
};

const VISIT_MS = 30 * 60_000;
const FRESH_MS = 5 * 60_000;
/** One line without control characters, which neither begins nor ends with a blank. */
const PURPOSE = /^(?=\S)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{10,200}(?<=\S)$/u;
const LONGEST_CONSENT_MS = 7 * 24 * 3_600_000;
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** What a visitor may be: what the user is, read anew for each request. Undefined for somebody who was removed. */
export type ReadSubject = (
  visit: SupportVisit,
) => Promise<{ readonly roles: readonly string[]; readonly groups?: readonly string[] } | undefined>;

export interface SupportImpersonationOptions {
  readonly store: SupportStore;
  /** The role of your support staff; nobody else can visit. */
  readonly role: string;
  /** What the visited user may do, from the database. */
  readonly subject: ReadSubject;
  /** Whether whoever gave a consent could give it today, asked when a visit begins and at each request of it. He could unless you say otherwise. */
  readonly consentStands?: (consent: SupportConsent) => Promise<boolean>;
  /** The pattern of the route that ends a visit: the one state change that a visitor may make. */
  readonly exit: string;
  /** Patterns of routes that a visitor may not even read, such as the export of personal data. */
  readonly blocked?: readonly string[];
  /** Tells the tenant's administrators, before anything is shown. Where it throws there is no visit. */
  readonly notify: (visit: SupportVisit) => void | Promise<void>;
  /** Where what happens outside of a decision is told: `security.report`. */
  readonly report: (event: AuditEvent) => void;
}

/** The part of a request that beginning and ending a visit need; an Exchange is one. */
export type SupportRequest = Pick<IdentifiedFacts, "principal" | "session" | "receivedAtMs">;

export type VisitRefusal = "not_support" | "second_factor_stale" | "no_purpose" | "no_consent" | "no_user";

/** Whom to visit, and what for: one line of ten to two hundred characters, which the customer reads. */
export interface VisitWanted {
  readonly tenantId: string;
  readonly userId: string;
  readonly purpose: string;
}

export type VisitResult =
  | { readonly kind: "begun"; readonly endsAtMs: number }
  | { readonly kind: "refused"; readonly cause: VisitRefusal };

export interface SupportImpersonation {
  /** Mount it behind the sessions': `authenticate: support.authenticate(sessions.authenticate)`. */
  authenticate(next: Authenticate): Authenticate;
  /** Mount it in the layer authorization. */
  readonly control: Control<IdentifiedFacts>;
  /** The tenant of a user lets support look in. @param forMs for how long; seven days at most. Who may call it is the route's rule. */
  consent(user: User, nowMs: number, forMs: number): Promise<SupportConsent>;
  /** Ends the consent and every visit under it, at once. */
  withdraw(user: User): Promise<void>;
  consented(tenantId: string, nowMs: number): Promise<SupportConsent | undefined>;
  /** Every consent that stands, a hundred at most: where support staff may go. */
  standing(nowMs: number): Promise<readonly SupportConsent[]>;
  /** The visit that this request is part of, for a banner; undefined for everybody else. */
  visit(request: SupportRequest): Promise<SupportVisit | undefined>;
  /** Begins a visit. It takes the role, a session of two factors that was proved within five minutes, and the tenant's consent. */
  begin(request: SupportRequest, wanted: VisitWanted): Promise<VisitResult>;
  /** Ends the visit of this request's session, if there is one. */
  end(request: SupportRequest): Promise<void>;
}

const OPTION_NAMES = ["store", "role", "subject", "consentStands", "exit", "blocked", "notify", "report"];

/**
 * Visits of support staff. During a visit the principal is the visited user with assurance level 1 and no recent sign-in, so that nothing which asks
 * for more opens, and with `actor`, which every event carries as `actor_id` beside `user_id`. Requests of others cost nothing.
 *
 * @throws TypeError on an unknown or missing option
 * @example
 * const support = supportImpersonation({ store: postgresSupport(pool), role: "support", subject, exit: "/support/end", notify, report });
 */
export function supportImpersonation(options: SupportImpersonationOptions): SupportImpersonation {
  rejectUnknownOptions("supportImpersonation", options, OPTION_NAMES);
  const { store, role, exit, blocked = [], report } = options;
  if (typeof role !== "string" || role === "")
    throw new TypeError("supportImpersonation() needs the role of support staff.");
  if (typeof exit !== "string" || !exit.startsWith("/"))
    throw new TypeError("supportImpersonation() needs exit, the pattern of the route that ends a visit.");
  const closed: ReadonlySet<string> = new Set(blocked);
  return {
    authenticate: (next) => (facts) => {
      const identity = next(facts);
      return identity instanceof Promise
        ? identity.then((found) => visiting(options, found, facts.receivedAtMs))
        : visiting(options, identity, facts.receivedAtMs);
    },
    control: {
      meta: META,
      rules: [SUPPORT_MEMORY_STORE],
      decide: (facts) => judge(facts, exit, closed),
      check: ({ mode }) =>
        store.kind === "memory" && mode === "production"
          ? [finding(SUPPORT_MEMORY_STORE, { kind: "setting", name: "supportImpersonation.store" })]
          : [],
    },
    async consent(user, nowMs, forMs) {
      if (user.actor !== undefined) throw new TypeError("A visitor cannot consent to his own visit.");
      if (!(forMs > 0 && forMs <= LONGEST_CONSENT_MS)) throw new TypeError("A consent lasts for at most seven days.");
      const consent = { tenantId: user.tenantId, grantedBy: user.id, endsAtMs: nowMs + forMs };
      await store.consent(consent);
      report(told("data_access/support.consent_given/succeeded", user.id, user.tenantId));
      return consent;
    },
    async withdraw(user) {
      await store.withdraw(user.tenantId);
      report(told("data_access/support.consent_withdrawn/succeeded", user.id, user.tenantId));
    },
    consented: async (tenantId, nowMs) => consentOf(options, tenantId, nowMs),
    async standing(nowMs) {
      const consents = await store.standing(nowMs);
      const stand = await Promise.all(consents.map((consent) => standsStill(options, consent)));
      return consents.filter((_, index) => stand[index]);
    },
    visit: async ({ principal, session, receivedAtMs }) => {
      if (principal.kind !== "user" || principal.actor === undefined || session === undefined) return undefined;
      return store.visit(session.id, receivedAtMs);
    },
    begin: async (request, wanted) => {
      const result = await begin(options, request, wanted);
      if (result.kind === "refused") report(refusal(request.principal, result.cause));
      return result;
    },
    async end({ principal, session }) {
      if (session === undefined) return;
      await store.end(session.id);
      if (principal.kind === "user" && principal.actor !== undefined)
        report({
          ...told("data_access/support.visit_ended/succeeded", principal.id, principal.tenantId),
          actor_id: principal.actor.id,
        });
    },
  };
}

async function standsStill({ consentStands }: SupportImpersonationOptions, consent: SupportConsent): Promise<boolean> {
  return consentStands === undefined || (await consentStands(consent));
}

/** The consent that a tenant has given, by somebody who could give it today. */
async function consentOf(
  options: SupportImpersonationOptions,
  tenantId: string,
  nowMs: number,
): Promise<SupportConsent | undefined> {
  const consent = await options.store.consented(tenantId, nowMs);
  return consent !== undefined && (await standsStill(options, consent)) ? consent : undefined;
}

/** Only requests of support staff ask the store. */
async function visitingStaff(
  options: SupportImpersonationOptions,
  identity: Identity & { readonly principal: User },
  sessionId: string,
  nowMs: number,
): Promise<Identity> {
  const { store, subject, consentStands } = options;
  const visit = await store.visit(sessionId, nowMs);
  // A visit is somebody's: a session that another person has taken over has none.
  if (visit === undefined || visit.actorId !== identity.principal.id) return identity;
  if (consentStands !== undefined && (await consentOf(options, visit.tenantId, nowMs)) === undefined) return identity;
  const found = await subject(visit);
  if (found === undefined) return identity;
  const principal: User = {
    kind: "user",
    id: visit.userId as UserId,
    tenantId: visit.tenantId as TenantId,
    roles: found.roles,
    ...(found.groups && { groups: found.groups }),
    assurance: 1,
    authenticatedAtMs: 0,
    actor: { id: identity.principal.id, tenantId: identity.principal.tenantId },
  };
  return { ...identity, principal };
}

function visiting(
  options: SupportImpersonationOptions,
  identity: Identity,
  nowMs: number,
): Identity | Promise<Identity> {
  const { principal, session } = identity;
  if (principal.kind !== "user" || session === undefined || !principal.roles.includes(options.role)) return identity;
  return visitingStaff(options, { ...identity, principal }, session.id, nowMs);
}

function judge({ principal, method, pattern }: IdentifiedFacts, exit: string, blocked: ReadonlySet<string>): Decision {
  if (principal.kind !== "user" || principal.actor === undefined) return ALLOW;
  if (pattern === exit) return ALLOW;
  if (!SAFE.has(method) || blocked.has(pattern))
    return deny(
      "forbidden",
      {
        ...told("data_access/support.visit_refused/refused", principal.id, principal.tenantId),
        reason: "forbidden",
        detail: blocked.has(pattern) ? "blocked_route" : "read_only",
        actor_id: principal.actor.id,
      },
      {
        why: "A support visit reads and changes nothing.",
        fix: `End the visit at ${exit}, or ask the customer to do it.`,
      },
    );
  return allow(
    [],
    [
      {
        ...told("data_access/support.viewed/observed", principal.id, principal.tenantId),
        actor_id: principal.actor.id,
      },
    ],
  );
}

async function begin(
  options: SupportImpersonationOptions,
  { principal, session, receivedAtMs }: SupportRequest,
  { tenantId, userId, purpose }: VisitWanted,
): Promise<VisitResult> {
  const { store, role, subject, notify, report } = options;
  if (
    principal.kind !== "user" ||
    session === undefined ||
    principal.actor !== undefined ||
    !principal.roles.includes(role)
  )
    return { kind: "refused", cause: "not_support" };
  if (principal.assurance < 2 || receivedAtMs - principal.authenticatedAtMs > FRESH_MS)
    return { kind: "refused", cause: "second_factor_stale" };
  if (!PURPOSE.test(purpose)) return { kind: "refused", cause: "no_purpose" };
  const visit: SupportVisit = {
    sessionId: session.id,
    actorId: principal.id,
    actorTenantId: principal.tenantId,
    tenantId,
    userId,
    purpose,
    startedAtMs: receivedAtMs,
    endsAtMs: receivedAtMs + VISIT_MS,
  };
  const consent = await consentOf(options, tenantId, receivedAtMs);
  if (consent === undefined) return { kind: "refused", cause: "no_consent" };
  if ((await subject(visit)) === undefined) return { kind: "refused", cause: "no_user" };
  // A visit that somebody was told of and that does not begin is better than one that nobody was told of.
  await notify({ ...visit, endsAtMs: Math.min(visit.endsAtMs, consent.endsAtMs) });
  const endsAtMs = await store.begin(visit);
  if (endsAtMs === undefined) return { kind: "refused", cause: "no_consent" };
  report({
    ...told("data_access/support.visit_begun/succeeded", userId, tenantId),
    actor_id: principal.id,
    purpose,
  });
  return { kind: "begun", endsAtMs };
}

function refusal(principal: Principal, cause: VisitRefusal): AuditEvent {
  const actor = principal.kind === "user" ? { actor_id: (principal.actor ?? principal).id } : {};
  const details = { control: "support-impersonation", detail: cause, ...actor };
  return auditEvent("authorization_failure/support.visit_refused/refused", details);
}

function told(key: Extract<EventKey, `data_access/support.${string}`>, userId: string, tenantId: string): AuditEvent {
  return auditEvent(key, { control: "support-impersonation", user_id: userId, tenant_id: tenantId });
}
