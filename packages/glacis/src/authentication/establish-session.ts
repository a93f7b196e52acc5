/** The one door to a session: every way of signing in ends here (catalog auth-pathway-consistency, session-fixation, mfa-required). */
import { auditEvent } from "../core/event-entry.ts";
import type { HeaderPair } from "../core/decision.ts";
import type { AuditEvent, EventKey } from "../core/event.ts";
import type { UserId } from "../core/brand.ts";
import type { AssuranceLevel } from "../core/principal.ts";
import { requirePathways, SIGN_IN_PATHWAYS } from "./auth-pathway-consistency.ts";
import { browserLabel } from "./browser-label.ts";
import { mustUseProvider, type SsoRequirement } from "./idp-account-linking.ts";
import type { MfaPolicy, MfaVerdict } from "./mfa-required.ts";
import { assuranceOf, proof, spend, type Factor, type Proof, type ProofMethod } from "./proof.ts";
import { mintToken, type Responding, type TokenCookie } from "./session-cookies.ts";
import { endsAtMs, type LimitsByLevel } from "./session-limits.ts";
import type { PendingRecord, SessionRecord, SessionStore } from "./session-record.ts";

/** Who a new session is for. The assurance level is not among it: the proofs decide. */
export interface SessionUser {
  readonly userId: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  readonly groups?: readonly string[];
}

/** Why nobody was signed in although the credentials were right. For the log and the flow; the client hears "sign in again". */
export type SignInRefusal =
  | "proof_stale"
  | "proof_spent"
  | "sign_in_expired"
  | "revoked"
  | "no_session"
  | "single_sign_on_required";

/** What became of a sign-in. Only `established` is a session. */
export type SignIn =
  | { readonly kind: "established"; readonly session: SessionRecord }
  /** The browser holds a pending sign-in for ten minutes; prove one of the methods and establish again. */
  | { readonly kind: "second_factor_required" | "enrolment_required"; readonly methods: readonly ProofMethod[] }
  | { readonly kind: "refused"; readonly cause: SignInRefusal };

/** A sign-in that this browser has begun. */
export interface PendingSignIn {
  readonly userId: UserId;
  readonly tenantId: string;
  readonly purpose: "second_factor" | "enrolment";
  readonly methods: readonly ProofMethod[];
  /** What has been proved so far. */
  readonly assurance: AssuranceLevel;
  readonly endsAtMs: number;
}

/** What sessions are made with. */
export interface SessionMaking {
  readonly store: SessionStore;
  readonly mfa: MfaPolicy;
  readonly ssoRequired: SsoRequirement | undefined;
  /** The ways in that count here; all of them without it. */
  readonly methods: ReadonlySet<ProofMethod> | undefined;
  readonly limits: LimitsByLevel;
  readonly cookie: TokenCookie;
  readonly pendingCookie: TokenCookie;
  /** Set along with the session's cookie. */
  readonly companions: readonly HeaderPair[];
  /** Called with each new session of a user who may have too many. */
  readonly settle: (session: SessionRecord, request: Responding) => Promise<void>;
  /** Tells the rest of this request which session it has now. */
  readonly adopt: (request: Responding, session: SessionRecord) => void;
}

const PENDING_MS = 600_000;
/** From the proof to the session is one request; five minutes leave room for a slow one. */
const FRESH_MS = 300_000;
const SKEW_MS = 60_000;

type Established = Extract<SignIn, { readonly kind: "established" }>;

/**
 * Turns proofs into a session, or says what is still owed. The level is what the proofs add up to; the MFA policy decides whether that is enough.
 * A factor that completes a pending sign-in of the same browser is added to what was proved before.
 *
 * @throws TypeError when a proof is of another user, or the user has no tenant: a mistake of the caller, never of a client.
 */
export async function establishSession(
  making: SessionMaking,
  request: Responding,
  proofs: readonly Proof[],
  user: SessionUser,
): Promise<SignIn> {
  requireUser(user, proofs);
  requirePathways(proofs, making.methods);
  const cause = spendAll(proofs, request.receivedAtMs);
  if (cause !== undefined) return refused(request, user, cause);
  const before = await takePending(making, request, user.userId);
  if (before === undefined && proofs.every(({ method }) => !SIGN_IN_PATHWAYS[method].begins))
    return refused(request, user, "sign_in_expired");
  const all = [...(before ?? []), ...proofs];
  if (await mustUseProvider(making.ssoRequired, subjectOf(user), all))
    return refused(request, user, "single_sign_on_required");
  const verdict = await making.mfa.judge(subjectOf(user), all);
  if (verdict.kind !== "enough") return owe(making, request, user, all, verdict);
  return open(making, request, user, all);
}

