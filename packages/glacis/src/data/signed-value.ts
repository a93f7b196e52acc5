/** Values that leave us and come back: signed for one purpose, one context and a time (catalog signed-payloads; guide A08 sign_data). */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { isWellFormed, lengthPrefixed } from "./length-prefixed.ts";

const VERSION = "v1";
const PURPOSE = /^[a-z][a-z0-9-]{0,47}$/u;
/** Version, purpose, key id, expiry in Unix seconds, payload and MAC; the last two in base64url. No field can hold the dot. */
const SIGNED =
  /^v1\.([a-z][a-z0-9-]{0,47})\.([a-z0-9][a-z0-9_-]{0,31})\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]{43})$/u;
const MOST_PAYLOAD_BYTES = 16_384;
const MOST_CONTEXT_BYTES = 4096;
const LONGEST_TEXT = Math.ceil((MOST_PAYLOAD_BYTES * 4) / 3) + 160;
const DAY_SECONDS = 86_400;
const MOST_SECONDS = 400 * DAY_SECONDS;
const MOST_SKEW_SECONDS = 300;

/** What a value is bound to besides its purpose, such as a tenant, or a tenant and a user. Never part of the text. */
export type SigningContext = string | readonly string[];

export interface SignerOptions {
  readonly keys: KeySource;
  /** What the values are for, such as `invitation`: a value signed for one purpose never verifies for another. */
  readonly purpose: string;
  /** The longest life that `sign` may give. A day unless you say otherwise; at most 400 days. */
  readonly longestSeconds?: number;
  /** How long after its expiry a value still counts, for servers whose clocks differ. 0; at most 300. */
  readonly clockSkewSeconds?: number;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

export interface SignOptions {
  readonly expiresInSeconds: number;
  readonly context?: SigningContext;
}

export interface VerifyOptions {
  readonly context?: SigningContext;
}

export interface Signer {
  /**
   * A text for URLs, cookies and forms: the payload can be read by anyone and changed by no one.
   *
   * @throws TypeError for a payload above 16 KiB, half a surrogate pair, or a life longer than the signer's limit.
   */
  sign(payload: string, options: SignOptions): string;
  /** The payload, or undefined for everything else: malformed, changed, expired, for another purpose or context, by a key that is gone. Never throws on input. */
  verify(text: unknown, options?: VerifyOptions): string | undefined;
}

/**
 * Signs with HMAC-SHA-256 (RFC 2104) under a key of its own purpose. The MAC covers version, purpose, key id, expiry, payload and context, each
 * behind its length, so that no two sets of them are the same bytes. The text has one spelling: no padding, no second form of any field.
 *
 * @throws TypeError on an unknown option, a malformed purpose or a limit out of range.
 * @example
 * const invitations = signer({ keys, purpose: "invitation" });
 * const text = invitations.sign(email, { expiresInSeconds: 3600, context: tenantId });
 * const email = invitations.verify(text, { context: tenantId }); // undefined unless all of it fits
 */
export function signer(options: SignerOptions): Signer {
  rejectUnknownOptions("signer", options, ["keys", "purpose", "longestSeconds", "clockSkewSeconds", "now"]);
  const { purpose, longestSeconds = DAY_SECONDS, clockSkewSeconds = 0, now = Date.now } = options;
  if (typeof purpose !== "string" || !PURPOSE.test(purpose))
    throw new TypeError('signer() needs purpose as a short name of a-z, 0-9 and -, such as "invitation".');
  requireWhole("signer", "longestSeconds", longestSeconds, 1, MOST_SECONDS);
  requireWhole("signer", "clockSkewSeconds", clockSkewSeconds, 0, MOST_SKEW_SECONDS);
  const keys = options.keys.derive(`signing/${purpose}`);
  const byId: ReadonlyMap<string, DerivedKey> = new Map(keys.all.map((key) => [key.id, key]));

  return {
    sign(payload, signOptions) {
      rejectUnknownOptions("sign", signOptions, ["expiresInSeconds", "context"]);
      requireWhole("sign", "expiresInSeconds", signOptions.expiresInSeconds, 1, longestSeconds);
      const context = contextOf(signOptions.context);
      if (context === undefined)
        throw new TypeError(`sign() needs context as text of at most ${MOST_CONTEXT_BYTES} bytes.`);
      if (typeof payload !== "string" || !isWellFormed(payload) || Buffer.byteLength(payload) > MOST_PAYLOAD_BYTES)
        throw new TypeError(`sign() needs payload as well-formed text of at most ${MOST_PAYLOAD_BYTES} bytes.`);
      const expires = Math.floor(now() / 1000) + signOptions.expiresInSeconds;
      if (!(expires > 0 && expires < 1e12)) throw new Error("sign() found the clock broken.");
      const fields = [VERSION, purpose, keys.current.id, String(expires), Buffer.from(payload).toString("base64url")];
      return `${fields.join(".")}.${mac(keys.current, fields, context)}`;
    },
    verify(text, verifyOptions = {}) {
      const parts = typeof text === "string" && text.length <= LONGEST_TEXT ? SIGNED.exec(text) : null;
      if (parts === null) return undefined;
      const [, claimed = "", id = "", expires = "", payload = "", given = ""] = parts;
      const key = byId.get(id);
      const context = contextOf(verifyOptions.context);
      if (claimed !== purpose || key === undefined || context === undefined) return undefined;
      const expected = mac(key, [VERSION, claimed, id, expires, payload], context);
      if (!timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return undefined;
      // Judged only once the time is known to be ours; a broken clock compares false.
      const alive = now() < (Number(expires) + clockSkewSeconds) * 1000;
      return alive ? Buffer.from(payload, "base64url").toString("utf8") : undefined;
    },
  };
}

/** Of fixed length in base64url, which has one spelling; so the texts are compared and not what they decode to. */
function mac(key: DerivedKey, fields: readonly string[], context: readonly string[]): string {
  return createHmac("sha256", key.bytes)
    .update(lengthPrefixed([...fields, ...context]))
    .digest("base64url");
}

/** One text is the list of itself; undefined for what cannot be bound. */
function contextOf(context: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = context === undefined ? [] : Array.isArray(context) ? context : [context];
  if (!list.every((part): part is string => typeof part === "string" && isWellFormed(part))) return undefined;
  return list.reduce((sum, part) => sum + 4 + Buffer.byteLength(part), 0) <= MOST_CONTEXT_BYTES ? list : undefined;
}

function requireWhole(owner: string, name: string, value: unknown, least: number, most: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw new TypeError(`${owner}() needs ${name} as a whole number from ${least} to ${most}.`);
}
