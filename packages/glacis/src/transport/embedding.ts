import { compilePaths } from "./path-list.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** Pages that other sites may show in a frame, and exactly which sites. */
export interface EmbeddablePath {
  /** An exact path, or one that ends in `/*`. */
  readonly path: string;
  /** Exact origins, such as `https://partner.example`, or `'self'`. */
  readonly origins: readonly string[];
}

/** An embeddable path, compiled: the sources for `frame-ancestors`. */
export interface Embedding {
  readonly matches: (path: string) => boolean;
  readonly sources: readonly string[];
}

const ONLY_NONE = ["'none'"];

/**
 * Compiles the embeddable paths. A path without a list of exact origins cannot be expressed.
 *
 * @throws TypeError for a missing list, a wildcard or an origin that is not HTTPS.
 */
export function compileEmbeddings(owner: string, embeddable: readonly EmbeddablePath[]): readonly Embedding[] {
  if (!Array.isArray(embeddable)) throw new TypeError(`${owner}() needs embeddable as a list of { path, origins }.`);
  return embeddable.map(({ path, origins }) => {
    if (!Array.isArray(origins) || origins.length === 0)
      throw new TypeError(
        `${owner}() needs the exact origins that may embed ${path}, such as "https://partner.example".`,
      );
    return { matches: compilePaths(owner, [path]), sources: frameSources(owner, origins) };
  });
}

/**
 * Checks who may frame a page.
 *
 * @returns sources for `frame-ancestors`; `'none'` for an empty list
 */
export function frameSources(owner: string, origins: readonly string[]): readonly string[] {
  for (const origin of origins) {
    if (origin === "'self'" || isExactHttpsOrigin(origin)) continue;
    const hint =
      origin === "self"
        ? "Write \"'self'\", with its quotes."
        : 'Write an exact origin, such as "https://partner.example".';
    throw new TypeError(`${owner}() cannot let ${JSON.stringify(origin)} embed pages. ${hint}`);
  }
  return origins.length === 0 ? ONLY_NONE : [...new Set(origins)];
}

/**
 * An origin as browsers serialise it, over HTTPS: no path, no default port, no wildcard. The URL parser alone is too kind: it takes quotes, commas
 * and semicolons in a host name, which would end the header's value.
 */
export function isExactHttpsOrigin(origin: string): boolean {
  return (
    typeof origin === "string" &&
    /^https:\/\/[a-z0-9.-]+(?::\d{1,5})?$/u.test(origin) &&
    canParseUrl(origin) &&
    new URL(origin).origin === origin
  );
}
