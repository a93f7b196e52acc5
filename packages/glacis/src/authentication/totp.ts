/** Codes of an authenticator app, each good once (RFC 6238; NIST SP 800-63B-4 section 3.1.4; ASVS 5 section 6.5; catalog totp; guide A07). */
import { auditEvent } from "../core/event-entry.ts";
import { timingSafeEqual } from "node:crypto";
import { renderSVG } from "uqr";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { FieldSealer } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { proof, type Proof } from "./proof.ts";
import { newTotpSecret, totpCode, totpStep, totpUri, type TotpDigits } from "./totp-code.ts";
import { MOST_TOTP_FAILURES, type TotpStore } from "./totp-store.ts";

const META: ControlMeta = {
  id: "totp",
  title: "TOTP one-time, bound and encrypted",
  layer: "authentication",
  guide: ["A07", "checklist: Multi-factor authentication for sensitive operations"],
  owasp2021: ["A07"],
  owasp2025: ["A07", "A04"],
  asvs: ["v5.0.0-6.5.1", "v5.0.0-6.5.3", "v5.0.0-6.5.5", "v5.0.0-6.5.8"],
  cwe: ["CWE-287", "CWE-294", "CWE-331"],
};

const TOTP_MEMORY_STORE: Rule = {
  id: "totp/memory-store",
  severity: "error",
  what: "Authenticators live in the memory of one process.",
  why: "A restart forgets every second factor, and another process accepts a code again that this one has accepted.",
  fix: "Pass postgresTotp(pool).",
};

const OFFER_MS = 600_000;
const LONGEST_ISSUER = 128;
/** An address (RFC 5321 section 4.5.3.1). */
const LONGEST_ACCOUNT = 254;
/** Values of a person belong to no tenant: accounts exist before a tenant is known, and in several. */
export const TOTP_TENANT = "accounts";

