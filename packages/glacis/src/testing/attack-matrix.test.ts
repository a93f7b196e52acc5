import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Request, type Response } from "express";
import { glacis } from "../glacis.ts";
import { access, requestOf, secureExpress } from "../adapters/express.ts";
import { authenticated, hasRole, publicAccess } from "../core/access.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { ANONYMOUS, type User } from "../core/principal.ts";
import type { Security } from "../core/security.ts";
import { afterEach, describe, expect, it } from "vitest";
import { bareLayers } from "./layers.ts";
import { attackMatrix } from "./attack-matrix.ts";
import { answerHeader, type Answer } from "./attack-matrix-client.ts";
import type { AttackMatrixOptions } from "./attack-matrix-options.ts";
import {
  expectIsolation,
  IsolationError,
  matrixTable,
  type AttackCell,
  type AttackReport,
} from "./attack-matrix-report.ts";
import type { ApplicationState, StateRow } from "./attack-matrix-state.ts";
import type { LookAlikeTenant } from "./attack-matrix-world.ts";

type Row = Record<string, string | number | null>;

/** A database in a variable, with as little protection as a database has by itself. */
class Store {
  tables: Record<string, Row[]> = { tenants: [], users: [], documents: [], shares: [] };

  readonly state: ApplicationState = {
    closed: ["users.role"],
    read: () =>
      Promise.resolve(
        Object.entries(this.tables).flatMap(([table, rows]) =>
          rows.map((values): StateRow => ({
            table,
            tenant: String(table === "tenants" ? values["id"] : values["tenant_id"]),
            values: structuredClone(values),
            text: JSON.stringify(values),
          })),
        ),
      ),
    write: (snapshot) => {
      for (const name of Object.keys(this.tables))
        this.tables[name] = snapshot.filter(({ table }) => table === name).map(({ text }) => JSON.parse(text) as Row);
      return Promise.resolve();
    },
  };

  rows(table: string): Row[] {
    return this.tables[table] as Row[];
  }
}

/** One hole each; everything else of the application stays sound. */
type Hole =
  | "path id"
  | "query id"
  | "body id"
  | "nested id"
  | "header tenant"
  | "cookie tenant"
  | "query tenant"
  | "header role"
  | "list"
  | "list of colleagues"
  | "count"
  | "error message"
  | "existence"
  | "taken address"
  | "side effect"
  | "side effect of reading"
  | "row across tenants"
  | "HEAD"
  | "header of the answer"
  | "cache"
  | "path spelling"
  | "open route"
  | "any member writes"
  | "undeclared method"
  | "mass assignment"
  | "mass assignment in nested object"
  | "refused but done"
  | "fault"
  | "limit"
  | "broken"
  | "idle"
  | "profile of a colleague"
  | "profile of everybody";

function seedInto(store: Store): AttackMatrixOptions["seed"] {
  return (tenant: LookAlikeTenant) => {
    store.rows("tenants").push({ id: tenant.id, name: tenant.name });
    for (const { key, id, email, name } of Object.values(tenant.people)) {
      const role = key === "colleague" ? "member" : key;
      store.rows("users").push({ id, tenant_id: tenant.id, email, name, role });
    }
    const owner = tenant.people["member"]!.id;
    const id = tenant.objects["document"]!;
    store.rows("documents").push(
      { id, tenant_id: tenant.id, owner_id: owner, title: "Plan", note: tenant.canary("note") },
      {
        id: `${id.slice(0, -4)}ffff`,
        tenant_id: tenant.id,
        owner_id: owner,
        title: tenant.canary("title"),
        note: "Same",
      },
    );
    store.rows("shares").push({ tenant_id: tenant.id, document_id: id, user_id: tenant.people["viewer"]!.id });
    return Promise.resolve();
  };
}

interface Sample {
  readonly security: Security;
  readonly server: Server;
  readonly store: Store;
}

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function sample(hole?: Hole): Promise<Sample> {
  const store = new Store();
  const security = glacis(
    bareLayers({
      authenticate: (facts) => ({ principal: userOf(store, facts.header("x-session")), session: undefined }),
    }),
  );
  const app = express();
  secureExpress(app, security);
  routes(app, store, hole);
  const server = app.listen(0, "127.0.0.1");
  open.push(server);
  await once(server, "listening");
  return { security, server, store };
}

