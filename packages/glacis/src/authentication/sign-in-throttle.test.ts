/** Attacks on a sign-in, and the people who must get in all the same. */
import { randomBytes } from "node:crypto";
import { createClient } from "redis";
import { afterAll, describe, expect, it } from "vitest";
import { ownRedis, testDatabase, testRedis } from "../../../../test/support/services.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { sketchExchange } from "../testing/exchange.ts";
import {
  postgresSignInThrottle,
  SIGN_IN_THROTTLE_MIGRATION,
  SIGN_IN_THROTTLE_TABLES,
} from "./sign-in-throttle-postgres.ts";
import { redisSignInThrottle } from "./sign-in-throttle-redis.ts";
import { memorySignInThrottle, type SignInThrottleStore } from "./sign-in-throttle-store.ts";
import { signInThrottle, type SignInAttempt, type SignInThrottle } from "./sign-in-throttle.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A source of keys as a ring makes them: other bytes for each purpose and id. */
function keysOf(...ids: readonly string[]): KeySource {
  const made = new Map<string, Uint8Array>();
  return {
    ids,
    derive(purpose) {
      const all = ids.map((id) => {
        const name = `${purpose} ${id}`;
        const bytes = made.get(name) ?? Uint8Array.from(Buffer.from(name.padEnd(32, "-")));
        made.set(name, bytes);
        return { id, bytes };
      });
      return { current: all[0]!, all };
    },
  };
}

const keys = keysOf("k1");
let nowMs = Date.parse("2026-11-26T12:00:00Z");
const now = (): number => nowMs;

function world(store: SignInThrottleStore = memorySignInThrottle({ now }), more: object = {}) {
  const events: AuditEvent[] = [];
  const throttle = signInThrottle({ keys, store, now, report: (event) => void events.push(event), ...more });
  return { throttle, events };
}

const from = (client: string, device?: string): SignInAttempt["request"] =>
  sketchExchange({ client, nowMs, ...(device !== undefined && { headers: { cookie: `__Host-device=${device}` } }) });

async function attempt(
  throttle: SignInThrottle,
  account: string,
  client: string,
  outcome: "right" | "wrong" | "crash",
  more: Partial<SignInAttempt> = {},
): Promise<string> {
  const verdict = await throttle.begin({ account, request: from(client), ...more });
  if (verdict.kind === "wait") return verdict.scope;
  if (outcome === "right") await verdict.ticket.succeeded();
  if (outcome === "wrong") await verdict.ticket.failed();
  return outcome;
}

async function fail(throttle: SignInThrottle, account: string, client: string, times: number): Promise<string[]> {
  const seen: string[] = [];
  for (let count = 0; count < times; count += 1) seen.push(await attempt(throttle, account, client, "wrong"));
  return seen;
}

const address = (index: number): string => `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.9`;

const database = await testDatabase("sign_in_attacks");
await database?.pool.query(SIGN_IN_THROTTLE_MIGRATION);
const redis = await testRedis("sign-in-attacks");
afterAll(async () => {
  await database?.drop();
  await redis?.drop();
});
const shared: readonly (readonly [string, SignInThrottleStore])[] = [
  ...(database === undefined ? [] : [["Postgres", postgresSignInThrottle({ database: database.pool })] as const]),
  ...(redis === undefined
    ? []
    : [["Redis", redisSignInThrottle({ client: redis.client, prefix: redis.prefix })] as const]),
];

