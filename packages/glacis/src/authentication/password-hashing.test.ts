import { setTimeout as delay } from "node:timers/promises";
import { pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { readlinkSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { getPriority } from "node:os";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { UserId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { argon2id } from "./password-hash-argon2.ts";
import { hashingLine } from "./password-hash-line.ts";
import { topUp } from "./password-hash-pbkdf2.ts";
import { readStored } from "./password-hash-stored.ts";
import {
  passwordHashing,
  type PasswordAccount,
  type PasswordHashingOptions,
  type PasswordVerdict,
} from "./password-hashing.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const USER = "user-1" as UserId;
/** Of the parameters that are allowed at least, those that take the least time. */
const FAST = { memoryKiB: 7168, passes: 5 } as const;

const make = (options: PasswordHashingOptions = {}): ReturnType<typeof passwordHashing> =>
  passwordHashing({ ...FAST, line: hashingLine({ concurrency: 2 }), ...options });

const check = (password: unknown, stored: string | null, options?: PasswordHashingOptions): Promise<PasswordVerdict> =>
  make(options).verify(password, { userId: USER, stored }, NOW);

async function encoded(password: string, options?: PasswordHashingOptions): Promise<string> {
  const outcome = await make(options).hash(password);
  if (outcome.kind !== "hashed") throw new Error(outcome.kind);
  return outcome.encoded;
}

function keys(...ids: readonly string[]): KeySource {
  const all = ids.map((id) => ({ id, bytes: Buffer.alloc(32, id) }));
  return { ids, derive: () => ({ current: all[0] as (typeof all)[number], all }) };
}

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly password?: string;
  readonly encoded?: string;
  readonly valid?: boolean;
}

const vectors = loadVectors<Case>("hashes");
const verifying = (vectors?.cases ?? []).filter(({ kind }) => kind === "verify" || kind === "verify_password");

/**
 * Recorded cases of the kinds identify, must_update, must_update_salt, encode_error and make_password describe Django's own hashers as writers;
 * nothing here writes those formats, and every one of them is replaced at the next sign-in. A case that raises there is a plain refusal here.
 */
describe.skipIf(vectors === undefined)("recorded hashes", () => {
  it.each(verifying.map((one) => [one.id, one] as const))(
    "answers %s as recorded, and never throws",
    async (_, one) => {
      const verdict = await check(one.password, one.encoded ?? null);
      expect(verdict.kind).toBe(one.valid === true ? "verified" : "refused");
    },
  );
});

describe("verifying", () => {
  it("proves one factor, knowledge, and asks for no upgrade of a hash of today", async () => {
    const verdict = await check("correct horse battery", await encoded("correct horse battery"));
    expect(verdict).toMatchObject({
      kind: "verified",
      proof: { userId: USER, method: "password", factors: ["knowledge"], provedAtMs: NOW },
      upgraded: undefined,
    });
  });

  it("takes a composed and a decomposed letter for the same, and nothing else", async () => {
    const stored = await encoded("l\u00e8tmein with accents");
    expect((await check("le\u0300tmein with accents", stored)).kind).toBe("verified");
    for (const other of ["letmein with accents", "L\u00e8tmein with accents", "l\u00e8tmein with accents "])
      expect((await check(other, stored)).kind).toBe("refused");
  });

  it("verifies a decomposed password that another system hashed as it came, and carries it over to the composed form", async () => {
    const typed = "le\u0300tmein with accents";
    const imported = `argon2${await argon2id(typed, { ...FAST, parallelism: 8 })}`;
    const pepper = keys("k1");
    const verdict = await check(typed, imported, { pepper });
    if (verdict.kind !== "verified" || verdict.upgraded === undefined) throw new Error("no upgrade");
    for (const spelling of [typed, typed.normalize("NFC")])
      expect((await check(spelling, verdict.upgraded, { pepper })).kind).toBe("verified");
    expect((await check(typed.normalize("NFC"), imported, { pepper })).kind).toBe("refused");
    expect((await check(`${typed}x`, imported, { pepper })).kind).toBe("refused");
  });

  it("spends as many hashes on a decomposed password for nobody as for somebody whose hash may be of either spelling", async () => {
    const typed = "le\u0300tmein with accents, but wrong";
    const stored = await encoded("another password altogether");
    const passwords = make();
    const timeOf = async (account: PasswordAccount | undefined): Promise<number> => {
      const startedAt = performance.now();
      await passwords.verify(typed, account, NOW);
      return performance.now() - startedAt;
    };
    // They take turns, so that a busy moment falls on both.
    const times: { nobody: number; somebody: number }[] = [];
    for (let round = 0; round < 15; round += 1)
      times.push({ nobody: await timeOf(undefined), somebody: await timeOf({ userId: USER, stored }) });
    const ratio = Math.min(...times.map(({ nobody }) => nobody)) / Math.min(...times.map(({ somebody }) => somebody));
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.4);
  });

  it("gives an old hash a successor that verifies", async () => {
    const old = "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3";
    const events: AuditEvent[] = [];
    const verdict = await check("l\u00e8tmein", old, { onEvent: (event) => events.push(event) });
    if (verdict.kind !== "verified" || verdict.upgraded === undefined) throw new Error("no upgrade");
    expect(events).toMatchObject([{ event: "password_hash_upgraded", user_id: USER }]);
    expect(verdict.upgraded).toMatch(/^\$argon2id\$v=19\$m=7168,t=5,p=1\$/u);
    expect((await check("l\u00e8tmein", verdict.upgraded)).kind).toBe("verified");
  });

  it("upgrades upwards only", async () => {
    const strong = await encoded("correct horse battery", { memoryKiB: 9216, passes: 6 });
    expect(await check("correct horse battery", strong)).toMatchObject({ upgraded: undefined });
    const weak = await encoded("correct horse battery");
    expect(await check("correct horse battery", weak, { memoryKiB: 9216, passes: 6 })).toMatchObject({
      upgraded: expect.stringContaining("m=9216,t=6") as string,
    });
  });

  it.each([
    ["better-auth", betterAuth("Secret \ufb01sh 1"), "Secret \ufb01sh 1"],
    ["Adonis", adonis("secret"), "secret"],
    ["bcrypt by another name", "$2y$04$abcdefghijklmnopqrstuu/ied6LYDv4Nek.n8vXq7pbx7mJcRizO", " "],
  ])("verifies what %s stored", async (_, stored, password) => {
    expect((await check(password, stored)).kind).toBe("verified");
    expect((await check(`${password}x`, stored)).kind).toBe("refused");
  });

  it.each([
    "$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=262144,t=99999,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$2b$31$abcdefghijklmnopqrstuu/ied6LYDv4Nek.n8vXq7pbx7mJcRizO",
    "pbkdf2_sha256$999999999$salt$qN+JnzxPIE2WfgrWPAkph8EAVeuwF7PZ0ordIY1Peq0=",
    "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$3$salt$8$1$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "pbkdf2_sha256$",
    "bcrypt$$2b$04$x",
    "gibberish",
    "",
    "$".repeat(5000),
  ])("reports the stored hash %j and verifies nothing with it", async (stored) => {
    const events: AuditEvent[] = [];
    const verdict = await check("secret", stored, { onEvent: (event) => events.push(event) });
    expect(verdict.kind).toBe("refused");
    expect(events.map(({ event }) => event)).toEqual(["authn_stored_hash_unreadable"]);
    expect(JSON.stringify(events)).not.toContain("salt");
  });

  it.each([
    ["pbkdf2_sha256$1$salt$", pbkdf2Sync("secret", "salt", 1, 32, "sha256")],
    ["pbkdf2_sha1$1$salt$", pbkdf2Sync("secret", "salt", 1, 20, "sha1")],
    ["scrypt$16$salt$1$1$", scryptSync("secret", "salt", 64, { N: 16, r: 1, p: 1 })],
  ])("reads %s as it was written, and no shorter or other spelling of it", async (head, key) => {
    const whole = head + key.toString("base64");
    expect((await check("secret", whole)).kind).toBe("verified");
    const bare = whole.replace(/=+$/u, "");
    const last = String.fromCharCode(bare.charCodeAt(bare.length - 1) + 1);
    for (const other of [
      bare,
      `${bare.slice(0, -1)}${last}==`.slice(0, whole.length),
      head + key.subarray(0, 18).toString("base64"),
      whole.replace("$", "$0"),
    ])
      expect((await check("secret", other)).kind, other).toBe("refused");
  });

  it.each([[["a"]], [1], [undefined], [null], ["\ud800"], ["x".repeat(1025)], ["\u{1f600}".repeat(1025)]])(
    "refuses %j without a hash",
    async (password) => {
      const line = hashingLine({ concurrency: 1 });
      const counted = { ...line, run: () => Promise.reject(new Error("hashed")) };
      const passwords = make({ line: counted });
      expect(await passwords.verify(password, undefined, NOW)).toEqual({ kind: "refused" });
      expect(await passwords.hash(password)).toEqual({ kind: "refused" });
    },
  );
});

describe("the pepper", () => {
  it("is needed to verify, and its key's id stands in the hash", async () => {
    const stored = await encoded("correct horse battery", { pepper: keys("k1") });
    expect(stored).toContain(",keyid=");
    expect((await check("correct horse battery", stored, { pepper: keys("k1") })).kind).toBe("verified");
    const events: AuditEvent[] = [];
    const onEvent = (event: AuditEvent): void => void events.push(event);
    expect((await check("correct horse battery", stored, { onEvent })).kind).toBe("refused");
    expect(events.map(({ detail }) => detail)).toEqual(["pepper_key_missing"]);
  });

  it("moves to the key of today at the next sign-in", async () => {
    const stored = await encoded("correct horse battery", { pepper: keys("k1") });
    const verdict = await check("correct horse battery", stored, { pepper: keys("k2", "k1") });
    if (verdict.kind !== "verified" || verdict.upgraded === undefined) throw new Error("no upgrade");
    expect((await check("correct horse battery", verdict.upgraded, { pepper: keys("k2") })).kind).toBe("verified");
  });
});

describe("the cost of an answer", () => {
  const level = readStored("pbkdf2_sha256$1500000$salt$qN+JnzxPIE2WfgrWPAkph8EAVeuwF7PZ0ordIY1Peq0=")?.work ?? 0;
  it.each([
    ["nobody", undefined, false],
    ["md5", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", false],
    ["a weaker PBKDF2", "pbkdf2_sha256$1000$salt$qN+JnzxPIE2WfgrWPAkph8EAVeuwF7PZ0ordIY1Peq0=", false],
    ["bcrypt", "$2b$12$abcdefghijklmnopqrstuu/ied6LYDv4Nek.n8vXq7pbx7mJcRizO", false],
  ])("is the same work for %s", (_, stored, isCurrent) => {
    const read = stored === undefined ? undefined : readStored(stored);
    expect((read?.work ?? 0) + topUp(read, isCurrent, level)).toBe(1_500_000);
  });
});

describe("a flood", () => {
  it("is told to come again once the line is full, and everyone in the line is answered", async () => {
    const line = hashingLine({ concurrency: 1, waiting: 2 });
    const passwords = make({ line });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => passwords.verify("secret", undefined, NOW)));
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
      ...Array<string>(5).fill("busy"),
      ...Array<string>(3).fill("refused"),
    ]);
    expect(outcomes.find(({ kind }) => kind === "busy")).toMatchObject({
      retryAfterSeconds: expect.any(Number) as number,
    });
  });

  it("is told to come again before anybody would wait longer than his request lives", async () => {
    // A hash is taken for 100 ms until one was timed, so 300 ms are six of them on two threads.
    const line = hashingLine({ concurrency: 2, longestWaitMs: 300 });
    const places = Array.from({ length: 12 }, () => line.enter());
    expect(places.map(({ kind }) => kind)).toEqual([
      ...Array<string>(8).fill("place"),
      ...Array<string>(4).fill("busy"),
    ]);
    for (const place of places) if (place.kind === "place") place.leave();
    const slow = hashingLine({ concurrency: 1, longestWaitMs: 150 });
    for (let hashes = 0; hashes < 3; hashes += 1) await slow.run(() => delay(500));
    // However slow it is, whoever finds nobody before him is served.
    const first = slow.enter();
    expect([first.kind, slow.enter().kind]).toEqual(["place", "busy"]);
    for (const longestWaitMs of [0, -1, Number.NaN, 60_001])
      expect(() => hashingLine({ longestWaitMs })).toThrow("longestWaitMs");
  });

  it.runIf(process.platform === "linux")("is hashed by threads that let the event loop go first", async () => {
    await hashingLine().run(() => Promise.resolve());
    const priorityOf = (thread: string): number => getPriority(Number(thread.slice(thread.lastIndexOf("/") + 1)));
    expect(priorityOf(readlinkSync("/proc/thread-self"))).toBe(0);
    const pool = new Set<string>();
    for (let reads = 0; reads < 100; reads += 1) pool.add(await readlink("/proc/thread-self"));
    expect([...pool].map(priorityOf)).toEqual(Array.from(pool, () => 10));
  });

  it("leaves its place when a job fails", async () => {
    const line = hashingLine({ concurrency: 1, waiting: 0 });
    await expect(line.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await line.run(() => Promise.resolve(1))).toEqual({ kind: "served", value: 1 });
  });

  it("is a finding when it could take every thread of the pool", () => {
    const rules = (concurrency: number): readonly string[] =>
      make({ line: hashingLine({ concurrency }) })
        .control.check({
          mode: "production",
          nodeVersion: "v20.19.0",
          variables: new Map(),
          nodeOptions: [],
          nowMs: NOW,
        })
        .map(({ rule }) => rule.id);
    expect(rules(1024)).toEqual(["password-hashing/pool-starved"]);
    expect(rules(1)).toEqual([]);
  });
});

it.each([
  [{ memoryKiB: 8192, passes: 3 }, "floor"],
  [{ memoryKiB: 19_456, passes: 1 }, "floor"],
  [{ memoryKiB: 999_999_999 }, "whole numbers"],
  [{ passes: 2.5 }, "whole numbers"],
  [{ costliestImported: "gibberish" }, "costliestImported"],
  [{ memory: 1 }, "memoryKiB"],
])("refuses the options %j", (options, message) => {
  expect(() => passwordHashing(options as PasswordHashingOptions)).toThrow(message);
});

function betterAuth(password: string): string {
  const salt = randomBytes(16).toString("hex");
  const key = scryptSync(password.normalize("NFKC"), salt, 64, {
    N: 16_384,
    r: 16,
    p: 1,
    maxmem: 128 * 16_384 * 16 * 2,
  });
  return `${salt}:${key.toString("hex")}`;
}

function adonis(password: string): string {
  const salt = randomBytes(16);
  const key = scryptSync(password, salt, 64, { N: 16_384, r: 8, p: 1 });
  const plain = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$n=16384,r=8,p=1$${plain(salt)}$${plain(key)}`;
}
