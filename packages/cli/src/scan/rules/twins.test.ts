import { describe, expect, it } from "vitest";
import { scanText } from "../scan.ts";

/** Handlers as applications have them: the weak ones with the rule that must see them, and sound ones in which no rule may see anything. */
const handler = (body: string): string =>
  `import express from "express"; import fs from "fs"; import path from "path"; import crypto from "crypto"; import axios from "axios"; import { execFile, spawn, exec } from "child_process";\nconst app = express();\napp.all("/x", async (req, res, next) => { ${body} });`;

const SOUND: Readonly<Record<string, string>> = {
  path1: `const root = path.resolve("uploads"); const p = path.resolve(root, req.params.f); if (!p.startsWith(root + path.sep)) return res.status(403).end(); res.sendFile(p);`,
  path2: `const p = path.join("/srv/files", req.query.f); const rel = path.relative("/srv/files", p); if (rel.startsWith("..") || path.isAbsolute(rel)) { return res.status(400).end(); } fs.readFile(p, () => {});`,
  path3: `if (!/^[a-zA-Z0-9_-]+\\.pdf$/.test(req.params.f)) return res.status(400).end(); fs.createReadStream(path.join("/srv", req.params.f)).pipe(res);`,
  path4: `res.sendFile(req.params.name, { root: "/srv/public" });`,
  path5: `const FILES = { a: "a.txt", b: "b.txt" }; const f = FILES[req.query.k]; if (!f) return res.sendStatus(404); fs.readFileSync("./x/" + f);`,
  path6: `const base = "/srv/data"; const full = path.normalize(path.join(base, req.query.p)); if (full.indexOf(base + "/") !== 0) { res.status(403).send("no"); return; } fs.readFileSync(full);`,
  path7: `const id = parseInt(req.params.id, 10); if (Number.isNaN(id)) return res.sendStatus(400); fs.readFile("./docs/" + id + ".txt", () => {});`,
  path8: `const full = path.resolve("/srv/data", String(req.query.p)); const real = await fs.promises.realpath(full); if (!real.startsWith("/srv/data/")) throw new Error("bad"); const d = await fs.promises.readFile(real); res.type("text/plain").send(d);`,
  ssrf1: `const u = new URL(req.query.url); if (!["api.example.com","b.example.com"].includes(u.hostname)) return res.sendStatus(400); const r = await fetch(u.href); res.json(await r.json());`,
  ssrf2: `const r = await axios.get("https://api.example.com/users/" + encodeURIComponent(req.params.id)); res.json(r.data);`,
  ssrf3: "const r = await fetch(`https://api.example.com/v1/items/${req.params.id}`); res.json(await r.json());",
  ssrf4: `const TARGETS = { a: "https://a.example.com" }; const t = TARGETS[req.query.t]; if (!t) return res.sendStatus(400); await fetch(t);`,
  ssrf5: `let u; try { u = new URL(req.body.url); } catch { return res.sendStatus(400); } if (u.protocol !== "https:" || !ALLOWED.has(u.host)) return res.sendStatus(400); await fetch(u.toString());`,
  red1: `const next = req.query.next; if (typeof next === "string" && next.startsWith("/") && !next.startsWith("//")) return res.redirect(next); res.redirect("/");`,
  red2: `const u = new URL(req.query.next, "https://app.example.com"); if (u.origin !== "https://app.example.com") return res.redirect("/"); res.redirect(u.pathname + u.search);`,
  red3: "res.redirect(`/users/${encodeURIComponent(req.params.id)}`);",
  red4: `const ok = ["/a","/b"]; const t = ok.includes(req.query.to) ? req.query.to : "/"; res.redirect(t);`,
  commandList: `execFile("convert", [path.basename(req.query.f), "out.png"], () => {});`,
  cmd2: `if (!/^[\\w.-]+$/.test(req.query.host)) return res.sendStatus(400); exec("ping -c 1 " + req.query.host);`,
  cmd3: `const p = spawn("ping", ["-c", "4", req.query.host]); p.stdout.pipe(res);`,
  xss1: `const esc = (s) => String(s).replace(/&/g,"&amp;").replace(/</g,"&lt;").replace(/>/g,"&gt;").replace(/"/g,"&quot;"); res.send("<p>" + esc(req.query.q) + "</p>");`,
  xss2: `res.json({ q: req.query.q });`,
  xss3: `res.render("search", { q: req.query.q });`,
  xss4: `res.set("Content-Type", "text/plain"); res.send("hi " + req.query.q);`,
  xss5: `res.type("text/plain").send(req.query.q);`,
  xss6: `const map = {"<":"&lt;",">":"&gt;","&":"&amp;",'"':"&quot;"}; const e = (s) => s.replace(/[<>&"']/g, (c) => map[c]); res.send("<b>" + e(req.query.q) + "</b>");`,
  xss7: `res.send("<p>" + Number(req.query.n) + "</p>");`,
  nos1: `const { u, p } = req.body; if (typeof u !== "string" || typeof p !== "string") return res.sendStatus(400); const x = await User.findOne({ u }); res.json(!!x);`,
  nos2: `const x = await User.findById(req.params.id); res.json(x);`,
  nos3: `const x = await User.findOne({ email: { $eq: String(req.body.email) } }); res.json(x);`,
  pp1: `const k = req.body.k; if (k === "__proto__" || k === "constructor" || k === "prototype") return res.sendStatus(400); store[k] = req.body.v; res.end();`,
  red5: `const target = req.query.url; const allowed = new Set(["https://a.com/"]); if (!allowed.has(target)) { return res.status(400).send("bad"); } return res.redirect(target);`,
  eval1: `const OPS = { add: (a, b) => a + b }; const op = OPS[req.query.op]; if (!op) return res.sendStatus(400); res.json(op(Number(req.query.a), Number(req.query.b)));`,
  mass1: `const { name, email } = req.body; await User.create({ name, email }); res.end();`,
  mass2: `await User.findByIdAndUpdate(req.params.id, { $set: { name: String(req.body.name) } }); res.end();`,
  rnd: `const colors = ["a","b"]; const color = colors[Math.floor(Math.random() * colors.length)]; res.json({ color });`,
  jit: `const delay = 100 + Math.random() * 100; setTimeout(() => res.end(), delay);`,
  log1: `logger.info({ user: req.body.name }, "login"); res.end();`,
  log2: `const n = String(req.body.name).replace(/[\\r\\n]/g, ""); console.log("login " + n); res.end();`,
  hash: `const etag = crypto.createHash("sha256").update(body).digest("hex"); res.set("ETag", etag).end();`,
  tse: `const a = Buffer.from(req.get("x-signature") || ""); const b = crypto.createHmac("sha256", process.env.K).update(req.rawBody).digest(); if (a.length !== b.length || !crypto.timingSafeEqual(a, b)) return res.sendStatus(401); res.end();`,
  tpl: `res.render("x", { title: req.query.t });`,
  buf: `const n = Number(req.query.n); if (!Number.isInteger(n) || n < 0 || n > 1000) return res.sendStatus(400); res.send(Buffer.alloc(n));`,
  err: `try { await go(); } catch (err) { logger.error(err); res.status(500).json({ error: "Internal error" }); }`,
  cook: `res.cookie("session", tok, { httpOnly: true, secure: process.env.NODE_ENV === "production", sameSite: "strict" }); res.end();`,
  sql1: `const sort = { name: "name", date: "created_at" }[req.query.sort] || "name"; const dir = req.query.dir === "desc" ? "DESC" : "ASC"; const { rows } = await pool.query("SELECT * FROM p WHERE c = $1 ORDER BY " + sort + " " + dir, [req.query.c]); res.json(rows);`,
  sql2: `const conds = []; const vals = []; if (req.query.a) { vals.push(req.query.a); conds.push("a = $" + vals.length); } const q = "SELECT * FROM t" + (conds.length ? " WHERE " + conds.join(" AND ") : ""); res.json(await pool.query(q, vals));`,
  sql3: `const ids = req.body.ids.map(Number); const ph = ids.map(() => "?").join(","); const [r] = await conn.execute("SELECT * FROM t WHERE id IN (" + ph + ")", ids); res.json(r);`,
};

