import type { Node } from "../parse.ts";
import { textOf } from "../engine/value.ts";
import type { ScanRule } from "../rule.ts";
import { weakHostPattern } from "./encodings.ts";
import { nameOf, textAt } from "./names.ts";

const SPECIAL = new Set([
  "'",
  '"',
  "<",
  ">",
  "&",
  "`",
  "\\",
  "../",
  "..",
  ";",
  "|",
  "$",
  "<script>",
  "</script>",
  "javascript:",
  "*",
  "%",
  "[",
  "(",
  "{",
]);

/** A sanitiser that takes out the first and leaves the rest. */
export const INCOMPLETE_SANITISATION: ScanRule = {
  id: "scan/incomplete-sanitisation",
  severity: "error",
  cwe: ["CWE-116", "CWE-20", "CWE-182", "CWE-185"],
  owasp: "A03",
  what: "Characters with a meaning are replaced once, or in a way that leaves some behind.",
  why: '"....//" without "../" is "../", a text pattern replaces the first match alone, and HTML has more spellings than a pattern knows.',
  fix: "Encode for where the text goes, with a library; where you must replace, replaceAll or the flag g, and repeat until nothing changes.",
  bad: `export const escape_ = (text) => text.replace("'", "''");`,
  good: `export const escape_ = (text) => text.replaceAll("'", "''");`,
  nodes: (node, _parents, file, report) => {
    if (node.type === "Literal" && "regex" in node) {
      if (isTagFilter(node.regex)) report(node, "markup by a pattern");
      // <tag/> that becomes <tag></tag>: in an attribute or a comment it is not one.
      else if (/\[\^>\]\*\)\\\/>/u.test(node.regex.pattern) && /<\$1\s*><\/\$\d>/u.test(file.text))
        report(node, "a closing tag that nobody wrote");
    }
    if (
      node.type !== "CallExpression" ||
      node.callee.type !== "MemberExpression" ||
      nameOf(node.callee.property) !== "replace"
    )
      return;
    const [sought, by] = node.arguments;
    if (sought?.type !== "Literal" || by === undefined || by.type !== "Literal") return;
    if (typeof sought.value === "string") {
      if (SPECIAL.has(sought.value)) report(node, `the first ${JSON.stringify(sought.value)} alone`);
      return;
    }
    if (!("regex" in sought)) return;
    const { pattern, flags } = sought.regex;
    if (/^<!--.*-->$/u.test(pattern)) report(node, "comments by a pattern");
    if (/^\[?\\?["'<>&]\]?$/u.test(pattern) && pattern.replaceAll(/[\\[\]]/gu, "") === by.value)
      report(node, "by itself");
    const object = textAt(file, node.callee.object);
    if (
      /^\\["']$/u.test(String(by.value)) &&
      !/replace(?:All)?\((?:\/\\\\|["']\\\\)|JSON\.stringify|escape/u.test(object)
    )
      report(node, "quotes, and not the backslash before them");
    else if (/^<\[\^>\]\+?\*?>$/u.test(pattern) && !flags.includes("g")) report(node, "the first tag alone");
    else if (/^(?:['"<>&`;|]|\\\\|\\\$|\[['"<>&\\`]+\]|(?:\\\.){2}(?:\\\/)?)$/u.test(pattern) && !flags.includes("g"))
      report(node, "without the flag g");
    else if (/^(?:\\\.){2}\\\/$|^\\\.\\\.\\\/$/u.test(pattern) && by.value === "") report(node, "../ once");
    else if (
      /<\\?\/?script|on\\w|javascript:|<iframe/iu.test(pattern) &&
      by.value === "" &&
      !textAt(file, by).startsWith("<")
    )
      report(node, "markup by a pattern");
  },
};

/** `<script>...</script>` as browsers do not write it alone: `</script >`, line breaks, capitals. */
function isTagFilter({ pattern, flags }: { readonly pattern: string; readonly flags: string }): boolean {
  if (!/<\\?\/?script/iu.test(pattern) || !/>\)?$/u.test(pattern)) return false;
  return !flags.includes("i") || /<\\\/script>/iu.test(pattern);
}

const URL_NAMES = /url|uri|href|host|origin|referr?er|link|redirect|domain|target|next|return_?to|callback|dest/iu;
const HOST =
  /^(?:https?:\/\/)?(?:[\w-]+\.)+(?:com|org|net|io|dev|app|co|example|test|edu|gov|cloud|ai|me|uk|de|eu|info|biz)$/iu;

/** A check of an address that other addresses pass. */
export const INCOMPLETE_URL_CHECK: ScanRule = {
  id: "scan/incomplete-url-check",
  severity: "error",
  cwe: ["CWE-20", "CWE-1023"],
  owasp: "A01",
  what: "A host is looked for somewhere in an address.",
  why: "https://evil.example/?example.com contains it, example.com.evil.example starts with it, and evilexample.com ends with it.",
  fix: 'Compare new URL(address).hostname with ===, or with endsWith(".example.com"), the dot included.',
  bad: 'export const trusted = (url) => url.includes("example.com");',
  good: 'export const trusted = (url) => new URL(url).hostname === "example.com";',
  nodes: (node, parents, file, report) => {
    const written = patternOf(node);
    if (written !== undefined) {
      const pattern = written;
      const weak = weakHostPattern(pattern, parents, file);
      if (weak !== undefined) report(node, weak);
      else if (
        /https?|\^\(?:?\w|\\\./u.test(pattern) &&
        /[\w)](?<!\\)\.(?:com|org|net|io|dev|app|co|example)\b/iu.test(pattern)
      )
        report(node, "a dot that matches any character");
      return;
    }
    if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return;
    const method = nameOf(node.callee.property) ?? "";
    const [sought] = node.arguments;
    if (
      !/^(?:includes|indexOf|startsWith|endsWith|search|match)$/u.test(method) ||
      sought?.type !== "Literal" ||
      typeof sought.value !== "string"
    )
      return;
    const isWhole = /url|uri|href|link|redirect|return_?to/iu.test(lastName(node.callee.object));
    if (
      method === "endsWith" &&
      isWhole &&
      HOST.test(sought.value.replace(/^\./u, "x.")) &&
      /^\.\w/u.test(sought.value)
    ) {
      report(node, `${method}(${JSON.stringify(sought.value)})`);
      return;
    }
    const isAddress = /^https?:\/\//iu.test(sought.value) && /^(?:startsWith|indexOf)$/u.test(method);
    if (
      !HOST.test(sought.value) ||
      !(isAddress || URL_NAMES.test(lastName(node.callee.object))) ||
      isList(node.callee.object)
    )
      return;
    if (
      method === "startsWith" &&
      !sought.value.startsWith("http") &&
      !/host|domain|origin/iu.test(textAt(file, node.callee.object))
    )
      return;
    report(node, `${method}(${JSON.stringify(sought.value)})`);
  },
};

/** A pattern, also as the text of which one is made. */
function patternOf(node: Node): string | undefined {
  if (node.type === "Literal") return "regex" in node ? node.regex.pattern : undefined;
  if ((node.type !== "NewExpression" && node.type !== "CallExpression") || node.callee.type !== "Identifier")
    return undefined;
  const [first] = node.arguments;
  return node.callee.name === "RegExp" && first?.type === "Literal" && typeof first.value === "string"
    ? first.value
    : undefined;
}

function lastName(node: Node): string {
  if (node.type === "Identifier") return node.name;
  if (node.type === "MemberExpression") return nameOf(node.property) ?? "";
  if (node.type === "CallExpression")
    return lastName(node.callee) + (node.callee.type === "MemberExpression" ? lastName(node.callee.object) : "");
  return node.type === "ChainExpression" || node.type === "TSNonNullExpression" || node.type === "TSAsExpression"
    ? lastName(node.expression)
    : "";
}

function isList(node: Node): boolean {
  return (
    /s$|list|allow|trusted|whitelist/iu.test(lastName(node)) &&
    !/href$|address$/iu.test(lastName(node)) &&
    !/^(?:https|dns|this)$/u.test(lastName(node))
  );
}

/** A file that everybody may change. */
export const OPEN_FILE_MODE: ScanRule = {
  id: "scan/open-file-mode",
  severity: "error",
  cwe: ["CWE-732", "CWE-276"],
  owasp: "A01",
  what: "A file or folder is made so that every account of the machine may write to it.",
  why: "Any other process replaces what is in it.",
  fix: "0o600 for files, 0o700 for folders.",
  bad: 'import fs from "node:fs";\nexport const open_ = (file) => fs.chmodSync(file, 0o777);',
  good: 'import fs from "node:fs";\nexport const open_ = (file) => fs.chmodSync(file, 0o600);',
  calls: ({ api, args, node }, report) => {
    if (api === "process.umask" && (args[0]?.literal === 0 || /^0+$/u.test(textOf(args[0]) ?? "")))
      report(node, "every mode as it is asked for");
    if (!/^fs(?:\/promises|\.promises)?\.\w+$/u.test(api)) return;
    const isMode = /chmod|mkdir/u.test(api) ? args[1] : undefined;
    for (const value of [isMode, ...args.map(({ fields }) => fields?.get("mode"))]) {
      const mode =
        typeof value?.literal === "number"
          ? value.literal
          : /^0?[0-7]{3}$/u.test(String(value?.literal ?? ""))
            ? Number.parseInt(String(value?.literal), 8)
            : 0;
      if ((mode & 0o002) !== 0) report(node, `0o${mode.toString(8)}`);
    }
  },
};

/** A temporary file under a name that others can guess. */
export const TEMPORARY_FILE: ScanRule = {
  id: "scan/temporary-file",
  severity: "warning",
  cwe: ["CWE-377", "CWE-379"],
  owasp: "A01",
  what: "A file is written into the shared folder for temporary files under a name that can be guessed.",
  why: "Another account puts a link there first, and the server writes through it.",
  fix: "fs.mkdtemp(), and the file inside of that folder.",
  bad: 'import fs from "node:fs";\nexport const keep = (data) => fs.writeFileSync(`/tmp/report-${Date.now()}.json`, data);',
  good: 'import fs from "node:fs";\nexport const keep = (data) => fs.writeFileSync(`${fs.mkdtempSync("/tmp/report-")}/data.json`, data);',
  calls: ({ api, args, node, name, run }, report) => {
    if (
      !/^fs(?:\/promises|\.promises)?\.(?:writeFile|writeFileSync|createWriteStream|appendFile|appendFileSync|openSync|open)$/u.test(
        api,
      ) ||
      // The name cannot be guessed, or the file must be new.
      /randomUUID|randomBytes|mkdtemp|nanoid|uuid|tmp-promise|["']wx/u.test(run.module.file.text)
    )
      return;
    const start = args[0]?.parts?.[0] ?? (typeof args[0]?.literal === "string" ? args[0].literal : undefined);
    if (typeof start === "string" && /^\/(?:var\/)?tmp\//u.test(start)) report(node, name);
  },
};
