/** Codes over the telephone network: restricted, short, and for one thing in one browser (catalog out-of-band-codes; NIST SP 800-63B-4 section 3.1.3). */
import { createHmac, randomInt, timingSafeEqual } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { auditEvent } from "../core/event-entry.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { OutOfBandStore } from "./out-of-band-store.ts";
import { proof, type Proof, type ProofMethod } from "./proof.ts";
import { mintToken, tokenCookie, type Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "out-of-band-codes",
  title: "Codes over the telephone network restricted, short-lived and bound to one transaction",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: [
    "v5.0.0-6.3.6",
    "v5.0.0-6.5.4",
    "v5.0.0-6.5.5",
    "v5.0.0-6.6.1",
    "v5.0.0-6.6.2",
    "v5.0.0-6.6.3",
    "v5.0.0-6.6.4",
  ],
  cwe: ["CWE-287", "CWE-294", "CWE-799"],
};

export const OOB_RESTRICTED: Rule = {
  id: "out-of-band-codes/restricted",
  severity: "note",
  what: "A code over the telephone network counts as a second factor.",
  why: "A number is moved to another card by a call to a shop, and the code is asked for on a page that looks like yours.",
  fix: "Offer passkeys and authenticator apps first, tell people of the risk, and plan the end of it.",
};
export const OOB_EVERYWHERE: Rule = {
  id: "out-of-band-codes/every-country",
  severity: "warning",
  what: "Codes are sent to numbers of every country.",
  why: "Somebody who shares in the price of expensive numbers has your sign-in call them all night.",
  fix: 'List the prefixes of the countries that your users live in: countries: ["+49", "+43"].',
};
export const OOB_MEMORY_STORE: Rule = {
  id: "out-of-band-codes/memory-store",
  severity: "warning",
  what: "Codes and the count of sendings live in the memory of one process.",
  why: "A code that was sent by one instance is unknown to the next, and each instance spends the whole allowance.",
  fix: "Pass postgresOutOfBand(pool).",
};

const DIGITS = 8;
const CODE = /^\d{8}$/u;
const LIFE_MS = 600_000;
const MOST_TRIES = 5;
const HOUR_MS = 3_600_000;
const PER_NUMBER = 3;
const NUMBER = /^\+[1-9]\d{6,14}$/u;
const PREFIX = /^\+[1-9]\d{0,6}$/u;
const PURPOSE = /^[a-z_]{1,40}$/u;
const KEY_PURPOSE = "glacis/out-of-band-codes";
const OPTIONS = ["store", "keys", "send", "riskAcknowledged", "alternatives", "countries", "mostPerDay"];

export interface OutOfBandCodesOptions {
  readonly store: OutOfBandStore;
  /** Master keys: eight digits are guessed from a plain hash in no time. */
  readonly keys: KeySource;
  /** Hands the text to the network; it throws when that does not take it. */
  readonly send: (message: { readonly to: string; readonly code: string; readonly purpose: string }) => Promise<void>;
  /** That you know NIST SP 800-63B-4 section 3.1.3.3: this is a restricted authenticator, and its users are told. */
  readonly riskAcknowledged: true;
  /** What people can use instead, and are offered when the network does not answer. At least one. */
  readonly alternatives: readonly Exclude<ProofMethod, "sms_code" | "password">[];
  /** Prefixes that codes are sent to. Every country without it, which is a finding. */
  readonly countries?: readonly string[];
  /** How many codes are sent in a day, to everybody together: what a day may cost. 1000. */
  readonly mostPerDay?: number;
}

/** The same whether a code went out or not, unless the network itself is down. */
export type OutOfBandSending =
  | { readonly kind: "accepted" }
  | { readonly kind: "unavailable"; readonly methods: readonly ProofMethod[] };

export interface OutOfBandCodes {
  readonly control: Control;
  /**
   * Sends a code for one purpose to a number that the account has proved, and binds it to this browser. Again is the same as anew: the former code is void.
   *
   * @param number in E.164, such as `+4915112345678`
   * @throws TypeError for a purpose that is none
   */
  send(request: Responding, user: OutOfBandUser, purpose: string): Promise<OutOfBandSending>;
  /** A proof, when the code is the one that was sent to this user for this purpose from this browser; undefined for everything else, of whatever type. */
  redeem(request: Responding, userId: string, purpose: string, code: unknown): Promise<Proof | undefined>;
}

export interface OutOfBandUser {
  readonly userId: string;
  /** From the account, never from the request. */
  readonly number: string;
}

const cookie = tokenCookie("__Host-code", { sameSite: "Strict", maxAgeSeconds: LIFE_MS / 1000 });

/**
 * Eight digits for ten minutes, five tries, three sendings to a number in an hour. There is no such thing as a code by e-mail: a mailbox proves no possession,
 * and `oneTimeLinks()` verify addresses.
 *
 * @throws TypeError on an unknown option, without the acknowledgement, without an alternative, or for a prefix that is none.
 * @example
 * const codes = outOfBandCodes({ store: postgresOutOfBand(pool), keys, send, riskAcknowledged: true, alternatives: ["totp"], countries: ["+49"] });
 */
