/** API keys for programs (catalog api-keys; guide A02 and rate limiting; RFC 6750). */
import { ALLOW } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding } from "../core/finding.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import type { User } from "../core/principal.ts";
import { requirePrefix } from "./api-key-format.ts";
import {
  isId,
  isLifetime,
  issueKey,
  MOST_DAYS,
  rotateKey,
  type IssuedApiKey,
  type KeyMaking,
  type NewApiKey,
} from "./api-key-issue.ts";
import { keyRecogniser } from "./api-key-recognition.ts";
import type { ApiKeyStore } from "./api-key-store.ts";
import { apiKeyUseWriter } from "./api-key-use.ts";
import { viewOf, type ApiKey } from "./api-key-view.ts";
import { refusedBearer, type BearerCredential } from "./bearer-credential.ts";
import {
  API_KEYS_LONG_LIVED,
  API_KEYS_MEMORY_STORE,
  API_KEYS_META,
  API_KEYS_OUTLIVE_OWNER,
  apiKeyEvent,
} from "./api-keys-rules.ts";

const ADVISED_DAYS = 90;
const MOST_KEYS = 100;

export interface ApiKeysOptions {
  /** Names your product and the kind of key, such as `folio_sk`. It stands in every key that exists: for ever. */
  readonly prefix: string;
  readonly store: ApiKeyStore;
  /** What a key can be for, and the roles that this gives to whoever brings it: `{ "documents:read": ["viewer"] }`. */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
  /** The scopes that a user may give away. Nobody gives more than this, at the making of a key or at its rotation. */
  readonly grants: (user: User) => readonly string[];
  /**
   * Whether whoever asks for a key is still signed in, by `sessions.hasSession(user)`: asked once the key is there, so that a request that was under way when its
   * session was ended leaves none behind.
   */
  readonly signedIn?: (user: User) => boolean | Promise<boolean>;
  /** How long a key is good, in days: 90, and 365 at most. */
  readonly lifetimeDays?: number;
  /** How many keys of one tenant may be alive: 100. */
  readonly mostPerTenant?: number;
  /** Asked at every use whether the key's owner is still there and may; false refuses the key. */
  readonly standing?: (key: ApiKey) => boolean | Promise<boolean>;
  /** Where the making and ending of keys is told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** A way in for programs whose keys people make and end. */
export interface ApiKeys extends BearerCredential {
  /** A key of the user's own tenant. A service makes none: whoever stole one key would make himself another. @param nowMs milliseconds */
  issue(user: User, wanted: NewApiKey, nowMs: number): Promise<IssuedApiKey>;
  /**
   * A new secret under the same id and a new term. The former one is good for `overlapHours` more, 24 unless you say otherwise, 168 at most; 0 voids it
   * at once, as after a leak. By its owner alone.
   */
  rotate(user: User, id: string, nowMs: number, options?: { readonly overlapHours?: number }): Promise<IssuedApiKey>;
  /** @returns false when this tenant has no such key, whoever else may */
  revoke(tenantId: string, id: string, nowMs: number): Promise<boolean>;
  /** Ends what a user has made, as when he leaves the tenant, and says how many keys it was. */
  revokeOwner(tenantId: string, ownerId: string, nowMs: number): Promise<number>;
  /** Ends what a user has made in every tenant, as when his account was somebody else's for a while. */
  revokeUser(ownerId: string, nowMs: number): Promise<number>;
  /** What a user has made, in every tenant, that still works. */
  aliveOf(ownerId: string, nowMs: number): Promise<readonly ApiKey[]>;
  /** Newest first, ended ones included. */
  list(tenantId: string): Promise<readonly ApiKey[]>;
  /** Writes the last uses that are still collected; call it when the process ends. */
  flush(): Promise<void>;
}

const OPTIONS = [
  "prefix",
  "store",
  "scopes",
  "grants",
  "signedIn",
  "lifetimeDays",
  "mostPerTenant",
  "standing",
  "report",
];

/**
 * API keys: 256 random bits behind a prefix that scanners know, SHA-256 in the store, scopes, a term, and one owner. A text with a wrong checksum costs
 * no look-up; an unknown key, a wrong secret, a revoked and an expired key are refused alike.
 *
 * @throws TypeError on an unknown option, a prefix or scopes that cannot be, or a term of more than 365 days.
 * @example
 * const keys = apiKeys({ prefix: "folio_sk", store: postgresApiKeys(pool), scopes: { "documents:read": ["viewer"] }, grants: () => ["documents:read"] });
 */
export function apiKeys(options: ApiKeysOptions): ApiKeys {
  const making = makingOf(options);
  const { prefix, store, scopes, report } = making;
  const { standing } = options;
  const writer = apiKeyUseWriter(store, () => report?.(apiKeyEvent("system/sys_api_key_use_unwritten/failed")));
  return {
    control: {
      meta: API_KEYS_META,
      rules: [API_KEYS_MEMORY_STORE, API_KEYS_LONG_LIVED, API_KEYS_OUTLIVE_OWNER],
      decide: (facts) => refusedBearer(facts) ?? ALLOW,
      check: ({ mode }) => assess(making, standing !== undefined, mode === "production"),
    },
    authenticate: (next) => keyRecogniser({ prefix, store, scopes, standing, writer }, next),
    issue: (user, wanted, nowMs) => issueKey(making, user, wanted, nowMs),
    rotate: (user, id, nowMs, rotation = {}) => rotateKey(making, user, id, nowMs, rotation.overlapHours),
    async revoke(tenantId, id, nowMs) {
      const ended = isId(id) && (await store.revoke(tenantId, id, nowMs));
      if (ended) report?.(apiKeyEvent("token/authn_token_revoked/succeeded", { tenant_id: tenantId, resource_id: id }));
      return ended;
    },
    async revokeOwner(tenantId, ownerId, nowMs) {
      const count = await store.revokeOwner(tenantId, ownerId, nowMs);
      report?.(apiKeyEvent("token/authn_token_revoked/succeeded", { tenant_id: tenantId, user_id: ownerId, count }));
      return count;
    },
    async revokeUser(ownerId, nowMs) {
      const count = await store.revokeOwner(undefined, ownerId, nowMs);
      if (count > 0) report?.(apiKeyEvent("token/authn_token_revoked/succeeded", { user_id: ownerId, count }));
      return count;
    },
    aliveOf: async (ownerId, nowMs) => (await store.aliveOf(ownerId, nowMs)).map((record) => viewOf(prefix, record)),
    list: async (tenantId) => (await store.list(tenantId)).map((record) => viewOf(prefix, record)),
    flush: () => writer.flush(),
  };
}

function makingOf(options: ApiKeysOptions): KeyMaking {
  rejectUnknownOptions("apiKeys", options, OPTIONS);
  const { store, grants, signedIn, report, lifetimeDays = ADVISED_DAYS, mostPerTenant = MOST_KEYS } = options;
  if (!isLifetime(lifetimeDays)) throw new TypeError(`apiKeys() needs lifetimeDays between 1 and ${MOST_DAYS}.`);
  if (!(Number.isSafeInteger(mostPerTenant) && mostPerTenant > 0))
    throw new TypeError("apiKeys() needs mostPerTenant as a whole number above zero.");
  if (typeof grants !== "function")
    throw new TypeError("apiKeys() needs grants, which says what a user may give away.");
  const prefix = requirePrefix(options.prefix);
  return { prefix, store, scopes: scopesOf(options.scopes), grants, signedIn, lifetimeDays, mostPerTenant, report };
}

function assess({ store, lifetimeDays }: KeyMaking, asksOwner: boolean, production: boolean): readonly Finding[] {
  const at = (name: string) => ({ kind: "setting", name: `apiKeys.${name}` }) as const;
  return [
    ...(store.kind === "memory" && production ? [finding(API_KEYS_MEMORY_STORE, at("store"))] : []),
    ...(lifetimeDays > ADVISED_DAYS ? [finding(API_KEYS_LONG_LIVED, at("lifetimeDays"), `${lifetimeDays} days`)] : []),
    ...(asksOwner ? [] : [finding(API_KEYS_OUTLIVE_OWNER, at("standing"))]),
  ];
}

function scopesOf(given: ApiKeysOptions["scopes"]): ReadonlyMap<string, readonly string[]> {
  rejectNonRecord("apiKeys", "scopes", given);
  const scopes = new Map(Object.entries(given ?? {}));
  const sound = [...scopes].every(
    ([scope, roles]) =>
      /^[\w:.-]{1,64}$/u.test(scope) &&
      Array.isArray(roles) &&
      roles.length > 0 &&
      !roles.some((role) => typeof role !== "string" || role === ""),
  );
  if (scopes.size === 0 || scopes.size > 100 || !sound)
    throw new TypeError(
      'apiKeys() needs scopes with the roles that each gives, such as { "documents:read": ["viewer"] }.',
    );
  return scopes;
}
