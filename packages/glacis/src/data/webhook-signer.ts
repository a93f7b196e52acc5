/** Webhooks that we send: signed, so that whoever gets one knows whom it is from (Standard Webhooks 1.0.0). */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { standardSign } from "./webhook-key.ts";

const KEY_BYTES = 32;
const MOST_SECRETS = 5;
const ID = /^[\w:-]{1,128}$/u;

/** Headers to send along with the body. */
export type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

export interface WebhookSignerOptions {
  /** The receiver's secrets, or our private keys for it, as `newWebhookSecret()` and `newWebhookKeyPair()` make them; more than one while they change. */
  readonly secrets: readonly (string | Secret<string>)[];
}

export interface WebhookSigner {
  /**
   * @param body exactly as it will be sent
   * @param delivery `id` names the event and stays the same at every attempt; a new one unless you give it. `nowMs` is this attempt's time
   * @throws TypeError on an id with other characters than letters, digits, `_`, `:` and `-`
   */
  sign(body: string, delivery: { readonly nowMs: number; readonly id?: string }): WebhookHeaders;
}

/** A secret for one receiver, of 256 random bits: show it once, keep it encrypted. */
export function newWebhookSecret(): Secret<string> {
  return new Secret(`whsec_${randomBytes(KEY_BYTES).toString("base64")}`);
}

/** An Ed25519 pair for one receiver, which can then tell our deliveries and make none. */
export interface WebhookKeyPair {
  /** `whsk_` and the 32 bytes of RFC 8032 section 5.1.5: keep it encrypted. */
  readonly secret: Secret<string>;
  /** `whpk_` and 32 bytes: what the receiver gets, and no secret. */
  readonly publicKey: string;
}

/**
 * Makes a pair. Prefer it to a secret where the receiver's side is not in your hands: what leaks there lets nobody send in your name.
 *
 * @example
 * const { secret, publicKey } = newWebhookKeyPair();
 * webhookSigner({ secrets: [secret] }).sign(body, { nowMs: Date.now() }); // the receiver verifies with publicKey
 */
export function newWebhookKeyPair(): WebhookKeyPair {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const inBase64 = (value: string): string => Buffer.from(value, "base64url").toString("base64");
  return { secret: new Secret(`whsk_${inBase64(d)}`), publicKey: `whpk_${inBase64(x)}` };
}

/**
 * Signs what is sent to one receiver. Send it with the guarded fetch alone, for the receiver's address is a user's word: it must not lead inside.
 *
 * @throws TypeError without a secret, or with one that is not of the form.
 * @example
 * const headers = webhookSigner({ secrets: [secret] }).sign(body, { nowMs: Date.now(), id: event.id });
 * await outbound.fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
 */
export function webhookSigner(options: WebhookSignerOptions): WebhookSigner {
  rejectUnknownOptions("webhookSigner", options, ["secrets"]);
  const { secrets } = options;
  const signs = secrets.flatMap((secret) => standardSign(typeof secret === "string" ? secret : secret.reveal()) ?? []);
  if (signs.length === 0 || signs.length !== secrets.length || signs.length > MOST_SECRETS)
    throw new TypeError(
      "webhookSigner() needs one to five secrets as newWebhookSecret() and newWebhookKeyPair() make them.",
    );
  return {
    sign(body, { nowMs, id = `msg_${randomBytes(16).toString("base64url")}` }) {
      if (typeof id !== "string" || !ID.test(id))
        throw new TypeError("A webhook's id has letters, digits, _, : and -.");
      const seconds = `${Math.floor(nowMs / 1000)}`;
      const signatures = signs.map((sign) => sign(`${id}.${seconds}.`, body));
      return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signatures.join(" ") };
    },
  };
}
