/** Attacks as the events that they leave, to see which alarm they set off. Addresses are those of RFC 5737. */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, EventContext, EventDetails } from "../core/event.ts";
import { PLAIN_ATTACKS } from "./alarm-attack-plain.ts";

/** An event of a replay and when it comes. */
export interface TimedRecord {
  readonly atSeconds: number;
  readonly record: AuditEvent & Partial<EventContext>;
}

export interface SyntheticAttack {
  readonly name: string;
  readonly description: string;
  /** The shipped alarms that must ring. */
  readonly rings: readonly string[];
  readonly records: readonly TimedRecord[];
}

type Shape = TimedRecord["record"];

/** So many events, evenly over so many seconds, from the second minute on. */
function spread(count: number, overSeconds: number, shape: (index: number) => Shape): readonly TimedRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    atSeconds: 60 + Math.floor((index * overSeconds) / count),
    record: shape(index),
  }));
}

const ATTACKER = "203.0.113.66";
const MINUTE = 60;

const failedLogin = (ip: string): Shape => ({
  event_type: "authentication",
  status: "failed",
  severity: "warning",
  event: "authn_login_fail",
  ip_address: ip,
});

const refused = (
  about: EventDetails & Partial<EventContext> & { readonly event?: "authz_fail" | "authz.escalation_attempt" } = {},
): Shape => ({
  event_type: "authorization_failure",
  status: "refused",
  severity: "warning",
  event: "authz_fail",
  reason: "forbidden",
  tenant_id: "tenant-1",
  ...about,
});

function single(about: Shape): Shape {
  return { ip_address: ATTACKER, ...about };
}

