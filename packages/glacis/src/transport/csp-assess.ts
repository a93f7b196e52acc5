/** The one judgement of a Content-Security-Policy, for `check` on what would be sent and for `observe` on what was. */
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { observed, type Observation } from "../core/response.ts";
import { OBSOLETE_DIRECTIVES, SCRIPT_DIRECTIVES } from "./csp-directives.ts";
import { CSP_SEVERITY, gradeCsp } from "./csp-grade.ts";
import { parsePolicy, splitPolicies, type ParsedPolicy } from "./csp-policy.ts";
import {
  CSP_BASE_URI,
  CSP_BROAD_SOURCE,
  CSP_BYPASSABLE,
  CSP_DANGEROUS_SOURCE,
  CSP_DATA_POLICY,
  CSP_FORM_ACTION,
  CSP_INLINE_STYLE,
  CSP_MALFORMED,
  CSP_MISSING,
  CSP_NONCE_REPEATED,
  CSP_NONCE_SHORT,
  CSP_OBJECT_SRC,
  CSP_OBSOLETE_DIRECTIVE,
  CSP_REPORTING_NO_DESTINATION,
  CSP_WEAK,
  TRUSTED_TYPES_NOT_REQUIRED,
} from "./csp-rules.ts";

const BROAD = /^(?:[a-z][a-z0-9+.-]*:(?:\/\/)?)?\*(?::.*)?$|^[a-z][a-z0-9+.-]*:(?:\/\/)?$/iu;
const NARROW_SCHEMES = new Set(["data:", "blob:"]);
const NONCE_CHARACTERS = 22;

/** Whether a source in a script directive lets an injection run. */
export function isDangerousSource(directive: string, source: string): boolean {
  const lower = source.toLowerCase();
  if (lower === "'unsafe-inline'" || lower === "'unsafe-eval'") return true;
  // A worker made of a blob runs only what the page, under its own policy, put into it.
  return BROAD.test(lower) && !(directive === "worker-src" && lower === "blob:");
}

/** Judges the policies of a page. A page that may load nothing at all has no script to protect. */
export function assessDocumentPolicy(headerValues: readonly string[], at: Location): readonly Finding[] {
  const policies = splitPolicies(headerValues).map(parsePolicy);
  if (policies.length === 0) return [finding(CSP_MISSING, at)];
  if (policies.some(isInert)) return [];
  return [...evaluated(headerValues, at), ...ownRules(policies, at)];
}

/** Judges the policies of a response that is data: nothing in it may load or run. */
export function assessDataPolicy(headerValues: readonly string[], at: Location): readonly Finding[] {
  const policies = splitPolicies(headerValues).map(parsePolicy);
  return policies.some(allowsNothing) ? [] : [finding(CSP_DATA_POLICY, at, `${policies.length} policies`)];
}

function evaluated(headerValues: readonly string[], at: Location): readonly Finding[] {
  return gradeCsp(headerValues).weaknesses.flatMap(({ severity, directive, description }) => {
    const rule = ruleOfSeverity(severity);
    return rule === undefined ? [] : [finding(rule, at, `${directive}: ${description}`)];
  });
}

function ruleOfSeverity(severity: number): Rule | undefined {
  switch (severity) {
    case CSP_SEVERITY.high:
      return CSP_BYPASSABLE;
    case CSP_SEVERITY.syntax:
      return CSP_MALFORMED;
    case CSP_SEVERITY.medium:
    case CSP_SEVERITY.highMaybe:
    case CSP_SEVERITY.mediumMaybe:
      return CSP_WEAK;
    default:
      return undefined;
  }
}

/** What the evaluator does not ask. Every policy applies, so a rule is broken only when each of them breaks it. */
function ownRules(policies: readonly ParsedPolicy[], at: Location): readonly Finding[] {
  const judged: readonly (readonly [Rule, (policy: ParsedPolicy) => string | undefined])[] = [
    [CSP_DANGEROUS_SOURCE, dangerousSource],
    [CSP_INLINE_STYLE, inlineStyle],
    [CSP_BROAD_SOURCE, broadSource],
    [CSP_BASE_URI, (policy) => exactly(policy, "base-uri", "'none'")],
    [CSP_OBJECT_SRC, (policy) => exactly(policy, policy.has("object-src") ? "object-src" : "default-src", "'none'")],
    [CSP_FORM_ACTION, (policy) => (policy.has("form-action") ? undefined : "absent")],
    [CSP_NONCE_SHORT, shortNonce],
    [CSP_OBSOLETE_DIRECTIVE, (policy) => [...policy.keys()].find((name) => OBSOLETE_DIRECTIVES.has(name))],
    [TRUSTED_TYPES_NOT_REQUIRED, (policy) => exactly(policy, "require-trusted-types-for", "'script'")],
    [CSP_REPORTING_NO_DESTINATION, (policy) => (policy.has("report-to") || policy.has("report-uri") ? undefined : "")],
  ];
  return judged.flatMap(([rule, weakness]) => {
    const details = policies.map(weakness);
    if (details.includes(undefined)) return [];
    return [finding(rule, at, details[0] === "" ? undefined : details[0])];
  });
}

