/** No secret and nobody's data in a log, tried in the process that will write it (catalog log-redaction; guide A07, checklist: no secrets in logs). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { errorReportHooks } from "./error-report.ts";
import { redactFields } from "./redact-fields.ts";
import { redactText } from "./redact.ts";

const META: ControlMeta = {
  id: "log-redaction",
  title: "Secrets and personal data kept out of logs, traces and error reports",
  layer: "audit",
  guide: ["A07", "A09", "checklist: logs hold no secrets", "checklist: error tracking configured"],
  owasp2021: ["A09", "A02"],
  owasp2025: ["A09", "A04"],
  asvs: ["v5.0.0-16.2.5"],
  cwe: ["CWE-532", "CWE-312", "CWE-359", "CWE-209"],
};

export const REDACTION_LEAKS: Rule = {
  id: "log-redaction/leaks",
  severity: "error",
  what: "A secret that is planted for a test comes out of the redaction.",
  why: "Something in this process has changed texts, patterns or objects, and logs show what they should hide.",
  fix: "Remove what replaces methods of String, RegExp, Array or Object, or upgrade it.",
};

const CANARY = "canary7Qx4hunter2";
const PLANTED: readonly string[] = [
  `password=${CANARY}`,
  `{"client_secret":"${CANARY}"}`,
  `Authorization: Bearer ${CANARY}`,
  `https://user:${CANARY}@db.example.com/x`,
  `GET /reset?token=${CANARY}`,
  `Cookie: __Host-session=${CANARY}`,
  `${CANARY}@example.com is unknown`,
];

/**
 * Plants secrets in each place that is redacted and looks for them in what comes out.
 *
 * @example
 * const layers = withControls(saas(options), logRedaction());
 */
export function logRedaction(): Control {
  return {
    meta: META,
    rules: [REDACTION_LEAKS],
    check: () => {
      const leaking = Object.entries(WAYS).filter(([, way]) => PLANTED.some((text) => leaks(way, text)));
      return leaking.map(([name]) => finding(REDACTION_LEAKS, { kind: "setting", name: "audit" }, name));
    },
  };
}

const hooks = errorReportHooks();
const WAYS: Readonly<Record<string, (text: string) => unknown>> = {
  redactText,
  redactFields: (text) => redactFields({ password: CANARY, error: new Error(text), list: [text] }),
  errorReportHooks: (text) =>
    hooks.beforeSend({ message: text, request: { url: `/x?q=${CANARY}`, data: text }, extra: { text } }),
};

function leaks(way: (text: string) => unknown, text: string): boolean {
  try {
    return JSON.stringify(way(text)).includes(CANARY);
  } catch {
    return true;
  }
}
