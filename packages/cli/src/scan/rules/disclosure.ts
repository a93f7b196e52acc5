import type { Run } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import { childrenOf, type Node, type SourceFile } from "../parse.ts";
import type { ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

/** A trace of the stack in a response. */
export const STACK_EXPOSURE: ScanRule = {
  id: "scan/stack-exposure",
  severity: "error",
  cwe: ["CWE-209", "CWE-497"],
  owasp: "A05",
  what: "The trace of an error is sent to the client.",
  why: "It names files, versions and queries: the plan of the house.",
  fix: "Log the error and answer with an opaque id.",
  bad: "app.use((err, req, res, next) => { res.status(500).send(err.stack); });",
  good: 'app.use((err, req, res, next) => { console.error(err); res.status(500).send("Something failed."); });',
  calls: ({ name, api, args, receiver, node, run }, report) => {
    const isBody =
      /^(?:Response|NextResponse|next\/server\.NextResponse)(?:\.json)?$/u.test(api) ||
      (receiver?.role === "response" && /^(?:send|json|end|write|jsonp|render)$/u.test(name)) ||
      (receiver?.role === "context" && /^(?:json|html|text|body)$/u.test(name));
    if (!isBody || (node.type !== "CallExpression" && node.type !== "NewExpression")) return;
    const isSentWhole = node.arguments.some(
      (argument, index) =>
        isWholeError(argument, args[index], run) ||
        (argument.type === "ObjectExpression" &&
          argument.properties.some(
            (one) =>
              one.type === "Property" &&
              isWholeError(one.value, args[index]?.fields?.get(nameOf(one.key) ?? ""), run) &&
              one.value.type === "Identifier",
          )),
    );
    if (isSentWhole && !isSentByFastify(node, run.module.file)) {
      report(node, `an error in ${name}()`);
      return;
    }
    const text = node.arguments.map((argument) => withoutCasts(textAt(run.module.file, argument))).join(",");
    if (args.some(holdsEnvironment)) report(node, "process.env");
    // What is sent in development only.
    if (text.includes("NODE_ENV")) return;
    if (args.some(holdsStack) || /\b(?:err|error|e|ex|exception)\??\.stack\b/u.test(text)) report(node, `${name}()`);
  },
  assigns: ({ node, object, key, value }, report) => {
    if (key.literal === "body" && (object.role === "context" || object.role === "response") && holdsStack(value))
      report(node, "in the body");
  },
};

/** `(error as Error).stack` */
function withoutCasts(text: string): string {
  return text.replaceAll(/\((\w+) as \w+\)/gu, "$1");
}

function holdsEnvironment({ api, fields }: Value): boolean {
  return api === "process.env" || [...(fields?.values() ?? [])].some((value) => value.api === "process.env");
}

function holdsStack(value: Value): boolean {
  return (
    (value.api ?? "").endsWith(".stack") ||
    [...(value.fields?.values() ?? [])].some(({ api = "" }) => /^(?:err|error|e|ex|exception)\.stack$/u.test(api))
  );
}

/** `reply.send(error)` is how Fastify raises an error: it answers with the message and its code, never with the trace. */
function isSentByFastify(
  { callee, arguments: [body] }: Extract<Node, { readonly type: "CallExpression" | "NewExpression" }>,
  file: SourceFile,
): boolean {
  return body?.type === "Identifier" && /^(?:reply|rep)\b[^]*\.send$/u.test(textAt(file, callee));
}

/** What a catch or an error handler was given, sent as it is or as a text. */
function isWholeError(node: Node, value: Value | undefined, run: Run): boolean {
  const name =
    node.type === "Identifier"
      ? node.name
      : node.type === "CallExpression" &&
          node.arguments[0]?.type === "Identifier" &&
          /^(?:String|JSON\.stringify|(?:util\.)?inspect)$/u.test(textAt(run.module.file, node.callee))
        ? node.arguments[0].name
        : undefined;
  if (name === undefined) return false;
  if (value?.api === "error" || (node.type === "CallExpression" && /^(?:err|error)$/u.test(name))) return true;
  const first = run.frame.closure?.node.params[0];
  return first?.type === "Identifier" && first.name === name && /^err(?:or)?$/u.test(name);
}

export const SENSITIVE: RegExp =
  /^(?:\w*passw(?:or)?d|\w*passphrase|pwd|\w*secret|access_?token|refresh_?token|auth_?token|session_?token|reset_?token|api_?token|api_?key|private_?key|credit_?card\w*|card_?number|cvv|ssn|authorization)$/iu;

/** A secret in a log. */
export const SENSITIVE_LOG: ScanRule = {
  id: "scan/sensitive-log",
  severity: "error",
  cwe: ["CWE-532", "CWE-312"],
  owasp: "A09",
  what: "A password, key or token is written to a log.",
  why: "Logs are kept, copied and read by people who were never meant to have it.",
  fix: "Leave it out; log who and what, and a redacted form at most.",
  bad: 'app.post("/login", (req, res) => { console.log("sign-in", req.body.email, req.body.password); res.end(); });',
  good: 'app.post("/login", (req, res) => { console.log("sign-in"); res.end(); });',
  nodes: (node, _parents, file, report) => {
    if (
      node.type !== "CallExpression" ||
      !/^(?:console|logger|log|winston|this\.logger|req\.log|request\.log)\.(?:log|info|warn|error|debug|trace|verbose)$/u.test(
        textAt(file, node.callee),
      )
    )
      return;
    for (const argument of node.arguments) {
      const name = sensitiveIn(argument) ?? sensitiveBehind(argument, node, file) ?? wholeRequest(argument, file);
      if (name !== undefined) {
        report(node, name);
        return;
      }
    }
  },
};

/** All headers, with the one that signs in, or a body with a password in it. */
function wholeRequest(argument: Node, file: SourceFile): string | undefined {
  const text = textAt(file, argument);
  if (/^(?:req|request|ctx|ctx\.request)\.(?:headers|rawHeaders|cookies)$/u.test(text)) return text;
  const holdsPassword = /\bbody\??\.password\b|\{[^{}]*\bpassword\b[^{}]*\}\s*=\s*(?:req|request)\.body\b/u;
  return /^(?:req|request)\.body$/u.test(text) && holdsPassword.test(file.text) ? text : undefined;
}

/** `const line = "for " + password;` and the line is printed. */
function sensitiveBehind(argument: Node, call: Node, { text }: SourceFile): string | undefined {
  if (argument.type !== "Identifier") return undefined;
  const before = text.slice(Math.max(0, call.start - 600), call.start);
  const made = new RegExp(
    `\\b(?:const|let|var)\\s+${argument.name.replaceAll("$", "\\$")}\\s*=\\s*([^;\\n]+)`,
    "u",
  ).exec(before)?.[1];
  const whole = /^(?:\w+\??\.)+(\w+)(?:\s+as\s+\w+)?$|\[["'](\w+)["']\]$/u.exec(made?.trim() ?? "");
  const held = whole?.[1] ?? whole?.[2];
  if (held !== undefined && SENSITIVE.test(held)) return held;
  const [, name] = /(?:["'`]\s*\+\s*|\$\{\s*)(?:\w+\.)*(\w+)/u.exec(made ?? "") ?? [];
  return name !== undefined && SENSITIVE.test(name) ? name : undefined;
}

/** A name of a secret whose value is printed: not inside of a call, which may hide it, nor of a condition. */
export function sensitiveIn(node: Node): string | undefined {
  if (node.type === "Identifier") return SENSITIVE.test(node.name) ? node.name : undefined;
  if (node.type === "MemberExpression") {
    const name = nameOf(node.property);
    if (name === "env" && node.object.type === "Identifier" && node.object.name === "process") return "process.env";
    return name !== undefined && SENSITIVE.test(name) ? name : undefined;
  }
  if (
    !/^(?:TemplateLiteral|BinaryExpression|ObjectExpression|Property|ChainExpression|TSAsExpression|ParenthesizedExpression|ArrayExpression)$/u.test(
      node.type,
    )
  ) {
    return node.type === "CallExpression" &&
      /^JSON\.stringify|String/u.test(node.callee.type === "Identifier" ? node.callee.name : "JSON.stringify") &&
      node.arguments[0] !== undefined &&
      isStringify(node)
      ? sensitiveIn(node.arguments[0])
      : undefined;
  }
  if (node.type === "BinaryExpression" && node.operator !== "+") return undefined;
  const inside = node.type === "Property" ? [node.value] : childrenOf(node);
  return inside.map((child) => sensitiveIn(child)).find((name) => name !== undefined);
}

function isStringify(node: Node & { readonly type: "CallExpression" }): boolean {
  const { callee } = node;
  return callee.type === "MemberExpression" && callee.object.type === "Identifier" && callee.object.name === "JSON";
}

/** An origin of which a part is looked at. */
function asksInPart(handler: Value | undefined): boolean {
  const { closure } = handler ?? {};
  if (closure === undefined) return false;
  const text = textAt(closure.file, closure.node);
  const pattern = /\/((?:\\.|[^/\\\n])+)\/\w*\.test\(\s*[\w.]*origin\s*\)/u.exec(text)?.[1];
  if (pattern !== undefined && !(pattern.startsWith("^") && pattern.endsWith("$"))) return true;
  return (
    /origin\s*\??\.(?:indexOf|includes|startsWith|endsWith|search|match)\(/u.test(text) &&
    !/origin\s*[!=]==?|[!=]==?\s*\w+\.origin/u.test(text)
  );
}

function asksNobody(handler: Value | undefined): boolean {
  const { closure } = handler ?? {};
  if (closure === undefined) return false;
  const text = textAt(closure.file, closure.node);
  return /\bdata\b/u.test(text) && !/origin|\.source\s*[!=]==/iu.test(text);
}

/** Messages between windows, to anybody or from anybody. */
export const WINDOW_MESSAGES: ScanRule = {
  id: "scan/window-messages",
  severity: "error",
  cwe: ["CWE-346", "CWE-201"],
  owasp: "A01",
  what: "A message of another window is believed without its origin, or one is sent to whichever page is there.",
  why: "Any page may hold yours in a frame or have opened it, and then sends what it likes and receives what it should not.",
  fix: "Compare event.origin with your own list, and name the target's origin instead of *.",
  bad: 'window.addEventListener("message", (event) => { apply(event.data); });',
  good: 'window.addEventListener("message", (event) => { if (event.origin === "https://app.example.com") apply(event.data); });',
  calls: ({ name, args, node, receiver }, report) => {
    if (
      name === "postMessage" &&
      args.length >= 2 &&
      (textOf(args[1]) === "*" || textOf(args[1]?.fields?.get("targetOrigin")) === "*")
    )
      report(node, "to *");
    if (name !== "addEventListener" || textOf(args[0]) !== "message") return;
    if (receiver !== undefined && !/^(?:window|globalThis|top|parent)$/u.test(receiver.api ?? "")) return;
    if (asksNobody(args[1])) report(node, "no origin is asked for");
    else if (asksInPart(args[1])) report(node, "a part of the origin is asked for");
  },
  assigns: ({ node, object, key, value }, report) => {
    if (key.literal !== "onmessage" || !/^(?:window|globalThis|top|parent)$/u.test(object.api ?? "")) return;
    if (asksNobody(value)) report(node, "no origin is asked for");
  },
};
