import { prefixOf } from "../primitives/cookie-grammar.ts";
import type { SameSite } from "../primitives/set-cookie.ts";
import type { RegisteredCookie } from "./cookie-registry.ts";
import { isDeletion, type SetCookieLine } from "./set-cookie-line.ts";

/** Attributes that are written by us; every other one goes out as the application wrote it. */
const OURS = new Set(["secure", "httponly", "samesite", "path", "domain", "partitioned"]);

const STRICTNESS: readonly SameSite[] = ["None", "Lax", "Strict"];

/** What was missing or weaker than allowed in the application's line. */
export type Tightening = "secure" | "http_only" | "same_site" | "partitioned" | "domain" | "path";

export interface TightenedCookie {
  readonly line: string;
  readonly tightened: readonly Tightening[];
}

/**
 * Writes a cookie again with every attribute at least as strict as the registry allows, never looser. A path is only added where there is none
 * or where the prefix demands `/`: it is no boundary against anybody. A deletion keeps its Domain, or it would delete nothing.
 */
export function tighten(cookie: SetCookieLine, entry: RegisteredCookie | undefined, nowMs: number): TightenedCookie {
  const { attributes, pair, name } = cookie;
  const tightened: Tightening[] = [];
  const hostOnly = prefixOf(name)?.prefix.startsWith("__Host-") === true;
  let line = pair;
  for (const [attribute, value] of attributes) {
    if (!OURS.has(attribute)) line += `; ${NAMES.get(attribute) ?? attribute}${value === "" ? "" : `=${value}`}`;
  }

  const domain = attributes.get("domain");
  if (domain !== undefined && domain !== "") {
    if (!hostOnly && (isSame(domain, entry?.domain) || isDeletion(cookie, nowMs))) line += `; Domain=${domain}`;
    else tightened.push("domain");
  }
  const path = attributes.get("path") ?? "";
  const keepsPath = path.startsWith("/") && (!hostOnly || path === "/");
  if (!keepsPath) tightened.push("path");
  line += `; Path=${keepsPath ? path : "/"}`;

  if (!attributes.has("secure")) tightened.push("secure");
  line += "; Secure";
  const scriptReadable = entry?.scriptReadable === true;
  if (!attributes.has("httponly") && !scriptReadable) tightened.push("http_only");
  if (attributes.has("httponly") || !scriptReadable) line += "; HttpOnly";

  const sameSite = strictest(attributes.get("samesite"), entry?.sameSite ?? "Lax");
  if (sameSite.toLowerCase() !== attributes.get("samesite")?.toLowerCase()) tightened.push("same_site");
  line += `; SameSite=${sameSite}`;
  // A partitioned cookie is deleted from its partition only.
  const partitioned = sameSite === "None" || (entry?.sameSite === "None" && isDeletion(cookie, nowMs));
  if (partitioned && !attributes.has("partitioned")) tightened.push("partitioned");
  if (partitioned || attributes.has("partitioned")) line += "; Partitioned";
  return { line, tightened };
}

/** The usual spelling of attributes that are passed on. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["max-age", "Max-Age"],
  ["expires", "Expires"],
  ["priority", "Priority"],
]);

/** The stricter of what the application wrote and what is allowed; a word that browsers do not know counts as not written. */
function strictest(written: string | undefined, allowed: SameSite): SameSite {
  const theirs = STRICTNESS.find((candidate) => candidate.toLowerCase() === written?.toLowerCase());
  if (theirs === undefined) return allowed === "None" ? "Lax" : allowed;
  return STRICTNESS.indexOf(theirs) > STRICTNESS.indexOf(allowed) ? theirs : allowed;
}

function isSame(domain: string, allowed: string | undefined): boolean {
  return allowed !== undefined && domain.toLowerCase().replace(/^\./u, "") === allowed;
}
