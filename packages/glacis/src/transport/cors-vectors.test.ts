import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Decision } from "../core/decision.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { cors } from "./cors.ts";
import type { CorsOptions } from "./cors-policy.ts";

type Settings = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, string>>;

interface RequestCase {
  readonly id: string;
  readonly kind: "request";
  readonly settings: Settings;
  readonly method: string;
  readonly path: string;
  readonly request_headers: Headers;
  readonly preset?: Headers;
  readonly preflight_short_circuit: boolean;
  readonly headers: Headers;
  readonly signal?: string;
}

interface CheckCase {
  readonly id: string;
  readonly kind: "check";
  readonly settings: Settings;
  readonly ids: readonly string[];
}

const file = loadVectors<RequestCase | CheckCase>("cors");
const requests = (file?.cases ?? []).filter((found) => found.kind === "request");
const checks = (file?.cases ?? []).filter((found) => found.kind === "check");
const defaults = (file?.["defaults"] ?? {}) as Settings;

/** The recorded settings as our options; what has no counterpart is handed over as it is, so that the factory can refuse it. */
function optionsOf(settings: Settings): CorsOptions {
  const get = (name: string): unknown => settings[name];
  const everyone = get("CORS_ALLOW_ALL_ORIGINS") === true || get("CORS_ORIGIN_ALLOW_ALL") === true;
  const patterns = get("CORS_ALLOWED_ORIGIN_REGEXES") ?? get("CORS_ORIGIN_REGEX_WHITELIST");
  const origins = get("CORS_ALLOWED_ORIGINS") ?? get("CORS_ORIGIN_WHITELIST") ?? [];
  const paths = get("CORS_URLS_REGEX");
  const options = {
    origins: everyone ? ["*"] : Array.isArray(patterns) && patterns.length > 0 ? [/pattern/u] : (patterns ?? origins),
    methods: withoutOptions(get("CORS_ALLOW_METHODS") ?? defaults["CORS_ALLOW_METHODS"]),
    allowedHeaders: get("CORS_ALLOW_HEADERS") ?? defaults["CORS_ALLOW_HEADERS"],
    exposedHeaders: get("CORS_EXPOSE_HEADERS") ?? [],
    credentials: get("CORS_ALLOW_CREDENTIALS") ?? false,
    maxAgeSeconds: get("CORS_PREFLIGHT_MAX_AGE") ?? defaults["CORS_PREFLIGHT_MAX_AGE"],
    privateNetwork: get("CORS_ALLOW_PRIVATE_NETWORK") ?? false,
    ...(paths !== undefined && { paths: typeof paths === "string" ? [prefixOf(paths)] : paths }),
  };
  return options as CorsOptions;
}

/** A list that says OPTIONS means the preflight itself, which needs no permission. */
function withoutOptions(methods: unknown): unknown {
  return Array.isArray(methods) ? methods.filter((method) => method !== "OPTIONS") : methods;
}

/** The recorded path patterns are all prefixes in disguise. */
function prefixOf(pattern: string): string {
  return pattern.replace(/^\^/u, "").replace(/\.\*/u, "").replace(/\$$/u, "") || "/";
}

/** Settings that cannot be written here: any origin, patterns, `null`, schemes other than http and https, true for a number of seconds. */
function inexpressible({ settings }: { readonly settings: Settings }): boolean {
  return (
    typeof settings["CORS_PREFLIGHT_MAX_AGE"] === "boolean" ||
    settings["CORS_ALLOW_ALL_ORIGINS"] === true ||
    settings["CORS_ORIGIN_ALLOW_ALL"] === true ||
    settings["CORS_ALLOWED_ORIGIN_REGEXES"] !== undefined ||
    JSON.stringify(settings["CORS_ALLOWED_ORIGINS"] ?? []).match(/"null"|file:/u) !== null
  );
}

/** Why we let through less than the recorded program does. */
function refusalOf(found: RequestCase): string | undefined {
  const { origins = [], methods = [], allowedHeaders = [], paths = [] } = optionsOf(found.settings);
  const { origin = "" } = found.request_headers;
  const asked = found.request_headers["access-control-request-method"];
  const named = listOf(found.request_headers["access-control-request-headers"]);
  if (found.headers[ALLOW_ORIGIN] === undefined) return undefined;
  if (!origins.includes(origin))
    return "an Origin with capitals or a path is none that a browser sends; equality is exact";
  if (
    paths.some(
      (prefix) => found.path.startsWith(prefix) && /^[^/?]/u.test(found.path.slice(prefix.replace(/\/$/u, "").length)),
    )
  )
    return "a path prefix ends at a segment: /api does not cover /apix";
  if (found.method !== "OPTIONS" || asked === undefined) return undefined;
  if (!methods.includes(asked)) return "a preflight for an unlisted method is refused, not answered without it";
  return named.every((name) => allowedHeaders.map((header) => header.toLowerCase()).includes(name))
    ? undefined
    : "a preflight for an unlisted header is refused, not answered without it";
}

