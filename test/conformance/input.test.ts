/** A route's declared input over real sockets: the same refusals and the same values in every framework. */
import type { AddressInfo, Server } from "node:net";
import { glacis, keyRing, newKey, publicAccess, routeRule, saas, type AuditRecord } from "glacis";
import { formInput, input, repeated } from "glacis/input";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { json, type Application, type Behaviour, type Route } from "./application.ts";
import { CLIENT, get, post, request } from "./case.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const rename = input({
  params: { id: z.string().regex(/^[a-z]{1,5}$/u) },
  query: { tag: repeated(z.string().max(5), { most: 2 }) },
  headers: { "idempotency-key": z.string().max(20) },
  body: { title: z.string().max(20), pages: z.int().min(1).max(9) },
});
const search = input({ query: { q: z.string().max(20) } });
const signUp = formInput({ form: { email: z.email().max(254), age: z.string().max(3).optional() } });
const deep = input({ params: { id: z.string().max(5) } });

const below = input({ params: { id: z.string().max(5) }, body: { title: z.string().max(20) } });

function applicationOf(ran: string[]): Application {
  const route = (
    method: Route["method"],
    path: string,
    declared: typeof search | object,
    behave: Behaviour,
  ): Route => ({
    method,
    path,
    rule: routeRule(publicAccess("conformance"), {
      kind: "api",
      csrfExempt: "conformance",
      input: declared as typeof search,
    }),
    behave(incoming) {
      ran.push(path);
      return behave(incoming);
    },
  });
  return {
    routes: [
      route("POST", "/documents/:id", rename, ({ exchange }) => json(rename.of(exchange))),
      route("GET", "/search", search, ({ exchange }) => json(search.of(exchange))),
      route("POST", "/sign-up", signUp, ({ exchange }) => json(signUp.of(exchange))),
      route("POST", "/nothing", input({}), () => json("nothing")),
    ],
    groups: [
      {
        prefix: "/group",
        rule: routeRule(publicAccess("conformance"), { kind: "api", csrfExempt: "conformance" }),
        routes: [
          route("POST", "/:id", deep, ({ exchange }) => json(deep.of(exchange))),
          route("POST", "/in/:id", below, ({ exchange }) => json(below.of(exchange))),
        ],
      },
    ],
  };
}

