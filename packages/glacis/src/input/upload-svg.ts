/** SVG is a document that can run scripts and fetch: only drawings pass, by a list of what a drawing is made of (CWE-79, CWE-611, CWE-918). */
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";
import { readUtf8 } from "./upload-text.ts";
import { localName, xmlTags, XmlError, type XmlTag } from "./xml-tokens.ts";

const MOST_BYTES = 1024 * 1024;
/** The one document type that drawing programs write: no reader fetches it, and nothing is declared inside. Whatever else it may be is refused. */
const KNOWN_TYPE =
  /^(\ufeff?(?:<\?xml[^<>]*\?>)?(?:\s|<!--(?:(?!--)[^])*-->)*)<!DOCTYPE svg PUBLIC "-\/\/W3C\/\/DTD SVG 1\.[01]\/\/EN"\s+"https?:\/\/www\.w3\.org\/(?:Graphics\/SVG\/1\.1\/DTD\/svg11|TR\/2001\/REC-SVG-20010904\/DTD\/svg10)\.dtd">/u;
/** Parts that are drawn because another part names them, copies of copies counted each. */
const MOST_DRAWN = 100_000;
/** Of parts in parts, and of copies. */
const DEEPEST_COPY = 512;
const WHOLE = "";
const SVG = "http://www.w3.org/2000/svg";

/** Shapes, paint and text. Not here: script, foreignObject, animation (which can set an address), links, handlers, image, audio and video. */
const ELEMENTS = new Set(
  (
    "svg g defs symbol use title desc metadata path rect circle ellipse line polyline polygon text tspan textPath marker pattern mask clipPath " +
    "linearGradient radialGradient stop filter feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting " +
    "feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology " +
    "feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence style switch"
  ).split(" "),
);
/** Every presentation and geometry attribute is letters and hyphens; what names an address or a program is refused by name, whatever its prefix. */
const ATTRIBUTE = /^(?:[a-z][a-z\d.-]*:)?[a-z][a-z\d.-]*$/iu;
const FORBIDDEN_ATTRIBUTE =
  /^on|^(?:src|srcset|action|formaction|ping|srcdoc|base|background|data|codebase|attributename|from|to|values|begin)$/iu;
/** The escapes of CSS would spell any of this in another way, so none is taken; nor is whatever a browser fetches. */
const ACTIVE_STYLE = /\\|@(?!media\b)|expression|javascript:|behaviou?r|-moz-binding|<!|\/\*/iu;
/** Functions of CSS that take an address, some of them as a bare string. */
const FETCHES = /url|src\s*\(|image\s*\(|image-set|cross-fade|element\s*\(/iu;
const ADDRESS = /url\s*\(\s*(["']?)\s*([^)]*?)\s*\1\s*\)/giu;

/** Judges a file that wants to be a drawing. */
export async function judgeSvg(file: QuarantinedFile): Promise<UploadFault | undefined> {
  if (file.size > MOST_BYTES) return fault("svg_too_large", "svgBytes", MOST_BYTES);
  const document = await readUtf8(file);
  if (document === undefined) return fault("text_encoding");
  try {
    let root = true;
    const copies = copyCounter();
    for (const tag of xmlTags(document.replace(KNOWN_TYPE, "$1"))) {
      const found = tag.closing ? undefined : judgeTag(tag, root);
      if (found !== undefined) return found;
      copies.see(tag);
      root = false;
    }
    return copies.drawn() > MOST_DRAWN ? fault("svg_reference", "svgCopies", MOST_DRAWN) : undefined;
  } catch (error) {
    if (error instanceof XmlError) return fault("svg_malformed");
    throw error;
  }
}

function judgeTag({ name, attributes, text }: XmlTag, root: boolean): UploadFault | undefined {
  // A prefix could name the SVG namespace, or XHTML, whatever it looks like.
  if (!ELEMENTS.has(name)) return fault("svg_element");
  if (root && (name !== "svg" || attributes.get("xmlns") !== SVG)) return fault("svg_malformed");
  if (!root && attributes.has("xmlns") && attributes.get("xmlns") !== SVG) return fault("svg_element");
  for (const [key, value] of attributes) {
    if (!ATTRIBUTE.test(key) || FORBIDDEN_ATTRIBUTE.test(localName(key))) return fault("svg_attribute");
    if (localName(key).toLowerCase() === "href" && !isLocal(value)) return fault("svg_reference");
    if (key.startsWith("xmlns")) continue;
    if (key === "style" ? !isInertStyle(value) : !isInertValue(value)) return fault("svg_reference");
  }
  return name === "style" && !isInertStyle(text) ? fault("svg_reference") : undefined;
}

/** What a part of a drawing holds (0) and what it names (1), by their ids. */
type Parts = [id: string, times: 0 | 1][];

/** How often parts of a drawing are drawn because another part names them: copies of copies grow as a power of their depth. */
function copyCounter(): { readonly see: (tag: XmlTag) => void; readonly drawn: () => number } {
  const parts = new Map<string, Parts>();
  const open: string[] = [WHOLE];
  const known = new Map<string, number>();

  function partsOf(id: string): Parts {
    const before = parts.get(id);
    if (before !== undefined) return before;
    const list: Parts = [];
    parts.set(id, list);
    return list;
  }

  function drawn(id: string, depth: number): number {
    const before = known.get(id);
    if (before !== undefined) return before;
    if (depth > DEEPEST_COPY) return Infinity;
    // A part that draws itself never ends.
    known.set(id, Infinity);
    const count = partsOf(id).reduce((sum, [part, times]) => sum + times + drawn(part, depth + 1), 0);
    known.set(id, count);
    return count;
  }

  return {
    see({ closing, empty, attributes }) {
      if (closing) return void open.pop();
      const around = open.at(-1) ?? WHOLE;
      // An empty id names nothing.
      const id = attributes.get("id") || around;
      if (id !== around) partsOf(around).push([id, 0]);
      for (const [key, value] of attributes)
        for (const part of partsNamed(localName(key).toLowerCase(), value)) partsOf(id).push([part, 1]);
      if (!empty) open.push(id);
    },
    drawn: () => drawn(WHOLE, 0),
  };
}

function partsNamed(key: string, value: string): readonly string[] {
  if (key === "href") return [value.slice(1)];
  return [...value.matchAll(ADDRESS)].map((match) => (match[2] ?? "").slice(1));
}

const isLocal = (address: string): boolean => /^#[\w.:-]+$/u.test(address);

function isInertValue(value: string): boolean {
  // oxlint-disable-next-line no-control-regex
  if (/(?:java|vb)script:|data:/iu.test(value.replaceAll(/[\u0000-\u0020]/gu, ""))) return false;
  return !FETCHES.test(value) || referencesOnlyItself(value);
}

function isInertStyle(text: string): boolean {
  return !ACTIVE_STYLE.test(text) && isInertValue(text);
}

/** Every `url(` is a complete one that names a part of the same document. */
function referencesOnlyItself(value: string): boolean {
  const found = [...value.matchAll(ADDRESS)];
  return (
    found.length === (value.match(/url\s*\(|src\s*\(|image\s*\(|image-set|cross-fade|element\s*\(/giu) ?? []).length &&
    found.every((one) => isLocal(one[2] ?? ""))
  );
}