const ALLOW_ORIGIN = "access-control-allow-origin";
const listOf = (value: string | undefined): readonly string[] =>
  (value ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "options")
    .sort();

describe.skipIf(file === undefined)("the recorded CORS requests", () => {
  const usable = requests.filter((found) => found.signal === undefined);

  it.each(usable.filter(inexpressible))("$id cannot be configured", ({ settings }) => {
    expect(() => cors(optionsOf(settings))).toThrow(TypeError);
  });

  it.each(usable.filter((found) => !inexpressible(found)))("$id: $method $path", (found) => {
    const control = cors(optionsOf(found.settings));
    const request = sketchExchange({ method: found.method, target: found.path, headers: found.request_headers });
    const decision = control.decide?.(request) as Decision;
    const own = decision.kind === "answer" ? Object.fromEntries(decision.headers) : {};
    const written = Object.entries(found.preset ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
    const draft = sketchResponse({ headers: { ...Object.fromEntries(written), ...own } });
    control.head?.(draft, request);
    const ours = draft.headers();
    const { origin, "access-control-request-method": asked } = found.request_headers;
    const isPreflight = found.method === "OPTIONS" && origin !== undefined && asked !== undefined;

    if (refusalOf(found) !== undefined) {
      expect(ours[ALLOW_ORIGIN]).toBeUndefined();
      return;
    }
    // The application's own header never survives here (recorded: it does for a refused origin).
    const expected = found.preset?.[ALLOW_ORIGIN] === undefined ? found.headers[ALLOW_ORIGIN] : undefined;
    expect(ours[ALLOW_ORIGIN]).toBe(expected);
    expect(ours["access-control-allow-credentials"]).toBe(found.headers["access-control-allow-credentials"]);
    expect(listOf(ours["access-control-expose-headers"])).toEqual(
      listOf(found.headers["access-control-expose-headers"]),
    );

    const origins = optionsOf(found.settings).origins ?? [];
    // Without origins nothing varies; a preflight varies by what it asks for as well.
    if (origins.length > 0)
      expect(listOf(ours["vary"])).toEqual(expect.arrayContaining([...listOf(found.headers["vary"])]));
    else expect(ours["vary"]).toBe(found.preset?.["Vary"]);

    if (!isPreflight) {
      // An OPTIONS request that is no preflight goes to routing and gets no preflight headers (recorded: it does).
      expect(decision.kind).toBe("allow");
      expect(ours["access-control-allow-methods"]).toBeUndefined();
      expect(ours["access-control-allow-private-network"]).toBeUndefined();
      return;
    }
    if (expected === undefined) {
      // A refused preflight is 403 (recorded: 200 without the header, or the view).
      expect(decision).toMatchObject({ kind: "deny", reason: "cors_refused" });
      return;
    }
    expect(decision).toMatchObject({ kind: "answer", status: 204 });
    for (const name of ["access-control-allow-methods", "access-control-allow-headers"]) {
      expect(listOf(ours[name])).toEqual(listOf(found.headers[name]));
    }
    // Zero is said, not left out: silence means five seconds.
    expect(ours["access-control-max-age"]).toBe(found.headers["access-control-max-age"] ?? "0");
    expect(ours["access-control-allow-private-network"]).toBe(found.headers["access-control-allow-private-network"]);
  });
});

describe.skipIf(file === undefined)("the recorded CORS checks", () => {
  it.each(checks)("$id: $settings", ({ settings, ids }) => {
    const build = (): unknown => cors(optionsOf(realized(settings)));
    // Recorded as fine is much that cannot be expressed here.
    if (ids.length > 0 || inexpressible({ settings })) expect(build).toThrow(TypeError);
    else expect(build).not.toThrow();
  });
});

/** Python objects in the recording stand for values of a wrong type. */
function realized(settings: Settings): Settings {
  const wrong = (value: unknown): unknown => {
    const python = (value as { readonly python?: string } | null)?.python;
    if (python === undefined) return value;
    if (python.includes("re.compile")) return [/a/u];
    return python.startsWith("[") ? [{}] : {};
  };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, wrong(value)]));
}
