/** Where files from users lie: private, under names that we make, never overwritten (catalog private-storage; CWE-552, CWE-732). */
import { createHash, randomBytes } from "node:crypto";
import type { Control } from "../core/control.ts";

/** A part of a file, both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A file on its way in. Nobody can read it under any key before `commit` has answered true. */
export interface Quarantine {
  /** Where it lies until then. */
  readonly path: string;
  /** Takes the bytes in order. */
  readonly stream: NodeJS.WritableStream;
  /** Reads what has been written. */
  read(position: number, length: number): Promise<Buffer>;
  /**
   * Puts the file under its key. Once this has answered true the file survives a crash; false when the key is taken.
   *
   * @param sha256 of the whole file, in hexadecimal
   */
  commit(key: string, file: { readonly bytes: number; readonly sha256: string }): Promise<boolean>;
  /** Leaves nothing behind. May be called at any time and more than once, also after `commit`. */
  discard(): Promise<void>;
}

/** Files under keys. Every method throws when the storage fails; `undefined` and `false` are answers. */
export interface Storage {
  readonly control: Control;
  /** A key that nobody has: one folder for each tenant, then 128 random bits. */
  newKey(tenantId: string | undefined): string;
  quarantine(): Promise<Quarantine>;
  /** The size in bytes, or undefined for what is not there and for what is no key. */
  size(key: string): Promise<number | undefined>;
  read(key: string, range?: ByteRange): Promise<NodeJS.ReadableStream>;
  /** @returns whether it was there */
  remove(key: string): Promise<boolean>;
}

/** Asked for something that is not there, or by something that is no key. The message repeats neither. */
export class StorageKeyError extends Error {
  override readonly name = "StorageKeyError";
  readonly status = 404;

  constructor() {
    super("There is no such file.");
  }
}

const KEY = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\/[a-f0-9]{32}$/u;
const SHARED = "shared";
const HASHED = "t--";
const PLAIN_TENANT = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/u;

export function isStorageKey(key: unknown): key is string {
  return typeof key === "string" && KEY.test(key);
}

/** A tenant's id is its folder where it is a plain name; another becomes a name that no plain one is. */
export function newStorageKey(tenantId: string | undefined): string {
  return `${folderOf(tenantId)}/${randomBytes(16).toString("hex")}`;
}

function folderOf(tenantId: string | undefined): string {
  if (tenantId === undefined) return SHARED;
  if (PLAIN_TENANT.test(tenantId) && tenantId !== SHARED && !tenantId.startsWith(HASHED)) return tenantId;
  return HASHED + createHash("sha256").update(tenantId).digest("hex").slice(0, 32);
}
