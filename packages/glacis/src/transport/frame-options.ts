/** frame-ancestors and X-Frame-Options: who may show these pages in a frame (CSP level 3 section 6.4.2, RFC 7034; guide A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { writtenPolicy } from "./content-security-policy.ts";
import { parsePolicy, splitPolicies } from "./csp-policy.ts";
import { compileEmbeddings, frameSources, isExactHttpsOrigin, type EmbeddablePath } from "./embedding.ts";

const META: ControlMeta = {
  id: "frame-ancestors",
  title: "Framing denied by default on every response",
  layer: "transport",
  guide: ["A02", "A05", "Django Security Middleware", 'checklist: X_FRAME_OPTIONS = "DENY"'],
  owasp2021: ["A05", "A04"],
  owasp2025: ["A06", "A02"],
  asvs: ["v5.0.0-3.4.6"],
  cwe: ["CWE-1021"],
};

export const FRAME_ANCESTORS_MISSING: Rule = {
  id: "frame-ancestors/missing",
  severity: "error",
  what: "No frame-ancestors directive says who may frame the response.",
  why: "A hostile site can lay the page under its own and steal clicks; X-Frame-Options alone is obsolete and does not count.",
  fix: "Mount frameOptions(); it adds frame-ancestors 'none' where no stricter policy stands.",
  django: ["security.W002", "security.W019"],
};
export const FRAME_ANCESTORS_OPEN: Rule = {
  id: "frame-ancestors/open",
  severity: "error",
  what: "frame-ancestors lets more than named HTTPS origins frame the response.",
  why: "A wildcard or a plain-HTTP origin includes sites that anyone can set up.",
  fix: "List the exact origins that embed the page, for that path alone.",
};
export const FRAME_ANCESTORS_LEGACY: Rule = {
  id: "frame-ancestors/legacy-header",
  severity: "warning",
  what: "X-Frame-Options is absent, repeated or says something that browsers ignore.",
  why: "Old browsers know only this header; a value that they cannot read allows framing.",
  fix: "Send DENY, or SAMEORIGIN where the page frames itself. A page with embedding origins has none.",
};

export interface FrameOptions {
  /** Who may frame every page: `"'self'"` or exact HTTPS origins. Nobody unless you say otherwise. */
  readonly origins?: readonly string[];
  /** Pages that named origins may frame. Give the same list to `contentSecurityPolicy()`. */
  readonly embeddable?: readonly EmbeddablePath[];
}

/**
 * Denies framing on every response, pages and data alike: `frame-ancestors` for browsers, X-Frame-Options for those older than it. Completes the
 * Content-Security-Policy where that lacks the directive; a stricter one of the application stays.
 *
 * @throws TypeError for a wildcard, an origin that is not HTTPS, or an embeddable path without origins.
 * @example
 * frameOptions({ embeddable: [{ path: "/widget/*", origins: ["https://partner.example"] }] });
 */
export function frameOptions(options: FrameOptions = {}): Control {
  rejectUnknownOptions("frameOptions", options, ["origins", "embeddable"]);
  const everywhere = compile(frameSources("frameOptions", options.origins ?? []));
  const embeddings = compileEmbeddings("frameOptions", options.embeddable ?? []).map(({ matches, sources }) => ({
    matches,
    framing: compile(sources),
  }));
  const at: Location = { kind: "setting", name: "frame-ancestors" };
  const governs = rememberingLast();
  return {
    meta: META,
    rules: [FRAME_ANCESTORS_MISSING, FRAME_ANCESTORS_OPEN, FRAME_ANCESTORS_LEGACY],
    head: (draft, facts) => {
      const framing = embeddings.find(({ matches }) => matches(facts.path))?.framing ?? everywhere;
      if (framing.legacy === undefined) draft.remove("x-frame-options");
      else if (framing.legacy === "DENY" || draft.get("x-frame-options")?.trim().toUpperCase() !== "DENY")
        draft.set("x-frame-options", framing.legacy);
      const policy = draft.get("content-security-policy");
      if (policy === undefined) draft.set("content-security-policy", framing.directive);
      else if (!governs(policy, framing, facts))
        draft.set("content-security-policy", `${policy}, ${framing.directive}`);
    },
    check: () =>
      [everywhere, ...embeddings.map(({ framing }) => framing)].flatMap(({ directive, legacy }) =>
        assess([directive], legacy === undefined ? [] : [legacy], at),
      ),
    observe: observeFraming,
  };
}

