import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import { option, untrusted, type ScanRule } from "../rule.ts";

const MODULES = /^(?:fs|fs\/promises|fs\.promises|fs-extra|graceful-fs|fsp|fsPromises|node:fs|Deno|memfs)\.(\w+)$/u;
/** Where both of the first two arguments are paths. */
const TWO = /^(?:copy|copyFile|rename|move|link|symlink|cp)(?:Sync)?$/u;
const METHODS =
  /^(?:readFile|writeFile|appendFile|createReadStream|createWriteStream|unlink|rm|rmdir|mkdir|readdir|open|openAsBlob|opendir|copy|copyFile|cp|rename|link|symlink|readlink|truncate|chmod|chown|stat|lstat|access|exists|outputFile|outputJson|readJson|writeJson|readJSON|writeJSON|remove|move|ensureFile|ensureDir|emptyDir|pathExists|watch|readTextFile|writeTextFile|utimes)(?:Sync)?$/u;
/** Packages that open whatever file they are named. */
const READERS =
  /^(?:jimp(?:\.\w+)?\.read|xlsx\.(?:readFile|writeFile)|jsonfile\.(?:readFile|writeFile)(?:Sync)?|csvtojson\(\)\.fromFile|load-json-file(?:\.\w+)?|write-json-file(?:\.\w+)?|write-file-atomic(?:\.\w+)?|rimraf(?:\.\w+)?|mkdirp(?:\.\w+)?|del(?:\.\w+)?|make-dir|exceljs\b.*\.readFile|python-shell\.PythonShell\.run)$/u;
const SERVED = new Set(["sendFile", "sendfile", "download"]);

/** A path that a client can lead out of its folder. */
export const PATH_TRAVERSAL: ScanRule = {
  id: "scan/path-traversal",
  severity: "error",
  cwe: ["CWE-22", "CWE-23", "CWE-73"],
  owasp: "A01",
  what: "Text from outside becomes a part of a path on the disk.",
  why: '"../" and absolute paths lead out of the folder that was meant: to keys, to the configuration, to other people\'s files.',
  fix: "Resolve the path and refuse it unless it starts with the folder and a separator, or take path.basename(); better, store a name of your own.",
  bad: 'import fs from "node:fs";\napp.get("/file", (req, res) => fs.createReadStream("./files/" + req.query.name).pipe(res));',
  good: 'import fs from "node:fs";\nimport path from "node:path";\napp.get("/file", (req, res) => fs.createReadStream("./files/" + path.basename(String(req.query.name))).pipe(res));',
  values: (node, value, run, report) => {
    if (node.type !== "ImportExpression" || typeof value.parts?.[0] !== "string") return;
    const taint = untrusted(run, value, KIND.path, ["remote"]);
    if (taint !== undefined) report(node, `${taint.label} in import()`, taint);
  },
  calls: (call, report) => {
    if (/^tar\.(?:x|extract)$/u.test(call.api) && option(call.args[0], "preservePaths")?.literal === true)
      report(call.node, "preservePaths");
    for (const value of pathsOf(call)) {
      const taint = untrusted(call.run, value, KIND.path, ["remote", "archive"]);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
};

function nameOf(parameter: { readonly type: string; readonly name?: unknown } | undefined): unknown {
  return parameter?.type === "Identifier" ? parameter.name : undefined;
}

function pathsOf({ api, name, args, receiver, run }: Call): readonly Value[] {
  const [first, second] = args;
  if (first === undefined) return [];
  if (api === "require") return typeof first.parts?.[0] === "string" ? [first] : [];
  const owner = MODULES.exec(api);
  if (owner !== null && METHODS.test(name)) return TWO.test(name) ? args.slice(0, 2) : [first];
  if (
    READERS.test(api) ||
    (receiver?.api?.startsWith("archiver()") === true && /^(?:file|directory|glob)$/u.test(name))
  )
    return [first];
  if (api === "sharp") return first.parts === undefined ? [] : [first];
  if (api === "Bun.file" || api === "Bun.write" || api === "multer.diskStorage") return [first];
  if (receiver?.role === "response" || receiver?.role === "context") {
    // Express holds a path below the root that is given to it.
    if (SERVED.has(name))
      // So does Fastify, below the root of its plugin.
      return receiver.name !== "reply" &&
        option(second, "root") === undefined &&
        option(args.at(-1), "root") === undefined
        ? [first]
        : [];
    if (name === "render" && (first.parts === undefined || first.parts.includes(null))) return [first];
  }
  // What multer is told in the callback of its storage.
  const [request, file] = run.frame.closure?.node.params ?? [];
  if (receiver === undefined && first.literal === null && nameOf(request) === "req" && nameOf(file) === "file")
    return args.slice(1, 2);
  if (name === "extractEntryTo" || name === "mv") return args.slice(0, 2);
  if (receiver?.name === "file" && name === "mv") return [first];
  if (api !== "koa-send") return [];
  const root = option(args[2], "root");
  return root === undefined || textOf(root) === "/" ? args.slice(1, 2) : [];
}
