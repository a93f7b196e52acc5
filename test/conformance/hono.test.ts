import { once } from "node:events";
import type { Server as HttpServer, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { serve } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { TrieRouter } from "hono/router/trie-router";
import { streamSSE } from "hono/streaming";
import { authenticated, glacis, hasRole, publicAccess, routeRule, SealError, type Security } from "glacis";
import { access, listenHono, requestOf, secureHono } from "glacis/hono";
import { bareLayers } from "glacis/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { get, post, request } from "./case.ts";
import { speak, type RawResponse } from "./raw-client.ts";

const anyone = publicAccess("a test");
const hello = (c: Context): Response => c.text("hello");

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

interface Secured {
  readonly app: Hono;
  readonly security: Security;
  readonly records: ReturnType<typeof bareLayers>["records"];
  readonly listen: () => HttpServer;
}

function secured(): Secured {
  const layers = bareLayers();
  const security = glacis(layers);
  const app = new Hono();
  secureHono(app, security);
  return {
    app,
    security,
    records: layers.records,
    listen: () => listenHono(app, security, { port: 0, hostname: "127.0.0.1" }),
  };
}

async function ask(server: Server, text: string): Promise<RawResponse> {
  if (!open.includes(server)) open.push(server);
  if (!server.listening) await once(server, "listening");
  const { responses } = await speak((server.address() as AddressInfo).port, [text]);
  return responses[0] as RawResponse;
}

describe("hono 4", () => {
  it("knows a handler that answers by itself, also one that is loaded after the server has begun", async () => {
    const { app, listen } = secured();
    app.get("/", access(anyone), async (c) => {
      const { RESPONSE_ALREADY_SENT } = await import("@hono/node-server/utils/response");
      const { outgoing } = c.env as { readonly outgoing: ServerResponse };
      outgoing.writeHead(200, { "content-length": "4" });
      setTimeout(() => outgoing.end("late"), 20);
      return RESPONSE_ALREADY_SENT;
    });
    expect(await ask(listen(), get("/"))).toMatchObject({ status: 200, body: "late" });
  });

  it("gives a handler no JSON that nobody has checked, whatever its type says", async () => {
    const { app, listen, records } = secured();
    const read: unknown[] = [];
    const rule = access(routeRule(anyone, { csrfExempt: "a test" }));
    app.post("/", rule, async (c) => c.json(read.push(await c.req.json())));
    app.post("/text", rule, async (c) => c.text(await c.req.text()));
    const server = listen();
    const json = '{"__proto__":1}';
    for (const type of [
      "text/plain",
      "text/plain;charset=UTF-8",
      "application/octet-stream",
      "text/json",
      "multipart/form-data; boundary=x",
    ]) {
      const { status } = await ask(server, post("/", json, { "Content-Type": type }));
      expect([type, status]).toEqual([type, 415]);
    }
    expect((await ask(server, request("POST /", { "Content-Length": "0" }))).status).toBe(415);
    expect(read).toEqual([]);
    expect(records.filter(({ reason }) => reason === "media_type_unsupported")).toHaveLength(6);
    expect((await ask(server, post("/", '{"a":1}', { "Content-Type": "application/json" }))).status).toBe(200);
    expect(read).toEqual([{ a: 1 }]);
    // As what it says it is, it can be read.
    expect((await ask(server, post("/text", json, { "Content-Type": "text/plain" }))).body).toContain(json);
  });

  it("raises no alarm over a body that breaks off in its trailers", async () => {
    const { app, listen, records } = secured();
    app.post("/", access(routeRule(anyone, { csrfExempt: "a test" })), hello);
    const server = listen();
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const head = request("POST /", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" });
    await speak(port, [`${head}2\r\n{}\r\n0\r\nX-Trailer: ${"x".repeat(100_000)}\r\n\r\n`]);
    await once(server.close(), "close");
    expect(records.filter(({ severity }) => severity === "critical")).toEqual([]);
  });

  it("refuses to listen while a route has no rule, in sub-applications as well", () => {
    const { app, listen } = secured();
    const inner = new Hono();
    inner.get("/users/:id", hello);
    inner.onError((_error, c) => c.text("mine", 500));
    app.route("/api", inner);
    app.basePath("/based").post("/x", hello);
    app.get("/fine", access(anyone), hello);
    app.all("/everything", hello);
    expect(listen).toThrow(SealError);
    expect(listen).toThrow(/GET\s+\/api\/users\/:id\s+add: get\("\/api\/users\/:id", access/u);
    expect(listen).toThrow(/POST\s+\/based\/x/u);
    expect(listen).toThrow(/\*\s+\/everything/u);
    expect(listen).not.toThrow(/fine/u);
  });

  it.each([
    ["a rule behind the handler", (app: Hono) => app.get("/a", hello, access(anyone))],
    ["a group after the route", (app: Hono) => app.get("/a", hello).use(access(anyone))],
    ["a group of another path", (app: Hono) => app.use("/b/*", access(anyone)).get("/a", hello)],
    ["a rule for the exact path of a group", (app: Hono) => app.use("/a", access(anyone)).get("/a/b", hello)],
    ["a rule for one method of two", (app: Hono) => app.get("/a", access(anyone), hello).post("/a", hello)],
    ["a group with an empty segment", (app: Hono) => app.use("/a//*", access(anyone)).get("/a/b", hello)],
    ["a group that a pattern only touches", (app: Hono) => app.use("/a/x/*", access(anyone)).get("/a/:id/y", hello)],
  ])("does not take for a rule: %s", (_name, build) => {
    const { app, listen } = secured();
    build(app);
    expect(listen).toThrow(SealError);
  });

  it("takes a rule from the route, from a group, and from everything", async () => {
    const { app, listen } = secured();
    app.get("/own", access(anyone), hello);
    app.use("/group/*", access(anyone));
    app.get("/group/:id/x", hello);
    const inner = new Hono();
    inner.use(access(anyone));
    inner.get("/y", hello);
    inner.onError((_error, c) => c.text("mine", 500));
    app.route("/inner", inner);
    const server = listen();
    for (const path of ["/own", "/group/7/x", "/inner/y"])
      expect((await ask(server, get(path))).status, path).toBe(200);
  });

  it("holds a group's rule and a route's rule both", async () => {
    const { app, listen } = secured();
    app.use("/g/*", access(anyone));
    app.get("/g/inner", access(authenticated()), hello);
    app.use("/h/*", access(authenticated()));
    app.get("/h/inner", access(anyone), hello);
    const server = listen();
    expect((await ask(server, get("/g/inner"))).status).toBe(401);
    expect((await ask(server, get("/h/inner"))).status).toBe(401);
  });

  it("names every rule of a path that is there twice, for the first handler answers", async () => {
    const { app, security, listen } = secured();
    app.get("/a", access(anyone), hello);
    app.get("/a", access(authenticated()), hello);
    const server = listen();
    expect(security.routes.map(({ method, pattern, rule }) => [method, pattern, rule.access.description])).toEqual([
      ["GET", "/a", anyone.description],
      ["GET", "/a", authenticated().description],
    ]);
    expect((await ask(server, get("/a"))).status).toBe(200);
  });

  it("does not run a handler whose rule the router has left out", async () => {
    const router = new TrieRouter<[unknown, { readonly method: string }]>();
    const match = router.match.bind(router);
    router.match = (method, path) => [match(method, path)[0].filter(([[, route]]) => route.method !== "ALL")] as never;
    const layers = bareLayers();
    const security = glacis(layers);
    const app = new Hono({ router: router as never });
    secureHono(app, security);
    const ran: string[] = [];
    app.use("/admin/*", access(hasRole("admin")));
    app.get("/admin/wipe", access(anyone), (c) => c.json(ran.push("wiped")));
    app.get("/own", access(anyone), hello);
    const server = listenHono(app, security, { port: 0, hostname: "127.0.0.1" });
    expect((await ask(server, get("/admin/wipe"))).status).toBe(500);
    expect((await ask(server, get("/own"))).status).toBe(200);
    expect(ran).toEqual([]);
    expect(layers.records.map(({ detail }) => detail)).toContain("rule_passed_over");
  });

  it("does not let a link do what only a form may, where a middleware changes the method", async () => {
    const { app, listen, records } = secured();
    const ran: string[] = [];
    app.use("/item", async (c, next) => {
      if (c.req.query("_method") === undefined) return next();
      return app.fetch(new Request("http://app.example.com/item", { method: "DELETE" }), c.env);
    });
    app.delete("/item", access(anyone), (c) => c.json(ran.push("deleted")));
    const server = listen();
    expect((await ask(server, get("/item?_method=DELETE"))).status).toBe(500);
    expect(ran).toEqual([]);
    expect(records.map(({ detail }) => detail)).toContain("method_changed");
    expect((await ask(server, request("POST /item?_method=DELETE"))).status).toBe(200);
  });

  it("names an option of a route that its group would undo", () => {
    const { app, listen } = secured();
    app.use("/g/*", access(anyone));
    app.post("/g/hook", access(anyone, { csrfExempt: "signed by the sender" }), hello);
    expect(listen).toThrow(/csrfExempt of POST \/g\/hook has no effect/u);
  });

  it("refuses routes that are added after sealing, in words", () => {
    const { app, listen } = secured();
    app.get("/", access(anyone), hello);
    open.push(listen());
    expect(() => app.get("/late", hello)).toThrow(/route table is sealed/u);
    expect(() => app.route("/late", new Hono().get("/x", hello))).toThrow(/route table is sealed/u);
  });

  it("seals an application of a server of its own at the first request, and refuses everything if it cannot", async () => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const good = secured();
    good.app.get("/", access(anyone), hello);
    expect(
      (await ask(serve({ fetch: good.app.fetch, port: 0, hostname: "127.0.0.1" }) as Server, get("/"))).status,
    ).toBe(200);
    const bad = secured();
    bad.app.get("/", access(anyone), hello);
    bad.app.get("/open", hello);
    const server = serve({ fetch: bad.app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    expect((await ask(server, get("/"))).status).toBe(503);
    expect((await ask(server, get("/open"))).status).toBe(503);
    expect(written.mock.calls.filter(([text]) => String(text).includes("/open"))).toHaveLength(1);
    written.mockRestore();
  });

  it("withholds what a middleware or a mounted handler answers before a rule has allowed it", async () => {
    const { app, listen, records } = secured();
    app.use("/early", async (c, next) => {
      if (c.req.query("now") !== undefined) return c.text("SECRET");
      return next();
    });
    app.mount("/mounted", () => new Response("SECRET"));
    app.use("/allowed/*", access(anyone));
    app.mount("/allowed", () => new Response("public"));
    const server = listen();
    expect(await ask(server, get("/early?now"))).toMatchObject({ status: 500, body: "" });
    expect(await ask(server, get("/mounted/x"))).toMatchObject({ status: 500, body: "" });
    expect(await ask(server, get("/allowed/x"))).toMatchObject({ status: 200, body: "public" });
    expect(records.filter(({ event }) => event === "authz_undecided")).toHaveLength(2);
  });

  it("hands the body on in every form that Hono knows", async () => {
    const { app, listen } = secured();
    app.post("/json", access(anyone), async (c) => c.json([await c.req.json(), requestOf(c).body]));
    app.post("/text", access(anyone), async (c) => c.text(await c.req.text()));
    app.post("/bytes", access(anyone), async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)));
    app.post("/raw", access(anyone), async (c) => c.text(await c.req.raw.clone().text()));
    app.post("/stream", access(anyone), async (c) => c.text(await new Response(c.req.raw.body).text()));
    const server = listen();
    const body = '{"a":"é"}';
    const send = async (path: string): Promise<string> =>
      Buffer.from(
        (await ask(server, Buffer.from(post(path, body), "utf8").toString("latin1"))).body,
        "latin1",
      ).toString("utf8");
    expect(await send("/json")).toBe('[{"a":"é"},{"a":"é"}]');
    expect(await send("/text")).toBe(body);
    expect(await send("/bytes")).toBe("10");
    expect(await send("/raw")).toBe(body);
    expect(await send("/stream")).toBe(body);
  });

  it("respects an error handler and a not-found page of the application", async () => {
    const { app, listen } = secured();
    app.onError((_error, c) => c.text("my error", 418));
    app.notFound((c) => c.text("my page", 404));
    app.get("/throws", access(anyone), () => {
      throw new Error("SECRET");
    });
    const server = listen();
    expect(await ask(server, get("/throws"))).toMatchObject({ status: 418, body: "my error" });
    expect(await ask(server, get("/nothing"))).toMatchObject({ status: 404, body: "my page" });
  });

  it.each([
    ["at once", () => "SECRET" as never],
    ["later", async () => "SECRET" as never],
  ])("answers for what is thrown and is no error, %s, and tells the log", async (_name, thrown) => {
    const { app, listen, records } = secured();
    app.get("/", access(anyone), () => {
      const value: unknown = thrown();
      if (value instanceof Promise) return value.then((text) => Promise.reject(text));
      throw value;
    });
    const answer = await ask(listen(), get("/"));
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "internal_error" });
    expect(records.map(({ event }) => event)).toEqual(["sys_error"]);
  });

  it("turns an HTTPException into a refusal of the table", async () => {
    const { app, listen } = secured();
    app.get("/", access(anyone), () => {
      throw new HTTPException(403, { message: "SECRET" });
    });
    const answer = await ask(listen(), get("/"));
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "forbidden" });
  });

  it("streams events and lets the client leave", async () => {
    const { app, listen } = secured();
    let aborted = false;
    app.get("/events", access(anyone), (c) =>
      streamSSE(c, async (stream) => {
        stream.onAbort(() => {
          aborted = true;
        });
        for (let index = 0; index < 50 && !stream.aborted; index += 1) {
          await stream.writeSSE({ data: String(index) });
          await stream.sleep(20);
        }
      }),
    );
    const server = listen();
    open.push(server);
    await once(server, "listening");
    await speak((server.address() as AddressInfo).port, [get("/events"), { waitFor: "data: 1" }, { abort: true }]);
    await vi.waitFor(() => expect(aborted).toBe(true));
  });

  it("answers HEAD by the GET's rule", async () => {
    const { app, listen } = secured();
    app.get("/admin", access(hasRole("admin")), hello);
    const server = listen();
    open.push(server);
    await once(server, "listening");
    const { responses } = await speak((server.address() as AddressInfo).port, [request("HEAD /admin")], { head: true });
    expect(responses[0]?.status).toBe(401);
  });

  it("refuses a request that never was on a wire, and says how to test instead", async () => {
    const { app } = secured();
    app.get("/", access(anyone), hello);
    const answer = await app.request("/");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toMatch(/listenHono/u);
  });

  it("wants secureHono before listenHono", () => {
    expect(() => listenHono(new Hono(), glacis(bareLayers()), { port: 0 })).toThrow(/secureHono/u);
  });
});
