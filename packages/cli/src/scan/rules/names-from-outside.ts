/** What is called or written under a name that a client chose. */
import { KIND } from "../engine/kinds.ts";
import { untrusted, untrustedItself, type ScanRule } from "../rule.ts";

/** A function that a client names. */
export const METHOD_BY_NAME: ScanRule = {
  id: "scan/method-by-name",
  severity: "warning",
  cwe: ["CWE-754", "CWE-470"],
  owasp: "A03",
  what: "A method is called whose name comes from outside.",
  why: "An object has more methods than those that were meant: constructor, toString, __defineGetter__; and a name that it has not ends the request with an error.",
  fix: "Keep the functions in a Map, or ask Object.hasOwn(functions, name) first.",
  bad: 'const actions = { start() {}, stop() {} };\napp.post("/do/:name", (req, res) => { actions[req.params.name](); res.end(); });',
  good: 'const actions = { start() {}, stop() {} };\napp.post("/do/:name", (req, res) => { if (!Object.hasOwn(actions, req.params.name)) return res.sendStatus(404); actions[req.params.name](); res.end(); });',
  calls: ({ callee, receiver, run, node }, report) => {
    if (callee.reachedBy === undefined) return;
    if (node.type !== "CallExpression" && node.type !== "NewExpression") return;
    const { callee: target } = node;
    const isTaken = target.type === "Identifier" && !isAskedFirst(target.name, run.module.file.text);
    if (!isTaken && (receiver === undefined || target.type !== "MemberExpression" || !target.computed)) return;
    const taint = untrusted(run, { taints: callee.reachedBy }, KIND.code);
    if (taint !== undefined) report(node, `${taint.label} names what is called`, taint);
  },
};

/** `typeof action === "function"`, `if (!action)` */
function isAskedFirst(name: string, text: string): boolean {
  const asked = name.replaceAll("$", "\\$");
  return new RegExp(
    `(?:typeof\\s+|if\\s*\\(\\s*!?\\s*)${asked}(?![\\w$.(])|(?<![\\w$.])${asked}\\s*(?:&&|\\?)`,
    "u",
  ).test(text);
}

/** A property that a client names. */
export const PROPERTY_INJECTION: ScanRule = {
  id: "scan/property-injection",
  severity: "warning",
  cwe: ["CWE-250", "CWE-915"],
  owasp: "A08",
  what: "A property is written whose name comes from outside.",
  why: "The name may be one that the object needs: __proto__, toString, a setting of another line.",
  fix: "Keep such data in a Map, or take names from a list of your own.",
  bad: 'const settings = {};\napp.post("/set", (req, res) => { settings[req.body.name] = true; res.end(); });',
  good: 'const settings = new Map();\napp.post("/set", (req, res) => { settings.set(req.body.name, true); res.end(); });',
  assigns: ({ node, object, key, run }, report) => {
    if (object.reachedBy !== undefined || object.type === "array" || node.type !== "MemberExpression") return;
    if (object.role !== undefined || typeof key.parts?.[0] === "string" || object.api === "process.env") return;
    // An object that is made here, empty or with a line for each setting.
    const owner = node.object.type === "Identifier" ? node.object.name.replaceAll("$", "\\$") : undefined;
    if (
      owner === undefined ||
      !new RegExp(`\\b(?:const|let|var)\\s+${owner}(?::[^=;]+)?\\s*=\\s*\\{`, "u").test(run.module.file.text)
    )
      return;
    const taint = untrustedItself(run, key, KIND.key);
    // The names of an object that was sent are a matter of prototype pollution.
    if (taint !== undefined && !/\.\*$|\(name\)$/u.test(taint.label)) report(node, `${taint.label} as a name`, taint);
  },
};

/** An environment that a client writes. */
export const ENVIRONMENT_INJECTION: ScanRule = {
  id: "scan/environment-injection",
  severity: "error",
  cwe: ["CWE-454", "CWE-78"],
  owasp: "A03",
  what: "Text from outside becomes a variable of the environment.",
  why: "NODE_OPTIONS, PATH and LD_PRELOAD say what the next process runs.",
  fix: "Set names of your own to values of a list, for the one process that needs them.",
  bad: 'app.post("/env", (req, res) => { process.env[req.body.name] = req.body.value; res.end(); });',
  good: 'app.post("/env", (req, res) => { process.env.LANG = req.body.value === "de" ? "de" : "en"; res.end(); });',
  assigns: ({ node, object, key, value, run }, report) => {
    if (object.api !== "process.env") return;
    const taint = untrustedItself(run, key, KIND.key) ?? untrustedItself(run, value, KIND.code);
    if (taint !== undefined) report(node, `${taint.label} in the environment`, taint);
  },
  calls: ({ api, name, args, run, node }, report) => {
    if (!/^child_process\.|^execa|^cross-spawn/u.test(api)) return;
    for (const value of args) {
      const environment = value.fields?.get("env");
      const taint = environment === undefined ? undefined : untrustedItself(run, environment, KIND.fields);
      if (taint !== undefined) report(node, `${taint.label} in the environment of ${name}()`, taint);
    }
  },
};
