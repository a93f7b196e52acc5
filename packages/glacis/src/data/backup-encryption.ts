/** Backups that nobody else can read, nobody can delete, and somebody has restored (catalog backup-encryption; guide checklist: backups encrypted). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "backup-encryption",
  title: "Backups encrypted, isolated, tested and immutable",
  layer: "data",
  guide: ["checklist: Backups encrypted"],
  owasp2021: ["A02", "A08", "A04"],
  owasp2025: ["A04", "A08", "A06"],
  asvs: [],
  cwe: ["CWE-311", "CWE-530"],
};

export const BACKUP_PLAINTEXT: Rule = {
  id: "backup-encryption/plaintext",
  severity: "error",
  what: "A backup is not encrypted.",
  why: "It holds everything that the database does, and nobody watches who reads it.",
  fix: "Encrypt the source, for its snapshots are encrypted then; let pg_dump write through age or KMS.",
};
export const BACKUP_SHARED: Rule = {
  id: "backup-encryption/shared",
  severity: "error",
  what: "A backup is shared with everybody, or with accounts that are not ours.",
  why: "Whoever it is shared with restores it and has every tenant's data.",
  fix: "Take the share back, and find out who has used it.",
};
export const BACKUP_STALE: Rule = {
  id: "backup-encryption/stale",
  severity: "warning",
  what: "The newest backup is older than may be lost.",
  why: "What has been written since is gone with the next fault, and nobody was told that backups stopped.",
  fix: "Look at what should have made one, and have its failure raise an alarm.",
};
export const BACKUP_SHORT: Rule = {
  id: "backup-encryption/short",
  severity: "warning",
  what: "Backups are kept for less than 35 days.",
  why: "Damage that is found after a month, as by an intruder who waited, has no older state to return to.",
  fix: "Keep them for 35 days.",
};
export const BACKUP_NEAR: Rule = {
  id: "backup-encryption/near",
  severity: "warning",
  what: "Backups lie in the account that they are of, or whoever administers it may delete them.",
  why: "Who takes over the account takes the backups along: that is what extortion counts on.",
  fix: "Copy them into an account of their own, and lock the vault or the objects there.",
};
export const BACKUP_UNTESTED: Rule = {
  id: "backup-encryption/untested",
  severity: "warning",
  what: "No backup has been restored within 90 days.",
  why: "A backup that was never restored is a hope.",
  fix: "Restore one into a scratch database, compare rows, and write down the day.",
};
export const BACKUP_NOT_VERIFIED: Rule = {
  id: "backup-encryption/not-verified",
  severity: "warning",
  what: "Something about a backup is not known.",
  why: "What is not known has not been verified.",
  fix: "Pass what the provider's description says, and declare the rest.",
};

/** What is known of the backups of one source. Whatever is left out is not known. */
export interface BackupFacts {
  readonly name: string;
  readonly encrypted?: boolean | undefined;
  /** `everybody`, or accounts that are not ours. An empty list says that there are none. */
  readonly sharedWith?: readonly string[];
  readonly newestAtMs?: number;
  readonly keptDays?: number;
  /** Copies lie in another account. */
  readonly elsewhere?: boolean;
  /** Nobody can delete them before their time. */
  readonly immutable?: boolean;
  readonly lastRestoreAtMs?: number;
}

export interface BackupEncryptionOptions {
  readonly backups: readonly BackupFacts[];
  /** How much may be lost, in hours. 24. */
  readonly mayLoseHours?: number;
}

const HOUR_MS = 3_600_000;
/** A daily backup takes its time; it is late after two hours more. */
const GRACE_HOURS = 2;
const LEAST_DAYS = 35;
const RESTORE_DAYS = 90;

/**
 * Judges the backups of an application by what is declared and what `awsBackups` reads.
 *
 * @throws TypeError on an unknown option or a backup without a name.
 * @example
 * backupEncryption({ backups: [{ name: "main", encrypted: true, sharedWith: [], newestAtMs, keptDays: 35, elsewhere: true, immutable: true, lastRestoreAtMs }] });
 */
export function backupEncryption(options: BackupEncryptionOptions): Control {
  rejectUnknownOptions("backupEncryption", options, ["backups", "mayLoseHours"]);
  const { backups, mayLoseHours = 24 } = options;
  if (!(Number.isFinite(mayLoseHours) && mayLoseHours > 0))
    throw new TypeError("backupEncryption() needs mayLoseHours above zero.");
  if (
    !Array.isArray(backups) ||
    (backups as readonly BackupFacts[]).some((one) => typeof one?.name !== "string" || one.name === "")
  )
    throw new TypeError("backupEncryption() needs backups as a list of { name, ... }.");
  return {
    meta: META,
    rules: [
      BACKUP_PLAINTEXT,
      BACKUP_SHARED,
      BACKUP_STALE,
      BACKUP_SHORT,
      BACKUP_NEAR,
      BACKUP_UNTESTED,
      BACKUP_NOT_VERIFIED,
    ],
    check: ({ nowMs }) =>
      backups.length === 0
        ? [finding(BACKUP_NOT_VERIFIED, { kind: "setting", name: "backupEncryption.backups" }, "none")]
        : (backups as readonly BackupFacts[]).flatMap((one) => assess(one, nowMs, mayLoseHours)),
  };
}

function assess(facts: BackupFacts, nowMs: number, mayLoseHours: number): readonly Finding[] {
  const { name, encrypted, sharedWith, newestAtMs, keptDays, elsewhere, immutable, lastRestoreAtMs } = facts;
  const at: Location = { kind: "setting", name };
  const unknown = Object.entries({ encrypted, sharedWith, newestAtMs, keptDays, elsewhere, immutable })
    .filter(([, value]) => value === undefined)
    .map(([fact]) => fact);
  const olderThan = (ms: number | undefined, hours: number): boolean =>
    ms !== undefined && nowMs - ms > hours * HOUR_MS;
  return [
    ...(encrypted === false ? [finding(BACKUP_PLAINTEXT, at)] : []),
    ...((sharedWith ?? []).length > 0 ? [finding(BACKUP_SHARED, at, (sharedWith ?? []).join(", "))] : []),
    ...(olderThan(newestAtMs, mayLoseHours + GRACE_HOURS) ? [finding(BACKUP_STALE, at)] : []),
    ...(keptDays !== undefined && keptDays < LEAST_DAYS ? [finding(BACKUP_SHORT, at, `${keptDays} days`)] : []),
    ...(elsewhere === false || immutable === false ? [finding(BACKUP_NEAR, at)] : []),
    // No day means never: that is the catalog's own reading of no evidence.
    ...(lastRestoreAtMs === undefined || olderThan(lastRestoreAtMs, RESTORE_DAYS * 24)
      ? [finding(BACKUP_UNTESTED, at)]
      : []),
    ...(unknown.length > 0 ? [finding(BACKUP_NOT_VERIFIED, at, unknown.join(", "))] : []),
  ];
}
