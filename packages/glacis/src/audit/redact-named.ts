/** Values that stand behind a telling name, in the ways in which programs write a name and its value. */
import type { HiddenPattern } from "./redact-pattern.ts";

/** A code that signs somebody in, and its kind, which people write apart. */
const CODE = String.raw`(?:recovery|backup|device|login|reset|mfa|verification|security|one[_-]?time)[ _-]?codes?`;
/** A name that says what stands behind it: the end of a longer one. */
const LONG_NAME = String.raw`(?:pass(?:wor[dt]|wd|phrase|code)?|kennwort|contrase[n\u00f1]a|mot_?de_?passe|senha|pwd|rediscli_auth|secret|token|(?:api|access|private|secret|account|shared|signing|encryption|master|auth|client)[_-]?key|signature|credentials?|(?:session[_-]?|sess)id|${CODE}|code[_-]?verifier|security[_-]?answer)`;
/** These are a whole name, or the last part of one: `pin`, `user_otp`, and not `shopping`. */
const SHORT_NAME = String.raw`(?<![A-Za-z])(?:pin|otp|totp|cvv2?|cvc2?|jwt|sid|sig|csrf|xsrf|ssn|iban)`;
const NAME = String.raw`(?:${LONG_NAME}(?:[_-](?:base|value|old|new))?|${SHORT_NAME})`;
/** Before the separator a quote may end the name, in JSON, in JSON inside JSON, or percent-encoded, and the bracket of a form's field. */
const QUOTE = String.raw`(?:\\{0,3}["'\x60]|%22)?(?:\]|%5D)?`;
const SEPARATOR = String.raw`${QUOTE}[ \t\u00a0]{0,16}(?:=>?|:=?|->|%3[AD])[ \t\u00a0]{0,16}`;
/** What an error says about a token, which is a sentence: "invalid token: unexpected end". */
const SENTENCE = String.raw`(?!(?<=(?:token|signature|credentials?): {1,4})[a-z]{1,24} [a-z])`;
const VALUE = String.raw`(?:\\.|[^\s,;&"'\x60\\}\])>]|,(?=[^\s,;=&:"'\x60{}[\]]{1,200}(?:[\s;&]|$)))+`;
const NAMED = new RegExp(
  String.raw`(${NAME}${SEPARATOR})(?!\[redacted\])${SENTENCE}(\\{0,3}[bru$]?["'\x60])?${VALUE}`,
  "giu",
);
const QUOTED = new RegExp(
  String.raw`(${NAME}${SEPARATOR}[bru$]?)(["'\x60])((?:\\.|''(?=[^,;:\s)}\]])|(?!\2)[^\\\n]){1,4000})\2`,
  "giu",
);
const NESTED = new RegExp(String.raw`(${NAME}${SEPARATOR})(?!\[redacted\])[[{][^[\]{}\n]{1,4000}[\]}]?`, "giu");
const BLOCK = new RegExp(String.raw`(${NAME}:[ \t]{0,4}[|>][+-]?\n)(?:[ \t]+[^\n]{1,4000}(?:\n|$)){1,64}`, "giu");
/** What YAML has on the line after its name: one word, or a quoted text; what else stands there is a mapping or a sentence. */
const NEXT_LINE = new RegExp(
  String.raw`((?:^|\n)[ \t]{0,64}(?:-[ \t]{1,4})?["']?[\w.-]{0,64}${NAME}["']?:[ \t]{0,4}(?:#[^\n]{0,200})?\r?\n[ \t]{1,64}(?:-[ \t]{1,4})?)(?!\[redacted\])(?:"[^"\n]{1,4000}"|'[^'\n]{1,4000}'|[^\s"'#|>{[][^\s]{0,4000}(?<!:)(?=[ \t]*(?:#|\r?\n|$)))`,
  "giu",
);
const COOKIE = new RegExp(
  String.raw`((?:set-)?cookie${QUOTE}[ \t]{0,4}[=:][ \t]{0,4}(?:\[\s{0,8})?["'\x60]?)(?=[^\s"'\x60;,]{1,256}=)[^\n"'\x60\\]{1,8192}`,
  "giu",
);
const WORDS = new RegExp(
  String.raw`((?:mnemonic|seed[ _-]?phrase)${SEPARATOR}["'\x60]?)(?:[a-z]{3,8}[ ,]{1,2}){2,23}[a-z]{3,8}`,
  "giu",
);
/** Behind a name comes neither a letter nor a digit. */
const BEHIND = "[^a-z0-9./]";
const NAME_MARKS = [`(?:${LONG_NAME}|${SHORT_NAME})${BEHIND}`];

