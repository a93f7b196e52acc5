/** Values that are not what a check takes them for. */
import { KIND } from "../engine/kinds.ts";
import { textOf } from "../engine/value.ts";
import type { Node, SourceFile } from "../parse.ts";
import { untrustedItself, type ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

const READ = /^(?:req|request|ctx|context)(?:\.request)?\.query\.\w+$/u;

/** A list where a text is meant. */
export const TYPE_CONFUSION: ScanRule = {
  id: "scan/type-confusion",
  severity: "warning",
  cwe: ["CWE-843", "CWE-1287"],
  owasp: "A04",
  what: "A parameter of a request is checked with a method that lists have as well, and may be a list.",
  why: '?name=..&name=x arrives as ["..", "x"]: includes("../") looks for a whole element and finds none, and the text that is put together holds it.',
  fix: 'Ask typeof value === "string" first, or take String(value) and check that.',
  bad: 'app.get("/f", (req, res) => { const name = req.query.name; if (name.includes("<")) return res.sendStatus(400); res.json({ title: "f: " + name }); });',
  good: 'app.get("/f", (req, res) => { const name = String(req.query.name); if (name.includes("<")) return res.sendStatus(400); res.json({ title: "f: " + name }); });',
  calls: ({ name, args, receiver, run, node }, report) => {
    if (!/^(?:includes|indexOf|lastIndexOf)$/u.test(name) || receiver === undefined) return;
    // Words may be elements of a list; signs are pieces of a text.
    if (!/[^\w\s:-]/u.test(textOf(args[0]) ?? "")) return;
    const taint = untrustedItself(run, receiver, KIND.shape);
    if (taint !== undefined && READ.test(taint.label)) report(node, `${taint.label} in ${name}()`, taint);
  },
  nodes: (node, parents, file, report) => {
    if (node.type !== "BinaryExpression" || !/^[<>]=?$/u.test(node.operator)) return;
    const [asked, limit] = [node.left as Node, node.right];
    if (asked.type !== "MemberExpression" || nameOf(asked.property) !== "length" || limit.type !== "Literal") return;
    const around = parents.findLast((one) => /Function/u.test(one.type));
    const text = textAt(file, asked.object);
    if (around === undefined || !/^[\w.]+$/u.test(text) || !isQuery(text, textAt(file, around))) return;
    const name = text.replaceAll(".", "\\.");
    const usedAsText = new RegExp(`\\$\\{\\s*${name}\\s*\\}|\\+\\s*${name}\\b(?!\\.)|\\b${name}\\s*\\+\\s*["'\`]`, "u");
    if (usedAsText.test(textAt(file, around))) report(node, `the length of ${text}`);
  },
};

/** Is a name what the query holds, and has nobody asked for its type? */
function isQuery(name: string, text: string): boolean {
  if (/typeof|isArray|z\.|schema/u.test(text)) return false;
  if (READ.test(name)) return true;
  if (!/^\w+$/u.test(name)) return false;
  return new RegExp(
    `\\b(?:const|let|var)\\s+${name}\\s*=\\s*req(?:uest)?\\.query\\.\\w+\\s*;|\\{[^{}]*\\b${name}\\b[^{}]*\\}\\s*=\\s*req(?:uest)?\\.query\\b`,
    "u",
  ).test(text);
}

const BYTES = /(?:randomBytes|getRandomValues)\(/u;

/** Some letters more often than others. */
export const BIASED_RANDOMNESS: ScanRule = {
  id: "scan/biased-randomness",
  severity: "warning",
  cwe: ["CWE-327", "CWE-330"],
  owasp: "A02",
  what: "A random byte is brought into a range by its remainder.",
  why: "256 is no multiple of the range: the first letters come more often, and guessing gets cheaper.",
  fix: "crypto.randomInt(range), or drop the bytes that are too large.",
  bad: 'import { randomBytes } from "node:crypto";\nexport const pin = () => Array.from(randomBytes(6), (byte) => byte % 10).join("");',
  good: 'import { randomInt } from "node:crypto";\nexport const pin = () => Array.from({ length: 6 }, () => randomInt(10)).join("");',
  nodes: (node, parents, file, report) => {
    if (node.type !== "BinaryExpression" || node.operator !== "%" || !BYTES.test(file.text)) return;
    const left = node.left as Node;
    const base = /^\w+/u.exec(textAt(file, left))?.[0] ?? "";
    if (base === "" || !(BYTES.test(textAt(file, left)) || isByte(base, left, parents, file))) return;
    const range = rangeOf(node.right, file);
    if (range !== undefined && 256 % range === 0) return;
    const around = parents.findLast((one) => /Function|Program/u.test(one.type));
    // Bytes that are too large are dropped before.
    if (!/\bcontinue\b|2(?:56|55)\s*[-%]/u.test(textAt(file, around))) report(node, textAt(file, node));
  },
};

function isByte(base: string, left: Node, parents: readonly Node[], file: SourceFile): boolean {
  const made = new RegExp(`\\b${base}\\s*=\\s*(?:[\\w.]+\\.)?(?:randomBytes|getRandomValues)\\(`, "u");
  if (left.type === "MemberExpression" && left.computed) return made.test(file.text);
  if (left.type !== "Identifier") return false;
  const call = parents.findLast((one) => one.type === "CallExpression");
  const walks = new RegExp(
    `(?:randomBytes|getRandomValues)\\([^()]*\\)(?:\\)?\\s*,|[\\])]*\\.map\\()\\s*\\(?${base}\\b`,
    "u",
  );
  return walks.test(textAt(file, call));
}

function rangeOf(node: Node, { text }: SourceFile): number | undefined {
  if (node.type === "Literal") return typeof node.value === "number" ? node.value : undefined;
  if (node.type !== "MemberExpression" || node.object.type !== "Identifier") return undefined;
  return new RegExp(`\\b${node.object.name}\\s*=\\s*["'\`]([^"'\`]*)["'\`]`, "u").exec(text)?.[1]?.length;
}

/** A key that is found by trying. */
export const WEAK_KEY: ScanRule = {
  id: "scan/weak-key",
  severity: "error",
  cwe: ["CWE-326"],
  owasp: "A02",
  what: "A key is made shorter than what holds today.",
  why: "RSA and Diffie-Hellman of 1024 bits are within reach of a state, of 512 within reach of anybody.",
  fix: "RSA from 2048 bits on (better 3072), or a curve: ed25519, x25519, prime256v1.",
  bad: 'import { generateKeyPairSync } from "node:crypto";\nexport const pair = generateKeyPairSync("rsa", { modulusLength: 1024 });',
  good: 'import { generateKeyPairSync } from "node:crypto";\nexport const pair = generateKeyPairSync("ed25519");',
  calls: ({ api, args, node }, report) => {
    const bits = /^crypto\.generateKeyPair(?:Sync)?$/u.test(api)
      ? args[1]?.fields?.get("modulusLength")?.literal
      : /^crypto\.createDiffieHellman$/u.test(api) || /^node-forge\.(?:pki\.)?rsa\.generateKeyPair$/u.test(api)
        ? (args[0]?.literal ?? args[0]?.fields?.get("bits")?.literal)
        : /(?:^|\.)subtle\.generateKey$/u.test(api)
          ? args[0]?.fields?.get("modulusLength")?.literal
          : /^node-rsa$/u.test(api)
            ? args[0]?.fields?.get("b")?.literal
            : undefined;
    if (typeof bits === "number" && bits < 2048) report(node, `${bits} bits`);
    const curve = textOf(api === "crypto.createECDH" ? args[0] : args[1]?.fields?.get("namedCurve"));
    if (/^(?:secp1[1-9]\d|sect1[1-9]\d|prime192|P-192)/u.test(curve ?? "")) report(node, curve);
  },
};
