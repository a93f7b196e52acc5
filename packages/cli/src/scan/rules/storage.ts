/** Secrets where others find them: in stores, in addresses. */
import { KIND } from "../engine/kinds.ts";
import { textOf, type Value } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { untrusted, type ScanRule } from "../rule.ts";
import { SENSITIVE, sensitiveIn } from "./disclosure.ts";
import { nameOf, textAt } from "./names.ts";

const PASSWORD_LABEL = /(?:^|[._])(?:\w*passw(?:or)?d|passphrase|pwd)$/iu;
const WRITES = /^(?:create|insert|insertOne|insertMany|save|build|upsert|update\w*|set|values|query|execute|run|add)$/u;
const STORED_TOKEN =
  /(?:access|refresh|auth|session|id|api|bearer)?_?-?(?:token|jwt)$|passw(?:or)?d|secret|api_?key|private_?key|card_?number|cvv|ssn/iu;

/** A secret kept as it is. */
export const CLEAR_TEXT_STORAGE: ScanRule = {
  id: "scan/clear-text-storage",
  severity: "error",
  cwe: ["CWE-312", "CWE-256", "CWE-522", "CWE-922"],
  owasp: "A04",
  what: "A password, token or key is stored as it is: in a database, a file, a cookie or the storage of a page.",
  why: "Whoever reads a copy of the store, or runs one script in the page, has it.",
  fix: "Hash passwords (argon2id), encrypt keys (field encryption of glacis/data), keep sessions in HttpOnly cookies.",
  bad: 'app.post("/join", async (req, res) => { await User.create({ name: String(req.body.name), password: req.body.password }); res.end(); });',
  good: 'app.post("/join", async (req, res) => { await User.create({ name: String(req.body.name), password: await hashPassword(req.body.password) }); res.end(); });',
  calls: (call, report) => {
    const { name, args, receiver, run, node } = call;
    const owner = receiver?.api ?? receiver?.name ?? "";
    if (
      /(?:^|\.)(?:localStorage|sessionStorage)$|^@react-native-async-storage\/async-storage$/u.test(owner) &&
      name === "setItem"
    ) {
      const kept = textOf(args[0]) ?? "";
      const given =
        node.type === "CallExpression" && node.arguments[1] !== undefined ? lastNameOf(node.arguments[1]) : "";
      if (STORED_TOKEN.test(kept) || STORED_TOKEN.test(given)) report(node, kept || given);
      return;
    }
    if (
      /^fs(?:\/promises|\.promises)?\.(?:write|append)File(?:Sync)?$/u.test(call.api) &&
      node.type === "CallExpression"
    ) {
      const secret = node.arguments[1] === undefined ? undefined : sensitiveIn(node.arguments[1]);
      if (secret !== undefined) report(node, secret);
      return;
    }
    if (receiver?.role !== undefined && /^(?:cookie|setCookie)$/u.test(name)) {
      const kept = untrusted(run, { taints: args[1]?.taints ?? [] }, KIND.format);
      if (
        kept !== undefined &&
        (PASSWORD_LABEL.test(kept.label) || /passw(?:or)?d|passphrase/iu.test(textOf(args[0]) ?? ""))
      )
        report(node, `${kept.label} in ${name}()`, kept);
      return;
    }
    if (!WRITES.test(name) || receiver === undefined || receiver.role !== undefined || !isStore(receiver)) return;
    // accounts.create(email, password) is a function that may well hash what it is given.
    const kept = /^(?:set|add)$/u.test(name)
      ? args
      : args.filter(({ fields, element }) => (fields ?? element) !== undefined);
    const taint = untrusted(run, { taints: passwordsIn(kept, 3) }, KIND.format);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
  nodes: (node, parents, file, report) => {
    const bundled = bundledSecret(node, parents, file);
    if (bundled !== undefined) report(node, bundled);
    if (node.type !== "AssignmentExpression" || node.left.type !== "MemberExpression") return;
    const target = textAt(file, node.left);
    const secret =
      target === "document.cookie"
        ? sensitiveIn(node.right)
        : /^(?:window\.)?(?:local|session)Storage\./u.test(target) && STORED_TOKEN.test(target)
          ? target
          : undefined;
    if (secret !== undefined) report(node, secret);
  },
};

/** What a bundler puts in the place of a name is in every copy of the page. */
function bundledSecret(node: Node, parents: readonly Node[], file: SourceFile): string | undefined {
  if (node.type !== "MemberExpression" || textAt(file, node.object) !== "process") {
    const asked = textAt(file, node);
    const secret = /^process\.env\.(\w*(?:SECRET|PASSWORD|PRIVATE_KEY))$/u.exec(asked)?.[1];
    return secret !== undefined && isBundled(parents, file) ? secret : undefined;
  }
  const isWhole = textAt(file, node) === "process.env" && parents.at(-1)?.type !== "MemberExpression";
  return isWhole && isBundled(parents, file) ? "the whole environment" : undefined;
}

function isBundled(parents: readonly Node[], file: SourceFile): boolean {
  return parents.some(
    (one) =>
      (one.type === "NewExpression" && /(?:^|\.)(?:DefinePlugin|EnvironmentPlugin)$/u.test(textAt(file, one.callee))) ||
      (one.type === "Property" && nameOf(one.key) === "define" && /esbuild|vite|tsup|rollup|rspack/u.test(file.text)),
  );
}

function isStore({ name = "", api = "" }: Value): boolean {
  const owner = name || api;
  return (
    /^[A-Z]\w*$/u.test(owner) ||
    /model|repo(?:sitory)?$|collection|prisma|users?$|accounts?$|members$|customers$|\bdb\b|pool|client|conn|knex|values/iu.test(
      owner,
    )
  );
}

/** Passwords that stand in a place of their own, not inside of a condition below "where". */
function passwordsIn(values: readonly Value[], depth: number): Value["taints"] {
  if (depth === 0) return [];
  return values.flatMap((value) => [
    ...(value.parts === undefined ? value.taints.filter(({ label }) => PASSWORD_LABEL.test(label)) : []),
    ...passwordsIn(
      [...(value.fields ?? [])].filter(([key]) => key !== "where" && key !== "constructor").map(([, field]) => field),
      depth - 1,
    ),
  ]);
}

function lastNameOf(node: Node): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "MemberExpression" ? (nameOf(node.property) ?? "") : "";
}