function dangerousSource(policy: ParsedPolicy): string | undefined {
  for (const [name, sources] of policy) {
    if (!SCRIPT_DIRECTIVES.has(name) || (name === "default-src" && policy.has("script-src"))) continue;
    const found = sources.find((source) => isDangerousSource(name, source));
    if (found !== undefined) return `${name} ${found}`;
  }
  return policy.has("script-src") || policy.has("default-src") ? undefined : "script-src absent";
}

function inlineStyle(policy: ParsedPolicy): string | undefined {
  for (const name of ["style-src", "style-src-elem", "style-src-attr"]) {
    if (policy.get(name)?.some((source) => source.toLowerCase() === "'unsafe-inline'") === true) return name;
  }
  return policy.has("style-src") || policy.has("default-src") ? undefined : "style-src absent";
}

function broadSource(policy: ParsedPolicy): string | undefined {
  for (const [name, sources] of policy) {
    // Any server is reached whose certificate the page vouches for, whatever the list says.
    const hashes = sources.find((source) => source.toLowerCase() === "'unsafe-webtransport-hashes'");
    if (hashes !== undefined && name === (policy.has("connect-src") ? "connect-src" : "default-src"))
      return `${name} ${hashes}`;
    if (SCRIPT_DIRECTIVES.has(name) || !(name.endsWith("-src") || name === "form-action" || name === "frame-ancestors"))
      continue;
    const found = sources.find((source) => BROAD.test(source) && !NARROW_SCHEMES.has(source.toLowerCase()));
    if (found !== undefined) return `${name} ${found}`;
  }
  // What has no directive of its own, such as a frame, comes from anywhere then.
  return policy.has("default-src") ? undefined : "default-src absent";
}

function shortNonce(policy: ParsedPolicy): string | undefined {
  for (const [name, sources] of policy) {
    for (const source of sources) {
      const nonce = /^'nonce-([^']*)'$/iu.exec(source)?.[1];
      if (nonce !== undefined && nonce.replace(/=+$/u, "").length < NONCE_CHARACTERS) return name;
    }
  }
  return undefined;
}

function exactly(policy: ParsedPolicy, name: string, value: string): string | undefined {
  const values = policy.get(name);
  if (values === undefined) return "absent";
  return values.length === 1 && values[0]?.toLowerCase() === value ? undefined : values.join(" ").slice(0, 120);
}

/** Nothing may load: default-src 'none' and no directive that takes it back. */
function allowsNothing(policy: ParsedPolicy): boolean {
  if (exactly(policy, "default-src", "'none'") !== undefined) return false;
  return [...policy].every(
    ([name, values]) => !name.includes("-src") || (values.length === 1 && values[0]?.toLowerCase() === "'none'"),
  );
}

/** Nothing may load and no form may be sent. */
function isInert(policy: ParsedPolicy): boolean {
  const sandbox = policy.get("sandbox");
  const forms = sandbox !== undefined && !sandbox.some((flag) => /^allow-(?:forms|scripts|same-origin)$/iu.test(flag));
  return allowsNothing(policy) && (forms || exactly(policy, "form-action", "'none'") === undefined);
}

/**
 * Judges what no answer shows by itself: whether another one has its nonce.
 *
 * @param answers each to a request of its own
 */
export function repeatedNonces(answers: readonly Observation[]): readonly Finding[] {
  const seen = new Set<string>();
  return answers.flatMap((answer) => {
    const name = "content-security-policy";
    const nonces = new Set(observed(answer, name).flatMap((value) => value.match(/'nonce-[^']+'/gu) ?? []));
    const repeated = [...nonces].some((nonce) => seen.has(nonce));
    for (const nonce of nonces) seen.add(nonce);
    return repeated ? [finding(CSP_NONCE_REPEATED, { kind: "response", url: answer.url, header: name })] : [];
  });
}
