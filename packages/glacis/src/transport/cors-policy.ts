import { rejectUnknownOptions } from "../core/options.ts";
import { isToken } from "../primitives/cookie-grammar.ts";
import { parseOrigin } from "../primitives/origin.ts";

export interface CorsOptions {
  /** Exact origins that may read responses, such as `https://partner.example`. None unless you say otherwise. */
  readonly origins?: readonly string[];
  /** Methods that those origins may use. */
  readonly methods?: readonly string[];
  /** Request headers that those origins may send. */
  readonly allowedHeaders?: readonly string[];
  /** Response headers that their script may read. */
  readonly exposedHeaders?: readonly string[];
  /** Whether the browser may attach cookies: for every origin, or for those listed. Never unless you say otherwise. */
  readonly credentials?: boolean | readonly string[];
  /** How long a browser may remember a preflight's answer, in seconds. Ten minutes unless you say otherwise. */
  readonly maxAgeSeconds?: number;
  /** Path prefixes, by whole segments, that other origins may call. Every path unless you say otherwise. */
  readonly paths?: readonly string[];
  /** Lets pages of those origins reach this server when it stands in a private network. */
  readonly privateNetwork?: boolean;
}

const OPTION_NAMES: readonly (keyof CorsOptions)[] = [
  "origins",
  "methods",
  "allowedHeaders",
  "exposedHeaders",
  "credentials",
  "maxAgeSeconds",
  "paths",
  "privateNetwork",
];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const ALLOWED_HEADERS = ["accept", "authorization", "content-type", "x-csrf-token", "x-request-id", "x-requested-with"];
const MAX_AGE_SECONDS = 600;
/** Methods that no browser sends for a page, or that only a preflight uses. */
const IMPOSSIBLE_METHODS = new Set(["CONNECT", "TRACE", "TRACK", "OPTIONS"]);

/** The options, validated and in canonical form. */
export interface CorsPolicy {
  readonly origins: ReadonlySet<string>;
  readonly credentialed: ReadonlySet<string>;
  readonly methods: ReadonlySet<string>;
  readonly allowedHeaders: ReadonlySet<string>;
  readonly exposedHeaders: readonly string[];
  readonly maxAgeSeconds: number;
  readonly privateNetwork: boolean;
  /** True when other origins may call this path at all. */
  readonly covers: (path: string) => boolean;
}

/**
 * Validates the options once.
 *
 * @throws TypeError on a wildcard, a pattern, `null`, or any other value that is not one exact thing.
 */
export function compilePolicy(options: CorsOptions): CorsPolicy {
  rejectUnknownOptions("cors", options, OPTION_NAMES);
  const { maxAgeSeconds = MAX_AGE_SECONDS, privateNetwork = false, credentials = false } = options;
  const origins = new Set(list("origins", options.origins ?? []).map((text) => parseOrigin("cors({ origins })", text)));
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 0) {
    throw new TypeError("cors() needs maxAgeSeconds as a whole number of seconds, zero or more.");
  }
  if (typeof privateNetwork !== "boolean") throw new TypeError("cors() needs privateNetwork as true or false.");
  return {
    origins,
    credentialed: credentialedOrigins(credentials, origins),
    methods: new Set(list("methods", options.methods ?? METHODS).map(methodName)),
    allowedHeaders: new Set(
      list("allowedHeaders", options.allowedHeaders ?? ALLOWED_HEADERS).map((name) =>
        headerName("allowedHeaders", name),
      ),
    ),
    exposedHeaders: list("exposedHeaders", options.exposedHeaders ?? []).map((name) =>
      headerName("exposedHeaders", name),
    ),
    maxAgeSeconds,
    privateNetwork,
    covers: pathCover(options.paths),
  };
}

/** JavaScript callers hand over a single string, whose letters would then be the list. */
function list(option: string, values: unknown): readonly unknown[] {
  if (!Array.isArray(values)) throw new TypeError(`cors() needs ${option} as an array.`);
  return values as readonly unknown[];
}

function credentialedOrigins(credentials: unknown, origins: ReadonlySet<string>): ReadonlySet<string> {
  if (credentials === true) return origins;
  if (credentials === false) return new Set();
  const listed = list("credentials", credentials).map((text) => parseOrigin("cors({ credentials })", text));
  for (const origin of listed) {
    if (!origins.has(origin)) {
      throw new TypeError(
        `cors({ credentials }) names ${origin}, which is not in origins. Add it there, or leave it out.`,
      );
    }
  }
  return new Set(listed);
}

function methodName(method: unknown): string {
  if (method === "*") throw new TypeError("cors({ methods }) takes no wildcard. List each method.");
  if (typeof method !== "string" || !isToken(method) || method !== method.toUpperCase()) {
    throw new TypeError('cors({ methods }) takes method names in capitals, such as "PUT".');
  }
  if (IMPOSSIBLE_METHODS.has(method)) {
    throw new TypeError(`cors({ methods }) takes no ${method}: no page can send it. Leave it out.`);
  }
  return method;
}

function headerName(option: string, name: unknown): string {
  if (name === "*") throw new TypeError(`cors({ ${option} }) takes no wildcard. List each header.`);
  if (typeof name !== "string" || !isToken(name)) {
    throw new TypeError(`cors({ ${option} }) takes header names, such as "x-request-id".`);
  }
  return name.toLowerCase();
}

/** A path as sent that climbs, plainly or encoded, could be routed elsewhere than its prefix says. */
const CLIMBS = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|%2f|%5c|\\/iu;

function pathCover(paths: readonly string[] | undefined): (path: string) => boolean {
  if (paths === undefined) return () => true;
  const prefixes = list("paths", paths).map((path) => {
    if (
      typeof path !== "string" ||
      !/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/u.test(path) ||
      path.includes("*") ||
      CLIMBS.test(path)
    ) {
      throw new TypeError('cors({ paths }) takes path prefixes, such as "/api". No pattern, query or dot segment.');
    }
    return path.endsWith("/") ? path.slice(0, -1) : path;
  });
  return (path) =>
    prefixes.some(
      (prefix) => path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/"),
    ) && !CLIMBS.test(path);
}