describe("signInThrottle", () => {
  it("answers the sixth attempt with 429 and Retry-After, for an account that nobody has as for any other", async () => {
    const { throttle, events } = world();
    for (const account of ["ada@example.com", "nobody@example.com", "", "\0", "é".repeat(100_000)]) {
      const client = address(account.length);
      expect(await fail(throttle, account, client, 5)).toEqual(["wrong", "wrong", "wrong", "wrong", "wrong"]);
      const verdict = await throttle.begin({ account, request: from(client) });
      expect(verdict).toMatchObject({
        kind: "wait",
        scope: "account",
        retryAfterSeconds: 30,
        decision: { reason: "rate_limited", events: [], headers: [["retry-after", "30"]] },
      });
    }
    expect(events).toHaveLength(5);
    expect(events[0]).toMatchObject({ event: "authn_login_fail_max", status: "refused", detail: "password account" });
    expect(JSON.stringify(events)).not.toContain("example.com");
  });

  it("follows the guide's five in fifteen minutes in one line", async () => {
    const { throttle } = world(undefined, { account: { failures: 5, minutes: 15 } });
    expect(await fail(throttle, "ada", "192.0.2.1", 6)).toEqual([...Array<string>(5).fill("wrong"), "account"]);
    nowMs += 15 * MINUTE - 1;
    expect(await attempt(throttle, "ada", "192.0.2.1", "right")).toBe("account");
    nowMs += 1;
    expect(await fail(throttle, "ada", "192.0.2.1", 6)).toEqual([...Array<string>(5).fill("wrong"), "account"]);
  });

  it("counts an attempt that crashed as a failure, and one that succeeded not at all", async () => {
    const { throttle } = world();
    for (let count = 0; count < 20; count += 1)
      expect(await attempt(throttle, "ada", "192.0.2.1", "right")).toBe("right");
    for (let count = 0; count < 5; count += 1)
      expect(await attempt(throttle, "ada", "192.0.2.1", "crash")).toBe("crash");
    expect(await attempt(throttle, "ada", "192.0.2.1", "right")).toBe("account");
  });

  it("settles a ticket once: what failed does not succeed afterwards", async () => {
    const { throttle } = world();
    await fail(throttle, "ada", "192.0.2.1", 4);
    const verdict = await throttle.begin({ account: "ada", request: from("192.0.2.1") });
    if (verdict.kind === "wait") throw new Error("expected a ticket");
    await verdict.ticket.failed();
    await verdict.ticket.succeeded();
    expect(await attempt(throttle, "ada", "192.0.2.1", "right")).toBe("account");
  });

  it("stops guessing at one account from ever new networks, and says that it is distributed", async () => {
    const { throttle, events } = world();
    const verdicts = new Map<string, number>();
    for (let index = 0; index < 10_000; index += 1) {
      const verdict = await attempt(throttle, "ada", address(index), "wrong");
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      nowMs += 1000;
    }
    // Three hours: five for nothing, then after 30 s, 1, 2, 4, 8, 16, 32 and 60 minutes.
    expect(verdicts.get("wrong")).toBeLessThanOrEqual(14);
    expect(events.filter(({ event }) => event === "authn_distributed_guessing").length).toBeLessThanOrEqual(1);
  });

  it("stops one address and one network over many accounts, and a success there gives back no more than itself", async () => {
    const { throttle } = world(undefined, { network: { failures: 40, minutes: 15 } });
    const seen = new Set<string>();
    let wrong = 0;
    for (let index = 0; index < 40; index += 1) {
      // The attacker's own account, in between.
      if (index % 3 === 0) await attempt(throttle, "mallory", "198.51.100.7", "right");
      const verdict = await attempt(throttle, `user ${index % 7}`, "198.51.100.7", "wrong");
      seen.add(verdict);
      if (verdict === "wrong") wrong += 1;
    }
    expect(wrong).toBe(30);
    expect(seen).toContain("client");
    for (let index = 0; index < 10; index += 1)
      await attempt(throttle, `n ${index}`, `198.51.100.${index + 20}`, "wrong");
    expect(await attempt(throttle, "fresh", "198.51.100.200", "right")).toBe("network");
    expect(await attempt(throttle, "fresh", "198.51.101.200", "right")).toBe("right");
  });

  it("counts the addresses of one IPv6 customer together", async () => {
    const { throttle } = world(undefined, { client: { failures: 3, minutes: 15 } });
    for (let index = 1; index <= 3; index += 1)
      await attempt(throttle, `v6 ${index}`, `2001:db8:1:2::${index}`, "wrong");
    expect(await attempt(throttle, "v6", "2001:db8:1:2:ffff::1", "right")).toBe("client");
    expect(await attempt(throttle, "v6", "2001:db8:1:3::1", "right")).toBe("right");
  });

  it("keeps an address away from an account by the day, even if the owner signs in again and again", async () => {
    const { throttle } = world();
    const verdicts: string[] = [];
    for (let hour = 0; hour < 23; hour += 1) {
      await attempt(throttle, "ada", "192.0.2.1", "right");
      verdicts.push(...(await fail(throttle, "ada", "198.51.100.7", 2)));
      nowMs += HOUR;
    }
    expect(verdicts.filter((verdict) => verdict === "wrong")).toHaveLength(20);
    expect(verdicts.at(-1)).toBe("pair");
  });
});

