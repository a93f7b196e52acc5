/** Joins two parts of a route pattern. */
export function join(prefix: string, path: string): string {
  if (path === "/" || path === "") return prefix === "" ? "/" : prefix;
  const left = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  return left + (path.startsWith("/") ? path : `/${path}`);
}

/**
 * Whether everything under a prefix pattern includes everything that a route pattern matches. Literal segments and plain parameters are
 * compared; whatever else a framework's pattern language can say is taken for not covered, which asks the developer for a rule of the
 * route's own.
 */
export function covers(prefix: string, pattern: string): boolean {
  if (/[()[\]^$|]/u.test(prefix) || /[()[\]^$|]/u.test(pattern)) return prefix === "/" || prefix === "/*";
  const wanted = segments(prefix);
  if (wanted.at(-1) === "*") wanted.pop();
  // What an optional group adds lies below what stands before it.
  const given = segments(pattern.replace(/\{\/.*$/u, ""));
  return wanted.every((segment, index) => {
    const other = given[index];
    if (other === undefined || isWildcard(other) || isWildcard(segment)) return false;
    return isParameter(segment) ? other !== "" : segment === other;
  });
}

/** An empty segment in the middle is one: `/admin//*` is not in front of `/admin/users`. */
function segments(pattern: string): string[] {
  const inner = pattern.replace(/^\/|\/$/gu, "");
  return inner === "" ? [] : inner.split("/");
}

function isWildcard(segment: string): boolean {
  return segment.includes("*") || segment.includes("{") || segment.endsWith("?") || segment.endsWith("+");
}

function isParameter(segment: string): boolean {
  return /^:\w+$/u.test(segment);
}
