import { describe, expect, it } from "vitest";
import { scanText } from "../scan.ts";

/** Small programs: pages, servers of several frameworks, libraries and scripts. */
const SOUND: readonly string[] = [
  `import DOMPurify from "dompurify"; export function C({ html }) { return <div dangerouslySetInnerHTML={{ __html: DOMPurify.sanitize(html) }} />; }`,
  `export function L({ url }) { const safe = /^https?:\\/\\//.test(url) ? url : "#"; return <a href={safe}>x</a>; }`,
  `const el = document.querySelector("#x"); el.textContent = location.hash.slice(1);`,
  `window.addEventListener("message", (e) => { if (e.origin !== "https://a.com") return; document.body.innerHTML = e.data; });`,
  `const el = document.createElement("div"); el.innerHTML = "<b>static</b>"; document.body.append(el);`,
  `import yaml from "js-yaml"; app.post("/", (req, res) => res.json(yaml.load(req.body.y, { schema: yaml.JSON_SCHEMA })));`,
  `import crypto from "crypto"; export function enc(key, t) { const iv = crypto.randomBytes(16); const c = crypto.createCipheriv("aes-256-cbc", key, iv); return Buffer.concat([iv, c.update(t), c.final()]); }`,
  `import bcrypt from "bcrypt"; export const h = (password) => bcrypt.hash(password, 12);`,
  `import jwt from "jsonwebtoken"; export const v = (t) => jwt.verify(t, process.env.JWT_SECRET, { algorithms: ["HS256"] });`,
  `const config = { password: process.env.DB_PASSWORD, apiKey: process.env.API_KEY ?? "" }; export default config;`,
  `export const labels = { password: "Password", token: "Access token", secret: "your-secret-here" };`,
  `import { randomUUID } from "crypto"; export const sessionId = () => randomUUID();`,
  `function merge(t, s) { for (const k of Object.keys(s)) { if (k === "__proto__" || k === "constructor" || k === "prototype") continue; if (typeof s[k] === "object") { t[k] = merge(t[k] || {}, s[k]); } else t[k] = s[k]; } return t; } module.exports = merge;`,
  `import unzipper from "unzipper"; import path from "path"; import fs from "fs"; fs.createReadStream("a.zip").pipe(unzipper.Parse()).on("entry", (entry) => { const target = path.resolve("out", entry.path); if (!target.startsWith(path.resolve("out") + path.sep)) { entry.autodrain(); return; } entry.pipe(fs.createWriteStream(target)); });`,
  `import { Hono } from "hono"; const app = new Hono(); app.get("/", (c) => c.html(<p>{c.req.query("q")}</p>)); app.get("/j", (c) => c.json({ q: c.req.query("q") }));`,
  `import fastify from "fastify"; const f = fastify(); f.get("/u/:id", async (request, reply) => { const { rows } = await f.pg.query("SELECT * FROM u WHERE id = $1", [request.params.id]); return rows; });`,
  `import { exec } from "child_process"; export function build() { exec("npm run build"); }`,
  `import { execFileSync } from "child_process"; export const v = (branch) => execFileSync("git", ["log", branch]);`,
  `import session from "express-session"; app.use(session({ secret: process.env.SESSION_SECRET, cookie: { httpOnly: true, secure: true, sameSite: "lax" }, resave: false, saveUninitialized: false }));`,
  `import cors from "cors"; app.use(cors({ origin: ["https://a.com"], credentials: true }));`,
  `app.get("/cors", (req, res) => { const o = req.headers.origin; if (ALLOWED.includes(o)) { res.setHeader("Access-Control-Allow-Origin", o); } res.json({}); });`,
  `export class S { constructor(private readonly db: Pool) {} async find(id: string) { return this.db.query("SELECT * FROM t WHERE id = $1", [id]); } }`,
  `import { z } from "zod"; const B = z.object({ role: z.enum(["a","b"]), name: z.string() }); app.post("/", async (req, res) => { const b = B.parse(req.body); await User.create(b); res.end(); });`,
  `import rateLimit from "express-rate-limit"; app.post("/login", rateLimit({ max: 5 }), async (req, res) => { const u = await User.findOne({ where: { email: req.body.email } }); if (!u || !(await bcrypt.compare(req.body.password, u.hash))) return res.sendStatus(401); res.json({ id: u.id }); });`,
  `import fs from "fs"; fs.writeFileSync("out.json", JSON.stringify({ a: 1 }), { mode: 0o600 });`,
  `import { parse } from "url"; import http from "http"; http.createServer((req, res) => { const { query } = parse(req.url, true); res.writeHead(200, { "Content-Type": "application/json" }); res.end(JSON.stringify(query)); }).listen(3000);`,
  `import xml2js from "xml2js"; app.post("/", (req, res) => xml2js.parseString(req.body, (e, r) => res.json(r)));`,
  `import he from "he"; import http from "http"; http.createServer((req, res) => { const q = new URL(req.url, "http://x").searchParams.get("q"); res.end("<p>" + he.encode(q) + "</p>"); });`,
  `app.get("/x", async (req, res) => { const user = await db.user.findUnique({ where: { id: Number(req.params.id) } }); if (!user) return res.status(404).json({ error: "no" }); res.json(user); });`,
  `import dns from "dns/promises"; import ipaddr from "ipaddr.js"; async function safe(u) { const url = new URL(u); if (!["http:","https:"].includes(url.protocol)) throw new Error("x"); const { address } = await dns.lookup(url.hostname); if (ipaddr.parse(address).range() !== "unicast") throw new Error("private"); return url; } app.get("/p", async (req, res) => { const url = await safe(req.query.u); const r = await fetch(url, { redirect: "error" }); res.json(await r.json()); });`,
  `app.post("/x", (req, res) => { const tags = Array.isArray(req.body.tags) ? req.body.tags.map(String) : []; res.json({ n: tags.length }); });`,
  `const email = /^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$/; app.post("/", (req, res) => res.json(email.test(req.body.email)));`,
  `import ejs from "ejs"; app.get("/", async (req, res) => { const html = await ejs.renderFile("views/a.ejs", { name: req.query.n }); res.type("html").send(html); });`,
  `app.post("/t", (req, res) => { const a = req.body.items.filter((i) => typeof i === "string"); for (const i of a) console.log("%s", JSON.stringify(i)); res.end(); });`,
  `import helmet from "helmet"; app.use(helmet()); app.listen(3000, () => console.log("listening on " + 3000));`,
  `app.get("/f", (req, res) => { const name = String(req.query.name); if (name.includes("..") || name.includes("/")) return res.sendStatus(400); res.sendFile("/srv/files/" + name); });`,
  `app.get("/u", async (req, res) => { try { const u = new URL(req.query.url); if (u.hostname !== "api.example.com") return res.status(403).end(); const r = await fetch("https://api.example.com" + u.pathname); res.json(await r.json()); } catch (e) { res.status(400).json({ error: "bad" }); } });`,
];

