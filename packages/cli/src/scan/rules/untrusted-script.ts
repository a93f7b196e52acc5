/** Programs of others: scripts that a page fetches. */
import { textOf } from "../engine/value.ts";
import type { ScanRule } from "../rule.ts";
import { misplacedValues, rawValues } from "./markup.ts";
import { nameOf, textAt } from "./names.ts";
import { isCleanedBefore } from "./views.ts";

const CDN =
  /^(?:https?:)?\/\/(?:[\w-]+\.)*(?:jsdelivr\.net|unpkg\.com|cdnjs\.cloudflare\.com|code\.jquery\.com|bootstrapcdn\.com|ajax\.googleapis\.com|polyfill\.io|bootcdn\.net|bootcss\.com|staticfile\.\w+|cdn\.[\w-]+\.\w+)\//iu;
const PLAIN = /^http:\/\/(?!localhost|127\.|\[?::1|0\.0\.0\.0)/iu;

/** What is wrong with a tag that fetches a program, if anything. */
export function weakTag(tag: string): string | undefined {
  const [, name = "", rest = ""] = /^<(script|iframe|embed|object|link)\b([^]*)$/iu.exec(tag) ?? [];
  const address = /\b(?:src|data|href)\s*=\s*\{?\s*["'`]([^"'`]+)["'`]/iu.exec(rest)?.[1];
  if (address === undefined) return undefined;
  if (/^link$/iu.test(name) && !/\brel\s*=\s*["']?(?:stylesheet|preload|import)/iu.test(rest)) return undefined;
  if (PLAIN.test(address)) return `${name.toLowerCase()} over HTTP`;
  return /^script$/iu.test(name) && CDN.test(address) && !/\bintegrity\s*=/iu.test(rest)
    ? "without integrity"
    : undefined;
}

/** A script that others may change on its way or at its source. */
export const UNTRUSTED_SCRIPT: ScanRule = {
  id: "scan/untrusted-script",
  severity: "warning",
  cwe: ["CWE-830", "CWE-494", "CWE-829"],
  owasp: "A08",
  what: "A page takes a script or a frame over HTTP, or a script of a public store without its digest.",
  why: "Whoever is on the way, or has got hold of the store, runs what they like in your page.",
  fix: 'Serve the script yourself, or over https: with integrity="sha384-..." and crossorigin="anonymous".',
  bad: 'const script = document.createElement("script");\nscript.src = "http://cdn.example.com/widget.js";',
  good: 'const script = document.createElement("script");\nscript.src = "/widget.js";',
  markup: (text, path, report) => {
    const tags = /\.(?:pug|jade)$/u.test(path)
      ? [...text.matchAll(/^\s*(script|iframe|link)\(([^)]*)\)/gmu)].map(
          ({ 1: name = "", 2: rest = "", index }) => [`<${name} ${rest}>`, index] as const,
        )
      : [...text.matchAll(/<(?:script|iframe|embed|object|link)\b[^>]*>/giu)].map(
          ({ 0: tag, index }) => [tag, index] as const,
        );
    for (const [tag, index] of tags) {
      const weak = weakTag(tag);
      if (weak !== undefined) report(index, weak);
    }
  },
  nodes: (node, _parents, file, report) => {
    if (node.type === "JSXOpeningElement") {
      const weak = /\{\s*\.\.\./u.test(textAt(file, node)) ? undefined : weakTag(textAt(file, node));
      if (weak !== undefined) report(node, weak);
      return;
    }
    const isText =
      node.type === "TemplateLiteral" ||
      (node.type === "Literal" &&
        typeof node.value === "string" &&
        node.value.includes("<") &&
        node.value.length < 50_000);
    if (!isText) return;
    const text = node.type === "Literal" && typeof node.value === "string" ? node.value : textAt(file, node);
    for (const [tag] of text.matchAll(/<(?:script|iframe|embed|object)\b[^>]*>/giu)) {
      const weak = weakTag(tag);
      if (weak !== undefined) report(node, weak);
    }
  },
  calls: ({ api, args, node }, report) => {
    if (api === "importScripts" && args.some((value) => PLAIN.test(value.parts?.[0] ?? ""))) report(node, "over HTTP");
  },
  assigns: ({ node, object, key, value, run }, report) => {
    if (key.literal !== "src" || !/^document\.createElement\(\)$/u.test(object.api ?? "")) return;
    if (!/^(?:script|iframe)$/iu.test(object.madeOf ?? "")) return;
    const address = textOf(value) ?? value.parts?.[0] ?? "";
    if (PLAIN.test(address)) report(node, "over HTTP");
    else if (object.madeOf === "script" && CDN.test(address) && !/\bintegrity\b/u.test(run.module.file.text))
      report(node, "without integrity");
  },
};

/** Where a name of a setting says that nothing is escaped. */
export const UNESCAPED_TEMPLATE: ScanRule = {
  id: "scan/unescaped-template",
  severity: "warning",
  cwe: ["CWE-79", "CWE-116"],
  owasp: "A03",
  what: "A template engine is told not to escape, or a template puts a value in as it is.",
  why: "Markup in a value runs as a script of your site, and nobody sees it where the value comes from.",
  fix: "Leave escaping on; where a value is markup that was meant, pass it through a sanitiser first.",
  bad: 'import nunjucks from "nunjucks";\nnunjucks.configure("views", { autoescape: false });',
  good: 'import nunjucks from "nunjucks";\nnunjucks.configure("views", { autoescape: true });',
  markup: (text, path, report, file) => {
    const raw = rawValues(text, path).filter(({ value }) => !isCleanedBefore(file, value));
    for (const { offset, value } of [...raw, ...misplacedValues(text, path)]) report(offset, value);
  },
  calls: ({ api, args, name, node }, report) => {
    for (const { fields } of args) {
      if (/^(?:nunjucks|swig|eta|twig)\b/iu.test(api))
        for (const key of ["autoescape", "autoEscape"])
          if (fields?.get(key)?.literal === false) report(node, `${key} off`);
      if (/handlebars/iu.test(api) && fields?.get("noEscape")?.literal === true) report(node, "noEscape");
      if (api.startsWith("serialize-javascript") && fields?.get("unsafe")?.literal === true) report(node, "unsafe");
      if (/^markdown-it$/u.test(api) && fields?.get("html")?.literal === true) report(node, `html in ${name}()`);
    }
  },
  nodes: (node, _parents, file, report) => {
    if (node.type !== "AssignmentExpression" || node.left.type !== "MemberExpression") return;
    if (nameOf(node.left.property) !== "escape" || !/mustache|ejs|handlebars/iu.test(textAt(file, node.left.object)))
      return;
    if (
      /^(?:\(?(\w+)\)?\s*=>\s*\1|function\s*\w*\(\s*(\w+)\s*\)\s*\{\s*return \2;?\s*\})$/u.test(
        textAt(file, node.right),
      )
    )
      report(node, "nothing is escaped");
  },
};
