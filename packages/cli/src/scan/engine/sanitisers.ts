/** Functions that make text harmless, by package or by the name that such functions have. */
import { EVERY, HOST, KIND, NUMERIC, TEXTUAL } from "./kinds.ts";

const MARKUP = KIND.html | KIND.xml | KIND.attribute;
const LITERAL = EVERY & ~KIND.size;

/** By the origin of the function, the more special first. */
const KNOWN: readonly (readonly [RegExp, number])[] = [
  [/^glacis\/data\.(?:sql|identifier)/u, LITERAL],
  [/^(?:RegExp\.escape|escape-string-regexp|lodash\.escaperegexp(?:\.\w+)?|lodash[./]escape_?reg_?exp)/iu, KIND.regex],
  [/^glacis\/.*\.(?:within|safeFileName)$/u, KIND.path],
  [/^glacis\/.*\.(?:safeRedirect|localPath|redirectTo)$/u, KIND.redirect | KIND.href],
  [/^glacis\/.*\.(?:html|safeUrl|sanitize\w*|escape\w*)$/u, MARKUP | KIND.href | KIND.regex],
  [/(?:^|\.)(?:DOMPurify|dompurify|createDOMPurify|purify)(?:\(\))?\.sanitize$|isomorphic-dompurify/u, MARKUP],
  [
    /^(?:sanitize-html|xss|escape-html|he|html-entities|lodash|underscore|lodash\/escape|validator|entities|html-escaper|escape-goat|@braintree\/sanitize-url)(?:\.(?:escape\w*|encode\w*|htmlEscape|sanitize\w*|filterXSS))?$/u,
    MARKUP,
  ],
  [
    /(?:^|\.)(?:mysql|mysql2|sqlstring|SqlString|pool|connection|conn|db|client|pg-format|pgp|knex|sequelize)(?:[\w./]|\(\))*\.(?:escape|escapeId|escapeLiteral|escapeIdentifier|format|literal|ident)$/u,
    KIND.sql,
  ],
  [/^(?:pg-format|sqlstring)(?:\.format)?$/u, KIND.sql],
  [
    /^(?:shell-quote\.quote|shell-escape|shellescape|shq|@types\/shell-quote|any-shell-escape|shescape(?:\.\w+|\(\))*\.(?:quote|quoteAll|escape|escapeAll))$/u,
    KIND.command | KIND.argument,
  ],
  [/^sanitize-filename$|^filenamify$/u, KIND.path | KIND.header],
  [/^(?:slugify|@sindresorhus\/slugify|nanoid|uuid)/u, EVERY],
  [/^(?:mongo-sanitize|express-mongo-sanitize(?:\.sanitize)?)$/u, TEXTUAL],
  [/^(?:ldap-escape|ldapjs|ldapts)\.(?:filter|dn|escape\w*)/u, KIND.ldap],
  [/^validator\.(?:toInt|toFloat|toBoolean|toDate)$/u, NUMERIC],
  [/^crypto\.|^bcrypt|^argon2|^@node-rs\/argon2|^jsonwebtoken\.sign$/u, EVERY],
];

const NAMED: readonly (readonly [RegExp, number])[] = [
  [
    /^(?:escape|encode|sanitize|sanitise|clean|strip|purify)_?(?:for_?)?(?:html|markup|xml|tags|entities|attr\w*)/iu,
    MARKUP,
  ],
  [/^escapeExpression$/u, MARKUP],
  [/^(?:html|xml)_?(?:escape|encode|sanitize|entities)/iu, MARKUP],
  [/^(?:escape|quote|sanitize)_?(?:sql|identifier|literal|id)$/iu, KIND.sql],
  [
    /^(?:escape|quote|sanitize)_?(?:shell\w*|arg\w*|cmd|command)$|^shell_?(?:escape|quote)$/iu,
    KIND.command | KIND.argument,
  ],
  [/^(?:escape|quote)_?(?:reg_?exp?|regex\w*|pattern)$|^quoteMeta$/iu, KIND.regex],
  [/^(?:escape|sanitize|encode)_?ldap\w*|^ldap_?escape\w*/iu, KIND.ldap],
  [/^(?:escape|sanitize|encode|quote)_?xpath\w*|^xpath_?(?:escape|literal)\w*/iu, KIND.xpath],
  [/^(?:sanitize|clean|secure|safe)_?(?:file_?name|path|basename)|^secure_filename/iu, KIND.path | KIND.header],
  [/^(?:sanitize|clean|safe|validate|normalize|resolve)_?(?:redirect|return_?to|url|uri|href|link)\w*/iu, HOST],
  [
    /^(?:sanitize|clean|strip|escape|neutralize)_?(?:for_?)?(?:log\w*|header\w*|crlf|newlines?|line_?breaks?)/iu,
    KIND.log | KIND.header,
  ],
  [/^pick(?:By)?$/u, KIND.fields | KIND.key],
  [/^(?:sanitize|sanitise|purify|slugify|whitelist|allowlist)\w*$/iu, EVERY & ~KIND.size],
  [
    /^(?:hash|digest|sha\d*|md5|hmac|encrypt|sign|bcrypt|createHash|checksum|fingerprint|redact|mask)(?:[A-Z_]\w*|Sync)?$/u,
    EVERY,
  ],
];