export interface TotpOptions {
  /** The name that the app shows above the code: your product's. */
  readonly issuer: string;
  readonly store: TotpStore;
  /** Seals each secret, held to its user: `fieldEncryption({ keys }).column({ table: "glacis_totp", column: "secret" })`. */
  readonly sealer: FieldSealer;
  /** How many steps of 30 seconds a phone's clock may be early or late. 1; 0 is the strict reading of ASVS 6.5.5. */
  readonly driftSteps?: 0 | 1;
  /** 6, which every app can show. */
  readonly digits?: TotpDigits;
  /** Where enrolments, uses and failures are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** What an enrolment shows, once. All three hold the secret: they belong on a page that nobody stores and in no log. */
export interface TotpEnrolment {
  /** Base32, for typing in by hand. */
  readonly secret: string;
  readonly uri: string;
  /** The address as a QR code, drawn here: a picture service elsewhere would learn the secret. */
  readonly qrSvg: string;
}

export interface Totp {
  readonly control: Control;
  /**
   * Offers a new secret for ten minutes. An authenticator that counts goes on counting until the new one is confirmed.
   *
   * @param account what the app shows beside the issuer, such as the e-mail address
   */
  begin(userId: string, account: string, nowMs: number): Promise<TotpEnrolment>;
  /** Makes the offered secret the user's authenticator when the code is one of its codes. The code is used up by it. */
  confirm(userId: string, code: unknown, nowMs: number): Promise<Proof | undefined>;
  /** A proof when the code is one of now that nobody has used, nor any later one; undefined for everything else, of whatever type. */
  verify(userId: string, code: unknown, nowMs: number): Promise<Proof | undefined>;
  enrolled(userId: string): Promise<boolean>;
  /** Forgets the authenticator. Ask for a step-up first, and tell the user by another way. */
  remove(userId: string): Promise<void>;
}

type Failure = "malformed" | "not_offered" | "not_enrolled_or_dead" | "wrong_code" | "replayed" | "dead";

/**
 * Codes by time of 160-bit secrets. A step is claimed by one statement in the store, so of many who bring the same code one gets in, across
 * processes. An attempt is counted before it is judged; after 100 failures in a row the authenticator is dead until it is enrolled anew. How fast
 * somebody may guess is the sign-in throttle's to say.
 *
 * @throws TypeError on an unknown option, without a sealer, or a drift above one step.
 * @example
 * const sealer = fieldEncryption({ keys }).column({ table: "glacis_totp", column: "secret" });
 * const authenticator = totp({ issuer: "Folio", store: postgresTotp(pool), sealer, report: security.report });
 */
export function totp(options: TotpOptions): Totp {
  requireOptions(options);
  const { issuer, store, sealer, driftSteps = 1, digits = 6, report } = options;
  const shape = new RegExp(`^[0-9]{${digits}}$`, "u");

  const tell = (event: TotpEvent, userId: string): void =>
    report?.(auditEvent(`authentication/${event}/succeeded`, { control: "totp", user_id: userId }));
  const fail = (userId: string, detail: Failure): undefined => {
    report?.(auditEvent("authentication/authn_totp_fail/failed", { control: "totp", user_id: userId, detail }));
  };

  /** The latest step near now whose code this is. Every candidate is compared, in constant time. */
  async function stepOf(userId: string, sealed: string, code: string, nowMs: number): Promise<number | undefined> {
    const secret = await sealer.open(sealed, { tenantId: TOTP_TENANT, row: userId });
    const given = Buffer.from(code);
    let found: number | undefined;
    for (let step = totpStep(nowMs) - driftSteps; step <= totpStep(nowMs) + driftSteps; step += 1)
      if (step >= 0 && timingSafeEqual(Buffer.from(totpCode(secret, step, digits)), given)) found = step;
    return found;
  }

  return {
    control: {
      meta: META,
      rules: [TOTP_MEMORY_STORE],
      check: ({ mode }) =>
        store.kind === "memory" && mode === "production"
          ? [finding(TOTP_MEMORY_STORE, { kind: "setting", name: "totp.store" })]
          : [],
    },
    async begin(userId, account, nowMs) {
      requireUser(userId, nowMs);
      requireName("begin() needs account", account, LONGEST_ACCOUNT);
      const secret = newTotpSecret();
      await store.offer(userId, await sealer.seal(secret, { tenantId: TOTP_TENANT, row: userId }), nowMs + OFFER_MS);
      const uri = totpUri(secret, issuer, account, digits);
      return { secret, uri, qrSvg: renderSVG(uri, { ecc: "M", border: 4 }) };
    },
    async confirm(userId, code, nowMs) {
      requireUser(userId, nowMs);
      if (typeof code !== "string" || !shape.test(code)) return fail(userId, "malformed");
      const offered = await store.offered(userId, nowMs);
      if (offered === undefined) return fail(userId, "not_offered");
      const step = await stepOf(userId, offered, code, nowMs);
      if (step === undefined) return fail(userId, "wrong_code");
      if (!(await store.confirm(userId, offered, step, nowMs))) return fail(userId, "not_offered");
      tell("authn_totp_enrolled", userId);
      return proved(userId, nowMs);
    },
    async verify(userId, code, nowMs) {
      requireUser(userId, nowMs);
      // What cannot be a code counts as a failure like any other.
      const attempt = await store.attempt(userId);
      if (attempt === undefined) return fail(userId, "not_enrolled_or_dead");
      const wrong = attempt.failures >= MOST_TOTP_FAILURES ? "dead" : undefined;
      if (typeof code !== "string" || !shape.test(code)) return fail(userId, wrong ?? "malformed");
      const step = await stepOf(userId, attempt.secret, code, nowMs);
      if (step === undefined) return fail(userId, wrong ?? "wrong_code");
      if (!(await store.accept(userId, attempt.secret, step))) return fail(userId, wrong ?? "replayed");
      tell("authn_totp_success", userId);
      return proved(userId, nowMs);
    },
    enrolled: async (userId) => store.enrolled(userId),
    async remove(userId) {
      if (await store.remove(userId)) tell("authn_totp_removed", userId);
    },
  };
}

function requireOptions(options: TotpOptions): void {
  rejectUnknownOptions("totp", options, ["issuer", "store", "sealer", "driftSteps", "digits", "report"]);
  const { issuer, sealer, driftSteps = 1, digits = 6 } = options;
  requireName("totp() needs issuer", issuer, LONGEST_ISSUER);
  // The issuer ends at the first colon in the app's eyes.
  if (issuer.includes(":")) throw new TypeError("totp() needs issuer without a colon.");
  if (typeof sealer?.seal !== "function" || typeof sealer.open !== "function")
    throw new TypeError(
      'totp() needs a sealer: whoever reads the database would have every second factor. Pass fieldEncryption({ keys }).column({ table: "glacis_totp", column: "secret" }).',
    );
  if (driftSteps !== 0 && driftSteps !== 1)
    throw new TypeError("totp() needs driftSteps of 0 or 1: each step more is half a minute more for a stolen code.");
  if (digits !== 6 && digits !== 8) throw new TypeError("totp() needs digits of 6 or 8.");
}

function requireUser(userId: string, nowMs: number): void {
  if (typeof userId !== "string" || userId === "") throw new TypeError("An authenticator needs a user.");
  if (!Number.isSafeInteger(nowMs) || nowMs < 0)
    throw new TypeError("An authenticator needs the time in milliseconds since the epoch.");
}

function requireName(owner: string, name: unknown, longest: number): void {
  if (typeof name !== "string" || name === "" || name.length > longest || /[\p{Cc}\p{Cs}]/u.test(name))
    throw new TypeError(`${owner} as text of 1 to ${longest} characters without control characters.`);
}

function proved(userId: string, nowMs: number): Proof {
  return proof({
    userId: userId as UserId,
    method: "totp",
    factors: ["possession"],
    phishingResistant: false,
    deviceBound: false,
    provedAtMs: nowMs,
  });
}

type TotpEvent = "authn_totp_enrolled" | "authn_totp_success" | "authn_totp_removed";
