/** What a policy would have to allow for the reported violations to end, for a person to judge. */
import { DOCUMENT_DIRECTIVES } from "../transport/content-security-policy.ts";
import { NONCE } from "../transport/csp-directives.ts";
import type { ArchivedEvent } from "./event-record.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface CspViolation {
  readonly directive: string;
  /** The origin or keyword that was blocked. */
  readonly source: string;
  readonly count: number;
  readonly lastMs: number;
  readonly documents: readonly string[];
  /** False for what should not be allowed at all, whoever asks: inline code, `eval`, plain HTTP, other schemes. */
  readonly allowable: boolean;
}

export interface CspProposal {
  readonly violations: readonly CspViolation[];
  /** Directive to sources, beside the nonce and what the policy has; empty when there is nothing to add. */
  readonly additions: ReadonlyMap<string, readonly string[]>;
}

const MOST_VIOLATIONS = 200;
const MOST_DOCUMENTS = 3;
/** Where an origin may be added. Scripts are not among them: they come with the nonce, and a host list would be a way around it. */
const EXTENDABLE: ReadonlySet<string> = new Set([
  "connect-src",
  "font-src",
  "form-action",
  "frame-src",
  "img-src",
  "manifest-src",
  "media-src",
  "style-src",
]);
const DIRECTIVE = /^[a-z][a-z-]{2,40}$/u;

/** @param events of the type `csp_violation`, newest first */
export function proposeCsp(events: readonly ArchivedEvent[]): CspProposal {
  const found = new Map<string, CspViolation & { count: number; documents: string[] }>();
  for (const { timeMs, record } of events) {
    const { directive = "", blocked = "", document } = record;
    if (!DIRECTIVE.test(directive)) continue;
    const source = sourceOf(blocked);
    const key = `${directive} ${source}`;
    let violation = found.get(key);
    if (violation === undefined) {
      if (found.size >= MOST_VIOLATIONS) continue;
      violation = {
        directive,
        source,
        count: 0,
        lastMs: timeMs,
        documents: [],
        allowable: EXTENDABLE.has(general(directive)) && isAllowable(source),
      };
      found.set(key, violation);
    }
    violation.count += 1;
    if (
      document !== undefined &&
      violation.documents.length < MOST_DOCUMENTS &&
      !violation.documents.includes(document)
    )
      violation.documents.push(document);
  }
  const violations = [...found.values()].toSorted((a, b) => b.count - a.count || (a.source < b.source ? -1 : 1));
  const additions = new Map<string, string[]>();
  for (const { directive, source, allowable } of violations) {
    if (!allowable) continue;
    const name = general(directive);
    additions.set(name, [...new Set([...(additions.get(name) ?? []), source])].toSorted());
  }
  return { violations, additions };
}

/** A policy names the general directive; `-elem` and `-attr` are what browsers report. */
function general(directive: string): string {
  return directive.replace(/-(?:elem|attr)$/u, "");
}

/** As source code for `contentSecurityPolicy`; only origins that parsed as such ever stand in it. */
export function proposalText(additions: CspProposal["additions"]): string {
  const lines = [...additions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([directive, sources]) => {
      const all = [...standing(directive), ...sources.map((one) => JSON.stringify(one))];
      return `    "${directive}": [${all.join(", ")}],`;
    });
  return `contentSecurityPolicy({\n  directives: {\n${lines.join("\n")}\n  },\n});`;
}

/** What the directive has already: a directive that is named replaces the default. */
function standing(directive: string): readonly string[] {
  const known = DOCUMENT_DIRECTIVES[directive as keyof typeof DOCUMENT_DIRECTIVES];
  const sources: readonly unknown[] = Array.isArray(known) ? known : known === undefined ? [] : [known];
  return sources.map((one) => (one === NONCE ? "NONCE" : JSON.stringify(one)));
}

function sourceOf(blocked: string): string {
  if (!/^https?:\/\//iu.test(blocked) || !canParseUrl(blocked)) return blocked.slice(0, 80);
  return new URL(blocked).origin;
}

function isAllowable(source: string): boolean {
  return canParseUrl(source) && new URL(source).protocol === "https:" && new URL(source).origin === source;
}
