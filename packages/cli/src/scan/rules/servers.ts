/** What a server lacks: limits, headers, an address of its own. Each of these would rather say nothing than something wrong. */
import { KIND } from "../engine/kinds.ts";
import { textOf, type Value } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { option, untrusted, type ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

const SIGN_IN = /log_?-?in|sign_?-?in|\bauth(?:enticate)?\b/iu;
const PROOFS = /log_?-?in|sign_?-?in|\bauth|password|forgot|reset|\botp\b|verify|2fa|mfa|session|token|unlock/iu;
const COMPARES = /\b(?:otp|totp)\b|\bcompare(?:Sync)?\(|\b(?:verify|check)(?:Password|Hash|Code|Sync)?\(/u;
const LIMITED =
  /rate_?-?limit|limiter|throttl|slow_?-?down|\bbrute|glacis|bottleneck|too_?-?many|\b429\b|attempts|lockout/iu;

/** A sign-in that may be tried for ever. */
export const MISSING_RATE_LIMIT: ScanRule = {
  id: "scan/missing-rate-limit",
  severity: "warning",
  cwe: ["CWE-307", "CWE-770"],
  owasp: "A07",
  what: "A route compares passwords or codes, and nothing here limits how often.",
  why: "A program tries the passwords of a leaked list, or all the codes there are, and each try costs you a slow hash.",
  fix: "Count attempts by account and by address, and answer 429 (rateLimit and loginThrottling of glacis, or a limiter of the framework).",
  bad: 'app.post("/login", async (req, res) => { if (!(await bcrypt.compare(String(req.body.password), await hashOf(req.body.name)))) return res.sendStatus(401); res.end(); });',
  good: 'import { rateLimit } from "express-rate-limit";\napp.post("/login", rateLimit({ limit: 5 }), async (req, res) => { if (!(await bcrypt.compare(String(req.body.password), await hashOf(req.body.name)))) return res.sendStatus(401); res.end(); });',
  nodes: (node, _parents, file, report) => {
    if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return;
    if (!/^(?:post|put|all)$/u.test(nameOf(node.callee.property) ?? "")) return;
    const [path, ...handlers] = node.arguments;
    if (path?.type !== "Literal" || typeof path.value !== "string" || !path.value.startsWith("/")) return;
    if (!PROOFS.test(path.value) || LIMITED.test(file.text)) return;
    const text = handlers.map((handler) => bodyAt(file, handler)).join("\n");
    if (COMPARES.test(text) || (SIGN_IN.test(path.value) && /\bpass(?:word|code)\b/u.test(text)))
      report(node, path.value);
  },
};

/** The text of a handler, also of one that has its name from elsewhere in the file. */
function bodyAt(file: SourceFile, handler: Node): string {
  if (handler.type !== "Identifier") return textAt(file, handler);
  const declared = file.program.body
    .map((statement) =>
      "declaration" in statement && statement.declaration !== null ? statement.declaration : statement,
    )
    .flatMap((statement): readonly Node[] =>
      statement.type === "VariableDeclaration" ? statement.declarations : [statement],
    )
    .find((one) => "id" in one && one.id?.type === "Identifier" && one.id.name === handler.name);
  return textAt(file, declared);
}

const HEADERS =
  /helmet|glacis|secureHeaders|secure-headers|lusca|x-powered-by|content-security-policy|x-frame-options|strict-transport/iu;
const OFF = ["contentSecurityPolicy", "frameguard", "xFrameOptions", "hsts", "strictTransportSecurity", "noSniff"];

/** A server of pages that tells browsers nothing. */
export const MISSING_HEADERS: ScanRule = {
  id: "scan/missing-headers",
  severity: "note",
  cwe: ["CWE-693", "CWE-1021", "CWE-200"],
  owasp: "A05",
  what: "An Express server answers without the headers that make browsers careful, or switches them off.",
  why: "Without them a page may be framed, its scripts come from anywhere, and X-Powered-By tells what to attack.",
  fix: "app.use(glacis.express()) or app.use(helmet()), with a content security policy.",
  bad: 'import express from "express";\nconst app = express();\napp.get("/", (req, res) => res.render("home"));\napp.listen(3000);',
  good: 'import express from "express";\nimport helmet from "helmet";\nconst app = express();\napp.use(helmet());\napp.get("/", (req, res) => res.render("home"));\napp.listen(3000);',
  nodes: (node, _parents, _file, report) => {
    if (node.type !== "Property" || node.value.type !== "ArrayExpression") return;
    if (!/^(?:script-?src|default-?src)(?:-?elem)?$/iu.test(nameOf(node.key) ?? "")) return;
    const weak = node.value.elements.find(
      (one) => one?.type === "Literal" && /^(?:'unsafe-(?:inline|eval)'|\*|https?:|data:)$/u.test(String(one.value)),
    );
    if (weak?.type === "Literal") report(node, String(weak.value));
  },
  calls: ({ api, name, args, node, run }, report) => {
    if (/^helmet(?:\.default)?$/u.test(api)) {
      const off = OFF.filter((key) => option(args[0], key)?.literal === false);
      if (off.length > 0) report(node, `${off.join(", ")} off`);
      return;
    }
    if (api !== "express" || name === "Router") return;
    const { text } = run.module.file;
    if (
      /\.listen\(/u.test(text) &&
      /\.render\(|text\/html|express\.static|sendFile\(/u.test(text) &&
      !HEADERS.test(text)
    )
      report(node, "no header is set");
  },
};

const ROOTS = /^(?:\.?\/?|\.\.?\/?|node_modules\/?|\.\/node_modules\/?)$/u;

/** Files that nobody meant to publish. */
export const EXPOSED_FILES: ScanRule = {
  id: "scan/exposed-files",
  severity: "error",
  cwe: ["CWE-548", "CWE-552", "CWE-538"],
  owasp: "A01",
  what: "The folder of the program itself is served, or a list of what is in a folder.",
  why: "Sources, .env, keys, backups and the database lie beside the pages.",
  fix: 'Serve a folder that holds nothing but what is public: express.static(path.join(__dirname, "public")).',
  bad: 'import express from "express";\napp.use(express.static(__dirname));',
  good: 'import express from "express";\nimport path from "node:path";\napp.use(express.static(path.join(__dirname, "public")));',
  calls: ({ api, name, args, node }, report) => {
    if (api === "serve-index") report(node, "a list of files");
    const isStatic = api === "express.static" || api === "serve-static" || (name === "register" && isPlugin(args[0]));
    if (!isStatic) return;
    const folder = name === "register" ? option(args[1], "root") : args[0];
    if (isProgramFolder(folder)) report(node, "the folder of the program");
    else if (textOf(option(args[1], "dotfiles")) === "allow") report(node, "dotfiles");
  },
};

function isPlugin(value: Value | undefined): boolean {
  return /^(?:@fastify\/static|fastify-static)$/u.test(value?.api ?? "");
}

function isProgramFolder(folder: Value | undefined): boolean {
  if (folder === undefined) return false;
  if (
    folder.api === "os.homedir()" ||
    folder.api === "__dirname" ||
    folder.api === "process.cwd()" ||
    folder.api === "import.meta.dirname"
  )
    return true;
  const text = textOf(folder);
  if (text !== undefined) return ROOTS.test(text);
  // path.join(__dirname, "..")
  return (
    /^path\.(?:join|resolve)\(\)$/u.test(folder.api ?? "") &&
    folder.parts?.[0] === undefined &&
    /^(?:\/\.{0,2})*\/?$/u.test((folder.parts ?? ["x"]).slice(1).join(""))
  );
}

/** What is for developers, shown to everybody. */
export const DEBUG_MODE: ScanRule = {
  id: "scan/debug-mode",
  severity: "warning",
  cwe: ["CWE-489", "CWE-215"],
  owasp: "A05",
  what: "Something for developers is switched on for everybody: traces of errors, a playground, a debugger.",
  why: "It shows how the program is built, and a debugger runs what it is told.",
  fix: 'Ask for process.env.NODE_ENV === "development" around it, or leave it out.',
  bad: 'import errorhandler from "errorhandler";\napp.use(errorhandler());',
  good: 'import errorhandler from "errorhandler";\nif (process.env.NODE_ENV === "development") app.use(errorhandler());',
  nodes: (node, parents, file, report) => {
    if (node.type !== "CallExpression" && node.type !== "NewExpression") return;
    const called = textAt(file, node.callee);
    const isHandler = /^errorhandler$|^express\.errorHandler$|^inspector\.open$/iu.test(called);
    const isGraph = /^(?:ApolloServer|graphqlHTTP|createYoga|createHandler|mercurius)$/u.test(called);
    if (!isHandler && !isGraph) return;
    if (called === "errorHandler" && !/["']errorhandler["']/u.test(file.text)) return;
    if (parents.some((parent) => asksForEnvironment(parent, file))) return;
    const on = isGraph
      ? node.arguments.flatMap((argument) =>
          switchedOn(argument, /^(?:introspection|playground|graphiql|debug|includeStacktraceInErrorResponses)$/u),
        )
      : [called];
    if (on.length > 0) report(node, on.join(", "));
  },
};

function asksForEnvironment(node: Node, file: Parameters<typeof textAt>[0]): boolean {
  return (
    (node.type === "IfStatement" || node.type === "ConditionalExpression" || node.type === "LogicalExpression") &&
    /NODE_ENV|development|isDev|production|isProd|debug|\benv\b/iu.test(
      textAt(file, node.type === "LogicalExpression" ? node.left : node.test),
    )
  );
}

function switchedOn(node: Node, names: RegExp): readonly string[] {
  if (node.type !== "ObjectExpression") return [];
  return node.properties.flatMap((property) =>
    property.type === "Property" &&
    names.test(nameOf(property.key) ?? "") &&
    property.value.type === "Literal" &&
    property.value.value === true
      ? [nameOf(property.key) ?? ""]
      : [],
  );
}

/** Bodies and files of any size. */
export const MISSING_SIZE_LIMIT: ScanRule = {
  id: "scan/missing-size-limit",
  severity: "warning",
  cwe: ["CWE-770", "CWE-400"],
  owasp: "A04",
  what: "Uploads or bodies are taken whatever their size.",
  why: "A few large ones fill the memory or the disk.",
  fix: "multer({ limits: { fileSize: 5_000_000, files: 1 } }), and a small limit for bodies.",
  bad: 'import multer from "multer";\nexport const upload = multer({ dest: "uploads/" });',
  good: 'import multer from "multer";\nexport const upload = multer({ dest: "uploads/", limits: { fileSize: 5_000_000, files: 1 } });',
  calls: ({ api, args, node }, report) => {
    const [settings] = args;
    const isUpload = /^(?:multer|express-fileupload|@koa\/multer|koa-multer|busboy|@fastify\/busboy)$/u.test(api);
    const isKnown = settings === undefined || (settings.fields !== undefined && settings.taints.length === 0);
    if (isUpload && isKnown && option(settings, "limits") === undefined) report(node, "no limits");
    if (!/^(?:express|body-parser)\.(?:json|urlencoded|text|raw)$|^koa-bodyparser$/u.test(api)) return;
    const limit = option(settings, "limit") ?? option(settings, "jsonLimit");
    const size = typeof limit?.literal === "number" ? limit.literal / 1e6 : megabytes(textOf(limit) ?? "");
    if (limit?.api === "Infinity" || size >= 50) report(node, textOf(limit) ?? "no limit");
  },
};

function megabytes(text: string): number {
  const [, number, unit] = /^(\d+)\s*([kmg]b)$/iu.exec(text) ?? [];
  return Number(number ?? 0) * ({ kb: 0.001, mb: 1, gb: 1000 }[unit?.toLowerCase() ?? "kb"] ?? 0);
}

const HOST_NAMES = /(?:^|\.)(?:host|hostname|x-forwarded-host|origin|referer)$/u;
const MAILS = /mail|sendReset|sendVerification|sendInvite|sgMail/iu;

/** A link in a mail that leads to whoever asked for it. */
export const HOST_HEADER_LINK: ScanRule = {
  id: "scan/host-header-link",
  severity: "error",
  cwe: ["CWE-640", "CWE-20", "CWE-807"],
  owasp: "A07",
  what: "The Host header of a request becomes a link in a mail.",
  why: "Whoever asks for the reset of somebody else's password chooses the host, and the token in the link arrives there.",
  fix: "Take the address of your own site from the configuration (publicUrl of glacis).",
  bad: 'app.post("/forgot", async (req, res) => { await mailer.sendMail({ to: await addressOf(req.body.id), text: `https://${req.headers.host}/reset/${await tokenOf(req.body.id)}` }); res.end(); });',
  good: 'app.post("/forgot", async (req, res) => { await mailer.sendMail({ to: await addressOf(req.body.id), text: `${process.env.PUBLIC_URL}/reset/${await tokenOf(req.body.id)}` }); res.end(); });',
  calls: ({ name, args, receiver, run, node }, report) => {
    if (!MAILS.test(name) && !(/^send$/u.test(name) && MAILS.test(receiver?.name ?? receiver?.api ?? ""))) return;
    const taint = args.map((value) => hostIn(run, value)).find((found) => found !== undefined);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

function hostIn(run: Parameters<typeof untrusted>[0], value: Value | undefined): ReturnType<typeof untrusted> {
  if (value === undefined) return undefined;
  const inside = [value, ...(value.fields?.values() ?? [])].flatMap((one) => one.taints);
  return untrusted(run, { taints: inside.filter(({ label }) => HOST_NAMES.test(label)) }, KIND.ssrf);
}
