/** Server-side sessions behind an opaque token (catalog session-token, session-fixation, session-timeout; guide A07). */
import { auditEvent } from "../core/event-entry.ts";
import type { Control } from "../core/control.ts";
import { ALLOW, type HeaderPair } from "../core/decision.ts";
import type { AuditEvent, EventDetails } from "../core/event.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import type { User } from "../core/principal.ts";
import type { Authenticate } from "../core/security.ts";
import { serializeCookie, serializeCookieDeletion } from "../primitives/set-cookie.ts";
import {
  establishSession,
  pendingSignIn,
  renewSession,
  sessionEvent,
  stepUpSession,
  type PendingSignIn,
  type SessionMaking,
  type SessionUser,
  type SignIn,
} from "./establish-session.ts";
import type { SsoRequirement } from "./idp-account-linking.ts";
import { mfaRequired, type MfaPolicy } from "./mfa-required.ts";
import type { Proof, ProofMethod } from "./proof.ts";
import { tokenCookie, type Responding } from "./session-cookies.ts";
import { handleOf, overflow, viewOf, type SessionView } from "./session-inventory.ts";
import { isAlive, limitsOf, longestIdleMs, type LimitsByLevel } from "./session-limits.ts";
import { recogniser, type ReadMembership } from "./session-recognition.ts";
import type { SessionRecord, SessionStore } from "./session-record.ts";
import { openAgain } from "./session-return.ts";
import { checkSessions, SESSION_META, SESSION_RULES } from "./session-rules.ts";
import { touchWriter } from "./session-touch.ts";

/** How often a sign-in clears away sessions that ended by themselves. */
const SWEEP_EVERY_MS = 60_000;

/** Why sessions end other than by themselves. */
export type RevocationReason =
  | "password_changed"
  | "password_reset"
  | "email_changed"
  | "mfa_changed"
  | "role_changed"
  | "account_disabled"
  | "account_deleted"
  | "compromise"
  | "user_request"
  | "administrator";

export interface SessionOptions {
  readonly store: SessionStore;
  /** Idle and absolute limits of each assurance level; those of NIST SP 800-63B-4 unless you say otherwise. */
  readonly limits?: Partial<LimitsByLevel>;
  /** `Strict` unless you say otherwise; a link from elsewhere arrives signed in either way. */
  readonly sameSite?: "Lax" | "Strict";
  /** The cookie's name after `__Host-`. */
  readonly name?: string;
  /** Who must prove a second factor: `mfaRequired(...)`. Whoever has one, unless you say otherwise. */
  readonly mfa?: MfaPolicy;
  /**
   * Who must come through the provider of his tenant: a password, a passkey or a reset then opens nothing. Leave somebody out by his role, or nobody
   * can repair a provider that is set up wrongly.
   */
  readonly ssoRequired?: SsoRequirement;
  /** The ways in that count here, such as `["passkey"]`; a proof by another is a mistake and throws. All of them without it. */
  readonly methods?: readonly ProofMethod[];
  /** How many sessions a user may have at once; the one unused for longest makes room. Ten unless you say otherwise. */
  readonly mostPerUser?: number;
  /**
   * Asked at every request, so that a role taken away is gone at once; undefined ends the session. Without it roles are those of the sign-in, and
   * whoever changes them calls `revoke(userId, { reason: "role_changed" })`.
   */
  readonly membership?: ReadMembership;
}

export interface RevokeOptions {
  readonly reason: RevocationReason;
  /** The request that asks; its time is the moment, and its log has the event. */
  readonly request?: Responding;
  /** Spares the session of `request`, as at a password change by its owner. */
  readonly keepCurrent?: boolean;
}

