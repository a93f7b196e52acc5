/** Values that a Django application signed before it moved here: read and verified, never made (catalog signed-payloads). */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { inflateSync } from "node:zlib";
import { rejectUnknownOptions } from "../core/options.ts";
import { holdsInexactInteger } from "../primitives/json-text.ts";

const LONGEST_TEXT = 65_536;
const MOST_JSON_BYTES = 1_048_576;
const ALGORITHMS = ["sha256", "sha384", "sha512"] as const;
/** Django's own rule, A to small z with what lies between: the separator must not be made of what a signature is made of. */
const UNSAFE_SEPARATOR = /^[A-z0-9\-=]*$/u;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TIME = /^[0-9A-Za-z]{1,8}$/u;
const BASE64URL = /^[A-Za-z0-9_-]*$/u;

export interface DjangoVerifierOptions {
  /** `SECRET_KEY`, then `SECRET_KEY_FALLBACKS`; as bytes where Django's was bytes. */
  readonly secretKeys: readonly (string | Uint8Array)[];
  /** The salt that the values were signed with, such as `django.core.signing` for `signing.dumps`. */
  readonly salt: string;
  /** `:` unless the signer had another. */
  readonly separator?: string;
  /** `sha256` unless the signer had another. SHA-1, which Django used before 3.1, and MD5 are not read. */
  readonly algorithm?: (typeof ALGORITHMS)[number];
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

export interface DjangoVerifier {
  /** What `Signer.sign` signed, or undefined. */
  unsign(text: unknown): string | undefined;
  /** What `TimestampSigner.sign` signed, or undefined also when it is older than `maxAgeSeconds`. */
  unsignTimed(text: unknown, options: { readonly maxAgeSeconds: number }): string | undefined;
  /** The JSON that `signing.dumps` signed, compressed or not, or undefined also when it is too old, or holds an integer that is none here. Validate its shape. */
  loads(text: unknown, options: { readonly maxAgeSeconds: number }): unknown;
}

/**
 * Verifies Django's signatures, for links and values that outlive the move: the HMAC of the value under a key hashed from salt and secret.
 * Undefined for everything that does not verify; never throws on input. Signed cookies are left out: let people sign in again.
 *
 * @throws TypeError on an unknown option, an unsafe separator, a missing secret or an algorithm that is not approved.
 * @example
 * const unsubscribe = djangoVerifier({ secretKeys: [djangoSecretKey], salt: "newsletter.unsubscribe" });
 * const address = unsubscribe.unsign(token);
 */
export function djangoVerifier(options: DjangoVerifierOptions): DjangoVerifier {
  const { separator, algorithm, keys, now } = compose(options);

  function unsign(text: unknown): string | undefined {
    if (typeof text !== "string" || text.length > LONGEST_TEXT) return undefined;
    const cut = text.lastIndexOf(separator);
    if (cut === -1) return undefined;
    const value = text.slice(0, cut);
    const given = Buffer.from(text.slice(cut + separator.length));
    // Half a surrogate pair would be signed as another text than the one that is returned.
    if (/\p{Surrogate}/u.test(value)) return undefined;
    const verified = keys.some((key) => {
      const expected = Buffer.from(createHmac(algorithm, key).update(value).digest("base64url"));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    return verified ? value : undefined;
  }

  function unsignTimed(text: unknown, age: { readonly maxAgeSeconds: number }): string | undefined {
    const timed = unsign(text);
    const cut = timed?.lastIndexOf(separator) ?? -1;
    if (timed === undefined || cut === -1) return undefined;
    const signedAt = timeOf(timed.slice(cut + separator.length));
    if (signedAt === undefined || !(now() / 1000 - signedAt <= age.maxAgeSeconds)) return undefined;
    return timed.slice(0, cut);
  }

  return {
    unsign,
    unsignTimed,
    loads(text, age) {
      const payload = unsignTimed(text, age);
      return payload === undefined ? undefined : jsonOf(payload);
    },
  };
}

function compose(options: DjangoVerifierOptions): {
  readonly separator: string;
  readonly algorithm: string;
  readonly keys: readonly Buffer[];
  readonly now: () => number;
} {
  rejectUnknownOptions("djangoVerifier", options, ["secretKeys", "salt", "separator", "algorithm", "now"]);
  const { secretKeys, salt, separator = ":", algorithm = "sha256", now = Date.now } = options;
  if (!Array.isArray(secretKeys) || secretKeys.length === 0 || !secretKeys.every(isSecret))
    throw new TypeError("djangoVerifier() needs secretKeys as a list of Django's SECRET_KEY and its fallbacks.");
  if (!isFilled(salt)) throw new TypeError('djangoVerifier() needs salt as text, such as "django.core.signing".');
  if (typeof separator !== "string" || UNSAFE_SEPARATOR.test(separator))
    throw new TypeError('djangoVerifier() needs separator as text that no signature can contain, such as ":".');
  if (!ALGORITHMS.includes(algorithm))
    throw new TypeError(`djangoVerifier() needs algorithm as one of ${ALGORITHMS.join(", ")}.`);
  const keys = secretKeys.map((secret: string | Uint8Array) =>
    createHash(algorithm).update(`${salt}signer`).update(secret).digest(),
  );
  return { separator, algorithm, keys, now };
}

function isSecret(secret: unknown): secret is string | Uint8Array {
  return isFilled(secret) || (secret instanceof Uint8Array && secret.length > 0);
}

function isFilled(text: unknown): text is string {
  return typeof text === "string" && text !== "";
}

/** Base 62 with Django's digits. */
function timeOf(text: string): number | undefined {
  if (!TIME.test(text)) return undefined;
  return [...text].reduce((sum, digit) => sum * 62 + DIGITS.indexOf(digit), 0);
}

/** Verified bytes, and still nothing that could exhaust the memory or throw. */
function jsonOf(payload: string): unknown {
  const compressed = payload.startsWith(".");
  const encoded = compressed ? payload.slice(1) : payload;
  // One character beyond groups of four is no byte; the decoder would drop it in silence.
  if (!BASE64URL.test(encoded) || encoded.length % 4 === 1) return undefined;
  try {
    const bytes = Buffer.from(encoded, "base64url");
    const json = compressed ? inflateSync(bytes, { maxOutputLength: MOST_JSON_BYTES }) : bytes;
    const text = json.toString("latin1");
    const value: unknown = JSON.parse(text);
    return holdsInexactInteger(text) ? undefined : value;
  } catch {
    return undefined;
  }
}
