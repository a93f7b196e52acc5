/** Codes on paper for the day a phone is lost (NIST SP 800-63B-4 section 3.1.2; catalog recovery-codes; guide A07). */
import { auditEvent } from "../core/event-entry.ts";
import { hash, randomBytes } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { proof, type Proof } from "./proof.ts";
import type { RecoveryCodeStore } from "./recovery-code-store.ts";

const META: ControlMeta = {
  id: "recovery-codes",
  title: "Look-up recovery codes: high entropy, hashed, single use",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07", "A04"],
  asvs: ["v5.0.0-6.5.1", "v5.0.0-6.5.2", "v5.0.0-6.5.3", "v5.0.0-6.5.4"],
  cwe: ["CWE-331", "CWE-308", "CWE-640"],
};

const CODES = 10;
/** 24 characters of 5 bits are 120 bits: above the 112 from which ASVS 6.5.2 takes a fast hash, so nobody can make us hash slowly. */
const CHARACTERS = 24;
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SHAPE = /^[0-9A-HJKMNP-TV-Z]{24}$/u;
const LONGEST_INPUT = 64;

export const RECOVERY_CODES_MEMORY_STORE: Rule = {
  id: "recovery-codes/memory-store",
  severity: "warning",
  what: "Recovery codes live in the memory of one process.",
  why: "A restart voids every code that users have written down, and they find out on the day they need one.",
  fix: "Pass postgresRecoveryCodes(pool).",
};

export interface RecoveryCodesOptions {
  readonly store: RecoveryCodeStore;
  /** Where the use and the making of codes is told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** Tells the user that a code was used, such as by mail. Runs once the code is gone; what it throws refuses the sign-in. */
  readonly notify?: (use: { readonly userId: string; readonly remaining: number }) => void | Promise<void>;
}

export interface RecoveryCodes {
  readonly control: Control;
  /** Ten new codes, to be shown once; the former set is void. @param nowMs milliseconds since the epoch */
  generate(userId: string, nowMs: number): Promise<readonly string[]>;
  /** A proof when the code is one of the set and nobody has used it; undefined for everything else, of whatever type. */
  redeem(userId: string, code: unknown, nowMs: number): Promise<Proof | undefined>;
  remaining(userId: string): Promise<number>;
  remove(userId: string): Promise<void>;
}

/**
 * Recovery codes of 120 bits, kept as SHA-256 of user and code. Case, spaces and hyphens do not matter, nor O for 0 and I or L for 1.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const codes = recoveryCodes({ store: postgresRecoveryCodes(pool), report: security.report });
 */
export function recoveryCodes(options: RecoveryCodesOptions): RecoveryCodes {
  rejectUnknownOptions("recoveryCodes", options, ["store", "report", "notify"]);
  const { store, report, notify } = options;
  return {
    control: {
      meta: META,
      rules: [RECOVERY_CODES_MEMORY_STORE],
      check: ({ mode }) =>
        store.kind === "memory" && mode === "production"
          ? [finding(RECOVERY_CODES_MEMORY_STORE, { kind: "setting", name: "recoveryCodes.store" })]
          : [],
    },
    async generate(userId, nowMs) {
      if (userId === "") throw new TypeError("Recovery codes need a user.");
      const codes = Array.from({ length: CODES }, newCode);
      await store.replace(
        userId,
        codes.map((code) => hashOf(userId, code)),
        nowMs,
      );
      report?.(told("authn_recovery_codes_created/succeeded", userId, CODES));
      return codes.map((code) => (code.match(/.{4}/gu) ?? []).join("-"));
    },
    async redeem(userId, code, nowMs) {
      // What cannot be a code counts as a failure like any other.
      const remaining = await store.consume(userId, hashOf(userId, canonical(code) ?? ""));
      if (remaining === undefined) {
        report?.(told("authn_recovery_code_fail/failed", userId));
        return undefined;
      }
      report?.(told("authn_recovery_code_used/succeeded", userId, remaining));
      await notify?.({ userId, remaining });
      return proof({
        userId: userId as UserId,
        method: "recovery_code",
        factors: ["possession"],
        phishingResistant: false,
        deviceBound: false,
        provedAtMs: nowMs,
      });
    },
    remaining: async (userId) => store.remaining(userId),
    remove: async (userId) => store.remove(userId),
  };
}

/** Each byte modulo 32 is unbiased, for 256 is a multiple of 32. */
function newCode(): string {
  return Array.from(randomBytes(CHARACTERS), (byte) => ALPHABET[byte % 32]).join("");
}

function canonical(code: unknown): string | undefined {
  if (typeof code !== "string" || code.length > LONGEST_INPUT) return undefined;
  const text = code.replace(/[\s-]/gu, "").toUpperCase().replace(/O/gu, "0").replace(/[IL]/gu, "1");
  return SHAPE.test(text) ? text : undefined;
}

function hashOf(userId: string, code: string): string {
  return hash("sha256", JSON.stringify(["recovery-code", userId, code]), "base64url");
}

function told(
  outcome:
    | "authn_recovery_codes_created/succeeded"
    | "authn_recovery_code_used/succeeded"
    | "authn_recovery_code_fail/failed",
  userId: string,
  count?: number,
): AuditEvent {
  const details = { control: "recovery-codes", user_id: userId, ...(count !== undefined && { count }) };
  return auditEvent(`authentication/${outcome}`, details);
}
