/** The Observatory's reading of cookies: the worst one counts. */
interface Result {
  readonly result: string;
  readonly modifier: number;
}

interface SeenCookie {
  readonly name: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: string | undefined;
}

/** @param hstsPasses the page's Strict-Transport-Security is sound, which keeps a browser from plain HTTP */
export function scoreCookies(setCookies: readonly string[], hstsPasses: boolean): Result {
  if (setCookies.length === 0) return { result: "none", modifier: 0 };
  const cookies = setCookies.map(readCookie);
  const faults = cookies.flatMap((cookie) => scoreCookie(cookie, hstsPasses) ?? []);
  if (faults.length > 0) return faults.reduce((worst, next) => (next.modifier < worst.modifier ? next : worst));
  return cookies.every(({ sameSite }) => sameSite !== undefined)
    ? { result: "Secure, HttpOnly and SameSite", modifier: 5 }
    : { result: "Secure and HttpOnly", modifier: 0 };
}

function readCookie(line: string): SeenCookie {
  const [pair = "", ...attributes] = line.split(";");
  const named = new Map(
    attributes.map((attribute) => {
      const [name = "", value = ""] = attribute.split("=", 2);
      return [name.trim().toLowerCase(), value.trim().toLowerCase()] as const;
    }),
  );
  return {
    name: (pair.split("=", 1)[0] ?? "").trim().toLowerCase(),
    secure: named.has("secure"),
    httpOnly: named.has("httponly"),
    sameSite: named.get("samesite"),
  };
}

function scoreCookie({ name, secure, httpOnly, sameSite }: SeenCookie, hstsPasses: boolean): Result | undefined {
  const session = name.includes("login") || name.includes("sess");
  if (session && !secure && !hstsPasses) return { result: "a session cookie without Secure", modifier: -40 };
  if (session && !httpOnly) return { result: "a session cookie without HttpOnly", modifier: -30 };
  if (sameSite !== undefined && (!["strict", "lax", "none"].includes(sameSite) || (sameSite === "none" && !secure)))
    return { result: "an invalid SameSite", modifier: -20 };
  if (name.includes("csrf") && sameSite === undefined)
    return { result: "a CSRF cookie without SameSite", modifier: -20 };
  if (secure) return undefined;
  if (!hstsPasses) return { result: "a cookie without Secure", modifier: -20 };
  return session
    ? { result: "a session cookie without Secure, under HSTS", modifier: -10 }
    : { result: "a cookie without Secure, under HSTS", modifier: -5 };
}
