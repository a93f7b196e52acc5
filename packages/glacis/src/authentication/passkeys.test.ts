import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import {
  softwareAuthenticator,
  type Answer,
  type Ceremony,
  type KeyKind,
  type SoftwareAuthenticator,
} from "../../../../test/support/software-authenticator.ts";
import type { AuditEvent } from "../core/event.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { PASSKEY_MIGRATION, postgresPasskeys } from "./passkey-postgres.ts";
import { memoryPasskeys } from "./passkey-store.ts";
import { passkeys, type Passkeys } from "./passkeys.ts";
import { assuranceOf } from "./proof.ts";

const ORIGIN = "https://app.example.com";
const RP_ID = "app.example.com";
const NOW = Date.parse("2026-11-26T12:00:00Z");

const database = await testDatabase("passkeys");
await database?.pool.query(PASSKEY_MIGRATION);
afterAll(() => database?.drop());
const stores = [
  ["memory", memoryPasskeys()] as const,
  ...(database === undefined ? [] : [["Postgres", postgresPasskeys(database.pool)] as const]),
];

/** A browser: it keeps the cookie that it is given. */
function browser() {
  let cookie = "";
  return {
    request(nowMs = NOW) {
      const exchange = sketchExchange({ method: "POST", nowMs, headers: { cookie, "user-agent": "Chrome/1 Linux" } });
      return exchange;
    },
    keep(exchange: ReturnType<typeof sketchExchange>) {
      const line = exchange.responseHeaders?.find(([name]) => name === "set-cookie")?.[1] ?? "";
      expect(line).toMatch(/^__Host-passkey=[\w-]{43}; .*Max-Age=300/u);
      expect(line).toMatch(/Secure/u);
      expect(line).toMatch(/HttpOnly/u);
      expect(line).toMatch(/SameSite=Strict/u);
      cookie = line.split(";")[0] ?? "";
    },
  };
}
type Browser = ReturnType<typeof browser>;