/**
 * Proves more, or again, within a session: a new token, a level that the old factors and the new ones add up to, and the same absolute limit.
 *
 * @param id of the session that the request has
 */
export async function stepUpSession(
  making: SessionMaking,
  request: Responding,
  proofs: readonly Proof[],
  id: string | undefined,
): Promise<SignIn> {
  const standing = id === undefined ? undefined : await making.store.read(id);
  if (id === undefined || standing === undefined || !(request.receivedAtMs < endsAtMs(standing, making.limits)))
    return { kind: "refused", cause: "no_session" };
  requireUser(standing, proofs);
  requirePathways(proofs, making.methods);
  const cause = spendAll(proofs, request.receivedAtMs);
  if (cause !== undefined) return refused(request, standing, cause);
  // Whoever has a second factor shows it again: a stolen session and a known password are one factor each of somebody else's doing.
  const verdict = await making.mfa.judge(subjectOf(standing), proofs);
  const onlyKnown = proofs.every(({ factors }) => factors.every((factor) => factor === "knowledge"));
  if (verdict.kind === "second_factor_required" && onlyKnown) return verdict;
  const { token, id: next } = mintToken();
  const session: SessionRecord = {
    ...standing,
    id: next,
    factors: factorsOf(standing.factors, proofs),
    assurance: raisedLevel(standing, proofs),
    authenticatedAtMs: request.receivedAtMs,
    seenAtMs: request.receivedAtMs,
  };
  if (!(await making.store.rotate(id, session, endsAtMs(session, making.limits))))
    return refused(request, standing, "revoked");
  return hand(making, request, session, token, "session_renewed");
}

/** The same session under a new token: whoever has copied the old one has nothing. Nothing is proved by it. @returns false without a session */
export async function renewSession(
  making: SessionMaking,
  request: Responding,
  id: string | undefined,
): Promise<boolean> {
  const standing = id === undefined ? undefined : await making.store.read(id);
  if (id === undefined || standing === undefined || !(request.receivedAtMs < endsAtMs(standing, making.limits)))
    return false;
  const { token, id: next } = mintToken();
  const session: SessionRecord = { ...standing, id: next };
  if (!(await making.store.rotate(id, session, endsAtMs(session, making.limits)))) return false;
  hand(making, request, session, token, "session_renewed");
  return true;
}

/** The pending sign-in of this browser, left as it is. */
export async function pendingSignIn(making: SessionMaking, request: Responding): Promise<PendingSignIn | undefined> {
  const id = making.pendingCookie.idIn(request);
  const held = id === undefined ? undefined : await making.store.held(id);
  if (held === undefined || !(request.receivedAtMs < held.endsAtMs)) return undefined;
  const { userId, tenantId, purpose, methods, proofs, endsAtMs: end } = held;
  const assurance = assuranceOf(proofs.map(proof));
  return { userId: userId as UserId, tenantId, purpose, methods, assurance, endsAtMs: end };
}

/** Takes what this browser has proved before, if it was this user, and in any case ends that pending sign-in. */
async function takePending(
  { store, pendingCookie }: SessionMaking,
  request: Responding,
  userId: string,
): Promise<readonly Proof[] | undefined> {
  const id = pendingCookie.idIn(request);
  if (id === undefined) return undefined;
  request.addResponseHeaders([pendingCookie.cleared]);
  const taken = await store.take(id);
  if (taken === undefined || taken.userId !== userId || !(request.receivedAtMs < taken.endsAtMs)) return undefined;
  const proofs = taken.proofs.map(proof);
  for (const one of proofs) spend(one);
  return proofs;
}

async function owe(
  { store, pendingCookie }: SessionMaking,
  request: Responding,
  user: SessionUser,
  proofs: readonly Proof[],
  verdict: Exclude<MfaVerdict, { readonly kind: "enough" }>,
): Promise<SignIn> {
  const { token, id } = mintToken();
  const pending: PendingRecord = {
    id,
    userId: user.userId,
    tenantId: user.tenantId,
    purpose: verdict.kind === "enrolment_required" ? "enrolment" : "second_factor",
    methods: verdict.methods,
    proofs: proofs.map((one) => ({ ...one })),
    createdAtMs: request.receivedAtMs,
    endsAtMs: request.receivedAtMs + PENDING_MS,
  };
  await store.hold(pending);
  request.addResponseHeaders([pendingCookie.set(token)]);
  request.note(sessionEvent(`session/${verdict.kind}/observed`, user));
  return verdict;
}

