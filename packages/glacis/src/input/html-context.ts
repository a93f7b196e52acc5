/** Where the holes of an HTML template stand (WHATWG HTML, section 13.2.5). What this file cannot place beyond doubt it refuses. */
import { attributeContext, type Attribute, type AttributeContext } from "./html-attribute.ts";

/** How a hole is rendered. `plain-text` is the text of a title or textarea, where no markup can stand. */
export type HoleContext = AttributeContext | "text" | "plain-text" | "json";

/** A template, read. */
export interface HtmlTemplate {
  /** The static parts as they are rendered: one more than there are holes. */
  readonly parts: readonly string[];
  readonly holes: readonly Hole[];
}

export interface Hole {
  readonly context: HoleContext;
  /** The name of the attribute that is left out when there is no value: it was written `?name="${value}"`. */
  readonly optional: string | undefined;
}

interface Reading {
  /** The static parts, joined. */
  readonly source: string;
  /** Where in `source` each hole stands: before the character of that index. */
  readonly offsets: readonly number[];
  /** By the index of the hole. */
  readonly contexts: (HoleContext | undefined)[];
  readonly optional: (string | undefined)[];
}

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly attributes: readonly Attribute[];
  readonly end: number;
}

const NAME = /<(\/?)([a-z][a-z0-9:-]*)/iy;
const ATTRIBUTE = /[\t\n\f\r ]+([^\s"'<>/=\0]+)(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/dy;
const OPTIONAL_START = /[\t\n\f\r ]+\?[^\s"'<>/=\0]+[\t\n\f\r ]*=[\t\n\f\r ]*["']$/u;
const TAG_END = /[\t\n\f\r ]*(\/?)>/y;
const PLAIN_TEXT: ReadonlySet<string> = new Set(["title", "textarea"]);
const RAW: ReadonlySet<string> = new Set(["script", "style", "xmp", "iframe", "noembed", "noframes", "noscript"]);
const JSON_TYPES: ReadonlySet<string | undefined> = new Set(["application/json", "application/ld+json"]);

/**
 * The static parts of a template and what stands between them.
 *
 * @param strings the static parts as written
 * @throws TypeError if a hole stands where no value is safe, or the template does not end in text
 */
export function readTemplate(strings: readonly string[]): HtmlTemplate {
  for (const part of strings) {
    if (/&#?[a-z0-9]*$/iu.test(part))
      refuse("a part ends in an unfinished character reference; write &amp; for the sign", part);
  }
  let offset = 0;
  const offsets = strings.slice(0, -1).map((part) => (offset += part.length));
  const reading: Reading = { source: strings.join(""), offsets, contexts: [], optional: [] };
  readText(reading);
  const holes = offsets.map((_, index): Hole => {
    const context = reading.contexts[index];
    if (context !== undefined) return { context, optional: reading.optional[index] };
    return refuse(
      "here no value is safe; holes stand in text, quoted attributes and JSON",
      strings.slice(0, index + 1).join(""),
    );
  });
  return { parts: withoutOptional(strings, holes), holes };
}

/** Cuts ` ?name="` in front of an optional hole and the quote behind it: both belong to what is rendered, or to nothing. */
function withoutOptional(strings: readonly string[], holes: readonly Hole[]): readonly string[] {
  return strings.map((part, index) => {
    const from = holes[index - 1]?.optional === undefined ? 0 : 1;
    const to = holes[index]?.optional === undefined ? part.length : part.search(OPTIONAL_START);
    return part.slice(from, to);
  });
}

function readText(reading: Reading): void {
  const { source } = reading;
  let position = 0;
  while (position <= source.length) {
    const found = source.indexOf("<", position);
    const textEnd = found === -1 ? source.length : found;
    place(reading, position, textEnd, () => "text");
    if (found === -1) return;
    position = source.startsWith("<!", found) ? skipDeclaration(source, found) : readElement(reading, found);
  }
}

/** The end of a comment or doctype. Holes in it stay without a context. */
function skipDeclaration(source: string, start: number): number {
  if (/^<!doctype[\t\n\f\r ]/iu.test(source.slice(start, start + 10))) {
    const end = source.indexOf(">", start);
    return end === -1 ? refuse("the doctype does not end", source) : end + 1;
  }
  if (!source.startsWith("<!--", start))
    refuse("this declaration is neither a comment nor a doctype", source.slice(0, start + 2));
  const end = source.indexOf("-->", start + 4);
  if (end === -1) refuse("the comment does not end", source);
  const comment = source.slice(start + 4, end);
  // Parsers end these comments earlier than a reader expects.
  if (/^-?>|--!>|<!--/u.test(comment)) refuse("the comment can be read in two ways", source.slice(0, end));
  return end + 3;
}

/** Reads one tag, and for an element whose content is no markup the content too. Returns where reading goes on. */
function readElement(reading: Reading, start: number): number {
  const tag = readTag(reading.source, start);
  const hasHole = reading.offsets.some((offset) => offset > start && offset < tag.end);
  if (tag.closing) return tag.end;
  for (const attribute of tag.attributes) if (attribute.optional) noteOptional(reading, attribute);
  if (hasHole) placeAttributes(reading, tag);
  if (tag.name === "plaintext") refuse("plaintext never ends", reading.source.slice(0, tag.end));
  return PLAIN_TEXT.has(tag.name) || RAW.has(tag.name) ? readRaw(reading, tag) : tag.end;
}

function placeAttributes(reading: Reading, tag: Tag): void {
  const { source, offsets } = reading;
  for (const attribute of tag.attributes) {
    if (!attribute.quoted) continue;
    place(reading, attribute.start, attribute.end, (offset, index) =>
      attributeContext(tag.name, tag.attributes, attribute.name, {
        before: source.slice(attribute.start, offset),
        after: source.slice(offset, attribute.end),
        first: (offsets[index - 1] ?? -1) < attribute.start,
        joined: offsets[index + 1] === offset,
      }),
    );
  }
}

function noteOptional({ source, offsets, optional }: Reading, { name, value, quoted, start, end }: Attribute): void {
  const inside = offsets.flatMap((offset, index) => (offset >= start && offset <= end ? [index] : []));
  const [hole] = inside;
  if (hole === undefined || inside.length > 1 || value !== "" || !quoted)
    refuse(`?${name} takes one value and nothing beside it`, source.slice(0, end));
  optional[hole] = name;
}

function readTag(source: string, start: number): Tag {
  NAME.lastIndex = start;
  const opening = NAME.exec(source);
  if (opening === null) return refuse("a < that starts no tag; write &lt;", source.slice(0, start + 1));
  const attributes: Attribute[] = [];
  let position = NAME.lastIndex;
  for (;;) {
    ATTRIBUTE.lastIndex = position;
    const match = ATTRIBUTE.exec(source);
    if (match === null) break;
    position = ATTRIBUTE.lastIndex;
    const range = match.indices?.[2] ?? match.indices?.[3];
    const [from, to] = range ?? [position, position];
    const written = (match[1] as string).toLowerCase();
    const optional = written.startsWith("?");
    const name = optional ? written.slice(1) : written;
    if (attributes.some((other) => other.name === name))
      refuse(`the attribute ${name} stands there twice`, source.slice(0, position));
    attributes.push({
      name,
      value: match[2] ?? match[3] ?? match[4] ?? "",
      quoted: range !== undefined,
      optional,
      start: from,
      end: to,
    });
  }
  TAG_END.lastIndex = position;
  const ending = TAG_END.exec(source);
  const tag = {
    name: (opening[2] as string).toLowerCase(),
    closing: opening[1] === "/",
    attributes,
    end: TAG_END.lastIndex,
  };
  if (ending === null)
    return refuse(
      `the tag ${tag.name} cannot be read on: a quote is missing or it does not end`,
      source.slice(0, position),
    );
  if (tag.closing && attributes.length > 0) refuse("an end tag has no attributes", source.slice(0, tag.end));
  if (ending[1] === "/" && (PLAIN_TEXT.has(tag.name) || RAW.has(tag.name))) {
    refuse(`${tag.name} does not close itself`, source.slice(0, tag.end));
  }
  return tag;
}

function readRaw(reading: Reading, tag: Tag): number {
  const { source } = reading;
  const rest = source.slice(tag.end);
  const length = rest.search(new RegExp(`</${tag.name}[\\t\\n\\f\\r />]`, "iu"));
  if (length === -1) refuse(`${tag.name} is not closed`, source.slice(0, tag.end));
  const content = rest.slice(0, length);
  const end = tag.end + length;
  const ambiguous = tag.name === "script" ? /<!--/u : /<[a-z/!?]/iu;
  // Inside svg, and where scripts are off, a parser reads it as markup.
  if (tag.name !== "noscript" && ambiguous.test(content)) refuse(`markup within ${tag.name}`, source.slice(0, end));
  if (PLAIN_TEXT.has(tag.name)) place(reading, tag.end, end, () => "plain-text");
  if (tag.name === "script" && isJson(tag)) {
    place(reading, tag.end, end, (offset) => {
      const stands =
        /(?:^|[:[,])\s*$/u.test(source.slice(tag.end, offset)) && /^\s*(?:[,\]}]|$)/u.test(source.slice(offset, end));
      return stands ? "json" : undefined;
    });
  }
  // The end tag is read here: a hole right before it belongs to the content and not to the text that follows.
  return readTag(source, end).end;
}

function isJson(tag: Tag): boolean {
  const type = tag.attributes.find(({ name }) => name === "type");
  return JSON_TYPES.has(type?.value.toLowerCase());
}

type Placing = (offset: number, index: number) => HoleContext | undefined;

/** Gives a context to the holes from one index to another, both included. */
function place(reading: Reading, from: number, to: number, contextAt: Placing): void {
  for (const [index, offset] of reading.offsets.entries()) {
    if (offset >= from && offset <= to) reading.contexts[index] = contextAt(offset, index);
  }
}

function refuse(why: string, upTo: string): never {
  throw new TypeError(`html: ${why} (after ${JSON.stringify(upTo.slice(-60))}).`);
}
