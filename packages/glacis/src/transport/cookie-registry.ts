import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import { prefixOf } from "../primitives/cookie-grammar.ts";
import { serializeCookie, type SameSite } from "../primitives/set-cookie.ts";

/** What a cookie is for; all but `preference` hold a secret that script must never read. */
export type CookiePurpose = "session" | "csrf" | "device" | "preference";

/** One cookie of the application, registered under its full name. */
export interface RegisteredCookie {
  readonly purpose: CookiePurpose;
  /** `Lax` unless you say otherwise. `None` needs a `reason`, and the cookie goes out `Partitioned`. */
  readonly sameSite?: SameSite;
  /** The page's own script reads it. For preferences only. */
  readonly scriptReadable?: boolean;
  /** Shares it with every subdomain. Needs a `__Secure-` name and a `reason`. */
  readonly domain?: string;
  /** Why this cookie is weaker than the default, for whoever reviews it. */
  readonly reason?: string;
}

export type CookieRegistry = Readonly<Record<string, RegisteredCookie>>;

const PURPOSES: readonly CookiePurpose[] = ["session", "csrf", "device", "preference"];
const ENTRY_OPTIONS = ["purpose", "sameSite", "scriptReadable", "domain", "reason"];

/** Cookies of the library itself; an application may register them again, for example to share a session name of its own. */
const OWN_COOKIES: CookieRegistry = {
  "__Host-session": { purpose: "session" },
  "__Host-session-here": { purpose: "preference" },
  "__Host-sign-in": { purpose: "session" },
  "__Host-passkey": { purpose: "session" },
  "__Host-device": { purpose: "device" },
  "__Host-sso": { purpose: "session" },
  "__Host-csrf": { purpose: "csrf" },
};

/**
 * Holds a registry to its rules, so that an impossible cookie fails at start and not in a browser.
 *
 * @throws TypeError naming the cookie and what to change.
 */
export function compileRegistry(registry: CookieRegistry): ReadonlyMap<string, RegisteredCookie> {
  const compiled = new Map(Object.entries(OWN_COOKIES));
  for (const [name, cookie] of Object.entries(registry)) {
    validate(name, cookie);
    compiled.set(name, cookie);
  }
  return compiled;
}

function validate(name: string, cookie: RegisteredCookie): void {
  rejectUnknownOptions(`cookies({ registry }) for "${name}"`, cookie, ENTRY_OPTIONS);
  const { purpose, sameSite = "Lax", scriptReadable = false, domain, reason } = cookie;
  if (!PURPOSES.includes(purpose)) {
    const given: unknown = purpose;
    const hint = typeof given === "string" ? nearestWord(given, PURPOSES) : undefined;
    throw new TypeError(
      `The cookie "${name}" needs a purpose: ${PURPOSES.join(", ")}.${hint === undefined ? "" : ` Did you mean "${hint}"?`}`,
    );
  }
  if (typeof scriptReadable !== "boolean" || (scriptReadable && purpose !== "preference")) {
    throw new TypeError(
      `The cookie "${name}" has the purpose ${purpose}, so no script may read it. Only a preference can be scriptReadable.`,
    );
  }
  const explained = typeof reason === "string" && reason.trim() !== "";
  if (sameSite === "None" && !explained) {
    throw new TypeError(
      `The cookie "${name}" is SameSite=None, sent with requests from every site: give the reason in words.`,
    );
  }
  if (domain !== undefined && !(explained && prefixOf(name)?.prefix === "__Secure-")) {
    throw new TypeError(
      `The cookie "${name}" is shared with every subdomain: give it a __Secure- name and the reason in words, or leave domain out.`,
    );
  }
  strictLine(name, cookie);
}

/** A line as this registry entry sends it at its weakest: what `check` judges. Throws what the serialiser throws. */
export function strictLine(
  name: string,
  { sameSite = "Lax", scriptReadable = false, domain }: RegisteredCookie,
): string {
  return serializeCookie(name, "x", {
    httpOnly: !scriptReadable,
    sameSite,
    partitioned: sameSite === "None",
    ...(domain !== undefined && { domain }),
  });
}