/** What a name ends with: a look back from each separator tells whether one stands there. */
const SENSITIVE_END = new RegExp(
  String.raw`(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|secret|token|key|signature|credentials?|(?:session[_-]?|sess)id|${CODE}|verifier|answer|cookie|mnemonic|phrase|kennwort|contrase[n\u00f1]a|mot_?de_?passe|senha|rediscli_auth|[_-](?:base|value|old|new)|(?<![a-z])(?:pin|otp|totp|cvv2?|cvc2?|jwt|sid|sig|csrf|xsrf|ssn|iban))$`,
  "iu",
);
const LONGEST_END = 20;
/** What most names end with is ruled out by three letters, of either case. */
const ENDS = new Uint8Array(32_768);
for (const end of "ord ort swd pwd ase ode des ass ret ken key ure ial als nid _id -id kie lue old new pin otp cvv vv2 cvc vc2 jwt sid sig srf ssn ban nic sse nha ena e\u00f1a uth ier wer".split(
  " ",
))
  ENDS[endAt(end, 3)] = 1;

/** Behind a separator: `password=`, `"client_secret":`, `Cookie: `. */
const BEHIND_NAME: HiddenPattern = {
  marks: [...NAME_MARKS, `(?:cookie|mnemonic|phrase)${BEHIND}`],
  mayStand: hasNamed,
  replacements: [
    [COOKIE, "$1[redacted]"],
    [WORDS, "$1[redacted]"],
    [BLOCK, "$1  [redacted]\n"],
    [NEXT_LINE, "$1[redacted]"],
    [QUOTED, "$1$2[redacted]$2"],
    [NESTED, "$1[redacted]"],
    [NAMED, "$1$2[redacted]"],
  ],
};

/** `<password>x</password>`, with whatever attributes. */
const ELEMENT: HiddenPattern = {
  marks: NAME_MARKS,
  mayStand: (text) => text.includes("<"),
  replacements: [
    [new RegExp(String.raw`(<[\w:.-]{0,64}${NAME}(?:\s[^<>]{0,400})?>)[^<]{1,4000}`, "giu"), "$1[redacted]"],
  ],
};

/** A field of a multipart body. */
const PART: HiddenPattern = {
  marks: NAME_MARKS,
  mayStand: (text) => /name="/iu.test(text),
  replacements: [
    [
      new RegExp(String.raw`(name="[^"\n]{0,64}${NAME}"(?:[^\n]{0,400}\n){2,8}?)(?=[^\s])(?!--)[^\r\n]{1,4000}`, "giu"),
      "$1[redacted]",
    ],
  ],
};