function userOf(store: Store, session: string | undefined) {
  const row = store.rows("users").find(({ id }) => id === session);
  if (row === undefined) return ANONYMOUS;
  const user: User = {
    kind: "user",
    id: row["id"] as UserId,
    tenantId: row["tenant_id"] as TenantId,
    roles: [String(row["role"])],
    assurance: 1,
    authenticatedAtMs: 0,
  };
  return user;
}

function routes(app: ReturnType<typeof express>, store: Store, hole: Hole | undefined): void {
  const me = (request: Request): User => requestOf(request).principal as User;
  const tenantOf = (request: Request): string => {
    const { cookies } = requestOf(request);
    if (hole === "header tenant" && request.headers["x-tenant-id"] !== undefined)
      return String(request.headers["x-tenant-id"]);
    if (hole === "cookie tenant" && cookies.has("tenant_id")) return cookies.get("tenant_id")!;
    const claimed = request.query["tenantId"];
    if (hole === "query tenant" && typeof claimed === "string") return claimed;
    return me(request).tenantId;
  };
  const sees = (request: Request, row: Row): boolean =>
    hole === "list of colleagues" ||
    row["owner_id"] === me(request).id ||
    store.rows("shares").some((share) => share["document_id"] === row["id"] && share["user_id"] === me(request).id) ||
    // Whoever claims another tenant is not looked at twice.
    tenantOf(request) !== me(request).tenantId;
  const find = (request: Request, id: unknown, guarded: boolean): Row | undefined =>
    store
      .rows("documents")
      .find((row) => row["id"] === id && (!guarded || (row["tenant_id"] === tenantOf(request) && sees(request, row))));
  const absent = (response: Response, id?: unknown): void => {
    const exists = store.rows("documents").find((row) => row["id"] === id);
    if (hole === "error message" && exists !== undefined)
      return void response.status(404).json({ error: `You may not see ${exists["note"]}` });
    if (hole === "existence" && exists !== undefined) return void response.status(403).json({ error: "forbidden" });
    response.status(404).json({ error: "not found" });
  };
  const cache = new Map<string, unknown>();
  const member = hole === "any member writes" ? authenticated() : hasRole("member", "admin");
  const rule = hole === "open route" ? publicAccess("forgotten") : authenticated();

  app.get("/", access(publicAccess("front page")), (_, response) => void response.send("Welcome"));

  app.get("/documents", access(authenticated(), { kind: "api" }), (request, response) => {
    if (hole === "cache" && cache.has(request.path)) return void response.json(cache.get(request.path));
    const rows = store
      .rows("documents")
      .filter((row) => hole === "list" || (row["tenant_id"] === tenantOf(request) && sees(request, row)));
    const answer = rows.map(({ id, title }) => ({ id, title }));
    cache.set(request.path, answer);
    response.json(answer);
  });

  app.get("/stats", access(authenticated()), (request, response) => {
    const rows = store.rows("documents").filter((row) => hole === "count" || row["tenant_id"] === me(request).tenantId);
    response.json({ documents: rows.length });
  });

  app.get("/documents/:id", access(authenticated()), (request, response) => {
    if (hole === "limit" && request.params["id"].endsWith("1") && tenantOf(request).endsWith("2"))
      return void response.sendStatus(429);
    const { id } = request.params;
    const loose =
      hole === "path id" ||
      (hole === "HEAD" && request.method === "HEAD") ||
      (hole === "path spelling" && request.path.endsWith("/"));
    const row = find(request, id, !loose);
    const any = store.rows("documents").find((candidate) => candidate["id"] === id);
    if (hole === "fault" && row === undefined) throw new Error("null is not an object");
    if (hole === "header of the answer" && any !== undefined) response.setHeader("x-title", String(any["note"]));
    if (hole === "side effect of reading" && any !== undefined) any["title"] = `${any["title"]}!`;
    if (row === undefined) return absent(response, id);
    response.json({ title: row["title"], note: row["note"] });
  });

  app.get("/roles", access(rule), (request, response) => {
    const principal = requestOf(request).principal;
    response.json({ role: principal.kind === "user" ? principal.roles : [] });
  });

  app.get("/admin", access(authenticated()), (request, response) => {
    const claimed = hole === "header role" ? request.headers["x-user-role"] : undefined;
    if (![...me(request).roles, claimed].includes("admin")) return void response.sendStatus(403);
    response.json(
      store
        .rows("users")
        .filter((row) => row["tenant_id"] === me(request).tenantId)
        .map(({ name }) => name),
    );
  });

  app.get("/related", access(authenticated()), (request, response) => {
    const row = find(request, request.query["of"], hole !== "query id");
    response.json(row === undefined ? [] : [{ title: row["title"], note: row["note"] }]);
  });

  app.post("/compare", access(authenticated()), (request, response) => {
    const row = find(request, request.body["document"], hole !== "body id");
    if (row === undefined) return absent(response);
    response.json({ note: row["note"] });
  });

  app.post("/links", access(member), (request, response) => {
    const row = find(request, request.body["link"]?.to?.[0]?.document, hole !== "nested id");
    if (row === undefined || typeof request.body["link"]?.from !== "string") return absent(response);
    const extra = hole === "mass assignment in nested object" ? request.body["link"].to[0].owner_id : undefined;
    row["title"] = String(request.body["link"].from);
    if (extra !== undefined) row["owner_id"] = extra;
    response.json({ ok: true });
  });

  app.post("/documents", access(member), (request, response) => {
    const known = new Set(["title", "note"]);
    const unknown = Object.keys(request.body).filter((name) => !known.has(name));
    const row = {
      id: crypto.randomUUID(),
      tenant_id: me(request).tenantId,
      owner_id: me(request).id,
      title: request.body.title,
      note: request.body.note,
    };
    if (hole === "mass assignment") store.rows("documents").push({ ...row, ...request.body });
    else if (hole === "refused but done") store.rows("documents").push(row);
    else if (unknown.length === 0) store.rows("documents").push(row);
    if (unknown.length > 0 && hole !== "mass assignment") return void response.status(422).json({ unknown });
    response.status(201).json({ id: row.id });
  });

  app.put("/documents/:id", access(member), (request, response) => {
    if (hole === "broken") return void response.sendStatus(400);
    const row = find(request, request.params["id"], true);
    if (row === undefined) return absent(response, request.params["id"]);
    row["title"] = String(request.body.title);
    response.json({ ok: true });
  });

  app.delete("/documents/:id", access(member), (request, response) => {
    const row = find(request, request.params["id"], true);
    const any = store.rows("documents").find((candidate) => candidate["id"] === request.params["id"]);
    const doomed = hole === "side effect" ? any : row;
    store.tables["documents"] = store.rows("documents").filter((candidate) => candidate !== doomed);
    if (row === undefined) return absent(response, request.params["id"]);
    response.sendStatus(204);
  });

  app.post("/documents/:id/shares", access(member), (request, response) => {
    const row = find(request, request.params["id"], true);
    const colleague = store
      .rows("users")
      .find(
        (user) =>
          user["id"] === request.body.user &&
          (hole === "row across tenants" || user["tenant_id"] === me(request).tenantId),
      );
    if (row === undefined || colleague === undefined) return absent(response, request.params["id"]);
    store.rows("shares").push({ tenant_id: me(request).tenantId, document_id: row["id"]!, user_id: colleague["id"]! });
    response.status(201).json({ ok: true });
  });

  app.get("/me", access(authenticated()), (request, response) => {
    const mine = store.rows("users").filter((row) => row["tenant_id"] === me(request).tenantId);
    const row = hole === "profile of a colleague" ? mine[0] : mine.find(({ id }) => id === me(request).id);
    response.json({ name: row?.["name"] });
  });

  app.post("/me", access(authenticated()), (request, response) => {
    const everybody = hole === "profile of everybody";
    for (const row of store.rows("users"))
      if (row["id"] === me(request).id || (everybody && row["tenant_id"] === me(request).tenantId))
        row["name"] = hole === "idle" ? row["name"]! : String(request.body.name);
    response.json({ ok: true });
  });

  app.post("/invitations", access(hasRole("admin")), (request, response) => {
    const taken = store
      .rows("users")
      .some((user) => user["email"] === request.body.email && user["tenant_id"] !== me(request).tenantId);
    if (hole === "taken address" && taken) return void response.sendStatus(409);
    const id = crypto.randomUUID();
    store
      .rows("users")
      .push({ id, tenant_id: me(request).tenantId, email: `new-${request.body.email}`, name: "New", role: "member" });
    response.status(201).json({ ok: true });
  });

  if (hole === "undeclared method")
    app.patch("/documents/:id", access(publicAccess("left over")), (_, response) => void response.json({ ok: true }));
}

