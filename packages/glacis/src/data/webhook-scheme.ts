/** How senders of webhooks write their signatures: which headers, what is signed, and how a MAC is spelt. */
import { rawHeaderValues, type Wire } from "../core/wire.ts";
import { macKey, standardKey, type WebhookClaim, type WebhookKey } from "./webhook-key.ts";

/** One sender's way. */
export interface WebhookScheme {
  readonly name: string;
  readonly signsTime: boolean;
  /** The key from a secret, or a public key, as the sender shows it; undefined when it cannot be one. */
  readonly keyOf: (secret: string) => WebhookKey | undefined;
  /** @returns undefined when a header is missing, doubled or malformed */
  readonly read: (wire: Wire) => WebhookClaim | undefined;
}

const LONGEST_HEADER = 2048;
const MOST_SIGNATURES = 10;
const SHORTEST_KEY = 16;
const ID = /^[\w:-]{1,128}$/u;
const SECONDS = /^[1-9]\d{0,11}$/u;
const BASE64_MAC = /^[A-Za-z0-9+/]{43}=$/u;
const HEX_MAC = /^[0-9a-f]{64}$/u;
const BASE64_SIGNATURE = /^[A-Za-z0-9+/]{86}==$/u;

/**
 * Standard Webhooks 1.0.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), as Svix, OpenAI, Supabase and others send it. A secret is
 * `whsec_` and 24 to 64 bytes in base64; of a sender that signs by Ed25519 it is the public key, `whpk_` and 32 bytes.
 */
export function standardWebhooks(): WebhookScheme {
  return {
    name: "standard",
    signsTime: true,
    keyOf: standardKey,
    read(wire) {
      const id = only(wire, "webhook-id");
      const seconds = only(wire, "webhook-timestamp");
      const signatures = only(wire, "webhook-signature");
      // A dot in the id would move the border between id and time within what is signed.
      if (id === undefined || !ID.test(id) || seconds === undefined || !SECONDS.test(seconds)) return undefined;
      const list = (signatures ?? "").split(" ");
      return claim(
        {
          id,
          sentAtMs: Number(seconds) * 1000,
          macs: list.flatMap((one) => (one.startsWith("v1,") ? [one.slice(3)] : [])),
          signatures: list.flatMap((one) => (one.startsWith("v1a,") ? [one.slice(4)] : [])),
          preamble: `${id}.${seconds}.`,
        },
        BASE64_MAC,
      );
    },
  };
}

/** `t=<seconds>,v1=<hex>` in one header, as Stripe sends it. @param header lower case */
export function timestampedSignature(header: string = "stripe-signature"): WebhookScheme {
  return {
    name: "timestamped",
    signsTime: true,
    keyOf: textKey,
    read(wire) {
      const fields = (only(wire, header) ?? "").split(",").map((field) => field.trim());
      const times = fields.flatMap((field) => (field.startsWith("t=") ? [field.slice(2)] : []));
      const [seconds = ""] = times;
      if (times.length !== 1 || !SECONDS.test(seconds)) return undefined;
      const macs = fields.flatMap((field) => (field.startsWith("v1=") ? [field.slice(3)] : []));
      return claim(
        { id: undefined, sentAtMs: Number(seconds) * 1000, macs, signatures: [], preamble: `${seconds}.` },
        HEX_MAC,
      );
    },
  };
}

/** `sha256=<hex>` over the body alone, as GitHub sends it. It signs no time, so a body counts once for as long as it is remembered. */
export function bodySignature(header: string = "x-hub-signature-256"): WebhookScheme {
  return {
    name: "body",
    signsTime: false,
    keyOf: textKey,
    read(wire) {
      const value = only(wire, header) ?? "";
      const macs = value.startsWith("sha256=") ? [value.slice(7)] : [];
      return claim({ id: undefined, sentAtMs: undefined, macs, signatures: [], preamble: "" }, HEX_MAC);
    },
  };
}

function textKey(secret: string): WebhookKey | undefined {
  const fits = secret.length >= SHORTEST_KEY && secret.length <= LONGEST_HEADER;
  return fits ? macKey(Buffer.from(secret, "utf8"), "hex") : undefined;
}

/** A header that must be there once: of two that differ, two readers may each believe another. */
function only({ rawHeaders }: Wire, name: string): string | undefined {
  const [value, ...others] = rawHeaderValues(rawHeaders, name);
  return value !== undefined && others.length === 0 && value.length <= LONGEST_HEADER ? value : undefined;
}

function claim(read: WebhookClaim, mac: RegExp): WebhookClaim | undefined {
  const { macs, signatures } = read;
  const count = macs.length + signatures.length;
  if (count === 0 || count > MOST_SIGNATURES) return undefined;
  return macs.every((one) => mac.test(one)) && signatures.every((one) => BASE64_SIGNATURE.test(one)) ? read : undefined;
}
