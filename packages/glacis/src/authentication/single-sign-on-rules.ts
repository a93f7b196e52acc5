import { auditEvent } from "../core/event-entry.ts";
import type { ControlMeta } from "../core/control.ts";
import { deny, type Deny } from "../core/decision.ts";
import type { AuditEvent, EventDetails, EventKey } from "../core/event.ts";
import type { Rule } from "../core/finding.ts";

export const SINGLE_SIGN_ON_META: ControlMeta = {
  id: "oauth-client-binding",
  title: "Authorization responses bound to the initiating browser and issuer",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07", "A01"],
  owasp2025: ["A07", "A01"],
  asvs: ["v5.0.0-10.1.2", "v5.0.0-10.2.1", "v5.0.0-10.2.2", "v5.0.0-10.5.3"],
  cwe: ["CWE-352", "CWE-345", "CWE-346"],
};

export const SSO_MEMORY_STORE: Rule = {
  id: "oauth-client-binding/memory-store",
  severity: "error",
  what: "Sign-ins under way and linked accounts live in the memory of one process.",
  why: "A restart unlinks everybody, and whoever returns from the provider to another instance is refused.",
  fix: "Pass postgresSingleSignOn(pool).",
};

/** A sign-in that came to nothing. The client hears one sentence, the log why. */
export function refuseSignIn(cause: string, about: EventDetails = {}): Deny {
  const reason = cause === "link_required" ? "link_required" : "sign_in_failed";
  return deny(
    reason,
    {
      event_type: "authentication",
      status: "failed",
      severity: "warning",
      event: "authn_sso_fail",
      control: SINGLE_SIGN_ON_META.id,
      reason,
      detail: cause,
      ...about,
    },
    { why: `Single sign-on: ${cause}.` },
  );
}

export function ssoEvent(
  key: Extract<EventKey, `${string}/authn_sso_${string}` | "authentication/authn_login_success/succeeded">,
  about: EventDetails,
): AuditEvent {
  return auditEvent(key, { control: SINGLE_SIGN_ON_META.id, ...about });
}
