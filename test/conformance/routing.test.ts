/** Whatever a framework's router makes of a target: a handler that ran has been asked for by the rules that the sealed table names for it. */
import { once } from "node:events";
import { Agent, request as send, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import express5, { type Request, type RequestHandler, type Response, type Router } from "express";
import fastify from "fastify";
import fc from "fast-check";
import { glacis, policyAccess, type AccessRule, type Security } from "glacis";
import * as onExpress from "glacis/express";
import * as onFastify from "glacis/fastify";
import * as onHono from "glacis/hono";
import { bareLayers } from "glacis/testing";
import { Hono, type Context } from "hono";
import { LinearRouter } from "hono/router/linear-router";
import { PatternRouter } from "hono/router/pattern-router";
import { TrieRouter } from "hono/router/trie-router";
import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../../packages/glacis/src/core/brand.ts";

const RUNS = 25;
const METHODS = ["GET", "POST", "HEAD", "OPTIONS", "DELETE"] as const;

/** A group's rule, or a route: with a rule of its own or only behind groups. */
interface Declared {
  readonly kind: "group" | "route" | "router";
  readonly method: "get" | "post" | "all" | "options";
  readonly segments: readonly string[];
  readonly end: string;
  readonly ruled: boolean;
}

interface Table {
  readonly declared: readonly Declared[];
  /** Turns on what a framework has of such switches: case, strictness, slashes, another router. */
  readonly switches: readonly [boolean, boolean, boolean];
}

/** Told by rules and handlers while one request runs. */
interface Told {
  readonly asked: Set<string>;
  readonly ran: { readonly pattern: string; readonly own: string | undefined; readonly asked: ReadonlySet<string> }[];
}

type Rule = (name: string) => AccessRule;
type Ran = (pattern: string, own: string | undefined) => void;
type Build = (table: Table, security: Security, rule: Rule, ran: Ran) => Promise<Server>;

const literal = fc.constantFrom("a", "b", "A", "a.b", "a-b", "~", "%C3%A9", "");
const segment = fc.oneof({ weight: 4, arbitrary: literal }, { weight: 1, arbitrary: fc.constantFrom(":x", ":y") });
const declared: fc.Arbitrary<Declared> = fc.record({
  kind: fc.constantFrom("group", "route", "route", "router"),
  method: fc.constantFrom("get", "get", "post", "all", "options"),
  segments: fc.uniqueArray(segment, { maxLength: 3, selector: (one) => (one.startsWith(":") ? one : Symbol(one)) }),
  end: fc.constantFrom("", "", "", "/", "*", "?"),
  ruled: fc.boolean(),
});
const everything: Declared = { kind: "group", method: "get", segments: [], end: "", ruled: true };
const table: fc.Arbitrary<Table> = fc.record({
  // Most tables would leave some route without a rule and be refused.
  declared: fc
    .tuple(fc.constantFrom([], [everything]), fc.array(declared, { minLength: 2, maxLength: 7 }))
    .map((parts) => parts.flat()),
  switches: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
});

/** Ways to write a segment that one reader takes for another. */
const spelled = fc
  .tuple(
    fc.constantFrom("a", "b", "a.b", "a-b", "~", "é", "z"),
    fc.constantFrom("", "", "", "upper", "escape", "twice", "parameter", "slash", "dots"),
  )
  .map(([text, manner]) => {
    const plain = encodeURIComponent(text);
    const escaped = [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join("");
    const manners: Readonly<Record<string, string>> = {
      upper: plain.toUpperCase(),
      escape: escaped,
      twice: escaped.replaceAll("%", "%25"),
      parameter: `${plain};a=b`,
      slash: `${plain}%2f`,
      dots: `${plain}/../${plain}`,
    };
    return manners[manner] ?? plain;
  });
const target = fc
  .tuple(
    fc.array(fc.oneof({ weight: 5, arbitrary: spelled }, { weight: 1, arbitrary: fc.constantFrom("", ".", "..") }), {
      maxLength: 4,
    }),
    fc.constantFrom("", "", "/", "//", "?x=/a", "?/b", ";", "%"),
  )
  .map(([parts, end]) => `/${parts.join("/")}${end}`);
const asks = fc.array(fc.tuple(fc.constantFrom(...METHODS), target), { minLength: 15, maxLength: 15 });

const pathOf = ({ segments }: Declared): string => `/${segments.join("/")}`;
const nameOf = (one: Declared, index: number): string | undefined => (one.ruled ? `rule ${index}` : undefined);

const passing: RequestHandler = (_request, _response, next) => next();

function expressBuild(express: typeof express5, optional: string): Build {
  return async ({ declared: all, switches: [sensitive, strict, merge] }, security, rule, ran) => {
    const app = express();
    app.set("case sensitive routing", sensitive).set("strict routing", strict);
    onExpress.secureExpress(app, security);
    let at: Router = app;
    let prefix = "";
    for (const [index, one] of all.entries()) {
      const own = nameOf(one, index);
      const gate = own === undefined ? [] : [onExpress.access(rule(own)) as RequestHandler];
      const path = pathOf(one);
      if (one.kind === "router") {
        const router = express.Router({ caseSensitive: !sensitive, strict: !strict, mergeParams: merge });
        app.use(path, ...gate, router);
        at = router;
        prefix = path;
      } else if (one.kind === "group") at.use(path, ...(gate.length > 0 ? gate : [passing]));
      else {
        const whole = one.end === "?" ? path + optional : one.end === "*" ? path : path + one.end;
        const place = prefix + whole;
        at[one.method](whole, ...gate, (_request: Request, response: Response) => {
          ran(place, own);
          response.end("ran");
        });
      }
    }
    const server = app.listen(0, "127.0.0.1");
    if (!server.listening) await once(server, "listening");
    return server;
  };
}

const fastifyBuild: Build = async ({ declared: all, switches }, security, rule, ran) => {
  const [caseSensitive, ignoreTrailingSlash, ignoreDuplicateSlashes] = switches;
  const routerOptions = { caseSensitive, ignoreTrailingSlash, ignoreDuplicateSlashes };
  const semicolons = { useSemicolonDelimiter: caseSensitive !== ignoreTrailingSlash };
  const app = fastify({
    routerOptions: { ...routerOptions, ...semicolons },
    exposeHeadRoutes: !ignoreDuplicateSlashes,
  });
  onFastify.secureFastify(app, security);
  for (const [index, one] of all.entries()) {
    const own = nameOf(one, index) ?? `rule ${index}`;
    const path = pathOf(one);
    const url = one.end === "*" ? `${path}/*`.replace("//", "/") : one.end === "?" ? `${path}/:o?` : path + one.end;
    app[one.method](url, onFastify.access(rule(own)), async () => {
      ran(url, own);
      return "ran";
    });
  }
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server;
};

const honoBuild: Build = async ({ declared: all, switches: [first, second, strict] }, security, rule, ran) => {
  const routers = [undefined, new TrieRouter(), new PatternRouter(), new LinearRouter()] as const;
  const router = routers[Number(first) * 2 + Number(second)];
  const app = new Hono({ strict, ...(router !== undefined && { router: router as never }) });
  onHono.secureHono(app, security);
  for (const [index, one] of all.entries()) {
    const own = nameOf(one, index);
    const path = pathOf(one);
    const below = path === "/" ? "/*" : `${path}/*`;
    if (one.kind === "group") app.use(one.end === "/" ? path : below, onHono.access(rule(own ?? `rule ${index}`)));
    else {
      const whole = one.end === "*" ? below : one.end === "?" ? `${path}/:o?` : path + one.end;
      const inner = one.kind === "router" ? new Hono() : app;
      const gate = own === undefined ? [] : [onHono.access(rule(own))];
      inner.on(one.method.toUpperCase(), [one.kind === "router" ? "/" : whole], ...gate, (c: Context) => {
        ran(whole, own);
        return c.text("ran");
      });
      if (one.kind === "router") app.route(whole, inner);
    }
  }
  const server = onHono.listenHono(app, security, { port: 0, hostname: "127.0.0.1" });
  if (!server.listening) await once(server, "listening");
  return server;
};

async function statusOf(server: Server, agent: Agent, method: string, path: string): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const asking = send({ port, host: "127.0.0.1", method, path, agent });
  asking.end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

/** The rules that the sealed table names for a pattern; frameworks and this test join prefixes with more slashes or fewer. */
function namesAt(security: Security, pattern: string): readonly string[] {
  const plain = (text: string): string => text.replaceAll(/\/+/gu, "/").replace(/(?<=.)\/$/u, "");
  const sealed = security.routes.filter((route) => plain(route.pattern) === plain(pattern));
  return sealed.map(({ rule: { access } }) => access.description.replace("policy ", ""));
}

/** @returns how many handlers ran, or undefined where the table cannot be built or sealed */
async function judge(build: Build, one: Table, requests: readonly (readonly [string, string])[]) {
  const told: Told = { asked: new Set(), ran: [] };
  const principal = {
    kind: "user",
    id: "ada" as UserId,
    tenantId: "acme" as TenantId,
    roles: [],
    assurance: 1,
  } as const;
  const authenticate = () => ({ principal: { ...principal, authenticatedAtMs: 0 }, session: undefined });
  const security = glacis(bareLayers({ authenticate }));
  const rule: Rule = (name) => policyAccess(name, () => told.asked.add(name) === told.asked);
  const ran: Ran = (pattern, own) => void told.ran.push({ pattern, own, asked: new Set(told.asked) });
  const agent = new Agent({ keepAlive: true });
  // Frameworks refuse tables as well, such as one path twice.
  const server = await build(one, security, rule, ran).catch(() => undefined);
  if (server === undefined) return undefined;
  let count = 0;
  for (const [method, path] of requests) {
    told.asked.clear();
    told.ran.length = 0;
    const status = await statusOf(server, agent, method, path);
    count += told.ran.length;
    for (const { pattern, own, asked } of told.ran) {
      const place = `${method} ${path} ran ${pattern}`;
      const names = own === undefined ? namesAt(security, pattern) : [own];
      const met = names.filter((name) => asked.has(name));
      expect(met.length, `${place}, where the table says ${names.join(" or ")}`).toBeGreaterThan(0);
    }
    if (told.ran.length === 0) expect(status, `${method} ${path}`).toBeGreaterThanOrEqual(400);
  }
  agent.destroy();
  server.close();
  server.closeAllConnections();
  return count;
}

describe.each([
  ["express 5", expressBuild(express5, "{/:o}")],
  ["express 4", expressBuild(createRequire(import.meta.url)("express-4") as typeof express5, "/:o?")],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
] as const)("%s", (_, build) => {
  it("runs no handler that its rule has not been asked for, however the target is written", async () => {
    let built = 0;
    let handlers = 0;
    await fc.assert(
      fc.asyncProperty(table, asks, async (one, requests) => {
        const count = await judge(build, one, requests);
        if (count === undefined) return;
        built += 1;
        handlers += count;
      }),
      { numRuns: RUNS },
    );
    // The property says nothing about tables that are refused and targets that nothing answers.
    expect(built).toBeGreaterThan(0);
    expect(handlers).toBeGreaterThan(0);
  }, 120_000);
});