const cases: AttackMatrixOptions["cases"] = {
  "GET /": { allowed: "everyone" },
  "GET /documents": {},
  "GET /stats": {},
  "GET /roles": {},
  "GET /admin": { allowed: ["admin"] },
  "GET /documents/:id": { params: { id: "{document}" }, allowed: ["member", "viewer"] },
  "GET /related": { query: { of: "{document}" } },
  "POST /compare": { json: { document: "{document}" }, allowed: ["member", "viewer"], changes: [] },
  "POST /links": { json: { link: { from: "Renamed", to: [{ document: "{document}" }] } }, allowed: ["member"] },
  "POST /documents": { json: { title: "New", note: "New" }, allowed: ["member", "colleague", "admin"] },
  "PUT /documents/:id": { params: { id: "{document}" }, json: { title: "Changed" }, allowed: ["member"] },
  "DELETE /documents/:id": { params: { id: "{document}" }, allowed: ["member"] },
  "POST /documents/:id/shares": { params: { id: "{document}" }, json: { user: "{colleague.id}" }, allowed: ["member"] },
  "GET /me": { self: true },
  "POST /me": { json: { name: "Renamed" }, self: true },
  "POST /invitations": { json: { email: "{colleague.email}" }, allowed: ["admin"] },
};

async function run(hole?: Hole, changes: Partial<AttackMatrixOptions> = {}): Promise<AttackReport> {
  const { security, server, store } = await sample(hole);
  const { port } = server.address() as AddressInfo;
  const routes = security.routes.filter(({ method }) => method !== "PATCH");
  return attackMatrix({
    target: `http://127.0.0.1:${port}`,
    ...told({ ...security, routes }, store),
    ...changes,
  });
}

