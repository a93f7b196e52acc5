/** Keys that no look-alike page can use (WebAuthn Level 3; NIST SP 800-63B-4 section 3.1.7; ASVS 5 section 6.7; catalog webauthn; guide A07). */
import { auditEvent } from "../core/event-entry.ts";
import { randomBytes } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Rule } from "../core/finding.ts";
import { browserLabel } from "./browser-label.ts";
import { CHALLENGE_SECONDS, passkeyChallenges, type PasskeyChallenges } from "./passkey-challenge.ts";
import {
  readPasskeysOptions,
  type PasskeyCreationOptions,
  type PasskeyDescriptor,
  type PasskeyPlace,
  type PasskeyRequestOptions,
  type PasskeysOptions,
} from "./passkey-options.ts";
import { readAuthentication, readRegistration } from "./passkey-response.ts";
import type { PasskeyRecord, PasskeyStore } from "./passkey-store.ts";
import { PASSKEY_ALGORITHMS, verifyAuthentication, verifyRegistration } from "./passkey-verification.ts";
import { proof, type Proof } from "./proof.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "webauthn",
  title: "Passkey ceremonies verified fully",
  layer: "authentication",
  guide: ["A07", "checklist: Multi-factor authentication for sensitive operations"],
  owasp2021: ["A07"],
  owasp2025: ["A07", "A08"],
  asvs: ["v5.0.0-6.3.3", "v5.0.0-6.5.7", "v5.0.0-6.7.1", "v5.0.0-6.7.2"],
  cwe: ["CWE-287", "CWE-294", "CWE-345"],
};

const WEBAUTHN_MEMORY_STORE: Rule = {
  id: "webauthn/memory-store",
  severity: "error",
  what: "Passkeys live in the memory of one process.",
  why: "A restart locks out everybody who signs in with one, and a challenge that another process gave is unknown here.",
  fix: "Pass postgresPasskeys(pool).",
};

/** Random, so that an authenticator learns nothing about its user (section 14.6.1). */
const HANDLE_BYTES = 32;

/** A passkey as its user may see it. */
export interface Passkey {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number | undefined;
  /** The key stays in its device; others are copied to the user's other devices by their provider. */
  readonly deviceBound: boolean;
  readonly backedUp: boolean;
}

/** Who registers a passkey. The browser shows the account's name; what it stores is a random handle. */
export interface PasskeyUser {
  readonly userId: string;
  readonly account: string;
  readonly displayName?: string;
}

export interface Passkeys {
  readonly control: Control;
  /** What the browser's `navigator.credentials.create()` is given. Ask for a step-up first. Good for five minutes and this browser. */
  registrationOptions(request: Responding, user: PasskeyUser): Promise<PasskeyCreationOptions>;
  /**
   * Keeps a new passkey.
   *
   * @param answer what the browser sent, of whatever shape
   * @param name as the user calls it; the browser's name without one
   */
  register(
    request: Responding,
    userId: string,
    answer: unknown,
    name?: unknown,
  ): Promise<{ readonly passkey: Passkey; readonly proof: Proof } | undefined>;
  /** For `navigator.credentials.get()`. @param userId who has shown another factor; without it whoever holds a passkey may answer */
  authenticationOptions(request: Responding, userId?: string): Promise<PasskeyRequestOptions>;
  /** A proof of two factors, or undefined for everything else. @param userId when given, nobody else's passkey counts */
  authenticate(request: Responding, answer: unknown, userId?: string): Promise<Proof | undefined>;
  enrolled(userId: string): Promise<boolean>;
  /** Oldest first. */
  list(userId: string): Promise<readonly Passkey[]>;
  /** @returns false for a name that is none, or a passkey that is not the user's */
  rename(userId: string, id: string, name: unknown): Promise<boolean>;
  /**
   * Ask for a step-up first, and tell the user by another way.
   *
   * @param options `evenLast` is your word that the user has, or needs, no other way in; without it the last passkey stays
   * @returns whether it is gone
   */
  remove(userId: string, id: string, options?: { readonly evenLast?: boolean }): Promise<boolean>;
  /**
   * From now on the passkeys that the user added at that moment or later complete a sign-in and begin none: somebody else may have added them, and a
   * password that only the owner knows then stands before each. They are still asked for, so whoever reads the owner's mail gets around none of them.
   */
  demote(userId: string, sinceMs: number): Promise<void>;
  /** Forgets the user, as an account's erasure does. */
  removeAll(userId: string): Promise<void>;
}