interface Framing {
  readonly directive: string;
  readonly sources: readonly string[];
  /** What X-Frame-Options can say of the same; it has no word for a list of origins. */
  readonly legacy: "DENY" | "SAMEORIGIN" | undefined;
}

function compile(sources: readonly string[]): Framing {
  const only = sources.length === 1 ? sources[0] : undefined;
  const legacy = only === "'none'" ? "DENY" : only === "'self'" ? "SAMEORIGIN" : undefined;
  return { directive: `frame-ancestors ${sources.join(" ")}`, sources, legacy };
}

/**
 * Nearly every policy is our own, and differs from the one before in its nonce alone: what its pieces say of framing is read once. One that somebody
 * has changed since it was written is not what the pieces make, and is read.
 */
function rememberingLast(): (policy: string, framing: Framing, facts: IdentifiedFacts) => boolean {
  let last: { readonly pieces: readonly string[]; readonly framing: Framing; readonly answer: boolean } | undefined;
  return (policy, framing, facts) => {
    const written = writtenPolicy.get(facts);
    if (written === undefined || written.text !== policy) return governsFraming(policy, framing);
    if (last === undefined || last.pieces !== written.pieces || last.framing !== framing)
      last = { pieces: written.pieces, framing, answer: governsFraming(policy, framing) };
    return last.answer;
  };
}

/** A directive's name in whatever capitals: browsers take the first one, so an earlier `Frame-Ancestors *` is the one that counts. */
const NAMED = /frame-ancestors/i;

/** Whether a policy that is there allows no more than ours. The usual one holds our very words once; anything else is read. */
function governsFraming(header: string, framing: Framing): boolean {
  const start = header.search(NAMED);
  if (start > 1 && header.startsWith("; ", start - 2) && header.startsWith(framing.directive, start)) {
    const end = start + framing.directive.length;
    if (end === header.length || header[end] === ";") return true;
  }
  return splitPolicies([header]).some((policy) => {
    const sources = parsePolicy(policy).get("frame-ancestors");
    if (sources === undefined) return false;
    const lower = sources.map((source) => source.toLowerCase());
    return lower.every((source) => source === "'none'" || framing.sources.includes(source));
  });
}

function observeFraming(response: Observation): readonly Finding[] {
  const at: Location = { kind: "response", url: response.url, header: "content-security-policy" };
  return assess(observed(response, "content-security-policy"), observed(response, "x-frame-options"), at);
}

/** The one judgement behind `check` and `observe`. */
function assess(policies: readonly string[], legacy: readonly string[], at: Location): readonly Finding[] {
  const lists = splitPolicies(policies).flatMap((policy) => {
    const sources = parsePolicy(policy).get("frame-ancestors");
    return sources === undefined ? [] : [sources];
  });
  const findings: Finding[] = [];
  if (lists.length === 0) findings.push(finding(FRAME_ANCESTORS_MISSING, at));
  else if (!lists.some((sources) => sources.every(isExactAncestor)))
    findings.push(finding(FRAME_ANCESTORS_OPEN, at, lists.flat().join(" ").slice(0, 200)));
  const embedded = lists.some((sources) => sources.some((source) => source.includes("://")));
  const sound = legacy.length === 1 && /^(?:DENY|SAMEORIGIN)$/iu.test(legacy[0]?.trim() ?? "");
  if (!sound && !(embedded && legacy.length === 0))
    findings.push(finding(FRAME_ANCESTORS_LEGACY, at, legacy.join(", ").slice(0, 80) || "absent"));
  return findings;
}

function isExactAncestor(source: string): boolean {
  return /^'(?:none|self)'$/iu.test(source) || isExactHttpsOrigin(source);
}
