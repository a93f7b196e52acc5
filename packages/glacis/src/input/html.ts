/** HTML in which every value is encoded for the place it stands in (catalog `output-encoding`; CWE-79, CWE-83, CWE-116). */
import type { Brand } from "../core/brand.ts";
import { readTemplate, type Hole, type HoleContext, type HtmlTemplate } from "./html-context.ts";
import { safeUrl } from "./safe-url.ts";
import { textOfUrl } from "./url.ts";

/** Markup that `html` made or somebody vouches for. `String(markup)` is its text. */
export type SafeHtml = Brand<{ readonly toString: () => string }, "SafeHtml">;

/** Arrays within arrays, at most. It ends cycles too. */
const MAX_DEPTH = 32;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#x27;",
};

/** The text of each SafeHtml. Nothing outside of this file can add to it, so that no object from a request ever counts. */
const texts = new WeakMap<object, string>();
const templates = new WeakMap<TemplateStringsArray, HtmlTemplate>();
const prototype = Object.freeze({
  toString(this: object): string {
    return texts.get(this) ?? "";
  },
});

/**
 * HTML from a template. A value in text or in a quoted attribute is escaped; an address (`href`, `src`, `action` and the like) whose scheme is not
 * http, https, mailto or tel becomes `about:invalid`; within `<script type="application/json">` a value becomes JSON. Null, undefined and false
 * render nothing. In text arrays are joined, and SafeHtml stands as it is. An attribute written `?name="${value}"` is left out altogether for null,
 * undefined and false, and stands without a value for true.
 *
 * @throws TypeError at the first use of a template with a hole elsewhere (tag and attribute names, unquoted attributes, event handlers, styles,
 * scripts, comments), and for a value that its place cannot show
 * @example html`<a href="${user.homepage}" title="${user.name}">${user.name}</a>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): SafeHtml {
  const { parts, holes } = templateOf(strings);
  if (values.length !== holes.length) throw new TypeError("html: every hole of a template needs a value.");
  let text = parts[0] as string;
  for (let index = 0; index < holes.length; index += 1)
    text += renderHole(values[index], holes[index] as Hole) + (parts[index + 1] as string);
  return mint(text);
}

/**
 * Markup that stands as it is in the text of a template. Whoever calls this vouches for every character, such as for the output of a sanitiser.
 *
 * @throws TypeError if the markup is no string
 */
export function dangerouslyTrustHtml(markup: string): SafeHtml {
  if (typeof markup !== "string") throw new TypeError("dangerouslyTrustHtml takes a string.");
  return mint(markup);
}

function mint(text: string): SafeHtml {
  const markup = Object.freeze(Object.create(prototype) as SafeHtml);
  texts.set(markup, text);
  return markup;
}

function templateOf(strings: TemplateStringsArray): HtmlTemplate {
  const known = templates.get(strings);
  if (known !== undefined) return known;
  // The language freezes both; an array that a program or a request made up is not.
  if (
    !Array.isArray(strings) ||
    !Object.isFrozen(strings) ||
    !Object.isFrozen(strings.raw) ||
    strings.raw === undefined
  ) {
    throw new TypeError("html is the tag of a template: write html`...`.");
  }
  if (strings.some((part) => typeof part !== "string"))
    throw new TypeError("html: the template has an escape that means nothing.");
  const template = readTemplate(strings);
  templates.set(strings, template);
  return template;
}

function renderHole(value: unknown, { context, optional }: Hole): string {
  if (optional === undefined) return render(value, context);
  if (value === null || value === undefined || value === false) return "";
  return value === true ? ` ${optional}` : ` ${optional}="${render(value, context)}"`;
}

function render(value: unknown, context: HoleContext): string {
  switch (context) {
    case "text":
      return renderText(value, 0);
    case "plain-text":
    case "attribute":
      return escape(plain(value));
    case "url":
    case "url-start":
      return escape(textOfUrl(value) ?? safeUrl(plain(value), context === "url"));
    case "resource":
      return escape(textOfUrl(value) ?? refuseResource());
    case "json":
      return renderJson(value);
  }
}

function renderText(value: unknown, depth: number): string {
  if (Array.isArray(value)) {
    if (depth === MAX_DEPTH) throw new TypeError(`html: arrays nest more than ${MAX_DEPTH} deep.`);
    return value.map((item) => renderText(item, depth + 1)).join("");
  }
  const markup = typeof value === "object" && value !== null ? texts.get(value) : undefined;
  return markup ?? escape(plain(value));
}

function refuseResource(): never {
  throw new TypeError(
    "html: the address of a script or a style sheet has to be our own: make it with url`/assets/...`.",
  );
}

/** The message names the kind of the value, never the value. */
function plain(value: unknown): string {
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const address = textOfUrl(value);
  if (address !== undefined) return address;
  const kind =
    typeof value === "object" && texts.has(value) ? "SafeHtml" : Array.isArray(value) ? "array" : typeof value;
  throw new TypeError(`html: a value of the kind ${kind} cannot stand here; pass a string or a number.`);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => ENTITIES[character] as string);
}

function renderJson(value: unknown): string {
  if (typeof value === "object" && value !== null && texts.has(value)) plain(value);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`html: a value of the kind ${typeof value} has no JSON.`);
  return text.replace(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`,
  );
}
