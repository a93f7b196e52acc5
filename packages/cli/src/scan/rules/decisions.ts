/** Decisions that are left to whoever sends the request. */
import { KIND } from "../engine/kinds.ts";
import { option, untrustedItself, type ScanRule } from "../rule.ts";
import { textOf } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { nameOf, textAt } from "./names.ts";

const CLAIM =
  /^(?:c\.)?(?:req|request|ctx|ctx\.request)\.(?:(?:body|query|cookies|headers|params)(?:\??\.|\[["'])|(?:get|header|query|cookie|headers\.get|query\.get|cookies\.get)\(["'])(?:x-)?(?:is_?-?)?(?:admin(?:istrator)?|super_?-?user|staff|root|authenticated|logged_?-?in|authori[sz]ed|verified|privileged|(?:user_?-?)?roles?)(?:["'][\])])?(?:\??\.value)?$/iu;
const COOKIE = /^(?:req|request)\.cookies\??\.\w+$/u;
const PARAMETER = /^(?:req|request)\.(?:params|query|body)\??\.\w+$/u;

/** A check that asks the client whether it may. */
export const CLIENT_DECIDES: ScanRule = {
  id: "scan/client-decides",
  severity: "error",
  cwe: ["CWE-807", "CWE-290"],
  owasp: "A01",
  what: "A request says itself whether it may do something.",
  why: "Whoever sends the request writes isAdmin, or both the cookie and the parameter that is compared with it.",
  fix: "Ask the session or a verified token, and look the role up on the server.",
  bad: 'app.post("/wipe", (req, res) => { if (req.body.isAdmin) wipe(); res.end(); });',
  good: 'app.post("/wipe", (req, res) => { if (req.user.isAdmin) wipe(); res.end(); });',
  nodes: (node, parents, file, report) => {
    // const isAdmin = req.cookies.admin === "true";
    const told =
      node.type === "VariableDeclarator" ? node.init : node.type === "ReturnStatement" ? node.argument : null;
    if (told?.type === "BinaryExpression" && comparesOwnWords(told, file)) report(told, textAt(file, told));
    if (node.type !== "IfStatement" && node.type !== "ConditionalExpression") return;
    const around = parents.findLast((one) => /Function/u.test(one.type));
    for (const asked of conditionsOf(node.test)) {
      if (CLAIM.test(textAt(file, asked)) || isToldBefore(asked, around, file)) report(asked, textAt(file, asked));
      else if (asked.type === "BinaryExpression" && comparesOwnWords(asked, file)) report(asked, textAt(file, asked));
    }
  },
};

const CLAIMED = /^(?:is_?)?(?:admin(?:istrator)?|super_?user|staff|role|authenticated|logged_?in|authori[sz]ed)$/iu;

/** `const { isAdmin } = req.body; if (isAdmin)`, and the same of a comparison. */
function isToldBefore(asked: Node, around: Node | undefined, file: SourceFile): boolean {
  const name = asked.type === "BinaryExpression" && asked.right.type === "Literal" ? (asked.left as Node) : asked;
  if (name.type !== "Identifier" || !CLAIMED.test(name.name)) return false;
  const body = textAt(file, around);
  const request =
    "(?:await\\s+)?(?:c\\.)?(?:req|request|ctx\\.request)\\.(?:body|query|cookies|headers|params|json\\(\\))";
  if (new RegExp(`\\{[^{}=]*\\b${name.name}\\b[^{}]*\\}(?:\\s*:[^=;]+)?\\s*=\\s*${request}\\s*[;\\n]`, "u").test(body))
    return true;
  const given = new RegExp(`\\b(?:const|let|var)\\s+${name.name}(?:\\s*:[^=;]+)?\\s*=\\s*([^;\\n]+)`, "u").exec(
    body,
  )?.[1];
  return given !== undefined && CLAIM.test(given.replace(/\s+as\s+\w+$/u, "").trim());
}

