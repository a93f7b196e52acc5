import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../core/event.ts";
import { hideRevealed } from "../core/revealed.ts";
import { Secret } from "../core/secret.ts";
import { SecretsMissingError, SecretsUnavailableError, type SecretProvider } from "./secret-provider.ts";
import { secretStore, type SecretStoreOptions } from "./secret-store.ts";

/** A provider over a map, which can be slow, fail, and counts what it is asked. */
function place(values: Record<string, string>) {
  const asked: (readonly string[])[] = [];
  const state = { failing: false, hanging: false, version: 1 };
  const provider: SecretProvider = {
    kind: "memory",
    managed: true,
    async read(names) {
      asked.push(names);
      if (state.hanging) return new Promise(() => undefined);
      await Promise.resolve();
      if (state.failing) throw Object.assign(new Error("rate exceeded"), { name: "ThrottlingException" });
      return new Map(
        names
          .filter((name) => values[name] !== undefined)
          .map((name) => [name, { value: new Secret(values[name]), version: String(state.version) }] as const),
      );
    },
  };
  return { values, asked, state, provider };
}

function ground(values: Record<string, string>, options: Partial<SecretStoreOptions> = {}) {
  const memory = place(values);
  const clock = { ms: 1_800_000_000_000 };
  const events: AuditEvent[] = [];
  const store = secretStore({
    providers: [memory.provider],
    report: (event) => void events.push(event),
    mode: "production",
    now: () => clock.ms,
    ...options,
  });
  const settle = async (): Promise<void> => void (await new Promise((resolve) => setImmediate(resolve)));
  return { ...memory, clock, events, store, settle };
}

const NAMES = { stripe: "/app/stripe/api-key", database: "/app/database/password" } as const;
const VALUES = { [NAMES.stripe]: "sk_live_4242424242", [NAMES.database]: "tr0ub4dor-and-3" };
const MINUTE = 60_000;

