/** What reaches a guarded server without ever reaching a framework. */
import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { glacis, publicAccess, routeRule, type Layers } from "glacis";
import { guardServer, serverOptions } from "glacis/express";
import { overloadProtection } from "glacis/network";
import { bareLayers, stubControl } from "glacis/testing";
import { afterEach, describe, expect, it } from "vitest";
import { answer, type Answer } from "../../packages/glacis/src/core/decision.ts";
import type { Outcome } from "../../packages/glacis/src/core/control.ts";
import { get, post, request } from "./case.ts";
import { speak, type Exchanged, type Listening, type Step } from "./raw-client.ts";

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

const marked = { headers: [{ name: "x-marked", value: "yes", on: "always" }] } as const;

/** A server without a framework: what it answers is undecided, so only what the guard itself says gets out. */
async function guarded(
  replacements: Partial<Layers> = {},
  prepare: (server: Server) => void = () => {},
): Promise<{
  ask: (steps: readonly Step[], listening?: Listening) => Promise<Exchanged>;
  records: ReturnType<typeof bareLayers>["records"];
  server: Server;
}> {
  const layers = bareLayers({ transport: [stubControl("mark", marked)], ...replacements });
  const security = glacis(layers);
  const server = guardServer(
    createServer(serverOptions(security), (_request, response) => void response.writeHead(404).end()),
    security,
  );
  prepare(server);
  open.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { ask: async (steps, listening) => speak(port, steps, listening), records: layers.records, server };
}

const marks = ({ responses }: Exchanged): (string | undefined)[] =>
  responses.map(({ headers }) => headers.find(([name]) => name === "x-marked")?.[1]);

