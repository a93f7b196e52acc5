/** Content-Security-Policy: what a page may load, run and send (CSP level 3, Trusted Types; guide A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import type { Finding, Location } from "../core/finding.ts";
import { DOCUMENT_TYPES } from "../core/head.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { observed, type HeaderRule, type Observation } from "../core/response.ts";
import { assessDataPolicy, assessDocumentPolicy, isDangerousSource } from "./csp-assess.ts";
import { NONCE, SCRIPT_DIRECTIVES, type CspDirectives, type DangerousSource } from "./csp-directives.ts";
import { compilePolicy } from "./csp-policy.ts";
import { CSP_RULES } from "./csp-rules.ts";
import { compileEmbeddings, type EmbeddablePath } from "./embedding.ts";

const META: ControlMeta = {
  id: "csp",
  title: "Strict nonce-based Content-Security-Policy on every response",
  layer: "transport",
  guide: ["A03", "A05", "Django Security Middleware", "checklist: Content Security Policy configured"],
  owasp2021: ["A03", "A05"],
  owasp2025: ["A05", "A02"],
  asvs: ["v5.0.0-3.4.3", "v5.0.0-3.4.7", "v5.0.0-3.2.2", "v5.0.0-3.2.3"],
  cwe: ["CWE-79", "CWE-83", "CWE-1021", "CWE-693"],
};

/** The path that reports go to unless you say otherwise; `cspReportEndpoint()` answers there. */
export const CSP_REPORT_PATH = "/csp-report";

/**
 * The policy of a page. No `'unsafe-inline'` and no `https:` beside the nonce: only browsers older than nonces would read them, and those
 * would then have no policy at all.
 */
export const DOCUMENT_DIRECTIVES: CspDirectives = Object.freeze<CspDirectives>({
  "default-src": "'none'",
  "script-src": [NONCE, "'strict-dynamic'"],
  "style-src": ["'self'", NONCE],
  "img-src": "'self'",
  "font-src": "'self'",
  "connect-src": "'self'",
  "manifest-src": "'self'",
  "form-action": "'self'",
  "base-uri": "'none'",
  "object-src": "'none'",
  "frame-ancestors": "'none'",
  "upgrade-insecure-requests": true,
});

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";
const ISOLATED_POLICY = `${DATA_POLICY}; sandbox`;
const SAMPLE_NONCE = "AAAAAAAAAAAAAAAAAAAAAA";

export type TrustedTypes = boolean | "report-only" | { readonly policies: readonly string[] };

export interface ContentSecurityPolicyOptions {
  /** Directives that replace the defaults of the same name; `null` leaves one out. `NONCE` stands for the response's nonce. */
  readonly directives?: CspDirectives;
  /** Requires Trusted Types, for named policies if you list them. On unless you say otherwise. */
  readonly trustedTypes?: TrustedTypes;
  /** A trial beside the enforced policy: these directives replace those of the same name, and violations are only reported. */
  readonly reportOnly?: CspDirectives;
  /** Where violations are reported: a path of this application or an HTTPS address. `false` for nowhere. */
  readonly reportTo?: string | false;
  /** Pages that named origins may show in a frame. Give the same list to `frameOptions()`. */
  readonly embeddable?: readonly EmbeddablePath[];
}

/**
 * Lets a script directive hold a source that undoes it, such as `'unsafe-eval'`. The policy then has an error-level finding,
 * `csp/dangerous-source`, and production starts only under a waiver with a reason and an end.
 */
export function dangerouslyAllowSource(source: string): DangerousSource {
  return Object.freeze({ dangerousSource: source });
}

/**
 * Sends a policy with every response: pages get a fresh nonce, data may load nothing, APIs and downloads are sandboxed besides. A policy that
 * the application sets is sent too, and the browser obeys both: it can tighten, not loosen.
 *
 * @throws TypeError for a directive, keyword or source that a browser would skip or misread, and for one that would undo the policy.
 * @example
 * contentSecurityPolicy({ directives: { "img-src": ["'self'", "https://images.example.com"] } });
 */