const WEAK: readonly (readonly [string, string])[] = [
  ["dom-script", `document.body.innerHTML = decodeURIComponent(location.hash.slice(1));`],
  ["dom-script", `$("#x").html(new URL(window.location.href).searchParams.get("q"));`],
  ["dom-script", `document.write("<p>" + document.referrer + "</p>");`],
  ["dom-script", `window.addEventListener("message", (e) => { document.getElementById("o").innerHTML = e.data; });`],
  [
    "dom-script",
    `export default function P() { const [p] = useSearchParams(); return <div dangerouslySetInnerHTML={{ __html: p.get("q") }} />; }`,
  ],
  ["dom-script", `export const C = ({ comment }) => <p dangerouslySetInnerHTML={{ __html: comment.body }} />;`],
  [
    "dom-script",
    `const el = document.getElementById("a"); el.insertAdjacentHTML("beforeend", "<li>" + window.location.search + "</li>");`,
  ],
  ["code-injection", `eval(location.hash.slice(1));`],
  ["open-redirect", `const n = new URLSearchParams(window.location.search).get("next"); window.location.href = n;`],
  ["open-redirect", `location.replace(new URL(location.href).searchParams.get("u"));`],
  ["window-messages", `parent.postMessage({ token }, "*");`],
  [
    "window-messages",
    `window.onmessage = (e) => { eval2(e.data); }; window.addEventListener("message", handler); function handler(e) { run(e.data.cmd); }`,
  ],
  [
    "reflected-script",
    `import http from "http"; http.createServer((req, res) => { const q = new URL(req.url, "http://x").searchParams.get("q"); res.writeHead(200, { "Content-Type": "text/html" }); res.end("<p>" + q + "</p>"); });`,
  ],
  [
    "reflected-script",
    `import { Hono } from "hono"; const app = new Hono(); app.get("/", (c) => c.html("<p>" + c.req.query("q") + "</p>"));`,
  ],
  [
    "reflected-script",
    `router.get("/", async (ctx) => { ctx.type = "html"; ctx.body = "<p>" + ctx.query.q + "</p>"; });`,
  ],
  [
    "reflected-script",
    `fastify.get("/", (request, reply) => { reply.type("text/html").send("<p>" + request.query.q + "</p>"); });`,
  ],
  [
    "reflected-script",
    `export async function GET(request) { const q = new URL(request.url).searchParams.get("q"); return new Response("<p>" + q + "</p>", { headers: { "content-type": "text/html" } }); }`,
  ],
  [
    "path-traversal",
    `import unzipper from "unzipper"; import path from "path"; import fs from "fs"; fs.createReadStream("a.zip").pipe(unzipper.Parse()).on("entry", (entry) => { entry.pipe(fs.createWriteStream(path.join("out", entry.path))); });`,
  ],
  [
    "path-traversal",
    `import AdmZip from "adm-zip"; import fs from "fs"; const z = new AdmZip("a.zip"); for (const entry of z.getEntries()) { fs.writeFileSync("out/" + entry.entryName, entry.getData()); }`,
  ],
  [
    "path-traversal",
    `@Controller("f") export class F { @Get(":n") get(@Param("n") n: string, @Res() res: Response) { res.sendFile(join("/srv", n)); } }`,
  ],
  [
    "path-traversal",
    `import { readFile } from "node:fs/promises"; export async function GET(request, { params }) { return new Response(await readFile("./docs/" + params.slug)); }`,
  ],
  [
    "path-traversal",
    `import multer from "multer"; import fs from "fs"; app.post("/u", multer().single("f"), (req, res) => { fs.writeFileSync("./up/" + req.file.originalname, req.file.buffer); res.end(); });`,
  ],
  [
    "command-injection",
    `const cp = require("child_process"); module.exports = function (dir) { cp.exec("rm -rf " + dir); };`,
  ],
  [
    "command-injection",
    `import { execaCommand } from "execa"; app.get("/", async (req, res) => { await execaCommand("ls " + req.query.d); });`,
  ],
  [
    "command-injection",
    `import shell from "shelljs"; app.get("/", (req, res) => { shell.exec("ls " + req.query.d); });`,
  ],
  [
    "command-injection",
    `import util from "util"; import child from "child_process"; const ex = util.promisify(child.exec); export async function POST(request) { const { host } = await request.json(); const { stdout } = await ex("ping " + host); return Response.json({ stdout }); }`,
  ],
  [
    "prototype-pollution",
    `function merge(t, s) { for (const k in s) { if (typeof s[k] === "object") { if (!t[k]) t[k] = {}; merge(t[k], s[k]); } else { t[k] = s[k]; } } return t; } app.post("/", (req, res) => { merge({}, req.body); res.end(); });`,
  ],
  [
    "prototype-pollution",
    `export function set(obj, path, value) { const keys = path.split("."); let cur = obj; for (let i = 0; i < keys.length - 1; i++) { cur = cur[keys[i]] = cur[keys[i]] || {}; } cur[keys[keys.length - 1]] = value; }`,
  ],
  [
    "prototype-pollution",
    `export function set(obj, path, value) { const keys = path.split("."); const last = keys.pop(); let cur = obj; for (const k of keys) { if (!cur[k]) cur[k] = {}; cur = cur[k]; } cur[last] = value; return obj; }`,
  ],
  ["hard-coded-secret", `const DB_PASSWORD = "Sup3rS3cret!"; connect({ password: DB_PASSWORD });`],
  ["hard-coded-secret", `import session from "express-session"; app.use(session({ secret: "keyboard cat" }));`],
  [
    "hard-coded-secret",
    `import jwt from "jsonwebtoken"; const SECRET = "mysecretkey"; export const s = (u) => jwt.sign(u, SECRET);`,
  ],
  [
    "hard-coded-secret",
    `import mysql from "mysql2"; mysql.createConnection({ host: "h", user: "root", password: "admin" });`,
  ],
  [
    "weak-cipher",
    `import crypto from "crypto"; const iv = Buffer.from("0123456789abcdef"); export const e = (k, t) => crypto.createCipheriv("aes-256-cbc", k, iv).update(t);`,
  ],
  [
    "weak-cipher",
    `import crypto from "crypto"; export const e = (k, t) => crypto.createCipheriv("des-ede3", k, "").update(t);`,
  ],
  [
    "weak-hash",
    `import crypto from "crypto"; export async function register(username, password) { const hash = crypto.createHash("sha1").update(password).digest("hex"); return hash; }`,
  ],
  [
    "insecure-randomness",
    `export function generateOtp() { let otp = ""; for (let i = 0; i < 6; i++) otp += Math.floor(Math.random() * 10); return otp; }`,
  ],
  [
    "insecure-randomness",
    `function generateToken() { return Math.random().toString(36).substring(2) + Date.now().toString(36); }`,
  ],
  [
    "insecure-randomness",
    `const chars = "abc"; function randomString(n) { let s = ""; for (let i = 0; i < n; i++) s += chars[Math.floor(Math.random() * chars.length)]; return s; } export const resetToken = randomString(32);`,
  ],
  [
    "cookie-flags",
    `app.post("/login", (req, res) => { res.cookie("auth_token", make(), { maxAge: 1000 }); res.end(); });`,
  ],
  [
    "cookie-flags",
    `import session from "express-session"; app.use(session({ secret: process.env.S, cookie: { secure: false, httpOnly: false } }));`,
  ],
  [
    "open-cors",
    `app.use((req, res, next) => { res.setHeader("Access-Control-Allow-Origin", req.get("origin")); res.setHeader("Access-Control-Allow-Credentials", "true"); next(); });`,
  ],
  ["unverified-peer", `process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";`],
  ["sensitive-log", `export function login(user, password) { console.log(\`login \${user} \${password}\`); }`],
  [
    "stack-exposure",
    `app.use((err, req, res, next) => { res.status(500).json({ error: err.message, stack: err.stack }); });`,
  ],
  [
    "incomplete-url-check",
    `app.get("/", (req, res) => { if (req.query.url.indexOf("trusted.com") !== -1) res.redirect(req.query.url); });`,
  ],
  ["incomplete-url-check", `const ok = (u) => /^https:\\/\\/www.example.com\\//.test(u);`],
  ["incomplete-sanitisation", `export const clean = (s) => s.replace(/<script>/gi, "");`],
  ["incomplete-sanitisation", `export const clean = (p) => p.replace(/\\.\\.\\//g, "");`],
  ["open-file-mode", `import fs from "fs"; fs.writeFileSync("k", "x", { mode: 0o666 });`],
  ["slow-pattern", `app.get("/", (req, res) => { const re = /^(a+)+$/; res.json(re.test(req.query.x)); });`],
  [
    "slow-pattern",
    `const EMAIL = /^([a-zA-Z0-9]+)*@x$/; app.post("/", (req, res) => { if (EMAIL.test(req.body.email)) res.end(); });`,
  ],
  [
    "external-entities",
    `const libxml = require("libxmljs2"); app.post("/", (req, res) => { const d = libxml.parseXmlString(req.body, { noent: true, dtdload: true }); res.send("ok"); });`,
  ],
  [
    "ldap-injection",
    `const ldap = require("ldapjs"); const client = ldap.createClient({ url: "ldap://x" }); app.get("/", (req, res) => { const opts = { filter: "(cn=" + req.query.u + ")", scope: "sub" }; client.search("dc=x", opts, () => {}); });`,
  ],
  [
    "unsafe-deserialization",
    `const s = require("node-serialize"); app.get("/", (req, res) => { const o = s.unserialize(Buffer.from(req.cookies.p, "base64").toString()); res.send("x"); });`,
  ],
  [
    "unsafe-deserialization",
    `const yaml = require("js-yaml"); app.post("/", (req, res) => { res.json(yaml.load(req.body.y)); });`,
  ],
  [
    "server-side-request-forgery",
    `import https from "https"; app.get("/", (req, res) => { https.get(req.query.u, (r) => r.pipe(res)); });`,
  ],
  [
    "server-side-request-forgery",
    `import got from "got"; export async function POST(request: NextRequest) { const { url } = await request.json(); return Response.json(await got(url).json()); }`,
  ],
  [
    "server-side-request-forgery",
    `app.get("/", async (req, res) => { const page = await browser.newPage(); await page.goto(req.query.url); });`,
  ],
  ["resource-exhaustion", `app.get("/", (req, res) => { res.send("x".repeat(req.query.n)); });`],
  [
    "nosql-injection",
    `app.post("/login", async (req, res) => { const { username, password } = req.body; const user = await db.collection("users").findOne({ username, password }); res.json(user); });`,
  ],
  [
    "sql-injection",
    `import mysql from "mysql"; const c = mysql.createConnection({}); app.get("/", function (req, res) { const id = req.params.id; const sql = "DELETE FROM t WHERE id = " + id; c.query(sql, function (err, r) { res.json(r); }); });`,
  ],
  [
    "sql-injection",
    `import { DataSource } from "typeorm"; const ds = new DataSource({}); app.get("/", async (req, res) => { await ds.getRepository(User).query(\`SELECT * FROM u WHERE n = '\${req.query.n}'\`); });`,
  ],
  [
    "sql-injection",
    `import { sql } from "drizzle-orm"; app.get("/", async (req, res) => { await db.execute(sql.raw(\`select * from t where a = '\${req.query.a}'\`)); });`,
  ],
  [
    "sql-injection",
    `import Database from "better-sqlite3"; const db = new Database("x"); app.get("/", (req, res) => { res.json(db.prepare("SELECT * FROM t WHERE a = '" + req.query.a + "'").all()); });`,
  ],
  [
    "template-injection",
    `import pug from "pug"; app.get("/", (req, res) => { res.send(pug.render("p Hello " + req.query.n)); });`,
  ],
  [
    "xpath-injection",
    `const xpath = require("xpath"); app.get("/", (req, res) => { const q = "//u[@n='" + req.query.n + "']"; res.json(xpath.select(q, doc).length); });`,
  ],
  [
    "unverified-token",
    `import jwt from "jsonwebtoken"; function auth(req, res, next) { const t = req.headers.authorization.split(" ")[1]; req.user = jwt.decode(t); next(); }`,
  ],
];

describe("a sound program", () => {
  it.each(SOUND)("is left alone: %s", (code) => {
    expect(scanText("example.tsx", code).map(({ rule }) => rule.id)).toEqual([]);
  });
});

describe("a weak program", () => {
  it.each(WEAK)("is seen by %s: %s", (rule, code) => {
    expect(scanText("example.tsx", code).map(({ rule: { id } }) => id)).toContain(`scan/${rule}`);
  });
});
