/** Sees guessing that no single counter sees: one password over many accounts, one account from many networks (catalog credential-stuffing-detection). */
import { auditEvent } from "../core/event-entry.ts";
import { createHmac, randomBytes } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import { distinctMembers } from "./distinct-members.ts";
import { failureRatio } from "./failure-ratio.ts";

const META: ControlMeta = {
  id: "credential-stuffing-detection",
  title: "Detect and slow distributed stuffing and spraying",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07", "A09"],
  owasp2025: ["A07", "A09"],
  asvs: ["v5.0.0-2.4.1", "v5.0.0-6.3.1"],
  cwe: ["CWE-307", "CWE-799"],
};

export const STUFFING_UNREPORTED: Rule = {
  id: "credential-stuffing-detection/unreported",
  severity: "warning",
  what: "What the detectors of the sign-in throttle see is told to nobody.",
  why: "An attack on many accounts stays under every limit of each of them. Who is not told of it learns of it from the customers.",
  fix: "Pass report: security.report to signInThrottle().",
};

const WINDOW_MS = 900_000;
const ACCOUNTS_PER_CLIENT = 8;
const ACCOUNTS_PER_NETWORK = 30;
const ACCOUNTS_PER_SECRET = 10;
const NETWORKS_PER_ACCOUNT = 10;

/** A failed or succeeded attempt, as far as the detectors look at it. */
export interface ObservedAttempt {
  /** A keyed hash. */
  readonly account: string;
  readonly client: string;
  readonly network: string;
  /** Of `fingerprint`, where the attempt brought a secret that people choose. */
  readonly secret: string | undefined;
}

export interface StuffingDetector {
  readonly control: Control;
  /** What a secret is compared by: 96 bits under a key that this process makes for itself and never writes down. */
  fingerprint(secret: string): string;
  observe(attempt: ObservedAttempt, succeeded: boolean): void;
  /** Why a stranger's attempt should not begin, and for how many milliseconds; undefined when nothing speaks against it. */
  objection(attempt: ObservedAttempt): { readonly scope: "client" | "network"; readonly waitMs: number } | undefined;
  /** Far more attempts fail than usual. */
  readonly elevated: boolean;
}

/**
 * Four detectors over quarters of an hour and one over the share of failures, in the memory of this process and bounded. Each tells once per
 * subject and window. A client that failed on eight accounts, and a password that failed on ten, may not be tried by strangers until the window
 * ends: an owner on a known device is not concerned, and the answer does not depend on whether an account exists.
 */
export function stuffingDetector(
  report: ((event: AuditEvent) => void) | undefined,
  now: () => number,
): StuffingDetector {
  const key = randomBytes(32);
  const byClient = distinctMembers({ windowMs: WINDOW_MS, threshold: ACCOUNTS_PER_CLIENT });
  const byNetwork = distinctMembers({ windowMs: WINDOW_MS, threshold: ACCOUNTS_PER_NETWORK });
  const bySecret = distinctMembers({ windowMs: WINDOW_MS, threshold: ACCOUNTS_PER_SECRET });
  const byAccount = distinctMembers({ windowMs: WINDOW_MS, threshold: NETWORKS_PER_ACCOUNT });
  const ratio = failureRatio();
  const tell = (event: Campaign, detail: string, count: number): void =>
    report?.(auditEvent(`authentication/${event}/observed`, { control: META.id, detail, count }));

  return {
    control: {
      meta: META,
      rules: [STUFFING_UNREPORTED],
      check: ({ mode }) =>
        report === undefined && mode === "production"
          ? [finding(STUFFING_UNREPORTED, { kind: "setting", name: "signInThrottle.report" })]
          : [],
    },
    fingerprint: (secret) => createHmac("sha256", key).update(secret).digest("base64url").slice(0, 16),
    observe({ account, client, network, secret }, succeeded) {
      const nowMs = now();
      if (ratio.add(!succeeded, nowMs)) tell("authn_failure_surge", "failure_ratio", ratio.failures);
      if (succeeded) return;
      if (byClient.add(client, account, nowMs))
        tell("authn_credential_stuffing", "accounts_per_client", ACCOUNTS_PER_CLIENT);
      if (byNetwork.add(network, account, nowMs))
        tell("authn_credential_stuffing", "accounts_per_network", ACCOUNTS_PER_NETWORK);
      if (secret !== undefined && bySecret.add(secret, account, nowMs))
        tell("authn_password_spraying", "accounts_per_password", ACCOUNTS_PER_SECRET);
      if (byAccount.add(account, network, nowMs))
        tell("authn_distributed_guessing", "networks_per_account", NETWORKS_PER_ACCOUNT);
    },
    objection({ client, secret }) {
      const nowMs = now();
      const clientMs = byClient.reachedFor(client, nowMs);
      const secretMs = secret === undefined ? 0 : bySecret.reachedFor(secret, nowMs);
      if (clientMs === 0 && secretMs === 0) return undefined;
      return clientMs >= secretMs ? { scope: "client", waitMs: clientMs } : { scope: "network", waitMs: secretMs };
    },
    get elevated() {
      return ratio.elevatedAt(now());
    },
  };
}

type Campaign =
  | "authn_failure_surge"
  | "authn_credential_stuffing"
  | "authn_password_spraying"
  | "authn_distributed_guessing";
