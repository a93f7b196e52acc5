/** How an API key is written, so that people, logs and secret scanners know one when they see it. */
import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = ALPHABET.length;
/** The largest multiple of 62 in a byte; what lies above would favour the first letters. */
const UNBIASED = 256 - (256 % BASE);
const ID_CHARACTERS = 12;
/** 62 to the 43rd is more than 2 to the 256th. */
const SECRET_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
const PREFIX = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/u;
const LONGEST_PREFIX = 24;

/** What stands in a key. The secret is not among it: of that only the hash of the whole text is kept. */
export interface ApiKeyParts {
  readonly id: string;
  /** SHA-256 of the key as written, in base64url. With 256 random bits in it a fast hash is the right one (ASVS 5 section 11.4). */
  readonly hash: string;
}

export interface MintedApiKey extends ApiKeyParts {
  /** `<prefix>_<id>_<secret><checksum>`; shown once. */
  readonly key: string;
}

/** @throws TypeError unless the prefix is short, lower case, and made of words between underscores */
export function requirePrefix(prefix: string): string {
  if (typeof prefix !== "string" || prefix.length > LONGEST_PREFIX || !PREFIX.test(prefix))
    throw new TypeError(
      'API keys need a prefix that names your product, such as "folio_sk": lower-case words between underscores.',
    );
  return prefix;
}

/** A key of 256 random bits; a new secret for an id that exists, or a new id. */
export function mintApiKey(prefix: string, id: string = randomText(ID_CHARACTERS)): MintedApiKey {
  const body = `${prefix}_${id}_${randomText(SECRET_CHARACTERS)}`;
  const key = body + checksumOf(body);
  return { key, id, hash: hashOf(key) };
}

/**
 * What a text says it is, once its checksum agrees: a mistyped or invented key costs no look-up. The checksum is no secret and proves nothing.
 *
 * @returns undefined when the text is no key of this prefix
 */
export function parseApiKey(prefix: string, text: string): ApiKeyParts | undefined {
  const start = prefix.length + 1;
  const secret = start + ID_CHARACTERS + 1;
  if (text.length !== secret + SECRET_CHARACTERS + CHECKSUM_CHARACTERS) return undefined;
  if (!looksLikeApiKey(prefix, text) || text[secret - 1] !== "_") return undefined;
  const id = text.slice(start, secret - 1);
  if (!/^[0-9A-Za-z]+$/u.test(id) || !/^[0-9A-Za-z]+$/u.test(text.slice(secret))) return undefined;
  if (checksumOf(text.slice(0, -CHECKSUM_CHARACTERS)) !== text.slice(-CHECKSUM_CHARACTERS)) return undefined;
  return { id, hash: hashOf(text) };
}

/** Whether whoever wrote this meant a key of ours, well written or not. */
export function looksLikeApiKey(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`);
}

/**
 * The pattern by which secret scanners find keys of a prefix in code, chats and logs.
 *
 * @throws TypeError on a prefix that keys cannot have.
 * @example
 * apiKeyPattern("folio_sk"); // \bfolio_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b
 */
export function apiKeyPattern(prefix: string): string {
  const secret = SECRET_CHARACTERS + CHECKSUM_CHARACTERS;
  return `\\b${requirePrefix(prefix)}_[0-9A-Za-z]{${ID_CHARACTERS}}_[0-9A-Za-z]{${secret}}\\b`;
}

/** CRC-32 (IEEE 802.3) in six base62 digits, as GitHub writes it: a scanner tells a real key from an example without asking anybody. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let count = 0; count < CHECKSUM_CHARACTERS; count += 1) {
    digits = (ALPHABET[rest % BASE] as string) + digits;
    rest = Math.floor(rest / BASE);
  }
  return digits;
}

function hashOf(key: string): string {
  return hash("sha256", key, "base64url");
}

function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED && text.length < length) text += ALPHABET[byte % BASE] as string;
    }
  }
  return text;
}
