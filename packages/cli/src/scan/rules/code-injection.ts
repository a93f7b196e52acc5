import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import type { Value } from "../engine/value.ts";
import { isTrue, option, untrusted, type ScanRule } from "../rule.ts";
import { textOf } from "../engine/value.ts";

const EVALUATORS =
  /^(?:(?:window|globalThis|global|self)\.)?(?:eval|Function|execScript)$|^(?:AsyncFunction|GeneratorFunction)$|^vm\.(?:runInThisContext|runInNewContext|runInContext|Script|compileFunction|SourceTextModule)$|^vm2\.(?:VM|NodeVM)\(\)\.run$|^(?:redis|ioredis|@redis\/client)\b.*\.eval$|^python-shell\.PythonShell\.runString$|^isolated-vm\..*\.(?:compileScript|eval)$|^(?:static-eval|safe-eval|notevil|eval|require-from-string|node-eval|expression-eval\.eval|jsep)$|^module\._compile$/u;
const GLOBALS = /^(?:global|globalThis|window|self|process|child_process|fs|vm|module)$/u;
const TIMERS = /^(?:(?:window|globalThis|self)\.)?(?:setTimeout|setInterval|setImmediate)$/u;

/** What another machine answers is not this program's either. */
const SOURCES = ["remote", "browser", "argument", "parameter", "network", "stored", "encoded"] as const;

