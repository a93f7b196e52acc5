/** Which passwords may be chosen: long, and not what an attacker tries first (NIST SP 800-63B-4 section 3.1.1.2; guide A07). */
import { auditEvent } from "../core/event-entry.ts";
import { createHash } from "node:crypto";
import type { Control } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { BreachLookupError, type BreachedPasswords } from "./password-policy-breached.ts";
import { commonPasswords, isCommon } from "./password-policy-common.ts";
import { contextWords, isExpected, skeletonOf } from "./password-policy-context.ts";
import {
  BELOW_FLOOR,
  COMPOSITION_RULE,
  NO_BREACH_SOURCE,
  PASSWORD_BLOCKLIST,
  PASSWORD_LENGTH,
  PASSWORD_NO_COMPOSITION,
} from "./password-policy-rules.ts";
import type { PasswordContext, PasswordProblem, PasswordRule } from "./password-problem.ts";

/** NIST's floors, and the bounds that password hashing has. */
const FLOOR = 15;
const FLOOR_WITH_SECOND_FACTOR = 8;
const LEAST_MAXIMUM = 64;
const MOST_CHARACTERS = 1024;
const MOST_BYTES = 4096;

export interface PasswordPolicyOptions {
  /** Characters of a password that stands alone. 15; less is a finding, less than 8 is refused. */
  readonly minLength?: number;
  /** Characters where a second factor stands behind it. 8. */
  readonly minLengthWithSecondFactor?: number;
  /** 1024, and 64 at least. A longer password is refused, never cut. */
  readonly maxLength?: number;
  /** What somebody would guess for every account: the names of the product and the company. */
  readonly words?: readonly string[];
  /** Passwords known from breaches: `breachedPasswordRange({ fetch })`. */
  readonly breached?: BreachedPasswords;
  /** How long a new password waits for that; then it is `not_checked`. 3000. */
  readonly breachedTimeoutMs?: number;
  /** More rules, such as `djangoValidators()`. */
  readonly rules?: readonly PasswordRule[];
  /** Where a failed lookup or rule is told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

export type PasswordJudgement =
  /** `not_checked`: there is no source of breached passwords, or it did not answer. Ask again at the next sign-in. */
  | { readonly kind: "accepted"; readonly breached: "not_found" | "not_checked" }
  | { readonly kind: "rejected"; readonly problems: readonly PasswordProblem[] };

export interface PasswordPolicy {
  /** Never throws, whatever the password is; every problem at once. It is for new passwords alone: a sign-in asks the hash. */
  judge(password: unknown, about?: PasswordContext): Promise<PasswordJudgement>;
  readonly controls: readonly Control[];
  /** For the form, before anything is typed. */
  readonly description: {
    readonly minLength: number;
    readonly minLengthWithSecondFactor: number;
    readonly maxLength: number;
    readonly sentences: readonly string[];
  };
}

const KNOWN: readonly (keyof PasswordPolicyOptions)[] = [
  "minLength",
  "minLengthWithSecondFactor",
  "maxLength",
  "words",
  "breached",
  "breachedTimeoutMs",
  "rules",
  "report",
];

type Settings = Required<Omit<PasswordPolicyOptions, "breached">> & Pick<PasswordPolicyOptions, "breached">;

/**
 * The policy of NIST SP 800-63B-4: length, a list of common passwords, words of the account, and breaches; no kinds of characters, no expiry.
 * Length counts code points in normal form C, which is what gets hashed.
 *
 * @throws TypeError on an unknown option or a length out of bounds
 * @example
 * const policy = passwordPolicy({ words: ["Folio"], report: security.report });
 * const judgement = await policy.judge(form.password, { email: form.email });
 */
export function passwordPolicy(options: PasswordPolicyOptions = {}): PasswordPolicy {
  const settings = settingsOf(options);
  const { minLength, minLengthWithSecondFactor, maxLength, breached, rules, report } = settings;
  return {
    async judge(password, about = {}) {
      const text = readable(password, maxLength);
      if (typeof text !== "string") return { kind: "rejected", problems: [text] };
      const problems = [...lengthProblems(text, about, settings), ...(await listProblems(text, about, settings))];
      problems.push(...(await ruleProblems(rules, text, about, report)));
      // A password that is refused anyway is nobody's business outside.
      if (problems.length > 0) return { kind: "rejected", problems };
      const answer = breached === undefined ? "not_checked" : await lookUp(text, breached, settings);
      return answer === "found" ? { kind: "rejected", problems: [BREACHED] } : { kind: "accepted", breached: answer };
    },
    controls: controlsOf(settings),
    description: {
      minLength,
      minLengthWithSecondFactor,
      maxLength,
      sentences: [
        `Use at least ${minLength} characters. Several words that you remember are good.`,
        "Any characters will do, spaces included. Do not use your name, your address, or a password from elsewhere.",
      ],
    },
  };
}

function settingsOf(options: PasswordPolicyOptions): Settings {
  rejectUnknownOptions("passwordPolicy", options, KNOWN);
  const settings: Settings = {
    minLength: FLOOR,
    minLengthWithSecondFactor: FLOOR_WITH_SECOND_FACTOR,
    maxLength: MOST_CHARACTERS,
    words: [],
    breachedTimeoutMs: 3_000,
    rules: [],
    report: () => undefined,
    ...options,
  };
  const { minLength, minLengthWithSecondFactor: less, maxLength, breachedTimeoutMs } = settings;
  const inBounds =
    [minLength, less, maxLength, breachedTimeoutMs].every(Number.isSafeInteger) &&
    less >= FLOOR_WITH_SECOND_FACTOR &&
    minLength >= less &&
    minLength <= LEAST_MAXIMUM &&
    maxLength >= LEAST_MAXIMUM &&
    maxLength <= MOST_CHARACTERS;
  if (!inBounds)
    throw new TypeError(
      "passwordPolicy() needs whole numbers: 8 <= minLengthWithSecondFactor <= minLength <= 64 <= maxLength <= 1024.",
    );
  if (breachedTimeoutMs < 1 || breachedTimeoutMs > 60_000)
    throw new TypeError("passwordPolicy() needs breachedTimeoutMs from 1 to 60000.");
  return settings;
}

/** The password in the form that is hashed, or why it can be none. */
function readable(password: unknown, maxLength: number): string | PasswordProblem {
  if (typeof password !== "string") return { code: "password_not_text", message: "Enter a password." };
  // Before anything looks at all of it: code points are at most twice as many units.
  if (password.length > 2 * MOST_CHARACTERS || Buffer.byteLength(password) > MOST_BYTES) return tooLong(maxLength);
  if (!password.isWellFormed())
    return { code: "password_malformed", message: "Use characters that are complete: this holds half of one." };
  if (password.includes("\0"))
    return { code: "password_holds_nul", message: "Leave out the NUL character, which some programs end at." };
  const normal = password.normalize("NFC");
  const isLong = Math.max([...password].length, [...normal].length) > maxLength;
  return isLong || Buffer.byteLength(normal) > MOST_BYTES ? tooLong(maxLength) : normal;
}

function tooLong(limit: number): PasswordProblem {
  return { code: "password_too_long", message: `Use at most ${limit} characters.`, limit };
}

function lengthProblems(text: string, { secondFactor }: PasswordContext, settings: Settings): PasswordProblem[] {
  const limit = secondFactor === true ? settings.minLengthWithSecondFactor : settings.minLength;
  if ([...text].length >= limit) return [];
  const message = `Use at least ${limit} characters. Several words that you remember are good.`;
  return [{ code: "password_too_short", message, limit }];
}

const COMMON: PasswordProblem = {
  code: "password_too_common",
  message: "Choose another password: many people use this one, so it is tried first.",
};
const SIMILAR: PasswordProblem = {
  code: "password_too_similar",
  message: "Choose a password that is not made of your name, your address, or the name of the service.",
};
const BREACHED: PasswordProblem = {
  code: "password_breached",
  message: "Choose another password: this one became public in a breach. Change it wherever else you use it.",
};
const NOT_JUDGED: PasswordProblem = {
  code: "password_not_judged",
  message: "The password could not be checked. Try again later.",
};

async function listProblems(text: string, about: PasswordContext, settings: Settings): Promise<PasswordProblem[]> {
  const skeleton = skeletonOf(text);
  const problems: PasswordProblem[] = [];
  try {
    if (text !== "" && isCommon(skeleton, await commonPasswords())) problems.push(COMMON);
    if (isExpected(skeleton, contextWords(settings.words, about))) problems.push(SIMILAR);
  } catch {
    settings.report(failed("password_blocklist_unavailable", "list"));
    problems.push(NOT_JUDGED);
  }
  return problems;
}

async function ruleProblems(
  rules: readonly PasswordRule[],
  text: string,
  about: PasswordContext,
  report: (event: AuditEvent) => void,
): Promise<PasswordProblem[]> {
  const problems: PasswordProblem[] = [];
  for (const rule of rules) {
    try {
      const problem = await rule.judge(text, about);
      if (problem !== undefined) problems.push(problem);
    } catch {
      report(failed("password_rule_fail", rule.name));
      problems.push(NOT_JUDGED);
    }
  }
  return problems;
}

/** An outage of others keeps nobody from signing up: the list that ships with us has judged already. */
async function lookUp(
  text: string,
  breached: BreachedPasswords,
  { breachedTimeoutMs, report }: Settings,
): Promise<"found" | "not_found" | "not_checked"> {
  // The protocol's hash; nothing is kept under it.
  // glacis-waive scan/weak-hash: the hash that the range protocol asks with (maintainers, until 2027-02-20)
  const sha1 = createHash("sha1").update(text, "utf8").digest("hex").toUpperCase();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), breachedTimeoutMs);
  const aborted = new Promise<never>((_, reject) => {
    over.signal.addEventListener("abort", () => reject(new Error("timeout")), { once: true });
  });
  try {
    const isBreached = await Promise.race([breached.isBreached(sha1, over.signal), aborted]);
    return isBreached ? "found" : "not_found";
  } catch (error) {
    const reason = error instanceof BreachLookupError ? error.reason : "unreachable";
    report(failed("password_breach_check_degraded", over.signal.aborted ? "timeout" : reason));
    return "not_checked";
  } finally {
    clearTimeout(timer);
  }
}

function failed(
  event: "password_rule_fail" | "password_blocklist_unavailable" | "password_breach_check_degraded",
  detail: string,
): AuditEvent {
  return auditEvent(`authentication/${event}/failed`, { control: PASSWORD_BLOCKLIST.id, detail });
}

function controlsOf({ minLength, rules, breached }: Settings): readonly Control[] {
  const at = (name: string) => ({ kind: "setting", name: `passwordPolicy.${name}` }) as const;
  const composition = rules.filter((rule) => rule.composition === true).map(({ name }) => name);
  return [
    {
      meta: PASSWORD_LENGTH,
      rules: [BELOW_FLOOR],
      check: () => (minLength < FLOOR ? [finding(BELOW_FLOOR, at("minLength"), `${minLength}`)] : []),
    },
    {
      meta: PASSWORD_NO_COMPOSITION,
      rules: [COMPOSITION_RULE],
      check: () => composition.map((name) => finding(COMPOSITION_RULE, at("rules"), name)),
    },
    {
      meta: PASSWORD_BLOCKLIST,
      rules: [NO_BREACH_SOURCE],
      check: ({ mode }) =>
        breached === undefined && mode === "production" ? [finding(NO_BREACH_SOURCE, at("breached"))] : [],
    },
  ];
}
