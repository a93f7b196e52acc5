/** Who may do what, and for how long. Each of these would rather say nothing than something wrong. */
import { option, type ScanRule } from "../rule.ts";
import type { Value } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { nameOf, textAt } from "./names.ts";

/** Whatever may say who somebody is, here or in a module that is named so. */
const ASKS =
  /auth|login|signed?_?-?in|session|jwt|token|bearer|passport|protect|guard|permission|\bacl\b|rbac|\broles?\b|secur|clerk|policy|policies|ensure|require[A-Z]|verif|csrf|glacis|is_?admin|only_?admin|admin_?only|check_?admin|current_?user|\.user\b|whoami|remote_?address|api_?-?key/iu;
const ASKING = /auth|guard|protect|ensure|require|verif|passport|jwt|permission|role|admin|login|signed|session/iu;
const ADMIN = /(?:^|\/)(?:admin|administration|superuser|backoffice|internal)(?:\/|$)/iu;
const VERBS = /^(?:get|post|put|patch|delete|all|del)$/u;

interface Route {
  readonly path: string;
  readonly method: string;
  readonly between: readonly Node[];
  readonly handler: Node;
}

/** `app.delete("/users/:id", requireUser, handler)` taken apart. */
function routeOf(node: Node): Route | undefined {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  const method = nameOf(node.callee.property) ?? "";
  const [path, ...others] = node.arguments;
  const handler = others.at(-1);
  if (!VERBS.test(method) || handler === undefined || path?.type !== "Literal" || typeof path.value !== "string")
    return undefined;
  const isHandler = /^(?:ArrowFunctionExpression|FunctionExpression|Identifier|MemberExpression)$/u.test(handler.type);
  return isHandler && path.value.startsWith("/")
    ? { path: path.value, method, between: others.slice(0, -1), handler }
    : undefined;
}

/** A route for some, open to all. */
export const MISSING_AUTHORIZATION: ScanRule = {
  id: "scan/missing-authorization",
  severity: "warning",
  cwe: ["CWE-862", "CWE-306"],
  owasp: "A01",
  what: "A route of administrators, or one that changes something beside routes that ask who calls, asks nobody.",
  why: "An address is no secret: whoever finds it does what it does.",
  fix: "Put the check before the handler as on the other routes, or better, before all of them, and name the routes that are public (defaultDeny of glacis).",
  bad: 'import express from "express";\nconst app = express();\napp.delete("/admin/users/:id", async (req, res) => { await removeUser(Number(req.params.id)); res.sendStatus(204); });',
  good: 'import express from "express";\nimport { requireAdmin } from "./access.js";\nconst app = express();\napp.delete("/admin/users/:id", requireAdmin, async (req, res) => { await removeUser(Number(req.params.id)); res.sendStatus(204); });',
  nodes: (node, _parents, file, report) => {
    const route = routeOf(node);
    if (route === undefined || ASKS.test(withoutPaths(textAt(file, node), route))) return;
    const everywhere = isAskedEverywhere(file);
    if (ADMIN.test(route.path) && !ASKS.test(withoutPaths(file.text, route))) report(node, route.path);
    else if (!everywhere && /^(?:put|patch|delete)$/u.test(route.method) && siblingsAsk(file)) report(node, route.path);
  },
};

/** The text without what is written in quotes: a path may be called /admin, and asks nobody for that. */
function withoutPaths(text: string, { path }: Route): string {
  return text.replaceAll(path, "").replaceAll(/["'`]\/[^"'`\s]*["'`]/gu, "");
}

/** `router.use(requireUser)` stands before all of them. */
function isAskedEverywhere(file: SourceFile): boolean {
  return [...file.text.matchAll(/\.(?:use|addHook|register|onRequest)\(([^\n]*)/gu)].some(([, rest = ""]) =>
    ASKING.test(rest.replaceAll(/["'`]\/[^"'`\s]*["'`]/gu, "")),
  );
}

const SIBLINGS = new WeakMap<SourceFile, boolean>();

/** Do two other routes of the file, one of them changing something, name a check before their handler? */
function siblingsAsk(file: SourceFile): boolean {
  const known = SIBLINGS.get(file);
  if (known !== undefined) return known;
  const routes = file.program.body.flatMap((statement) => routesIn(statement));
  const asking = routes.filter(({ between }) =>
    between.some(
      (one) => /^(?:Identifier|CallExpression|MemberExpression)$/u.test(one.type) && ASKING.test(textAt(file, one)),
    ),
  );
  const found = asking.some(({ method }) => /^(?:post|put|patch|delete)$/u.test(method));
  SIBLINGS.set(file, found);
  return found;
}

/** Routes that stand in a statement of the module, or are chained in one. */
function routesIn(statement: Node): readonly Route[] {
  const routes: Route[] = [];
  let at: Node | undefined = statement.type === "ExpressionStatement" ? statement.expression : undefined;
  while (at?.type === "CallExpression") {
    const route = routeOf(at);
    if (route !== undefined) routes.push(route);
    at = at.callee.type === "MemberExpression" ? at.callee.object : undefined;
  }
  return routes;
}

/** A token that is good for ever. */
export const ENDLESS_TOKEN: ScanRule = {
  id: "scan/endless-token",
  severity: "note",
  cwe: ["CWE-613"],
  owasp: "A07",
  what: "A JSON Web Token is signed that never ends.",
  why: "Whoever finds it in a log, a backup or a lost phone is signed in for as long as the key lives.",
  fix: 'jwt.sign(payload, key, { expiresIn: "15m" }), and a session or a refresh token that can be revoked behind it.',
  bad: 'import jwt from "jsonwebtoken";\nexport const issue = (user) => jwt.sign({ sub: user.id }, process.env.JWT_KEY);',
  good: 'import jwt from "jsonwebtoken";\nexport const issue = (user) => jwt.sign({ sub: user.id }, process.env.JWT_KEY, { expiresIn: "15m" });',
  calls: ({ api, args, node, run }, report) => {
    const [payload, , settings] = args;
    const isLong = api === "jsonwebtoken.sign" && isWritten(payload) && (settings === undefined || isWritten(settings));
    if (isLong && option(payload, "exp") === undefined && option(settings, "expiresIn") === undefined) report(node);
    // What a caller passes as the claims may hold the end.
    const isChain =
      /SignJWT\(\s*\{(?![^}]*\bexp\b)/u.test(textAt(run.module.file, node)) &&
      /^jose\.SignJWT\(\)\.(?:\w+\(\)\.)*sign$/u.test(api);
    if (isChain && !api.includes("setExpirationTime()")) report(node);
  },
};

/** An object whose names all stand in the program. */
function isWritten(value: Value | undefined): boolean {
  return value?.fields !== undefined && value.type === "object" && value.taints.length === 0 && !value.fields.has("*");
}
