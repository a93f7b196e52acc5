/**
 * Keys of webhooks: an HMAC-SHA-256 key (RFC 2104), with which both sides can sign, or an Ed25519 pair (RFC 8032), of which the receiver has the half
 * that only verifies. Both are written as Standard Webhooks 1.0.0 has it.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from "node:crypto";

/** What the headers of one delivery claim. Nothing of it is true before a signature over the body agrees. */
export interface WebhookClaim {
  /** The sender's id of the event, the same at every attempt to deliver it; undefined where it is not signed. */
  readonly id: string | undefined;
  /** When this attempt was sent, in milliseconds since the epoch; undefined where the sender signs no time. */
  readonly sentAtMs: number | undefined;
  /** MACs as text, one of which must be ours. */
  readonly macs: readonly string[];
  /** Ed25519 signatures in base64, one of which must be the sender's. */
  readonly signatures: readonly string[];
  /** What is signed in front of the body. */
  readonly preamble: string;
}

/** What a receiver knows of its sender. */
export interface WebhookKey {
  /** Whether one of the signatures is good. Every one is looked at, so that time tells nothing. */
  readonly signed: (claim: WebhookClaim, body: string) => boolean;
}

/** @returns a signature with its version, as it stands in the header */
export type WebhookSign = (preamble: string, body: string) => string;

const BASE64_SECRET = /^[A-Za-z0-9+/]{32,88}={0,2}$/u;
const BASE64_PUBLIC_KEY = /^[A-Za-z0-9+/]{43}=$/u;
const SEED_BYTES = 32;
/** How others write a private key: the seed with the public key behind it. */
const PAIR_BYTES = 64;
/** RFC 8410 sections 4 and 7: what stands in front of the 32 bytes of a public key, and of a seed. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** HMAC-SHA-256 over preamble and body. */
export function webhookMac(key: Uint8Array, preamble: string, body: string, encoding: "base64" | "hex"): string {
  return createHmac("sha256", key).update(preamble).update(body, "utf8").digest(encoding);
}

/** @param encoding how the sender spells its MACs */
export function macKey(key: Uint8Array, encoding: "base64" | "hex"): WebhookKey {
  return {
    signed({ macs, preamble }, body) {
      const ours = Buffer.from(webhookMac(key, preamble, body, encoding));
      let found = false;
      for (const mac of macs) {
        const theirs = Buffer.from(mac);
        if (theirs.length === ours.length && timingSafeEqual(theirs, ours)) found = true;
      }
      return found;
    },
  };
}

/** The key behind `whsec_` or `whpk_`; undefined for what is neither, or too short. */
export function standardKey(text: string): WebhookKey | undefined {
  const secret = secretIn(text);
  if (secret !== undefined) return macKey(secret, "base64");
  const key = publicKeyIn(text);
  return key && { signed: (claim, body) => verifies(key, claim, body) };
}

/** Signs with `whsec_` or `whsk_`; undefined for what is neither. */
export function standardSign(text: string): WebhookSign | undefined {
  const secret = secretIn(text);
  if (secret !== undefined) return (preamble, body) => `v1,${webhookMac(secret, preamble, body, "base64")}`;
  const key = privateKeyIn(text);
  return key && ((preamble, body) => `v1a,${sign(null, Buffer.from(preamble + body), key).toString("base64")}`);
}

function verifies(key: KeyObject, { signatures, preamble }: WebhookClaim, body: string): boolean {
  const message = Buffer.from(preamble + body);
  return signatures.filter((one) => verify(null, message, key, Buffer.from(one, "base64"))).length > 0;
}

function secretIn(text: string): Uint8Array | undefined {
  const encoded = text.startsWith("whsec_") ? text.slice("whsec_".length) : "";
  if (!BASE64_SECRET.test(encoded)) return undefined;
  const key = Buffer.from(encoded, "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

function publicKeyIn(text: string): KeyObject | undefined {
  const encoded = text.startsWith("whpk_") ? text.slice("whpk_".length) : "";
  return BASE64_PUBLIC_KEY.test(encoded) ? publicKeyOf(Buffer.from(encoded, "base64")) : undefined;
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
}

function privateKeyIn(text: string): KeyObject | undefined {
  const encoded = text.startsWith("whsk_") ? text.slice("whsk_".length) : "";
  if (!BASE64_SECRET.test(encoded)) return undefined;
  const raw = Buffer.from(encoded, "base64");
  if (raw.length !== SEED_BYTES && raw.length !== PAIR_BYTES) return undefined;
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, raw.subarray(0, SEED_BYTES)]),
    format: "der",
    type: "pkcs8",
  });
  // Halves of two pairs: nobody could verify what this signs.
  if (raw.length === PAIR_BYTES && !createPublicKey(key).equals(publicKeyOf(raw.subarray(SEED_BYTES))))
    return undefined;
  return key;
}