describe("a guarded server", () => {
  it("puts the header set on Node's own refusal of one request too many", async () => {
    const { server: limits } = bareLayers();
    const { ask } = await guarded({ server: { ...limits, maxRequestsPerSocket: 1 } });
    const said = await ask([get("/"), { waitFor: "404" }, get("/")], { responses: 2 });
    expect(said.responses.map(({ status }) => status)).toEqual([404, 503]);
    expect(marks(said)).toEqual(["yes", "yes"]);
  });

  it("guards listeners that are added after it", async () => {
    const seen: string[] = [];
    const { ask } = await guarded(
      {
        network: [
          stubControl("refuse", {
            decide: () => {
              throw new Error("no");
            },
          }),
        ],
      },
      (server) => {
        server.on("request", () => seen.push("request"));
      },
    );
    expect((await ask([get("/")])).responses[0]?.status).toBe(503);
    expect(seen).toEqual([]);
  });

  it("lets an application answer Expect itself, after the open stage", async () => {
    const { ask } = await guarded({}, (server) => {
      server.on("checkContinue", (_request, response) => void response.writeHead(413).end());
    });
    expect((await ask([post("/", "", { "Content-Length": "5", Expect: "100-continue" })])).responses[0]?.status).toBe(
      413,
    );
  });

  it("gives a refused client the answer before it closes, although the client still sends", async () => {
    const { ask } = await guarded();
    const head = request("POST /", { "Content-Length": "+2" });
    // Each piece is one more fault to Node's parser, and any of them could cut the answer off.
    for (let turn = 0; turn < 10; turn += 1) {
      const said = await ask([head, "x".repeat(200_000), 20, "x".repeat(200_000)], { closes: true });
      expect(said).toMatchObject({ closed: true, reset: false });
      expect(said.responses[0]?.status).toBe(400);
      expect(marks(said)).toEqual(["yes"]);
    }
  });

  it("cuts a client that never stops sending after its refusal", async () => {
    const { server } = await guarded();
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.write(request("POST /", { "Content-Length": "+2" }));
    socket.resume();
    const stream = setInterval(() => socket.write("x".repeat(1000)), 20);
    const began = Date.now();
    await closed;
    clearInterval(stream);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it("answers HEAD of a stream without end at once, and the request behind it", async () => {
    let ended = 0;
    async function* feed(): AsyncGenerator<string> {
      try {
        for (;;) {
          yield "data: 1\n\n";
          await sleep(5);
        }
      } finally {
        ended += 1;
      }
    }
    const rule = routeRule(publicAccess("a test"), { kind: "api" });
    const handle = (): Answer => ({ ...answer(200, [["content-type", "text/event-stream"]]), stream: feed() });
    const { ask } = await guarded({ endpoints: [{ method: "GET", path: "/feed", rule, accepts: [], handle }] });
    const said = await ask([request("HEAD /feed"), { waitFor: "event-stream" }, get("/")], {
      responses: 2,
      head: true,
    });
    expect(said.responses.map(({ status }) => status)).toEqual([200, 404]);
    const read = await ask([get("/feed"), { waitFor: "data: 1" }, { abort: true }]);
    expect(read.responses).toEqual([]);
    await sleep(50);
    expect(ended).toBe(1);
  });

  it("cuts off a client that does not read, and leaves one alone that waits for events", async () => {
    const { server: limits } = bareLayers();
    const closed: string[] = [];
    const { server } = await guarded({ server: { ...limits, responseTimeoutMs: 300 } }, (inner) => {
      inner.removeAllListeners("request");
      inner.on("request", (incoming, response) => {
        response.writeHead(404).write("begun");
        if (incoming.url === "/much") response.write("x".repeat(64 * 1024 * 1024));
        response.on("close", () => closed.push(String(incoming.url)));
      });
    });
    const { port } = server.address() as AddressInfo;
    const clients = ["/much", "/events"].map((path) => {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      socket.write(get(path));
      if (path === "/events") socket.resume();
      return socket;
    });
    for (let turn = 0; turn < 100 && closed.length === 0; turn += 1) await sleep(50);
    expect(closed).toEqual(["/much"]);
    for (const client of clients) client.destroy();
  });

  it("calls a body that stalls late by the client, and a connection without a request idle", async () => {
    const { server: limits } = bareLayers();
    const slow = { ...limits, responseTimeoutMs: 300, requestTimeoutMs: 60_000, headersTimeoutMs: 60_000 };
    const { ask, records } = await guarded({ server: slow }, (server) => {
      server.removeAllListeners("request");
      server.on("request", (incoming, response) => {
        if (incoming.method === "GET") response.writeHead(404).end();
        else incoming.on("error", () => {}).resume();
      });
    });
    const stalled = await ask([post("/", "", { "Content-Length": "5" }), "ab", 600], { closes: true });
    expect(stalled).toMatchObject({ closed: true, responses: [{ status: 408 }] });
    expect(marks(stalled)).toEqual(["yes"]);
    const idle = await ask([get("/"), 800, get("/")], { responses: 2 });
    expect(idle.responses.map(({ status }) => status)).toEqual([404, 404]);
    expect(records.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("does not hurry a socket that has left HTTP", async () => {
    const { server: limits } = bareLayers();
    const { ask } = await guarded({ server: { ...limits, responseTimeoutMs: 200 } }, (server) => {
      server.on("upgrade", (_request, socket) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        socket.on("error", () => {}).pipe(socket);
      });
    });
    const said = await ask([
      get("/", { Connection: "Upgrade", Upgrade: "x" }),
      { waitFor: "101" },
      700,
      "still here",
      100,
    ]);
    expect(said.rest).toBe("still here");
  });

  it("lets an application that has been refused call everything, and sends nothing of it", async () => {
    const thrown: unknown[] = [];
    const done = new EventEmitter();
    const late = once(done, "late");
    const { ask } = await guarded({}, (server) => {
      server.removeAllListeners("request");
      server.on("request", (incoming, response) => {
        incoming.on("error", () => {}).resume();
        setTimeout(() => {
          for (const call of [
            () => response.setHeaders(new Map([["x-late", "1"]])),
            () => response.setHeader("x-late", "1").appendHeader("x-late", "2").removeHeader("x-late"),
            () => response.writeEarlyHints({ link: "</late.css>; rel=preload" }),
            () => response.writeProcessing(),
            () => response.writeContinue(),
            () => response.addTrailers({ "x-late": "1" }),
            () => response.flushHeaders(),
            () => response.writeHead(200).write("late"),
            () => response.end("late"),
          ]) {
            try {
              call();
            } catch (error) {
              thrown.push(error);
            }
          }
          done.emit("late");
        }, 20);
      });
    });
    const body = "x".repeat(200_000);
    const head = request("POST /", { "Transfer-Encoding": "chunked" });
    const said = await ask([`${head}${body.length.toString(16)}\r\n${body}\r\n`], { closes: true });
    await late;
    expect(thrown).toEqual([]);
    expect(said.responses.map(({ status }) => status)).toEqual([413]);
    expect(`${JSON.stringify(said.responses)}${said.rest}`).not.toContain("late");
  });

  it("survives one malformed request after another on a connection", async () => {
    const { ask, records } = await guarded();
    await ask([`${get("/")}BAD\r\n\r\nBAD\r\n\r\n`, 20, "BAD\r\n\r\n", 20, "BAD\r\n\r\n"], { closes: true });
    expect(records.filter(({ status }) => status === "refused").length).toBeLessThanOrEqual(1);
    expect((await ask([get("/")])).responses[0]?.status).toBe(404);
  });

  it("reports the outcome once, also when the client left", async () => {
    const outcomes: Outcome[] = [];
    const watching = stubControl("watch", { done: (_facts: unknown, outcome: Outcome) => void outcomes.push(outcome) });
    const { ask } = await guarded({ network: [watching] }, (server) => {
      server.removeAllListeners("request");
      server.on("request", (incoming, response) => {
        if (incoming.url === "/slow") setTimeout(() => response.writeHead(404).end(), 200);
        else response.writeHead(404).end();
      });
    });
    await ask([get("/")]);
    await ask([get("/slow"), 30, { abort: true }]);
    await sleep(300);
    expect(outcomes.map(({ status, aborted }) => [status, aborted])).toEqual([
      [404, false],
      [200, true],
    ]);
  });

  it("refuses an upgrade while a control is broken, and with the header set", async () => {
    const { ask } = await guarded(
      {
        network: [
          stubControl("broken", {
            decide: () => {
              throw new Error("SECRET");
            },
          }),
        ],
      },
      (server) => {
        server.on("upgrade", (_request, socket) => socket.end("UPGRADED"));
      },
    );
    const said = await ask([get("/", { Connection: "Upgrade", Upgrade: "websocket" })], { closes: true });
    expect(said.responses[0]?.status).toBe(503);
    expect(marks(said)).toEqual(["yes"]);
    expect(said.rest).toBe("");
  });

  it.each([
    ["taken over", {}, 101],
    ["refused", { Origin: "https://evil.example" }, 403],
  ])("tells its controls the end of an upgrade that was %s, once", async (_name, headers, status) => {
    const outcomes: Outcome[] = [];
    const counting = stubControl("counting", {
      done: (_facts: unknown, outcome: Outcome) => void outcomes.push(outcome),
    });
    const { ask } = await guarded({ network: [counting] }, (server) => {
      server.on("upgrade", (_request, socket) => socket.end("UPGRADED"));
    });
    await ask([get("/", { Connection: "Upgrade", Upgrade: "websocket", ...headers })], { closes: true });
    expect(outcomes).toEqual([expect.objectContaining({ status, aborted: false })]);
  });

  it("has room for requests after more upgrades than it takes requests at once", async () => {
    const protection = overloadProtection({ maxInFlight: 2 });
    const { ask } = await guarded({ network: [protection] }, (server) => {
      server.on("upgrade", (_request, socket) => socket.end("UPGRADED"));
    });
    for (const origin of ["https://evil.example", "https://evil.example", undefined, undefined])
      await ask(
        [get("/", { Connection: "Upgrade", Upgrade: "websocket", ...(origin !== undefined && { Origin: origin }) })],
        { closes: true },
      );
    expect((await ask([get("/")])).responses[0]?.status).toBe(404);
    protection.stop();
  });

  it("treats an upgrade that nobody listens for as an ordinary request", async () => {
    const { ask } = await guarded();
    expect((await ask([get("/", { Connection: "Upgrade", Upgrade: "websocket" })])).responses[0]?.status).toBe(404);
  });

  it("refuses a body when the limits themselves fail", async () => {
    const { body } = bareLayers();
    const broken = {
      ...body,
      maxBytes: () => {
        throw new Error("SECRET");
      },
    };
    const { ask, records } = await guarded({ body: broken });
    const said = await ask([request("POST /", { "Transfer-Encoding": "chunked" }), "5\r\nhello\r\n"], { closes: true });
    expect(said.responses[0]?.status).toBeGreaterThanOrEqual(400);
    expect(records.map(({ event }) => event)).toContain("sys_control_failed");
  });
});
