/** One user cannot take the whole process: turns, refusals and departures, in each framework, over real sockets. */
import { authenticated, glacis, keyRing, newKey, routeRule, saas } from "glacis";
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { json, type Application } from "./application.ts";
import { get } from "./case.ts";
import { express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const principal = { kind: "user", id: "ann", tenantId: "t1", roles: [], assurance: 1, authenticatedAtMs: 0 } as const;
const rule = routeRule(authenticated(), { kind: "api" });

let server: Server | undefined;
afterEach(async () => {
  server?.close();
  if (server !== undefined) await once(server, "close");
});

it.each([
  ["express", express5Build],
  ["fastify", fastifyBuild],
  ["hono", honoBuild],
] as const)("a user's requests take turns under %s, and no place is lost", async (_framework, build) => {
  let running = 0;
  let most = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const application: Application = {
    groups: [],
    routes: [
      {
        method: "GET",
        path: "/slow",
        rule,
        async behave() {
          running += 1;
          most = Math.max(most, running);
          await opened;
          running -= 1;
          return json({});
        },
      },
    ],
  };
  const layers = saas({
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    mode: "test",
    proxies: ["127.0.0.1"],
    audit: () => undefined,
    concurrency: { perUser: 2, maxWaiting: 2, waitMs: 4000 },
  });
  const identity = { principal: principal as never, session: undefined };
  server = await build(application, glacis({ ...layers, authenticate: () => identity }));
  const { port } = server.address() as AddressInfo;
  const ask = async (): Promise<number | undefined> =>
    (await speak(port, [get("/slow")], { silenceMs: 10_000 })).responses[0]?.status;

  const first = [ask(), ask()];
  await expect.poll(() => running).toBe(2);
  const leaving = speak(port, [get("/slow"), 100, { abort: true }]);
  const waiting = ask();
  await delay(30);
  expect(await ask()).toBe(429);
  await leaving;
  // Whoever left the line has left it to nobody: there is room in it for one more only once his turn has come.
  open();
  expect(await Promise.all([...first, waiting])).toEqual([200, 200, 200]);
  expect(most).toBe(2);
  expect(await Promise.all([ask(), ask(), ask(), ask()])).toEqual([200, 200, 200, 200]);
  expect(most).toBe(2);
  await layers.watch.close();
});
