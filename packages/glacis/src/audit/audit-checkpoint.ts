/** Signed checkpoints of a log: its size and root as a signed note (C2SP tlog-checkpoint and signed-note), with Ed25519. */
import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

export interface Checkpoint {
  /** Which log. */
  readonly origin: string;
  readonly size: number;
  /** SHA-256, base64. */
  readonly root: string;
}

const ALGORITHM_ED25519 = 1;
const LONGEST_NOTE = 4096;
/** A name stands in the signature's line between blanks. */
const ORIGIN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/u;

/** @throws TypeError on a name that a note cannot carry */
export function checkOrigin(origin: string): string {
  if (!ORIGIN.test(origin)) throw new TypeError("The origin of a log is a name such as app.example.com/audit.");
  return origin;
}

/** @throws TypeError on a key that is no Ed25519 key */
export function checkSigningKey(key: KeyObject, type: "private" | "public"): KeyObject {
  if (key.asymmetricKeyType !== "ed25519" || key.type !== type)
    throw new TypeError(`The audit log needs an Ed25519 ${type} key, as a KeyObject of node:crypto.`);
  return key;
}

/** Signs a checkpoint. */
export function signCheckpoint({ origin, size, root }: Checkpoint, key: KeyObject): string {
  const text = `${origin}\n${size}\n${root}\n`;
  const signature = Buffer.concat([keyId(origin, createPublicKey(key)), sign(null, Buffer.from(text), key)]);
  return `${text}\n\u2014 ${origin} ${signature.toString("base64")}\n`;
}

/**
 * Opens a note.
 *
 * @param key undefined reads without judging the signature
 * @returns undefined when it is no checkpoint of this log, or nobody with this key signed it
 */
export function openCheckpoint(note: string, origin: string, key: KeyObject | undefined): Checkpoint | undefined {
  if (note.length > LONGEST_NOTE) return undefined;
  const [text, signatures, more] = note.split("\n\n");
  if (text === undefined || signatures === undefined || more !== undefined) return undefined;
  const [name, size = "", root = "", extra] = text.split("\n");
  const valid = name === origin && /^(?:0|[1-9]\d{0,15})$/u.test(size) && /^[A-Za-z0-9+/]{43}=$/u.test(root);
  if (!valid || extra !== undefined) return undefined;
  if (key !== undefined && !signatures.split("\n").some((line) => isSignedBy(line, `${text}\n`, origin, key)))
    return undefined;
  return { origin, size: Number(size), root };
}

function isSignedBy(line: string, text: string, origin: string, key: KeyObject): boolean {
  const prefix = `\u2014 ${origin} `;
  if (!line.startsWith(prefix)) return false;
  const bytes = Buffer.from(line.slice(prefix.length), "base64");
  if (bytes.length !== 68 || !bytes.subarray(0, 4).equals(keyId(origin, key))) return false;
  return verify(null, Buffer.from(text), key, bytes.subarray(4));
}

function keyId(name: string, key: KeyObject): Buffer {
  const { x = "" } = key.export({ format: "jwk" });
  const bytes = Buffer.concat([
    Buffer.from(`${name}\n`),
    Buffer.from([ALGORITHM_ED25519]),
    Buffer.from(x, "base64url"),
  ]);
  return createHash("sha256").update(bytes).digest().subarray(0, 4);
}
