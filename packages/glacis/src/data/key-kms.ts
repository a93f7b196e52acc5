/** The ring of master keys wrapped by AWS KMS: what is stored opens with the service alone (catalog key-management, envelope encryption). */
import type { KeySource } from "../core/keys.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { keyRing, requireKeyId } from "./key-ring.ts";
import { within } from "./secret-reading.ts";

const MOST_WRAPPED_CHARACTERS = 8192;
const TIMEOUT_MS = 5_000;

/** Authenticated with each key by the service, and shown in its log: names, never secrets. */
export type KmsContext = Readonly<Record<string, string>>;

interface CallOptions {
  abortSignal?: AbortSignal;
}

/** The part of `KMS` of `@aws-sdk/client-kms` that is used. */
export interface KmsClient {
  generateDataKeyWithoutPlaintext(
    input: { KeyId: string; KeySpec: "AES_256"; EncryptionContext: Record<string, string> },
    options?: CallOptions,
  ): Promise<{ CiphertextBlob?: Uint8Array | undefined }>;
  decrypt(
    input: { KeyId: string; CiphertextBlob: Uint8Array; EncryptionContext: Record<string, string> },
    options?: CallOptions,
  ): Promise<{ Plaintext?: Uint8Array | undefined }>;
}

export interface KmsKeysOptions {
  /** `new KMS({ region })`. */
  readonly client: KmsClient;
  /** The key's ARN. A ciphertext of any other key is refused, whatever the role may use. */
  readonly keyId: string;
  /** What the keys are bound to besides, such as `{ app: "shop", stage: "production" }`: the condition of an IAM policy can ask for it. */
  readonly context: KmsContext;
  /** How long the service may take for one key, retries included. 5000. */
  readonly timeoutMs?: number;
}

/** Master keys could not be unwrapped. The cause is the service's error. */
export class KeysUnavailableError extends Error {
  override readonly name = "KeysUnavailableError";
}

/**
 * A new wrapped key, such as `k1:AQIDAH...`, to be put in front of the ring. The service makes it and does not show it: it is in the clear
 * nowhere before an application opens it.
 *
 * @throws TypeError for a malformed id or option; KeysUnavailableError when the service fails.
 * @example
 * console.log(await newKmsKey("k1", { client: new KMS(), keyId, context: { app: "shop", stage: "production" } }));
 */
export async function newKmsKey(id: string, options: KmsKeysOptions): Promise<string> {
  const { client, timeoutMs, request } = compose("newKmsKey", options);
  requireKeyId(id);
  const made = await asking(id, timeoutMs, (signal) =>
    client.generateDataKeyWithoutPlaintext({ ...request, KeySpec: "AES_256" }, { abortSignal: signal }),
  );
  if (made.CiphertextBlob === undefined) throw new KeysUnavailableError("KMS made no key.");
  return `${id}:${Buffer.from(made.CiphertextBlob).toString("base64url")}`;
}

/**
 * Opens a ring of wrapped keys, the first one current, and keeps it in memory: an outage of the service stops a start and nothing else.
 *
 * @param wrapped as `newKmsKey` makes them, joined by commas
 * @throws KeysUnavailableError when the service fails, or refuses a key because of its context or its own key; TypeError as `keyRing`.
 * @example
 * const keys = await kmsKeyRing(process.env.GLACIS_WRAPPED_KEYS, { client: new KMS(), keyId, context: { app: "shop", stage: "production" } });
 */
export async function kmsKeyRing(wrapped: string | undefined, options: KmsKeysOptions): Promise<KeySource> {
  const { client, timeoutMs, request } = compose("kmsKeyRing", options);
  const entries = (wrapped ?? "").split(",").map((entry) => readEntry(entry.trim()));
  const opened = await Promise.all(
    entries.map(async ({ id, blob }) => {
      const input = { ...request, CiphertextBlob: blob };
      const { Plaintext: plaintext } = await asking(id, timeoutMs, (signal) =>
        client.decrypt(input, { abortSignal: signal }),
      );
      return `${id}:${Buffer.from(plaintext ?? []).toString("base64url")}`;
    }),
  );
  return keyRing(opened.join(","));
}

function compose(owner: string, options: KmsKeysOptions) {
  rejectUnknownOptions(owner, options, ["client", "keyId", "context", "timeoutMs"]);
  const { client, keyId, context, timeoutMs = TIMEOUT_MS } = options;
  if (typeof client?.decrypt !== "function" || typeof client.generateDataKeyWithoutPlaintext !== "function")
    throw new TypeError(`${owner}() needs client as a KMS of @aws-sdk/client-kms.`);
  if (typeof keyId !== "string" || keyId === "") throw new TypeError(`${owner}() needs keyId as the ARN of a KMS key.`);
  rejectNonRecord(owner, "context", context);
  if (context === undefined || Object.keys(context).length === 0)
    throw new TypeError(`${owner}() needs context as names and values, such as { app: "shop", stage: "production" }.`);
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 60_000)
    throw new TypeError(`${owner}() needs timeoutMs as a whole number from 1 to 60000.`);
  return { client, timeoutMs, request: { KeyId: keyId, EncryptionContext: { ...context } } };
}

function readEntry(entry: string): { readonly id: string; readonly blob: Buffer } {
  const colon = entry.indexOf(":");
  const id = requireKeyId(entry.slice(0, Math.max(colon, 0)));
  const encoded = entry.slice(colon + 1);
  const blob = encoded.length <= MOST_WRAPPED_CHARACTERS ? Buffer.from(encoded, "base64url") : Buffer.alloc(0);
  if (blob.length === 0 || blob.toString("base64url") !== encoded)
    throw new TypeError(`The wrapped key "${id}" is not what newKmsKey() makes.`);
  return { id, blob };
}

async function asking<Value>(
  id: string,
  timeoutMs: number,
  ask: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  try {
    return await within(timeoutMs, ask);
  } catch (error) {
    throw new KeysUnavailableError(`KMS did not answer for the master key "${id}".`, { cause: error });
  }
}