function comparesOwnWords(node: Node & { readonly type: "BinaryExpression" }, file: SourceFile): boolean {
  const [left, right] = [textAt(file, node.left), textAt(file, node.right)];
  if (!/^[!=]==?$/u.test(node.operator)) return false;
  if ((COOKIE.test(left) && PARAMETER.test(right)) || (PARAMETER.test(left) && COOKIE.test(right)))
    return !/csrf|xsrf|state|nonce/iu.test(left + right);
  return CLAIM.test(left) && (node.right.type === "Literal" || node.right.type === "Identifier");
}

/** The single questions of a condition. */
function conditionsOf(node: Node): readonly Node[] {
  if (node.type === "LogicalExpression") return [...conditionsOf(node.left), ...conditionsOf(node.right)];
  if (node.type === "UnaryExpression" && node.operator === "!") return conditionsOf(node.argument);
  return node.type === "ParenthesizedExpression" || node.type === "ChainExpression"
    ? conditionsOf(node.expression)
    : [node];
}

/** A guard for one spelling of a path. */
export const CASE_SENSITIVE_PATH: ScanRule = {
  id: "scan/case-sensitive-path",
  severity: "warning",
  cwe: ["CWE-178"],
  owasp: "A01",
  what: "Middleware is bound to a path by a pattern that knows capitals, and the routes behind it do not.",
  why: "Express answers /ADMIN/users where a route says /admin/users, and the guard for /admin/ is not asked.",
  fix: "Write the pattern with the flag i, or the path as a text.",
  bad: 'app.use(/\\/admin\\/.*/, requireAdmin);\napp.get("/admin/users", (req, res) => res.json(users));',
  good: 'app.use(/\\/admin\\/.*/i, requireAdmin);\napp.get("/admin/users", (req, res) => res.json(users));',
  nodes: (node, _parents, file, report) => {
    if (node.type === "IfStatement" && guardsOneSpelling(node, file)) report(node.test);
    if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return;
    if (nameOf(node.callee.property) !== "use" || node.arguments.length < 2) return;
    const [path] = node.arguments;
    if (path?.type !== "Literal" || !("regex" in path) || path.regex.flags.includes("i")) return;
    const letters = path.regex.pattern.replaceAll(/\\./gu, "");
    if (/[a-z]/iu.test(letters) && !/case sensitive routing|caseSensitive/u.test(file.text)) report(path);
  },
};

