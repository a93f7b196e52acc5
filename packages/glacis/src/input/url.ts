/** Addresses of our own making, in which every value is one step of the path or one part of the query (catalog `output-encoding`; RFC 3986). */
import type { Brand } from "../core/brand.ts";

/** An address that `url` made. `String(address)` is its text. */
export type SafeUrl = Brand<{ readonly toString: () => string }, "SafeUrl">;

/** A path of this origin, or one below an origin that stands in the template. `//host` and `/\host` are other origins to a browser. */
const START = /^(?:https?:\/\/[a-z0-9.-]+(?::\d+)?)?\/(?![/\\])/iu;
const DOT_STEP = /^(?:\.|%2e){1,2}$/iu;

const texts = new WeakMap<object, string>();
const prototype = Object.freeze({
  toString(this: object): string {
    return texts.get(this) ?? "";
  },
});

/**
 * An address from a template: what is written is kept, and each value is percent-encoded, so that it cannot become another step, parameter or host.
 *
 * @throws TypeError if the template does not start with a path or an http origin, for a value that is neither a string nor a number, for a step of
 * dots, and for a string that is not well-formed Unicode
 * @example html`<a href="${url`/documents/${id}?tab=${tab}`}">Open</a>`
 */
export function url(strings: TemplateStringsArray, ...values: readonly (string | number | bigint)[]): SafeUrl {
  const [first = ""] = strings;
  if (!START.test(first) && first !== "/")
    throw new TypeError("url: begin the template with a path such as /documents/, or with an origin and a path.");
  const text = strings.reduce((joined, part, index) => joined + encode(values[index - 1]) + part);
  const [path = ""] = text.split(/[?#]/u, 1);
  if (!START.test(text) || path.split("/").some((step) => DOT_STEP.test(step)))
    throw new TypeError("url: a value would lead to another place than the template says.");
  const address = Object.freeze(Object.create(prototype) as SafeUrl);
  texts.set(address, text);
  return address;
}

/** The text of what `url` made; undefined for everything else, however it looks. */
export function textOfUrl(value: unknown): string | undefined {
  return typeof value === "object" && value !== null ? texts.get(value) : undefined;
}

function encode(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return encodeURIComponent(String(value));
  if (typeof value !== "string")
    throw new TypeError(`url: a value of the kind ${typeof value} cannot stand here; pass a string or a number.`);
  try {
    return encodeURIComponent(value);
  } catch {
    throw new TypeError("url: a value is not well-formed Unicode.");
  }
}