type Failure =
  | "malformed"
  | "challenge_unknown"
  | "embedded"
  | "wrong_user"
  | "unknown_passkey"
  | "not_verified"
  /** Known already, or one too many. */
  | "not_added"
  | "backup_eligibility_changed"
  | "counter_regression"
  /** Nothing else was shown before it. */
  | "second_only";

/**
 * Passkeys as a second factor and as the only one. The user is always verified by PIN or body, so one passkey is two factors. Challenges are 256 bits,
 * single use, bound to the browser by a cookie, and kept as hashes.
 *
 * @throws TypeError on an unknown option, or origins and a domain with which no browser would work.
 * @example
 * const keys = passkeys({ name: "Folio", origins: ["https://folio.example"], store: postgresPasskeys(pool), report: security.report });
 */
export function passkeys(options: PasskeysOptions): Passkeys {
  const place = readPasskeysOptions(options);
  const { name, store, report } = options;
  const parts: Parts = {
    ...place,
    name,
    store,
    challenges: passkeyChallenges(store),
    report: report ?? (() => undefined),
  };
  return {
    control: {
      meta: META,
      rules: [WEBAUTHN_MEMORY_STORE],
      check: ({ mode }) =>
        store.kind === "memory" && mode === "production"
          ? [finding(WEBAUTHN_MEMORY_STORE, { kind: "setting", name: "passkeys.store" })]
          : [],
    },
    ...registration(parts),
    ...authentication(parts),
    ...management(parts),
  };
}

interface Parts extends PasskeyPlace {
  readonly name: string;
  readonly store: PasskeyStore;
  readonly challenges: PasskeyChallenges;
  readonly report: (event: AuditEvent) => void;
}

function registration(parts: Parts): Pick<Passkeys, "registrationOptions" | "register"> {
  const { store, challenges, report } = parts;
  return {
    async registrationOptions(request, { userId, account, displayName = account }) {
      requireUser(userId);
      const handle = await store.handle(userId, randomBytes(HANDLE_BYTES).toString("base64url"));
      return {
        rp: { id: parts.rpId, name: parts.name },
        user: { id: handle, name: account, displayName },
        challenge: await challenges.issue(request, "register", userId),
        pubKeyCredParams: PASSKEY_ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        timeout: CHALLENGE_SECONDS * 1000,
        excludeCredentials: (await store.list(userId)).map(describe),
        authenticatorSelection: { residentKey: "preferred", requireResidentKey: false, userVerification: "required" },
        attestation: "none",
      };
    },
    async register(request, userId, answer, name) {
      requireUser(userId);
      const fail = (detail: Failure): undefined => {
        report(failed(userId, detail));
      };
      const read = readRegistration(answer);
      if (read === undefined) return fail("malformed");
      const asked = await challenges.answered(request, "register", read.clientDataJSON);
      if (typeof asked === "string") return fail(asked);
      if (asked.taken.userId !== userId) return fail("wrong_user");
      const verified = await verifyRegistration(read, parts, asked.text);
      if (verified === undefined) return fail("not_verified");
      const passkey: PasskeyRecord = {
        ...verified,
        userId,
        transports: read.transports,
        name: readName(name) ?? browserLabel(request.header("user-agent")),
        createdAtMs: request.receivedAtMs,
        usedAtMs: undefined,
        secondOnly: false,
      };
      if (!(await store.add(passkey))) return fail("not_added");
      report(told("authn_passkey_registered", userId));
      return { passkey: viewOf(passkey), proof: proved(passkey, request.receivedAtMs) };
    },
  };
}

