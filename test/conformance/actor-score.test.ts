/** Whose attacks add up: who is slowed down and shut out, who beside him is not, and for how long, in each framework over real sockets. */
import { once } from "node:events";
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo, Server } from "node:net";
import {
  authenticated,
  glacis,
  keyRing,
  newKey,
  publicAccess,
  routeRule,
  saas,
  type AuditRecord,
  type SaasLayers,
  type SaasOptions,
} from "glacis";
import {
  memoryRateLimits,
  postgresRateLimits,
  rateLimitMigration,
  redisRateLimits,
  type RateLimitStore,
} from "glacis/network";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { testDatabase, testRedis } from "../support/services.ts";
import { json, type Application } from "./application.ts";
import { express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";

const APPLICATION: Application = {
  groups: [],
  routes: [
    {
      method: "GET",
      path: "/open",
      rule: routeRule(publicAccess("a test"), { kind: "api" }),
      behave: () => json({}),
    },
    { method: "GET", path: "/own", rule: routeRule(authenticated(), { kind: "api" }), behave: () => json({}) },
  ],
};
const BAIT = "bait-credential-7f3a9c";
const OTHER_BAIT = "another-bait-credential";
const THIRD_BAIT = "a-third-bait-credential";
const SCANNED = ["/.env", "/.git/config", "/wp-login.php", "/xmlrpc.php", "/config.php"];
const MORE_SCANNED = ["/wp-admin", "/phpmyadmin", "/backup.sql", "/admin.php", "/server-status", "/actuator/env"];
/** Public addresses, since nobody counts the others: behind them is a proxy. */
const STRANGER = "8.8.4.4";

const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());
const servers: Server[] = [];
const composed: SaasLayers[] = [];
const dropped: { drop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  for (const { watch } of composed.splice(0)) await watch.close();
  for (const service of dropped.splice(0)) await service.drop();
});