/**
 * What a function makes its argument harmless for; 0 for functions that are not known to.
 *
 * @param foreign whether its source is out of sight, so that its name is all there is
 */
export function sanitisedBy(api: string, name: string): number {
  for (const [pattern, kinds] of KNOWN) if (pattern.test(api)) return kinds;
  for (const [pattern, kinds] of NAMED) if (pattern.test(name)) return kinds;
  return 0;
}

/** What replacing does: a pattern of what may stay, or of what must go. */
export function sanitisedByReplacing(
  regex: { readonly source: string; readonly flags: string },
  replacement: string | undefined,
): number {
  const { source, flags } = regex;
  if (!flags.includes("g")) return 0;
  const kept = /^\[\^((?:\\.|[^\]\\])*)\][+*]?$/u.exec(source)?.[1];
  if (kept !== undefined) return keptKinds(kept, replacement);
  let kinds = 0;
  if (
    /[<]/u.test(source) &&
    !/<.+>/u.test(source) &&
    (replacement === undefined || replacement.startsWith("&") || replacement === "" || /^\\[ux]/u.test(replacement))
  )
    kinds |= KIND.html | KIND.xml;
  if (/["']/u.test(source) && (replacement === undefined || replacement.startsWith("&") || replacement === ""))
    kinds |= KIND.attribute;
  if (/\\[rn]|\\s|\\x0[ad]|[\r\n]|\\p\{C|\\x00/iu.test(source) && /\\n|\\s|\[|\n|\\x|\\p/iu.test(source))
    kinds |= KIND.log | KIND.header;
  if (/\[[^\]]*\*[^\]]*\]/u.test(source) && source.includes("(") && replacement !== "")
    kinds |= source.includes("^") && source.includes("$") ? KIND.regex : KIND.ldap;
  if (/^\[\\\/\\\\\]$|^\[\\\\\/\]$|^\[\/\\\\\]$|^\[\\\/\\\\[^\]]*\]$/u.test(source)) kinds |= KIND.path;
  if (source === "'" && replacement === String.raw`'\''`) kinds |= KIND.command | KIND.argument;
  if (
    (source === "\\\\D" || source === "\\D" || source === "\\D+" || source === "\\W" || source === "\\W+") &&
    replacement !== undefined
  )
    kinds |= NUMERIC;
  if (source === "\\$" || source === "^\\$") kinds |= KIND.nosql;
  return kinds;
}

/** `[^a-z0-9_-]` leaves nothing that means anything; with a dot and a slash left, a path still climbs. */
function keptKinds(kept: string, replacement: string | undefined): number {
  if (replacement !== undefined && /[<>'"&;|`$/\\]/u.test(replacement)) return 0;
  const left = kept.replaceAll(/\\[wd]|\w-\w|\\-|-|\w/gu, "");
  if (/\\[SDW]/u.test(kept)) return 0;
  let kinds = NUMERIC;
  if (left.includes("/") || left.includes("\\\\")) kinds &= ~(KIND.path | KIND.redirect | KIND.ssrf | KIND.href);
  if (/['"]/u.test(left)) kinds &= ~(KIND.attribute | KIND.sql | KIND.xpath | KIND.command | KIND.code);
  if (/[;|&$`]/u.test(left)) kinds &= ~(KIND.command | KIND.code);
  if (/[<>]/u.test(left)) kinds &= ~MARKUP;
  return kinds;
}
