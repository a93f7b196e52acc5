import { auditEvent } from "../core/event-entry.ts";
import type { ControlMeta } from "../core/control.ts";
import { deny, type Deny } from "../core/decision.ts";
import type { AuditEvent, EventDetails, EventKey } from "../core/event.ts";
import type { Rule } from "../core/finding.ts";

export const API_KEYS_META: ControlMeta = {
  id: "api-keys",
  title: "API keys: hashed, scoped, expiring, prefixed and attributable",
  layer: "authentication",
  guide: ["A02", "Rate limiting"],
  owasp2021: ["A07", "A02"],
  owasp2025: ["A07", "A04"],
  asvs: ["v5.0.0-7.2.2", "v5.0.0-14.2.1"],
  cwe: ["CWE-522", "CWE-798", "CWE-262"],
};

export const API_KEYS_MEMORY_STORE: Rule = {
  id: "api-keys/memory-store",
  severity: "warning",
  what: "API keys live in the memory of one process.",
  why: "A restart voids every key that customers have built in, and a second instance knows none of them.",
  fix: "Pass postgresApiKeys(pool).",
};
export const API_KEYS_LONG_LIVED: Rule = {
  id: "api-keys/long-lived",
  severity: "warning",
  what: "New API keys are good for more than 90 days.",
  why: "A key that leaked a year ago, in a log or in a former colleague's notes, still opens everything it opened then.",
  fix: "Leave lifetimeDays at 90; rotate() gives a new secret while the former one still works.",
};
export const API_KEYS_OUTLIVE_OWNER: Rule = {
  id: "api-keys/outlive-owner",
  severity: "warning",
  what: "Nobody asks whether the owner of a key still belongs to its tenant.",
  why: "Somebody who was removed goes on reading through a key that he made before.",
  fix: "Give standing, which looks the owner up, or call revokeOwner() wherever people leave a tenant.",
};

/** Why a key was refused: for the log. The client hears the same each time. */
export type ApiKeyRefusal =
  | "header_duplicated"
  | "malformed"
  | "unknown"
  | "secret_mismatch"
  | "revoked"
  | "expired"
  | "owner_gone";

/** RFC 6750 section 3.1: 401, and that the token is at fault. */
export function refuseApiKey(cause: ApiKeyRefusal, id?: string): Deny {
  return deny(
    "unauthenticated",
    {
      event_type: "authentication",
      status: "failed",
      severity: "warning",
      event: "authn_token_rejected",
      control: "api-keys",
      reason: "unauthenticated",
      detail: cause,
      resource_type: "api_key",
      ...(id !== undefined && { resource_id: id }),
    },
    { headers: [["www-authenticate", 'Bearer error="invalid_token"']], why: `API key: ${cause}.` },
  );
}

/** What was done to a key, by whom. */
export function apiKeyEvent(
  key: Extract<EventKey, `token/${string}` | "system/sys_api_key_use_unwritten/failed">,
  details: EventDetails = {},
): AuditEvent {
  return auditEvent(key, { control: "api-keys", resource_type: "api_key", ...details });
}
