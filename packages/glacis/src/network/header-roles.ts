/** What the request-shape control must know about a header by its name alone. */
import { recent } from "../primitives/recent.ts";

/** A header that may come once, and the clause or the reader that makes a second one dangerous. */
interface SingleHeader {
  readonly name: string;
  readonly clause: string;
}

/**
 * Headers whose second line would let two readers see two requests: one takes the first, another the last, a third joins them. Lists that may
 * span lines (Accept, If-None-Match, If-Match, Cache-Control, Via, X-Forwarded-For) are not here: RFC 9110 section 5.3 allows them.
 */
export const SINGLE_HEADERS: readonly SingleHeader[] = [
  { name: "host", clause: "RFC 9112 section 3.2: answer 400 to more than one" },
  {
    name: "content-length",
    clause: "RFC 9112 section 6.3: differing lengths are unrecoverable; equal ones serve nobody",
  },
  { name: "transfer-encoding", clause: "RFC 9112 section 6.1: a list, but chunked alone is accepted here" },
  {
    name: "expect",
    clause: "RFC 9110 section 10.1.1: 100-continue alone is known; what else stands there, a proxy may skip",
  },
  { name: "content-type", clause: "RFC 9110 section 8.3: singleton; the parser and a filter in front could differ" },
  { name: "authorization", clause: "RFC 9110 section 11.6.2: one credential decides who it is" },
  { name: "proxy-authorization", clause: "RFC 9110 section 11.7.2: as Authorization" },
  { name: "cookie", clause: "RFC 6265 section 5.4: a client must not send more than one" },
  { name: "origin", clause: "RFC 6454 section 7.3: must not be sent more than once; CSRF and CORS decide by it" },
  { name: "referer", clause: "RFC 9110 section 10.1.3: singleton; CSRF falls back on it" },
  { name: "sec-fetch-site", clause: "Fetch Metadata section 2: one token" },
  { name: "sec-fetch-mode", clause: "Fetch Metadata section 2: one token" },
  { name: "sec-fetch-dest", clause: "Fetch Metadata section 2: one token" },
  { name: "sec-fetch-user", clause: "Fetch Metadata section 2: one boolean" },
  { name: "access-control-request-method", clause: "Fetch section 3.3.3: one method" },
  { name: "if-modified-since", clause: "RFC 9110 section 13.1.3: one date" },
  { name: "if-unmodified-since", clause: "RFC 9110 section 13.1.4: one date" },
  { name: "if-range", clause: "RFC 9110 section 13.1.5: one validator" },
  { name: "range", clause: "RFC 9110 section 14.2: one set of ranges" },
  { name: "max-forwards", clause: "RFC 9110 section 7.6.2: one number" },
  { name: "sec-websocket-key", clause: "RFC 6455 section 11.3.1: must not appear more than once" },
  { name: "x-csrf-token", clause: "ours: one token is compared" },
  { name: "x-xsrf-token", clause: "ours: as X-CSRF-Token, by its other name" },
  { name: "x-api-key", clause: "ours: one credential decides who it is" },
  { name: "x-tenant-id", clause: "ours: one tenant is meant" },
  { name: "idempotency-key", clause: "draft-ietf-httpapi-idempotency-key-header section 2.1: one item" },
];

/** Headers by which a body-less filter in front would see one method and the application another. */
export const METHOD_OVERRIDES: readonly string[] = ["x-http-method-override", "x-http-method", "x-method-override"];

/** Nothing to know. Single headers are powers of two, the rest is negative. */
export const PLAIN = 0;
export const NOT_A_TOKEN: number = -1;
export const METHOD_OVERRIDE: number = -2;
export const CONNECTION: number = -3;

const ROLES: ReadonlyMap<string, number> = new Map([
  ...SINGLE_HEADERS.map(({ name }, index) => [name, 2 ** index] as const),
  ...METHOD_OVERRIDES.map((name) => [name, METHOD_OVERRIDE] as const),
  ["connection", CONNECTION],
]);

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/u;

export const HOST: number = roleOf("host");
export const CONTENT_LENGTH: number = roleOf("content-length");
export const TRANSFER_ENCODING: number = roleOf("transfer-encoding");
export const EXPECT: number = roleOf("expect");

function roleOf(name: string): number {
  if (!TOKEN.test(name)) return NOT_A_TOKEN;
  return ROLES.get(name.toLowerCase()) ?? PLAIN;
}

/** Clients spell a handful of names in a handful of ways, so nearly every look-up ends here. */
const known = recent<number>(1024);
const LONGEST_KEPT = 64;

/** The role of a header, by its name as sent. */
export function headerRole(name: string): number {
  const role = known.get(name);
  if (role !== undefined) return role;
  const computed = roleOf(name);
  if (name.length <= LONGEST_KEPT) known.set(name, computed);
  return computed;
}
