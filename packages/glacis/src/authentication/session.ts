/** Server-side sessions behind an opaque token (catalog session-token, session-fixation, session-timeout; guide A07). */
import { hash, randomBytes } from "node:crypto";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, type HeaderPair } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { ANONYMOUS, type AssuranceLevel, type User } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import { serializeCookie, serializeCookieDeletion } from "../primitives/set-cookie.ts";
import type { SessionRecord, SessionStore } from "./session-record.ts";

const META: ControlMeta = {
  id: "session",
  title: "Opaque random session tokens, verified server-side and stored hashed, with idle and absolute limits",
  layer: "authentication",
  guide: ["A07", "checklist: Session timeout configured"],
  owasp2021: ["A07"],
  owasp2025: ["A07", "A04"],
  asvs: ["v5.0.0-7.2.1", "v5.0.0-7.2.2", "v5.0.0-7.2.3", "v5.0.0-7.2.4", "v5.0.0-7.3.1", "v5.0.0-7.3.2"],
  cwe: ["CWE-331", "CWE-384", "CWE-522", "CWE-613"],
};

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/u;
const LONGEST_LABEL = 200;
/** One write per minute keeps the idle limit right to a minute and spares the store a write per request. */
const TOUCH_EVERY_MS = 60_000;
/** How often a sign-in clears away sessions that ended by themselves. */
const SWEEP_EVERY_MS = 60_000;
const MOST_IDLE_SECONDS = 3_600;
const MOST_ABSOLUTE_SECONDS = 86_400;

export const SESSION_MEMORY_STORE: Rule = {
  id: "session/memory-store",
  severity: "warning",
  what: "Sessions live in the memory of one process.",
  why: "A restart signs everybody out, a second instance does not know them, and revocation reaches one process only.",
  fix: "Give saas() a database, or pass postgresSessions(pool).",
};
export const SESSION_TOO_LONG: Rule = {
  id: "session/too-long",
  severity: "warning",
  what: "A session outlives what NIST SP 800-63B-4 allows for two-factor sessions: 1 hour idle, 24 hours in all.",
  why: "The longer a session lives unattended, the longer a stolen cookie or an unlocked laptop is worth something.",
  fix: "Lower idleSeconds to 3600 and absoluteSeconds to 86400 or less.",
};

export interface SessionOptions {
  readonly store: SessionStore;
  /** Ends a session that nobody uses. One hour unless you say otherwise. */
  readonly idleSeconds?: number;
  /** Ends every session, used or not. Twelve hours unless you say otherwise. */
  readonly absoluteSeconds?: number;
  /**
   * `Lax` lets a link in a mail open the application signed in; `Strict` does not. State changes are guarded by the csrf control either way.
   */
  readonly sameSite?: "Lax" | "Strict";
  /** The cookie's name after `__Host-`. */
  readonly name?: string;
}

/** Who a new session is for. */
export interface SessionUser {
  readonly userId: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  readonly assurance: AssuranceLevel;
  readonly label?: string;
}

/** A request that is still able to put headers on its response: what an adapter's `admitted()` returns. */
export interface Responding extends RequestFacts {
  addResponseHeaders(headers: readonly HeaderPair[]): void;
}

export interface Sessions {
  readonly control: Control<IdentifiedFacts>;
  readonly authenticate: Authenticate;
  readonly cookieName: string;
  /**
   * Signs a user in: a new token in the cookie, the old session of this browser gone in the same step. Call it after every proof of a
   * credential and every change of privilege.
   */
  establish(request: Responding, user: SessionUser): Promise<SessionRecord>;
  /** Signs this browser out: the session is gone from the store, the cookie and the browser's caches are cleared. */
  end(request: Responding): Promise<void>;
  /** Ends a user's other sessions, as after a password change, and says how many there were. */
  endOthers(request: RequestFacts, userId: string): Promise<number>;
  /** Ends every session of a user, as after a role change or an administrator's order. */
  endAll(userId: string): Promise<number>;
  /** The sessions of a user that are alive, newest first. */
  list(userId: string, nowMs?: number): Promise<readonly SessionRecord[]>;
}

/**
 * Sessions: 256 random bits in a `__Host-` cookie, their SHA-256 in the store. An unknown token is never adopted, a record without times is
 * expired, and a store that fails refuses the request.
 *
 * @throws TypeError on an unknown option or limits that contradict each other.
 * @example
 * const session = sessions({ store: memorySessions() });
 */
