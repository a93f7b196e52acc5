import type { ResponseDraft } from "../core/response.ts";

/** A response to hand to a control's `head`, held in memory; `headers()` says what would go out. */
export interface SketchedResponse extends ResponseDraft {
  headers(): Readonly<Record<string, string>>;
}

export interface ResponseSketch {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly setCookies?: readonly string[];
}

/**
 * A response just before its head is written.
 *
 * @param sketch header names in lower case
 * @example
 * const draft = sketchResponse({ status: 302, headers: { location: "//evil.test" } });
 * control.head(draft, sketchExchange());
 */
export function sketchResponse(sketch: ResponseSketch = {}): SketchedResponse {
  const headers = new Map(Object.entries(sketch.headers ?? {}));
  let cookies: readonly string[] = sketch.setCookies ?? [];
  return {
    status: sketch.status ?? 200,
    mediaType: (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "",
    get: (name) => headers.get(name),
    set: (name, value) => void headers.set(name, value),
    add: (name, value) => void headers.set(name, value),
    addConstants: ({ values }) => {
      for (const [name, value] of values) headers.set(name, value);
    },
    remove: (name) => void headers.delete(name),
    hasAny: (names) => [...headers.keys()].some((name) => names.has(name)),
    removeAny: (names) => {
      for (const name of headers.keys()) if (names.has(name)) headers.delete(name);
    },
    get setCookies() {
      return cookies;
    },
    setCookieLines(lines) {
      cookies = [...lines];
    },
    headers: () => Object.fromEntries(headers),
  };
}