describe.each(stores)("passkeys in %s", (kind, store) => {
  const events: AuditEvent[] = [];
  const keys = passkeys({ name: "Folio", origins: [ORIGIN], store, report: (event) => events.push(event) });
  const place = { origin: ORIGIN, rpId: RP_ID };
  const last = (): unknown => events.at(-1)?.detail;
  let count = 0;
  const newUser = (): string => `${kind}-${(count += 1)}`;

  async function creation(userId: string, at: Browser, nowMs = NOW) {
    const request = at.request(nowMs);
    const options = await keys.registrationOptions(request, { userId, account: "ada@example.test" });
    at.keep(request);
    return options;
  }
  async function asked(at: Browser, userId?: string, nowMs = NOW) {
    const request = at.request(nowMs);
    const options = await keys.authenticationOptions(request, userId);
    at.keep(request);
    return options;
  }
  async function registered(
    userId: string,
    more: Partial<Ceremony> = {},
    key: SoftwareAuthenticator = softwareAuthenticator(),
  ) {
    const at = browser();
    const { challenge, user } = await creation(userId, at);
    const made = await keys.register(at.request(), userId, key.register({ ...place, challenge, ...more }), "My key");
    expect(made, String(last())).toBeDefined();
    return { key, handle: user.id };
  }
  async function answer(
    key: SoftwareAuthenticator,
    options: {
      readonly userId?: string;
      readonly more?: Partial<Ceremony>;
      readonly change?: (one: Answer) => unknown;
    } = {},
  ) {
    const at = browser();
    const { challenge } = await asked(at, options.userId);
    const given = key.authenticate({ ...place, challenge, ...options.more });
    return keys.authenticate(
      at.request(),
      options.change === undefined ? given : options.change(given),
      options.userId,
    );
  }

  it.each<KeyKind>(["ES256", "EdDSA", "RS256"])(
    "of %s prove two factors, with and without a name beforehand",
    async (alg) => {
      const userId = newUser();
      const { key, handle } = await registered(userId, {}, softwareAuthenticator(alg));
      const second = await answer(key, { userId });
      expect(second).toMatchObject({ userId, method: "passkey", phishingResistant: true, deviceBound: false });
      expect(assuranceOf([second!])).toBe(2);
      const alone = await answer(key, { more: { userHandle: handle } });
      expect(alone).toMatchObject({ userId, factors: ["possession", "inherence"], provedAtMs: NOW });
      expect(await keys.list(userId)).toMatchObject([{ id: key.id, name: "My key", usedAtMs: NOW, backedUp: true }]);
    },
  );

  it("that stay in their device are worth level 3", async () => {
    const userId = newUser();
    const bound = { backupEligible: false, backedUp: false };
    const { key } = await registered(userId, bound);
    expect(assuranceOf([(await answer(key, { userId, more: { ...bound, counter: 1 } }))!])).toBe(3);
    expect(await answer(key, { userId, more: { counter: 2 } })).toBeUndefined();
    expect(last()).toBe("backup_eligibility_changed");
    expect(await answer(key, { userId, more: { ...bound, backedUp: true, counter: 3 } })).toBeUndefined();
    expect(last()).toBe("not_verified");
  });

  it("are asked for with what the standard wants, and a handle that says nothing of its user", async () => {
    const userId = newUser();
    const { key, handle } = await registered(userId);
    const at = browser();
    const options = await creation(userId, at);
    expect(options).toMatchObject({
      rp: { id: RP_ID, name: "Folio" },
      user: { id: handle, name: "ada@example.test" },
      excludeCredentials: [{ type: "public-key", id: key.id, transports: ["internal"] }],
      authenticatorSelection: { userVerification: "required" },
      attestation: "none",
    });
    expect(Buffer.from(handle, "base64url")).toHaveLength(32);
    expect(Buffer.from(options.challenge, "base64url")).toHaveLength(32);
    expect((await asked(at)).allowCredentials).toEqual([]);
    expect((await asked(at, userId)).allowCredentials).toHaveLength(1);
  });

  it("are refused from another origin, another domain, a frame, without verification or presence, and when tampered with", async () => {
    const userId = newUser();
    const { key } = await registered(userId);
    const wrong: readonly [Partial<Ceremony>, string][] = [
      [{ origin: "https://app.example.com.evil.test" }, "not_verified"],
      [{ origin: "http://app.example.com" }, "not_verified"],
      [{ origin: "https://app.example.com:8443" }, "not_verified"],
      [{ rpId: "example.com" }, "not_verified"],
      [{ userVerified: false }, "not_verified"],
      [{ userPresent: false }, "not_verified"],
      [{ clientData: { crossOrigin: true } }, "embedded"],
      [{ clientData: { crossOrigin: "true" } }, "embedded"],
      [{ clientData: { crossOrigin: null } }, "embedded"],
      [{ clientData: { topOrigin: ORIGIN } }, "embedded"],
      [{ clientData: { crossOrigin: true, topOrigin: ORIGIN } }, "embedded"],
      [{ clientData: { type: "webauthn.create" } }, "not_verified"],
      [{ clientData: { challenge: "A".repeat(43) } }, "challenge_unknown"],
      [{ clientData: { origin: [ORIGIN] } }, "malformed"],
    ];
    for (const [more, detail] of wrong) {
      expect(await answer(key, { userId, more }), JSON.stringify(more)).toBeUndefined();
      expect(last(), JSON.stringify(more)).toBe(detail);
    }
    for (const part of ["signature", "authenticatorData"]) {
      const change = (one: Answer): unknown => ({
        ...one,
        response: { ...one.response, [part]: flipped(one.response[part] as string) },
      });
      expect(await answer(key, { userId, change }), part).toBeUndefined();
      expect(last(), part).toBe("not_verified");
    }
    expect(await answer(key, { userId })).toBeDefined();
  });

  it("are registered under the same conditions", async () => {
    const userId = newUser();
    const wrong: readonly Partial<Ceremony>[] = [
      { origin: "https://evil.test" },
      { rpId: "example.com" },
      { userVerified: false },
      { userPresent: false },
      { clientData: { crossOrigin: true } },
      { clientData: { type: "webauthn.get" } },
    ];
    const attempt = async (more: Partial<Ceremony>, key = softwareAuthenticator()) => {
      const at = browser();
      const { challenge } = await creation(userId, at);
      return keys.register(at.request(), userId, key.register({ ...place, challenge, ...more }));
    };
    for (const more of wrong) expect(await attempt(more), JSON.stringify(more)).toBeUndefined();
    expect(await attempt({}, softwareAuthenticator("ES384"))).toBeUndefined();
    expect(await keys.enrolled(userId)).toBe(false);
    expect((await attempt({}))?.passkey).toMatchObject({ name: "Chrome on Linux", deviceBound: false });
  });

  it("are refused with an attestation that brings certificates, whose revocation lists would be fetched from where they say", async () => {
    const at = browser();
    const userId = newUser();
    for (const certificates of [[], [Buffer.from("http://127.0.0.1/list")]]) {
      const { challenge } = await creation(userId, at);
      const given = softwareAuthenticator().register({ ...place, challenge, certificates });
      expect(await keys.register(at.request(), userId, given)).toBeUndefined();
      expect(last()).toBe("not_verified");
    }
  });

  it("may be signed by themselves at registration, and then rightly", async () => {
    const userId = newUser();
    const { key } = await registered(userId, { selfAttested: true });
    expect(await answer(key, { userId })).toBeDefined();
    const at = browser();
    const { challenge } = await creation(userId, at);
    const other = softwareAuthenticator().register({ ...place, challenge, selfAttested: true });
    const elsewhere = other.response["clientDataJSON"] as string;
    const spaced = Buffer.from(`${Buffer.from(elsewhere, "base64url").toString()} `).toString("base64url");
    const changed = { ...other, response: { ...other.response, clientDataJSON: spaced } };
    expect(await keys.register(at.request(), userId, changed)).toBeUndefined();
    expect(last()).toBe("not_verified");
  });

  it("answer a challenge once, in five minutes, from the browser and for the purpose and user that it was made for", async () => {
    const [userId, other] = [newUser(), newUser()];
    const { key } = await registered(userId);
    const at = browser();
    const { challenge } = await asked(at, userId);
    const given = key.authenticate({ ...place, challenge });
    const elsewhere = browser();
    await asked(elsewhere, userId);
    expect(await keys.authenticate(elsewhere.request(), given, userId)).toBeUndefined();
    expect(await keys.authenticate(browser().request(), given, userId)).toBeUndefined();
    expect(
      await keys.register(at.request(), userId, softwareAuthenticator().register({ ...place, challenge })),
    ).toBeUndefined();
    expect(last()).toBe("challenge_unknown");
    expect(await keys.authenticate(at.request(NOW + 299_999), given, userId)).toBeDefined();
    expect(await keys.authenticate(at.request(), given, userId)).toBeUndefined();
    expect(last()).toBe("challenge_unknown");
    const late = await asked(at, userId);
    expect(
      await keys.authenticate(at.request(NOW + 300_000), key.authenticate({ ...place, challenge: late.challenge })),
    ).toBeUndefined();
    const made = await creation(userId, at);
    const stolen = softwareAuthenticator().register({ ...place, challenge: made.challenge });
    expect(await keys.register(at.request(), other, stolen)).toBeUndefined();
    expect(last()).toBe("wrong_user");
    expect(await keys.register(at.request(), userId, stolen)).toBeUndefined();
  });

  it("answer one of two challenges of one browser without spoiling the other", async () => {
    const userId = newUser();
    const { key } = await registered(userId);
    const at = browser();
    const [first, second] = [await asked(at, userId), await asked(at, userId)];
    for (const { challenge } of [second, first])
      expect(await keys.authenticate(at.request(), key.authenticate({ ...place, challenge }), userId)).toBeDefined();
  });

  it("let in one of 64 who bring the same answer at once", async () => {
    const userId = newUser();
    const { key } = await registered(userId);
    const at = browser();
    const { challenge } = await asked(at, userId);
    const given = key.authenticate({ ...place, challenge });
    const tries = await Promise.all(Array.from({ length: 64 }, () => keys.authenticate(at.request(), given, userId)));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it("belong to one user: neither another's key, nor another's handle, nor none counts", async () => {
    const [ada, bob] = [newUser(), newUser()];
    const hers = await registered(ada);
    const his = await registered(bob);
    expect(await answer(his.key, { userId: ada })).toBeUndefined();
    expect(last()).toBe("wrong_user");
    for (const userHandle of [his.handle, "AAAA", undefined]) {
      expect(await answer(hers.key, { more: userHandle === undefined ? {} : { userHandle } })).toBeUndefined();
      expect(last()).toBe("wrong_user");
    }
    expect(await answer(hers.key, { userId: ada, more: { userHandle: his.handle } })).toBeUndefined();
    expect(await answer(softwareAuthenticator(), { userId: ada })).toBeUndefined();
    expect(last()).toBe("unknown_passkey");
    // The id of somebody's passkey, with a key of one's own.
    const forged = softwareAuthenticator("ES256", Buffer.from(hers.key.id, "base64url"));
    expect(await answer(forged, { userId: ada })).toBeUndefined();
    expect(last()).toBe("not_verified");
    const at = browser();
    const { challenge } = await creation(bob, at);
    expect(await keys.register(at.request(), bob, forged.register({ ...place, challenge }))).toBeUndefined();
    expect(last()).toBe("not_added");
    expect(await keys.list(bob)).toHaveLength(1);
    expect(await answer(hers.key, { userId: ada })).toBeDefined();
  });

  it("complete a sign-in and begin none, once somebody else may have added them", async () => {
    const userId = newUser();
    const { key, handle: userHandle } = await registered(userId);
    await keys.demote(newUser(), 0);
    await keys.demote(userId, NOW + 1);
    expect(await answer(key, { more: { userHandle, counter: 1 } })).toBeDefined();
    await keys.demote(userId, NOW);
    expect(await answer(key, { more: { userHandle, counter: 2 } })).toBeUndefined();
    expect(last()).toBe("second_only");
    expect(await answer(key, { userId, more: { counter: 3 } })).toBeDefined();
  });

  it("are refused when their counter does not grow, which only a signed one can show", async () => {
    const userId = newUser();
    const { key } = await registered(userId, { counter: 5 });
    expect(await answer(key, { userId, more: { counter: 6 } })).toBeDefined();
    for (const counter of [6, 3, 0]) {
      expect(await answer(key, { userId, more: { counter } })).toBeUndefined();
      expect(events.at(-1)).toMatchObject({ detail: "counter_regression", severity: "critical", user_id: userId });
    }
    const change = (one: Answer): unknown => ({
      ...one,
      response: { ...one.response, signature: flipped(one.response["signature"] as string) },
    });
    expect(await answer(key, { userId, more: { counter: 1 }, change })).toBeUndefined();
    expect(last()).toBe("not_verified");
    const challenges = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const at = browser();
        return { at, ...(await asked(at, userId)) };
      }),
    );
    const tries = await Promise.all(
      challenges.map(({ at, challenge }) =>
        keys.authenticate(at.request(), key.authenticate({ ...place, challenge, counter: 7 }), userId),
      ),
    );
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it("have names, go one by one, and the last one only on the caller's word", async () => {
    const [userId, other] = [newUser(), newUser()];
    const { key: first } = await registered(userId);
    const { key: second } = await registered(userId);
    expect(await keys.rename(userId, first.id, "  Schlüssel 🔑 ")).toBe(true);
    for (const name of ["", " ", "a\nb", "\ud800", "x".repeat(61), 5, undefined])
      expect(await keys.rename(userId, first.id, name)).toBe(false);
    expect(await keys.rename(other, first.id, "Mine")).toBe(false);
    expect((await keys.list(userId)).map(({ name }) => name).sort()).toEqual(["My key", "Schlüssel 🔑"]);
    expect(await keys.remove(other, first.id, { evenLast: true })).toBe(false);
    const both = await Promise.all([first, second].map(({ id }) => keys.remove(userId, id)));
    expect(both.filter(Boolean)).toHaveLength(1);
    const [left] = await keys.list(userId);
    expect(await keys.remove(userId, left!.id)).toBe(false);
    expect(await keys.remove(userId, left!.id, { evenLast: true })).toBe(true);
    expect(await keys.enrolled(userId)).toBe(false);
    await registered(userId);
    await keys.removeAll(userId);
    expect(await keys.list(userId)).toEqual([]);
  });

  it("are twenty for one user at most, however many come at once", async () => {
    const userId = newUser();
    const made = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const at = browser();
        const { challenge } = await creation(userId, at);
        return keys.register(at.request(), userId, softwareAuthenticator().register({ ...place, challenge }));
      }),
    );
    expect(made.filter((one) => one !== undefined)).toHaveLength(20);
    expect(await keys.list(userId)).toHaveLength(20);
  });

  it("refuse whatever is no answer without a fault", async () => {
    const userId = newUser();
    const { key } = await registered(userId);
    const huge = "A".repeat(5_000_000);
    const good = key.authenticate({ ...place, challenge: "A" });
    const parts = Object.keys(good.response);
    const odd: unknown[] = [
      undefined,
      null,
      1,
      "",
      [],
      {},
      { ...good, id: huge, rawId: huge },
      { ...good, rawId: "B" },
    ];
    for (const part of parts)
      for (const value of [huge, 1, null, ["A"], "é", "=", {}])
        odd.push({ ...good, response: { ...good.response, [part]: value } });
    for (const clientDataJSON of ["bnVsbA", "W10", "e30", "//"])
      odd.push({ ...good, response: { ...good.response, clientDataJSON } });
    for (const one of odd) {
      expect(await keys.authenticate(browser().request(), one)).toBeUndefined();
      expect(await keys.register(browser().request(), userId, one)).toBeUndefined();
    }
    await fc.assert(
      fc.asyncProperty(fc.anything(), fc.string(), async (one, garbage) => {
        expect(await answer(key, { userId, change: () => one })).toBeUndefined();
        const authenticatorData = Buffer.from(garbage).toString("base64url");
        const change = (given: Answer): unknown => ({ ...given, response: { ...given.response, authenticatorData } });
        expect(await answer(key, { userId, change })).toBeUndefined();
      }),
      { numRuns: 50 },
    );
    expect(JSON.stringify(events)).not.toContain("example.test");
  });
});

