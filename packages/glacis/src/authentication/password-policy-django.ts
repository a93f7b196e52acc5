/** The four validators of Django, as the guide's A07 lists them, with their exact semantics: for parity, beside the policy's own rules. */
import { rejectUnknownOptions } from "../core/options.ts";
import { commonPasswords } from "./password-policy-common.ts";
import type { PasswordContext, PasswordProblem, PasswordRule } from "./password-problem.ts";

export interface DjangoValidatorsOptions {
  /** `user_attributes` and `max_similarity`: username, first_name, last_name, email at 0.7. */
  readonly userAttributeSimilarity?:
    | false
    | { readonly userAttributes?: readonly string[]; readonly maxSimilarity?: number };
  /** `min_length`: 12, as the guide has it. */
  readonly minimumLength?: false | { readonly minLength?: number };
  /** `password_list_path`, as a list. The list that ships with the package, which is not Django's own. */
  readonly commonPassword?: false | { readonly passwords?: readonly string[] };
  /** A rule of composition, which `check` reports: `false` leaves it out. */
  readonly numericPassword?: boolean;
}

const ATTRIBUTES = ["username", "first_name", "last_name", "email"] as const;
const LONGEST_ATTRIBUTE = 4096;

/** What Python's `str.isdigit` takes beside decimal digits: superscripts and digits in circles, but no fractions and no Roman numerals. */
const DIGITS =
  /^[\p{Nd}²³¹\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u;
/** What Python's `str.strip` takes off, which is not what `trim` does. */
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const OUTER_SPACE = new RegExp(`^${SPACE}|${SPACE}$`, "gu");

/**
 * Django's validators as rules of `passwordPolicy`, in the guide's order.
 *
 * @throws TypeError on an unknown option, or a similarity below 0.1
 * @example
 * passwordPolicy({ rules: djangoValidators({ numericPassword: false }) });
 */
export function djangoValidators(options: DjangoValidatorsOptions = {}): readonly PasswordRule[] {
  rejectUnknownOptions("djangoValidators", options, [
    "userAttributeSimilarity",
    "minimumLength",
    "commonPassword",
    "numericPassword",
  ]);
  const { userAttributeSimilarity = {}, minimumLength = {}, commonPassword = {}, numericPassword = true } = options;
  return [
    ...(userAttributeSimilarity === false ? [] : [similarityRule(userAttributeSimilarity)]),
    ...(minimumLength === false ? [] : [lengthRule(minimumLength)]),
    ...(commonPassword === false ? [] : [commonRule(commonPassword)]),
    ...(numericPassword ? [NUMERIC] : []),
  ];
}

function similarityRule(options: Exclude<DjangoValidatorsOptions["userAttributeSimilarity"], false | undefined>) {
  rejectUnknownOptions("djangoValidators({ userAttributeSimilarity })", options, ["userAttributes", "maxSimilarity"]);
  const { userAttributes = ATTRIBUTES, maxSimilarity = 0.7 } = options;
  if (!(maxSimilarity >= 0.1)) throw new TypeError("djangoValidators() needs maxSimilarity of at least 0.1.");
  return {
    name: "UserAttributeSimilarityValidator",
    judge: (password: string, about: PasswordContext): PasswordProblem | undefined => {
      const lower = password.toLowerCase();
      const known: Readonly<Record<string, unknown>> = { email: about.email, name: about.name, ...about.attributes };
      const name = userAttributes.find(
        (name) => Object.hasOwn(known, name) && isNear(lower, known[name], maxSimilarity),
      );
      return name === undefined
        ? undefined
        : { code: "password_too_similar", message: `Choose a password that is less like your ${verboseName(name)}.` };
    },
  } satisfies PasswordRule;
}

function isNear(password: string, value: unknown, maxSimilarity: number): boolean {
  if (typeof value !== "string" || value === "") return false;
  return valueParts(value.slice(0, LONGEST_ATTRIBUTE).toLowerCase()).some(
    (part) =>
      !exceedsLengthRatio(lengthOf(password), maxSimilarity, lengthOf(part)) &&
      quickRatio(password, part) >= maxSimilarity,
  );
}

/** The pieces between what Python's `\W` matches, empty ones too, and the whole. @param value in lower case */
export function valueParts(value: string): readonly string[] {
  return [...value.split(/[^\p{L}\p{N}_]+/u), value];
}

/** Too different in length to be worth comparing. */
export function exceedsLengthRatio(passwordLength: number, maxSimilarity: number, valueLength: number): boolean {
  return passwordLength >= 10 * valueLength && valueLength < (maxSimilarity / 2) * passwordLength;
}

/** `difflib.SequenceMatcher.quick_ratio`: how many characters two texts share, in whatever order. */
export function quickRatio(a: string, b: string): number {
  const total = lengthOf(a) + lengthOf(b);
  if (total === 0) return 1;
  const available = new Map<string, number>();
  for (const point of b) available.set(point, (available.get(point) ?? 0) + 1);
  let shared = 0;
  for (const point of a) {
    const left = available.get(point) ?? 0;
    if (left > 0) shared += 1;
    available.set(point, left - 1);
  }
  return (2 * shared) / total;
}

function lengthRule(options: Exclude<DjangoValidatorsOptions["minimumLength"], false | undefined>): PasswordRule {
  rejectUnknownOptions("djangoValidators({ minimumLength })", options, ["minLength"]);
  const { minLength: limit = 12 } = options;
  if (!Number.isSafeInteger(limit) || limit < 0) throw new TypeError("djangoValidators() needs minLength as a count.");
  return {
    name: "MinimumLengthValidator",
    judge: (password) =>
      lengthOf(password) < limit
        ? { code: "password_too_short", message: `Use at least ${limit} characters.`, limit }
        : undefined,
  };
}

function commonRule(options: Exclude<DjangoValidatorsOptions["commonPassword"], false | undefined>): PasswordRule {
  rejectUnknownOptions("djangoValidators({ commonPassword })", options, ["passwords"]);
  const own = options.passwords && new Set(options.passwords);
  return {
    name: "CommonPasswordValidator",
    judge: async (password) => {
      const list = own ?? (await commonPasswords());
      return list.has(password.toLowerCase().replace(OUTER_SPACE, ""))
        ? { code: "password_too_common", message: "Choose another password: many people use this one." }
        : undefined;
    },
  };
}

const NUMERIC: PasswordRule = {
  name: "NumericPasswordValidator",
  composition: true,
  judge: (password) =>
    DIGITS.test(password)
      ? { code: "password_entirely_numeric", message: "Use more than digits in the password." }
      : undefined,
};

function verboseName(attribute: string): string {
  return attribute === "email" ? "email address" : attribute.replaceAll("_", " ");
}

function lengthOf(text: string): number {
  return [...text].length;
}
