/** How much one request, one file and one tenant may send, held while it streams (catalog upload-limits; ASVS 5.2.1, 5.2.4; CWE-770). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { UploadQuota } from "./upload-quota.ts";

const META: ControlMeta = {
  id: "upload-limits",
  title: "Upload size, count, rate and quota limits enforced while streaming",
  layer: "input",
  guide: ["File uploads", "checklist: File uploads validated"],
  owasp2021: ["A04"],
  owasp2025: ["A06", "A10"],
  asvs: ["v5.0.0-5.2.1", "v5.0.0-5.2.4"],
  cwe: ["CWE-770", "CWE-400"],
};

export const UPLOAD_TOO_GENEROUS: Rule = {
  id: "upload-limits/too-generous",
  severity: "warning",
  what: "A limit on uploads is so high that it hardly limits.",
  why: "One client fills the disk or holds a connection for that long, several times at once.",
  fix: "Keep the default, and raise the one limit that a route of its own needs.",
};
export const UPLOAD_NO_QUOTA: Rule = {
  id: "upload-limits/no-quota",
  severity: "warning",
  what: "Uploads have no quota for each tenant.",
  why: "One tenant fills the storage of all.",
  fix: "Pass quota: uploadQuota({ store: postgresUploadQuotas(pool) }).",
};
export const UPLOAD_QUOTA_IN_MEMORY: Rule = {
  id: "upload-limits/memory-quota",
  severity: "warning",
  what: "The quota of uploads lives in the memory of one process.",
  why: "A restart forgets what is stored, and two processes grant it twice.",
  fix: "Pass uploadQuota({ store: postgresUploadQuotas(pool) }).",
};

const MIB = 1024 * 1024;
const LIMITS = {
  maxBytes: { initial: 10 * MIB, generous: 1024 * MIB },
  maxFiles: { initial: 5, generous: 100 },
  maxFields: { initial: 20, generous: 1000 },
  maxSeconds: { initial: 30, generous: 3600 },
  maxIdleSeconds: { initial: 10, generous: 120 },
} as const satisfies Readonly<Record<UploadLimitName, { readonly initial: number; readonly generous: number }>>;

export type UploadLimitName = "maxBytes" | "maxFiles" | "maxFields" | "maxSeconds" | "maxIdleSeconds";
export type UploadLimits = Readonly<Record<UploadLimitName, number>>;
export const UPLOAD_LIMIT_NAMES = Object.keys(LIMITS) as readonly UploadLimitName[];

/** @throws TypeError for a limit that is no whole number above zero: none of them can be switched off. */
export function readUploadLimits(options: Partial<UploadLimits>): UploadLimits {
  const limits = Object.fromEntries(
    UPLOAD_LIMIT_NAMES.map((name) => [name, options[name] ?? LIMITS[name].initial]),
  ) as UploadLimits;
  for (const name of UPLOAD_LIMIT_NAMES) {
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 1)
      throw new TypeError(`uploads() needs ${name} as a whole number above zero.`);
  }
  return limits;
}

export function uploadLimitsControl(limits: UploadLimits, quota: UploadQuota | undefined): Control {
  const at = (name: string) => ({ kind: "setting", name: `uploads ${name}` }) as const;
  return {
    meta: META,
    arrivalMs: limits.maxSeconds * 1000,
    rules: [UPLOAD_TOO_GENEROUS, UPLOAD_NO_QUOTA, UPLOAD_QUOTA_IN_MEMORY],
    check({ mode }) {
      const findings = UPLOAD_LIMIT_NAMES.filter((name) => limits[name] > LIMITS[name].generous).map((name) =>
        finding(UPLOAD_TOO_GENEROUS, at(name), String(limits[name])),
      );
      if (mode !== "production") return findings;
      if (quota === undefined) findings.push(finding(UPLOAD_NO_QUOTA, at("quota")));
      else if (quota.store.kind === "memory") findings.push(finding(UPLOAD_QUOTA_IN_MEMORY, at("quota")));
      return findings;
    },
  };
}