describe("an owner on a known device", () => {
  function remembered(throttle: SignInThrottle, account: string): string {
    const exchange = sketchExchange({ nowMs });
    throttle.remember(exchange, account);
    const line = exchange.responseHeaders?.[0]?.[1] ?? "";
    expect(line).toMatch(/^__Host-device=[^;]+; Max-Age=31536000; Path=\/; Secure; HttpOnly; SameSite=Lax$/u);
    expect(line).not.toContain(account);
    return line.split(/[=;]/u)[1] ?? "";
  }

  it("signs in always, while ten thousand attempts of strangers run for days, from the owner's own address too", async () => {
    const { throttle } = world();
    const device = remembered(throttle, "ada");
    let stranger = 0;
    for (let index = 0; index < 10_000; index += 1) {
      const client = index % 2 === 0 ? address(index) : "192.0.2.1";
      if ((await attempt(throttle, "ada", client, "wrong")) === "wrong") stranger += 1;
      nowMs += MINUTE;
      if (index % 500 !== 499) continue;
      const request = from("192.0.2.1", device);
      expect(await attempt(throttle, "ada", "", "wrong", { request })).toBe("wrong");
      expect(await attempt(throttle, "ada", "", "right", { request })).toBe("right");
    }
    expect(stranger).toBeLessThan(200);
  });

  it("has ten attempts left when strangers have used up theirs, and a hundred in all are never exceeded", async () => {
    const { throttle, events } = world();
    const device = remembered(throttle, "ada");
    let wrong = 0;
    for (let index = 0; index < 150; index += 1) {
      if ((await attempt(throttle, "ada", address(index), "wrong")) === "wrong") wrong += 1;
      nowMs += HOUR;
    }
    expect(wrong).toBe(90);
    expect(await attempt(throttle, "ada", "203.0.113.200", "right")).toBe("authenticator");
    expect(await throttle.state("ada")).toMatchObject([{ kind: "password", failures: 90, deadFor: "strangers" }]);
    for (let count = 0; count < 20; count += 1) {
      const verdict = await attempt(throttle, "ada", "", "wrong", { request: from("192.0.2.1", device) });
      if (verdict === "wrong") wrong += 1;
      nowMs += HOUR;
    }
    expect(wrong).toBe(100);
    nowMs += 1000 * DAY;
    expect(await attempt(throttle, "ada", address(1), "right")).toBe("authenticator");
    expect(await throttle.state("ada")).toMatchObject([{ failures: 100, deadFor: "everybody" }]);
    expect(events.at(-1)).toMatchObject({ event: "authn_login_lock", severity: "error" });
    // Another authenticator is not concerned.
    expect(await attempt(throttle, "ada", address(1), "right", { kind: "recovery_code" })).toBe("right");
    await throttle.unlock("ada");
    expect(await throttle.state("ada")).toEqual([]);
    expect(await attempt(throttle, "ada", address(1), "right")).toBe("right");
    expect(events.at(-1)).toMatchObject({ event: "authn_login_unlock" });
  });

  it("is slowed by failures on the device itself, which a stolen cookie would bring", async () => {
    const { throttle } = world();
    const device = remembered(throttle, "ada");
    const verdicts: string[] = [];
    for (let index = 0; index < 8; index += 1)
      verdicts.push(await attempt(throttle, "ada", "", "wrong", { request: from(address(index), device) }));
    expect(verdicts).toEqual([...Array<string>(5).fill("wrong"), "device", "device", "device"]);
  });

  it("is a stranger with a forged, changed, expired or revoked cookie, and with that of another account", async () => {
    const { throttle } = world();
    await fail(throttle, "ada", "203.0.113.9", 5);
    const device = remembered(throttle, "ada");
    const other = remembered(throttle, "mallory");
    const elsewhere = signInThrottle({ keys: keysOf("k9"), store: memorySignInThrottle(), now });
    const values = [
      other,
      remembered(elsewhere, "ada"),
      device.slice(0, -1) + (device.endsWith("A") ? "B" : "A"),
      `${randomBytes(16).toString("base64url")}${device.slice(22)}`,
      "",
      "x",
      "a".repeat(4000),
    ];
    for (const value of values)
      expect(await attempt(throttle, "ada", "", "right", { request: from("192.0.2.1", value) })).toBe("account");
    expect(await attempt(throttle, "ada", "192.0.2.1", "wrong", { device })).toBe("wrong");
    expect(await attempt(throttle, "ADA", "192.0.2.1", "right", { device })).toBe("right");
    await throttle.forgetDevices("ada");
    await fail(throttle, "ada", "203.0.113.9", 5);
    expect(await attempt(throttle, "ada", "192.0.2.1", "right", { device })).toBe("account");
    nowMs += 2000;
    const fresh = remembered(throttle, "ada");
    expect(await attempt(throttle, "ada", "192.0.2.1", "right", { device: fresh })).toBe("right");
    nowMs += 366 * DAY;
    await fail(throttle, "ada", "203.0.113.9", 5);
    expect(await attempt(throttle, "ada", "192.0.2.1", "right", { device: fresh })).toBe("account");
  });
});

