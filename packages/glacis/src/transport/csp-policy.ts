/** Builds and reads the text of a Content-Security-Policy (CSP level 3 sections 2.2 and 2.3). */
import { nearestWord } from "../core/options.ts";
import {
  CSP_DIRECTIVES,
  CSP_KEYWORDS,
  CSP_TOKENS,
  HASH_LENGTHS,
  NONCE,
  NONCE_DIRECTIVES,
  type CspDirectiveKind,
  type CspDirectives,
  type CspDirectiveValue,
  type CspSource,
} from "./csp-directives.ts";

/** Cannot occur in a checked value, so it marks where a nonce goes. */
const MARK = "\u0000";

const NONCE_TEXT = /^[A-Za-z0-9+/_-]+={0,2}$/u;
const SCHEME_SOURCE = /^[a-z][a-z0-9+.-]*:$/iu;
const HOST_SOURCE =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(?:\d{1,5}|\*))?(?:\/[^?#]*)?$/iu;
const LONGEST_VALUE = 2048;

/**
 * Turns directives into text around the nonce: joined by a nonce, the pieces are the policy. Done once, so that a response costs one join.
 *
 * @throws TypeError for an unknown directive, a keyword without quotes, a misspelt or misplaced value, each with the correction.
 */
export function compilePolicy(directives: CspDirectives): readonly string[] {
  return policyText(directives, MARK).split(MARK);
}

/**
 * The policy as text. Without a nonce, `NONCE` is left out; a directive of which nothing is left forbids everything rather than vanishing.
 *
 * @example
 * renderPolicy({ "script-src": [NONCE, "'strict-dynamic'"] }, "r4nd0m"); // script-src 'nonce-r4nd0m' 'strict-dynamic'
 */
export function renderPolicy(directives: CspDirectives, nonce?: string): string {
  if (nonce !== undefined && !NONCE_TEXT.test(nonce)) throw new TypeError("A nonce is base64 or base64url text.");
  return policyText(directives, nonce);
}

/**
 * Adds sources to directives that are there and directives that are not; `'none'` gives way to what is added.
 *
 * @example
 * extendDirectives(DOCUMENT_DIRECTIVES, { "img-src": "https://images.example.com" });
 */
export function extendDirectives(base: CspDirectives, additions: CspDirectives): CspDirectives {
  const merged: Record<string, CspDirectiveValue> = { ...base };
  for (const [name, added] of Object.entries(additions)) {
    const before = merged[name];
    if (
      added === null ||
      typeof added === "boolean" ||
      before === undefined ||
      before === null ||
      typeof before === "boolean"
    ) {
      merged[name] = added;
      continue;
    }
    merged[name] = [...asList(before).filter((source) => source !== "'none'"), ...asList(added)];
  }
  return merged;
}

/** A policy as a browser reads it: names in lower case, the first of a repeated directive wins. */
export type ParsedPolicy = ReadonlyMap<string, readonly string[]>;

/** Reads one serialised policy. Never throws: what a browser would skip is skipped. */
export function parsePolicy(text: string): ParsedPolicy {
  const policy = new Map<string, readonly string[]>();
  for (const directive of text.split(";")) {
    if (/[^\0-\x7f]/u.test(directive)) continue;
    const [name, ...values] = directive.split(/[\t\n\f\r ]+/u).filter((word) => word !== "");
    const key = name?.toLowerCase();
    if (key !== undefined && !policy.has(key)) policy.set(key, values);
  }
  return policy;
}

/** Every policy of a response: header lines, each perhaps a list. All of them apply. */
export function splitPolicies(headerValues: readonly string[]): readonly string[] {
  return headerValues.flatMap((value) => value.split(",")).filter((policy) => policy.trim() !== "");
}

function policyText(directives: CspDirectives, nonce: string | undefined): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(directives)) {
    const words = directiveWords(name, value, nonce);
    if (words !== undefined) parts.push([name, ...words].join(" "));
  }
  return parts.join("; ");
}

/** The words after a directive's name, or undefined when the directive is left out. */
function directiveWords(
  name: string,
  value: CspDirectiveValue,
  nonce: string | undefined,
): readonly string[] | undefined {
  const kind = CSP_DIRECTIVES.get(name);
  if (kind === undefined) {
    const nearest = nearestWord(name, [...CSP_DIRECTIVES.keys()]);
    throw new TypeError(
      `Content-Security-Policy has no directive "${name}". ${nearest === undefined ? "See CSP level 3." : `Did you mean "${nearest}"?`}`,
    );
  }
  if (value === null || value === undefined || value === false) return undefined;
  if (value === true) {
    if (kind === "flag" || name === "sandbox") return [];
    throw new TypeError(`${name} needs a list of values, not true.`);
  }
  if (kind === "flag") throw new TypeError(`${name} takes true or false.`);
  const list = asList(value);
  if (list.length === 0) {
    if (name === "sandbox") return [];
    throw new TypeError(`${name} is empty. Write "'none'" to forbid everything, or null to leave the directive out.`);
  }
  const words = new Set(list.flatMap((item) => itemWords(name, kind, item, nonce)));
  if (words.size > 1 && words.has("'none'")) throw new TypeError(`${name} says 'none' and something else. Keep one.`);
  return words.size === 0 ? ["'none'"] : [...words];
}