interface Ground {
  readonly layers: SaasLayers;
  readonly records: AuditRecord[];
  /** @param who the user's id, or nobody */
  ask(
    path: string,
    from: string,
    who?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
}

type Build = typeof express5Build;

async function ground(
  build: Build,
  detection: NonNullable<SaasOptions["detection"]>,
  limitStore?: RateLimitStore,
): Promise<Ground> {
  const records: AuditRecord[] = [];
  const layers = saas({
    origin: "https://app.example.com",
    mode: "test",
    keys: keyRing(newKey("k1")),
    proxies: ["127.0.0.1"],
    audit: (record) => void records.push(record),
    detection: { honeyCredentials: [BAIT, OTHER_BAIT, THIRD_BAIT], ...detection },
    ...(limitStore && { limitStore }),
  });
  composed.push(layers);
  const security = glacis({
    ...layers,
    authenticate: (facts) => {
      const id = facts.header("x-test-user");
      if (id === undefined) return layers.authenticate(facts);
      const principal = { kind: "user", id, tenantId: "t1", roles: [], assurance: 1, authenticatedAtMs: 0 } as never;
      return { principal, session: undefined };
    },
  });
  const server = await build(APPLICATION, security);
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return {
    layers,
    records,
    async ask(path, from, who, headers = {}) {
      const sent = request({
        port,
        path,
        agent,
        headers: {
          host: "app.example.com",
          "x-forwarded-for": from,
          "x-forwarded-proto": "https",
          ...(who !== undefined && { "x-test-user": who }),
          ...headers,
        },
      });
      sent.end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      return { status: response.statusCode ?? 0, headers: response.headers };
    },
  };
}

const heldEvents = ({ records }: Ground): readonly AuditRecord[] =>
  records.filter(({ event }) => event === "malicious_actor_held");
const holds = (target: Ground, count: number) => expect.poll(() => heldEvents(target).length).toBe(count);

describe.each([
  ["express 5", express5Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s", (_name, build) => {
  it("slows a user down who uses bait, shuts him out when he does it again, and lets everybody beside him go on", async () => {
    const target = await ground(build, { response: "block" });
    const { records } = target;
    const ask: Ground["ask"] = async (...values) => target.ask(...values);
    await ask("/own", STRANGER, "eve", { "X-API-Key": BAIT });
    await holds(target, 1);
    expect(heldEvents(target)[0]).toMatchObject({
      action: "throttle",
      detail: "is",
      resource_type: "user",
      resource_id: "eve",
      user_id: "eve",
      tenant_id: "t1",
      count: 100,
    });
    // Twenty a minute, and no more.
    const slowed = [];
    for (let count = 0; count < 22; count += 1) slowed.push((await ask("/own", STRANGER, "eve")).status);
    expect(slowed.filter((status) => status === 200)).toHaveLength(20);
    expect(slowed.at(-1)).toBe(429);

    await target.layers.watch.actors.release({ kind: "user", id: "eve" });
    for (const [index, bait] of [OTHER_BAIT, THIRD_BAIT].entries()) {
      await ask("/own", STRANGER, "eve", { "X-API-Key": bait });
      await holds(target, index + 2);
    }
    const { status, headers } = await ask("/own", STRANGER, "eve");
    expect(status).toBe(429);
    const waitSeconds = Number(headers["retry-after"]);
    expect(waitSeconds).toBeGreaterThan(890);
    expect(waitSeconds).toBeLessThanOrEqual(900);
    expect((await ask("/own", STRANGER, "eve")).status).toBe(429);
    expect(records.filter(({ event }) => event === "malicious_actor_refused")).toHaveLength(1);
    expect((await ask("/own", STRANGER, "ann")).status).toBe(200);
    expect((await ask("/open", STRANGER)).status).toBe(200);

    await target.layers.watch.actors.release({ kind: "user", id: "eve" });
    expect((await ask("/own", STRANGER, "eve")).status).toBe(200);
  });

  it("shuts a scanner's address out, but nobody who is signed in behind it", async () => {
    const target = await ground(build, { response: "block" });
    for (const path of SCANNED) await target.ask(path, STRANGER);
    await holds(target, 1);
    for (const path of MORE_SCANNED) await target.ask(path, STRANGER);
    await holds(target, 2);
    expect(heldEvents(target).map(({ action, resource_type }) => [action, resource_type])).toEqual([
      ["throttle", "address"],
      ["block", "address"],
    ]);
    expect((await target.ask("/open", STRANGER)).status).toBe(429);
    expect((await target.ask("/own", STRANGER, "ann")).status).toBe(200);
    expect((await target.ask("/open", "8.8.8.8")).status).toBe(200);
  });
});

describe("an address", () => {
  it("is only slowed down where several people are signed in behind it", async () => {
    const target = await ground(express5Build, { response: "block" });
    for (const who of ["ann", "bob"]) await target.ask("/own", STRANGER, who);
    for (const path of [...SCANNED, ...MORE_SCANNED]) await target.ask(path, STRANGER);
    await holds(target, 2);
    expect((await target.ask("/open", STRANGER)).status).toBe(200);
  });

  it("is not held back for what another site or a picture made a browser ask for, where a proxy stands behind it, or where it is exempt", async () => {
    const target = await ground(express5Build, { response: "block", exempt: ["9.9.9.0/24"] });
    for (const path of [...SCANNED, ...MORE_SCANNED]) {
      await target.ask(path, STRANGER, undefined, { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document" });
      await target.ask(path, "8.8.8.8", undefined, { "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image" });
      await target.ask(path, "10.1.2.3");
      await target.ask(path, "9.9.9.9");
    }
    for (const from of [STRANGER, "8.8.8.8", "10.1.2.3", "9.9.9.9"])
      expect([from, (await target.ask("/open", from)).status]).toEqual([from, 200]);
    expect(heldEvents(target)).toEqual([]);
  });

  it("is held back in words alone unless the application asks for more", async () => {
    const target = await ground(express5Build, {});
    for (const path of [...SCANNED, ...MORE_SCANNED]) await target.ask(path, STRANGER);
    await holds(target, 2);
    expect(heldEvents(target).map(({ detail }) => detail)).toEqual(["would_be", "would_be"]);
    expect((await target.ask("/open", STRANGER)).status).toBe(200);
  });
});

describe("actors", () => {
  it("are not held back for being refused, however often", async () => {
    const target = await ground(express5Build, { response: "block" });
    for (let count = 0; count < 120; count += 1) {
      await target.ask("/own", `8.8.${count}.1`);
      await target.ask(`/nothing/${count}`, STRANGER, "eve", { "Content-Type": "text/nonsense" });
      await target.ask("/own", STRANGER, "eve", { Cookie: "__Host-session=nonsense" });
    }
    expect((await target.ask("/own", STRANGER, "eve")).status).toBe(200);
    expect(heldEvents(target).filter(({ resource_type }) => resource_type === "user")).toEqual([]);
  });

  it("are held back by each process that shares the counters, told of once, and released in all of them", async () => {
    const stores = await sharedStores();
    const tryStore = async ([name, store]: (typeof stores)[number]): Promise<void> => {
      const [first, second] = [
        await ground(express5Build, { response: "block" }, store),
        await ground(fastifyBuild, { response: "block" }, store),
      ] as const;
      const who = `eve of ${name}`;
      await first.ask("/own", STRANGER, who, { "X-API-Key": BAIT });
      await holds(first, 1);
      await second.ask("/own", STRANGER, who, { "X-API-Key": BAIT });
      await holds(second, 1);
      expect([...heldEvents(first), ...heldEvents(second)].map(({ action }) => action)).toEqual(["throttle", "block"]);
      // What another process has counted is known two seconds later, and until then a request passes.
      const answers = async (target: Ground) => (await target.ask("/own", STRANGER, who)).status;
      await expect.poll(() => answers(first), { timeout: 5000, interval: 100 }).toBe(429);
      expect(await answers(second)).toBe(429);
      await second.layers.watch.actors.release({ kind: "user", id: who });
      expect(await answers(second)).toBe(200);
      await expect.poll(() => answers(first), { timeout: 5000, interval: 100 }).toBe(200);
    };
    await Promise.all(stores.map(tryStore));
  });

  it("are counted by each process alone while the shared counters are away, which is told and refuses nobody", async () => {
    const away = async (): Promise<never> => Promise.reject(new Error("away"));
    const store: RateLimitStore = {
      kind: "away",
      shared: true,
      open: (scope) =>
        scope.name.startsWith("actor-") ? { consume: away, peek: away, forget: away } : memoryRateLimits().open(scope),
    };
    const target = await ground(express5Build, { response: "block" }, store);
    for (const [index, bait] of [BAIT, OTHER_BAIT].entries()) {
      await target.ask("/own", STRANGER, "eve", { "X-API-Key": bait });
      await holds(target, index + 1);
    }
    expect((await target.ask("/own", STRANGER, "eve")).status).toBe(429);
    expect((await target.ask("/own", STRANGER, "ann")).status).toBe(200);
    expect(target.records.filter(({ event }) => event === "sys_detection_failed")).toHaveLength(1);
  });
});

/** The stores that processes share, as far as their servers answer. */
async function sharedStores(): Promise<readonly (readonly [string, RateLimitStore])[]> {
  const [database, redis] = await Promise.all([testDatabase("actor_score"), testRedis("actor-score")]);
  await database?.pool.query(rateLimitMigration());
  if (database !== undefined) dropped.push(database);
  if (redis !== undefined) dropped.push(redis);
  return [
    ...(database === undefined ? [] : [["postgres", postgresRateLimits({ database: database.pool })] as const]),
    ...(redis === undefined
      ? []
      : [["redis", redisRateLimits({ client: redis.client, prefix: redis.prefix })] as const]),
  ];
}