export interface Sessions {
  readonly control: Control<IdentifiedFacts>;
  /** Findings about who must prove a second factor. */
  readonly mfaControl: Control<IdentifiedFacts>;
  readonly authenticate: Authenticate;
  readonly cookieName: string;
  /**
   * The one way to a session: verified proofs in, and out comes a session, what is still owed, or a refusal. The old session of this browser is gone
   * in the same step.
   */
  establish(request: Responding, proofs: readonly Proof[], user: SessionUser): Promise<SignIn>;
  /** Proves again, or more, within this browser's session: the level rises, the token changes, the absolute limit stays. */
  stepUp(request: Responding, proofs: readonly Proof[]): Promise<SignIn>;
  /** Gives this browser's session a new token and leaves everything else as it is. @returns false without a session */
  renew(request: Responding): Promise<boolean>;
  /** The sign-in that this browser has begun and not finished. It is nobody's principal. */
  pending(request: Responding): Promise<PendingSignIn | undefined>;
  /** Signs this browser out: the session is gone from the store, the cookies and the browser's caches are cleared. */
  end(request: Responding): Promise<void>;
  /** Ends a user's sessions at once, in every process, and says how many there were. Call it for every reason of `RevocationReason`. */
  revoke(userId: string, options: RevokeOptions): Promise<number>;
  /** Ends one session of a user by its handle. @returns false when this user has no such session, whoever else may */
  revokeOne(userId: string, handle: string, options: Omit<RevokeOptions, "keepCurrent">): Promise<boolean>;
  /**
   * The sessions of a user that are alive, newest first.
   *
   * @param request marks its own session as the current one
   */
  list(userId: string, request?: RequestFacts): Promise<readonly SessionView[]>;
  /**
   * Whether the session that made this principal is still there. For what outlives a session, such as a key for programs: ask when it is stored, and
   * take it back where the answer is no.
   */
  hasSession(user: User): Promise<boolean>;
  /** Whether `mfa` wants a second factor of somebody who has none, as after the last one was removed. */
  lacksFactor(user: User): Promise<boolean>;
  /** Writes uses that are still collected; call it when the process ends. */
  flush(): Promise<void>;
}

const OPTIONS = ["store", "limits", "sameSite", "name", "mfa", "ssoRequired", "methods", "mostPerUser", "membership"];

/**
 * Sessions: 256 random bits in a `__Host-` cookie, their SHA-256 in the store. An unknown token is never adopted, a record without times is
 * expired, and a store that fails refuses the request.
 *
 * @throws TypeError on an unknown option or limits that contradict each other.
 * @example
 * const session = sessions({ store: postgresSessions(pool) });
 */
export function sessions(options: SessionOptions): Sessions {
  rejectUnknownOptions("sessions", options, OPTIONS);
  const { store, sameSite = "Strict", name = "session", mostPerUser = 10, membership } = options;
  requireShapes(name, mostPerUser);
  const limits = limitsOf(options.limits);
  const mfa = options.mfa ?? mfaRequired();
  const cookie = tokenCookie(`__Host-${name}`, { sameSite });
  const pendingCookie = tokenCookie("__Host-sign-in", { sameSite: "Lax", maxAgeSeconds: 600 });
  const hint = `__Host-${name}-here`;
  const companions: readonly HeaderPair[] =
    sameSite === "Strict" ? [["set-cookie", serializeCookie(hint, "1", { sameSite: "Lax" })]] : [];
  const clearHint: HeaderPair = ["set-cookie", serializeCookieDeletion(hint, { sameSite: "Lax" })];
  const cleared = sameSite === "Strict" ? [cookie.cleared, clearHint] : [cookie.cleared];
  const writer = touchWriter(store);
  const making: SessionMaking = {
    store,
    mfa,
    ssoRequired: options.ssoRequired,
    methods: options.methods && new Set(options.methods),
    limits,
    cookie,
    pendingCookie,
    companions,
    settle: settler(store, limits, mostPerUser),
    adopt: (request, session) => adopted.set(request, session),
  };
  const currentId = (request: RequestFacts): string | undefined => adopted.get(request)?.id ?? cookie.idIn(request);
  const revoking = revoker(store, currentId);

  return {
    cookieName: cookie.name,
    control: {
      meta: SESSION_META,
      rules: SESSION_RULES,
      decide: sameSite === "Strict" ? (facts) => openAgain(facts, cookie.name, hint) ?? ALLOW : () => ALLOW,
      check: ({ mode }) => checkSessions(store, mode === "production", limits),
    },
    mfaControl: mfa.control,
    authenticate: recogniser({ store, limits, cookie, cleared, membership, writer }),
    establish: (request, proofs, user) => establishSession(making, request, proofs, user),
    stepUp: (request, proofs) => stepUpSession(making, request, proofs, currentId(request)),
    renew: (request) => renewSession(making, request, currentId(request)),
    pending: (request) => pendingSignIn(making, request),
    async end(request) {
      // The browser forgets first, so that it is signed out even where the store is down.
      request.addResponseHeaders([...cleared, ["clear-site-data", '"cache", "storage"']]);
      if (request.cookies.has(pendingCookie.name)) request.addResponseHeaders([pendingCookie.cleared]);
      const pending = pendingCookie.idIn(request);
      await endOne(store, request, currentId(request));
      if (pending !== undefined) await store.take(pending);
    },
    revoke: revoking,
    async revokeOne(userId, handle, { reason, request }) {
      const found = (await store.list(userId)).find(({ id }) => handleOf(id) === handle);
      if (found === undefined) return false;
      await store.revoke(found.id);
      request?.note({ ...sessionEvent("session/session_revoked/succeeded", found), detail: reason, count: 1 });
      return true;
    },
    async list(userId, request) {
      const nowMs = request?.receivedAtMs ?? Date.now();
      const current = request === undefined ? undefined : currentId(request);
      const alive = (await store.list(userId)).filter((record) => isAlive(record, limits, nowMs));
      return alive.map((record) => viewOf(record, current));
    },
    hasSession: (user) => hasSession(store, user),
    lacksFactor: ({ id: userId, tenantId, roles }) => mfa.lacks({ userId, tenantId, roles }),
    flush: () => writer.flush(),
  };
}

