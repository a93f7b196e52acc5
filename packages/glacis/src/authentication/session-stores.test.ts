/** One suite over every store, on real servers. */
import { PGlite } from "@electric-sql/pglite";
import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, testRedis, type TestDatabase, type TestRedis } from "../../../../test/support/services.ts";
import { memorySessions } from "./session-memory.ts";
import { postgresSessions, SESSION_MIGRATION } from "./session-postgres.ts";
import type { PendingRecord, SessionRecord, SessionStore } from "./session-record.ts";
import { redisSessions } from "./session-redis.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const HOUR = 3_600_000;
const PARALLEL = 64;

const newId = (): string => randomBytes(32).toString("base64url");

function sessionOf(userId: string, more: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: newId(),
    userId,
    tenantId: "tenant é '\" \\",
    roles: ["owner", "a,b", '{"}'],
    groups: ["team 1"],
    assurance: 2,
    factors: ["knowledge", "possession"],
    createdAtMs: NOW,
    authenticatedAtMs: NOW,
    provedSinceMs: NOW,
    seenAtMs: NOW,
    label: "Firefox on Linux",
    ...more,
  };
}

function pendingOf(userId: string): PendingRecord {
  const facts = { method: "password", factors: ["knowledge"], phishingResistant: false, deviceBound: false } as const;
  return {
    id: newId(),
    userId,
    tenantId: "t",
    purpose: "second_factor",
    methods: ["totp"],
    proofs: [{ ...facts, userId: userId as PendingRecord["proofs"][number]["userId"], provedAtMs: NOW }],
    createdAtMs: NOW,
    endsAtMs: NOW + 600_000,
  };
}

