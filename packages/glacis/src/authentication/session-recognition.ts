import type { TenantId, UserId } from "../core/brand.ts";
import type { HeaderPair } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { ANONYMOUS, type User } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import type { TokenCookie } from "./session-cookies.ts";
import { endsAtMs, type LimitsByLevel } from "./session-limits.ts";
import type { SessionRecord, SessionStore } from "./session-record.ts";
import { TOUCH_EVERY_MS, type TouchWriter } from "./session-touch.ts";

/** A user's standing in the tenant at this moment. */
export interface Membership {
  readonly roles: readonly string[];
  readonly groups?: readonly string[];
}

export type ReadMembership = (user: {
  readonly userId: string;
  readonly tenantId: string;
}) => Membership | undefined | Promise<Membership | undefined>;

export interface Recognition {
  readonly store: SessionStore;
  readonly limits: LimitsByLevel;
  readonly cookie: TokenCookie;
  /** What a browser is told when its cookie names no live session. */
  readonly cleared: readonly HeaderPair[];
  readonly membership: ReadMembership | undefined;
  readonly writer: TouchWriter;
}

type Asking = RequestFacts & Pick<IdentifiedFacts, "route">;

const NOBODY: Identity = Object.freeze({ principal: ANONYMOUS, session: undefined });

/** A page that asks on its own, such as a poll, says so in this header; its session then ages as if nobody were there. */
const PASSIVE = "x-session-passive";

/**
 * Turns the cookie of a request into its user. No cookie costs nothing; a cookie costs one read. What is malformed, unknown or over is nobody, and
 * the cookie goes; a fault is thrown.
 */
export function recogniser({ store, limits, cookie, cleared, membership, writer }: Recognition): Authenticate {
  const stale: Identity = { ...NOBODY, headers: cleared };

  /**
   * A request that was under way while its session was renewed comes with the old cookie: were the cookie cleared in its answer, the new one would go.
   * People sign in again on a page that they open.
   */
  const gone = (facts: RequestFacts): Identity =>
    (facts.header("sec-fetch-mode") ?? "navigate") === "navigate" ? stale : NOBODY;

  function identify(record: SessionRecord | undefined, facts: Asking): Identity | Promise<Identity> {
    if (record === undefined) return gone(facts);
    const nowMs = facts.receivedAtMs;
    if (!(nowMs < endsAtMs(record, limits))) return settled(store.revoke(record.id), gone(facts));
    const identity: Identity = { principal: principalOf(record), session: { id: record.id } };
    if (nowMs - record.seenAtMs < TOUCH_EVERY_MS || isPassive(facts)) return identity;
    const ends = endsAtMs({ ...record, seenAtMs: nowMs }, limits);
    return settled(writer.use({ id: record.id, seenAtMs: nowMs, endsAtMs: ends }), identity);
  }

  async function refresh(record: SessionRecord | undefined, facts: Asking): Promise<Identity> {
    if (membership === undefined || record === undefined) return identify(record, facts);
    const { userId, tenantId } = record;
    const standing = await membership({ userId, tenantId });
    if (standing === undefined) return settled(store.revoke(record.id), gone(facts));
    return identify({ ...record, roles: standing.roles, groups: standing.groups ?? [] }, facts);
  }

  const next = membership === undefined ? identify : refresh;
  return function authenticate(facts) {
    if (!facts.cookies.has(cookie.name)) return NOBODY;
    const id = cookie.idIn(facts);
    if (id === undefined) return gone(facts);
    const found = store.read(id);
    return found instanceof Promise ? found.then((record) => next(record, facts)) : next(found, facts);
  };
}

/** A client can only shorten its own session by the header, so it is believed. */
function isPassive(facts: Asking): boolean {
  return facts.route.passive || facts.header(PASSIVE) !== undefined;
}

function principalOf(record: SessionRecord): User {
  return {
    kind: "user",
    id: record.userId as UserId,
    tenantId: record.tenantId as TenantId,
    roles: record.roles,
    groups: record.groups,
    assurance: record.assurance,
    authenticatedAtMs: record.authenticatedAtMs,
  };
}

function settled<Value>(work: void | Promise<void>, value: Value): Value | Promise<Value> {
  return work instanceof Promise ? work.then(() => value) : value;
}