describe("a store that is down", () => {
  it("refuses by a fault, with options and with answers", async () => {
    const down = (): never => {
      throw new Error("down");
    };
    const at = browser();
    const store = memoryPasskeys();
    const up = passkeys({ name: "Folio", origins: [ORIGIN], store });
    const request = at.request();
    const { challenge } = await up.authenticationOptions(request);
    at.keep(request);
    const keys = passkeys({ name: "Folio", origins: [ORIGIN], store: { ...store, challenge: down, take: down } });
    await expect(keys.authenticationOptions(at.request())).rejects.toThrow("down");
    const given = softwareAuthenticator().authenticate({ challenge, origin: ORIGIN, rpId: RP_ID });
    await expect(keys.authenticate(at.request(), given)).rejects.toThrow("down");
  });
});

describe("passkeys()", () => {
  const make = (more: object): Passkeys =>
    passkeys({ name: "Folio", origins: [ORIGIN], store: memoryPasskeys(), ...more });

  it("refuses origins and domains with which no browser would work, and everybody's domain", () => {
    expect(() => make({ origins: [] })).toThrow("needs origins");
    expect(() => make({ origins: ["http://app.example.com"] })).toThrow("needs https");
    expect(() => make({ origins: ["https://*.example.com"] })).toThrow("wildcard");
    expect(() => make({ origins: ["https://192.0.2.1"] })).toThrow("needs rpId");
    expect(() => make({ rpId: "com" })).toThrow("needs rpId");
    expect(() => make({ rpId: "other.test" })).toThrow("not at");
    expect(() => make({ rpId: "pp.example.com" })).toThrow("not at");
    expect(() => make({ rpID: "example.com" })).toThrow('Did you mean "rpId"');
    expect(() => make({ rpId: "example.com" })).not.toThrow();
    expect(() => make({ origins: ["http://localhost:3000"] })).not.toThrow();
  });

  it("finds a memory store in production, and nothing else", () => {
    const { control } = make({});
    const at = { nodeVersion: "v20.20.2", variables: new Map<string, string>(), nodeOptions: [], nowMs: NOW };
    expect(control.check({ ...at, mode: "production" }).map(({ rule }) => rule.id)).toEqual(["webauthn/memory-store"]);
    expect(control.check({ ...at, mode: "development" })).toEqual([]);
  });
});

/** The text with its last byte but one changed. */
function flipped(text: string): string {
  const bytes = Buffer.from(text, "base64url");
  const index = bytes.length - 2;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString("base64url");
}
