/** The client gets a reference, the log the story, and a process that does not know where it stands ends (catalog error-handling; guide A05, A09). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";

const META: ControlMeta = {
  id: "error-handling",
  title: "Generic errors to clients, full detail inside, last-resort handlers",
  layer: "audit",
  guide: ["A05", "Fail securely", "checklist: error tracking configured"],
  owasp2021: ["A05", "A09", "A04"],
  owasp2025: ["A10", "A02", "A09"],
  asvs: ["v5.0.0-16.3.4", "v5.0.0-16.5.1", "v5.0.0-16.5.4"],
  cwe: ["CWE-209", "CWE-550", "CWE-248", "CWE-755", "CWE-431"],
};

export const DETAILS_SHOWN: Rule = {
  id: "error-handling/details-shown",
  severity: "error",
  what: "An error that a client sees has a stack, a path of the server, or the words of a database.",
  why: "It tells an attacker what runs here and how far an injection has come.",
  fix: "Let errors reach the guard, which answers with a reference; do not send err, err.message or err.stack.",
};
export const REJECTIONS_IGNORED: Rule = {
  id: "error-handling/rejections-ignored",
  severity: "error",
  what: "Node goes on after a promise that nobody waited for has failed.",
  why: "Work that stopped half-way stays half-done, and no one hears of it.",
  fix: "Remove --unhandled-rejections from the start command and from NODE_OPTIONS; the default ends the process.",
};
export const REPORT_HOLDS_SECRETS: Rule = {
  id: "error-handling/report-holds-secrets",
  severity: "error",
  what: "Node writes a diagnostic report when it fails, with every environment variable in it.",
  why: "Keys and passwords of the environment then lie in a file in the working directory.",
  fix: "Add --report-exclude-env, or remove the --report flag.",
};

/** Of Node, of the databases and of runtimes behind a proxy; a page that explains how to read one is no error. */
const DETAILS: readonly RegExp[] = [
  /^\s*at (?:async )?[\w.<>[\] ]{1,100} ?\(?(?:file:\/\/|node:|\/|[A-Z]:\\)[^\s)]{1,300}:\d{1,7}:\d{1,7}\)?/mu,
  /Traceback \(most recent call last\):/u,
  /\b(?:ECONNREFUSED|ENOENT|EACCES|ETIMEDOUT)\b[^\n]{0,80}(?:\/|\d{1,3}\.\d{1,3}\.)/u,
  /\b(?:syntax error at or near|duplicate key value violates|violates (?:foreign key|unique|check) constraint|relation "[^"\n]{1,63}" does not exist)/u,
  /\/(?:node_modules|srv|app|home|usr|var)\/[\w./@-]{1,200}\.(?:js|mjs|cjs|ts)\b/u,
];
const WRITES_REPORT = new Set(["--report-uncaught-exception", "--report-on-fatalerror", "--report-on-signal"]);

/**
 * Judges what Node does with errors that nobody caught, and what errors show on the wire.
 *
 * @example
 * const layers = withControls(saas(options), errorHandling());
 */
export function errorHandling(): Control {
  return {
    meta: META,
    rules: [DETAILS_SHOWN, REJECTIONS_IGNORED, REPORT_HOLDS_SECRETS],
    check: (deployment) => [...judgeRejections(deployment), ...judgeReports(deployment)],
    observe,
  };
}

function judgeRejections({ nodeOptions }: Deployment): readonly Finding[] {
  const ignores = nodeOptions.some((flag) => /^--unhandled[-_]rejections=(?:none|warn)$/u.test(flag));
  return ignores ? [finding(REJECTIONS_IGNORED, { kind: "environment", name: "--unhandled-rejections" })] : [];
}

function judgeReports({ nodeOptions }: Deployment): readonly Finding[] {
  const flags = nodeOptions.map((flag) => flag.replaceAll("_", "-"));
  const writes = flags.find((flag) => WRITES_REPORT.has(flag));
  if (writes === undefined || flags.includes("--report-exclude-env")) return [];
  return [finding(REPORT_HOLDS_SECRETS, { kind: "environment", name: writes })];
}

function observe({ url, status, body = "" }: Observation): readonly Finding[] {
  const shows = status >= 400 && DETAILS.some((pattern) => pattern.test(body));
  return shows ? [finding(DETAILS_SHOWN, { kind: "response", url, header: undefined }, String(status))] : [];
}
