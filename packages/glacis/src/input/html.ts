/** HTML in which every value is encoded for the place it stands in (catalog `output-encoding`; CWE-79, CWE-83, CWE-116). */
import type { Brand } from "../core/brand.ts";
import { readTemplate, type Hole, type HoleContext, type HtmlTemplate } from "./html-context.ts";
import { ownStep, safeUrl } from "./safe-url.ts";
import { textOfUrl } from "./url.ts";

/** Markup that `html` made or somebody vouches for. `String(markup)` is its text. */
export type SafeHtml = Brand<{ readonly toString: () => string }, "SafeHtml">;

/** Arrays within arrays, at most. It ends cycles too. */
const MAX_DEPTH = 32;
const SPECIAL = /[&<>"']/u;
/** An attribute's value that has begun with a slash and nothing that shows: another slash would make it the name of another site. */
const FIRST_SLASH = /["'][\0- ]*\/[\t\n\r]*$/u;
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#x27;",
};

const templates = new WeakMap<TemplateStringsArray, HtmlTemplate>();
/**
 * What SafeHtml is. A class for its private field: nothing but this file can make an object that has one, so that no object from a request ever
 * counts, and asking costs less than a WeakMap.
 */
class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  static textOf(value: object): string | undefined {
    return #text in value ? value.#text : undefined;
  }

  toString(): string {
    return this.#text;
  }
}
// Whoever has markup does not have its constructor.
Object.defineProperty(Markup.prototype, "constructor", { value: Object });

const mint = (text: string): SafeHtml => Object.freeze(new Markup(text)) as unknown as SafeHtml;

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
    text += renderHole(values[index], holes[index] as Hole, text) + (parts[index + 1] as string);
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

/** The text of markup that `html` made; undefined for everything else, however it looks. */
export function textOfHtml(value: unknown): string | undefined {
  return typeof value === "object" && value !== null ? Markup.textOf(value) : undefined;
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

function renderHole(value: unknown, { context, optional }: Hole, before: string): string {
  if (context === "text") return renderText(value, 0);
  if (context === "url-joined") return render(value, FIRST_SLASH.test(before) ? "url-step" : "attribute");
  if (optional === undefined) return render(value, context);
  if (value === null || value === undefined || value === false) return "";
  return value === true ? ` ${optional}` : ` ${optional}="${render(value, context)}"`;
}

function render(value: unknown, context: Exclude<HoleContext, "url-joined">): string {
  switch (context) {
    case "text":
      return renderText(value, 0);
    case "plain-text":
    case "attribute":
      return escape(plain(value));
    case "url":
    case "url-start":
      return escape(textOfUrl(value) ?? safeUrl(plain(value), context === "url"));
    case "url-step":
      return escape(ownStep(plain(value)));
    case "resource":
      return escape(textOfUrl(value) ?? refuseResource());
    case "json":
      return renderJson(value);
  }
}

function renderText(value: unknown, depth: number): string {
  if (typeof value === "string") return escape(value);
  if (typeof value !== "object" || value === null) return escape(plain(value));
  const markup = Markup.textOf(value);
  if (markup !== undefined) return markup;
  if (!Array.isArray(value)) return escape(plain(value));
  if (depth === MAX_DEPTH) throw new TypeError(`html: arrays nest more than ${MAX_DEPTH} deep.`);
  let text = "";
  for (const item of value as readonly unknown[]) text += renderText(item, depth + 1);
  return text;
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
  const kind = textOfHtml(value) !== undefined ? "SafeHtml" : Array.isArray(value) ? "array" : typeof value;
  throw new TypeError(`html: a value of the kind ${kind} cannot stand here; pass a string or a number.`);
}

function escape(text: string): string {
  // Most values need nothing, and looking is cheaper than replacing.
  if (!SPECIAL.test(text)) return text;
  return text.replace(/[&<>"']/gu, (character) => ENTITIES[character] as string);
}

function renderJson(value: unknown): string {
  if (textOfHtml(value) !== undefined) plain(value);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`html: a value of the kind ${typeof value} has no JSON.`);
  return text.replace(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`,
  );
}
