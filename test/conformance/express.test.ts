import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo, Server } from "node:net";
import express5, { type NextFunction, type Request, type Response } from "express";
import { authenticated, glacis, hasRole, publicAccess, SealError, type Security } from "glacis";
import { access, guardServer, requestOf, secureExpress } from "glacis/express";
import { bareLayers, stubControl } from "glacis/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { get, post, request } from "./case.ts";
import { compose } from "./composition.ts";
import { speak, type RawResponse } from "./raw-client.ts";

const express4 = createRequire(import.meta.url)("express-4") as typeof express5;
const anyone = publicAccess("a test");
const hello = (_request: Request, response: Response): void => void response.send("hello");

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function ask(server: Server, text: string): Promise<RawResponse> {
  open.push(server);
  if (!server.listening) await once(server, "listening");
  const { responses } = await speak((server.address() as AddressInfo).port, [text]);
  return responses[0] as RawResponse;
}

function bare(): Security & { readonly records: ReturnType<typeof bareLayers>["records"] } {
  const layers = bareLayers();
  return Object.assign(glacis(layers), { records: layers.records });
}

describe.each([
  ["express 5", express5],
  ["express 4", express4],
])("%s", (name, express) => {
  function secured(security: Security = bare()): ReturnType<typeof express5> {
    const app = express();
    secureExpress(app, security);
    return app;
  }

  it("refuses to listen while a route has no rule, and names method, full path and the line to add", () => {
    const app = secured();
    const users = express.Router();
    users.get("/:id", hello);
    users.post("/", access(anyone), hello);
    const api = express.Router();
    api.use("/users", users);
    app.use("/api/:version", api);
    app.delete("/all", hello);
    expect(() => app.listen(0)).toThrow(SealError);
    expect(() => app.listen(0)).toThrow(
      /GET\s+\/api\/:version\/users\/:id\s+add: get\("\/api\/:version\/users\/:id", access/u,
    );
    expect(() => app.listen(0)).toThrow(/DELETE\s+\/all/u);
    expect(() => app.listen(0)).not.toThrow(/POST/u);
  });

  it.each([
    ["a rule behind the handler", (app: ReturnType<typeof express5>) => app.get("/a", hello, access(anyone))],
    ["a group mounted after the route", (app: ReturnType<typeof express5>) => app.get("/a", hello).use(access(anyone))],
    ["a group of another path", (app: ReturnType<typeof express5>) => app.use("/b", access(anyone)).get("/a", hello)],
    [
      "a group of a longer path",
      (app: ReturnType<typeof express5>) => app.use("/a/b", access(anyone)).get("/a/:id", hello),
    ],
    [
      "a rule for one method of two",
      (app: ReturnType<typeof express5>) => app.route("/a").get(access(anyone), hello).post(hello),
    ],
    [
      "a rule for one path of two",
      (app: ReturnType<typeof express5>) => app.use("/a", access(anyone)).get(["/a", "/b"], hello),
    ],
  ])("does not take for a rule: %s", (_name, build) => {
    const app = secured();
    build(app);
    expect(() => app.listen(0)).toThrow(SealError);
  });

  it("takes a rule from the route, from a group before it, and from a router's own first line", async () => {
    const app = secured();
    const router = express.Router();
    router.use(access(anyone));
    router.get("/inner", hello);
    app.use("/router", router);
    app.use("/group", access(anyone), express.Router().get("/x", hello));
    app.route("/both").all(access(anyone)).get(hello).put(hello);
    const server = app.listen(0, "127.0.0.1");
    for (const path of ["/router/inner", "/group/x", "/both"])
      expect((await ask(server, get(path))).status, path).toBe(200);
  });

  it.each([
    ["a list of paths", ["/one", "/two"], ["/one/list", "/two/list"]],
    ["an expression", /^\/(?:one|two)/u, ["/one/list", "/two/list"]],
    ["a path with a choice", "/one|/two", []],
  ])("takes a router's own first line where it is mounted by %s", async (__, path, targets) => {
    const app = secured();
    const inner = express.Router();
    inner.get("/deep", hello);
    const router = express.Router();
    router.use(access(authenticated()));
    router.get("/list", hello);
    router.use("/inner", inner);
    const opened = express.Router();
    opened.use("/some", access(authenticated()));
    opened.get("/list", hello);
    app.use(path, router);
    const server = app.listen(0);
    for (const target of targets) {
      expect((await ask(server, get(target))).status).toBe(401);
      expect((await ask(server, get(target.replace("list", "inner/deep")))).status).toBe(401);
    }
    const other = secured();
    other.use(path, opened);
    expect(() => other.listen(0)).toThrow(SealError);
  });

  it("takes a group of several paths for each of them, and the root among them for itself, as Express does", async () => {
    const app = secured();
    app.use(["/a", "/b"], access(authenticated()));
    app.get("/a", hello).get(["/a/x", "/b/y"], hello);
    // Express 4 keeps one expression of a list, and what cannot be read covers nothing.
    if (name === "express 4") {
      expect(() => app.listen(0)).toThrow(SealError);
      return;
    }
    const server = app.listen(0);
    for (const path of ["/a", "/a/x", "/b/y"]) expect((await ask(server, get(path))).status, path).toBe(401);
    const beside = secured();
    beside.use(["/a", "/b"], access(authenticated()));
    beside.get(["/a", "/c"], hello);
    expect(() => beside.listen(0)).toThrow(SealError);
    const root = secured();
    root.use(["/", "/a"], access(authenticated()));
    root.get("/c", hello);
    expect(() => root.listen(0)).toThrow(SealError);
  });

  it("refuses routes and routers that are added after listening, in words", async () => {
    const app = secured();
    const router = express.Router();
    router.get("/x", access(anyone), hello);
    app.use("/r", router);
    const server = app.listen(0, "127.0.0.1");
    open.push(server);
    expect(() => app.get("/late", access(anyone), hello)).toThrow(/route table is sealed/u);
    expect(() => app.use("/late", express.Router())).toThrow(/route table is sealed/u);
    expect(() => router.get("/late", hello)).toThrow(/route table is sealed/u);
    expect((await ask(server, get("/late"))).status).toBe(404);
  });

  it("seals an application of a server of its own at the first request", async () => {
    const app = secured();
    app.get("/", access(anyone), hello);
    const server = createServer(app as RequestListener).listen(0, "127.0.0.1");
    expect(await ask(server, get("/"))).toMatchObject({ status: 200, body: "hello" });
    expect(() => app.get("/late", hello)).toThrow(/sealed/u);
  });

  it("refuses every request of an application that cannot be sealed, and says so loudly once", async () => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const security = bare();
    const app = secured(security);
    app.get("/open", hello);
    app.get("/fine", access(anyone), hello);
    const server = createServer(app as RequestListener).listen(0, "127.0.0.1");
    expect((await ask(server, get("/fine"))).status).toBe(503);
    expect((await ask(server, get("/open"))).status).toBe(503);
    expect(written.mock.calls.filter(([text]) => String(text).includes("/open"))).toHaveLength(1);
    written.mockRestore();
    expect(security.records.filter(({ event }) => event === "sys_seal_failed")).toHaveLength(2);
  });

  it("withholds what is answered before a rule has allowed it, and says so in the log", async () => {
    const security = bare();
    const app = secured(security);
    app.use("/static", (_request, response) => void response.type("text/plain").send("SECRET file"));
    app.use("/streamed", (_request, response) => {
      response.write("SECRET 1");
      response.end("SECRET 2");
    });
    app.use("/open", access(anyone), (_request, response) => void response.send("public file"));
    const server = app.listen(0, "127.0.0.1");
    for (const path of ["/static/a.txt", "/streamed"]) {
      expect(await ask(server, get(path)), path).toMatchObject({ status: 500, body: "", complete: true });
    }
    expect(security.records.filter(({ event }) => event === "authz_undecided")).toHaveLength(2);
    expect(await ask(server, get("/open/a.txt"))).toMatchObject({ status: 200, body: "public file" });
  });

  it("takes a range beyond the end of a file for the client's mistake, which is nothing to be woken for", async () => {
    const security = bare();
    const app = secured(security);
    app.use(access(anyone), express.static(import.meta.dirname));
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, get("/case.ts", { Range: "bytes=99999999-" }))).status).toBe(416);
    expect((await ask(server, get("/case.ts", { "If-Match": '"another"' }))).status).toBe(412);
    expect(security.records.map(({ severity }) => severity)).toEqual(["info", "info"]);
  });

  it("lives with a body parser that is mounted before the rule, and still judges what it made", async () => {
    const judged: unknown[] = [];
    const security = glacis(
      bareLayers({
        authentication: [
          stubControl("body", {
            decideBody: (_facts: unknown, body: unknown) => {
              judged.push(body);
              return { kind: "allow", events: [], headers: [] } as const;
            },
          }),
        ],
      }),
    );
    const app = secured(security);
    app.use(express.json());
    app.post("/echo", access(anyone), (request: Request, response: Response) => void response.json(request.body));
    const server = app.listen(0, "127.0.0.1");
    expect(await ask(server, post("/echo", '{"a":[1,2]}'))).toMatchObject({ status: 200, body: '{"a":[1,2]}' });
    expect(judged).toEqual([{ mediaType: "application/json", value: { a: [1, 2] }, text: '{"a":[1,2]}' }]);
  });

  it("refuses a body that somebody has taken away before the rule", async () => {
    const app = secured();
    app.use((request: Request, _response: Response, next: NextFunction) => {
      request.on("data", () => {}).on("end", () => next());
    });
    app.post("/echo", access(anyone), (request: Request, response: Response) => void response.json(request.body));
    expect((await ask(app.listen(0, "127.0.0.1"), post("/echo", '{"a":1}'))).status).toBe(503);
  });

  it("keeps the text of a body for signatures over it", async () => {
    const app = secured();
    app.post(
      "/hook",
      access(anyone),
      (request: Request, response: Response) => void response.send(requestOf(request).bodyText),
    );
    const text = '{ "a" : 1.0 }';
    expect((await ask(app.listen(0, "127.0.0.1"), post("/hook", text))).body).toBe(text);
  });

  it("leaves error middleware of the application its say", async () => {
    const app = secured();
    app.get("/", access(anyone), () => {
      throw new Error("SECRET");
    });
    app.use(
      (_error: unknown, _request: Request, response: Response, _next: NextFunction) =>
        void response.status(418).send("mine"),
    );
    expect(await ask(app.listen(0, "127.0.0.1"), get("/"))).toMatchObject({ status: 418, body: "mine" });
  });

  it("names an application mounted inside, whose routes it cannot see", () => {
    const app = secured();
    app.use("/inner", express());
    expect(() => app.listen(0)).toThrow(/mounted at \/inner hides its routes/u);
  });

  it("names an application that a router mounts", () => {
    const app = secured();
    const inner = express();
    inner.get("/users", hello);
    app.use(express.Router().use("/inner", inner));
    expect(() => app.listen(0)).toThrow(/mounted at \/inner hides its routes/u);
  });

  it("takes what keeps a stack of its own and is no router for a middleware", async () => {
    const app = secured();
    const middlewares = (_request: unknown, _response: unknown, next: () => void): void => next();
    app.use(Object.assign(middlewares, { stack: [{ route: "", handle: middlewares }], use: () => {} }));
    app.get("/", access(anyone), hello);
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, get("/"))).status).toBe(200);
    expect((await ask(server, get("/none"))).status).toBe(404);
  });

  it("holds two rules on one route both", async () => {
    const app = secured();
    app.get("/", access(anyone), access(authenticated()), hello);
    app.get("/reverse", access(authenticated()), access(anyone), hello);
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, get("/"))).status).toBe(401);
    expect((await ask(server, get("/reverse"))).status).toBe(401);
  });

  it.each([
    ["csrfExempt", { csrfExempt: "signed by the sender" }],
    ["bodyBytes", { bodyBytes: 1_000_000 }],
  ])("names an option of a route that its group would undo: %s", (name, options) => {
    const app = secured();
    app.use("/g", access(anyone));
    app.post("/g/hook", access(anyone, options), hello);
    expect(() => app.listen(0)).toThrow(new RegExp(`${name} of POST /g/hook has no effect`, "u"));
  });

  it("does not run a handler whose group's rule was passed over on the way of an error", async () => {
    const app = secured();
    const ran: string[] = [];
    app.use(access(anyone));
    app.use((_request: Request, _response: Response, next: NextFunction) => next(new Error("a parser's complaint")));
    app.use("/admin", access(hasRole("admin")));
    app.use((_error: Error, _request: Request, _response: Response, next: NextFunction) => next());
    app.post("/admin/wipe", (_request: Request, response: Response) => void response.json(ran.push("wiped")));
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, post("/admin/wipe", "{}"))).status).toBe(500);
    expect(ran).toEqual([]);
  });

  it("does not run a handler whose own rule was passed over on the way of an error", async () => {
    const app = secured();
    const ran: string[] = [];
    app.post(
      "/wipe",
      (_request: Request, _response: Response, next: NextFunction) => next(new Error("a parser's complaint")),
      access(hasRole("admin")),
      (_error: Error, _request: Request, _response: Response, next: NextFunction) => next(),
      (_request: Request, response: Response) => void response.json(ran.push("wiped")),
    );
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, post("/wipe", "{}"))).status).toBe(500);
    expect(ran).toEqual([]);
  });

  it.each(["end", "writeHead"] as const)("refuses where a middleware's own %s fails", async (name) => {
    const app = secured();
    app.use((_request: Request, response: Response, next: NextFunction) => {
      response[name] = () => {
        throw new Error("SECRET");
      };
      next();
    });
    app.get("/", access(hasRole("admin")), hello);
    const answer = await ask(app.listen(0, "127.0.0.1"), get("/"));
    expect(answer).toMatchObject({ status: 401, complete: true });
    expect(answer.body).toContain("unauthenticated");
  });

  it("does not run a handler that a laxer router reaches around its group's rule", async () => {
    const app = secured();
    app.set("case sensitive routing", true);
    const ran: string[] = [];
    app.use("/admin", access(hasRole("admin")));
    app.use(express.Router().get("/admin/wipe", () => void ran.push("wiped")));
    const server = app.listen(0, "127.0.0.1");
    expect((await ask(server, get("/ADMIN/wipe"))).status).toBe(500);
    expect(ran).toEqual([]);
  });

  it.each([
    ["the route's own rule", (app: ReturnType<typeof express5>) => app, [access(anyone)]],
    ["its group's rule", (app: ReturnType<typeof express5>) => app.use(access(anyone)), []],
  ])(
    "does not let a link do what only a form may, where a middleware changes the method: %s",
    async (_name, group, own) => {
      const security = bare();
      const app = secured(security);
      const ran: string[] = [];
      group(app);
      app.use((request: Request, _response: Response, next: NextFunction) => {
        if (request.url.includes("_method")) request.method = "DELETE";
        next();
      });
      app.delete("/item", ...own, (_request: Request, response: Response) => void response.json(ran.push("deleted")));
      const server = app.listen(0, "127.0.0.1");
      expect((await ask(server, get("/item?_method=DELETE"))).status).toBe(500);
      expect(ran).toEqual([]);
      expect(security.records.map(({ detail }) => detail)).toContain("method_changed");
      expect((await ask(server, request("POST /item?_method=DELETE"))).status).toBe(200);
    },
  );

  it("runs an error handler behind the rule, and what follows it", async () => {
    const app = secured();
    app.use("/a", access(anyone));
    app.get(
      "/a/b",
      access(anyone),
      (_request: Request, _response: Response, next: NextFunction) => next(new Error("mended below")),
      (_error: Error, _request: Request, _response: Response, next: NextFunction) => next(),
      hello,
    );
    const server = app.listen(0, "127.0.0.1");
    expect(await ask(server, get("/a/b"))).toMatchObject({ status: 200, body: "hello" });
  });

  it("asks for the CSRF token of a route that is not exempt inside a group that is", async () => {
    const { security } = compose();
    const app = secured(security);
    app.use("/hooks", access(anyone, { kind: "api", csrfExempt: "verified by webhook signature" }));
    app.post("/hooks/settings", access(anyone, { kind: "api" }), hello);
    app.post("/hooks/incoming", access(anyone, { kind: "api", csrfExempt: "verified by webhook signature" }), hello);
    const server = app.listen(0, "127.0.0.1");
    const secure = { "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.77" };
    expect((await ask(server, post("/hooks/incoming", "{}", secure))).status).toBe(200);
    expect(await ask(server, post("/hooks/settings", "{}", secure))).toMatchObject({
      status: 403,
      body: expect.stringContaining("csrf_failed") as string,
    });
  });

  it("shows the sealed table", () => {
    const security = bare();
    const app = secured(security);
    app.get("/a", access(anyone), hello);
    app.use("/g", access(hasRole("admin")), express.Router().post("/b", hello));
    open.push(app.listen(0));
    expect(
      security.routes.map(({ method, pattern, rule }) => `${method} ${pattern} ${rule.access.description}`),
    ).toEqual(["GET /a public: a test", "POST /g/b role admin"]);
  });

  it("guards a server that the application did not make", async () => {
    const app = secured();
    app.get("/", access(anyone), hello);
    const server = guardServer(createServer(app as RequestListener), bare()).listen(0, "127.0.0.1");
    expect((await ask(server, "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n")).body).toContain("request_malformed");
  });
});

it("says what is wrong when access() runs in an application that is not secured", async () => {
  const app = express5();
  app.get("/", access(anyone), hello);
  app.use(
    (error: Error, _request: Request, response: Response, _next: NextFunction) =>
      void response.status(500).send(error.message),
  );
  const server = app.listen(0, "127.0.0.1");
  expect((await ask(server, get("/"))).body).toMatch(/secureExpress/u);
});

it("does not listen in production while a required control is missing", () => {
  const app = express5();
  secureExpress(app, glacis(bareLayers({ mode: "production" })));
  expect(() => app.listen(0)).toThrow(/Nothing listens until they are fixed/u);
});
