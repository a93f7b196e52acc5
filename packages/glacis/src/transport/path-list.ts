/**
 * Compiles paths to one test. An entry is an exact path, or ends in `/*` and covers everything below.
 *
 * Paths are compared as sent, not decoded: an encoded detour does not match, and no match is always the stricter treatment.
 *
 * @param owner the factory's name, for the message
 * @throws TypeError for an entry that could never match, or would match everything.
 * @example
 * const isCredentialPage = compilePaths("referrerPolicy", ["/reset/*"]);
 */
export function compilePaths(owner: string, paths: readonly string[]): (path: string) => boolean {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const path of paths) {
    if (typeof path !== "string" || !/^\/[^\s?#*]*(?:\/\*)?$/u.test(path) || path === "/*") {
      throw new TypeError(
        `${owner}() takes exact paths such as "/healthz", or "/reset/*" for everything below; ${JSON.stringify(path)} is neither.`,
      );
    }
    if (path.endsWith("/*")) prefixes.push(path.slice(0, -1));
    else exact.add(path);
  }
  if (prefixes.length === 0) return exact.size === 0 ? () => false : (path) => exact.has(path);
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
}
