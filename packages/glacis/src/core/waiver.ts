import { describeLocation, finding, type Finding, type Rule } from "./finding.ts";
import { dayMs } from "./calendar-day.ts";

/**
 * A finding that somebody has decided to live with, for a while and by name. It is listed wherever findings are, so that accepting a risk
 * stays visible.
 */
export interface Waiver {
  /** The rule, such as `hsts/too-short`. */
  readonly id: string;
  /** Only the finding at this setting, variable or route; without it every finding of the rule. */
  readonly at?: string;
  readonly reason: string;
  /** Who answers for it: a person or a team. */
  readonly owner: string;
  /** The last day on which it holds, such as `2027-01-31`, at most 90 days ahead. */
  readonly expires: string;
}

export const WAIVER_INCOMPLETE: Rule = {
  id: "waiver/incomplete",
  severity: "error",
  what: "A waiver does not say what it waives, why, who answers for it, and until when, or says it in a field that there is not. It waives nothing.",
  why: "An exception that nobody explains and nobody owns becomes the rule.",
  fix: 'Write all of id, reason, owner and expires, and beside them at most at, such as { id: "hsts/too-short", reason: "roll-out in steps", owner: "platform team", expires: "2027-01-31" }.',
};
export const WAIVER_UNKNOWN: Rule = {
  id: "waiver/unknown",
  severity: "error",
  what: "A waiver names a rule that no mounted control has. It waives nothing.",
  why: "A misspelt waiver looks like a decision and is none.",
  fix: "Copy the rule id from the output of glacis check, or remove the waiver.",
};
export const WAIVER_TOO_LONG: Rule = {
  id: "waiver/too-long",
  severity: "error",
  what: "A waiver runs for more than 90 days. It waives nothing.",
  why: "An accepted risk is looked at again while somebody still remembers why it was accepted.",
  fix: "Choose an expiry at most 90 days ahead and renew it with a reason when it comes up.",
};
export const WAIVER_EXPIRED: Rule = {
  id: "waiver/expired",
  severity: "warning",
  what: "A waiver has expired. It waives nothing any more.",
  why: "The time that was asked for is over and the finding stands.",
  fix: "Fix the finding, or renew the waiver with today's reason.",
};
export const WAIVER_UNUSED: Rule = {
  id: "waiver/unused",
  severity: "note",
  what: "A waiver matches no finding.",
  why: "The finding is gone; a waiver that stays would hide its return.",
  fix: "Remove the waiver.",
};

export const WAIVER_RULES: readonly Rule[] = [
  WAIVER_INCOMPLETE,
  WAIVER_UNKNOWN,
  WAIVER_TOO_LONG,
  WAIVER_EXPIRED,
  WAIVER_UNUSED,
];

const DAY_MS = 86_400_000;
const LONGEST_DAYS = 90;
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
/** Of a misspelt `at` nothing would be left but the rule, and the waiver would take out every finding of it. */
const FIELDS: ReadonlySet<string> = new Set(["id", "at", "reason", "owner", "expires"]);
/** Findings about what is absent say nothing by their rule alone: a waiver names the control as well. */
const NEEDS_PLACE = "composition/";

/** Findings with the waivers applied: what stands, and what was waived by what. */
export interface Judgement {
  readonly standing: readonly Finding[];
  readonly waived: readonly { readonly finding: Finding; readonly waiver: Waiver }[];
}

/**
 * Takes waived findings out, and adds a finding for each waiver that is incomplete, unknown, too long, expired or no longer needed.
 *
 * @param rules every rule that could have been found; a waiver for any other is unknown
 */
export function applyWaivers(
  findings: readonly Finding[],
  waivers: readonly Waiver[],
  rules: readonly Rule[],
  nowMs: number,
): Judgement {
  const known = new Set<string>([...rules, ...findings.map(({ rule }) => rule)].map(({ id }) => id));
  const complaints: Finding[] = [];
  const waived = new Map<Finding, Waiver>();
  for (const [index, waiver] of waivers.entries()) {
    const matching = findings.filter((candidate) => matches(waiver, candidate));
    const complaint = complain(waiver, known, matching.length, nowMs);
    if (complaint !== undefined) complaints.push(finding(complaint, placeOf(waiver, index)));
    if (complaint !== undefined && complaint !== WAIVER_UNUSED) continue;
    for (const match of matching) waived.set(match, waiver);
  }
  return {
    standing: [...findings.filter((candidate) => !waived.has(candidate)), ...complaints],
    waived: [...waived].map(([found, waiver]) => ({ finding: found, waiver })),
  };
}

function matches(waiver: Waiver, candidate: Finding): boolean {
  return candidate.rule.id === waiver?.id && (waiver.at === undefined || waiver.at === describeLocation(candidate.at));
}

function placeOf(waiver: Waiver, index: number): Finding["at"] {
  const id = typeof waiver?.id === "string" && waiver.id !== "" ? waiver.id : String(index);
  return { kind: "setting", name: `waivers: ${id}` };
}

/** Blanks are no reason, invisible characters and dots neither. */
export function saysSomething(word: unknown): boolean {
  return typeof word === "string" && LETTER_OR_DIGIT.test(word);
}

function complain(waiver: Waiver, known: ReadonlySet<string>, matching: number, nowMs: number): Rule | undefined {
  const words: readonly unknown[] = [waiver?.id, waiver?.reason, waiver?.owner, waiver?.expires];
  if (!words.every(saysSomething)) return WAIVER_INCOMPLETE;
  if (Object.keys(waiver).some((name) => !FIELDS.has(name))) return WAIVER_INCOMPLETE;
  const lastDayMs = dayMs(waiver.expires);
  if (lastDayMs === undefined) return WAIVER_INCOMPLETE;
  if (waiver.id.startsWith(NEEDS_PLACE) && waiver.at === undefined) return WAIVER_INCOMPLETE;
  if (!known.has(waiver.id)) return WAIVER_UNKNOWN;
  if (nowMs >= lastDayMs + DAY_MS) return WAIVER_EXPIRED;
  if (lastDayMs - nowMs > LONGEST_DAYS * DAY_MS) return WAIVER_TOO_LONG;
  return matching === 0 ? WAIVER_UNUSED : undefined;
}