/** Text that becomes a program. */
export const CODE_INJECTION: ScanRule = {
  id: "scan/code-injection",
  severity: "error",
  cwe: ["CWE-94", "CWE-95"],
  owasp: "A03",
  what: "Text from outside is run as a program.",
  why: "Whoever writes the text runs what they like in your process; node:vm is no sandbox.",
  fix: "Parse data with JSON.parse, look functions up in a table of your own, and start Node with --disallow-code-generation-from-strings.",
  bad: 'app.post("/calc", (req, res) => res.json({ result: eval(req.body.expression) }));',
  good: 'app.post("/calc", (req, res) => res.json({ result: JSON.parse(req.body.expression) }));',
  calls: (call, report) => {
    const named = call.callee.reachedBy;
    if (named !== undefined && GLOBALS.test(call.receiver?.api ?? "")) {
      const taint = untrusted(call.run, { taints: named }, KIND.code);
      if (taint !== undefined) report(call.node, `${taint.label} names a function`, taint);
    }
    for (const value of programsOf(call)) {
      const taint = untrusted(call.run, value, KIND.code, SOURCES);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
  assigns: ({ node, object, key, value, run }, report) => {
    const isScript = object.api === "document.createElement()" && object.madeOf === "script";
    if (!isScript || !/^(?:text|textContent|innerText|innerHTML)$/u.test(String(key.literal))) return;
    const taint = untrusted(run, value, KIND.code, SOURCES);
    if (taint !== undefined) report(node, `${taint.label} in a script`, taint);
  },
  values: (node, value, run, report) => {
    if (node.type !== "ImportExpression") return;
    if (typeof value.parts?.[0] === "string" && !value.parts[0].startsWith("data:")) return;
    const taint = untrusted(run, value, KIND.code);
    if (taint !== undefined) report(node, `${taint.label} in import()`, taint);
  },
};

const PAGE = /^(?:evaluate|evaluateHandle|evaluateOnNewDocument|addInitScript|\$eval|\$\$eval|waitForFunction)$/u;
const RUNTIMES = /^(?:.*\/)?(?:node|deno|bun|python[\d.]*|perl|ruby|php)$/u;

/** `execFile("node", ["-e", text])`: the argument after the option is the program. */
function inlineProgram({ api, args }: Call): readonly Value[] {
  if (!/^child_process\.(?:spawn|execFile)(?:Sync)?$|^cross-spawn|^execa/u.test(api)) return [];
  const list = args[1];
  if (!RUNTIMES.test(textOf(args[0]) ?? "") || list?.type !== "array") return [];
  const words = [...(list.fields?.values() ?? [])];
  const at = words.findIndex((word) => /^(?:-[ecpr]|--eval|--print|eval)$/u.test(textOf(word) ?? ""));
  return at === -1 ? [] : words.slice(at + 1, at + 2);
}

function programsOf(call: Call): readonly Value[] {
  const { api, args, name, receiver, isNew } = call;
  const [first] = args;
  if (first === undefined) return [];
  if (api === "worker_threads.Worker") return isTrue(option(args[1], "eval")) ? [first] : [];
  if (PAGE.test(name) && /page|tab|frame|puppeteer|playwright/iu.test(receiver?.name ?? receiver?.api ?? ""))
    return first.closure === undefined ? [first] : [];
  if (/^(?:executeJavaScript|executeJavaScriptInIsolatedWorld|injectJavaScript)$/u.test(name))
    return [first, ...(args[1]?.fields?.values() ?? [])];
  if (/^(?:chrome|browser)\.tabs\.executeScript$/u.test(api))
    return args.flatMap((value) => value.fields?.get("code") ?? []);
  if (isNew && api === "Blob" && /(?:java|ecma)script/iu.test(textOf(option(args[1], "type")) ?? ""))
    return [...(first.fields?.values() ?? [])];
  if (/^jsonpath-plus(?:\.JSONPath)?$/u.test(api)) {
    const isData = /^(?:false|safe|native)$/u.test(String(option(first, "eval")?.literal ?? ""));
    const path = option(first, "path");
    return isData || path === undefined ? [] : [path];
  }
  if (/^jsonpath\.(?:query|value|paths|nodes|apply)$/u.test(api)) return args.slice(1, 2);
  const inline = inlineProgram(call);
  if (inline.length > 0) return inline;
  if (/^Reflect\.(?:construct|apply)$/u.test(api)) return EVALUATORS.test(first.api ?? "") ? args.slice(1) : [];
  if (EVALUATORS.test(api)) return api.endsWith("Function") ? args : [first];
  if (TIMERS.test(api))
    return first.type === "string"
      ? [first]
      : first.taints.some(({ source }) => source !== "parameter") && first.closure === undefined
        ? [first]
        : [];
  if (api === "require") {
    const from = first.parts === undefined ? ["remote", "encoded"] : ["encoded"];
    return first.taints.some(({ source }) => from.includes(source)) ? [first] : [];
  }
  return name === "run" && /^vm2?$/u.test(receiver?.name ?? "") ? [first] : [];
}

const ENGINES =
  /^(?:ejs\.(?:render|compile)|pug\.(?:render|compile|compileClient)|jade\.(?:render|compile)|(?:handlebars|Handlebars)\.(?:compile|precompile)|nunjucks\.(?:renderString|compile|Template)|nunjucks\..*\.renderString|lodash\.template|underscore\.template|_\.template|lodash\/template|mustache\.(?:render|parse)|Mustache\.render|dot\.(?:template|compile)|doT\.template|eta\.(?:renderString|render|compile)|hogan\.js\.compile|squirrelly\.render|swig\.(?:render|compile)|twig\.twig|liquidjs\..*\.(?:parseAndRender|parse)|art-template\.(?:render|compile)|velocityjs\.render|marko\.\w+|consolidate\..*\.render)$/u;

/** A template that a client wrote. */
export const TEMPLATE_INJECTION: ScanRule = {
  id: "scan/template-injection",
  severity: "error",
  cwe: ["CWE-1336", "CWE-94"],
  owasp: "A03",
  what: "Text from outside becomes a part of a template, or the options of its engine.",
  why: "Templates are programs: an expression in one reads the environment and starts processes.",
  fix: "Keep templates in files and pass values to them; name the values one by one.",
  bad: 'import ejs from "ejs";\napp.get("/", (req, res) => res.send(ejs.render("<p>" + req.query.name + "</p>")));',
  good: 'import ejs from "ejs";\napp.get("/", (req, res) => res.send(ejs.render("<p><%= name %></p>", { name: req.query.name })));',
  calls: ({ api, args, node, name, receiver, run }, report) => {
    const isView = name === "render" && (receiver?.role === "response" || receiver?.role === "context");
    const isEjs = /^ejs\.render(?:File)?$/u.test(api) && args[1]?.fields === undefined;
    const settings = isEjs ? untrusted(run, args[1], KIND.template | KIND.fields, ["remote"], 0) : undefined;
    if (settings !== undefined) report(node, `${settings.label} with the options of ejs`, settings);
    const value = ENGINES.test(api) ? args[0] : isView && args[1]?.fields === undefined ? args[1] : undefined;
    const taint = untrusted(run, value, isView ? KIND.template | KIND.fields : KIND.template, ["remote"], 0);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};