function requireShapes(name: string, mostPerUser: number): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/u.test(name))
    throw new TypeError('sessions() needs a plain cookie name, such as "session".');
  if (!(Number.isSafeInteger(mostPerUser) && mostPerUser > 0))
    throw new TypeError("sessions() needs mostPerUser as a whole number above zero.");
}

async function endOne(store: SessionStore, request: Responding, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const ended = await store.read(id);
  await store.revoke(id);
  if (ended !== undefined) request.note(sessionEvent("session/session_ended/succeeded", ended));
}

/** A principal does not name its session; the moment of its last proof does. Each is read once more, for a list knows no revocation that it crossed. */
async function hasSession(store: SessionStore, { id: userId, tenantId, authenticatedAtMs }: User): Promise<boolean> {
  const own = (await store.list(userId)).filter(
    (one) => one.tenantId === tenantId && one.authenticatedAtMs === authenticatedAtMs,
  );
  const read = await Promise.all(own.map(async ({ id }) => store.read(id)));
  return read.some((record) => record !== undefined);
}

/** Which session a request has made for itself; its cookie still names the one before. */
const adopted = new PerRequest<SessionRecord>();

/** The session that a response of this request belongs to: what a CSRF token in it must be bound to. */
export function sessionAfter(request: IdentifiedFacts): string | undefined {
  return adopted.get(request)?.id ?? request.session?.id;
}

/** The event of a sign-in, for the application's own flow until it uses the library's. */
export function signInEvent(status: "succeeded" | "failed", details: EventDetails = {}): AuditEvent {
  return status === "succeeded"
    ? auditEvent("authentication/authn_login_success/succeeded", details)
    : auditEvent("authentication/authn_login_fail/failed", details);
}

/** After a new session: too many sessions of one user become fewer, and what ended by itself is forgotten once a minute. */
function settler(store: SessionStore, limits: LimitsByLevel, mostPerUser: number): SessionMaking["settle"] {
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  return async (session, request) => {
    const alive = (await store.list(session.userId)).filter((one) => isAlive(one, limits, request.receivedAtMs));
    for (const { id } of overflow(alive, mostPerUser, session.id)) {
      await store.revoke(id);
      request.note({ ...sessionEvent("session/session_revoked/succeeded", session), detail: "too_many", count: 1 });
    }
    if (request.receivedAtMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = request.receivedAtMs;
    await store.sweep?.(request.receivedAtMs - longestIdleMs(limits), request.receivedAtMs);
  };
}

function revoker(store: SessionStore, currentId: (request: RequestFacts) => string | undefined): Sessions["revoke"] {
  return async (userId, { reason, request, keepCurrent = false }) => {
    const except = keepCurrent && request !== undefined ? currentId(request) : undefined;
    const count = await store.revokeAll(userId, except, request?.receivedAtMs ?? Date.now());
    // Where there was none, nothing has happened.
    if (count > 0)
      request?.note({ ...sessionEvent("session/session_revoked/succeeded", { userId }), detail: reason, count });
    return count;
  };
}
