/** How the application itself logs in to what it uses (catalog machine-identity; ASVS 5 section 13.2.1; guide checklist: IAM roles). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "machine-identity",
  title: "Service-to-service calls use short-lived workload identity",
  layer: "authentication",
  guide: ["checklist: IAM roles follow least privilege"],
  owasp2021: ["A07", "A05"],
  owasp2025: ["A07", "A02"],
  asvs: ["v5.0.0-13.2.1"],
  cwe: ["CWE-798", "CWE-1391", "CWE-306"],
};

export const MACHINE_IDENTITY_CLOUD_KEY: Rule = {
  id: "machine-identity/long-lived-cloud-key",
  severity: "warning",
  what: "The process holds an AWS access key that does not expire.",
  why: "Whoever reads the environment once, in a log or through a hole, keeps the cloud account until somebody notices.",
  fix: "Give the task, the pod or the function an IAM role, and remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
};
export const MACHINE_IDENTITY_UNROTATED: Rule = {
  id: "machine-identity/static-credential",
  severity: "warning",
  what: "A backend is reached with a password or key that is not replaced every 90 days.",
  why: "It is in backups, in chats and in the hands of everybody who ever worked on it.",
  fix: "Log in by IAM role, OIDC or mTLS; where the backend knows only passwords, rotate it and say so in rotatedEveryDays.",
};
export const MACHINE_IDENTITY_SHARED: Rule = {
  id: "machine-identity/shared-account",
  severity: "warning",
  what: "Two backends are reached with the same account.",
  why: "A hole in one is a hole in both, and the log of either does not say who came.",
  fix: "Give each its own account, with what it needs and no more.",
};

/** An AWS key of a person or a machine account begins so; that of a role begins with ASIA and ends by itself. */
const PERMANENT_AWS_KEY = /^AKIA[0-9A-Z]{12,124}$/u;
const MOST_DAYS = 90;

/** How one backend is reached. */
export type MachineCredential = {
  /** The backend, such as `postgres`. */
  readonly backend: string;
  /** The account's name there, when it has one. Never the credential itself. */
  readonly account?: string;
} & (
  | { readonly kind: "iam-role" | "oidc" | "mtls" }
  | {
      readonly kind: "static";
      /** Why nothing better is there. */
      readonly reason: string;
      readonly rotatedEveryDays?: number;
    }
);

export interface MachineIdentityOptions {
  readonly credentials?: readonly MachineCredential[];
}

/**
 * Judges how the application logs in to its backends: by an identity that ends by itself, or by a secret that somebody must replace.
 *
 * @throws TypeError on an unknown option, or a static credential without a reason.
 * @example
 * machineIdentity({ credentials: [{ backend: "postgres", account: "folio_app", kind: "iam-role" }] });
 */
export function machineIdentity(options: MachineIdentityOptions = {}): Control {
  rejectUnknownOptions("machineIdentity", options, ["credentials"]);
  const { credentials = [] } = options;
  for (const credential of credentials) requireSound(credential);
  return {
    meta: META,
    rules: [MACHINE_IDENTITY_CLOUD_KEY, MACHINE_IDENTITY_UNROTATED, MACHINE_IDENTITY_SHARED],
    check: (deployment) => [
      ...judgeEnvironment(deployment),
      ...judgeRotation(credentials),
      ...judgeAccounts(credentials),
    ],
  };
}

function requireSound(credential: MachineCredential): void {
  const { kind, backend } = credential;
  rejectUnknownOptions("machineIdentity({ credentials })", credential, [
    "backend",
    "account",
    "kind",
    ...(kind === "static" ? ["reason", "rotatedEveryDays"] : []),
  ]);
  if (typeof backend !== "string" || backend === "" || !["iam-role", "oidc", "mtls", "static"].includes(kind))
    throw new TypeError('machineIdentity() needs credentials such as { backend: "postgres", kind: "iam-role" }.');
  if (kind === "static" && (typeof credential.reason !== "string" || credential.reason.trim() === ""))
    throw new TypeError("machineIdentity() needs the reason for a static credential, in words.");
}

function judgeEnvironment({ mode, variables }: Deployment): readonly Finding[] {
  const key = variables.get("AWS_ACCESS_KEY_ID") ?? "";
  return mode === "production" && PERMANENT_AWS_KEY.test(key)
    ? [finding(MACHINE_IDENTITY_CLOUD_KEY, { kind: "environment", name: "AWS_ACCESS_KEY_ID" })]
    : [];
}

function judgeRotation(credentials: readonly MachineCredential[]): readonly Finding[] {
  return credentials.flatMap((credential) => {
    if (credential.kind !== "static") return [];
    const days = credential.rotatedEveryDays ?? Number.POSITIVE_INFINITY;
    if (days > 0 && days <= MOST_DAYS) return [];
    const told = Number.isFinite(days) ? `every ${days} days` : "never";
    return [finding(MACHINE_IDENTITY_UNROTATED, { kind: "setting", name: credential.backend }, told)];
  });
}

function judgeAccounts(credentials: readonly MachineCredential[]): readonly Finding[] {
  return credentials.flatMap(({ backend, account }, index) => {
    const twin = credentials.slice(0, index).find((one) => account !== undefined && one.account === account);
    if (twin === undefined || twin.backend === backend) return [];
    return [finding(MACHINE_IDENTITY_SHARED, { kind: "setting", name: backend }, `as ${twin.backend}`)];
  });
}
