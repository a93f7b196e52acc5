import { timingSafeEqual } from "node:crypto";
import type { TenantId, UserId } from "../core/brand.ts";
import type { RequestFacts } from "../core/facts.ts";
import type { Service } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import { looksLikeApiKey, parseApiKey } from "./api-key-format.ts";
import { acceptBearer, bearerToken, refuseBearer } from "./bearer-credential.ts";
import { refuseApiKey, type ApiKeyRefusal } from "./api-keys-rules.ts";
import type { ApiKeyRecord, ApiKeyStore } from "./api-key-store.ts";
import type { ApiKeyUseWriter } from "./api-key-use.ts";
import { viewOf, type ApiKey } from "./api-key-view.ts";

export interface KeyRecognition {
  readonly prefix: string;
  readonly store: ApiKeyStore;
  readonly scopes: ReadonlyMap<string, readonly string[]>;
  readonly standing: ((key: ApiKey) => boolean | Promise<boolean>) | undefined;
  readonly writer: ApiKeyUseWriter;
}

/** See `ApiKeys.authenticate`. */
export function keyRecogniser(
  { prefix, store, scopes, standing, writer }: KeyRecognition,
  next: Authenticate,
): Authenticate {
  const refuse = (facts: RequestFacts, cause: ApiKeyRefusal, id?: string): Identity =>
    refuseBearer(facts, refuseApiKey(cause, id));

  const accept = (facts: RequestFacts, record: ApiKeyRecord): Identity => {
    writer.use(record, facts.receivedAtMs);
    return acceptBearer(facts, serviceOf(record, scopes));
  };

  function judge(facts: RequestFacts, id: string, hash: string, record?: ApiKeyRecord): Identity | Promise<Identity> {
    if (record === undefined) return refuse(facts, "unknown", id);
    const nowMs = facts.receivedAtMs;
    // Both are compared whatever the first says, and the secret before anything that a stranger could learn of the key.
    const present = isSame(hash, record.hash);
    const former = isSame(hash, record.formerHash ?? record.hash) && nowMs < (record.formerUntilMs ?? 0);
    if (!present && !former) return refuse(facts, "secret_mismatch", id);
    if (record.revokedAtMs !== undefined) return refuse(facts, "revoked", id);
    if (!(nowMs < record.expiresAtMs)) return refuse(facts, "expired", id);
    if (standing === undefined) return accept(facts, record);
    return Promise.resolve(standing(viewOf(prefix, record))).then((stands: unknown) =>
      stands === true ? accept(facts, record) : refuse(facts, "owner_gone", id),
    );
  }

  return function authenticate(facts) {
    const bearer = bearerToken(facts);
    if (bearer === undefined) return next(facts);
    if (bearer === "ambiguous") return refuse(facts, "header_duplicated");
    if (!looksLikeApiKey(prefix, bearer.token)) return next(facts);
    const parts = parseApiKey(prefix, bearer.token);
    if (parts === undefined) return refuse(facts, "malformed");
    const found = store.read(parts.id);
    return found instanceof Promise
      ? found.then((record) => judge(facts, parts.id, parts.hash, record))
      : judge(facts, parts.id, parts.hash, found);
  };
}

/** The roles are those of scopes that the application still declares. */
function serviceOf(record: ApiKeyRecord, scopes: ReadonlyMap<string, readonly string[]>): Service {
  const roles = new Set(record.scopes.flatMap((scope) => scopes.get(scope) ?? []));
  return {
    kind: "service",
    id: `key:${record.id}`,
    tenantId: record.tenantId as TenantId,
    roles: [...roles],
    ownerId: record.ownerId as UserId,
  };
}

/** Two SHA-256 in base64url; the lengths are equal unless the store holds something else. */
function isSame(given: string, kept: string): boolean {
  return given.length === kept.length && timingSafeEqual(Buffer.from(given), Buffer.from(kept));
}
