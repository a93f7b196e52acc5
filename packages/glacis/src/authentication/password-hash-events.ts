/** What the log hears of a stored hash. Nothing of the hash is in it. */
import type { UserId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";

const CONTROL = "password-hashing";

export function unreadableEvent(): AuditEvent {
  return {
    event_type: "authentication",
    status: "failed",
    severity: "error",
    event: "authn_stored_hash_unreadable",
    control: CONTROL,
    detail: "stored_hash_unreadable",
  };
}

export function upgradedEvent(algorithm: string, userId: UserId): AuditEvent {
  return {
    event_type: "crypto",
    status: "succeeded",
    severity: "info",
    event: "password_hash_upgraded",
    control: CONTROL,
    detail: algorithm,
    user_id: userId,
  };
}
