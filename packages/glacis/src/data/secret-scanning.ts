/** No secret in the repository, not today and not in its history (catalog secret-scanning; CWE-798; guide A02: secrets management). */
import { hash } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { dayMs } from "../core/calendar-day.ts";
import { saysSomething } from "../core/waiver.ts";
import { SECRET_DETECTORS } from "./secret-detectors.ts";

const META: ControlMeta = {
  id: "secret-scanning",
  title: "No secrets in repository history, artifacts or logs",
  layer: "data",
  guide: ["A02 secrets management", "Security Testing: linting"],
  owasp2021: ["A02", "A05", "A01", "A07"],
  owasp2025: ["A04", "A02", "A03", "A01", "A07"],
  asvs: ["v5.0.0-13.3.1"],
  cwe: ["CWE-798", "CWE-540", "CWE-615"],
};

export const SECRET_FOUND: Rule = {
  id: "secret-scanning/found",
  severity: "error",
  what: "A file of the repository, or of its history, holds what looks like a secret.",
  why: "Whoever has a copy has it, for ever: deleting the line leaves it in the history and in every clone.",
  fix: "Revoke it first, then keep its successor in the secret store. Where it is none, waive its fingerprint with a reason.",
};
export const SECRET_WAIVER_INVALID: Rule = {
  id: "secret-scanning/waiver-invalid",
  severity: "error",
  what: "A waiver names no fingerprint, reason or owner, has expired, or runs for more than a year. It waives nothing.",
  why: "An exception that nobody explains and that never ends hides the next real secret.",
  fix: 'Write { "fingerprint", "reason", "owner", "expires" } with a day at most a year ahead.',
};
export const SECRET_WAIVER_UNUSED: Rule = {
  id: "secret-scanning/waiver-unused",
  severity: "note",
  what: "A waiver matches nothing that was found.",
  why: "What it was for is gone; a waiver that stays would hide its return.",
  fix: "Remove the waiver.",
};

/** Something that looks like a secret. The secret itself is not in it. */
export interface SecretHit {
  /** What it looks like, such as `github-token`. */
  readonly detector: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The same for the same secret wherever it stands. */
  readonly fingerprint: string;
  /** The commit that brought it in, where it was found in the history. */
  readonly commit?: string;
}

/** A hit to live with: it is no secret, or one that is worth nothing any more. */
export interface SecretWaiver {
  readonly fingerprint: string;
  readonly reason: string;
  readonly owner: string;
  /** The last day on which it holds, such as `2027-01-31`, at most a year ahead. */
  readonly expires: string;
}

const LONGEST_LINE = 20_000;

/**
 * Everything in a line that looks like a secret. Linear in its length; of a line that is longer than 20 000 characters, as of a bundled script, the
 * pieces are looked at one by one.
 *
 * @param place where the line stands
 */
export function scanLine(
  line: string,
  place: Omit<SecretHit, "detector" | "column" | "fingerprint">,
): readonly SecretHit[] {
  if (line.length <= LONGEST_LINE) return hitsIn(line, 0, place);
  const hits: SecretHit[] = [];
  // The pieces overlap by more than the longest secret that has a form.
  for (let start = 0; start < line.length; start += LONGEST_LINE - 5000)
    hits.push(...hitsIn(line.slice(start, start + LONGEST_LINE), start, place));
  return [...new Map(hits.map((hit) => [`${hit.column} ${hit.detector}`, hit])).values()];
}

function hitsIn(
  line: string,
  offset: number,
  place: Omit<SecretHit, "detector" | "column" | "fingerprint">,
): readonly SecretHit[] {
  const hits: (SecretHit & { readonly secret: string })[] = [];
  for (const { name, pattern, confirms } of SECRET_DETECTORS) {
    for (const match of line.matchAll(pattern)) {
      const secret = match[1] ?? match[0];
      if (confirms !== undefined && !confirms(secret)) continue;
      const column = offset + match.index + match[0].indexOf(secret) + 1;
      // A token by its form is not reported a second time for the name that it is assigned to.
      if (hits.some((known) => known.secret.includes(secret) || secret.includes(known.secret))) continue;
      hits.push({ ...place, detector: name, column, fingerprint: fingerprintOf(name, secret), secret });
    }
  }
  return hits.map(({ detector, file, line: number, column, fingerprint, commit }) => ({
    detector,
    file,
    line: number,
    column,
    fingerprint,
    ...(commit !== undefined && { commit }),
  }));
}

/** A whole text, line by line. */
export function scanText(text: string, file: string): readonly SecretHit[] {
  return text.split(/\r\n|\r|\n/u).flatMap((line, index) => scanLine(line, { file, line: index + 1 }));
}

function fingerprintOf(detector: string, secret: string): string {
  return hash("sha256", JSON.stringify(["glacis/secret-scanning", detector, secret]), "hex").slice(0, 32);
}

const DAY_MS = 86_400_000;
const LONGEST_DAYS = 366;

/**
 * What is left of the hits once the waivers are applied. A secret that stands in several places is one finding for each.
 *
 * @param nowMs milliseconds since the epoch
 */
export function judgeSecrets(
  hits: readonly SecretHit[],
  waivers: readonly SecretWaiver[],
  nowMs: number,
): readonly Finding[] {
  const found = new Set(hits.map(({ fingerprint }) => fingerprint));
  const valid = new Set(waivers.filter((waiver) => holds(waiver, nowMs)).map(({ fingerprint }) => fingerprint));
  const standing = hits.filter(({ fingerprint }) => !valid.has(fingerprint));
  return [
    ...standing.map(({ file, line, column, detector, fingerprint, commit }) =>
      finding(
        SECRET_FOUND,
        { kind: "source", file, line, column },
        `${detector}, fingerprint ${fingerprint}${commit === undefined ? "" : `, in commit ${commit}`}`,
      ),
    ),
    ...waivers.flatMap((waiver, index) => {
      const at = { kind: "setting", name: `waivers: ${waiver?.fingerprint ?? index}` } as const;
      if (!holds(waiver, nowMs)) return [finding(SECRET_WAIVER_INVALID, at)];
      return found.has(waiver.fingerprint) ? [] : [finding(SECRET_WAIVER_UNUSED, at)];
    }),
  ];
}

function holds(waiver: SecretWaiver, nowMs: number): boolean {
  const words: readonly unknown[] = [waiver?.fingerprint, waiver?.reason, waiver?.owner, waiver?.expires];
  if (!words.every(saysSomething)) return false;
  const lastDayMs = dayMs(waiver.expires);
  return lastDayMs !== undefined && nowMs < lastDayMs + DAY_MS && lastDayMs - nowMs <= LONGEST_DAYS * DAY_MS;
}

/**
 * What a scan has found, as a control: `glacis secrets --format json` makes the hits.
 *
 * @example
 * secretScanning(judgeSecrets(hits, waivers, Date.now()));
 */
export function secretScanning(findings: readonly Finding[]): Control {
  const rules = [SECRET_FOUND, SECRET_WAIVER_INVALID, SECRET_WAIVER_UNUSED];
  const known = new Set(rules.map(({ id }) => id));
  const ours = findings.filter(({ rule }) => known.has(rule.id));
  return { meta: META, rules, check: () => ours };
}