export function contentSecurityPolicy(options: ContentSecurityPolicyOptions = {}): Control {
  rejectUnknownOptions("contentSecurityPolicy", options, [
    "directives",
    "trustedTypes",
    "reportOnly",
    "reportTo",
    "embeddable",
  ]);
  rejectNonRecord("contentSecurityPolicy", "directives", options.directives);
  rejectNonRecord("contentSecurityPolicy", "reportOnly", options.reportOnly);
  const { trustedTypes = true, reportTo = CSP_REPORT_PATH } = options;
  const enforced = {
    ...DOCUMENT_DIRECTIVES,
    ...(trustedTypes !== "report-only" && trustedTypeDirectives(trustedTypes)),
    ...options.directives,
    ...reportDirectives(reportTo),
  };
  refuseDangerousSources(enforced);
  const page = compileVariants(enforced);
  const framed = compileEmbeddings("contentSecurityPolicy", options.embeddable ?? []).map(({ matches, sources }) => ({
    matches,
    page: compileVariants({ ...enforced, "frame-ancestors": sources }),
  }));
  const pageFor = (path: string): PagePolicy => framed.find(({ matches }) => matches(path))?.page ?? page;
  const headers: HeaderRule[] = [
    {
      name: "content-security-policy",
      on: "document",
      value: (facts) => (isIsolated(facts) ? ISOLATED_POLICY : writeEnforced(pageFor(facts.path), facts)),
      reconcile: both,
    },
    {
      name: "content-security-policy",
      on: "data",
      // A worker obeys the policy that its own script came with (HTML section 10.2.4), and works under that of pages.
      value: (facts) => (startsWorker(facts) ? write(page, facts) : dataPolicy(facts)),
      reconcile: both,
    },
  ];
  const trial = trialDirectives(enforced, trustedTypes, options.reportOnly);
  if (trial !== undefined) {
    if (reportTo === false)
      throw new TypeError(
        "contentSecurityPolicy() has a report-only policy and reportTo: false, so nobody would learn anything.",
      );
    const pieces = compileVariants(trial);
    headers.push({
      name: "content-security-policy-report-only",
      on: "document",
      value: (facts) => write(pieces, facts),
      reconcile: both,
    });
  }
  if (reportTo !== false)
    headers.push({ name: "reporting-endpoints", on: "document", value: `csp="${reportTo}"`, reconcile: both });
  const at: Location = { kind: "setting", name: "csp" };
  const emitted = [page, ...framed.map((embedding) => embedding.page)].map(({ https }) => https.join(SAMPLE_NONCE));
  return {
    meta: META,
    rules: CSP_RULES,
    headers,
    check: () => [
      ...emitted.flatMap((policy) => assessDocumentPolicy([policy], at)),
      ...assessDataPolicy([DATA_POLICY], at),
    ],
    observe: observeCsp,
  };
}

/**
 * A page's policy in pieces around the nonce, for both schemes. Over plain HTTP (a laptop has no certificate) nothing can be upgraded, and
 * `report-to` would only silence `report-uri`: the Reporting API works on HTTPS alone.
 */
interface PagePolicy {
  readonly https: readonly string[];
  readonly http: readonly string[];
}

function compileVariants(directives: CspDirectives): PagePolicy {
  return {
    https: compilePolicy(directives),
    http: compilePolicy({ ...directives, "upgrade-insecure-requests": null, "report-to": null }),
  };
}

/** The policy that was written for a response, and the pieces that it was made of: whoever has judged them once need not read each policy. */
export const writtenPolicy: PerRequest<WrittenPolicy> = new PerRequest();

export interface WrittenPolicy {
  readonly pieces: readonly string[];
  readonly text: string;
}

function write(policy: PagePolicy, facts: IdentifiedFacts): string {
  const pieces = policy[facts.scheme];
  let text = pieces[0] as string;
  for (let index = 1; index < pieces.length; index += 1) text += facts.nonce + (pieces[index] as string);
  return text;
}