/** `mysql --password hunter2`. */
const ARGUMENT: HiddenPattern = {
  marks: [...NAME_MARKS, String.raw`--user[\s=]`],
  mayStand: (text) => text.includes("--"),
  replacements: [
    [
      new RegExp(String.raw`(--[\w-]{0,64}${NAME}(?:[ \t]{1,4}|["'],\s{0,8}["']))(?!-|\[redacted\])[^\s"']+`, "giu"),
      "$1[redacted]",
    ],
    [/(--user[ \t=]{1,4}["']?[^\s:"']{1,64}:)[^\s"']+/gu, "$1[redacted]"],
  ],
};

const HEADER = String.raw`(?:(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-csrf-token|x-amz-security-token)`;
const PAIRED = /(?:zation|ookie|key|token)["'],|alue["']?:/iu;
/** Names and values that stand in turn, as Node lists raw headers, and pairs that are called name and value. */
const PAIR: HiddenPattern = {
  marks: [`${HEADER}["']`, `value["':]`],
  mayStand: (text) => (text.includes('",') || text.includes("',")) && PAIRED.test(text),
  replacements: [
    [new RegExp(String.raw`((["'])${HEADER}\2,\s{0,8})(["'\x60])(?:\\.|(?!\3)[^\\]){1,8192}`, "giu"), "$1$3[redacted]"],
    [
      new RegExp(
        String.raw`(["']?(?:name|key)["']?:\s?(["'])[^"'\n]{0,64}(?:${NAME}|${HEADER})\2,\s{0,8}["']?value["']?:\s?)(["'])(?:\\.|(?!\3)[^\\\n]){1,8192}`,
        "giu",
      ),
      "$1$3[redacted]",
    ],
  ],
};

/** Commands whose short options take credentials: `curl -u app:x`, `sshpass -p x`, `mysql -px`. */
const SHORT_ARGUMENT: HiddenPattern = {
  marks: [" -u", " -p"],
  mayStand: (text) => text.includes("-p") || text.includes("-u"),
  replacements: [
    [/(\bcurl\b[^\n|;]{0,200} -u[ \t]{0,4}["']?[^\s:"']{1,64}:)[^\s"']+/gu, "$1[redacted]"],
    [
      /(\b(?:sshpass|mysql\w{0,12}|mariadb\w{0,12}|mongo\w{0,12}|docker login)\b[^\n|;]{0,200}? -p[ \t]{0,4}["']?)(?!-|\[redacted\])[^\s"']+/gu,
      "$1[redacted]",
    ],
  ],
};

/** `<add key="password" value="x"/>`, `<property name="password">x</property>`. */
const ATTRIBUTE: HiddenPattern = {
  marks: NAME_MARKS,
  mayStand: (text) => /(?:name|key)=["']/iu.test(text),
  replacements: [
    [
      new RegExp(
        String.raw`((?:name|key)=(["'])[^"'<>\n]{0,64}${NAME}\2[^<>\n]{0,200}? value=(["']))[^"'<>\n]{1,4000}`,
        "giu",
      ),
      "$1[redacted]",
    ],
    [
      new RegExp(String.raw`((?:name|key)=(["'])[^"'<>\n]{0,64}${NAME}\2[^<>\n]{0,200}>)[^<\s][^<]{0,4000}`, "giu"),
      "$1[redacted]",
    ],
  ],
};

const KNOWN_TO_ONE = String.raw`(?:passwor[dt]|passwd|pwd)`;
/** What a statement of SQL, a call or a sentence quotes: `PASSWORD 'x'`, `setPassword("x")`, `the password was "x"`. What has a blank is a sentence of its own. */
const QUOTED_WORD: HiddenPattern = {
  marks: [String.raw`${KNOWN_TO_ONE}[\s(]|identified by[\s]`],
  replacements: [
    [
      new RegExp(
        String.raw`((?:${KNOWN_TO_ONE}(?:\(|(?:[ \t]{1,4}(?:is|was|to))?[ \t]{1,4})|identified by[ \t]{1,4})(["'\x60]))(?:(?!\2)[^\s\\]){1,256}(?=\2)`,
        "giu",
      ),
      "$1[redacted]",
    ],
    [/(\bmachine\s{1,8}\S{1,256}\s{1,8}login\s{1,8}\S{1,256}\s{1,8}password\s{1,8})\S+/gu, "$1[redacted]"],
    // Not quoted, it has to look like nothing else: a small and a great letter, and a digit or a mark.
    [
      new RegExp(
        String.raw`(${KNOWN_TO_ONE}[ \t]{1,4}(?:is|was|to)[ \t]{1,4})(?=\S{0,64}\d|\S{0,64}[!@#$%^&*])(?=\S{0,64}[a-z])(?=\S{0,64}(?:[A-Z]|[!@#$%^&*]))(?![A-Z\d]{1,16}-[a-z])[^\s/]{6,256}`,
        "gu",
      ),
      "$1[redacted]",
    ],
  ],
};

/** What a database quotes of a row that it refuses: PostgreSQL the columns and values of a key, or all of a row; MySQL the value before its key. */
const ROW: HiddenPattern = {
  marks: [...NAME_MARKS, "Failing row contains", "Duplicate entry"],
  mayStand: (text) => text.includes(")=(") || text.includes("Failing row") || text.includes("Duplicate entry"),
  replacements: [
    [
      new RegExp(String.raw`(\((?=[^()\n]{0,400}${NAME}[,)])[^()\n]{1,400}\)=\()[^\n]{1,4000}(?=\))`, "giu"),
      "$1[redacted]",
    ],
    // A value may have lines of its own; a stack and the next part of a server's message are others.
    [/(Failing row contains \()(?:[^\n]|\n(?! {4}at |[A-Z]{3,16}: )){1,8192}/gu, "$1[redacted])"],
    [/(Duplicate entry ')[^\n]{1,4000}(?=' for key )/gu, "$1[redacted]"],
  ],
};

export const NAMED_VALUES: readonly HiddenPattern[] = [
  PAIR,
  BEHIND_NAME,
  ELEMENT,
  PART,
  ARGUMENT,
  SHORT_ARGUMENT,
  ATTRIBUTE,
  QUOTED_WORD,
  ROW,
];

/** Looks back from what can separate a name from its value. */
function hasNamed(text: string): boolean {
  return (
    namedBefore(text, "=") ||
    namedBefore(text, ":") ||
    (text.includes("->") && namedBefore(text, "->")) ||
    (text.includes("%") && /%(?:3[AD]|5D|22)/iu.test(text))
  );
}

function namedBefore(text: string, separator: string): boolean {
  for (let at = text.indexOf(separator); at !== -1; at = text.indexOf(separator, at + 1)) {
    let end = at;
    while (end > 0 && isIgnored(text.charCodeAt(end - 1))) end -= 1;
    if (end < 3 || ENDS[endAt(text, end)] !== 1 || isOtherId(text, end)) continue;
    if (SENSITIVE_END.test(text.slice(Math.max(0, end - LONGEST_END), end))) return true;
  }
  return false;
}

function endAt(text: string, end: number): number {
  const [first, second, last] = [text.charCodeAt(end - 3), text.charCodeAt(end - 2), text.charCodeAt(end - 1)];
  return ((first & 31) << 10) | ((second & 31) << 5) | (last & 31);
}

/** `user_id` and `tenant-id` stand in most lines, and only a session's id is a secret. */
function isOtherId(text: string, end: number): boolean {
  const before = text.charCodeAt(end - 3);
  return (
    (before === 95 || before === 45) &&
    (text.charCodeAt(end - 1) | 32) === 100 &&
    (text.charCodeAt(end - 4) | 32) !== 110
  );
}

/** White space, quotes, backslashes, and the bracket behind the name of a form's field. */
function isIgnored(code: number): boolean {
  return (
    code === 32 || code === 160 || code === 34 || code === 39 || code === 92 || code === 93 || code === 96 || code === 9
  );
}
