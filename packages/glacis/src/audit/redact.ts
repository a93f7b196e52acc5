import { hideRevealed } from "../core/revealed.ts";

/** What may not stand in a log, wherever in a text it stands. */
interface Hidden {
  /** Most lines have nothing to hide, and this look says so at little cost. It is never no where the pattern would match. */
  readonly mayStand: (text: string) => boolean;
  /** Linear: no nested repetition. One after another. */
  readonly replacements: readonly (readonly [pattern: RegExp, by: string | ((found: string) => string)])[];
}

const LONG_WORD = 32;
const WORD_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w-]/u.test(String.fromCharCode(code)) ? 1 : 0,
);
const SCHEME = /(?:uthorization|earer|asic)[ :=]/iu;
const PARAMETER = /[?&#][^\s=&#"'<>?]{1,64}=/u;
const ISSUED = /A[KS]IA|xox[a-z]-|k_(?:live|test)_|gh[a-z]_|glpat-|npm_/u;
const LONG_BASE64 = 40;
const BASE64_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9+/]/u.test(String.fromCharCode(code)) ? 1 : 0,
);

/** A name that says what stands behind it. Before the separator a quote may end the name, in JSON, in JSON inside JSON, or percent-encoded. */
const NAME = String.raw`(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|signature|credentials?|session[_-]?id|x-api-key)`;
const QUOTE = String.raw`(?:\\{0,3}["'\x60]|%22)?`;
const SEPARATOR = String.raw`${QUOTE}[ \t]{0,4}(?:=>?|:|%3[AD])[ \t]{0,4}`;
const NAMED = new RegExp(
  String.raw`(${NAME}${SEPARATOR})(?!\[redacted\])(\\{0,3}["'\x60])?((?:\\.|[^\s,;&"'\x60\\}\])>])+)`,
  "giu",
);
const QUOTED = new RegExp(String.raw`(${NAME}${SEPARATOR})(["'\x60])((?:\\.|(?!\2)[^\\\n]){1,4000})\2`, "giu");
const COOKIE = new RegExp(
  String.raw`((?:set-)?cookie${QUOTE}[ \t]{0,4}[=:][ \t]{0,4}["'\x60]?)(?=[^\s"'\x60;,]{1,256}=)[^\n"'\x60\\]{1,8192}`,
  "giu",
);
/** What a name ends with: a look back from each separator tells whether one stands there. */
const SENSITIVE_END =
  /(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|key|signature|credentials?|session[_-]?id|cookie)$/iu;