interface Ground {
  readonly store: SessionStore;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground | undefined>>> = {
  memory: async () => ({ store: memorySessions(), close: async () => undefined }),
  async PGlite() {
    const database = new PGlite();
    await database.exec(SESSION_MIGRATION);
    return { store: postgresSessions(database), close: () => database.close() };
  },
  async Postgres() {
    const database = await testDatabase("session_stores");
    await database?.pool.query(SESSION_MIGRATION);
    return database && { store: postgresSessions(database.pool), close: () => database.drop() };
  },
  async "node-redis"() {
    const redis = await testRedis("session-stores");
    return redis && { store: redisSessions({ client: redis.client, prefix: redis.prefix }), close: () => redis.drop() };
  },
  async ioredis() {
    const redis = await testRedis("session-stores-io");
    if (redis === undefined) return undefined;
    const client = new Redis(redis.url, { enableOfflineQueue: false, lazyConnect: true });
    await client.connect();
    return {
      store: redisSessions({ client, prefix: redis.prefix }),
      async close() {
        client.disconnect();
        await redis.drop();
      },
    };
  },
};

type Prove = (store: SessionStore, user: string) => Promise<void>;

const promises: [string, Prove][] = [];
const proves = (title: string, prove: Prove): void => void promises.push([title, prove]);

proves("gives back exactly what was stored", async (store, user) => {
  const record = sessionOf(user);
  expect(await store.create(record, undefined, NOW + HOUR)).toBe(true);
  expect(await store.read(record.id)).toEqual(record);
  expect(await store.list(user)).toEqual([record]);
  expect(await store.read(newId())).toBeUndefined();
});

proves("removes the replaced session in the same step", async (store, user) => {
  const [old, fresh] = [sessionOf(user), sessionOf(user)];
  await store.create(old, undefined, NOW + HOUR);
  expect(await store.create(fresh, old.id, NOW + HOUR)).toBe(true);
  expect([await store.read(old.id), await store.read(fresh.id)]).toEqual([undefined, fresh]);
});

proves(`lets one of ${PARALLEL} renewals of a session win`, async (store, user) => {
  const old = sessionOf(user);
  await store.create(old, undefined, NOW + HOUR);
  const won = await Promise.all(
    Array.from({ length: PARALLEL }, async () => store.rotate(old.id, sessionOf(user), NOW + HOUR)),
  );
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(await store.list(user)).toHaveLength(1);
  expect(await store.read(old.id)).toBeUndefined();
});

proves(
  "keeps no sign-in that was begun before a revocation, though the clock of its process is ahead",
  async (store, user) => {
    const ahead = (one: PendingRecord): PendingRecord => ({
      ...one,
      createdAtMs: NOW + 5000,
      proofs: one.proofs.map((proof) => ({ ...proof, provedAtMs: NOW + 5000 })),
    });
    const [before, after] = [ahead(pendingOf(user)), ahead(pendingOf(user))];
    const other = pendingOf(`${user}-2`);
    for (const one of [before, other]) await store.hold(one);
    expect(await store.held(before.id)).toEqual(before);
    await store.revokeAll(user, undefined, NOW);
    expect(await store.held(before.id)).toBeUndefined();
    expect(await store.take(before.id)).toBeUndefined();
    await store.hold(after);
    expect(await store.held(after.id)).toEqual(after);
    expect(await store.take(after.id)).toEqual(after);
    expect(await store.take(other.id)).toEqual(other);
    await store.hold(after);
    await store.revokeAll(user, newId(), NOW);
    expect(await store.take(after.id)).toBeUndefined();
  },
);

proves("renews nothing that is gone", async (store, user) => {
  const [old, fresh] = [sessionOf(user), sessionOf(user)];
  await store.create(old, undefined, NOW + HOUR);
  await store.revoke(old.id);
  expect(await store.rotate(old.id, fresh, NOW + HOUR)).toBe(false);
  expect(await store.read(fresh.id)).toBeUndefined();
});

proves("writes many uses at once, never backwards, and never brings a session back", async (store, user) => {
  const [used, late, ended] = [sessionOf(user), sessionOf(user, { seenAtMs: NOW + 500 }), sessionOf(user)];
  for (const record of [used, late, ended]) await store.create(record, undefined, NOW + HOUR);
  await store.revoke(ended.id);
  await store.touch([used, late, ended].map(({ id }) => ({ id, seenAtMs: NOW + 100, endsAtMs: NOW + HOUR })));
  expect((await store.read(used.id))?.seenAtMs).toBe(NOW + 100);
  expect((await store.read(late.id))?.seenAtMs).toBe(NOW + 500);
  expect(await store.read(ended.id)).toBeUndefined();
  expect({ ...(await store.read(used.id)), seenAtMs: NOW }).toEqual(used);
});

proves("ends every session of one user and of nobody else", async (store, user) => {
  const own = [sessionOf(user), sessionOf(user), sessionOf(user)];
  const other = sessionOf(`${user} 2`);
  for (const record of [...own, other]) await store.create(record, undefined, NOW + HOUR);
  expect(await store.revokeAll(user, undefined, NOW + 1)).toBe(3);
  expect(await store.list(user)).toEqual([]);
  expect(await store.read(other.id)).toEqual(other);
  expect(await store.revokeAll(user, undefined, NOW + 1)).toBe(0);
});

proves("spares one session, which counts as proved from then on", async (store, user) => {
  const [kept, gone, fresh] = [sessionOf(user), sessionOf(user), sessionOf(user, { provedSinceMs: NOW + 1 })];
  for (const record of [kept, gone]) await store.create(record, undefined, NOW + HOUR);
  expect(await store.revokeAll(user, kept.id, NOW + 1)).toBe(1);
  expect(await store.read(kept.id)).toEqual({ ...kept, provedSinceMs: NOW + 1 });
  expect(await store.read(gone.id)).toBeUndefined();
  expect(await store.rotate(kept.id, fresh, NOW + HOUR)).toBe(true);
});

proves("spares nothing for a session of somebody else", async (store, user) => {
  const [own, other] = [sessionOf(user), sessionOf(`${user} 2`)];
  for (const record of [own, other]) await store.create(record, undefined, NOW + HOUR);
  expect(await store.revokeAll(user, other.id, NOW + 1)).toBe(1);
  expect(await store.read(other.id)).toEqual(other);
});

proves("refuses a session whose proofs are older than the revocation, and takes a newer one", async (store, user) => {
  await store.revokeAll(user, undefined, NOW + 10);
  expect(await store.create(sessionOf(user, { provedSinceMs: NOW + 9 }), undefined, NOW + HOUR)).toBe(false);
  expect(await store.list(user)).toEqual([]);
  expect(await store.create(sessionOf(user, { provedSinceMs: NOW + 10 }), undefined, NOW + HOUR)).toBe(true);
});

proves("lets no sign-in with old proofs slip past a revocation at the same time", async (store, user) => {
  for (let round = 0; round < 8; round += 1) {
    const person = `${user} ${round}`;
    const records = Array.from({ length: 16 }, () => sessionOf(person));
    const signIns = records.map(async (record) => store.create(record, undefined, NOW + HOUR));
    await Promise.all([...signIns, store.revokeAll(person, undefined, NOW + 1)]);
    const alive = await Promise.all(records.map(async ({ id }) => store.read(id)));
    expect(alive.filter((record) => record !== undefined)).toEqual([]);
  }
});

proves(`gives a pending sign-in to one of ${PARALLEL}`, async (store, user) => {
  const pending = pendingOf(user);
  await store.hold(pending);
  expect(await store.held(pending.id)).toEqual(pending);
  expect(await store.held(pending.id)).toEqual(pending);
  const taken = await Promise.all(Array.from({ length: PARALLEL }, async () => store.take(pending.id)));
  expect(taken.filter((one) => one !== undefined)).toEqual([pending]);
  expect(await store.held(pending.id)).toBeUndefined();
});

proves("forgets what is over", async (store, user) => {
  const [idle, used] = [sessionOf(user), sessionOf(user, { seenAtMs: NOW + HOUR })];
  const pending = pendingOf(user);
  for (const record of [idle, used]) await store.create(record, undefined, record.seenAtMs + HOUR);
  await store.hold(pending);
  if (store.sweep === undefined) {
    // What forgets by itself needs no sweep; below.
    expect(store.kind).toBe("shared");
    return;
  }
  await store.sweep(NOW, NOW + 600_000);
  expect((await store.list(user)).map(({ id }) => id)).toEqual([used.id]);
  expect(await store.held(pending.id)).toBeUndefined();
});

describe.each(Object.entries(grounds))("the session store in %s", (_, open) => {
  let ground: Ground | undefined;
  beforeAll(async () => {
    ground = await open();
  });
  afterAll(() => ground?.close());

  it.each(promises)("%s", async (__, prove) => {
    expect.hasAssertions();
    // Where no server answers, the ground has said so.
    if (ground === undefined) expect(process.env["CI"]).not.toBe("true");
    else await prove(ground.store, `user ${newId()}`);
  });
});

describe("the session store in Redis", () => {
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    redis = await testRedis("session-redis");
  });
  afterAll(() => redis?.drop());