/** One attack for every shipped alarm that waits for an attacker. */
export const SYNTHETIC_ATTACKS: readonly SyntheticAttack[] = [
  {
    name: "password-spraying",
    description: "Forty sign-ins from one address within five minutes, each for another account.",
    rings: ["HighFailedLogins", "PasswordSpraying"],
    records: spread(40, 5 * MINUTE, () => failedLogin(ATTACKER)),
  },
  {
    name: "distributed-guessing",
    description: "Fifteen failed sign-ins within four minutes, each from another address.",
    rings: ["HighFailedLogins"],
    records: spread(15, 4 * MINUTE, (index) => failedLogin(`198.51.100.${index + 1}`)),
  },
  {
    name: "slow-guessing",
    description: "One failed sign-in every two and a half minutes for an hour: under every limit.",
    rings: ["SlowPasswordGuessing"],
    records: spread(24, 60 * MINUTE, (index) => failedLogin(`198.51.100.${(index % 200) + 1}`)),
  },
  {
    name: "recovery-code-guessing",
    description: "Six wrong recovery codes within a minute.",
    rings: ["RecoveryCodeGuessing"],
    records: spread(6, MINUTE, () =>
      single({
        event_type: "authentication",
        status: "failed",
        severity: "warning",
        event: "authn_recovery_code_fail",
      }),
    ),
  },
  {
    name: "second-factor-guessing",
    description: "Twelve wrong one-time codes within three minutes.",
    rings: ["SecondFactorGuessing", "HighFailedLogins"],
    records: spread(12, 3 * MINUTE, () =>
      single({ event_type: "authentication", status: "failed", severity: "warning", event: "authn_totp_fail" }),
    ),
  },
  {
    name: "second-factor-removal",
    description: "Four passkeys are removed within half an hour.",
    rings: ["SecondFactorRemoved"],
    records: spread(4, 30 * MINUTE, () =>
      single({
        event_type: "authentication",
        status: "succeeded",
        severity: "warning",
        event: "authn_passkey_removed",
      }),
    ),
  },
  {
    name: "credential-stuffing",
    description: "The detection finds one address that tries many accounts, and an account is locked.",
    rings: ["GuessingDetected", "AccountLocked"],
    records: [
      auditEvent("authentication/authn_credential_stuffing/observed", { detail: "accounts_per_client", count: 20 }),
      auditEvent("authentication/authn_login_lock/refused"),
    ].flatMap((event) => spread(1, MINUTE, () => single(event))),
  },
  ...PLAIN_ATTACKS.map(([name, alarm, key, description, count]) => ({
    name,
    description,
    rings: [alarm],
    records: spread(count, MINUTE, () => single({ ...auditEvent(key), user_id: "user-7" })),
  })),
  {
    name: "malicious-upload",
    description: "One infected file.",
    rings: ["MaliciousUpload"],
    records: spread(1, MINUTE, () =>
      single({ event_type: "upload", status: "refused", severity: "critical", event: "malicious_upload" }),
    ),
  },
  {
    name: "forced-browsing",
    description: "One user is refused twelve times within two minutes.",
    rings: ["AuthorizationFailuresOfOneUser"],
    records: spread(12, 2 * MINUTE, () => refused({ user_id: "user-7" })),
  },
  {
    name: "mass-refusals",
    description: "Sixty refusals within four minutes, each of another user.",
    rings: ["UnauthorizedAccess"],
    records: spread(60, 4 * MINUTE, (index) => refused({ user_id: `user-${index}` })),
  },
  {
    name: "privilege-escalation",
    description: "One attempt to become an owner.",
    rings: ["PrivilegeEscalationAttempt"],
    records: spread(1, MINUTE, () => refused({ event: "authz.escalation_attempt", user_id: "user-7" })),
  },
  {
    name: "cross-tenant",
    description: "One query that leaves its tenant.",
    rings: ["CrossTenantAccess"],
    records: spread(1, MINUTE, () =>
      single({
        event_type: "tenant",
        status: "refused",
        severity: "critical",
        event: "tenant_cross_access",
        tenant_id: "tenant-1",
      }),
    ),
  },
  {
    name: "object-probing",
    description: "One user walks through forty ids within three minutes.",
    rings: ["ObjectProbing"],
    records: spread(40, 3 * MINUTE, () =>
      single({
        event_type: "data_access",
        status: "failed",
        severity: "info",
        event: "data_not_found",
        user_id: "user-7",
      }),
    ),
  },
  {
    name: "script-injection",
    description: "Sixty browsers block a script that is not ours.",
    rings: ["CspViolationSpike"],
    records: spread(60, 3 * MINUTE, (index) => ({
      ...single({
        event_type: "csp_violation",
        status: "refused",
        severity: "warning",
        event: "csp_violation",
        directive: "script-src-elem",
      }),
      ip_address: `192.0.2.${index + 1}`,
    })),
  },
  {
    name: "server-side-request-forgery",
    description: "Five calls to the metadata address.",
    rings: ["SsrfAttempts"],
    records: spread(5, MINUTE, () =>
      single({
        event_type: "ssrf_blocked",
        status: "refused",
        severity: "warning",
        event: "egress.blocked",
        blocked: "169.254.169.254",
      }),
    ),
  },
  {
    name: "cross-site-requests",
    description: "Thirty forms posted from a foreign page.",
    rings: ["CsrfRejections"],
    records: spread(30, 3 * MINUTE, () =>
      single({
        event_type: "csrf",
        status: "refused",
        severity: "warning",
        event: "csrf_rejected",
        reason: "csrf_failed",
      }),
    ),
  },
  {
    name: "path-traversal",
    description: "Fifteen paths out of the folder within two minutes.",
    rings: ["InjectionProbing"],
    records: spread(15, 2 * MINUTE, () =>
      single({ event_type: "input_validation", status: "refused", severity: "warning", event: "file.traversal" }),
    ),
  },
  {
    name: "request-flood",
    description: "Rate limits refuse for five minutes.",
    rings: ["RateLimitStorm"],
    records: spread(60, 5 * MINUTE, () =>
      single({ event_type: "rate_limit", status: "refused", severity: "warning", event: "excess_rate_limit_exceeded" }),
    ),
  },
  {
    name: "altered-ciphertext",
    description: "One sealed field does not open.",
    rings: ["DataIntegrityFailure"],
    records: spread(1, MINUTE, () =>
      single({ event_type: "crypto", status: "failed", severity: "critical", event: "data_integrity_failure" }),
    ),
  },
  {
    name: "altered-audit-log",
    description: "The audit log does not verify.",
    rings: ["AuditIntegrityFailure"],
    records: spread(1, MINUTE, () =>
      single({ event_type: "audit_integrity", status: "failed", severity: "critical", event: "audit_log_altered" }),
    ),
  },
  {
    name: "takeover",
    description: "Guessing succeeds, and the account tries every door.",
    rings: ["HighFailedLogins", "PasswordSpraying", "AuthorizationFailuresOfOneUser", "AccountTakeoverUnderway"],
    records: [
      ...spread(30, 4 * MINUTE, () => failedLogin(ATTACKER)),
      ...spread(20, 4 * MINUTE, () => refused({ user_id: "user-7", ip_address: ATTACKER })),
    ],
  },
];
