/** What a hole in a quoted attribute may become: data, an address, or nothing safe at all. */

export interface Attribute {
  /** In lower case. */
  readonly name: string;
  /** The static text of the value; holes leave no trace in it. */
  readonly value: string;
  readonly quoted: boolean;
  /** Written `?name`: left out when its value is null, undefined or false. */
  readonly optional: boolean;
  /** Where the value starts in the template. */
  readonly start: number;
  /** Where its closing quote stands. */
  readonly end: number;
}

/**
 * As data; as an address that is complete (`url`); as the start of an address that goes on behind the hole (`url-start`); as the first step of a path
 * of this site (`url-step`); as what follows other values at the front of an address (`url-joined`); as the address of a program or a style sheet, which has to be our own (`resource`).
 */
export type AttributeContext = "attribute" | "url" | "url-start" | "url-step" | "url-joined" | "resource";

/** Where in the value a hole stands. */
export interface HolePlace {
  /** The static text of the value in front of the hole. */
  readonly before: string;
  /** The static text of the value behind it. */
  readonly after: string;
  /** Whether no other hole of the value stands in front of it. */
  readonly first: boolean;
  /** Whether the next hole follows without any text between. */
  readonly joined: boolean;
}

/** What may hold data: plain names only, so that `@click`, `:title` and `hx-on:click` of the frameworks are none. */
const PLAIN_NAME = /^(?:[a-z][a-z0-9-]*|xlink:href)$/u;
/** Attributes whose value browsers or common libraries run, and lists of addresses. */
const EXECUTES =
  /^(?:on|x-|v-|data-on-|(?:data-)?(?:ng-|hx-(?:on|vals|vars|headers|trigger|request))|style$|srcdoc$|http-equiv$|srcset$|imagesrcset$|ping$|attributionsrc$)/u;
/** Elements that change other elements by their attributes, or load programs, or move every address of the page. */
const NO_DATA: ReadonlySet<string> = new Set([
  "animate",
  "animatemotion",
  "animatetransform",
  "applet",
  "base",
  "embed",
  "object",
  "param",
  "set",
]);
const ADDRESSES: ReadonlySet<string> = new Set([
  "action",
  "background",
  "cite",
  "data",
  "dynsrc",
  "formaction",
  "href",
  "icon",
  "longdesc",
  "lowsrc",
  "manifest",
  "poster",
  "profile",
  "src",
  "xlink:href",
]);
/** Relations of a link element that load nothing which could act. */
const HARMLESS_LINKS: ReadonlySet<string> = new Set([
  "alternate",
  "author",
  "canonical",
  "help",
  "icon",
  "license",
  "next",
  "prev",
  "search",
]);
/** A start after which no scheme can arise any more. It has no `&`: what a reference stands for is not looked at. */
const SETTLED = /^(?:(?:https?|mailto|tel):|[a-z0-9._~%-]*[/?#])/iu;

/**
 * The context of a hole in a quoted attribute, or undefined where no value is safe.
 *
 * @param element the element's name in lower case
 * @param attributes every attribute of the tag
 * @param name the name of the attribute that the hole stands in
 * @param hole where in the value it stands
 */
export function attributeContext(
  element: string,
  attributes: readonly Attribute[],
  name: string,
  hole: HolePlace,
): AttributeContext | undefined {
  if (!PLAIN_NAME.test(name) || EXECUTES.test(name) || NO_DATA.has(element)) return undefined;
  if (loadsProgram(element, attributes, name)) return isWhole(hole) ? "resource" : undefined;
  if (actsOnPage(element, attributes, name)) return undefined;
  if (ADDRESSES.has(name) && hole.before === "/") return "url-step";
  if (!ADDRESSES.has(name)) return "attribute";
  // The first hole of an address has settled its scheme, or has become about:invalid.
  if (!hole.first) return hole.before === "" ? "url-joined" : "attribute";
  if (hole.before !== "") return SETTLED.test(hole.before) ? "attribute" : undefined;
  return !hole.joined && /^(?:$|[/?#])/u.test(hole.after) ? "url" : "url-start";
}

function isWhole({ before, after, first, joined }: HolePlace): boolean {
  return before === "" && after === "" && first && !joined;
}

function loadsProgram(element: string, attributes: readonly Attribute[], name: string): boolean {
  switch (element) {
    case "script":
      return name === "src" || name === "href" || name === "xlink:href";
    case "link":
      return name === "href" && !(valueOf(attributes, "rel") ?? "").split(" ").every(isHarmlessLink);
    default:
      return false;
  }
}

function actsOnPage(element: string, attributes: readonly Attribute[], name: string): boolean {
  switch (element) {
    case "script":
      return name === "type" || name === "language";
    case "link":
      return name === "rel";
    case "meta":
      // With http-equiv the content is an instruction to the browser, such as to go elsewhere.
      return name === "content" && valueOf(attributes, "http-equiv") !== undefined;
    default:
      return false;
  }
}

function valueOf(attributes: readonly Attribute[], name: string): string | undefined {
  return attributes.find((attribute) => attribute.name === name)?.value;
}

function isHarmlessLink(relation: string): boolean {
  return HARMLESS_LINKS.has(relation.toLowerCase());
}
