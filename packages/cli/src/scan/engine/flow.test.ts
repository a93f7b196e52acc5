import { describe, expect, it } from "vitest";
import { scanText } from "../scan.ts";

const found = (code: string): readonly string[] =>
  scanText("example.tsx", code).map(({ rule }) => rule.id.slice("scan/".length));

/** Ways that untrusted text takes; each ends in the same query. */
const TAINTED: readonly (readonly [string, string])[] = [
  ["a variable", `const q = "select * from t where a = '" + req.query.a + "'"; db.query(q);`],
  ["a template", "db.query(`select * from t where a = '${req.params.a}'`);"],
  [
    "destructuring with a default and another name",
    "const { a: b = 'x' } = req.query; db.query(`select * from t where a = '${b}'`);",
  ],
  [
    "a list that is joined",
    `const p = ["select * from t where 1 = 1"]; p.push("and a = '" + req.body.a + "'"); db.query(p.join(" "));`,
  ],
  [
    "a condition that adds",
    "let q = 'select * from t'; if (req.query.a) q += ` where a = '${req.query.a}'`; db.query(q);",
  ],
  ["an object's property", "const o = {}; o.a = req.body.a; db.query(`select * from t where a = '${o.a}'`);"],
  ["a spread", "const o = { ...req.body }; db.query(`select * from t where a = '${o.a}'`);"],
  ["Object.assign", "const o = Object.assign({}, req.body); db.query(`select * from t where a = '${o.a}'`);"],
  ["JSON", "const o = JSON.parse(req.body.json); db.query(`select * from t where a = '${o.a}'`);"],
  [
    "methods of texts",
    "const a = req.query.a.trim().toLowerCase().slice(1); db.query(`select * from t where a = '${a}'`);",
  ],
  ["a callback over a list", "req.body.ids.forEach((id) => db.query(`select * from t where id = ${id}`));"],
  [
    "map and join",
    "const ids = req.body.ids.map((id) => `'${id}'`).join(','); db.query(`select * from t where id in (${ids})`);",
  ],
  ["a loop", "for (const id of req.body.ids) db.query(`select * from t where id = ${id}`);"],
  ["entries", "for (const [k, v] of Object.entries(req.query)) db.query(`select * from t where ${k} = ${v}`);"],
  [
    "reduce",
    "const w = Object.keys(req.query).reduce((all, k) => all + ` and ${k} = 1`, ''); db.query('select * from t where 1 = 1' + w);",
  ],
  ["await and then", "Promise.resolve(req.query.a).then((a) => db.query(`select * from t where a = '${a}'`));"],
  ["a function", "const build = (a) => `select * from t where a = '${a}'`; db.query(build(req.query.a));"],
  [
    "a function that is declared later",
    "db.query(build(req.query.a)); function build(a) { return `select * from t where a = '${a}'`; }",
  ],
  ["a closure", "const a = req.query.a; const go = () => db.query(`select * from t where a = '${a}'`); go();"],
  [
    "a class",
    "class R { constructor(a) { this.a = a; } go() { return db.query(`select * from t where a = '${this.a}'`); } } new R(req.query.a).go();",
  ],
  [
    "a parent class",
    "class P { go(a) { return db.query(`select * from t where a = '${a}'`); } } class C extends P {} new C().go(req.query.a);",
  ],
  [
    "a check of something else",
    "if (!allowed.includes(req.query.b)) return; db.query(`select * from t where a = '${req.query.a}'`);",
  ],
  [
    "a check that does not end",
    "if (!allowed.includes(req.query.a)) console.warn('strange'); db.query(`select * from t where a = '${req.query.a}'`);",
  ],
  [
    "a pattern without anchors",
    "if (!/[a-z]+/.test(req.query.a)) return; db.query(`select * from t where a = '${req.query.a}'`);",
  ],
  [
    "a pattern that is anchored by lines",
    "if (!/^[a-z]+$/m.test(req.query.a)) return; db.query(`select * from t where a = '${req.query.a}'`);",
  ],
  [
    "a schema that asks for a text",
    "const o = z.object({ a: z.string() }).parse(req.body); db.query(`select * from t where a = '${o.a}'`);",
  ],
  [
    "the address parsed",
    "const a = new URL(req.url, 'http://x').searchParams.get('a'); db.query(`select * from t where a = '${a}'`);",
  ],
  [
    "a switch that falls through to a default",
    "let c = 'a'; switch (req.query.a) { case 'b': c = 'b'; break; default: c = req.query.a; } db.query(`select * from t order by ${c}`);",
  ],
  [
    "a comma and a conditional",
    "const a = req.query.a ? req.query.a : 'x'; db.query(`select * from t where a = '${a}'`);",
  ],
  ["try and catch", "let a; try { a = req.query.a; } catch { a = ''; } db.query(`select * from t where a = '${a}'`);"],
];

