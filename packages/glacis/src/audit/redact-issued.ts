/** Credentials that are recognised by their own look: schemes, keys of well-known issuers, hashes of passwords, long random words. */
import type { HiddenPattern } from "./redact-pattern.ts";

const LONG_WORD = 32;
const WORD_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w-]/u.test(String.fromCharCode(code)) ? 1 : 0,
);
const LONG_BASE64 = 40;
const BASE64_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9+/]/u.test(String.fromCharCode(code)) ? 1 : 0,
);

const PRIVATE_KEY: HiddenPattern = {
  marks: ["-----BEGIN ", "Private-Lines: "],
  replacements: [
    [/(-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?:(?!-----END)[\s\S]){1,65536}/gu, "$1[redacted]"],
    [/(Private-Lines: \d{1,4}\r?\n)(?:[A-Za-z0-9+/=]{1,128}(?:\r?\n|$)){1,256}/gu, "$1[redacted]\n"],
  ],
};

const JSON_WEB_TOKEN: HiddenPattern = {
  marks: ["eyJ"],
  replacements: [[/\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*){0,3}/gu, "[token]"]],
};

const SCHEMES = String.raw`(?:basic|bearer|token|digest|dpop|api-?key|negotiate|ntlm|hawk|hmac[\w-]{0,16}|signature|aws4-hmac-sha256|sharedkey(?:lite)?|sharedaccesssignature)`;
/** After "bearer" and eight characters of a credential: what sentences have in its place. */
const ABOUT_SCHEMES = String.raw`(?!(?:auth(?:entication|ori[sz]ation)|credentials?|(?:access )?tokens?|realm|schemes?|required)\b)`;
const CREDENTIALS: HiddenPattern = {
  marks: [String.raw`(?:authorization|bearer|basic)[\s\\"'\x60:=]`],
  replacements: [
    [
      new RegExp(
        String.raw`(authorization(?:\\{0,3}["'\x60])?\s{0,4}[:=]\s{0,4}(?:\\{0,3}["'\x60])?${SCHEMES}[ +:]\s{0,4})(?:\\.|[^\n"'\x60\\]){1,8192}`,
        "giu",
      ),
      "$1[redacted]",
    ],
    // A scheme that stands in no list, and behind it what has a digit.
    [
      /(authorization(?:\\{0,3}["'\x60])?\s{0,4}[:=]\s{0,4}(?:\\{0,3}["'\x60])?(?!(?:failed|refused|denied|required)\b)[A-Za-z][\w-]{1,31}[ \t]{1,4})(?=[^\s"'\x60,;]{0,64}\d)[^\s"'\x60\\,;]{4,}/giu,
      "$1[redacted]",
    ],
    [
      /\b(authorization)[\\"' :=]{1,8}\s{0,4}(?=[\w.~+/=-]{8})(?!(?:failed|refused|denied|required)\b)[\w.~+/=-]{8,}/giu,
      "$1 [redacted]",
    ],
    [
      new RegExp(String.raw`\b(bearer)[\\"' :=]{1,8}\s{0,4}${ABOUT_SCHEMES}(?=[\w.~+/=-]{8})[\w.~+/=-]{8,}`, "giu"),
      "$1 [redacted]",
    ],
    [/\b(basic)([\\"' :=]{1,8}\s{0,4})([A-Za-z0-9+/_-]{4,}={0,2})/giu, hideBasic],
  ],
};

const OF_ISSUERS: HiddenPattern = {
  marks: [
    "A[KS]IA[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]|xox[a-z]-|xapp-|[prs]k_(?:live|test)_|whsec_|whsk_|gh[a-z]_|github_pat_|npm_|pypi-",
    String.raw`gl(?:pat|dt|rt|ft|ptt|cbt|oas|soat|imt|agent|ffct)-|sq0[a-z][a-z][a-z]-|(?<![A-Za-z0-9_])(?:hv[sbr]\.|LTAI)`,
    String.raw`shp[a-z][a-z]_|do[opr]_v1_|lin_api_|GOCSPX-|AIza|(?<![A-Za-z0-9_])(?:hf_|sk-|SG\.|ya29\.|1\/\/0)`,
  ],
  replacements: [
    [
      /(?:A[KS]IA[0-9A-Z]{12,}|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|[prs]k_(?:live|test)_\w{8,}|whs(?:ec|k)_[\w+/=]{8,}|gh[a-z]_\w{16,}|github_pat_\w{8,}|gl(?:pat|dt|rt|ft|ptt|cbt|oas|soat|imt|agent|ffct)-[\w-]{12,}(?:\.[\w-]{2,})*|\bhv[sbr]\.[\w-]{20,}|sq0[a-z]{3}-[\w-]{16,}|\bLTAI[A-Za-z0-9]{12,}|npm_[A-Za-z0-9]{16,}|pypi-[\w-]{8,}|shp[a-z]{2}_[\da-f]{8,}|do[opr]_v1_[\da-f]{8,}|\bhf_[A-Za-z0-9]{16,}|lin_api_\w{8,}|\bsk-(?:(?:proj|ant|or|svcacct)-[\w-]{8,}|[A-Za-z0-9]{20,})|\bSG\.[\w-]{12,}\.[\w-]{8,}|\bya29\.[\w-]{6,}|\b1\/\/0[\w-]{10,}|GOCSPX-[\w-]{8,}|AIza[\w-]{20,})/gu,
      "[token]",
    ],
  ],
};

/** A bot of Discord: its number of many digits in Base64, of which each character can be one of few, a time and a code. */
const BOT: HiddenPattern = {
  marks: ["[MNO][DTjz][AEIMQUYcgk][wxyz0-5][MNO][DTjz][AEIMQUYcgk][wxyz0-5]"],
  replacements: [[/\b(?:[MNO][DTjz][AEIMQUYcgk][wxyz0-5]){5,7}[\w-]{0,4}\.[\w-]{5,8}\.[\w-]{25,}/gu, "[token]"]],
};

/** Addresses whose path is the credential. */
const WEBHOOK: HiddenPattern = {
  marks: [String.raw`hooks[/.]|\/bot\d`],
  replacements: [
    [/(\/webhooks\/\d{5,32}\/)[\w-]{8,}/gu, "$1[token]"],
    [/(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]{8,}/gu, "$1[token]"],
    [/(\/bot\d{5,16}:)[\w-]{8,}/gu, "$1[token]"],
  ],
};

const PASSWORD_HASH: HiddenPattern = {
  marks: ["$"],
  replacements: [
    [/\$(?:argon2(?:id|i|d)|2[abxy]|scrypt|pbkdf2[\w-]{0,16}|bcrypt[\w-]{0,16}|[156y])\$[\w$=,.+/-]{20,}/gu, "[hash]"],
    [/\b(?:pbkdf2_\w{3,16}|bcrypt(?:_sha256)?|argon2|scrypt)\$[\w$=,.+/-]{20,}/gu, "[hash]"],
  ],
};

/** What a word says before a digest: then it is no credential. */
const DIGEST_BEFORE = String.raw`(?<!\b(?:sha-?(?:1|256|384|512)|md5|commit|revision|etag|digest|checksum|trace(?:_id|parent)?|span_id)["']?[ :=/-]{1,2}["']?)`;
const UUID = String.raw`(?![\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?![\w-]))`;
const LONG_WORDS: HiddenPattern = {
  marks: [],
  mayStand: (text) => hasLongRun(text, LONG_WORD, WORD_CHARACTERS),
  replacements: [
    [
      new RegExp(String.raw`\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])${UUID}${DIGEST_BEFORE}[\w-]{32,}`, "giu"),
      "[token]",
    ],
  ],
};

const LONG_ENCODED: HiddenPattern = {
  marks: [],
  mayStand: (text) => hasLongRun(text, LONG_BASE64, BASE64_CHARACTERS),
  replacements: [[/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={0,2}/gu, (text) => (isRandom(text, 8) ? "[token]" : text)]],
};

/** Sixteen bytes. */
const SHORT_ENCODED: HiddenPattern = {
  marks: ["="],
  mayStand: (text) => text.includes("=="),
  replacements: [[/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22}==/gu, (text) => (isRandom(text, 3) ? "[token]" : text)]],
};

export const CREDENTIAL_FORMS: readonly HiddenPattern[] = [PRIVATE_KEY, JSON_WEB_TOKEN, CREDENTIALS];
export const ISSUED_FORMS: readonly HiddenPattern[] = [
  PASSWORD_HASH,
  OF_ISSUERS,
  BOT,
  WEBHOOK,
  LONG_WORDS,
  LONG_ENCODED,
  SHORT_ENCODED,
];

/** The user and the password of RFC 7617 are a text with a colon; a plan that is called basic is none. */
function hideBasic(...[found, scheme, , encoded]: string[]): string {
  const text = Buffer.from(encoded as string, "base64").toString();
  return text.includes(":") && !/[\p{Cc}\ufffd]/u.test(text) ? `${scheme} [redacted]` : (found as string);
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

/** The flags `iu` take two characters beyond ASCII for letters. */
function isPart(characters: Uint8Array, code: number): boolean {
  return code < 128 ? characters[code] === 1 : code === 0x17f || code === 0x212a;
}

/** A path of that length has slashes too, but hardly so many capitals and a digit without a dot, a hyphen or an underscore. */
function isRandom(text: string, least: number): boolean {
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
  return count(/[A-Z]/gu) >= least && count(/[a-z]/gu) >= least && count(/\d/gu) >= 1;
}
