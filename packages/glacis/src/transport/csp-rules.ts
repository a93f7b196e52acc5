import type { Rule } from "../core/finding.ts";

export const CSP_MISSING: Rule = {
  id: "csp/missing",
  severity: "error",
  what: "No enforced Content-Security-Policy.",
  why: "One unescaped value is then enough to run foreign script with the user's session.",
  fix: "Mount contentSecurityPolicy(); a report-only policy protects nobody.",
};
export const CSP_BYPASSABLE: Rule = {
  id: "csp/bypassable",
  severity: "error",
  what: "The Content-Security-Policy can be got around.",
  why: "A known technique runs foreign script in spite of it: an open source, a host that serves anyone's files, a missing directive.",
  fix: "Use a nonce with 'strict-dynamic', object-src 'none' and base-uri 'none', and no list of hosts.",
};
export const CSP_MALFORMED: Rule = {
  id: "csp/malformed",
  severity: "error",
  what: "The Content-Security-Policy has a mistake in its text.",
  why: "Browsers skip what they cannot read without a word, so the directive that was meant is not there.",
  fix: "Correct the directive or keyword that the detail names.",
};
export const CSP_WEAK: Rule = {
  id: "csp/weak",
  severity: "warning",
  what: "The Content-Security-Policy allows scripts that may be abused.",
  why: "A host that serves JSONP, user uploads or old libraries turns into a way around the policy.",
  fix: "Replace hosts and 'self' in script-src by a nonce with 'strict-dynamic'.",
};
export const CSP_DANGEROUS_SOURCE: Rule = {
  id: "csp/dangerous-source",
  severity: "error",
  what: "Scripts may come from inline text, eval, data: or everywhere.",
  why: "That is what an injection brings, so the policy no longer stops one.",
  fix: "Move inline code to a file or give it the nonce; replace eval. Until then keep a waiver with an end date.",
};
export const CSP_INLINE_STYLE: Rule = {
  id: "csp/inline-style",
  severity: "warning",
  what: "Styles may be inline without a nonce.",
  why: "Injected styles can read attribute values letter by letter and redress the page.",
  fix: "Give style elements the nonce and move style attributes to classes.",
};
export const CSP_BROAD_SOURCE: Rule = {
  id: "csp/broad-source",
  severity: "warning",
  what: "A directive allows every host, or what has no directive may come from every host.",
  why: "An open source is a way out for stolen data: a picture's address can carry it anywhere.",
  fix: "List the exact origins, and set default-src to 'none'.",
};
export const CSP_BASE_URI: Rule = {
  id: "csp/base-uri",
  severity: "warning",
  what: "base-uri is not 'none'.",
  why: "An injected <base> sends every relative address, scripts included, to another place.",
  fix: "Set base-uri to 'none'.",
};
export const CSP_OBJECT_SRC: Rule = {
  id: "csp/object-src",
  severity: "warning",
  what: "object-src is not 'none'.",
  why: "Plugins and embedded objects run outside what script-src governs.",
  fix: "Set object-src to 'none'.",
};
export const CSP_FORM_ACTION: Rule = {
  id: "csp/form-action",
  severity: "warning",
  what: "Forms may post anywhere.",
  why: "An injected form around the password field sends it to a stranger; default-src does not cover forms.",
  fix: "Set form-action to 'self'.",
};
export const CSP_NONCE_SHORT: Rule = {
  id: "csp/nonce-short",
  severity: "error",
  what: "The nonce has fewer than 128 bits.",
  why: "A nonce that can be guessed is no nonce.",
  fix: "Use the response's nonce, facts.nonce, which is 128 bits of the system's generator.",
};
export const CSP_NONCE_REPEATED: Rule = {
  id: "csp/nonce-repeated",
  severity: "error",
  what: "Two answers carry the same nonce.",
  why: "Whoever has seen a page knows what an injected script must say to run on the next one.",
  fix: "Make one nonce per response; where a page is cached with its header, keep the page out of the cache or use hashes.",
};
export const CSP_OBSOLETE_DIRECTIVE: Rule = {
  id: "csp/obsolete-directive",
  severity: "warning",
  what: "The Content-Security-Policy relies on a directive that browsers no longer enforce.",
  why: "It looks like protection and is none.",
  fix: "Remove it: upgrade-insecure-requests replaces block-all-mixed-content, integrity attributes replace require-sri-for.",
};
export const CSP_DATA_POLICY: Rule = {
  id: "csp/data-policy",
  severity: "warning",
  what: "A response that is no page may still act as one.",
  why: "A browser that is led straight to data or an upload renders what it can; without default-src 'none' it may run, too.",
  fix: "Keep contentSecurityPolicy() on every response, also behind a CDN.",
};
export const TRUSTED_TYPES_NOT_REQUIRED: Rule = {
  id: "trusted-types/not-required",
  severity: "warning",
  what: "Trusted Types are not required.",
  why: "Text can still reach innerHTML and its kind unexamined, which is how DOM XSS happens.",
  fix: 'Keep trustedTypes on; while you convert old code use "report-only" and watch the reports.',
};
export const CSP_REPORTING_NO_DESTINATION: Rule = {
  id: "csp-reporting/no-destination",
  severity: "note",
  what: "Violations of the Content-Security-Policy are reported to nobody.",
  why: "A blocked attack, and a page that your own policy breaks, both stay unseen.",
  fix: "Mount cspReportEndpoint() and leave reportTo at its path.",
};

export const CSP_RULES: readonly Rule[] = [
  CSP_MISSING,
  CSP_BYPASSABLE,
  CSP_MALFORMED,
  CSP_WEAK,
  CSP_DANGEROUS_SOURCE,
  CSP_INLINE_STYLE,
  CSP_BROAD_SOURCE,
  CSP_BASE_URI,
  CSP_OBJECT_SRC,
  CSP_FORM_ACTION,
  CSP_NONCE_SHORT,
  CSP_NONCE_REPEATED,
  CSP_OBSOLETE_DIRECTIVE,
  CSP_DATA_POLICY,
  TRUSTED_TYPES_NOT_REQUIRED,
  CSP_REPORTING_NO_DESTINATION,
];
