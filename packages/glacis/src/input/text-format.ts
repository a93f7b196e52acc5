/** Texts of a known form, as schemas: domain names, e-mail addresses, IP addresses and web addresses, each in one spelling. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { StandardResult, StandardSchema } from "../core/standard-schema.ts";
import { canonicalDomainName } from "../primitives/domain-name.ts";
import { parseAddress } from "../primitives/ip.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

type TextSchema = StandardSchema<unknown, string>;

const LONGEST_DOMAIN = 253;
const LONGEST_EMAIL = 254;
const LONGEST_LOCAL_PART = 64;
const LONGEST_ADDRESS = 45;
const LONGEST_URL = 2048;

/** RFC 5322 section 3.2.3 without quotes; letters beyond ASCII by RFC 6532. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
/** An encoded word (RFC 2047), which has no business in an address: what decodes it all the same sends to somebody else. */
const ENCODED_WORD = /=\?[^?]+\?[bq]\?/iu;
/** Fillers and selectors count as letters and marks, and nobody sees them. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/u;
/** A name in the DNS of the world ends in letters, two or more, or in an A-label (RFC 3696 section 2): `ada@example.c` is a slip of the hand. */
const WORLDWIDE = /^localhost$|\.(?:(?!-)[a-z-]{2,63}(?<!-)|xn--[a-z0-9-]{1,59})$/u;
/** Whitespace, controls and what is not drawn, and what a browser reads as a slash. */
const NEVER_IN_URL = /[\p{C}\p{Z}\\\p{Default_Ignorable_Code_Point}]/u;
const URL_SHAPE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)/iu;
const PORT = /:(?:0|[1-9]\d{0,4})$/u;
const SCHEME = /^[a-z][a-z0-9+.-]*$/u;
/** Schemes that run something, or read what is on the machine. */
const NEVER_LINKS: ReadonlySet<string> = new Set([
  "javascript",
  "data",
  "vbscript",
  "blob",
  "file",
  "about",
  "view-source",
]);

/**
 * A domain name of two labels or more, in lower case with A-labels.
 *
 * @example
 * input({ body: { domain: domainName() } }); // "Bücher.example" becomes "xn--bcher-kva.example"
 */
export function domainName(): TextSchema {
  return textSchema(LONGEST_DOMAIN, "Write a domain name such as example.com.", (text) => {
    const name = worldwideName(text);
    return name === "localhost" ? undefined : name;
  });
}

/**
 * The form of an e-mail address, as it was typed. Whose account it is, and whether two spellings are one, is for `canonicalIdentifier` of
 * `glacis/authentication` to say; whether it exists, for a message to it. Quoted local parts and addresses in numbers are refused: no mailbox of a
 * person has one, and they carry what other parsers read as a second address.
 *
 * @example
 * input({ body: { email: emailAddress() } });
 */
export function emailAddress(): TextSchema {
  return textSchema(LONGEST_EMAIL, "Write an e-mail address such as ada@example.com.", (text) => {
    const at = text.lastIndexOf("@");
    const local = text.slice(0, Math.max(at, 0));
    if (!LOCAL_PART.test(local) || Buffer.byteLength(local) > LONGEST_LOCAL_PART) return undefined;
    if (ENCODED_WORD.test(local) || UNSEEN.test(local)) return undefined;
    return worldwideName(text.slice(at + 1)) === undefined || text.endsWith(".") ? undefined : text;
  });
}

export interface IpAddressOptions {
  readonly version?: 4 | 6;
}

/**
 * An IP address in its one spelling: no leading zeros, IPv6 as RFC 5952 writes it, an IPv4 address inside IPv6 as IPv4.
 *
 * @param options a version, where one alone is taken as it is written
 * @example
 * input({ body: { allowed: ipAddress({ version: 4 }) } });
 */
export function ipAddress(options: IpAddressOptions = {}): TextSchema {
  rejectUnknownOptions("ipAddress", options, ["version"]);
  const { version } = options;
  if (version !== undefined && version !== 4 && version !== 6)
    throw new TypeError("ipAddress() knows version 4 and 6.");
  const message = version === undefined ? "Write an IP address." : `Write an IPv${version} address.`;
  return textSchema(LONGEST_ADDRESS, message, (text) => {
    if (version !== undefined && text.includes(":") !== (version === 6)) return undefined;
    return text.includes("%") ? undefined : parseAddress(text);
  });
}

export interface WebAddressOptions {
  /** `https` alone unless you say otherwise. */
  readonly schemes?: readonly string[];
}

/**
 * A complete address with a host, to be shown or linked. It is returned as a browser reads it, so that what was checked is what is used. A user
 * name, a space, a control character and a backslash are refused, and so are numbers that a browser would take for an IPv4 address. Whether the
 * server may fetch it is another question: only through `outbound`.
 *
 * @throws TypeError for a scheme that runs something
 * @example
 * input({ body: { website: webAddress({ schemes: ["https", "http"] }) } });
 */
export function webAddress(options: WebAddressOptions = {}): TextSchema {
  rejectUnknownOptions("webAddress", options, ["schemes"]);
  const { schemes = ["https"] } = options;
  for (const scheme of schemes) {
    if (!SCHEME.test(scheme)) throw new TypeError("webAddress() takes schemes in lower case and without a colon.");
    if (NEVER_LINKS.has(scheme))
      throw new TypeError(`webAddress() takes no ${scheme}: such an address runs or reads something.`);
  }
  return textSchema(LONGEST_URL, `Write a complete address that begins with ${schemes.join(":// or ")}://.`, (text) =>
    readUrl(text, schemes),
  );
}

function readUrl(text: string, schemes: readonly string[]): string | undefined {
  const shape = URL_SHAPE.exec(text);
  if (shape === null || NEVER_IN_URL.test(text)) return undefined;
  const [, scheme, authority] = shape as unknown as readonly [string, string, string];
  if (!schemes.includes(scheme.toLowerCase()) || authority.includes("@") || !canParseUrl(text)) return undefined;
  const host = authority.replace(PORT, "");
  const bracketed = host.startsWith("[") && host.endsWith("]");
  const known = bracketed
    ? host.includes(":") && parseAddress(host.slice(1, -1))
    : (parseAddress(host) ?? worldwideName(host));
  const href = new URL(text).href;
  return known && href.length <= LONGEST_URL ? href : undefined;
}

function worldwideName(text: string): string | undefined {
  const name = canonicalDomainName(text);
  return name !== undefined && WORLDWIDE.test(name) ? name : undefined;
}

function textSchema(maxLength: number, message: string, read: (text: string) => string | undefined): TextSchema {
  const validate = (value: unknown): StandardResult<string> => {
    const text = typeof value === "string" && value.length <= maxLength ? read(value) : undefined;
    return text === undefined ? { issues: [{ message }] } : { value: text };
  };
  const document = (): Record<string, unknown> => ({ type: "string", maxLength });
  return { "~standard": { version: 1, vendor: "glacis", validate, jsonSchema: { input: document, output: document } } };
}
