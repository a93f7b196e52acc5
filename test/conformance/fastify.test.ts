import { ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { glacis, hasRole, publicAccess, type Security } from "glacis";
import { access, requestOf, secureFastify } from "glacis/fastify";
import { bareLayers } from "glacis/testing";
import { afterEach, describe, expect, it } from "vitest";
import { get, post, request } from "./case.ts";
import { speak, type RawResponse } from "./raw-client.ts";

const anyone = publicAccess("a test");
const hello = async (): Promise<string> => "hello";

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

function secured(security: Security = glacis(bareLayers())): FastifyInstance {
  const app = fastify();
  secureFastify(app, security);
  open.push(app);
  return app;
}

async function ask(app: FastifyInstance, text: string): Promise<RawResponse> {
  if (!app.server.listening) await app.listen({ port: 0, host: "127.0.0.1" });
  const { responses } = await speak((app.server.address() as AddressInfo).port, [text]);
  return responses[0] as RawResponse;
}

describe("fastify 5", () => {
  it("refuses to listen while a route has no rule, in plugins as well, and names the full path", async () => {
    const app = secured();
    app.get("/fine", access(anyone), hello);
    app.register(
      async (inner) => {
        inner.get("/users/:id", hello);
      },
      { prefix: "/api" },
    );
    await expect(app.listen({ port: 0 })).rejects.toThrow(
      /GET\s+\/api\/users\/:id\s+add: app\.get\("\/api\/users\/:id", access/u,
    );
    expect(app.server.listening).toBe(false);
  });

  it("gives the automatic HEAD its GET's rule", async () => {
    const security = glacis(bareLayers());
    const app = secured(security);
    app.get("/admin", access(hasRole("admin")), hello);
    await app.ready();
    expect(security.routes.map(({ method, rule }) => `${method} ${rule.access.description}`)).toEqual([
      "GET role admin",
      "HEAD role admin",
    ]);
    const { responses } = await (async () => {
      await app.listen({ port: 0, host: "127.0.0.1" });
      return speak((app.server.address() as AddressInfo).port, [request("HEAD /admin")], { head: true });
    })();
    expect(responses[0]?.status).toBe(401);
  });

  it("reads a rule that a plugin's own onRoute hook gives to its routes", async () => {
    const app = secured();
    app.register(async (inner) => {
      inner.addHook("onRoute", (options) => void Object.assign(options, access(anyone)));
      inner.get("/generated", hello);
    });
    expect((await ask(app, get("/generated"))).status).toBe(200);
  });

  it("keeps schema and other options beside the rule", async () => {
    const app = secured();
    app.post(
      "/typed",
      {
        schema: { body: { type: "object", required: ["name"], properties: { name: { type: "string" } } } },
        ...access(anyone),
      },
      async ({ body }: FastifyRequest) => body,
    );
    expect(await ask(app, post("/typed", '{"name":"Ada"}'))).toMatchObject({ status: 200, body: '{"name":"Ada"}' });
    expect((await ask(app, post("/typed", "{}"))).status).toBe(400);
  });

  it.each([
    ["of a route", {}, { bodyLimit: 20 }],
    ["of the application", { bodyLimit: 20 }, {}],
  ])("keeps a body limit %s that is stricter than ours", async (_, ofApplication, ofRoute) => {
    const app = fastify(ofApplication);
    open.push(app);
    secureFastify(app, glacis(bareLayers()));
    app.post("/short", { ...ofRoute, ...access(anyone) }, async (incoming) => incoming.body);
    const fits = JSON.stringify({ a: "x".repeat(12) });
    expect(await ask(app, post("/short", fits))).toMatchObject({ status: 200, body: fits });
    const refused = await ask(app, post("/short", `${fits} `));
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.body)).toMatchObject({ code: "body_too_large" });
  });

  it("hands the bytes once more to a parser of the application's own", async () => {
    const app = secured();
    app.register(async (inner) => {
      inner.removeContentTypeParser("application/json");
      inner.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body.length),
      );
      inner.post("/hook", access(anyone), async (incoming) => ({
        size: incoming.body,
        text: requestOf(incoming).bodyText,
      }));
    });
    expect((await ask(app, post("/hook", '{ "a" : 1.0 }'))).body).toBe('{"size":13,"text":"{ \\"a\\" : 1.0 }"}');
  });

  it("respects a not-found page and an error handler of the application, and keeps 405", async () => {
    const app = secured();
    app.setNotFoundHandler((_request, reply) => reply.code(404).send("my page"));
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send("my error"));
    app.get("/throws", access(anyone), async () => {
      throw new Error("SECRET");
    });
    expect(await ask(app, get("/nothing"))).toMatchObject({ status: 404, body: "my page" });
    expect(await ask(app, get("/throws"))).toMatchObject({ status: 418, body: "my error" });
    expect((await ask(app, request("DELETE /throws"))).status).toBe(405);
  });

  it("runs the hooks that the application gives to its not-found page", async () => {
    const app = secured();
    app.get("/only-get", access(anyone), hello);
    app.setNotFoundHandler(
      {
        preValidation: (_request, reply, done) => {
          reply.header("x-validated", "yes");
          done();
        },
        preHandler: [
          async (missing: FastifyRequest, reply: FastifyReply) => {
            if (missing.url === "/moved") await reply.code(410).send("gone");
          },
        ],
      },
      (_request, reply) => reply.code(404).send("my page"),
    );
    const page = await ask(app, get("/nothing"));
    expect(page).toMatchObject({ status: 404, body: "my page" });
    expect(page.headers).toContainEqual(["x-validated", "yes"]);
    expect(await ask(app, get("/moved"))).toMatchObject({ status: 410, body: "gone" });
    expect((await ask(app, request("DELETE /only-get"))).status).toBe(405);
  });

  it("complains about a second not-found page, as Fastify does", () => {
    const app = secured();
    app.setNotFoundHandler((_request, reply) => reply.code(404).send("my page"));
    expect(() => app.setNotFoundHandler((_request, reply) => reply.code(404).send("another"))).toThrow("already set");
  });

  it("says 404 where a route says itself that there is nothing, by the application's page if it has one", async () => {
    const app = secured();
    app.get("/files/*", access(anyone), (_request, reply) => reply.callNotFound());
    expect((await ask(app, get("/files/none"))).status).toBe(404);
    const other = secured();
    other.setNotFoundHandler((_request, reply) => reply.code(404).send("my page"));
    other.get("/files/*", access(anyone), (_request, reply) => reply.callNotFound());
    expect(await ask(other, get("/files/none"))).toMatchObject({ status: 404, body: "my page" });
    expect((await ask(other, request("DELETE /files/none"))).status).toBe(405);
  });

  it("withholds what a hook answers before the rule has allowed it", async () => {
    const layers = bareLayers();
    const app = fastify();
    app.addHook("onRequest", async (incoming, reply) => {
      if (incoming.url === "/early") return reply.send("SECRET");
    });
    secureFastify(app, glacis(layers));
    open.push(app);
    app.get("/early", access(hasRole("admin")), hello);
    expect(await ask(app, get("/early"))).toMatchObject({ status: 500, body: "" });
    expect(layers.records.map(({ event }) => event)).toContain("authz_undecided");
  });

  it("does not run a route that was registered before Glacis", async () => {
    const app = fastify();
    const ran: string[] = [];
    app.get("/before", async () => ran.push("before"));
    const layers = bareLayers();
    secureFastify(app, glacis(layers));
    open.push(app);
    expect(await ask(app, get("/before"))).toMatchObject({ status: 500 });
    expect(ran).toEqual([]);
    expect(layers.records.map(({ event }) => event)).toEqual(["authz_undecided"]);
  });

  it("answers a handshake that a plugin routes, and hangs up when its rule refuses", async () => {
    const app = secured();
    app.get("/socket", access(hasRole("admin")), async (_request, reply) => {
      reply.hijack();
      reply.raw.end("UPGRADED");
    });
    // What @fastify/websocket does with a handshake.
    app.server.on("upgrade", (incoming, socket: Socket) => {
      const response = new ServerResponse(incoming);
      response.assignSocket(socket);
      app.routing(incoming, response);
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const handshake = get("/socket", { Connection: "Upgrade", Upgrade: "websocket" });
    const said = await speak(port, [handshake], { closes: true });
    expect(said.responses[0]).toMatchObject({ status: 401, complete: true });
    expect(said.closed).toBe(true);
  });

  it("does not let a link do what only a form may, where a rewrite changes the method", async () => {
    const layers = bareLayers();
    const app = fastify({
      rewriteUrl(raw) {
        if (raw.url?.includes("_method") === true) raw.method = "DELETE";
        return raw.url ?? "/";
      },
    });
    secureFastify(app, glacis(layers));
    open.push(app);
    const ran: string[] = [];
    app.delete("/item", access(anyone), async () => ran.push("deleted"));
    expect((await ask(app, get("/item?_method=DELETE"))).status).toBe(500);
    expect(ran).toEqual([]);
    expect(layers.records.map(({ detail }) => detail)).toContain("method_changed");
    expect((await ask(app, request("POST /item?_method=DELETE"))).status).toBe(200);
  });

  it("judges injected requests too", async () => {
    const app = secured();
    app.get("/admin", access(hasRole("admin")), hello);
    app.get("/", access(anyone), hello);
    expect((await app.inject("/admin")).statusCode).toBe(401);
    expect((await app.inject("/")).body).toBe("hello");
  });

  it("guards the second server that Fastify opens for localhost", async () => {
    const app = secured();
    app.get("/", access(anyone), hello);
    await app.listen({ port: 0, host: "localhost" });
    for (const { address: host, port } of app.addresses() as readonly AddressInfo[]) {
      await speak(port, [get("/")], { host });
      const { responses } = await speak(port, ["GET / HTTP/1.1\r\nBad Header: x\r\n\r\n"], { host });
      expect(responses[0]?.body, host).toContain("request_malformed");
    }
  });

  it("says what is wrong when a handler asks about a request that nobody has judged", async () => {
    const app = fastify();
    open.push(app);
    app.get("/", async (incoming) => requestOf(incoming).requestId);
    expect((await app.inject("/")).json<{ message: string }>().message).toMatch(/did not pass Glacis/u);
  });
});