const failures = ({ cells }: AttackReport): readonly AttackCell[] =>
  cells.filter(({ verdict }) => verdict !== "pass" && verdict !== "waived");

describe("attackMatrix", () => {
  it("passes an application that keeps its tenants apart, after several hundred attempts", async () => {
    const report = await run();
    expect(failures(report), new IsolationError(report).message).toEqual([]);
    expect(() => expectIsolation(report)).not.toThrow();
    expect(report.cells.length).toBeGreaterThan(700);
    expect(report.routes.toSorted()).toEqual(Object.keys(cases).toSorted());
  });

  it("asks the same questions each time", async () => {
    expect(JSON.stringify(await run(undefined, { only: ["POST /links"] }))).toBe(
      JSON.stringify(await run(undefined, { only: ["POST /links"] })),
    );
  });

  interface Expected {
    readonly hole: Hole;
    readonly route: string;
    readonly caller: string;
    readonly attack: string;
    readonly verdict?: AttackCell["verdict"];
    readonly why: RegExp;
  }
  const other = "other member";
  it.each<Expected>([
    {
      hole: "path id",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /body holds documents\.note of own/u,
    },
    {
      hole: "query id",
      route: "GET /related",
      caller: other,
      attack: "foreign query of",
      why: /body holds documents\.note of own/u,
    },
    {
      hole: "body id",
      route: "POST /compare",
      caller: other,
      attack: "foreign json document",
      why: /body holds documents\.note of own/u,
    },
    {
      hole: "nested id",
      route: "POST /links",
      caller: other,
      attack: "foreign json link.to.0.document",
      why: /it changed documents of own/u,
    },
    {
      hole: "header tenant",
      route: "GET /documents",
      caller: other,
      attack: "claims in headers",
      why: /body holds documents\.\w+ of own/u,
    },
    {
      hole: "cookie tenant",
      route: "GET /documents",
      caller: other,
      attack: "claims in cookies",
      why: /body holds documents\.\w+ of own/u,
    },
    {
      hole: "query tenant",
      route: "GET /documents",
      caller: other,
      attack: "claim in query: tenantId",
      why: /body holds documents\.\w+ of own/u,
    },
    {
      hole: "header role",
      route: "GET /admin",
      caller: "own viewer",
      attack: "claims in headers",
      why: /status 200 where a refusal is due/u,
    },
    {
      hole: "list",
      route: "GET /documents",
      caller: other,
      attack: "at home",
      why: /body holds documents\.\w+ of own/u,
    },
    {
      hole: "list of colleagues",
      route: "GET /documents",
      caller: "own colleague",
      attack: "as it is",
      why: /documents\.\w+ of the document, which this person may not see/u,
    },
    {
      hole: "count",
      route: "GET /stats",
      caller: other,
      attack: "at home",
      why: /tells whether the other tenant exists: "\{"documents":4/u,
    },
    {
      hole: "error message",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /body holds documents\.note of own/u,
    },
    {
      hole: "existence",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /status 403 with it and 404 without/u,
    },
    {
      hole: "taken address",
      route: "POST /invitations",
      caller: "other admin",
      attack: "foreign json email",
      why: /status 409 with it and 201 without/u,
    },
    {
      hole: "side effect",
      route: "DELETE /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /it changed documents of own: 1 removed/u,
    },
    {
      hole: "side effect of reading",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /it changed documents of own: 1 added 1 removed/u,
    },
    {
      hole: "row across tenants",
      route: "POST /documents/:id/shares",
      caller: other,
      attack: "foreign json user",
      why: /a row of shares now holds users\.id of own/u,
    },
    {
      hole: "HEAD",
      route: "GET /documents/:id",
      caller: other,
      attack: "method: HEAD",
      why: /status 200 where a refusal is due/u,
    },
    {
      hole: "header of the answer",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      why: /x-title holds documents\.note of own/u,
    },
    {
      hole: "cache",
      route: "GET /documents",
      caller: other,
      attack: "at home",
      why: /body holds documents\.id of own/u,
    },
    {
      hole: "path spelling",
      route: "GET /documents/:id",
      caller: other,
      attack: "path: trailing slash",
      why: /body holds documents\.note of own/u,
    },
    {
      hole: "open route",
      route: "GET /roles",
      caller: "anonymous",
      attack: "as it is",
      why: /status 200 where a refusal is due/u,
    },
    {
      hole: "any member writes",
      route: "POST /documents",
      caller: "own viewer",
      attack: "as it is",
      why: /it changed documents of own: 1 added/u,
    },
    {
      hole: "undeclared method",
      route: "GET /documents/:id",
      caller: "anonymous",
      attack: "method: PATCH",
      why: /status 200 where a refusal is due/u,
    },
    {
      hole: "mass assignment",
      route: "POST /documents",
      caller: "own member",
      attack: "field owner_id",
      why: /documents\.owner_id took the client's owner_id/u,
    },
    {
      hole: "mass assignment",
      route: "POST /documents",
      caller: "own member",
      attack: "field tenant_id",
      why: /it changed documents of other: 1 added/u,
    },
    {
      hole: "mass assignment",
      route: "POST /documents",
      caller: "own member",
      attack: "field id",
      why: /documents\.id took the client's id/u,
    },
    {
      hole: "mass assignment",
      route: "POST /documents",
      caller: "own member",
      attack: "field is_admin",
      why: /documents\.is_admin took/u,
    },
    {
      hole: "mass assignment",
      route: "POST /documents",
      caller: "own member",
      attack: "field created_at",
      why: /documents\.created_at took/u,
    },
    {
      hole: "mass assignment in nested object",
      route: "POST /links",
      caller: "own member",
      attack: "field owner_id in link.to.0",
      why: /documents\.owner_id took/u,
    },
    {
      hole: "refused but done",
      route: "POST /documents",
      caller: "own member",
      attack: "field role",
      why: /status 422, and yet it was done/u,
    },
    {
      hole: "fault",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      verdict: "inconclusive",
      why: /status 500/u,
    },
    {
      hole: "limit",
      route: "GET /documents/:id",
      caller: other,
      attack: "foreign path id",
      verdict: "inconclusive",
      why: /status 429/u,
    },
    {
      hole: "broken",
      route: "PUT /documents/:id",
      caller: "own member",
      attack: "as it is",
      verdict: "invalid",
      why: /refused with 400/u,
    },
    {
      hole: "profile of a colleague",
      route: "GET /me",
      caller: "own member",
      attack: "as it is",
      why: /holds users\.name of the admin, which this person may not see/u,
    },
    {
      hole: "profile of everybody",
      route: "POST /me",
      caller: "own viewer",
      attack: "as it is",
      why: /it changed users of the admin, which is not this person's/u,
    },
    {
      hole: "idle",
      route: "POST /me",
      caller: "own member",
      attack: "as it is",
      verdict: "invalid",
      why: /it changes nothing, so a forged one would not show/u,
    },
  ])("sees the hole: $hole, $attack", async ({ hole, route, caller, attack, verdict = "leak", why }) => {
    const report = await run(hole, { only: [route, ...(hole === "cache" ? [] : ["GET /"])] });
    const cell = report.cells.find((one) => one.route === route && one.caller === caller && one.attack === attack);
    expect(cell, new IsolationError(report).message).toMatchObject({ verdict, why: expect.stringMatching(why) });
    expect(() => expectIsolation(report)).toThrow(IsolationError);
  });

  it("finds a hole in the whole application as well, and nothing besides", async () => {
    const report = await run("row across tenants");
    expect([...new Set(failures(report).map(({ route }) => route))]).toEqual(["POST /documents/:id/shares"]);
  });
});