/** A secret in an address. */
export const SENSITIVE_QUERY: ScanRule = {
  id: "scan/sensitive-query",
  severity: "warning",
  cwe: ["CWE-598"],
  owasp: "A04",
  what: "A password or key is read from, or put into, the query of an address.",
  why: "Addresses are kept by browsers, proxies and logs, and are sent on to other sites as the referrer.",
  fix: "Take it from the body of a POST request, or from a header.",
  bad: 'app.get("/enter", async (req, res) => { res.json(await check(req.query.password)); });',
  good: 'app.post("/enter", async (req, res) => { res.json(await check(req.body.password)); });',
  calls: ({ api, args, node }, report) => {
    if (!/^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|https?\.(?:get|request)|node-fetch|ky(?:\.\w+)?)$/u.test(api)) return;
    const parts = args[0]?.parts ?? [];
    const at = parts.findIndex((part) => /[?&](?:passw(?:or)?d|pwd|secret|ssn|card_?number)=$/iu.test(part ?? ""));
    if (at !== -1 && at < parts.length - 1) report(node, "in an address that is asked for");
  },
  nodes: (node, _parents, file, report) => {
    if (node.type === "MemberExpression") {
      const name = nameOf(node.property);
      if (name !== undefined && isSecretOfUser(name) && isQuery(textAt(file, node.object))) report(node, name);
    } else if (
      node.type === "VariableDeclarator" &&
      node.id.type === "ObjectPattern" &&
      node.init !== null &&
      isQuery(textAt(file, node.init))
    ) {
      for (const property of node.id.properties) {
        const name = property.type === "Property" ? nameOf(property.key) : undefined;
        if (name !== undefined && isSecretOfUser(name)) report(node, name);
      }
    }
  },
};

function isSecretOfUser(name: string): boolean {
  return SENSITIVE.test(name) && !/token|authorization/iu.test(name);
}

function isQuery(text: string): boolean {
  return /^(?:req|request|ctx|context|c)(?:\.req(?:uest)?)?\.query$/u.test(text);
}