const HARMLESS: readonly (readonly [string, string])[] = [
  ["a parameter of the query", "db.query('select * from t where a = $1', [req.query.a]);"],
  ["a number", "db.query(`select * from t limit ${Number(req.query.n)}`);"],
  ["parseInt", "const n = parseInt(req.query.n, 10) || 10; db.query(`select * from t limit ${n}`);"],
  [
    "a list of the program's own",
    "const c = ['a', 'b'].includes(req.query.c) ? req.query.c : 'a'; db.query(`select * from t order by ${c}`);",
  ],
  [
    "a guard that returns",
    "if (!COLUMNS.has(req.query.c)) return res.sendStatus(400); db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a guard that throws",
    "if (COLUMNS.indexOf(req.query.c) === -1) throw new Error(); db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a guard in a function",
    "const check = (c) => { if (!COLUMNS.has(c)) throw new Error(); }; check(req.query.c); db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a guard in a function that answers",
    "function ok(c) { return COLUMNS.has(c); } if (!ok(req.query.c)) return; db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a guard that is kept in a variable",
    "const ok = COLUMNS.has(req.query.c); if (!ok) return; db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a table of the program's own",
    "const c = { a: 'a', b: 'b' }[req.query.c] ?? 'a'; db.query(`select * from t order by ${c}`);",
  ],
  [
    "an anchored pattern",
    "if (!/^[a-z_]{1,20}$/.test(req.query.c)) return; db.query(`select * from t order by ${req.query.c}`);",
  ],
  [
    "a comparison with what is known",
    "const d = req.query.d === 'desc' ? 'desc' : 'asc'; db.query(`select * from t order by a ${d}`);",
  ],
  [
    "a switch",
    "let c; switch (req.query.c) { case 'a': c = 'a'; break; case 'b': c = req.query.c; break; default: return; } db.query(`select * from t order by ${c}`);",
  ],
  ["a value that is replaced", "let a = req.query.a; a = 'x'; db.query(`select * from t where a = '${a}'`);"],
  [
    "another property of the same object",
    "const o = { a: req.query.a, b: 'x' }; db.query(`select * from t where a = '${o.b}'`);",
  ],
  [
    "a schema that asks for one of a few",
    "const o = z.object({ a: z.enum(['x', 'y']) }).parse(req.query); db.query(`select * from t order by ${o.a}`);",
  ],
  [
    "a list that is filtered",
    "const c = req.query.c.filter((x) => COLUMNS.has(x)); db.query(`select ${c.join(', ')} from t`);",
  ],
  [
    "every one checked",
    "if (!req.body.c.every((x) => COLUMNS.has(x))) return; db.query(`select ${req.body.c.join(', ')} from t`);",
  ],
  [
    "only what may stay",
    "const a = req.query.a.replace(/[^a-z0-9]/gi, ''); db.query(`select * from t where a = '${a}'`);",
  ],
  [
    "placeholders that are made",
    "const p = req.body.ids.map((_, i) => `$${i + 1}`).join(', '); db.query(`select * from t where id in (${p})`, req.body.ids);",
  ],
  ["a template tag that makes parameters", "sql`select * from t where a = ${req.query.a}`;"],
];