const PATTERNS: readonly Hidden[] = [
  {
    mayStand: (text) => text.includes("-----BEGIN"),
    replacements: [[/(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:(?!-----END)[\s\S]){1,65536}/gu, "$1[redacted]"]],
  },
  {
    mayStand: (text) => text.includes("J") && text.includes("eyJ"),
    replacements: [[/\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*){0,3}/gu, "[token]"]],
  },
  {
    mayStand: (text) => SCHEME.test(text),
    replacements: [
      [
        /\b(authorization|bearer|basic)[\\"' :=]{1,8}\s{0,4}(?:(?:bearer|basic)\s+)?(?=[\w.~+/=-]{8})[\w.~+/=-]{8,}/giu,
        "$1 [redacted]",
      ],
    ],
  },
  {
    mayStand: hasNamed,
    replacements: [
      [COOKIE, "$1[redacted]"],
      [QUOTED, "$1$2[redacted]$2"],
      [NAMED, "$1$2[redacted]"],
    ],
  },
  {
    mayStand: (text) => text.includes("@") || text.includes("%40"),
    replacements: [
      [/(\/\/)[^\s/@:"'<>]{0,256}:[^\s"'<>]{1,256}@/gu, "$1[redacted]@"],
      [/(\/\/)[\w.~%+-]{8,256}@/gu, "$1[redacted]@"],
      [
        /(?:[\p{L}\p{N}_.+%-]{1,64}|"[^"\n]{1,64}")(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu,
        "[email]",
      ],
    ],
  },
  {
    mayStand: mayBeIssued,
    replacements: [
      [
        /(?:A[KS]IA[0-9A-Z]{12,}|xox[a-z]-[\w-]{8,}|[prs]k_(?:live|test)_\w{8,}|gh[a-z]_\w{16,}|glpat-[\w-]{12,}|npm_\w{16,})/gu,
        "[token]",
      ],
    ],
  },
  {
    mayStand: (text) => hasLongRun(text, LONG_WORD, WORD_CHARACTERS),
    replacements: [[/\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{32,}/gu, "[token]"]],
  },
  {
    mayStand: (text) => hasLongRun(text, LONG_BASE64, BASE64_CHARACTERS),
    replacements: [[/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={0,2}/gu, (text) => (isRandom(text) ? "[token]" : text)]],
  },
  {
    mayStand: (text) => text.includes("=") && PARAMETER.test(text),
    replacements: [[/([?&#][^\s=&#"'<>?]{1,64}=)(?!\[redacted\])(?:[^\s&#"']|'(?=\w))+/gu, "$1[redacted]"]],
  },
];

/**
 * Thirteen to nineteen digits as people and programs write them, together or in groups; none begins like a time in milliseconds. Other separators count
 * between groups of four alone, or between four, six and five.
 */
const CARD_NUMBER =
  /(?<!\d|\d[.-])[2-6](?:[ -]?\d){12,18}(?!\d|[.-]\d)|(?<!\d)[2-6]\d{3}(?:(?:[\s._-]{1,2}|%20|\+)\d{4}){3}(?!\d)|(?<!\d)3\d{3}(?:[\s._-]{1,2}|%20|\+)\d{6}(?:[\s._-]{1,2}|%20|\+)\d{5}(?!\d)/u;
const CARD_NUMBERS = new RegExp(CARD_NUMBER, "gu");
/** ASCII in full width, which a phone's keyboard makes and every search overlooks. */
const WIDE = /[\uff01-\uff5e]/u;
const WIDE_CHARACTERS = /[\uff01-\uff5e]/gu;

/**
 * Takes revealed secrets, credentials, tokens, card numbers, e-mail addresses, query values and the values of telling names out of a text such as an
 * error's stack before it is logged.
 *
 * @example
 * redactText("connect postgres://app:hunter2@db failed"); // "connect postgres://[redacted]@db failed"
 */
export function redactText(text: string): string {
  let clean = hideRevealed(WIDE.test(text) ? text.replaceAll(WIDE_CHARACTERS, narrow) : text);
  for (const { mayStand, replacements } of PATTERNS)
    if (mayStand(clean)) for (const [pattern, by] of replacements) clean = clean.replace(pattern, by as string);
  return CARD_NUMBER.test(clean) ? clean.replace(CARD_NUMBERS, hideCardNumber) : clean;
}

function narrow(wide: string): string {
  return String.fromCharCode(wide.charCodeAt(0) - 0xfee0);
}

function hideCardNumber(digits: string): string {
  return isCardNumber(digits.replaceAll("%20", "")) ? "[card]" : digits;
}

/** Looks back from what can separate a name from its value. */
function hasNamed(text: string): boolean {
  return namedBefore(text, "=") || namedBefore(text, ":") || (text.includes("%3") && /%3[AD]/iu.test(text));
}

function namedBefore(text: string, separator: string): boolean {
  for (let at = text.indexOf(separator); at !== -1; at = text.indexOf(separator, at + 1)) {
    let end = at;
    while (end > 0 && isIgnored(text.charCodeAt(end - 1))) end -= 1;
    if (end < 3 || ENDS[((text.charCodeAt(end - 2) & 31) << 5) | (text.charCodeAt(end - 1) & 31)] !== 1) continue;
    if (SENSITIVE_END.test(text.slice(Math.max(0, end - LONGEST_END), end))) return true;
  }
  return false;
}

/** White space, quotes and backslashes. */
function isIgnored(code: number): boolean {
  return code === 32 || code === 34 || code === 39 || code === 92 || code === 96 || code === 9;
}

/** What most names end with is ruled out by two letters, of either case. */
const ENDS = new Uint8Array(1024);
for (const [first, last] of ["rd", "wd", "et", "en", "ey", "re", "al", "ls", "se", "de", "id", "ie", "ss"])
  ENDS[(((first as string).charCodeAt(0) & 31) << 5) | ((last as string).charCodeAt(0) & 31)] = 1;
const LONGEST_END = 16;

/** A look for rare letters, which costs next to nothing. */
function mayBeIssued(text: string): boolean {
  const rare = text.includes("_") || text.includes("IA") || text.includes("xox") || text.includes("lpat");
  return rare && ISSUED.test(text);
}

/** Looks at every 32nd or 40th character, and around it where that is part of a run. */
function hasLongRun(text: string, length: number, characters: Uint8Array): boolean {
  for (let at = length - 1; at < text.length; at += length) {
    let from = at;
    while (from >= 0 && isPart(characters, text.charCodeAt(from))) from -= 1;
    if (from === at) continue;
    let to = at + 1;
    while (to < text.length && isPart(characters, text.charCodeAt(to))) to += 1;
    if (to - from > length) return true;
  }
  return false;
}

function isPart(characters: Uint8Array, code: number): boolean {
  return code < 128 && characters[code] === 1;
}

/** A path of that length has slashes too, but hardly eight capitals and a digit without a dot, a hyphen or an underscore. */
function isRandom(text: string): boolean {
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
  return count(/[A-Z]/gu) >= 8 && count(/[a-z]/gu) >= 8 && count(/\d/gu) >= 1;
}

/** ISO/IEC 7812-1, annex B: of ten numbers of that length nine are none. */
function isCardNumber(text: string): boolean {
  const digits = [...text].filter((character) => character >= "0" && character <= "9").map(Number);
  const sum = digits.reverse().reduce((total, digit, index) => {
    const counted = index % 2 === 0 ? digit : digit * 2;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0 && new Set(digits).size > 1;
}
