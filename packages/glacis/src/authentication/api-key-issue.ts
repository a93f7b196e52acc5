import type { AuditEvent } from "../core/event.ts";
import type { User } from "../core/principal.ts";
import { mintApiKey } from "./api-key-format.ts";
import { apiKeyEvent } from "./api-keys-rules.ts";
import { isAliveKey, type ApiKeyRecord, type ApiKeyStore } from "./api-key-store.ts";
import { viewOf, type ApiKey } from "./api-key-view.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const MOST_DAYS = 365;
const MOST_OVERLAP_HOURS = 24 * 7;
const LONGEST_NAME = 100;
const NEVER = {
  formerHash: undefined,
  formerUntilMs: undefined,
  rotatedAtMs: undefined,
  revokedAtMs: undefined,
  usedAtMs: undefined,
};

export interface NewApiKey {
  /** What it is for, in the words of whoever makes it; 100 characters. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** Fewer days than the application's default, or more, up to 365. */
  readonly lifetimeDays?: number;
}

export type IssuedApiKey =
  /** `key` is shown once; nothing can show it again. */
  | { readonly kind: "issued"; readonly key: string; readonly apiKey: ApiKey }
  | {
      readonly kind: "refused";
      readonly cause:
        | "name_invalid"
        | "scopes_invalid"
        | "scopes_not_yours"
        | "lifetime_invalid"
        | "too_many"
        | "not_found"
        /** Somebody else's: whoever rotates a key knows its secret, and it would not end with him. Revoke it, and make one of your own. */
        | "not_yours"
        | "overlap_running"
        /** Whoever asked was signed out meanwhile. */
        | "signed_out";
    };

/** What keys are made with. */
export interface KeyMaking {
  readonly prefix: string;
  readonly store: ApiKeyStore;
  readonly scopes: ReadonlyMap<string, readonly string[]>;
  readonly grants: (user: User) => readonly string[];
  readonly signedIn: ((user: User) => boolean | Promise<boolean>) | undefined;
  readonly lifetimeDays: number;
  readonly mostPerTenant: number;
  readonly report: ((event: AuditEvent) => void) | undefined;
}

/** See `ApiKeys.issue`. */
export async function issueKey(making: KeyMaking, user: User, wanted: NewApiKey, nowMs: number): Promise<IssuedApiKey> {
  requireUser(user);
  const { name, scopes, lifetimeDays = making.lifetimeDays } = wanted;
  if (!isName(name)) return { kind: "refused", cause: "name_invalid" };
  if (!isScopeList(scopes, making.scopes)) return { kind: "refused", cause: "scopes_invalid" };
  if (!isLifetime(lifetimeDays)) return { kind: "refused", cause: "lifetime_invalid" };
  if (!mayGrant(making, user, scopes)) return { kind: "refused", cause: "scopes_not_yours" };
  const { key, id, hash } = mintApiKey(making.prefix);
  const record: ApiKeyRecord = {
    ...NEVER,
    id,
    hash,
    tenantId: user.tenantId,
    ownerId: user.id,
    name: name.trim(),
    scopes: [...new Set(scopes)],
    createdAtMs: nowMs,
    expiresAtMs: nowMs + lifetimeDays * DAY_MS,
  };
  if (!(await making.store.add(record, making.mostPerTenant))) return { kind: "refused", cause: "too_many" };
  if (!(await isStillThere(making, user))) return takeBack(making, record, nowMs);
  return issued(making, user, key, record);
}

/** See `ApiKeys.rotate`. The new term is as long as the old one. */
export async function rotateKey(
  making: KeyMaking,
  user: User,
  id: string,
  nowMs: number,
  overlapHours = 24,
): Promise<IssuedApiKey> {
  requireUser(user);
  if (!(overlapHours >= 0 && overlapHours <= MOST_OVERLAP_HOURS))
    throw new TypeError(`rotate() needs overlapHours between 0 and ${MOST_OVERLAP_HOURS}.`);
  const { prefix, store } = making;
  const present = isId(id) ? await store.read(id) : undefined;
  if (present?.tenantId !== user.tenantId || !isAliveKey(present, nowMs))
    return { kind: "refused", cause: "not_found" };
  if (present.ownerId !== user.id) return { kind: "refused", cause: "not_yours" };
  if (!mayGrant(making, user, present.scopes)) return { kind: "refused", cause: "scopes_not_yours" };
  const { key, hash } = mintApiKey(prefix, id);
  const term = present.expiresAtMs - (present.rotatedAtMs ?? present.createdAtMs);
  // Without overlap never again, whatever the clock of another process says.
  const formerUntilMs = overlapHours === 0 ? 0 : nowMs + Math.round(overlapHours * HOUR_MS);
  const rotated = await store.rotate(user.tenantId, id, { hash, nowMs, expiresAtMs: nowMs + term, formerUntilMs });
  if (rotated === undefined) return { kind: "refused", cause: "overlap_running" };
  if (!(await isStillThere(making, user))) return takeBack(making, rotated, nowMs);
  return issued(making, user, key, rotated, "rotated");
}

/**
 * Asked once the key is in the store. Whoever throws somebody out ends his sessions first and his keys after that: the key was there by then, or the
 * session is gone now. Where the answer cannot be had, nobody has seen the key.
 */
async function isStillThere({ signedIn }: KeyMaking, user: User): Promise<boolean> {
  return signedIn === undefined || (await signedIn(user));
}

async function takeBack({ store }: KeyMaking, { tenantId, id }: ApiKeyRecord, nowMs: number): Promise<IssuedApiKey> {
  await store.revoke(tenantId, id, nowMs);
  return { kind: "refused", cause: "signed_out" };
}

function issued(making: KeyMaking, user: User, key: string, record: ApiKeyRecord, detail?: string): IssuedApiKey {
  const about = { user_id: user.id, tenant_id: user.tenantId, resource_id: record.id, ...(detail && { detail }) };
  making.report?.(apiKeyEvent("token/authn_token_created/succeeded", about));
  return { kind: "issued", key, apiKey: viewOf(making.prefix, record) };
}

function mayGrant({ grants }: KeyMaking, user: User, wanted: readonly string[]): boolean {
  const granted = new Set(grants(user));
  return wanted.every((scope) => granted.has(scope));
}

/** What can be the id of a key; anything else is not looked for. */
export function isId(id: unknown): id is string {
  return typeof id === "string" && /^[0-9A-Za-z]{1,64}$/u.test(id);
}

function isScopeList(wanted: unknown, scopes: ReadonlyMap<string, unknown>): wanted is readonly string[] {
  return (
    Array.isArray(wanted) &&
    wanted.length > 0 &&
    wanted.length <= scopes.size &&
    wanted.every((one) => scopes.has(one as string))
  );
}

export function isLifetime(days: unknown): days is number {
  return typeof days === "number" && Number.isSafeInteger(days) && days >= 1 && days <= MOST_DAYS;
}

function isName(name: unknown): name is string {
  return (
    typeof name === "string" && name.length <= LONGEST_NAME && name.trim() !== "" && !/\p{Cc}|\p{Surrogate}/u.test(name)
  );
}

function requireUser(user: User): void {
  if (user?.kind !== "user" || user.tenantId === "" || user.id === "")
    throw new TypeError("Only a signed-in user of a tenant makes API keys.");
  // A key would outlive the visit, and the consent to it.
  if (user.actor !== undefined) throw new TypeError("A visitor makes no API keys for whom he visits.");
  // It would outlive the token as well, and could be for more than that was given for.
  if (user.delegation !== undefined) throw new TypeError("Whoever comes by an access token makes no API keys.");
}
