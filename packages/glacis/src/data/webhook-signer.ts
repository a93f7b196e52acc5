/** Webhooks that we send: signed, so that whoever gets one knows whom it is from (Standard Webhooks 1.0.0). */
import { randomBytes } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { standardKey, webhookMac } from "./webhook-scheme.ts";

const KEY_BYTES = 32;
const MOST_SECRETS = 5;
const ID = /^[\w:-]{1,128}$/u;

/** Headers to send along with the body. */
export type WebhookHeaders = Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>;

export interface WebhookSignerOptions {
  /** The receiver's secrets, each as `newWebhookSecret()` makes them: more than one while it changes from one to the next. */
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
  const keys = secrets.flatMap((secret) => standardKey(typeof secret === "string" ? secret : secret.reveal()) ?? []);
  if (keys.length === 0 || keys.length !== secrets.length || keys.length > MOST_SECRETS)
    throw new TypeError("webhookSigner() needs one to five secrets as newWebhookSecret() makes them.");
  return {
    sign(body, { nowMs, id = `msg_${randomBytes(16).toString("base64url")}` }) {
      if (typeof id !== "string" || !ID.test(id))
        throw new TypeError("A webhook's id has letters, digits, _, : and -.");
      const seconds = `${Math.floor(nowMs / 1000)}`;
      const macs = keys.map((key) => `v1,${webhookMac(key, `${id}.${seconds}.`, body, "base64")}`);
      return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": macs.join(" ") };
    },
  };
}