const WEAK: Readonly<Record<string, readonly [string, string]>> = {
  path1: [
    `const p = path.resolve("/srv", req.params.f); if (!p.startsWith("/srv")) return res.end(); res.sendFile(p);`,
    "path-traversal",
  ],
  path2: [`const f = req.query.f.replace("../", ""); fs.readFile("/srv/" + f, () => {});`, "path-traversal"],
  path3: [
    `const { name } = req.body; await fs.promises.writeFile(path.join(__dirname, "up", name), req.body.data);`,
    "path-traversal",
  ],
  path4: [`res.download(path.join("./files", req.params.f));`, "path-traversal"],
  path5: [
    `const f = decodeURIComponent(req.params[0]); if (f.includes("\\0")) return; res.sendFile(path.join("/srv", f));`,
    "path-traversal",
  ],
  ssrf1: [
    `const u = req.body.webhook; if (!u.startsWith("https://")) return; await axios.post(u, {});`,
    "server-side-request-forgery",
  ],
  ssrf2: [
    "const r = await fetch(`http://${req.query.host}/status`); res.json(await r.json())",
    "server-side-request-forgery",
  ],
  ssrf3: [`await axios({ method: "get", url: req.query.u });`, "server-side-request-forgery"],
  ssrf4: [
    `const u = new URL(req.query.u); if (u.hostname.endsWith("example.com")) await fetch(u);`,
    "server-side-request-forgery",
  ],
  red1: [`const n = req.query.n; if (n.startsWith("/")) return res.redirect(n); res.redirect("/");`, "open-redirect"],
  red2: [`res.redirect(302, req.query.returnTo || "/");`, "open-redirect"],
  red3: [`res.writeHead(302, { Location: req.query.u }); res.end();`, "open-redirect"],
  red4: ["res.redirect(`https://${req.query.host}/x`);", "open-redirect"],
  cmd1: ["exec(`convert ${req.body.file} out.png`);", "command-injection"],
  cmd2: [`spawn("sh", ["-c", "ls " + req.query.d]);`, "command-injection"],
  cmd3: [`spawn("ls " + req.query.d, { shell: true });`, "command-injection"],
  cmd4: [`const args = ["-c", req.query.n]; spawn("ping", args, { shell: true });`, "command-injection"],
  cmd5: [`const { execSync } = require("child_process"); execSync("git log " + req.query.b);`, "command-injection"],
  xss1: ["res.send(`<h1>${req.query.q}</h1>`);", "reflected-script"],
  xss2: [
    `let h = "<ul>"; for (const i of req.body.items) { h += "<li>" + i + "</li>"; } h += "</ul>"; res.status(200).send(h);`,
    "reflected-script",
  ],
  xss3: [`const q = req.query.q.replace("<", "&lt;"); res.send("<p>" + q);`, "reflected-script"],
  xss4: [`res.setHeader("Content-Type", "text/html"); res.write("<p>" + req.query.q); res.end();`, "reflected-script"],
  nos1: [`const u = await User.findOne({ email: req.body.email, password: req.body.password });`, "nosql-injection"],
  nos2: [`const u = await db.collection("users").find(req.body).toArray();`, "nosql-injection"],
  nos3: ["db.users.find({ $where: `this.name == '${req.query.n}'` });", "nosql-injection"],
  eval1: ["const f = new Function('a', req.body.code);", "code-injection"],
  eval2: ["require('vm').runInNewContext(req.body.code);", "code-injection"],
  eval3: ["setTimeout('go(' + req.query.n + ')', 10);", "code-injection"],
  pp: ["const _ = require('lodash'); const o = {}; _.merge(o, req.body);", "prototype-pollution"],
  mass1: [
    "const user = await User.findById(req.params.id); Object.assign(user, req.body); await user.save();",
    "mass-assignment",
  ],
  mass2: ["await User.update({ ...req.body }, { where: { id: 1 } });", "mass-assignment"],
  mass3: ["await prisma.user.update({ where: { id: 1 }, data: req.body });", "mass-assignment"],
  tok: ["const token = Math.random().toString(36); res.json({ token });", "insecure-randomness"],
  md5: ["const h = crypto.createHash('md5').update(req.body.password).digest('hex');", "weak-hash"],
  tse: [
    "const s = crypto.createHmac('sha256', process.env.K).update(req.rawBody).digest('hex'); if (s !== req.get('x-hub-signature')) return res.sendStatus(401);",
    "timing-comparison",
  ],
  tse3: [
    "const given = req.headers['x-sig']; const h = require('crypto').createHmac('sha256', process.env.K).update(req.rawBody).digest('hex'); if (given === h) res.end();",
    "timing-comparison",
  ],
  zip: [
    "const u = require('unzipper'); fs.createReadStream('a.zip').pipe(u.Parse()).on('entry', (e) => { e.pipe(fs.createWriteStream(require('path').join('out', e.path))); });",
    "path-traversal",
  ],
  tse2: ["if (req.headers['x-api-key'] === process.env.API_KEY) res.end();", "timing-comparison"],
  err: ["try { go(); } catch (e) { res.status(500).json({ message: e.message, stack: e.stack }); }", "stack-exposure"],
  cook: ["res.cookie('sid', tok, { httpOnly: false });", "cookie-flags"],
  log: ["console.log('user ' + req.query.u);", "log-injection"],
  buf: ["const b = Buffer.alloc(parseInt(req.query.n));", "resource-exhaustion"],
  re: ["const r = new RegExp('^' + req.query.q, 'i');", "regex-injection"],
  tpl: ["const H = require('handlebars'); res.send(H.compile(req.body.tpl)({}));", "template-injection"],
  cors: [
    "res.header('Access-Control-Allow-Origin', req.headers.origin); res.header('Access-Control-Allow-Credentials', 'true');",
    "open-cors",
  ],
  tls: [
    "await axios.get('https://x.example.com', { httpsAgent: new (require('https').Agent)({ rejectUnauthorized: false }) });",
    "unverified-peer",
  ],
  jwt: ["const jwt = require('jsonwebtoken'); const p = jwt.decode(req.cookies.t);", "unverified-token"],
  jwt2: [
    "const jwt = require('jsonwebtoken'); const p = jwt.verify(req.cookies.t, key, { algorithms: ['HS256','none'] });",
    "unverified-token",
  ],
  sql1: ["const q = util.format('SELECT * FROM t WHERE a = %s', req.query.a); await db.query(q);", "sql-injection"],
  sql2: ["await knex.raw('select * from t where a = ' + req.query.a);", "sql-injection"],
  sql3: ["await prisma.$queryRawUnsafe(`select * from t where a = ${req.query.a}`);", "sql-injection"],
  sql4: ["await sequelize.query(`SELECT * FROM t WHERE a = '${req.body.a}'`, { type: 1 });", "sql-injection"],
  sql5: ["await repo.createQueryBuilder('u').where(`u.name = '${req.query.n}'`).getMany();", "sql-injection"],
  sql6: ["db.all('SELECT * FROM t WHERE a = ' + req.query.a, (e, rows) => res.json(rows));", "sql-injection"],
};

describe("a sound handler", () => {
  it.each(Object.entries(SOUND))("is left alone: %s", (_, body) => {
    expect(scanText("example.ts", handler(body)).map(({ rule }) => rule.id)).toEqual([]);
  });
});

describe("a weak handler", () => {
  it.each(Object.entries(WEAK))("is seen: %s", (_, [body, rule]) => {
    expect(scanText("example.ts", handler(body)).map(({ rule: { id } }) => id)).toContain(`scan/${rule}`);
  });
});