  it("lets every key end by itself, a session when it would be over", async (test) => {
    if (redis === undefined) return test.skip();
    const store = redisSessions({ client: redis.client, prefix: redis.prefix });
    const record = sessionOf("ttl");
    await store.create(record, undefined, NOW + HOUR);
    const pending = pendingOf("ttl");
    await store.hold(pending);
    expect(await redis.client.pTTL(`${redis.prefix}s:${record.id}`)).toBeGreaterThan(HOUR - 60_000);
    expect(await redis.client.pTTL(`${redis.prefix}s:${record.id}`)).toBeLessThanOrEqual(HOUR);
    expect(await redis.client.pTTL(`${redis.prefix}p:${pending.id}`)).toBeLessThanOrEqual(600_000);
    expect(await redis.client.pTTL(`${redis.prefix}u:ttl`)).toBeGreaterThan(0);
    await store.touch([{ id: record.id, seenAtMs: NOW + 1, endsAtMs: NOW + 1 + 2 * HOUR }]);
    expect(await redis.client.pTTL(`${redis.prefix}s:${record.id}`)).toBeGreaterThan(HOUR);
  });

  it("ends every session also when it has lost the list of them", async (test) => {
    if (redis === undefined) return test.skip();
    const { client, prefix } = redis;
    const store = redisSessions({ client, prefix });
    const user = `evicted-${newId()}`;
    const [first, second] = [sessionOf(user), sessionOf(user)];
    const used = (at: number) => [{ id: first.id, seenAtMs: NOW + at, endsAtMs: NOW + at + HOUR }];
    for (const one of [first, second]) await store.create(one, undefined, NOW + HOUR);
    await client.del(`${prefix}u:${user}`);
    await store.touch(used(1000));
    expect(await store.list(user)).toMatchObject([{ id: first.id }]);
    expect(await store.revokeAll(user, undefined, NOW + 2000)).toBe(1);
    expect(await store.read(first.id)).toBeUndefined();
    // The other was not used in between; it ends with its next use.
    await store.touch([{ id: second.id, seenAtMs: NOW + 3000, endsAtMs: NOW + HOUR }]);
    expect(await store.read(second.id)).toBeUndefined();
  });

