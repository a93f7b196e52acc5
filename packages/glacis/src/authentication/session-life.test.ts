/** How sessions live and end: use, polls, limits, revocation, the list. Attacks first. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Exchange } from "../core/exchange.ts";
import type { AssuranceLevel } from "../core/principal.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { browserLabel } from "./browser-label.ts";
import type { ProofMethod } from "./proof.ts";
import { memorySessions } from "./session-memory.ts";
import type { SessionRecord, SessionStore, SessionUse } from "./session-record.ts";
import { sessions, type SessionOptions, type Sessions } from "./session.ts";

const START = Date.parse("2026-11-26T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const made = (options: Partial<SessionOptions> = {}): Sessions => sessions({ store: memorySessions(), ...options });

function cookieOf(exchange: Exchange): string {
  const line = exchange.responseHeaders?.find(
    ([name, value]) => name === "set-cookie" && value.startsWith("__Host-session="),
  );
  return line?.[1].split(";")[0] ?? "";
}

interface SignInSketch extends RequestSketch {
  readonly user?: string;
  readonly methods?: readonly ProofMethod[];
  readonly deviceBound?: boolean;
}

async function signIn(session: Sessions, sketch: SignInSketch = {}): Promise<string> {
  const { user = "ada", methods = ["password"], deviceBound = false, ...request } = sketch;
  const exchange = sketchExchange({ method: "POST", nowMs: START, ...request });
  const provedAtMs = exchange.receivedAtMs;
  const proofs = methods.map((method) => sketchProof({ userId: user, method, provedAtMs, deviceBound }));
  await session.establish(exchange, proofs, { userId: user, tenantId: "acme", roles: ["member"] });
  return cookieOf(exchange);
}

async function who(session: Sessions, cookie: string, nowMs = START, headers: RequestSketch["headers"] = {}) {
  const { principal } = await session.authenticate(sketchExchange({ nowMs, headers: { cookie, ...headers } }));
  return principal.kind === "user" ? principal.id : principal.kind;
}

describe("limits", () => {
  const levels: readonly [AssuranceLevel, SignInSketch, number, number][] = [
    [1, { methods: ["password"] }, 1 * HOUR, 24 * HOUR],
    [2, { methods: ["password", "totp"] }, 1 * HOUR, 24 * HOUR],
    [3, { methods: ["passkey"], deviceBound: true }, 15 * MINUTE, 12 * HOUR],
  ];
  it.each(levels)("of level %i end a session that is unused, to the millisecond", async (_, how, idleMs) => {
    const session = made();
    const cookie = await signIn(session, how);
    expect(await who(session, cookie, START + idleMs - 1)).toBe("ada");
    const other = await signIn(session, how);
    expect(await who(session, other, START + idleMs)).toBe("anonymous");
  });

  it.each(levels)("of level %i end a session that is used all the time", async (_, how, idleMs, absoluteMs) => {
    const session = made();
    const cookie = await signIn(session, how);
    for (let at = START; at < START + absoluteMs; at += idleMs / 2) expect(await who(session, cookie, at)).toBe("ada");
    expect(await who(session, cookie, START + absoluteMs)).toBe("anonymous");
  });

  it("are not moved by polls, which say so themselves, and are by use", async () => {
    const session = made();
    const cookie = await signIn(session);
    const poll = { "x-session-passive": "1" };
    for (let minute = 1; minute < 60; minute += 5)
      expect(await who(session, cookie, START + minute * MINUTE, poll)).toBe("ada");
    expect(await who(session, cookie, START + HOUR, poll)).toBe("anonymous");
  });

  it("are not moved by a route that is declared passive", async () => {
    const session = made();
    const cookie = await signIn(session);
    const ask = async (minute: number, passive: boolean) => {
      const sketch = { nowMs: START + minute * MINUTE, headers: { cookie }, route: { passive } };
      return (await session.authenticate(sketchExchange(sketch))).principal.kind;
    };
    for (let minute = 10; minute < 60; minute += 10) expect(await ask(minute, true)).toBe("user");
    expect(await ask(60, true)).toBe("anonymous");
    const other = await signIn(session, { nowMs: START });
    expect(await who(session, other, START + 59 * MINUTE)).toBe("ada");
    expect(await who(session, other, START + 118 * MINUTE)).toBe("ada");
  });

  it("end a session whose clock cannot be read or whose level is none", async () => {
    const broken = {
      id: "x",
      userId: "ada",
      tenantId: "acme",
      roles: [],
      assurance: 9,
      seenAtMs: START,
      createdAtMs: START,
    };
    const session = made({ store: { ...memorySessions(), read: () => broken as unknown as SessionRecord } });
    expect(await who(session, `__Host-session=${"A".repeat(43)}`)).toBe("anonymous");
  });
});

describe("uses", () => {
  function counted(fail: () => boolean = () => false): { store: SessionStore; written: (readonly SessionUse[])[] } {
    const written: (readonly SessionUse[])[] = [];
    const memory = memorySessions();
    const touch = async (uses: readonly SessionUse[]): Promise<void> => {
      if (fail()) throw new Error("down");
      written.push(uses);
      await memory.touch(uses);
    };
    return { store: { ...memory, kind: "shared", touch }, written };
  }

  it("are written once a minute for a session, and many sessions together", async () => {
    const { store, written } = counted();
    const session = made({ store });
    const cookies = [await signIn(session), await signIn(session, { user: "bob" })];
    for (let second = 0; second < 120; second += 1)
      for (const cookie of cookies) await who(session, cookie, START + second * 1000);
    await session.flush();
    expect(written.map((uses) => uses.length)).toEqual([2]);
    for (const cookie of cookies) await who(session, cookie, START + 121_000);
    await session.flush();
    expect(written.map((uses) => uses.length)).toEqual([2]);
    expect((await store.list("ada"))[0]?.seenAtMs).toBe(START + 119_000);
  });

  it("that cannot be written make the next request wait for its own, and refuse", async () => {
    let down = true;
    const { store } = counted(() => down);
    const session = made({ store });
    const cookie = await signIn(session);
    expect(await who(session, cookie, START + 2 * MINUTE)).toBe("ada");
    await expect(session.flush()).rejects.toThrow("down");
    await expect(who(session, cookie, START + 3 * MINUTE)).rejects.toThrow("down");
    down = false;
    expect(await who(session, cookie, START + 4 * MINUTE)).toBe("ada");
  });
});

describe("revocation", () => {
  it("ends every session at once, leaves its reason in the log, and spares the one that asks if it may", async () => {
    const session = made();
    const [here, there] = [await signIn(session), await signIn(session)];
    const request = sketchExchange({ nowMs: START + 1, headers: { cookie: here } });
    expect(await session.revoke("ada", { reason: "mfa_changed", request, keepCurrent: true })).toBe(1);
    expect([await who(session, here), await who(session, there)]).toEqual(["ada", "anonymous"]);
    expect(request.noted).toMatchObject([
      { event_type: "session", event: "session_revoked", detail: "mfa_changed", count: 1, user_id: "ada" },
    ]);
    expect(await session.revoke("ada", { reason: "compromise" })).toBe(1);
    expect(await who(session, here)).toBe("anonymous");
  });

  it("is not outrun by a sign-in whose password was verified before it", async () => {
    const session = made();
    const slow = sketchExchange({ method: "POST", nowMs: START + MINUTE });
    const early = sketchProof({ userId: "ada", provedAtMs: START });
    const request = sketchExchange({ nowMs: START + 1 });
    await session.revoke("ada", { reason: "password_reset", request });
    const outcome = await session.establish(slow, [early], { userId: "ada", tenantId: "acme", roles: [] });
    expect(outcome).toEqual({ kind: "refused", cause: "revoked" });
    expect(cookieOf(slow)).toBe("");
  });

  it("at a password change leaves the new session of the same request alive", async () => {
    const session = made();
    const cookie = await signIn(session);
    const request = sketchExchange({ method: "POST", nowMs: START + MINUTE, headers: { cookie } });
    const proof = sketchProof({ userId: "ada", provedAtMs: request.receivedAtMs });
    await session.revoke("ada", { reason: "password_changed", request });
    await session.establish(request, [proof], { userId: "ada", tenantId: "acme", roles: [] });
    expect(await who(session, cookie, START + MINUTE)).toBe("anonymous");
    expect(await who(session, cookieOf(request), START + MINUTE)).toBe("ada");
  });
});

describe("signing out", () => {
  it("ends the session in the store and in the browser, and is harmless without one", async () => {
    const session = made();
    const cookie = await signIn(session);
    for (const headers of [{ cookie }, { cookie }, {}]) {
      const request = sketchExchange({ method: "POST", nowMs: START, headers });
      await session.end(request);
      const lines = (request.responseHeaders ?? []).map(([, value]) => value);
      expect(lines.filter((line) => /^__Host-session(?:-here)?=; Max-Age=0/u.test(line))).toHaveLength(2);
      expect(lines).toContain('"cache", "storage"');
    }
    expect(await who(session, cookie)).toBe("anonymous");
  });

  it("clears the cookie even where the store is down, and says that it is", async () => {
    const session = made({ store: { ...memorySessions(), revoke: () => Promise.reject(new Error("down")) } });
    const request = sketchExchange({ method: "POST", headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    await expect(session.end(request)).rejects.toThrow("down");
    expect(request.responseHeaders?.[0]?.[1]).toMatch(/^__Host-session=; Max-Age=0/u);
  });
});

describe("a request that was under way while its session was renewed", () => {
  it("is nobody's, and does not take the new cookie with it; a page that is opened does clear a dead one", async () => {
    const session = made();
    const cookie = `__Host-session=${"A".repeat(43)}`;
    const answer = async (mode: string | undefined) =>
      session.authenticate(sketchExchange({ headers: { cookie, ...(mode && { "sec-fetch-mode": mode }) } }));
    for (const mode of ["cors", "same-origin", "no-cors"]) {
      const identity = await answer(mode);
      expect(identity).toMatchObject({ principal: { kind: "anonymous" } });
      expect(identity.headers).toBeUndefined();
    }
    for (const mode of [undefined, "navigate"]) expect((await answer(mode)).headers).toHaveLength(2);
  });
});

describe("the list", () => {
  it("names browser and system, marks the current one, tells times coarsely and no secret", async () => {
    const store = memorySessions();
    const session = made({ store });
    const sketch = { headers: { "user-agent": FIREFOX }, nowMs: START + 123_456 };
    const here = await signIn(session, sketch);
    await signIn(session);
    const request = sketchExchange({ nowMs: START + 200_000, headers: { cookie: here } });
    const list = await session.list("ada", request);
    expect(list.map(({ label, current }) => [label, current])).toEqual([
      ["Firefox on Linux", true],
      ["Browser", false],
    ]);
    expect(list.every(({ createdAtMs, seenAtMs }) => createdAtMs % 300_000 === 0 && seenAtMs % 300_000 === 0)).toBe(
      true,
    );
    for (const { id } of await store.list("ada")) expect(JSON.stringify(list)).not.toContain(id);
    expect(JSON.stringify(list)).not.toContain(here.split("=")[1]);
    const asCookie = sketchExchange({ headers: { cookie: `__Host-session=${list[0]?.handle.padEnd(43, "A")}` } });
    expect((await session.authenticate(asCookie)).principal.kind).toBe("anonymous");
  });

  it("ends one session by its handle, and never one of somebody else", async () => {
    const session = made();
    const [mine, other] = [await signIn(session), await signIn(session, { user: "bob" })];
    const now = sketchExchange({ nowMs: START });
    const [view] = await session.list("bob", now);
    const handle = view?.handle ?? "";
    expect(await session.revokeOne("ada", handle, { reason: "user_request" })).toBe(false);
    expect(await session.revokeOne("bob", "", { reason: "user_request" })).toBe(false);
    expect(await who(session, other)).toBe("bob");
    expect(await session.revokeOne("bob", handle, { reason: "user_request", request: now })).toBe(true);
    expect([await who(session, mine), await who(session, other)]).toEqual(["ada", "anonymous"]);
    expect(now.noted).toMatchObject([{ event: "session_revoked", detail: "user_request" }]);
  });

  it("holds ten; the one unused for longest makes room, also for many at once", async () => {
    const store = memorySessions();
    const session = made({ store });
    const cookies: string[] = [];
    for (let index = 0; index < 10; index += 1) cookies.push(await signIn(session, { nowMs: START + index }));
    await who(session, cookies[0] as string, START + 2 * MINUTE);
    await signIn(session, { nowMs: START + 3 * MINUTE });
    const alive = await Promise.all(cookies.map((cookie) => who(session, cookie, START + 3 * MINUTE)));
    expect(alive.slice(0, 3)).toEqual(["ada", "anonymous", "ada"]);
    await Promise.all(Array.from({ length: 30 }, () => signIn(session, { nowMs: START + 4 * MINUTE })));
    expect((await store.list("ada")).length).toBeLessThanOrEqual(10);
  });

  it("says no more about a browser than a closed set of words", () => {
    expect(browserLabel(undefined)).toBe("Browser");
    expect(browserLabel("<script>alert(1)</script>\u0000")).toBe("Browser");
    expect(browserLabel(`${"x".repeat(100_000)}Firefox/1`)).toBe("Firefox");
    expect(browserLabel("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1")).toBe(
      "Safari on iPhone",
    );
  });
});

describe("membership", () => {
  it("is that of this moment: a role taken away is gone, and nobody's session ends", async () => {
    let roles: readonly string[] | undefined = ["admin"];
    const session = made({ membership: async () => roles && { roles, groups: ["team"] } });
    const cookie = await signIn(session);
    const now = async () =>
      (await session.authenticate(sketchExchange({ nowMs: START, headers: { cookie } }))).principal;
    expect(await now()).toMatchObject({ roles: ["admin"], groups: ["team"] });
    roles = [];
    expect(await now()).toMatchObject({ kind: "user", roles: [] });
    roles = undefined;
    expect(await now()).toMatchObject({ kind: "anonymous" });
    roles = ["admin"];
    expect(await now()).toMatchObject({ kind: "anonymous" });
  });

  it("that cannot be read refuses", async () => {
    const session = made({ membership: () => Promise.reject(new Error("down")) });
    const cookie = await signIn(session);
    await expect(who(session, cookie)).rejects.toThrow("down");
  });
});

interface SessionCase {
  readonly id: string;
  readonly kind: string;
  readonly label?: string;
  readonly key?: string | null;
}

const cases = loadVectors<SessionCase>("sessions")?.cases ?? [];

describe.skipIf(cases.length === 0)("recorded session cases", () => {
  it.each(cases.filter(({ kind }) => kind === "session_key_assignment").map((one) => [one.id, one.key] as const))(
    "%s: a token of the client's choice is never a session, whatever it looks like",
    async (_, key) => {
      const session = made();
      const cookie = `__Host-session=${key ?? ""}`;
      const rawHeaders = ["Host", "app.example.com", "Cookie", cookie];
      expect((await session.authenticate(sketchExchange({ rawHeaders }))).principal.kind).toBe("anonymous");
      expect(await signIn(session, { rawHeaders })).not.toBe(cookie);
    },
  );

  it("anonymous -> login, a different user on a live session, and logout change the token and end the old one", async () => {
    const session = made();
    const first = await signIn(session);
    const second = await signIn(session, { user: "bob", headers: { cookie: first } });
    expect([await who(session, first), await who(session, second)]).toEqual(["anonymous", "bob"]);
    await session.end(sketchExchange({ nowMs: START, headers: { cookie: second } }));
    expect(await who(session, second)).toBe("anonymous");
  });

  it("a request that only reads sets no cookie, and a session is not the client's to lengthen", async () => {
    const session = made();
    const cookie = await signIn(session);
    const identity = await session.authenticate(sketchExchange({ nowMs: START + 1, headers: { cookie } }));
    expect(identity.headers).toBeUndefined();
    const request = sketchExchange({ nowMs: START });
    await session.establish(request, [sketchProof({ userId: "ada", provedAtMs: START })], {
      userId: "ada",
      tenantId: "acme",
      roles: [],
    });
    for (const [, line] of request.responseHeaders ?? []) expect(line).not.toMatch(/Max-Age|Expires/u);
  });
});

describe("a principal", () => {
  it("has its session until that is over, renewed or not, and none that is another's", async () => {
    const store = memorySessions();
    const session = made({ store });
    const cookie = await signIn(session);
    const asked = sketchExchange({ method: "POST", nowMs: START, headers: { cookie } });
    const { principal } = await session.authenticate(asked);
    if (principal.kind !== "user") throw new Error("Nobody is signed in.");
    expect(await session.hasSession(principal)).toBe(true);
    expect(await session.renew(asked)).toBe(true);
    expect(await session.hasSession(principal)).toBe(true);
    for (const other of [{ tenantId: "evil" }, { id: "bo" }, { authenticatedAtMs: START - 1 }])
      expect(await session.hasSession({ ...principal, ...other } as typeof principal)).toBe(false);
    const list = store.list(principal.id);
    await session.revoke(principal.id, { reason: "administrator" });
    // A list that crossed the revocation still names it.
    const behind = made({ store: { ...store, list: () => list } });
    expect(await behind.hasSession(principal)).toBe(false);
    await signIn(session, { nowMs: START + 1 });
    expect(await session.hasSession(principal)).toBe(false);
  });
});
