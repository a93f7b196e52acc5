/** Traces of attacks that stay under every limit of a single account, and of an ordinary day. */
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { distinctMembers } from "./distinct-members.ts";
import { failureRatio } from "./failure-ratio.ts";
import { memorySignInThrottle } from "./sign-in-throttle-store.ts";
import { signInThrottle, type SignInThrottle } from "./sign-in-throttle.ts";

const MINUTE = 60_000;
const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
const keys: KeySource = {
  ids: ["k1"],
  derive: () => ({ current: { id: "k1", bytes }, all: [{ id: "k1", bytes }] }),
};
let nowMs = Date.parse("2026-11-26T12:00:00Z");
const now = (): number => nowMs;

function world() {
  const events: AuditEvent[] = [];
  const report = (event: AuditEvent): void => void events.push(event);
  return { events, throttle: signInThrottle({ keys, store: memorySignInThrottle({ now }), now, report }) };
}

async function attempt(
  throttle: SignInThrottle,
  sketch: { account: string; client: string; secret: string; right?: boolean; device?: string },
): Promise<string> {
  const { account, client, secret, right = false, device } = sketch;
  const request = sketchExchange({ client, nowMs });
  const verdict = await throttle.begin({ account, request, secret, ...(device !== undefined && { device }) });
  if (verdict.kind === "wait") return verdict.scope;
  await (right ? verdict.ticket.succeeded() : verdict.ticket.failed());
  return "judged";
}

const address = (index: number): string => `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.9`;
const named = (events: readonly AuditEvent[], name: string): readonly AuditEvent[] =>
  events.filter(({ event }) => event === name);

describe("the detectors", () => {
  it("see one password over ten thousand accounts from ever new addresses, and let ten of the guesses through each quarter of an hour", async () => {
    const { throttle, events } = world();
    let judged = 0;
    for (let index = 0; index < 10_000; index += 1) {
      const trial = { account: `user ${index}`, client: address(index), secret: "Winter2026!" };
      if ((await attempt(throttle, trial)) === "judged") judged += 1;
      nowMs += 100;
    }
    expect(judged).toBeLessThanOrEqual(20);
    expect(named(events, "authn_password_spraying").length).toBeGreaterThanOrEqual(1);
    expect(named(events, "authn_password_spraying").length).toBeLessThanOrEqual(2);
    expect(events[0]).toMatchObject({ status: "observed", severity: "critical", detail: "accounts_per_password" });
    expect(JSON.stringify(events)).not.toMatch(/Winter|user \d/u);
    // Somebody with that password is a stranger's guess away from harm, and gets in on a known device alone.
    const device = throttle.deviceCookie.mint("ada", nowMs);
    const owner = { account: "ada", client: "192.0.2.1", secret: "Winter2026!", right: true };
    await attempt(throttle, { account: "y", client: address(77), secret: "Winter2026!" });
    expect(await attempt(throttle, { ...owner, device })).toBe("judged");
  });

  it("stop one client after eight of two hundred accounts, and tell it once", async () => {
    const { throttle, events } = world();
    const verdicts: string[] = [];
    for (let index = 0; index < 200; index += 1)
      verdicts.push(await attempt(throttle, { account: `user ${index}`, client: "203.0.113.7", secret: `p${index}` }));
    expect(verdicts.filter((verdict) => verdict === "judged")).toHaveLength(8);
    expect(named(events, "authn_credential_stuffing")).toHaveLength(1);
    nowMs += 15 * MINUTE;
    expect(await attempt(throttle, { account: "ada", client: "203.0.113.7", secret: "x", right: true })).toBe("judged");
  });

  it("see a network whose addresses take turns", async () => {
    const { throttle, events } = world();
    for (let index = 0; index < 60; index += 1)
      await attempt(throttle, { account: `user ${index}`, client: `203.0.113.${index}`, secret: `p${index}` });
    expect(named(events, "authn_credential_stuffing")).toMatchObject([{ detail: "accounts_per_network", count: 30 }]);
  });

  it("see one account that is tried from many networks", async () => {
    const { throttle, events } = world();
    for (let index = 0; index < 10; index += 1) {
      // Another success of the owner each time, or the account's own wait would end it.
      await attempt(throttle, { account: "ada", client: "192.0.2.1", secret: "right", right: true });
      await attempt(throttle, { account: "ada", client: address(index), secret: `p${index}` });
    }
    expect(named(events, "authn_distributed_guessing")).toHaveLength(1);
  });

  it("see that far more fails than usual, and leave less free until it is over", async () => {
    const { throttle, events } = world();
    const day = async (count: number, failing: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const serial = nowMs % 60_000_000;
        const right = index % 10 >= failing;
        await attempt(throttle, {
          account: `u${serial} ${index}`,
          client: address(index),
          secret: `p${serial}`,
          right,
        });
        nowMs += 3000;
      }
    };
    await day(1000, 1);
    expect(throttle.elevated).toBe(false);
    expect(events).toEqual([]);
    await day(100, 9);
    expect(throttle.elevated).toBe(true);
    expect(named(events, "authn_failure_surge")).toHaveLength(1);
    const verdicts: string[] = [];
    for (let count = 0; count < 4; count += 1)
      verdicts.push(await attempt(throttle, { account: "ada", client: "192.0.2.1", secret: `${count}` }));
    expect(verdicts).toEqual(["judged", "judged", "judged", "account"]);
    nowMs += 11 * MINUTE;
    expect(throttle.elevated).toBe(false);
  });

  it("say nothing on an ordinary day in a large office", async () => {
    const { throttle, events } = world();
    for (let index = 0; index < 2000; index += 1) {
      const sketch = { account: `user ${index % 300}`, client: "192.0.2.1", secret: `own ${index % 300}` };
      const wrong = index % 12 === 0;
      if (wrong) expect(await attempt(throttle, { ...sketch, secret: `typo ${index}` })).toBe("judged");
      expect(await attempt(throttle, { ...sketch, right: true })).toBe("judged");
      nowMs += 15_000;
    }
    expect(events).toEqual([]);
  });
});