describe("secretStore", () => {
  it("reads what a moment asks for in one question, each name once", async () => {
    const { store, asked } = ground({ ...VALUES });
    const many = Array.from({ length: 64 }, () => store.getParameter(NAMES.stripe));
    const found = await Promise.all([...many, store.getParameter(NAMES.database)]);
    expect(new Set(found.map((secret) => secret.reveal()))).toEqual(new Set(Object.values(VALUES)));
    expect(asked).toEqual([[NAMES.stripe, NAMES.database]]);
    await store.getParameter(NAMES.stripe);
    expect(asked).toHaveLength(1);
  });

  it("gives each secret the application's own name, and prints none of them", async () => {
    const { store } = ground({ ...VALUES });
    const secrets = await store.secrets(NAMES);
    expect(secrets.stripe.current().reveal()).toBe("sk_live_4242424242");
    expect(secrets.stripe.version).toBe("1");
    const printed = [inspect(secrets, { depth: 9, showHidden: true }), JSON.stringify(secrets), format("%o", secrets)];
    for (const text of printed) expect(text).not.toMatch(/4242|tr0ub/u);
    expect(hideRevealed("cannot connect with tr0ub4dor-and-3")).not.toContain("tr0ub");
  });

  it("names every missing secret at once, and does not start with some of them", async () => {
    const { store } = ground({ [NAMES.stripe]: "sk_live_4242424242" });
    const asked = store.secrets({ ...NAMES, mail: "/app/mail/key" });
    await expect(asked).rejects.toThrow(/\/app\/database\/password, \/app\/mail\/key/u);
    await expect(asked).rejects.toMatchObject({
      name: "SecretsMissingError",
      names: [NAMES.database, "/app/mail/key"],
    });
  });

  it("does not ask for a missing name again for five seconds", async () => {
    const { store, asked, clock, values } = ground({});
    for (let count = 0; count < 3; count += 1)
      await expect(store.getParameter("/late")).rejects.toThrow(SecretsMissingError);
    expect(asked).toHaveLength(1);
    values["/late"] = "here now, at last";
    clock.ms += 5_000;
    expect((await store.getParameter("/late")).reveal()).toBe("here now, at last");
  });

  it("names every missing secret also when one was known to be missing", async () => {
    const { store } = ground({});
    await expect(store.getParameter("/late")).rejects.toThrow(SecretsMissingError);
    const asked = store.secrets({ late: "/late", mail: "/app/mail/key" });
    await expect(asked).rejects.toMatchObject({ names: ["/late", "/app/mail/key"] });
  });

  it("tells a provider that takes too long to stop", async () => {
    const signals: AbortSignal[] = [];
    const provider: SecretProvider = {
      kind: "slow",
      managed: true,
      read: async (_, signal) => new Promise(() => void signals.push(signal)),
    };
    const store = secretStore({ providers: [provider], timeoutMs: 5 });
    await expect(store.getParameter("/a")).rejects.toThrow(SecretsUnavailableError);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("keeps one entry for those who ask in one moment, and tells each of them of a rotation", async () => {
    const { store, values } = ground({ ...VALUES });
    const both = await Promise.all([store.secrets({ key: NAMES.stripe }), store.secrets({ key: NAMES.stripe })]);
    const heard: number[] = [];
    for (const [index, { key }] of both.entries()) key.onRotate(() => heard.push(index));
    values[NAMES.stripe] = "sk_live_5555555555";
    await store.refresh();
    expect(heard).toEqual([0, 1]);
  });

  it("hands out one and the same secret as long as it is the same value", async () => {
    const { store } = ground({ ...VALUES });
    const before = await store.getParameter(NAMES.stripe);
    await store.refresh();
    expect(await store.getParameter(NAMES.stripe)).toBe(before);
  });

  it("counts the overlap from the change and not from the start", async () => {
    const clock = { ms: 1_800_000_000_000 };
    const version = { value: new Secret("the new one"), version: "2", changedMs: clock.ms - 30 * MINUTE };
    const provider: SecretProvider = {
      kind: "dated",
      managed: true,
      read: async (names) => new Map(names.map((name) => [name, version])),
      readPrevious: async () => ({ value: new Secret("the old one"), version: "1" }),
    };
    const store = secretStore({ providers: [provider], overlapSeconds: 3600, now: () => clock.ms });
    const { key } = await store.secrets({ key: { name: "/key", previous: true } });
    expect(key.matches("the old one")).toBe(true);
    clock.ms += 30 * MINUTE;
    expect([key.previous(), key.matches("the old one")]).toEqual([undefined, false]);
  });

  it("refuses to start when the provider fails or does not answer", async () => {
    const { store, state } = ground({ ...VALUES }, { timeoutMs: 20 });
    state.failing = true;
    await expect(store.secrets(NAMES)).rejects.toThrow(SecretsUnavailableError);
    state.failing = false;
    state.hanging = true;
    await expect(store.secrets(NAMES)).rejects.toMatchObject({ cause: { name: "TimeoutError" } });
    state.hanging = false;
    expect(Object.keys(await store.secrets(NAMES))).toEqual(["stripe", "database"]);
  });

  it("does not take an older value from the next provider when the first one fails", async () => {
    const [first, second] = [place({ ...VALUES }), place({ ...VALUES })];
    first.state.failing = true;
    const store = secretStore({ providers: [first.provider, second.provider], mode: "production" });
    await expect(store.getParameter(NAMES.stripe)).rejects.toThrow(SecretsUnavailableError);
    expect(second.asked).toEqual([]);
  });

  it("asks the next provider for what the first one does not have", async () => {
    const [first, second] = [place({ [NAMES.stripe]: "sk_live_4242424242" }), place({ ...VALUES })];
    const store = secretStore({ providers: [first.provider, second.provider] });
    await store.secrets(NAMES);
    expect(second.asked).toEqual([[NAMES.database]]);
  });

  it("refreshes ahead of time while the old value is served, all that is due together", async () => {
    const { store, asked, clock, settle } = ground({ ...VALUES });
    const { stripe } = await store.secrets(NAMES);
    clock.ms += 3.4 * MINUTE;
    stripe.current();
    expect(asked).toHaveLength(1);
    clock.ms += 1.3 * MINUTE;
    for (let count = 0; count < 10; count += 1) stripe.current();
    await settle();
    expect(asked).toHaveLength(2);
    expect(asked[1]?.toSorted()).toEqual(Object.values(NAMES).toSorted());
  });

  it("serves the stale value with an event while the provider is down, up to a bound", async () => {
    const { store, state, asked, clock, events, settle } = ground({ ...VALUES }, { staleSeconds: 3600 });
    const { stripe } = await store.secrets({ stripe: NAMES.stripe });
    state.failing = true;
    clock.ms += 6 * MINUTE;
    const served = await Promise.all(Array.from({ length: 20 }, () => store.getParameter(NAMES.stripe)));
    expect(served.every((secret) => secret.reveal() === "sk_live_4242424242")).toBe(true);
    expect(asked).toHaveLength(2);
    expect(events).toEqual([
      {
        event_type: "secret",
        event: "secret_stale",
        control: "secrets-management",
        resource_id: NAMES.stripe,
        status: "failed",
        severity: "error",
        detail: "ThrottlingException",
      },
    ]);
    clock.ms += 59 * MINUTE - 1;
    expect(stripe.current().reveal()).toBe("sk_live_4242424242");
    clock.ms += 1;
    expect(() => stripe.current()).toThrow(SecretsUnavailableError);
    await settle();
    state.failing = false;
    clock.ms += 2 * MINUTE;
    expect((await store.getParameter(NAMES.stripe)).reveal()).toBe("sk_live_4242424242");
  });

  it("asks a failing provider more and more seldom", async () => {
    const { store, state, asked, clock, settle } = ground({ ...VALUES });
    const { stripe } = await store.secrets({ stripe: NAMES.stripe });
    state.failing = true;
    clock.ms += 5 * MINUTE;
    for (let second = 0; second < 300; second += 1) {
      clock.ms += 1000;
      stripe.current();
      await settle();
    }
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.length).toBeLessThan(12);
  });

  it("tells who listens of a rotation, and accepts the value before for the overlap", async () => {
    const { store, values, clock, events } = ground({ ...VALUES }, { overlapSeconds: 600 });
    const { stripe } = await store.secrets({ stripe: NAMES.stripe });
    const heard: string[] = [];
    stripe.onRotate(() => {
      throw new Error("the pool is gone");
    });
    stripe.onRotate(() => new Promise(() => undefined));
    const stop = stripe.onRotate((now, before) => heard.push(`${before.reveal()} > ${now.reveal()}`));
    values[NAMES.stripe] = "sk_live_5555555555";
    await store.refresh();
    expect(heard).toEqual(["sk_live_4242424242 > sk_live_5555555555"]);
    expect(events.map(({ event }) => event)).toEqual(["secret_rotated", "secret_rotation_failed"]);
    expect(JSON.stringify(events)).not.toMatch(/4242|5555|pool/u);
    expect(stripe.current().reveal()).toBe("sk_live_5555555555");
    expect(stripe.previous()?.reveal()).toBe("sk_live_4242424242");
    expect(["sk_live_5555555555", "sk_live_4242424242", "sk_live_6", null, {}].map(stripe.matches)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    clock.ms += 10 * MINUTE;
    expect([stripe.previous(), stripe.matches("sk_live_4242424242")]).toEqual([undefined, false]);
    stop();
    values[NAMES.stripe] = "sk_live_6666666666";
    await store.refresh();
    expect(heard).toHaveLength(1);
  });

  it("starts on no value that the application cannot work with, and rotates to none", async () => {
    const { store, values, events } = ground({ ...VALUES });
    const live = (text: string): boolean => text.startsWith("sk_live_");
    const faulty = (): boolean => {
      throw new Error("tr0ub4dor");
    };
    const wrong = store.secrets({
      stripe: { name: NAMES.database, accepts: live },
      x: { name: NAMES.stripe, accepts: faulty },
    });
    await expect(wrong).rejects.toThrow(/^Secrets refused: \/app\/database\/password, \/app\/stripe\/api-key\. Their/u);
    const fresh = ground({ ...VALUES });
    const { stripe } = await fresh.store.secrets({ stripe: { name: NAMES.stripe, accepts: live } });
    fresh.values[NAMES.stripe] = "pk_live_5555555555";
    await fresh.store.refresh();
    expect(stripe.current().reveal()).toBe("sk_live_4242424242");
    expect(fresh.events).toMatchObject([{ severity: "error", detail: "SecretsRefusedError" }]);
    expect([values, events]).toEqual([VALUES, []]);
  });

  it("starts on no placeholder in production and rotates to none, nor to a blank", async () => {
    const { store, values, events } = ground({ ...VALUES });
    const { stripe } = await store.secrets({ stripe: NAMES.stripe, database: NAMES.database });
    for (const bad of ["changeme", " \n ", "{{ stripe_key }}"]) {
      values[NAMES.stripe] = bad;
      await store.refresh();
      expect(stripe.current().reveal(), bad).toBe("sk_live_4242424242");
    }
    expect(events.map(({ event, detail }) => `${event} ${detail}`)).toEqual(
      Array.from({ length: 3 }, () => "secret_refresh_failed SecretsRefusedError"),
    );
    expect(JSON.stringify(events)).not.toContain("changeme");
    await expect(ground({ "/a": "  " }).store.getParameter("/a")).rejects.toThrow(/^Secrets refused: \/a\./u);
  });

  it("stays fresh when whoever listens to its events fails", async () => {
    const { store, values, state } = ground(
      { ...VALUES },
      {
        report: () => {
          throw new Error("the log is full");
        },
      },
    );
    const { stripe } = await store.secrets({ stripe: NAMES.stripe });
    state.failing = true;
    await store.refresh();
    state.failing = false;
    values[NAMES.stripe] = "sk_live_5555555555";
    await store.refresh();
    expect(stripe.current().reveal()).toBe("sk_live_5555555555");
  });

  it("goes on with what it has when a secret is deleted, and says so loudly", async () => {
    const { store, values, events } = ground({ ...VALUES });
    const { stripe } = await store.secrets({ stripe: NAMES.stripe });
    delete values[NAMES.stripe];
    await store.refresh();
    expect(events).toMatchObject([{ event: "secret_refresh_failed", severity: "error", detail: "missing" }]);
    expect(stripe.current().reveal()).toBe("sk_live_4242424242");
  });

  it("refuses placeholders and one value under two names in production, and quotes neither", async () => {
    const { store } = ground({ "/a": "changeme", "/b": "your-secret-key", "/c": "tr0ub4dor-and-3" });
    await expect(store.secrets({ a: "/a", b: "/b", c: "/c" })).rejects.toThrow(/^Secrets refused: \/a, \/b\./u);
    const twice = ground({ "/a": "tr0ub4dor-and-3", "/b": "tr0ub4dor-and-3" });
    await expect(twice.store.secrets({ a: "/a", b: "/b" })).rejects.toThrow(/^Secrets refused: \/a, \/b\. They share/u);
    const development = ground({ "/a": "changeme" }, { mode: "development" });
    expect((await development.store.secrets({ a: "/a" })).a.current().reveal()).toBe("changeme");
  });

  it.each([undefined, null, 7, "", "/", "a//b", "../etc/passwd", "/app/../x", "/.env", "a\0b", "a b", "x".repeat(513)])(
    "refuses the name %j without asking",
    async (name) => {
      const { store, asked } = ground({ ...VALUES });
      await expect(store.getParameter(name as string)).rejects.toThrow(/name is like/u);
      expect(asked).toEqual([]);
    },
  );

  it("corrects what it is given at construction", async () => {
    expect(() => secretStore({ providers: [] })).toThrow(/providers/u);
    expect(() => secretStore({ providers: [place({}).provider], refreshSecond: 1 } as never)).toThrow(
      /refreshSeconds/u,
    );
    expect(() => secretStore({ providers: [place({}).provider], timeoutMs: 0 })).toThrow(/timeoutMs/u);
    const { store } = ground({ ...VALUES });
    await expect(store.secrets({ stripe: { name: NAMES.stripe, previous: true } })).rejects.toThrow(
      /no earlier value/u,
    );
  });
});
