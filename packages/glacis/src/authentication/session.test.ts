import { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import type { SessionUser } from "./establish-session.ts";
import { dangerouslyProvedElsewhere } from "./external-proof.ts";
import { memorySessions } from "./session-memory.ts";
import { postgresSessions, SESSION_MIGRATION } from "./session-postgres.ts";
import type { SessionRecord, SessionStore } from "./session-record.ts";
import { sessions, type Sessions } from "./session.ts";

const alice: SessionUser = { userId: "alice", tenantId: "alpha", roles: ["owner"] };
const START = Date.parse("2026-11-26T12:00:00Z");

const database = new PGlite();
await database.exec(SESSION_MIGRATION);
afterAll(() => database.close());

const stores: readonly (readonly [string, () => Promise<SessionStore>])[] = [
  ["memory", async () => memorySessions()],
  [
    "Postgres",
    async () => {
      await database.exec("truncate glacis_sessions, glacis_session_revocations, glacis_pending_sign_ins");
      return postgresSessions(database);
    },
  ],
];

const passwordOf = (user: SessionUser, atMs: number = START) => [dangerouslyProvedElsewhere(user.userId, atMs)];

/** The cookie that a browser would hold after a response. */
function cookieOf(exchange: { responseHeaders: readonly (readonly [string, string])[] | undefined }): string {
  const line = exchange.responseHeaders?.find(([name]) => name === "set-cookie")?.[1] ?? "";
  return line.split(";")[0] as string;
}

async function signIn(session: Sessions, sketch: RequestSketch = {}, user: SessionUser = alice): Promise<string> {
  const exchange = sketchExchange({ method: "POST", nowMs: START, ...sketch });
  await session.establish(exchange, passwordOf(user, sketch.nowMs), user);
  return cookieOf(exchange);
}

async function who(session: Sessions, cookie: string, nowMs: number = START): Promise<string> {
  const { principal } = await session.authenticate(sketchExchange({ headers: { cookie }, nowMs }));
  await session.flush();
  return principal.kind === "user" ? principal.id : principal.kind;
}

describe.each(stores)("sessions in %s", (_, makeStore) => {
  it("recognises the user by the cookie that sign-in set", async () => {
    const session = sessions({ store: await makeStore() });
    const exchange = sketchExchange({ method: "POST", nowMs: START });
    await session.establish(exchange, passwordOf(alice), alice);
    const line = exchange.responseHeaders?.[0]?.[1];
    expect(line).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/u);
    const { principal } = await session.authenticate(
      sketchExchange({ headers: { cookie: cookieOf(exchange) }, nowMs: START + 1 }),
    );
    expect(principal).toEqual({
      kind: "user",
      id: "alice",
      tenantId: "alpha",
      roles: ["owner"],
      groups: [],
      assurance: 1,
      authenticatedAtMs: START,
    });
  });

  it("keeps the token's hash and never the token", async () => {
    const store = await makeStore();
    const session = sessions({ store });
    const token = (await signIn(session)).split("=")[1] as string;
    const listed = JSON.stringify(await store.list("alice"));
    expect(listed).not.toContain(token);
    expect(await store.read(token)).toBeUndefined();
  });

  it("never adopts a token that a client brought along", async () => {
    const session = sessions({ store: await makeStore() });
    const planted = `__Host-session=${"A".repeat(43)}`;
    expect(await who(session, planted)).toBe("anonymous");
    const after = await signIn(session, { headers: { cookie: planted } });
    expect(after).not.toBe(planted);
    expect(await who(session, planted)).toBe("anonymous");
  });

  it("gives a new token at each sign-in and kills the old one in the same step", async () => {
    const session = sessions({ store: await makeStore() });
    const first = await signIn(session);
    const second = await signIn(session, { headers: { cookie: first } });
    expect(await who(session, first)).toBe("anonymous");
    expect(await who(session, second)).toBe("alice");
    expect(await session.list("alice", sketchExchange({ nowMs: START }))).toHaveLength(1);
  });

  it("ends after an hour unused, and slides while used", async () => {
    const session = sessions({ store: await makeStore() });
    const cookie = await signIn(session);
    const minute = 60_000;
    expect(await who(session, cookie, START + 59 * minute)).toBe("alice");
    expect(await who(session, cookie, START + 118 * minute)).toBe("alice");
    expect(await who(session, cookie, START + 178 * minute)).toBe("anonymous");
    expect(await who(session, cookie, START + 119 * minute)).toBe("anonymous");
  });

  it("ends after a day however busy it is", async () => {
    const session = sessions({ store: await makeStore() });
    const cookie = await signIn(session);
    const step = 30 * 60_000;
    for (let elapsed = step; elapsed < 24 * 3_600_000; elapsed += step) {
      expect(await who(session, cookie, START + elapsed)).toBe("alice");
    }
    expect(await who(session, cookie, START + 24 * 3_600_000)).toBe("anonymous");
  });

  it("clears a cookie that names no live session", async () => {
    const session = sessions({ store: await makeStore() });
    for (const value of ["x", "A".repeat(43), ""]) {
      const identity = await session.authenticate(sketchExchange({ headers: { cookie: `__Host-session=${value}` } }));
      expect(identity.headers?.[0]?.[1], value).toMatch(/^__Host-session=; Max-Age=0; /u);
    }
  });

  it("signs out this browser, the others, or all", async () => {
    const session = sessions({ store: await makeStore() });
    const [here, phone, laptop] = [await signIn(session), await signIn(session), await signIn(session)];
    const bystander = await signIn(session, {}, { ...alice, userId: "bob" });
    const request = sketchExchange({ headers: { cookie: here }, nowMs: START + 1 });
    expect(await session.revoke("alice", { reason: "user_request", request, keepCurrent: true })).toBe(2);
    expect([await who(session, here), await who(session, phone), await who(session, laptop)]).toEqual([
      "alice",
      "anonymous",
      "anonymous",
    ]);
    const goodbye = sketchExchange({ method: "POST", headers: { cookie: here } });
    await session.end(goodbye);
    expect(await who(session, here)).toBe("anonymous");
    expect(goodbye.responseHeaders).toContainEqual(["clear-site-data", '"cache", "storage"']);
    expect(await session.revoke("bob", { reason: "administrator" })).toBe(1);
    expect(await who(session, bystander)).toBe("anonymous");
  });

  it("lists no session that has ended by itself", async () => {
    const session = sessions({ store: await makeStore() });
    await signIn(session);
    expect(await session.list("alice", sketchExchange({ nowMs: START + 3_599_000 }))).toHaveLength(1);
    expect(await session.list("alice", sketchExchange({ nowMs: START + 3_600_000 }))).toEqual([]);
  });

  it("forgets sessions that ended by themselves, as others sign in", async () => {
    const store = await makeStore();
    const session = sessions({ store });
    await signIn(session);
    await signIn(session, { nowMs: START + 3_599_000 }, { ...alice, userId: "bob" });
    expect(await store.list("alice")).toHaveLength(1);
    await signIn(session, { nowMs: START + 3_660_000 }, { ...alice, userId: "carol" });
    expect(await store.list("alice")).toEqual([]);
    expect(await store.list("bob")).toHaveLength(1);
  });

  it("ignores a token in the query, and a cookie of a weaker name", async () => {
    const session = sessions({ store: await makeStore() });
    const token = (await signIn(session)).split("=")[1] as string;
    const asked = sketchExchange({ target: `/?__Host-session=${token}`, headers: { cookie: `session=${token}` } });
    expect((await session.authenticate(asked)).principal.kind).toBe("anonymous");
  });
});

