/** What helps a developer is off in production: modes, debug output, the inspector (catalog `debug-off`; guide A05). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { flagNames } from "../primitives/deployment.ts";

const META: ControlMeta = {
  id: "debug-off",
  title: "Debug features off in production",
  layer: "audit",
  guide: ["A05", "checklist: DEBUG = False in production"],
  owasp2021: ["A05"],
  owasp2025: ["A02"],
  asvs: ["v5.0.0-13.4.2"],
  cwe: ["CWE-489", "CWE-215"],
};

export const DEVELOPMENT_MODE: Rule = {
  id: "debug-off/development-mode",
  severity: "warning",
  what: "The environment declares itself not to be production.",
  why: "Outside production refusals explain themselves and errors show what was thrown.",
  fix: "Run with NODE_ENV=production, and without GLACIS_ENV, where customers can reach it.",
  django: ["security.W018"],
};
export const NODE_ENV_UNSET: Rule = {
  id: "debug-off/node-env-unset",
  severity: "warning",
  what: "NODE_ENV is not production, though nothing says development either.",
  why: "Glacis assumes production, but frameworks and template engines around it assume development and show stack traces.",
  fix: "Set NODE_ENV=production.",
  django: ["security.W018"],
};
export const INSPECTOR_OPEN: Rule = {
  id: "debug-off/inspector-open",
  severity: "error",
  what: "Node starts with its inspector.",
  why: "Whoever reaches the inspector's port runs code in the process and reads its memory.",
  fix: "Remove --inspect from the start command and from NODE_OPTIONS.",
  django: ["security.W018"],
};
export const DEBUG_OUTPUT: Rule = {
  id: "debug-off/debug-output",
  severity: "warning",
  what: "A variable turns on debug output of Node or of a library.",
  why: "Debug output of http, tls and drivers prints headers, cookies, tokens and queries past every redaction.",
  fix: "Unset the variable.",
  django: ["security.W018"],
};
export const STACK_SHOWN: Rule = {
  id: "debug-off/stack-shown",
  severity: "error",
  what: "An answer shows where in the code something failed.",
  why: "Paths, packages and line numbers tell which version with which hole to try, and an error's text may quote data.",
  fix: "Find what answered: a route outside the composition, a proxy, or a process that is not in production mode.",
};

/**
 * Judges the switches that open a process to its developers, and in a probe what an error shows; nothing happens per request.
 *
 * @example
 * debugOff();
 */
export function debugOff(): Control {
  return {
    meta: META,
    rules: [DEVELOPMENT_MODE, NODE_ENV_UNSET, INSPECTOR_OPEN, DEBUG_OUTPUT, STACK_SHOWN],
    check: (deployment) => [...judgeMode(deployment), ...judgeInspector(deployment), ...judgeOutput(deployment)],
    observe: ({ url, status, body = "" }) =>
      status >= 400 && STACK_LINE.test(body)
        ? [finding(STACK_SHOWN, { kind: "response", url, header: undefined }, `status ${status}`)]
        : [],
  };
}

/** A frame of V8's, in text, in JSON or in HTML: `at handler (/app/routes.js:12:9)`, `at file:///app/routes.js:12:9`, `at node:internal/...`. */
const STACK_LINE =
  /\bat (?:(?:async )?[\w.<>&;$[\] ]{1,100} \()?(?:node:[\w/]{1,100}|(?:file:\/\/|[A-Z]:\\|\/)[^\s"<>]{1,300}\.[cm]?[jt]sx?):\d{1,7}:\d{1,7}/u;

function judgeMode({ mode, variables }: Deployment): readonly Finding[] {
  if (mode !== "production") {
    const name = variables.has("GLACIS_ENV") ? "GLACIS_ENV" : "NODE_ENV";
    return [finding(DEVELOPMENT_MODE, { kind: "environment", name }, mode)];
  }
  return variables.get("NODE_ENV") === "production"
    ? []
    : [finding(NODE_ENV_UNSET, { kind: "environment", name: "NODE_ENV" })];
}

function judgeInspector({ nodeOptions }: Deployment): readonly Finding[] {
  return flagNames(nodeOptions)
    .filter((flag) => /^--inspect(?:-brk|-wait)?$/u.test(flag))
    .map((name) => finding(INSPECTOR_OPEN, { kind: "environment", name }));
}

function judgeOutput({ variables }: Deployment): readonly Finding[] {
  return ["DEBUG", "NODE_DEBUG", "NODE_DEBUG_NATIVE"]
    .filter((name) => !OFF.has((variables.get(name) ?? "").trim().toLowerCase()))
    .map((name) => finding(DEBUG_OUTPUT, { kind: "environment", name }));
}

/** Values by which people mean no: a variable set to them is not a finding. */
const OFF: ReadonlySet<string> = new Set(["", "0", "false", "no", "off"]);
