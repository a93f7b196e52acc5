/** What a text can do harm to. A value is safe for some of these and not for others: a number for all, a quoted shell word for the shell. */
export const KIND: Readonly<
  Record<
    | "sql"
    | "nosql"
    | "command"
    | "argument"
    | "path"
    | "ssrf"
    | "html"
    | "redirect"
    | "code"
    | "template"
    | "key"
    | "deserialize"
    | "xml"
    | "xpath"
    | "ldap"
    | "log"
    | "header"
    | "regex"
    | "size"
    | "fields"
    | "format"
    | "shape"
    | "href"
    | "slow"
    | "graphql"
    | "attribute"
    | "guess",
    number
  >
> = {
  sql: 1 << 0,
  nosql: 1 << 1,
  command: 1 << 2,
  argument: 1 << 3,
  path: 1 << 4,
  ssrf: 1 << 5,
  html: 1 << 6,
  redirect: 1 << 7,
  code: 1 << 8,
  template: 1 << 9,
  /** The name of a property that is written. */
  key: 1 << 10,
  deserialize: 1 << 11,
  xml: 1 << 12,
  xpath: 1 << 13,
  ldap: 1 << 14,
  log: 1 << 15,
  header: 1 << 16,
  regex: 1 << 17,
  /** Numbers that say how much: of memory, of loops, of time. */
  size: 1 << 18,
  /** Objects whose properties the client chose. */
  fields: 1 << 19,
  format: 1 << 20,
  /** Values that may be an array or an object where a text is meant. */
  shape: 1 << 21,
  /** The scheme of a link: javascript: runs. */
  href: 1 << 22,
  /** A text that is matched against a slow pattern. */
  slow: 1 << 23,
  graphql: 1 << 24,
  /** What ends the value of an attribute: a quote. */
  attribute: 1 << 25,
  /** A secret that is guessed: arithmetic makes nothing of the time and of Math.random() less easy to guess. */
  guess: 1 << 26,
};

/** Half a check of a redirect each: starts with a slash, and not with two. Together they make it local. */
export const STARTS_WITH_SLASH: number = 1 << 28;
export const NOT_TWO_SLASHES: number = 1 << 29;
/** The path has no dots left to climb with. */
export const RESOLVED: number = 1 << 30;

export const EVERY: number = (1 << 27) - 1;
/** What a number, a boolean or a date can no longer do. It can still be too large. */
export const NUMERIC: number = EVERY & ~KIND.size & ~KIND.guess;
/** What is past once a value is surely a text. */
export const TEXTUAL: number = KIND.nosql | KIND.shape | KIND.fields;
/** What checking the host of a URL is good for. */
export const HOST: number = KIND.ssrf | KIND.redirect | KIND.href;