  it("concludes nothing from a value that is not a session", async (test) => {
    if (redis === undefined) return test.skip();
    const store = redisSessions({ client: redis.client, prefix: redis.prefix });
    for (const value of ["", "x", "1 2", "1 2 {", "not a session at all"]) {
      const id = newId();
      await redis.client.set(`${redis.prefix}s:${id}`, value);
      await expect((async () => store.read(id))(), value).rejects.toThrow();
    }
  });

  it("takes nothing that is no client", () => {
    expect(() => redisSessions({ client: {} as never })).toThrow(/node-redis or ioredis/u);
    expect(() => redisSessions({ client: {} as never, prefx: "x" } as never)).toThrow(/prefix/u);
  });
});

describe("the session store in Postgres", () => {
  it("forgets a revocation once no session can be older", async () => {
    const database = new PGlite();
    await database.exec(SESSION_MIGRATION);
    const store = postgresSessions(database);
    const count = async () => (await database.query("select from glacis_session_revocations")).rows.length;
    await store.revokeAll("ada", undefined, NOW);
    await store.sweep?.(NOW, NOW + 30 * 24 * HOUR);
    expect(await count()).toBe(1);
    await store.sweep?.(NOW, NOW + 31 * 24 * HOUR);
    expect(await count()).toBe(0);
    await database.close();
  });
});

describe("SESSION_MIGRATION", () => {
  const FIRST_RELEASE = `
create table glacis_sessions (
  id text primary key check (length(id) = 43),
  user_id text not null,
  tenant_id text not null,
  roles text[] not null,
  assurance smallint not null check (assurance between 1 and 3),
  created_at_ms bigint not null,
  authenticated_at_ms bigint not null,
  seen_at_ms bigint not null,
  label text not null check (length(label) <= 200)
);
insert into glacis_sessions values (repeat('a', 43), 'u', 't', '{member}', 1, ${NOW}, ${NOW}, ${NOW}, 'Firefox');
`;
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await testDatabase("session_upgrade");
  });
  afterAll(() => database?.drop());

  it("upgrades the table of the first release with its sessions in it, and may run again", async (test) => {
    if (database === undefined) return test.skip();
    await database.pool.query(FIRST_RELEASE);
    await database.pool.query(SESSION_MIGRATION);
    await database.pool.query(SESSION_MIGRATION);
    const store = postgresSessions(database.pool);
    expect(await store.read("a".repeat(43))).toMatchObject({ userId: "u", roles: ["member"], groups: [], factors: [] });
    expect(await store.revokeAll("u", undefined, NOW + 1)).toBe(1);
  });
});