describe.each([
  ["express 5", express5Build],
  ["express 4", express4Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s", (_name, build) => {
  const ran: string[] = [];
  const records: AuditRecord[] = [];
  let server: Server;
  beforeAll(async () => {
    const layers = saas({
      mode: "test",
      origin: "https://app.example.com",
      keys: keyRing(newKey("k1")),
      proxies: ["127.0.0.1/32"],
      limits: { client: "10000/m", anonymous: "10000/m" },
      audit: (record) => void records.push(record),
    });
    server = await build(applicationOf(ran), glacis(layers));
  });
  afterAll(() => void server.close());

  async function ask(text: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    ran.length = 0;
    records.length = 0;
    const { responses } = await speak((server.address() as AddressInfo).port, [text.replaceAll(CLIENT, "192.0.2.7")]);
    const [response] = responses;
    return { status: response?.status ?? 0, body: JSON.parse(response?.body || "{}") as Record<string, unknown> };
  }
  const key = { "Idempotency-Key": "k" };

  it("hands typed values to the handler", async () => {
    expect(await ask(post("/documents/a%62c?tag=x&tag=%79", '{"title":"Plan","pages":2}', key))).toEqual({
      status: 200,
      body: {
        params: { id: "abc" },
        query: { tag: ["x", "y"] },
        headers: { "idempotency-key": "k" },
        body: { title: "Plan", pages: 2 },
      },
    });
    expect(await ask(get("/search?q=a+b%2526"))).toMatchObject({ status: 200, body: { query: { q: "a b%26" } } });
    expect(await ask(post("/group/in/a", '{"title":"a"}'))).toMatchObject({
      status: 200,
      body: { body: { title: "a" } },
    });
    expect(await ask(post("/group/abc", ""))).toMatchObject({ status: 200, body: { params: { id: "abc" } } });
  });

  it("answers all errors of all parts at once with pointers, and runs no handler", async () => {
    const { status, body } = await ask(
      post("/documents/UPPER?tag=geheim&x=1", '{"title":"hunter2hunter2hunter2","pages":"4","~/":1}'),
    );
    expect(status).toBe(422);
    expect(body).toMatchObject({ type: "urn:glacis:reason:input_invalid", status: 422, code: "input_invalid" });
    const errors = body["errors"] as readonly { readonly in: string; readonly pointer: string }[];
    expect(errors.map(({ in: place, pointer }) => place + pointer)).toEqual([
      "params/id",
      "query/x",
      "query/tag/0",
      "headers/idempotency-key",
      "body/~0~1",
      "body/title",
      "body/pages",
    ]);
    expect(JSON.stringify(body)).not.toMatch(/UPPER|geheim|hunter2/u);
    expect(ran).toEqual([]);
    const events = records.filter(({ control }) => control === "input-validation");
    expect(events).toMatchObject([{ event: "input_validation_fail", count: 7, route: "/documents/:id" }]);
    expect(JSON.stringify(records)).not.toMatch(/UPPER|geheim|hunter2/u);
  });

  it.each([
    ["a scalar that occurs twice", get("/search?q=1&q=2"), 422],
    ["an object in the place of a scalar", get("/search?q[$ne]=1"), 422],
    ["an unknown parameter", get("/search?q=1&debug=1"), 422],
    ["a missing parameter", get("/search"), 422],
    ["a reserved key in the query", get("/search?q=1&__proto__=1"), 400],
    ["a reserved key in the body", post("/documents/abc", '{"__proto__":{"a":1},"title":"a","pages":1}', key), 400],
    ["a key that occurs twice", post("/documents/abc", '{"title":"a","title":"b","pages":1}', key), 400],
    ["a number too large for a double", post("/documents/abc", '{"title":"a","pages":1e400}', key), 400],
    ["an integer that no double is", post("/documents/abc", '{"title":"a","pages":9007199254740993}', key), 400],
    ["a number beyond the safe integers", post("/documents/abc", '{"title":"a","pages":9007199254740992}', key), 422],
    ["minus zero", post("/documents/abc", '{"title":"a","pages":-0}', key), 422],
    ["a text in the place of a number", post("/documents/abc", '{"title":"a","pages":"1"}', key), 422],
    ["a list in the place of a text", post("/documents/abc", '{"title":["a"],"pages":1}', key), 422],
    ["a null character", post("/documents/abc", '{"title":"a\\u0000","pages":1}', key), 422],
    ["a form in the place of JSON", post("/documents/abc", "title=a&pages=1", { ...key, ...FORM }), 415],
    ["no body", request("POST /documents/abc", key), 422],
    [
      "a header that occurs twice",
      post("/documents/abc", '{"title":"a","pages":1}', { ...key, "IDEMPOTENCY-KEY": "l" }),
      400,
    ],
    ["an encoded percent sign, once decoded", post("/documents/%2561bc", '{"title":"a","pages":1}', key), 422],
    ["a body where none is taken", post("/nothing", '{"a":1}'), 422],
    ["a bad body below a group's rule", post("/group/in/a", '{"title":7}'), 422],
    ["a bad parameter below a group's rule", post("/group/abcdef", ""), 422],
  ])("refuses %s", async (_what, text, status) => {
    expect((await ask(text)).status).toBe(status);
    expect(ran).toEqual([]);
  });

  it("hands what is wrong in a form to its handler", async () => {
    const { status, body } = await ask(post("/sign-up", "email=ada&age=36", FORM));
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: false, errors: [{ in: "form", pointer: "/email" }], typed: { email: "ada" } });
    expect(records.filter(({ control }) => control === "input-validation")).toHaveLength(1);
    expect((await ask(post("/sign-up", "email=ada%40example.com", FORM))).body).toMatchObject({ ok: true });
  });
});
