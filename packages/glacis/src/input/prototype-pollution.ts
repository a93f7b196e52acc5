/** Prototype pollution: reserved keys never come in, by query or by body (CWE-1321). */
import { unescape } from "node:querystring";
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { namesReservedKey } from "../primitives/reserved-keys.ts";

const META: ControlMeta = {
  id: "prototype-pollution",
  title: "Keys that reach an object's prototype are refused",
  layer: "input",
  guide: ["checklist: All user input validated"],
  owasp2021: ["A03", "A08"],
  owasp2025: ["A05", "A08"],
  asvs: ["v5.0.0-15.3.6"],
  cwe: ["CWE-1321", "CWE-915"],
};

export const PROTO_ACCESSOR: Rule = {
  id: "prototype-pollution/proto-accessor",
  severity: "note",
  what: "The process runs with Object.prototype.__proto__ in place.",
  why: "Requests cannot name it, but other input can: a message queue, a file, a response from another service.",
  fix: "Start node with --disable-proto=delete (on the command line or in NODE_OPTIONS) once your dependencies run without the accessor.",
};

/**
 * Refuses reserved keys (`__proto__`, `constructor`, `prototype`) in the query. Bodies are held to the same rule where they are parsed, by
 * `requestLimits()`, so that a document is walked once.
 *
 * @example
 * prototypePollution();
 */
export function prototypePollution(): Control {
  return {
    meta: META,
    rules: [PROTO_ACCESSOR],
    decide: ({ query }) => (query === "" || !namesReserved(query) ? ALLOW : REFUSED),
    check,
  };
}

function namesReserved(query: string): boolean {
  if (!query.includes("%") && !query.includes("proto") && !query.includes("constructor")) return false;
  return query.split("&").some((pair) => {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    return namesReservedKey(name.includes("%") ? unescape(name) : name);
  });
}

const REFUSED: Decision = deny(
  "key_forbidden",
  {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "input_validation_fail",
    control: META.id,
    reason: "key_forbidden",
    detail: "prototype_pollution",
  },
  { why: "A query parameter is called __proto__, constructor or prototype." },
);

function check({ nodeOptions }: Deployment): readonly Finding[] {
  const deleted = nodeOptions.some((option) => /^--disable-proto=(?:delete|throw)$/u.test(option));
  return deleted ? [] : [finding(PROTO_ACCESSOR, { kind: "setting", name: "NODE_OPTIONS" })];
}
