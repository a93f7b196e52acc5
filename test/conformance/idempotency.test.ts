/** Operations that happen once, through real servers, and over two processes. */
import { fork, type ChildProcess } from "node:child_process";
import { once as event } from "node:events";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import express5 from "express";
import { authenticated, glacis, hasRole, routeRule, type AuditRecord, type RouteRule } from "glacis";
import { newKey } from "glacis/data";
import { access, secureExpress } from "glacis/express";
import { IDEMPOTENCY_MIGRATION, idempotencyKeys, memoryIdempotencyKeys, type IdempotencyStore } from "glacis/input";
import { bareLayers } from "glacis/testing";
import { afterEach, describe, expect, it } from "vitest";
import type { Authenticate } from "../../packages/glacis/src/core/security.ts";
import type { TenantId } from "../../packages/glacis/src/core/brand.ts";
import { testDatabase } from "../support/services.ts";
import { json, type Behaviour, type Build } from "./application.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";

const authenticate: Authenticate = (facts) => ({
  principal: { kind: "service", id: "shop", tenantId: "acme" as TenantId, roles: [facts.header("x-role") ?? "member"] },
  session: undefined,
});

let stop: (() => void) | undefined;
afterEach(() => stop?.());

async function start(build: Build, behave: Behaviour, store: IdempotencyStore = memoryIdempotencyKeys()) {
  const once = idempotencyKeys({ store });
  const rule = (roles?: string): RouteRule =>
    routeRule(roles === undefined ? authenticated() : hasRole(roles), { kind: "api", controls: [once] });
  const layers = bareLayers({ authenticate, controlTimeoutMs: 300 });
  const records: AuditRecord[] = layers.records;
  const routes = [
    { method: "POST" as const, path: "/payments", rule: rule(), behave },
    { method: "POST" as const, path: "/admin", rule: rule("admin"), behave },
  ];
  const server = await build({ routes, groups: [] }, glacis(layers));
  stop = () => {
    server.close();
    server.closeAllConnections();
  };
  const { port } = server.address() as AddressInfo;
  return { records, send: sender(port) };
}

const sender =
  (port: number) =>
  async (key: string, body: unknown, path = "/payments", headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key, ...headers },
      body: JSON.stringify(body),
    });
    const replayed = response.headers.get("idempotent-replayed") === "true";
    return { status: response.status, text: await response.text(), replayed, headers: response.headers };
  };

describe.each([
  ["Express 5", express5Build],
  ["Express 4", express4Build],
  ["Fastify", fastifyBuild],
  ["Hono", honoBuild],
])("an operation on %s", (_, build) => {
  it("is done once for 64 requests at once, and answered the same ever after", async () => {
    let done = 0;
    const { send } = await start(build, async () => {
      done += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return json({ receipt: done }, { location: "/payments/1" });
    });
    const answers = await Promise.all(Array.from({ length: 64 }, () => send("k", { amount: 1 })));
    expect(done).toBe(1);
    expect(answers.filter(({ status, replayed }) => status === 200 && !replayed)).toHaveLength(1);
    expect(answers.filter(({ status, replayed }) => status === 409 || replayed)).toHaveLength(63);
    const again = await send("k", { amount: 1 });
    expect(again).toMatchObject({ status: 200, text: '{"receipt":1}', replayed: true });
    expect(again.headers.get("location")).toBe("/payments/1");
    expect(again.headers.get("content-type")).toMatch(/^application\/json/u);
    expect((await send("k", { amount: 2 })).status).toBe(422);
    expect((await send("other", { amount: 1 })).text).toBe('{"receipt":2}');
    expect(done).toBe(2);
  });

  it("that failed is not tried again under its key: nobody knows what was done by then", async () => {
    let done = 0;
    const { send } = await start(build, () => {
      done += 1;
      throw new Error("SECRET after the charge");
    });
    expect((await send("k", {})).status).toBe(500);
    const again = await send("k", {});
    expect(again).toMatchObject({ status: 500, replayed: true });
    expect(again.text).not.toContain("SECRET");
    expect(done).toBe(1);
  });

  it("that was refused has used no key, and its answer is for nobody who is refused now", async () => {
    let done = 0;
    const { send } = await start(build, () => json({ done: (done += 1) }));
    expect((await send("k", {}, "/admin")).status).toBe(403);
    expect((await send("k", {}, "/admin", { "x-role": "admin" })).text).toBe('{"done":1}');
    expect((await send("k", {}, "/admin")).status).toBe(403);
    expect((await send("k", {}, "/admin", { "x-role": "admin" })).replayed).toBe(true);
  });

  it("with an answer that is too long or no text is done once and not answered again", async () => {
    let done = 0;
    const long = "x".repeat(300_000);
    const { send } = await start(build, () => {
      done += 1;
      return json(long);
    });
    expect((await send("k", {})).text).toBe(`"${long}"`);
    expect((await send("k", {})).status).toBe(409);
    expect(done).toBe(1);
  });

  it("that answers in pieces is answered again whole", async () => {
    async function* chunks() {
      yield "one";
      await Promise.resolve();
      yield "zwei ä";
    }
    const { send } = await start(build, () => ({ kind: "stream", type: "text/plain", chunks: chunks() }));
    expect((await send("k", {})).text).toBe("onezwei ä");
    expect(await send("k", {})).toMatchObject({ text: "onezwei ä", replayed: true });
  });

  it("is answered when its answer cannot be kept, told to the log, and never done again", async () => {
    const memory = memoryIdempotencyKeys();
    const store = { ...memory, complete: () => new Promise<void>(() => undefined) };
    let done = 0;
    const { send, records } = await start(build, () => json({ done: (done += 1) }), store);
    expect((await send("k", {})).text).toBe('{"done":1}');
    expect((await send("k", {})).status).toBe(409);
    expect(done).toBe(1);
    expect(records.filter(({ event: name }) => name === "sys_control_failed")).toMatchObject([
      { control: "transaction-atomicity" },
    ]);
  });
});