export function sessions(options: SessionOptions): Sessions {
  rejectUnknownOptions("sessions", options, ["store", "idleSeconds", "absoluteSeconds", "sameSite", "name"]);
  const { store, idleSeconds = 3_600, absoluteSeconds = 43_200, sameSite = "Lax", name = "session" } = options;
  if (!(idleSeconds > 0 && absoluteSeconds >= idleSeconds)) {
    throw new TypeError("sessions() needs idleSeconds above zero and absoluteSeconds no smaller than idleSeconds.");
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/u.test(name))
    throw new TypeError('sessions() needs a plain cookie name, such as "session".');
  const cookieName = `__Host-${name}`;
  const clearCookie: HeaderPair = ["set-cookie", serializeCookieDeletion(cookieName, { sameSite })];
  const limits: Limits = { idleMs: idleSeconds * 1000, absoluteMs: absoluteSeconds * 1000 };
  const nobody: Identity = { principal: ANONYMOUS, session: undefined };
  const stale: Identity = { ...nobody, headers: [clearCookie] };

  let sweptAtMs = Number.NEGATIVE_INFINITY;

  async function sweep(nowMs: number): Promise<void> {
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    await store.sweep?.(nowMs - limits.idleMs);
  }

  function idOf(request: RequestFacts): string | undefined {
    const token = request.cookies.get(cookieName);
    return token !== undefined && TOKEN.test(token) ? hash("sha256", token, "base64url") : undefined;
  }

  function identify(record: SessionRecord | undefined, nowMs: number): Identity | Promise<Identity> {
    if (record === undefined) return stale;
    if (!isAlive(record, limits, nowMs)) return settled(store.revoke(record.id), stale);
    const identity: Identity = { principal: principalOf(record), session: { id: record.id } };
    const due = nowMs - record.seenAtMs >= TOUCH_EVERY_MS;
    return due ? settled(store.touch(record.id, nowMs), identity) : identity;
  }

  return {
    cookieName,
    control: {
      meta: META,
      rules: [SESSION_MEMORY_STORE, SESSION_TOO_LONG],
      decide: () => ALLOW,
      check: ({ mode }) => judge(store, mode === "production", idleSeconds, absoluteSeconds),
    },

    authenticate(facts) {
      const cookie = facts.cookies.get(cookieName);
      if (cookie === undefined) return nobody;
      const id = idOf(facts);
      if (id === undefined) return stale;
      const found = store.read(id);
      return found instanceof Promise
        ? found.then((record) => identify(record, facts.receivedAtMs))
        : identify(found, facts.receivedAtMs);
    },

    async establish(request, user) {
      const token = randomBytes(TOKEN_BYTES).toString("base64url");
      const record = newRecord(hash("sha256", token, "base64url"), user, request.receivedAtMs);
      await store.create(record, idOf(request));
      await sweep(request.receivedAtMs);
      request.addResponseHeaders([["set-cookie", serializeCookie(cookieName, token, { sameSite })]]);
      return record;
    },

    async end(request) {
      const id = idOf(request);
      if (id !== undefined) await store.revoke(id);
      request.addResponseHeaders([clearCookie, ["clear-site-data", '"cache", "storage"']]);
    },

    endOthers: async (request, userId) => store.revokeAll(userId, idOf(request)),
    endAll: async (userId) => store.revokeAll(userId, undefined),
    list: async (userId, nowMs = Date.now()) =>
      (await store.list(userId)).filter((record) => isAlive(record, limits, nowMs)),
  };
}

/** The event of a sign-in, for the application's own flow until it uses the library's. */
export function signInEvent(status: "succeeded" | "failed", details: Partial<AuditEvent> = {}): AuditEvent {
  return {
    event_type: "authentication",
    status,
    severity: status === "succeeded" ? "info" : "warning",
    event: status === "succeeded" ? "authn_login_success" : "authn_login_fail",
    ...details,
  };
}

interface Limits {
  readonly idleMs: number;
  readonly absoluteMs: number;
}

/** Written so that a missing or unreadable time compares false, which is expired. */
function isAlive(record: SessionRecord, limits: Limits, nowMs: number): boolean {
  return nowMs - record.seenAtMs < limits.idleMs && nowMs - record.createdAtMs < limits.absoluteMs;
}

function principalOf(record: SessionRecord): User {
  return {
    kind: "user",
    id: record.userId as UserId,
    tenantId: record.tenantId as TenantId,
    roles: record.roles,
    assurance: record.assurance,
    authenticatedAtMs: record.authenticatedAtMs,
  };
}

function newRecord(id: string, user: SessionUser, nowMs: number): SessionRecord {
  if (user.userId === "" || user.tenantId === "") throw new TypeError("A session needs a user and a tenant.");
  return {
    id,
    userId: user.userId,
    tenantId: user.tenantId,
    roles: user.roles,
    assurance: user.assurance,
    createdAtMs: nowMs,
    authenticatedAtMs: nowMs,
    seenAtMs: nowMs,
    label: (user.label ?? "").slice(0, LONGEST_LABEL),
  };
}

function settled<Value>(work: void | Promise<void>, value: Value): Value | Promise<Value> {
  return work instanceof Promise ? work.then(() => value) : value;
}

function judge(
  store: SessionStore,
  production: boolean,
  idleSeconds: number,
  absoluteSeconds: number,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (store.kind === "memory" && production)
    findings.push(finding(SESSION_MEMORY_STORE, { kind: "setting", name: "session.store" }));
  if (idleSeconds > MOST_IDLE_SECONDS || absoluteSeconds > MOST_ABSOLUTE_SECONDS) {
    const detail = `idle ${idleSeconds} s, absolute ${absoluteSeconds} s`;
    findings.push(finding(SESSION_TOO_LONG, { kind: "setting", name: "session" }, detail));
  }
  return findings;
}
