/** Secrets are replaced before they are old (catalog secret-rotation; guide checklist: secrets rotation configured). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { requireSecretName } from "./secret-provider.ts";
import type { SecretStore } from "./secret-store.ts";

const META: ControlMeta = {
  id: "secret-rotation",
  title: "Secrets rotate on a schedule, with an overlap and without a restart",
  layer: "data",
  guide: ["checklist: Secrets rotation configured"],
  owasp2021: ["A02", "A05", "A04"],
  owasp2025: ["A04", "A02", "A06"],
  asvs: ["v5.0.0-13.1.4", "v5.0.0-13.3.4"],
  cwe: ["CWE-262"],
};

export const ROTATION_OVERDUE: Rule = {
  id: "secret-rotation/overdue",
  severity: "warning",
  what: "A secret is older than it may become.",
  why: "What leaked unnoticed keeps working until it is replaced, and a rotation that was never tried fails when it is urgent.",
  fix: "Store a new value under the same name; the application takes it over and accepts the old one for the overlap.",
};
export const ROTATION_DUE_SOON: Rule = {
  id: "secret-rotation/due-soon",
  severity: "note",
  what: "A secret has used up four fifths of its time.",
  why: "A rotation in good time is routine; one that is late is an incident.",
  fix: "Plan the rotation.",
};
export const ROTATION_AGE_UNKNOWN: Rule = {
  id: "secret-rotation/age-unknown",
  severity: "note",
  what: "Nobody knows how old a secret is.",
  why: "Its rotation cannot be verified.",
  fix: "Keep it where changes are dated, such as Parameter Store or Secrets Manager.",
};

const DAY_MS = 86_400_000;
const EVERY_DAYS = 90;
const SOON = 0.8;

export interface SecretRotationOptions {
  /** What `secretStore()` returned. Everything that it has read is judged. */
  readonly store: Pick<SecretStore, "kept">;
  /** How old a secret may become, in days. 90. */
  readonly everyDays?: number;
  /** The same for single secrets, by name. */
  readonly days?: Readonly<Record<string, number>>;
}

/**
 * Judges the age of every secret that the store keeps. The rotation itself is the store's: it takes new values over while the application runs.
 *
 * @throws TypeError on an unknown option, a malformed name, or days that are no whole number from 1 to 3650.
 * @example
 * secretRotation({ store, everyDays: 90, days: { "/app/signing/root": 365 } });
 */
export function secretRotation(options: SecretRotationOptions): Control {
  rejectUnknownOptions("secretRotation", options, ["store", "everyDays", "days"]);
  rejectNonRecord("secretRotation", "days", options.days);
  const { store, everyDays = EVERY_DAYS, days = {} } = options;
  for (const limit of [everyDays, ...Object.values(days)]) {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > 3650)
      throw new TypeError("secretRotation() needs days as whole numbers from 1 to 3650.");
  }
  const limits = new Map(Object.entries(days).map(([name, limit]) => [requireSecretName(name), limit]));
  return {
    meta: META,
    rules: [ROTATION_OVERDUE, ROTATION_DUE_SOON, ROTATION_AGE_UNKNOWN],
    check: ({ mode, nowMs }) =>
      mode === "production"
        ? store.kept().flatMap(({ name, changedMs }) => judgeAge(name, changedMs, limits.get(name) ?? everyDays, nowMs))
        : [],
  };
}

function judgeAge(name: string, changedMs: number | undefined, limit: number, nowMs: number): readonly Finding[] {
  const at = { kind: "setting", name } as const;
  if (changedMs === undefined) return [finding(ROTATION_AGE_UNKNOWN, at)];
  const days = Math.floor((nowMs - changedMs) / DAY_MS);
  const detail = `${days} of ${limit} days`;
  if (days > limit) return [finding(ROTATION_OVERDUE, at, detail)];
  return days >= limit * SOON ? [finding(ROTATION_DUE_SOON, at, detail)] : [];
}