async function open(
  making: SessionMaking,
  request: Responding,
  user: SessionUser,
  proofs: readonly Proof[],
): Promise<SignIn> {
  const { token, id } = mintToken();
  const nowMs = request.receivedAtMs;
  const provedAt = proofs.map(({ provedAtMs }) => provedAtMs);
  const shownAt = proofs.map(({ provedAtMs, authenticatedAtMs = provedAtMs }) => authenticatedAtMs);
  const session: SessionRecord = {
    id,
    userId: user.userId,
    tenantId: user.tenantId,
    roles: user.roles,
    groups: user.groups ?? [],
    assurance: assuranceOf(proofs),
    factors: factorsOf([], proofs),
    createdAtMs: nowMs,
    authenticatedAtMs: Math.min(nowMs, Math.max(...shownAt)),
    provedSinceMs: Math.min(...provedAt),
    seenAtMs: nowMs,
    label: browserLabel(request.header("user-agent")),
  };
  const stored = await making.store.create(session, making.cookie.idIn(request), endsAtMs(session, making.limits));
  if (!stored) return refused(request, user, "revoked");
  await making.settle(session, request);
  return hand(making, request, session, token, "session_created");
}

function hand(
  making: SessionMaking,
  request: Responding,
  session: SessionRecord,
  token: string,
  event: "session_created" | "session_renewed",
): Established {
  making.adopt(request, session);
  request.addResponseHeaders([making.cookie.set(token), ...making.companions]);
  request.note(sessionEvent(`session/${event}/succeeded`, session));
  return { kind: "established", session };
}

function requireUser(user: SessionUser, proofs: readonly Proof[]): void {
  const { userId, tenantId, roles } = user;
  if (typeof userId !== "string" || userId === "" || typeof tenantId !== "string" || tenantId === "")
    throw new TypeError("A session needs a user and a tenant.");
  if (!Array.isArray(roles)) throw new TypeError("A session needs the user's roles as a list.");
  if (proofs.length === 0) throw new TypeError("A session needs at least one proof of a credential.");
  if (proofs.some((one) => one.userId !== userId))
    throw new TypeError("A proof belongs to another user than the session; they never mix.");
}

/** Every proof counts once, whatever becomes of the sign-in. All are spent before the first wait, so two at once cannot share one. */
function spendAll(proofs: readonly Proof[], nowMs: number): SignInRefusal | undefined {
  const spent = proofs.map(spend);
  if (spent.includes(false)) return "proof_spent";
  const fresh = proofs.every(({ provedAtMs }) => nowMs - provedAtMs <= FRESH_MS && provedAtMs - nowMs <= SKEW_MS);
  return fresh ? undefined : "proof_stale";
}

function factorsOf(standing: readonly Factor[], proofs: readonly Proof[]): readonly Factor[] {
  return [...new Set([...standing, ...proofs.flatMap(({ factors }) => factors)])];
}

/** Never lower than before: a step-up adds. */
function raisedLevel(standing: SessionRecord, proofs: readonly Proof[]): SessionRecord["assurance"] {
  if (factorsOf(standing.factors, proofs).length < 2) return standing.assurance;
  const bound = proofs.some((one) => one.phishingResistant && one.deviceBound);
  return bound || standing.assurance === 3 ? 3 : 2;
}

function subjectOf({ userId, tenantId, roles }: SessionUser): Parameters<MfaPolicy["judge"]>[0] {
  return { userId, tenantId, roles };
}

function refused(request: Responding, user: SessionUser, cause: SignInRefusal): SignIn {
  request.note({ ...sessionEvent("session/session_refused/refused", user), detail: cause });
  return { kind: "refused", cause };
}

/** What happened to a session, for the log. Neither token nor hash stands in it. */
export function sessionEvent(
  key: Extract<EventKey, `session/${string}`>,
  { userId, tenantId }: { readonly userId: string; readonly tenantId?: string },
): AuditEvent {
  return auditEvent(key, {
    control: "session",
    user_id: userId,
    ...(tenantId !== undefined && { tenant_id: tenantId }),
  });
}
