/** How senders of webhooks write their signatures: which headers, what is signed, and how a MAC is spelt. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { rawHeaderValues, type Wire } from "../core/wire.ts";

/** What the headers of one delivery claim. Nothing of it is true before the MAC over the body agrees. */
export interface WebhookClaim {
  /** The sender's id of the event, the same at every attempt to deliver it; undefined where it is not signed. */
  readonly id: string | undefined;
  /** When this attempt was sent, in milliseconds since the epoch; undefined where the sender signs no time. */
  readonly sentAtMs: number | undefined;
  /** MACs as text, one of which must be ours. */
  readonly macs: readonly string[];
  /** What is signed in front of the body. */
  readonly preamble: string;
}

/** One sender's way. */
export interface WebhookScheme {
  readonly name: string;
  readonly signsTime: boolean;
  readonly encoding: "base64" | "hex";
  /** The key for HMAC-SHA-256 from a secret as the sender shows it; undefined when it cannot be one. */
  readonly keyOf: (secret: string) => Uint8Array | undefined;
  /** @returns undefined when a header is missing, doubled or malformed */
  readonly read: (wire: Wire) => WebhookClaim | undefined;
}

const LONGEST_HEADER = 2048;
const MOST_MACS = 10;
const SHORTEST_KEY = 16;
const ID = /^[\w:-]{1,128}$/u;
const SECONDS = /^[1-9]\d{0,11}$/u;
const BASE64_MAC = /^[A-Za-z0-9+/]{43}=$/u;
const HEX_MAC = /^[0-9a-f]{64}$/u;
const BASE64_KEY = /^[A-Za-z0-9+/]{32,88}={0,2}$/u;

/**
 * Standard Webhooks 1.0.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), as Svix, OpenAI, Supabase and others send it. Secrets are
 * `whsec_` and 24 to 64 bytes in base64.
 */
export function standardWebhooks(): WebhookScheme {
  return {
    name: "standard",
    signsTime: true,
    encoding: "base64",
    keyOf: standardKey,
    read(wire) {
      const id = only(wire, "webhook-id");
      const seconds = only(wire, "webhook-timestamp");
      const signatures = only(wire, "webhook-signature");
      // A dot in the id would move the border between id and time within what is signed.
      if (id === undefined || !ID.test(id) || seconds === undefined || !SECONDS.test(seconds)) return undefined;
      const macs = (signatures ?? "").split(" ").flatMap((one) => (one.startsWith("v1,") ? [one.slice(3)] : []));
      return claim({ id, sentAtMs: Number(seconds) * 1000, macs, preamble: `${id}.${seconds}.` }, BASE64_MAC);
    },
  };
}

/** `t=<seconds>,v1=<hex>` in one header, as Stripe sends it. @param header lower case */
export function timestampedSignature(header: string = "stripe-signature"): WebhookScheme {
  return {
    name: "timestamped",
    signsTime: true,
    encoding: "hex",
    keyOf: textKey,
    read(wire) {
      const fields = (only(wire, header) ?? "").split(",").map((field) => field.trim());
      const times = fields.flatMap((field) => (field.startsWith("t=") ? [field.slice(2)] : []));
      const [seconds = ""] = times;
      if (times.length !== 1 || !SECONDS.test(seconds)) return undefined;
      const macs = fields.flatMap((field) => (field.startsWith("v1=") ? [field.slice(3)] : []));
      return claim({ id: undefined, sentAtMs: Number(seconds) * 1000, macs, preamble: `${seconds}.` }, HEX_MAC);
    },
  };
}

/** `sha256=<hex>` over the body alone, as GitHub sends it. It signs no time, so a body counts once for as long as it is remembered. */
export function bodySignature(header: string = "x-hub-signature-256"): WebhookScheme {
  return {
    name: "body",
    signsTime: false,
    encoding: "hex",
    keyOf: textKey,
    read(wire) {
      const value = only(wire, header) ?? "";
      const macs = value.startsWith("sha256=") ? [value.slice(7)] : [];
      return claim({ id: undefined, sentAtMs: undefined, macs, preamble: "" }, HEX_MAC);
    },
  };
}

/** HMAC-SHA-256 (RFC 2104) over preamble and body. */
export function webhookMac(key: Uint8Array, preamble: string, body: string, encoding: "base64" | "hex"): string {
  return createHmac("sha256", key).update(preamble).update(body, "utf8").digest(encoding);
}

/** Whether one of the MACs is ours. Every one is compared with every key, so that time tells nothing. */
export function webhookMatches(
  { macs, preamble }: WebhookClaim,
  body: string,
  keys: readonly Uint8Array[],
  encoding: "base64" | "hex",
): boolean {
  let found = false;
  for (const key of keys) {
    const ours = Buffer.from(webhookMac(key, preamble, body, encoding));
    for (const mac of macs) {
      const theirs = Buffer.from(mac);
      if (theirs.length === ours.length && timingSafeEqual(theirs, ours)) found = true;
    }
  }
  return found;
}

export function standardKey(secret: string): Uint8Array | undefined {
  const text = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : "";
  if (!BASE64_KEY.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

function textKey(secret: string): Uint8Array | undefined {
  return secret.length >= SHORTEST_KEY && secret.length <= LONGEST_HEADER ? Buffer.from(secret, "utf8") : undefined;
}

/** A header that must be there once: of two that differ, two readers may each believe another. */
function only({ rawHeaders }: Wire, name: string): string | undefined {
  const [value, ...others] = rawHeaderValues(rawHeaders, name);
  return value !== undefined && others.length === 0 && value.length <= LONGEST_HEADER ? value : undefined;
}

function claim(read: WebhookClaim, mac: RegExp): WebhookClaim | undefined {
  if (read.macs.length === 0 || read.macs.length > MOST_MACS || !read.macs.every((one) => mac.test(one)))
    return undefined;
  return read;
}