export function outOfBandCodes(options: OutOfBandCodesOptions): OutOfBandCodes {
  const { store, keys, countries, mostPerDay } = requireOptions(options);
  const key = keys.derive(KEY_PURPOSE).current.bytes;
  const keyed = (...parts: readonly string[]): string =>
    createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url");

  /** All of them must have room; the narrowest is asked first, so that one number cannot use up everybody's. */
  async function mayCall(number: string, nowMs: number): Promise<boolean> {
    const prefix = countries?.find((one) => number.startsWith(one));
    if (!NUMBER.test(number) || (countries !== undefined && prefix === undefined)) return false;
    return (
      (await store.count(`number:${keyed("number", number)}`, PER_NUMBER, HOUR_MS, nowMs)) &&
      (await store.count("everybody", mostPerDay, 24 * HOUR_MS, nowMs))
    );
  }

  return {
    control: {
      meta: META,
      rules: [OOB_RESTRICTED, OOB_EVERYWHERE, OOB_MEMORY_STORE],
      check: ({ mode }) => assess(options, mode === "production"),
    },
    async send(request, { userId, number }, purpose) {
      if (!PURPOSE.test(purpose)) throw new TypeError('A code needs a purpose, such as "sign_in".');
      const nowMs = request.receivedAtMs;
      const { token, id } = mintToken();
      request.addResponseHeaders([cookie.set(token)]);
      if (!(await mayCall(number, nowMs))) {
        request.note(auditEvent("authentication/authn_oob_capped/refused", { control: META.id, user_id: userId }));
        return { kind: "accepted" };
      }
      const code = randomInt(10 ** DIGITS)
        .toString()
        .padStart(DIGITS, "0");
      await store.put({ id, userId, purpose, hash: keyed("code", id, code), endsAtMs: nowMs + LIFE_MS });
      try {
        await options.send({ to: number, code, purpose });
      } catch {
        // The error of a messenger quotes the number, and at times the text.
        request.note(auditEvent("authentication/authn_oob_undelivered/failed", { control: META.id, user_id: userId }));
        return { kind: "unavailable", methods: options.alternatives };
      }
      request.note(auditEvent("authentication/authn_oob_sent/succeeded", { control: META.id, user_id: userId }));
      return { kind: "accepted" };
    },
    async redeem(request, userId, purpose, code) {
      const id = cookie.idIn(request);
      const kept = id === undefined ? undefined : await store.attempt(id, MOST_TRIES, request.receivedAtMs);
      const given = keyed("code", id ?? "", typeof code === "string" && CODE.test(code) ? code : "");
      // A comparison in any case: whether there is a code takes no other time than whether it is right.
      const right = isSame(given, kept?.hash ?? keyed("code", "", "none"));
      const wanted = kept?.userId === userId && kept.purpose === purpose;
      if (id === undefined || !right || !wanted || !(await store.consume(id, given))) {
        request.note(auditEvent("authentication/authn_oob_fail/failed", { control: META.id, user_id: userId }));
        return undefined;
      }
      request.addResponseHeaders([cookie.cleared]);
      request.note(auditEvent("authentication/authn_oob_used/succeeded", { control: META.id, user_id: userId }));
      return proof({
        userId: userId as UserId,
        method: "sms_code",
        factors: ["possession"],
        phishingResistant: false,
        deviceBound: false,
        provedAtMs: request.receivedAtMs,
      });
    },
  };
}

function requireOptions(options: OutOfBandCodesOptions) {
  rejectUnknownOptions("outOfBandCodes", options, OPTIONS);
  const { store, keys, send, countries, alternatives, mostPerDay = 1_000 } = options;
  const acknowledged: unknown = options.riskAcknowledged;
  if (acknowledged !== true)
    throw new TypeError(
      "outOfBandCodes() needs riskAcknowledged: true. The telephone network is a restricted authenticator.",
    );
  if (!Array.isArray(alternatives) || alternatives.length === 0)
    throw new TypeError(
      'outOfBandCodes() needs alternatives, such as ["totp", "passkey"]: nobody may have to use the telephone.',
    );
  if (typeof send !== "function")
    throw new TypeError("outOfBandCodes() needs send, which hands the code to the network.");
  if (countries?.some((prefix) => !PREFIX.test(prefix)) === true)
    throw new TypeError('outOfBandCodes() needs countries as prefixes, such as "+49".');
  if (!(Number.isSafeInteger(mostPerDay) && mostPerDay > 0 && mostPerDay <= 1_000_000))
    throw new TypeError("outOfBandCodes() needs mostPerDay as a whole number above zero.");
  return { store, keys, countries, mostPerDay };
}

function assess({ store, countries }: OutOfBandCodesOptions, production: boolean): readonly Finding[] {
  const at = (name: string): Finding["at"] => ({ kind: "setting", name: `outOfBandCodes.${name}` });
  return [
    finding(OOB_RESTRICTED, at("send")),
    ...(countries === undefined ? [finding(OOB_EVERYWHERE, at("countries"))] : []),
    ...(store.kind === "memory" && production ? [finding(OOB_MEMORY_STORE, at("store"))] : []),
  ];
}

/** Two keyed hashes in base64url. */
function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