function writeEnforced(policy: PagePolicy, facts: IdentifiedFacts): string {
  const text = write(policy, facts);
  writtenPolicy.set(facts, { pieces: policy[facts.scheme], text });
  return text;
}

/** A response of a declared API or download that calls itself HTML: whatever it is, it must not run here. */
function isIsolated(facts: IdentifiedFacts): boolean {
  return facts.pattern !== "" && (facts.route.kind === "api" || facts.route.kind === "download");
}

function dataPolicy(facts: IdentifiedFacts): string {
  const { kind } = facts.route;
  return kind === "page" || kind === "asset" ? DATA_POLICY : ISOLATED_POLICY;
}

const WORKERS: ReadonlySet<string | undefined> = new Set(["worker", "sharedworker", "serviceworker"]);

/** A file of the application's own that the browser asks for to run it as a worker. */
function startsWorker(facts: IdentifiedFacts): boolean {
  return facts.route.kind === "asset" && WORKERS.has(facts.header("sec-fetch-dest"));
}

/** Several policies, or endpoints, in one header line: all of them apply. */
function both(theirs: string, ours: string): string {
  return theirs.trim() === "" || theirs === ours ? ours : `${theirs}, ${ours}`;
}

function trustedTypeDirectives(trustedTypes: TrustedTypes): CspDirectives {
  if (trustedTypes === false) return {};
  if (trustedTypes === true || trustedTypes === "report-only") return { "require-trusted-types-for": "'script'" };
  if (typeof trustedTypes !== "object" || trustedTypes === null || !Array.isArray(trustedTypes.policies)) {
    throw new TypeError(
      'contentSecurityPolicy() takes trustedTypes as true, false, "report-only" or { policies: ["name"] }.',
    );
  }
  rejectUnknownOptions("trustedTypes", trustedTypes, ["policies"]);
  return {
    "require-trusted-types-for": "'script'",
    "trusted-types": trustedTypes.policies.length === 0 ? "'none'" : trustedTypes.policies,
  };
}

function reportDirectives(reportTo: string | false): CspDirectives {
  if (reportTo === false) return {};
  const sound = typeof reportTo === "string" && /^(?:\/(?!\/)|https:\/\/)[\w\-./:~%]+$/u.test(reportTo);
  if (!sound)
    throw new TypeError(
      'contentSecurityPolicy() takes reportTo as a path such as "/csp-report", an https:// address, or false.',
    );
  return { "report-to": "csp", "report-uri": reportTo };
}

function trialDirectives(
  enforced: CspDirectives,
  trustedTypes: TrustedTypes,
  reportOnly: CspDirectives | undefined,
): CspDirectives | undefined {
  if (reportOnly === undefined && trustedTypes !== "report-only") return undefined;
  const types = trustedTypes === "report-only" ? trustedTypeDirectives(trustedTypes) : {};
  // Browsers ignore both in a policy that is not enforced, and say so in the console of every visitor.
  return { ...enforced, ...types, ...reportOnly, "upgrade-insecure-requests": null, sandbox: null };
}

function refuseDangerousSources(directives: CspDirectives): void {
  for (const [name, value] of Object.entries(directives)) {
    if (!SCRIPT_DIRECTIVES.has(name)) continue;
    for (const source of [value].flat()) {
      if (typeof source !== "string" || !isDangerousSource(name, source)) continue;
      throw new TypeError(
        `contentSecurityPolicy() refuses ${source} in ${name}: an injected script would run. Give the script NONCE; or, knowing that, ` +
          `import dangerouslyAllowSource and write dangerouslyAllowSource(${JSON.stringify(source)}).`,
      );
    }
  }
}

function observeCsp(response: Observation): readonly Finding[] {
  if (response.status >= 300 && response.status < 400) return [];
  const name = "content-security-policy";
  const at: Location = { kind: "response", url: response.url, header: name };
  const mediaType = (observed(response, "content-type")[0] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const values = observed(response, name);
  return DOCUMENT_TYPES.has(mediaType) ? assessDocumentPolicy(values, at) : assessDataPolicy(values, at);
}