describe("sessions", () => {
  it("do no asynchronous work for a request without the cookie", () => {
    const session = sessions({
      store: postgresSessions({ query: () => Promise.reject(new Error("must not be asked")) }),
    });
    expect(session.authenticate(sketchExchange())).not.toBeInstanceOf(Promise);
    expect(
      session.authenticate(sketchExchange({ headers: { cookie: "__Host-session=malformed" } })),
    ).not.toBeInstanceOf(Promise);
  });

  it("let a store's fault through, so that the request is refused instead of being taken for anonymous", async () => {
    const session = sessions({ store: postgresSessions({ query: () => Promise.reject(new Error("down")) }) });
    const asked = sketchExchange({ headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    await expect(session.authenticate(asked)).rejects.toThrow("down");
  });

  it("treat a record without times as expired", async () => {
    const broken = {
      id: "x",
      userId: "alice",
      tenantId: "alpha",
      roles: [],
      assurance: 1,
      label: "",
    } as unknown as SessionRecord;
    const session = sessions({ store: { ...memorySessions(), read: () => broken } });
    expect(await who(session, `__Host-session=${"A".repeat(43)}`)).toBe("anonymous");
  });

  it("are bounded in memory: the oldest makes room", async () => {
    const session = sessions({ store: memorySessions(2) });
    const cookies = [await signIn(session), await signIn(session), await signIn(session)];
    expect(await Promise.all(cookies.map((cookie) => who(session, cookie)))).toEqual(["anonymous", "alice", "alice"]);
  });

  it("never throw on a hostile cookie", () => {
    const session = sessions({ store: memorySessions() });
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (value) => {
        const asked = sketchExchange({ rawHeaders: ["Host", "app.example.com", "Cookie", `__Host-session=${value}`] });
        expect(session.authenticate(asked)).toMatchObject({ principal: { kind: "anonymous" } });
      }),
    );
  });

  it("refuse a user without a tenant, unknown options and impossible limits", async () => {
    const store = memorySessions();
    const nowhere = { ...alice, tenantId: "" };
    await expect(sessions({ store }).establish(sketchExchange(), passwordOf(alice), nowhere)).rejects.toThrow(
      /tenant/u,
    );
    expect(() => sessions({ store, limit: {} } as never)).toThrow(/limits/u);
    const impossible = { idleSeconds: 10, absoluteSeconds: 5 };
    expect(() => sessions({ store, limits: { 1: impossible } })).toThrow(/no smaller/u);
    expect(() => sessions({ store, limits: { 4: impossible } as never })).toThrow(/no option "4"/u);
    expect(() => sessions({ store, mostPerUser: 0 })).toThrow(/mostPerUser/u);
    expect(() => sessions({ store, name: "a b" })).toThrow(/plain cookie name/u);
  });

  it("find a memory store and over-long limits in production", () => {
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    const { control } = sessions({
      store: memorySessions(),
      limits: { 2: { idleSeconds: 86_400, absoluteSeconds: 2_592_000 } },
    });
    expect(control.check(deployment).map(({ rule }) => rule.id)).toEqual(["session/memory-store", "session/too-long"]);
    expect(control.check({ ...deployment, mode: "development" }).map(({ rule }) => rule.id)).toEqual([
      "session/too-long",
    ]);
  });
});