const ASKS_PATH = /\breq(?:uest)?\.(?:path|url|originalUrl)\.(?:startsWith|includes|match)\(\s*["'`]\/[a-z]/u;

/** `if (req.path.startsWith("/admin") && !admin) return res.sendStatus(403)`, where /ADMIN is the same route. */
function guardsOneSpelling(node: Node & { readonly type: "IfStatement" }, file: SourceFile): boolean {
  const test = textAt(file, node.test);
  if (
    !ASKS_PATH.test(test) ||
    /!\s*req(?:uest)?\.|toLowerCase|toUpperCase/u.test(test.replace(/!req\.(?:user|session)/gu, ""))
  )
    return false;
  const refuses = /\b(?:sendStatus|status)\(40[13]\)|\.redirect\(|new \w*(?:Forbidden|Unauthorized)/u;
  return refuses.test(textAt(file, node.consequent)) && !/case sensitive routing|caseSensitive/u.test(file.text);
}

/** Addresses that a client may write for itself. */
export const TRUSTED_PROXY: ScanRule = {
  id: "scan/trusted-proxy",
  severity: "warning",
  cwe: ["CWE-348"],
  owasp: "A05",
  what: "Whatever a request says about its address, its host and its protocol is believed.",
  why: "X-Forwarded-For is written by the client too: limits by address, lists of addresses and logs then say what it likes.",
  fix: 'Name the proxies: app.set("trust proxy", 1), or their addresses.',
  bad: 'import express from "express";\nconst app = express();\napp.set("trust proxy", true);',
  good: 'import express from "express";\nconst app = express();\napp.set("trust proxy", 1);',
  nodes: (node, _parents, file, report) => {
    if (node.type !== "BinaryExpression" || !/^[!=]==?$/u.test(node.operator) || node.right.type !== "Literal") return;
    const asked = textAt(file, node.left);
    const isAddress = typeof node.right.value === "string" && /^[\d.]{7,}$|^::1$|^localhost$/u.test(node.right.value);
    const kept =
      /^\w+$/u.test(asked) &&
      isAddress &&
      new RegExp(`\\b${asked}\\s*=[^;\\n]*x-(?:forwarded-for|real-ip|client-ip)["']`, "iu").test(file.text);
    if (kept) report(node, asked);
    if (isAddress && /x-(?:forwarded-for|real-ip|client-ip)["']/iu.test(asked) && asked.length < 80)
      report(node, asked);
  },
  calls: ({ api, name, args, node, run }, report) => {
    const [first, second] = args;
    const isExpress =
      textOf(first) === "trust proxy" && (name === "enable" || (name === "set" && second?.literal === true));
    if (isExpress) report(node);
    if (/^(?:includes|has)$/u.test(name)) {
      const told = untrustedItself(run, first, KIND.format);
      if (told !== undefined && TOLD_ADDRESS.test(told.label))
        report(node, `${told.label} is looked for in a list`, told);
    }
    if (
      /^(?:fastify(?:\.\w+)?|koa)$/iu.test(api) &&
      ["trustProxy", "proxy"].some((key) => option(first, key)?.literal === true)
    )
      report(node);
  },
};

/** Headers in which proxies say whom they have heard. */
const TOLD_ADDRESS = /\.(?:x-forwarded-for|x-real-ip|x-client-ip|cf-connecting-ip|true-client-ip)(?:\.\*|\.0)?$/iu;

const SIGNED_IN =
  /^(?:req|request|ctx)\.session\.(?:user(?:_?id|name)?|uid|account(?:Id)?|member(?:Id)?|(?:is_?)?(?:authenticated|logged_?in|auth))$/iu;
const PROVES = /passw|login|sign_?-?in|\bcompare(?:Sync)?\(|authenticate|\bcode\b|\botp\b/iu;

/** A session from before the sign-in. */
export const SESSION_FIXATION: ScanRule = {
  id: "scan/session-fixation",
  severity: "warning",
  cwe: ["CWE-384"],
  owasp: "A07",
  what: "Somebody is signed in to the session that was there before.",
  why: "Whoever gave a visitor the identifier of a session, by a link or a cookie of a subdomain, is signed in with them.",
  fix: "req.session.regenerate() first, and then write who it is.",
  bad: 'app.use(session({ secret: process.env.KEY, cookie: { httpOnly: true, secure: true, sameSite: "lax" } }));\napp.post("/login", limiter, (req, res) => { if (!check(req.body.name, req.body.password)) return res.sendStatus(401); req.session.userId = idOf(req.body.name); res.end(); });',
  good: 'app.use(session({ secret: process.env.KEY, cookie: { httpOnly: true, secure: true, sameSite: "lax" } }));\napp.post("/login", limiter, (req, res) => { if (!check(req.body.name, req.body.password)) return res.sendStatus(401); req.session.regenerate(() => { req.session.userId = idOf(req.body.name); res.end(); }); });',
  nodes: (node, parents, file, report) => {
    if (node.type !== "AssignmentExpression" || !SIGNED_IN.test(textAt(file, node.left))) return;
    if (
      /regenerate|cookie-session|null|undefined|false/u.test(textAt(file, node.right)) ||
      /\bregenerate\w*\(/u.test(file.text)
    )
      return;
    const route = parents.find((parent) => parent.type === "CallExpression");
    if (route === undefined || !PROVES.test(textAt(file, route)) || /["']cookie-session["']/u.test(file.text)) return;
    report(node, textAt(file, node.left));
  },
};