function asList(value: Exclude<CspDirectiveValue, boolean | null>): readonly CspSource[] {
  return Array.isArray(value) ? (value as readonly CspSource[]) : [value as CspSource];
}

function itemWords(
  name: string,
  kind: CspDirectiveKind,
  item: CspSource,
  nonce: string | undefined,
): readonly string[] {
  if (item === NONCE) {
    if (!NONCE_DIRECTIVES.test(name)) throw new TypeError(`A nonce has no meaning in ${name}.`);
    return nonce === undefined ? [] : [`'nonce-${nonce}'`];
  }
  const text =
    typeof item === "object" && item !== null ? (item as { readonly dangerousSource?: unknown }).dangerousSource : item;
  if (typeof text !== "string") throw new TypeError(`${name} takes text, NONCE or a list of them.`);
  if (text === "" || text.length > LONGEST_VALUE || !/^[\x21-\x2b\x2d-\x3a\x3c-\x7e]+$/u.test(text)) {
    throw new TypeError(
      `${name} cannot hold ${JSON.stringify(text.slice(0, 80))}: one value without spaces, ";" or ",". Several values are a list.`,
    );
  }
  if (kind === "sources") return [sourceText(name, text)];
  if (kind === "tokens" && !CSP_TOKENS[name as keyof typeof CSP_TOKENS].test(text))
    throw new TypeError(`${name} does not know ${JSON.stringify(text)}.`);
  if (name === "report-to" && !/^[A-Za-z][A-Za-z0-9._-]*$/u.test(text))
    throw new TypeError(`report-to takes the name of a reporting endpoint, not ${JSON.stringify(text)}.`);
  return [text];
}

/** One source expression, checked; keywords in lower case. */
function sourceText(name: string, source: string): string {
  const quoted = /^'(.*)'$/u.exec(source)?.[1];
  if (quoted !== undefined) return keywordText(name, source, quoted);
  if (source.includes("'"))
    throw new TypeError(`${name}: ${source} has a quote on one side only. Keywords stand between quotes: "'self'".`);
  const lower = source.toLowerCase();
  if (CSP_KEYWORDS.has(lower) || /^(?:nonce|sha(?:256|384|512))-/u.test(lower))
    throw new TypeError(`${name}: ${source} would be read as a host name. Did you mean "'${lower}'", with its quotes?`);
  if (!SCHEME_SOURCE.test(source) && !HOST_SOURCE.test(source))
    throw new TypeError(
      `${name}: ${JSON.stringify(source)} is neither a host, a scheme such as "https:" nor a keyword.`,
    );
  rejectSlips(name, source, lower);
  const nearest =
    /^[a-z-]+$/u.test(lower) && lower !== "localhost" ? nearestWord(lower, [...CSP_KEYWORDS.keys()]) : undefined;
  if (nearest !== undefined && lower.length > 2)
    throw new TypeError(`${name}: ${source} would be read as a host name. Did you mean "'${nearest}'"?`);
  return source;
}

/** Names of schemes; without its colon each is the name of a host. */
const SCHEMES = /^(?:https?|wss?|data|blob|filesystem|mediastream)$/u;

/** Slips that the grammar allows, because they still name some host, and that therefore allow nothing that was meant. */
function rejectSlips(name: string, source: string, lower: string): void {
  const [host = ""] = lower.split("/", 1);
  const dashed = lower.replaceAll("_", "-");
  const meant = SCHEMES.test(host)
    ? `${host}:${source.slice(host.length)}`
    : CSP_KEYWORDS.has(dashed)
      ? `'${dashed}'`
      : undefined;
  if (meant !== undefined)
    throw new TypeError(`${name}: ${source} would be read as a host name. Did you mean "${meant}"?`);
  const port = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/:]+:(\d+)/u.exec(lower)?.[1];
  if (Number(port ?? 0) > 65_535) throw new TypeError(`${name}: ${source} has no port that exists; the last is 65535.`);
}

function keywordText(name: string, source: string, quoted: string): string {
  const keyword = quoted.toLowerCase();
  const where = CSP_KEYWORDS.get(keyword);
  if (where !== undefined) {
    if (!where.test(name)) throw new TypeError(`${source} has no meaning in ${name}.`);
    return `'${keyword}'`;
  }
  if (keyword.startsWith("nonce-"))
    throw new TypeError(
      `${name}: a nonce that is written down is known to everyone. Use NONCE: each response gets its own.`,
    );
  const hash = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})$/u.exec(quoted);
  if (hash !== null) {
    if (hash[2]?.length === HASH_LENGTHS[hash[1] as string]) return source;
    throw new TypeError(`${name}: ${source} has the wrong length for ${hash[1]}.`);
  }
  const nearest = nearestWord(keyword, [...CSP_KEYWORDS.keys()]);
  throw new TypeError(
    `${name}: ${source} is no keyword. ${nearest === undefined ? `Known: ${[...CSP_KEYWORDS.keys()].map((known) => `'${known}'`).join(", ")}.` : `Did you mean "'${nearest}'"?`}`,
  );
}