describe.each(shared)("signInThrottle over %s", (_, store) => {
  it("lets five of a thousand guesses begin, two hundred at a time", async () => {
    const { throttle } = world(store);
    const account = randomBytes(8).toString("hex");
    const verdicts: string[] = [];
    // All at once, a slow machine needs longer than the throttle waits for its store, and then it refuses.
    for (let from = 0; from < 1000; from += 200) {
      const asked = Array.from({ length: 200 }, async (__, index) =>
        attempt(throttle, account, address(from + index), "wrong"),
      );
      verdicts.push(...(await Promise.all(asked)));
    }
    expect(verdicts.filter((verdict) => verdict === "wrong")).toHaveLength(5);
  });

  it("counts alike in two processes whose clocks differ by a day", async () => {
    const account = randomBytes(8).toString("hex");
    const fast = world(store, { now: () => nowMs + DAY }).throttle;
    const slow = world(store, { now: () => nowMs - DAY }).throttle;
    const verdicts: string[] = [];
    for (let index = 0; index < 8; index += 1)
      verdicts.push(await attempt(index % 2 === 0 ? fast : slow, account, address(index), "wrong"));
    expect(verdicts).toEqual([...Array<string>(5).fill("wrong"), "account", "account", "account"]);
    await slow.unlock(account);
    expect(await attempt(fast, account, address(1), "right")).toBe("right");
  });

  it("keeps counting under the old key while the ring is rotated", async () => {
    const account = randomBytes(8).toString("hex");
    await fail(signInThrottle({ keys, store }), account, "192.0.2.77", 5);
    const rotated = signInThrottle({ keys: keysOf("k2", "k1"), store });
    expect(await attempt(rotated, account, "192.0.3.77", "right")).toBe("account");
    await rotated.unlock(account);
    expect(await attempt(rotated, account, "192.0.3.77", "right")).toBe("right");
  });
});

describe("the store", () => {
  it("holds no account and no address", async (test) => {
    if (database === undefined) return test.skip();
    const { throttle } = world(postgresSignInThrottle({ database: database.pool }));
    await attempt(throttle, "ada.lovelace@example.com", "203.0.113.77", "wrong");
    const { rows } = await database.pool.query(`select * from ${SIGN_IN_THROTTLE_TABLES[0]}`);
    expect(rows.length).toBeGreaterThan(4);
    expect(JSON.stringify(rows)).not.toMatch(/lovelace|example|203\.0/u);
  });

  it("that is down refuses with 503 and one event, whether it dies, hangs or errs", async (test) => {
    const own = await ownRedis("sign-in-throttle-outage");
    if (own === undefined) return test.skip();
    try {
      const client = createClient({ url: own.url, disableOfflineQueue: true, socket: { reconnectStrategy: false } });
      client.on("error", () => undefined);
      await client.connect();
      const { throttle } = world(redisSignInThrottle({ client }));
      const verdict = await throttle.begin({ account: "ada", request: from("192.0.2.1") });
      if (verdict.kind === "wait") throw new Error("expected a ticket");
      own.freeze();
      await expectRefusal(throttle.begin({ account: "ada", request: from("192.0.2.1") }));
      own.thaw();
      await own.kill();
      await expectRefusal(throttle.begin({ account: "ada", request: from("192.0.2.1") }));
      // A right password, and nobody can say that it was the first guess.
      await expectRefusal(verdict.ticket.succeeded());
      await expectRefusal(throttle.unlock("ada"));
    } finally {
      await own.discard();
    }
  });
});

async function expectRefusal(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Refusal);
  const { decision } = error as Refusal;
  expect(decision.reason).toBe("control_failed");
  expect(decision.events).toMatchObject([{ event: "sys_control_failed", control: "login-throttling" }]);
}

describe("the options", () => {
  it("are refused when they are impossible", () => {
    const store = memorySignInThrottle();
    for (const wrong of [
      { acount: { failures: 5, minutes: 15 } },
      { account: { failures: 0, minutes: 15 } },
      { account: { failures: 5, minutes: 1e6 } },
      { client: { failures: 5, seconds: 900 } },
      { network: { failures: 1.5, minutes: 1 } },
    ])
      expect(() => signInThrottle({ keys, store, ...wrong } as never)).toThrow(TypeError);
  });

  it("are findings when they are weak", async () => {
    const deployment = { ...currentDeployment("production"), mode: "production" as const };
    const found = (throttle: SignInThrottle): string[] =>
      throttle.controls.flatMap(({ check }) => check(deployment).map(({ rule }) => rule.id));
    const store = memorySignInThrottle();
    expect(found(signInThrottle({ keys, store, account: { failures: 50, minutes: 120 } }))).toEqual([
      "login-throttling/memory-store",
      "login-throttling/loose-limit",
      "lockout-dos-resistance/long-wait",
      "credential-stuffing-detection/unreported",
    ]);
    const good = { ...store, kind: "shared" as const };
    expect(found(signInThrottle({ keys, store: good, report: () => undefined }))).toEqual([]);
  });

  it("do not let an attempt through that is none", async () => {
    const { throttle } = world();
    const request = from("192.0.2.1");
    await expect(throttle.begin({ account: undefined as never, request })).rejects.toThrow(TypeError);
    await expect(throttle.begin({ account: "ada", request, kind: "guess" as never })).rejects.toThrow(TypeError);
  });
});