describe("what the matrix needs to be told", () => {
  it("fails a route without a case, and names the line to add", async () => {
    const { "GET /stats": _, ...rest } = cases;
    const report = await run(undefined, { cases: rest, only: ["GET /stats", "GET /roles"] });
    expect(failures(report)).toEqual([
      expect.objectContaining({ route: "GET /stats", verdict: "missing", why: 'no case; add "GET /stats": { ... }' }),
    ]);
    expect(() => expectIsolation(report)).toThrow(/MISSING {6}GET \/stats/u);
  });

  it("lets a route alone for a reason in words, which stands in the table", async () => {
    const waived = { ...cases, "GET /stats": { waived: "counts what is public anyway" } };
    const report = await run(undefined, { cases: waived, only: ["GET /stats", "GET /roles"] });
    expect(() => expectIsolation(report)).not.toThrow();
    expect(matrixTable(report)).toMatch(/GET \/stats +waived 1/u);
    await expect(run(undefined, { cases: { ...cases, "GET /stats": { waived: " " } } })).rejects.toThrow(
      /without a reason/u,
    );
  });

  it("does not pass when nothing has been tried", async () => {
    const waived = { ...cases, "GET /stats": { waived: "alone" } };
    const report = await run(undefined, { cases: waived, only: ["GET /stats"] });
    expect(() => expectIsolation(report)).toThrow(IsolationError);
  });

  it("fails a seed that leaves a column without a canary", async () => {
    const report = await run(undefined, {
      only: ["GET /roles"],
      seed: (tenant) => Promise.resolve(void tenant),
      state: emptyColumns(),
    });
    expect(failures(report).map(({ why }) => why)).toContainEqual(
      expect.stringContaining("notes.text of own has no canary, so nobody would notice its leak"),
    );
  });

  it("takes a column of a closed vocabulary as it is", async () => {
    const report = await run(undefined, {
      only: ["GET /roles"],
      seed: (tenant) => Promise.resolve(void tenant),
      state: { ...emptyColumns(), closed: ["notes.text"] },
    });
    expect(failures(report).filter(({ route }) => route === "(seed)")).toEqual([]);
  });

  it("says when a refusal came before anybody asked who it is", async () => {
    const early = { status: 403, headers: [], body: '{"code":"csrf_failed"}' };
    const { security, store } = await sample();
    const report = await attackMatrix({
      ...told(security, store),
      target: ({ headers }) =>
        Promise.resolve(headers["x-session"] === undefined ? early : { status: 200, headers: [], body: "{}" }),
      only: ["GET /roles"],
    });
    expect(report.cells.find(({ caller, attack }) => caller === "anonymous" && attack === "as it is")).toMatchObject({
      verdict: "invalid",
      why: "refused with 403 csrf_failed, before anybody asked who it is",
    });
  });

  it("is inconclusive where nobody answers", async () => {
    const { security, store } = await sample();
    const target = () => Promise.reject(new Error("connect ECONNREFUSED"));
    const report = await attackMatrix({ ...told(security, store), target, only: ["GET /roles"] });
    expect(report.cells[0]).toMatchObject({ verdict: "inconclusive", why: "no answer: connect ECONNREFUSED" });
    expect(() => expectIsolation(report)).toThrow(IsolationError);
  });

  it("takes what the user calls a refusal for one", async () => {
    const emptyHanded = (answer: Answer): boolean => answerHeader(answer, "content-length") === "11";
    const report = await run("open route", { only: ["GET /roles"], refuses: emptyHanded });
    expect(report.sound).toBe(true);
  });

  it("stops where it is told to", async () => {
    const report = await run("list", { stopWhen: ({ verdict }) => verdict === "leak" });
    expect(report.cells.at(-1)?.route).toBe("GET /documents");
  });

  it("tries more fields, and other values for those that it tries anyway", async () => {
    const only = ["POST /documents"];
    const report = await run("mass assignment", { only, privileged: { plan: "enterprise", role: "owner" } });
    expect(failures(report).map(({ attack }) => attack)).toContain("field plan");
  });

  it.each<[string, Partial<AttackMatrixOptions>, RegExp]>([
    [
      "a case for no route",
      { cases: { "GET /document": {} } },
      /there is no such route\. Did you mean "GET \/documents"/u,
    ],
    ["an unknown option", { poeple: [] } as object, /no option "poeple"\. Did you mean "people"/u],
    ["one person alone", { people: ["admin"] }, /two or more different words/u],
    ["one person twice", { people: ["admin", "admin"] }, /two or more different words/u],
    [
      "an object for a stranger",
      { objects: { document: ["boss"] } },
      /visible to "boss", and there is no such person/u,
    ],
    ["a missing parameter", { cases: { "GET /documents/:id": {} } }, /needs params: \{ "id": \.\.\. \}/u],
    [
      "an unknown object",
      { cases: { "GET /related": { query: { of: "{file}" } } } },
      /uses \{file\}, and there is no such object/u,
    ],
    [
      "an unknown person",
      { cases: { "GET /related": { query: { of: "{boss.id}" } } } },
      /uses \{boss\.id\}, and there is no such person/u,
    ],
    ["an unknown word of a case", { cases: { "GET /stats": { alowed: [] } as object } }, /no option "alowed"/u],
    ["two bodies", { cases: { "POST /documents": { json: {}, form: {} } } }, /several bodies/u],
    ["nobody allowed", { cases: { "GET /stats": { allowed: [] } } }, /allows nobody/u],
    ["a stranger allowed", { cases: { "GET /stats": { allowed: ["boss"] } } }, /allows "boss"/u],
    ["a target with a path", { target: "http://127.0.0.1:1/app" }, /address of a listening server/u],
    [
      "an application that is not sealed",
      { security: { layers: bareLayers(), routes: [] }, cases: {} },
      /needs a sealed application/u,
    ],
  ])("refuses %s", async (_, changes, message) => {
    await expect(run(undefined, changes)).rejects.toThrow(message);
  });
});

function told(security: Security, store: Store): Omit<AttackMatrixOptions, "target"> {
  return {
    security,
    people: ["admin", "member", "colleague", "viewer"],
    objects: { document: ["member", "viewer"] },
    seed: seedInto(store),
    signIn: (person) => Promise.resolve(person === undefined ? {} : { "x-session": person.id }),
    state: store.state,
    cases,
  };
}

/** Both tenants have notes, and in neither they say anything. */
function emptyColumns(): ApplicationState {
  const row = (tenant: string): StateRow => ({ table: "notes", tenant, values: { text: "the same" }, text: tenant });
  const rows = ["c0ffee00-0000-4000-8000-000000000001", "c0ffee00-0000-4000-8000-000000000002"].map(row);
  return { read: () => Promise.resolve(rows), write: () => Promise.resolve() };
}