const handler = (body: string): string =>
  `import express from "express";\nimport { z } from "zod";\nconst app = express();\nconst COLUMNS = new Set(["a", "b"]);\nconst allowed = ["a", "b"];\napp.get("/", async (req, res) => { ${body} });`;

describe("untrusted text", () => {
  it.each(TAINTED)("is followed through %s", (_, body) => {
    expect(found(handler(body))).toContain("sql-injection");
  });

  it.each(HARMLESS)("is harmless behind %s", (_, body) => {
    expect(found(handler(body))).not.toContain("sql-injection");
  });
});

const SOURCES: readonly (readonly [string, string])[] = [
  ["Express by position", 'app.get("/", (a, b) => db.query("select * from t where a = " + a.query.x));'],
  [
    "Express through a wrapper",
    'const wrap = (f) => (req, res, next) => f(req, res).catch(next); app.get("/", wrap(async (req) => db.query("select * from t where a = " + req.query.x)));',
  ],
  [
    "Express by a named handler",
    'const show = (req, res) => db.query("select * from t where a = " + req.params.x); router.get("/", show);',
  ],
  [
    "Express by its types",
    'import type { Request } from "express"; export function show(input: Request) { return db.query("select * from t where a = " + input.params.x); }',
  ],
  ["Fastify", 'fastify.get("/", async (request, reply) => db.query("select * from t where a = " + request.query.x));'],
  [
    "Fastify's routes in an object",
    'fastify.route({ method: "GET", url: "/", handler: async (request) => db.query("select * from t where a = " + request.query.x) });',
  ],
  ["Hono", 'app.get("/", (c) => db.query("select * from t where a = " + c.req.query("x")));'],
  [
    "Hono's body",
    'app.post("/", async (c) => { const { x } = await c.req.json(); return db.query("select * from t where a = " + x); });',
  ],
  [
    "Koa",
    'router.get("/", async (ctx) => { ctx.body = await db.query("select * from t where a = " + ctx.query.x); });',
  ],
  [
    "NestJS",
    '@Controller() class C { constructor(private db: Pool) {} @Get() show(@Query("x") x: string) { return this.db.query("select * from t where a = " + x); } }',
  ],
  [
    "a route of Next",
    'export async function GET(request: Request) { const { searchParams } = new URL(request.url); return db.query("select * from t where a = " + searchParams.get("x")); }',
  ],
  [
    "a page route of Next",
    'export default async function handler(req, res) { await db.query("select * from t where a = " + req.query.x); }',
  ],
  [
    "a loader of Remix",
    'export async function loader({ params }) { return db.query("select * from t where a = " + params.x); }',
  ],
  [
    "node:http",
    'import http from "node:http"; http.createServer((req, res) => db.query("select * from t where a = " + new URL(req.url, "http://h").searchParams.get("x")));',
  ],
  [
    "a body in pieces",
    'import http from "node:http"; http.createServer((req, res) => { let body = ""; req.on("data", (c) => { body += c; }); req.on("end", () => db.query("select * from t where a = " + body)); });',
  ],
  [
    "a socket",
    'wss.on("connection", (ws) => { ws.on("message", (data) => db.query("select * from t where a = " + data)); });',
  ],
  [
    "a function of AWS Lambda",
    'export const handler = async (event) => db.query("select * from t where a = " + event.queryStringParameters.x);',
  ],
  [
    "a resolver of GraphQL",
    'export const resolvers = { Query: { user: (parent, args, context) => db.query("select * from t where a = " + args.x) } };',
  ],
];

describe("requests", () => {
  it.each(SOURCES)("are known in %s", (_, code) => {
    const found = scanText("example.tsx", code).find(({ rule }) => rule.id === "scan/sql-injection");
    expect(found?.rule.severity).toBe("error");
    expect(found?.flow.length).toBeGreaterThan(1);
  });
});
