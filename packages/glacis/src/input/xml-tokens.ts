/**
 * Reads the tags of a document that keeps to a small, unambiguous part of XML 1.0: no document type, no entities but the five predefined and
 * numeric ones, no processing instructions but the declaration, UTF-8. Everything else throws: it recognises, it does not repair.
 */

export interface XmlTag {
  /** With its prefix. */
  readonly name: string;
  readonly closing: boolean;
  /** Written `<name/>`: no closing tag follows. */
  readonly empty: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  /** The decoded text between this tag and the next. */
  text: string;
}

/** The document is not of the part of XML that is read here. It quotes nothing. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

const MOST_DEPTH = 256;
/** Namespaces and all, no tag of a document has more. */
const MOST_ATTRIBUTES = 256;
const NAME = "[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?";
const DECLARATION =
  /^\ufeff?<\?xml\s+version\s*=\s*(?:"1\.[01]"|'1\.[01]')(?:\s+encoding\s*=\s*(?:"utf-8"|'utf-8'|"us-ascii"|'us-ascii'))?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/iu;
const TAG = new RegExp(
  `<(/?)(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*')){0,${MOST_ATTRIBUTES}})\\s*(/?)>`,
  "yu",
);
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "gu");
const COMMENT = /<!--(?:(?!--)[^])*-->/uy;
const PREDEFINED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Every tag in order. Names are kept as written; attribute values and text are decoded.
 *
 * @throws XmlError
 */
export function* xmlTags(document: string): Generator<XmlTag> {
  let at = DECLARATION.exec(document)?.[0].length ?? (document.startsWith("\ufeff") ? 1 : 0);
  const open: string[] = [];
  let seen = 0;
  let last: XmlTag | undefined;
  while (at < document.length) {
    const next = document.indexOf("<", at);
    const text = decodeText(document.slice(at, next === -1 ? document.length : next));
    if (last !== undefined) last.text += text;
    if (open.length === 0 && text.trim() !== "") throw new XmlError("Text stands outside the root.");
    if (next === -1) break;
    COMMENT.lastIndex = next;
    if (COMMENT.test(document)) {
      at = COMMENT.lastIndex;
      continue;
    }
    if (last !== undefined) yield last;
    const { tag, end } = readTag(document, next);
    if (tag.closing ? open.pop() !== tag.name : open.length === 0 && seen > 0) throw new XmlError("Tags do not match.");
    if (!tag.closing && !tag.empty) open.push(tag.name);
    if (open.length > MOST_DEPTH) throw new XmlError("Nested too deeply.");
    seen += 1;
    last = tag;
    at = end;
  }
  if (open.length > 0 || last === undefined) throw new XmlError("The document is incomplete.");
  yield last;
}

function readTag(document: string, start: number): { readonly tag: XmlTag; readonly end: number } {
  TAG.lastIndex = start;
  const found = TAG.exec(document);
  if (found === null) throw new XmlError("Not a plain tag.");
  const [whole, slash, name = "", list = "", empty] = found;
  const closing = slash === "/";
  if (closing && (list !== "" || empty === "/")) throw new XmlError("A closing tag has attributes.");
  const attributes = new Map<string, string>();
  for (const [, key = "", double, single] of list.matchAll(ATTRIBUTE)) {
    if (attributes.has(key)) throw new XmlError("An attribute is given twice.");
    attributes.set(key, decodeText(double ?? single ?? ""));
  }
  return { tag: { name, closing, empty: empty === "/", attributes, text: "" }, end: start + whole.length };
}

/** Text with its references resolved. @throws XmlError for an entity that is not predefined */
export function decodeText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:#x([\da-fA-F]{1,6})|#(\d{1,7})|([a-z]{2,4}));|&/gu, (_whole, hex, decimal, name) => {
    if (name !== undefined && Object.hasOwn(PREDEFINED, name as string)) return PREDEFINED[name as string] as string;
    const point = hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex as string, 16);
    if (!(point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)))
      throw new XmlError("An unknown entity.");
    return String.fromCodePoint(point);
  });
}

/** The part of a name behind its prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