function authentication(parts: Parts): Pick<Passkeys, "authenticationOptions" | "authenticate"> {
  const { store, challenges, report } = parts;
  return {
    async authenticationOptions(request, userId) {
      if (userId !== undefined) requireUser(userId);
      return {
        rpId: parts.rpId,
        challenge: await challenges.issue(request, "authenticate", userId),
        timeout: CHALLENGE_SECONDS * 1000,
        userVerification: "required",
        allowCredentials: userId === undefined ? [] : (await store.list(userId)).map(describe),
      };
    },
    async authenticate(request, answer, userId) {
      const fail = (detail: Failure, who = userId): undefined => {
        report(failed(who, detail));
      };
      const read = readAuthentication(answer);
      if (read === undefined) return fail("malformed");
      const asked = await challenges.answered(request, "authenticate", read.clientDataJSON);
      if (typeof asked === "string") return fail(asked);
      const wanted = userId ?? asked.taken.userId;
      const passkey = await store.find(read.id);
      if (passkey === undefined) return fail("unknown_passkey", wanted);
      const { userId: owner } = passkey;
      if (userId === undefined && passkey.secondOnly) return fail("second_only", owner);
      if ([userId, asked.taken.userId].some((one) => one !== undefined && one !== owner))
        return fail("wrong_user", wanted);
      // Without a name beforehand the authenticator must say whose key it is (section 7.2, step 6).
      if (read.userHandle === undefined ? wanted === undefined : (await store.owner(read.userHandle)) !== owner)
        return fail("wrong_user", wanted);
      const verified = await verifyAuthentication(read, parts, asked.text, passkey);
      if (verified === undefined) return fail("not_verified", owner);
      if (verified.backupEligible !== passkey.backupEligible) return fail("backup_eligibility_changed", owner);
      const { counter, backedUp } = verified;
      const usedAtMs = request.receivedAtMs;
      if (!(await store.use({ id: passkey.id, userId: owner, counter, backedUp, usedAtMs })))
        return fail("counter_regression", owner);
      report(told("authn_passkey_success", owner));
      return proved(passkey, usedAtMs);
    },
  };
}

function management({
  store,
  report,
}: Parts): Pick<Passkeys, "enrolled" | "list" | "rename" | "remove" | "demote" | "removeAll"> {
  return {
    enrolled: async (userId) => (await store.list(userId)).length > 0,
    list: async (userId) => (await store.list(userId)).map(viewOf),
    async rename(userId, id, name) {
      const text = readName(name);
      return text !== undefined && store.rename(userId, id, text);
    },
    async remove(userId, id, { evenLast = false } = {}) {
      const gone = await store.remove(userId, id, evenLast);
      if (gone) report(told("authn_passkey_removed", userId));
      return gone;
    },
    demote: async (userId, sinceMs) => store.demote(userId, sinceMs),
    removeAll: async (userId) => store.removeAll(userId),
  };
}

function requireUser(userId: unknown): void {
  if (typeof userId !== "string" || userId === "") throw new TypeError("A passkey needs a user.");
}

/** A name of 1 to 60 characters on one line, or undefined. */
function readName(name: unknown): string | undefined {
  if (typeof name !== "string" || name.length > 1000) return undefined;
  const text = name.normalize("NFC").trim();
  return text !== "" && [...text].length <= 60 && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text) ? text : undefined;
}

function describe({ id, transports }: PasskeyRecord): PasskeyDescriptor {
  return { type: "public-key", id, transports };
}

function viewOf({ id, name, createdAtMs, usedAtMs, backupEligible, backedUp }: PasskeyRecord): Passkey {
  return { id, name, createdAtMs, usedAtMs, deviceBound: !backupEligible, backedUp };
}

function proved({ userId, backupEligible }: PasskeyRecord, nowMs: number): Proof {
  return proof({
    userId: userId as UserId,
    method: "passkey",
    // WebAuthn says that the user was verified and not how: by PIN or by body. Either is one kind more than the key itself.
    factors: ["possession", "inherence"],
    phishingResistant: true,
    deviceBound: !backupEligible,
    provedAtMs: nowMs,
  });
}

function told(
  event: "authn_passkey_success" | "authn_passkey_registered" | "authn_passkey_removed",
  userId: string,
): AuditEvent {
  return auditEvent(`authentication/${event}/succeeded`, { control: "webauthn", user_id: userId });
}

function failed(userId: string | undefined, detail: Failure): AuditEvent {
  return auditEvent("authentication/authn_passkey_fail/failed", {
    control: "webauthn",
    detail,
    ...(userId !== undefined && { user_id: userId }),
    ...(detail === "counter_regression" && { severity: "critical" }),
  });
}