it.each([
  ["Express 5", express5],
  ["Express 4", createRequire(import.meta.url)("express-4") as typeof express5],
])("an answer that a middleware compresses stays readable, the first time and again: %s", async (_, express) => {
  const app = express();
  secureExpress(app, glacis(bareLayers({ authenticate })));
  app.use((_request, response, next) => {
    const end = response.end.bind(response);
    response.end = ((chunk: string | Buffer) => {
      response.setHeader("content-encoding", "gzip");
      response.removeHeader("content-length");
      return end(gzipSync(chunk));
    }) as typeof end;
    next();
  });
  const controls = [idempotencyKeys({ store: memoryIdempotencyKeys() })];
  app.post("/payments", access(authenticated(), { kind: "api", controls }), (_request, response) => {
    response.json({ paid: true });
  });
  const server = app.listen(0, "127.0.0.1");
  await event(server, "listening");
  stop = () => void server.close();
  const send = sender((server.address() as AddressInfo).port);
  expect(await send("k", {})).toMatchObject({ text: '{"paid":true}', replayed: false });
  expect(await send("k", {})).toMatchObject({ text: '{"paid":true}', replayed: true });
});

const database = await testDatabase("idempotency_race");

describe.runIf(database !== undefined)("two processes over one Postgres", () => {
  it("do an operation once, whoever is asked", { timeout: 60_000 }, async () => {
    await database?.pool.query(`${IDEMPOTENCY_MIGRATION}; create table payments (id serial primary key, amount int)`);
    const worker = fileURLToPath(new URL("../support/idempotency-worker.mjs", import.meta.url));
    const keys = newKey("k1");
    const processes: ChildProcess[] = [0, 1].map(() => fork(worker, [database?.url ?? "", keys], { execArgv: [] }));
    try {
      const ports = await Promise.all(processes.map(async (one) => (await event(one, "message"))[0] as number));
      const [here, there] = ports.map(sender) as [ReturnType<typeof sender>, ReturnType<typeof sender>];
      for (const key of ["a", "b", "c"]) {
        const answers = await Promise.all(
          Array.from({ length: 64 }, (_, n) => (n % 2 === 0 ? here : there)(key, { amount: 5 })),
        );
        expect(answers.filter(({ status, replayed }) => status === 201 && !replayed)).toHaveLength(1);
        expect(answers.filter(({ status, replayed }) => status !== 409 && !replayed)).toHaveLength(1);
        const again = await Promise.all([here(key, { amount: 5 }), there(key, { amount: 5 })]);
        expect(again.map(({ status, replayed }) => [status, replayed])).toEqual([
          [201, true],
          [201, true],
        ]);
        expect(new Set(again.map(({ text }) => text)).size).toBe(1);
      }
      const { rows } = (await database?.pool.query("select count(*)::int as n from payments")) ?? { rows: [] };
      expect(rows).toEqual([{ n: 3 }]);
    } finally {
      for (const one of processes) one.disconnect();
      await Promise.all(processes.map((one) => event(one, "exit")));
      await database?.drop();
    }
  });
});
