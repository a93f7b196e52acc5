/** Passwords at rest: Argon2id, peppered when there is a key, and every older hash carried over at its next sign-in (NIST SP 800-63B-4 section 3.1.1.2; guide A02). */
import { createHmac, randomBytes } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { DerivedKeys, KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { StoredHash } from "./password-hash.ts";
import { argon2id, type Argon2Parameters } from "./password-hash-argon2.ts";
import { unreadableEvent, upgradedEvent } from "./password-hash-events.ts";
import { sharedHashingLine, type Busy, type HashingLine, type HashingPlace } from "./password-hash-line.ts";
import { spendWork, topUp } from "./password-hash-pbkdf2.ts";
import type { Argon2Hash } from "./password-hash-phc.ts";
import { readStored } from "./password-hash-stored.ts";
import { proof, type Proof } from "./proof.ts";
import { threadPoolSize } from "./thread-pool.ts";

const META: ControlMeta = {
  id: "password-hashing",
  title: "Memory-hard, upgradeable password storage",
  layer: "authentication",
  guide: ["A02", "A02: PASSWORD_HASHERS"],
  owasp2021: ["A02", "A07"],
  owasp2025: ["A04", "A07"],
  asvs: ["v5.0.0-11.4.2", "v5.0.0-11.4.4"],
  cwe: ["CWE-916", "CWE-256", "CWE-257", "CWE-759", "CWE-760"],
};

const POOL_STARVED: Rule = {
  id: "password-hashing/pool-starved",
  severity: "warning",
  what: "As many passwords are hashed at a time as the process has worker threads.",
  why: "Files, DNS and compression wait behind a flood of sign-ins, and so does every other request.",
  fix: "Lower concurrency, or raise UV_THREADPOOL_SIZE above it.",
};

const DEFAULTS: Argon2Parameters = { memoryKiB: 65_536, passes: 3, parallelism: 1 };
/** OWASP's floor and its equals: less memory takes more passes. */
const FLOORS = [
  { memoryKiB: 47_104, passes: 1 },
  { memoryKiB: 19_456, passes: 2 },
  { memoryKiB: 12_288, passes: 3 },
  { memoryKiB: 9_216, passes: 4 },
  { memoryKiB: 7_168, passes: 5 },
] as const;
const MOST_MEMORY_KIB = 262_144;
const MOST_PASSES = 8;
const MOST_PARALLELISM = 16;
const MOST_CHARACTERS = 1024;
const MOST_BYTES = 4096;
const PEPPER = "password-pepper";

export interface PasswordHashingOptions {
  /** Memory of one hash in KiB; 65536, which is 64 MiB. */
  readonly memoryKiB?: number;
  /** Passes over that memory; 3. */
  readonly passes?: number;
  /** Lanes; 1. */
  readonly parallelism?: number;
  /** Keys of a pepper: a copy of the table alone is then no use. Lost keys are lost passwords. */
  readonly pepper?: KeySource;
  /**
   * The costliest hash among those you imported, or one like it. Every answer then takes as long as one about it, or the time would tell which
   * addresses have an account that has not signed in since.
   */
  readonly costliestImported?: string;
  /** The limits of the flood; the line of the process by default. */
  readonly line?: HashingLine;
  /** Receives what happened to a stored hash. */
  readonly onEvent?: (event: AuditEvent) => void;
}

/** What is stored about an account. */
export interface PasswordAccount {
  readonly userId: UserId;
  readonly stored: string | null;
}

export type PasswordVerdict =
  /** `upgraded` is to be stored in place of the old hash, if that is still there. */
  | { readonly kind: "verified"; readonly proof: Proof; readonly upgraded: string | undefined }
  | { readonly kind: "refused" }
  | Busy;

export type HashedPassword =
  | { readonly kind: "hashed"; readonly encoded: string }
  /** Not text, a lone surrogate, or longer than 1024 characters or 4096 bytes. */
  | { readonly kind: "refused" }
  | Busy;

export interface PasswordHashing {
  readonly control: Control;
  /** A place in the line for `verify`: take it before what costs anything, and leave it in the end. */
  enter(): HashingPlace | Busy;
  hash(password: unknown): Promise<HashedPassword>;
  /**
   * @param account undefined when nobody has that name: the answer costs the same
   * @param nowMs the moment of the proof, in milliseconds since the epoch
   * @param place from `enter()`; with it the verdict is never `busy`
   */
  verify(
    password: unknown,
    account: PasswordAccount | undefined,
    nowMs: number,
    place?: HashingPlace,
  ): Promise<PasswordVerdict>;
}

const KNOWN = ["memoryKiB", "passes", "parallelism", "pepper", "costliestImported", "line", "onEvent"] as const;

/**
 * Hashes and verifies passwords. A stored hash that cannot be read verifies nothing and is reported; it never throws.
 *
 * @throws TypeError on an unknown option, or parameters below OWASP's floor or above what a sign-in may cost
 * @example
 * const passwords = passwordHashing({ pepper: keys });
 */
export function passwordHashing(options: PasswordHashingOptions = {}): PasswordHashing {
  rejectUnknownOptions("passwordHashing", options, KNOWN);
  const parameters = judgeParameters({ ...DEFAULTS, ...pick(options) });
  const { line = sharedHashingLine(), onEvent = () => undefined } = options;
  const pepper = options.pepper?.derive(PEPPER);
  const level = levelOf(options.costliestImported);
  const encode = (text: string): Promise<string> => encodePassword(text, parameters, pepper);

  const answer = async (
    text: string,
    account: PasswordAccount | undefined,
    nowMs: number,
  ): Promise<PasswordVerdict> => {
    const stored = account === undefined ? undefined : readOrReport(account.stored, onEvent);
    const isCurrent = stored !== undefined && satisfies(stored, parameters, pepper);
    const matches = stored !== undefined && (await matching(stored, text, pepper, onEvent));
    // Somebody unknown, a wrong password and an old hash all cost one hash of today and the level: an old hash uses it, the others drop it.
    const replacement = isCurrent ? undefined : await encode(text);
    // Two verifications for a hash that may be of either spelling: everybody else's answer takes as long.
    if (!isNormal(text) && !mayBeOfEitherSpelling(stored)) await encode(text);
    await spendWork(topUp(stored, isCurrent, level));
    if (!matches || account === undefined) return { kind: "refused" };
    if (replacement !== undefined) onEvent(upgradedEvent(stored.algorithm, account.userId));
    return { kind: "verified", proof: passwordProof(account.userId, nowMs), upgraded: replacement };
  };
  return {
    control: { meta: META, rules: [POOL_STARVED], check: () => assess(line) },
    enter: () => line.enter(),
    hash: async (password) => {
      if (!isBounded(password)) return { kind: "refused" };
      const served = await line.run(() => encode(password));
      return served.kind === "busy" ? served : { kind: "hashed", encoded: served.value };
    },
    verify: async (password, account, nowMs, taken) => {
      const place = taken ?? line.enter();
      if (place.kind === "busy") return place;
      if (isBounded(password)) return place.run(() => answer(password, account, nowMs));
      place.leave();
      return { kind: "refused" };
    },
  };
}

function assess(line: HashingLine): readonly Finding[] {
  if (line.concurrency < threadPoolSize()) return [];
  return [finding(POOL_STARVED, { kind: "setting", name: "passwordHashing" }, `${line.concurrency} at a time`)];
}

function pick(options: PasswordHashingOptions): Partial<Argon2Parameters> {
  const { memoryKiB, passes, parallelism } = options;
  return {
    ...(memoryKiB !== undefined && { memoryKiB }),
    ...(passes !== undefined && { passes }),
    ...(parallelism !== undefined && { parallelism }),
  };
}

function judgeParameters(parameters: Argon2Parameters): Argon2Parameters {
  const { memoryKiB, passes, parallelism } = parameters;
  const whole = [memoryKiB, passes, parallelism].every((one) => Number.isSafeInteger(one) && one > 0);
  if (!whole || memoryKiB > MOST_MEMORY_KIB || passes > MOST_PASSES || parallelism > MOST_PARALLELISM)
    throw new TypeError(
      `passwordHashing() needs whole numbers: memoryKiB to ${MOST_MEMORY_KIB}, passes to ${MOST_PASSES}, parallelism to ${MOST_PARALLELISM}.`,
    );
  if (!FLOORS.some((floor) => memoryKiB >= floor.memoryKiB && passes >= floor.passes))
    throw new TypeError(
      "passwordHashing() needs at least memoryKiB: 19456 with passes: 2, which is OWASP's floor for Argon2id.",
    );
  return parameters;
}

function levelOf(costliest: string | undefined): number {
  if (costliest === undefined) return 0;
  const read = readStored(costliest);
  if (read === undefined)
    throw new TypeError("passwordHashing() needs costliestImported as a hash that it can read, parameters included.");
  return read.work;
}

function isBounded(password: unknown): password is string {
  return (
    typeof password === "string" &&
    password.length <= 2 * MOST_CHARACTERS &&
    password.isWellFormed() &&
    [...password].length <= MOST_CHARACTERS &&
    Buffer.byteLength(password) <= MOST_BYTES
  );
}

function readOrReport(stored: unknown, onEvent: (event: AuditEvent) => void): StoredHash | undefined {
  // Django marks an account without a password by an exclamation mark.
  if (stored === null || stored === undefined || (typeof stored === "string" && stored.startsWith("!")))
    return undefined;
  const read = typeof stored === "string" ? readStored(stored) : undefined;
  if (read === undefined) onEvent(unreadableEvent());
  return read;
}

async function matching(
  stored: StoredHash,
  text: string,
  pepper: DerivedKeys | undefined,
  onEvent: (event: AuditEvent) => void,
): Promise<boolean> {
  try {
    if (!isArgon2(stored)) return await stored.verify(text);
    const normal = text.normalize("NFC");
    if (mayBeOfEitherSpelling(stored))
      return (await stored.verify(normal)) || (!isNormal(text) && (await stored.verify(text)));
    const key = pepper?.all.find(({ id }) => encodeId(id) === stored.keyId);
    if (key !== undefined) return await stored.verify(seasoned(key.bytes, normal));
    onEvent({ ...unreadableEvent(), detail: "pepper_key_missing" });
    // The answer must not come sooner because the key is gone.
    await stored.verify(seasoned(randomBytes(32), normal));
    return false;
  } catch {
    onEvent(unreadableEvent());
    return false;
  }
}

async function encodePassword(
  text: string,
  { memoryKiB, passes, parallelism }: Argon2Parameters,
  pepper: DerivedKeys | undefined,
): Promise<string> {
  const normal = text.normalize("NFC");
  const parameters = { memoryKiB, passes, parallelism };
  if (pepper === undefined) return argon2id(normal, parameters);
  const { id, bytes } = pepper.current;
  const encoded = await argon2id(seasoned(bytes, normal), parameters);
  // PHC has a parameter for it, after the others.
  return encoded.replace(/(,p=\d+)\$/u, `$1,keyid=${encodeId(id)}$`);
}

/** As hexadecimal text: the library reads bytes as UTF-8 when it verifies, and refuses most of them. */
function seasoned(key: Uint8Array, normal: string): string {
  return createHmac("sha256", key).update(normal, "utf8").digest("hex");
}

function encodeId(id: string): string {
  return Buffer.from(id).toString("base64url");
}

/** Without the id of a key it may be another system's, such as Django's, which hashes what was typed as it came. */
function mayBeOfEitherSpelling(stored: StoredHash | undefined): boolean {
  return stored !== undefined && isArgon2(stored) && stored.keyId === undefined;
}

function isNormal(text: string): boolean {
  return text.normalize("NFC") === text;
}

function isArgon2(stored: StoredHash): stored is Argon2Hash {
  return "variety" in stored;
}

/** Upwards only: a stored hash that is stronger than asked for stays. */
function satisfies(stored: StoredHash, parameters: Argon2Parameters, pepper: DerivedKeys | undefined): boolean {
  return (
    isArgon2(stored) &&
    stored.variety === "argon2id" &&
    stored.version === 19 &&
    stored.memoryKiB >= parameters.memoryKiB &&
    stored.passes >= parameters.passes &&
    (pepper === undefined || stored.keyId === encodeId(pepper.current.id))
  );
}

function passwordProof(userId: UserId, nowMs: number): Proof {
  return proof({
    userId,
    method: "password",
    factors: ["knowledge"],
    phishingResistant: false,
    deviceBound: false,
    provedAtMs: nowMs,
  });
}
