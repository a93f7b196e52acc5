/** Headers that say who somebody is: only a declared proxy may set them (catalog trusted-proxy; CWE-290, CWE-345). */
import { isToken } from "../primitives/cookie-grammar.ts";

/** What gateways and single sign-on proxies hand on to what stands behind them. A `*` at the end stands for any rest. */
export const IDENTITY_HEADERS: readonly string[] = [
  "x-user-*",
  "x-tenant-id",
  "x-auth-request-*",
  "x-authenticated-*",
  "x-forwarded-user",
  "x-forwarded-email",
  "x-forwarded-groups",
  "x-forwarded-preferred-username",
  "x-amzn-oidc-*",
  "x-remote-user",
  "remote-user",
];

/**
 * Finds the headers of a request that claim an identity.
 *
 * @param names lower case, a `*` at the end for any rest
 * @returns a function from raw headers to the names found, lower case; undefined when there is none, which is nearly always
 * @throws TypeError on a name that no header can have
 */
export function identityClaims(names: readonly string[]): (rawHeaders: readonly string[]) => string[] | undefined {
  for (const name of names) requireName(name);
  const exact = new Set(names.filter((name) => !name.endsWith("*")));
  const prefixes = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const initials = new Set(names.map((name) => name.charCodeAt(0)));

  return (rawHeaders) => {
    let found: string[] | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const raw = rawHeaders[index] as string;
      if (!initials.has(raw.charCodeAt(0) | LOWER)) continue;
      const name = raw.toLowerCase();
      if (exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) (found ??= []).push(name);
    }
    return found;
  };
}

/** Sets the bit by which lower case differs in ASCII. */
const LOWER = 0x20;

function requireName(name: unknown): void {
  const start = typeof name === "string" && name.endsWith("*") ? name.slice(0, -1) : name;
  if (typeof start === "string" && isToken(start) && !start.includes("*") && start === start.toLowerCase()) return;
  throw new TypeError(
    `trustedProxies() needs identityHeaders as names in lower case, such as "x-tenant-id" or "x-user-*", not ${JSON.stringify(name)}.`,
  );
}