describe("distinctMembers", () => {
  it("tells once for each window, and forgets", () => {
    const met = distinctMembers({ windowMs: 1000, threshold: 3 });
    expect([1, 1, 2, 2, 3, 4].map((member) => met.add("a", `${member}`, 0))).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(met.reachedFor("a", 400)).toBe(600);
    expect(met.reachedFor("a", 1000)).toBe(0);
    expect(met.reachedFor("b", 0)).toBe(0);
    expect(met.add("a", "5", 1000)).toBe(false);
  });

  it("remembers what has reached the threshold through a flood of other subjects", () => {
    const met = distinctMembers({ windowMs: 1000, threshold: 2, maxSubjects: 100 });
    met.add("a", "1", 0);
    met.add("a", "2", 0);
    for (let index = 0; index < 5000; index += 1) met.add(`flood ${index}`, "1", 1);
    expect(met.reachedFor("a", 2)).toBe(998);
  });
});

describe("failureRatio", () => {
  it("does not let an attack become what is usual", () => {
    const ratio = failureRatio();
    let told = 0;
    for (let bucket = 0; bucket < 50; bucket += 1)
      for (let index = 0; index < 60; index += 1) {
        const attacked = bucket >= 10;
        if (ratio.add(index % 10 < (attacked ? 9 : 1), bucket * 300_000 + index * 5000)) told += 1;
      }
    expect(told).toBe(1);
    expect(ratio.elevatedAt(49 * 300_000)).toBe(true);
  });

  it("says nothing about a few attempts", () => {
    const ratio = failureRatio();
    for (let index = 0; index < 49; index += 1) expect(ratio.add(true, index)).toBe(false);
  });
});
