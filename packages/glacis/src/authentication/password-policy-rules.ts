/** What `check` says about a password policy. */
import type { ControlMeta } from "../core/control.ts";
import type { Rule } from "../core/finding.ts";

const COMMON = {
  layer: "authentication",
  guide: ["A07: AUTH_PASSWORD_VALIDATORS", "checklist: Strong password requirements"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
} as const;

export const PASSWORD_LENGTH: ControlMeta = {
  id: "password-length",
  title: "Password length floor by use, generous ceiling, code-point counting",
  asvs: ["v5.0.0-6.2.1", "v5.0.0-6.2.9"],
  cwe: ["CWE-521"],
  ...COMMON,
};

export const PASSWORD_NO_COMPOSITION: ControlMeta = {
  id: "password-no-composition",
  title: "No composition rules, no expiry, no truncation",
  asvs: ["v5.0.0-6.2.5", "v5.0.0-6.2.8", "v5.0.0-6.2.10"],
  cwe: ["CWE-521", "CWE-263"],
  ...COMMON,
};

export const PASSWORD_BLOCKLIST: ControlMeta = {
  id: "password-blocklist",
  title: "Common, breached and context-specific passwords refused",
  asvs: ["v5.0.0-6.1.2", "v5.0.0-6.2.4", "v5.0.0-6.2.11", "v5.0.0-6.2.12"],
  cwe: ["CWE-521", "CWE-1391"],
  ...COMMON,
};

export const BELOW_FLOOR: Rule = {
  id: "password-length/below-floor",
  severity: "error",
  what: "A password that opens a session alone may have fewer than 15 characters.",
  why: "NIST SP 800-63B-4 section 3.1.1.2 asks for 15: a stolen hash of a shorter one can be found.",
  fix: "Leave minLength out. minLengthWithSecondFactor holds for accounts with a second factor.",
};

export const COMPOSITION_RULE: Rule = {
  id: "password-no-composition/composition-rule",
  severity: "warning",
  what: "A rule asks for kinds of characters, or refuses some.",
  why: "NIST SP 800-63B-4 section 3.1.1.2 forbids it: people answer with the same endings, and good passwords are refused.",
  fix: "Drop the rule; with djangoValidators, pass numericPassword: false.",
};

export const NO_BREACH_SOURCE: Rule = {
  id: "password-blocklist/no-breach-source",
  severity: "warning",
  what: "Passwords are not compared with those that breaches made public.",
  why: "Attackers sign in with leaked pairs of address and password first (ASVS 6.2.12).",
  fix: "Pass breached: breachedPasswordRange({ fetch: layers.outbound.fetch }) and allow api.pwnedpasswords.com.",
};
