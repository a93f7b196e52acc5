/** What a user says about each route, and how it becomes a request with somebody's ids in it. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { SealedRoute } from "../core/security.ts";
import type { Ask } from "./attack-matrix-client.ts";
import { fill, hasPlaceholder, type Resolve } from "./attack-matrix-world.ts";

type Texts = Readonly<Record<string, string>>;

/** One honest request of a route. `{document}`, `{member.id}`, `{member.email}` and `{tenant}` stand for what the attacked tenant has. */
export interface RouteCase {
  /** For each parameter of the pattern, and `*` for a wildcard: `{ id: "{document}" }`. */
  readonly params?: Texts;
  readonly query?: Texts;
  readonly headers?: Texts;
  /** The body, as one of these. */
  readonly json?: unknown;
  readonly form?: Texts;
  readonly raw?: { readonly type: string; readonly text: string };
  /**
   * The people of a tenant who may do this at home; all of them without it. It never follows from the access rule, which is what is tried: a
   * route that is open by mistake must not count as meant.
   */
  readonly allowed?: "everyone" | readonly string[];
  /** The method to use on a route that takes any. */
  readonly method?: string;
  /** A route about the caller alone, such as a profile: it neither shows nor changes anything of a colleague. */
  readonly self?: boolean;
  /**
   * The tables in which an honest request changes something; empty for a POST that only asks. Without it some change must show: where an honest
   * write changes nothing, a forged one would not show either, and the case is invalid.
   */
  readonly changes?: readonly string[];
  /** What an honest answer holds, such as `["{document}"]`: an empty list for everybody would prove nothing. */
  readonly shows?: readonly string[];
}

/** A route that is left alone, with the reason in words. It stands in the report. */
export interface WaivedCase {
  readonly waived: string;
}

/** A case made ready: everything checked, nothing filled in. */
export interface PreparedCase {
  readonly route: string;
  readonly pattern: string;
  readonly method: string;
  readonly wanted: RouteCase;
  readonly everyone: boolean;
  readonly allowed: readonly string[];
  /** Where placeholders stand, such as `path id` or `json filter.owner`. */
  readonly places: readonly string[];
}

const CASE_NAMES = [
  "params",
  "query",
  "headers",
  "json",
  "form",
  "raw",
  "allowed",
  "method",
  "changes",
  "shows",
  "self",
];
const PARAMETER = /:(\w+)(?:\{(?:[^{}]|\{[^{}]*\})*\}|\([^)]*\))?[?+*]?|\*(\w*)/gu;

export function nameOfRoute({ method, pattern }: Pick<SealedRoute, "method" | "pattern">): string {
  return `${method} ${pattern}`;
}

/**
 * @param people those who see most first: whoever asks first may leave his answer in a cache
 * @throws TypeError on whatever the case leaves out or cannot mean
 */
export function prepareCase(route: SealedRoute, wanted: RouteCase, people: readonly string[]): PreparedCase {
  const name = nameOfRoute(route);
  rejectUnknownOptions(`the case of ${name}`, wanted, CASE_NAMES);
  const bodies = [wanted.json, wanted.form, wanted.raw].filter((body) => body !== undefined);
  if (bodies.length > 1) throw new TypeError(`The case of ${name} has several bodies. Give json, form or raw.`);
  for (const key of paramsOf(route.pattern)) {
    if (wanted.params?.[key] === undefined)
      throw new TypeError(`The case of ${name} needs params: { ${JSON.stringify(key)}: ... }.`);
  }
  const { allowed = people } = wanted;
  const stranger = allowed === "everyone" ? undefined : allowed.find((person) => !people.includes(person));
  if (stranger !== undefined)
    throw new TypeError(
      `The case of ${name} allows "${stranger}", and there is no such person. People: ${people.join(", ")}.`,
    );
  if (allowed.length === 0)
    throw new TypeError(`The case of ${name} allows nobody, so nothing could prove that it works.`);
  const hasBody = bodies.length > 0;
  const method = route.method === "*" ? (wanted.method ?? (hasBody ? "POST" : "GET")) : route.method;
  const places: string[] = [];
  const prepared = { route: name, pattern: route.pattern, method, wanted, places };
  requestOf(prepared, {}, (place) => {
    if (!places.includes(place)) places.push(place);
    return () => "";
  });
  return {
    ...prepared,
    everyone: allowed === "everyone",
    allowed: people.filter((person) => allowed === "everyone" || allowed.includes(person)),
  };
}

function paramsOf(pattern: string): readonly string[] {
  return [...pattern.matchAll(PARAMETER)].map(
    ([, name, wildcard]) => name ?? (wildcard === "" || wildcard === undefined ? "*" : wildcard),
  );
}

/**
 * The request of a case.
 *
 * @param resolveAt whose ids stand at a place
 */
export function requestOf(
  { pattern, method, wanted }: Pick<PreparedCase, "pattern" | "method" | "wanted">,
  headers: Texts,
  resolveAt: (place: string) => Resolve,
): Ask {
  const at = (place: string, text: string): string => (hasPlaceholder(text) ? fill(text, resolveAt(place)) : text);
  const filled = (kind: string, texts: Texts = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, at(`${kind} ${key}`, text)]));
  const path = pattern
    .replaceAll(PARAMETER, (_, name: string | undefined, wildcard: string | undefined) => {
      const key = name ?? (wildcard === "" || wildcard === undefined ? "*" : wildcard);
      return encodeURIComponent(at(`path ${key}`, wanted.params?.[key] ?? ""));
    })
    .replaceAll(/[{}]/gu, "");
  const query = new URLSearchParams(filled("query", wanted.query)).toString();
  const body = bodyOf(wanted, at, filled);
  return {
    method,
    target: query === "" ? path : `${path}?${query}`,
    headers: { ...headers, ...filled("header", wanted.headers), ...(body && { "content-type": body.type }) },
    ...(body && { body: body.text }),
  };
}

function bodyOf(
  { json, form, raw }: RouteCase,
  at: (place: string, text: string) => string,
  filled: (kind: string, texts?: Texts) => Record<string, string>,
): { readonly type: string; readonly text: string } | undefined {
  if (json !== undefined) return { type: "application/json", text: JSON.stringify(fillJson(json, "json", at)) };
  if (form !== undefined)
    return { type: "application/x-www-form-urlencoded", text: new URLSearchParams(filled("form", form)).toString() };
  return raw && { type: raw.type, text: at("raw", raw.text) };
}

function fillJson(value: unknown, place: string, at: (place: string, text: string) => string): unknown {
  if (typeof value === "string") return at(place, value);
  if (Array.isArray(value)) return value.map((item, index) => fillJson(item, `${place}.${index}`, at));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      fillJson(item, place === "json" ? `json ${key}` : `${place}.${key}`, at),
    ]),
  );
}
