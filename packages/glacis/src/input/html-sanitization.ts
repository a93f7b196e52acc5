/** Markup that users wrote, cut down to an allow-list (ASVS 5.0 1.3.1, 1.3.4; catalog `html-sanitization`; CWE-79). */
import sanitize from "sanitize-html";
import { rejectUnknownOptions } from "../core/options.ts";
import { dangerouslyTrustHtml, html, type SafeHtml } from "./html.ts";
import { safeUrl } from "./safe-url.ts";

export type RichTextTag =
  | "p"
  | "br"
  | "hr"
  | "h2"
  | "h3"
  | "h4"
  | "blockquote"
  | "pre"
  | "code"
  | "ul"
  | "ol"
  | "li"
  | "strong"
  | "em"
  | "b"
  | "i"
  | "u"
  | "s"
  | "sub"
  | "sup"
  | "a"
  | "table"
  | "thead"
  | "tbody"
  | "tr"
  | "th"
  | "td";

/** What rich text is made of. Nothing among it loads, runs, frames or styles anything. */
const TAGS: readonly RichTextTag[] = [
  "p",
  "br",
  "hr",
  "h2",
  "h3",
  "h4",
  "blockquote",
  "pre",
  "code",
  "ul",
  "ol",
  "li",
  "strong",
  "em",
  "b",
  "i",
  "u",
  "s",
  "sub",
  "sup",
  "a",
  "table",
  "thead",
  "tbody",
  "tr",
  "th",
  "td",
];
/** Their content is no text that anyone wrote to be read. */
const NO_TEXT = [
  "script",
  "style",
  "textarea",
  "option",
  "noscript",
  "title",
  "template",
  "xmp",
  "iframe",
  "svg",
  "math",
];

const MOST_CHARACTERS = 200_000;
const DEEPEST = 60;

export interface HtmlSanitizerOptions {
  /** The elements that stay; every one that is known, unless you say. The text of all others stays too, without them. */
  readonly tags?: readonly RichTextTag[];
  /** Gives the address of an image at your own proxy, or undefined to leave the image out. Without it there are no images. */
  readonly image?: (source: string) => string | undefined;
  /** Longer text is shown as text; 200000 characters. */
  readonly maxCharacters?: number;
}

/**
 * A function that makes safe HTML of what users wrote. No style, class, id or data attributes stay; links get `rel="noopener nofollow ugc"` and lead to
 * http, https, mailto, tel or this site. What cannot be read beyond doubt is shown as plain text.
 *
 * @throws TypeError on an unknown option or tag
 * @example
 * const richText = htmlSanitizer();
 * html`<article>${richText(comment.body)}</article>`
 */
export function htmlSanitizer(options: HtmlSanitizerOptions = {}): (markup: string) => SafeHtml {
  rejectUnknownOptions("htmlSanitizer", options, ["tags", "image", "maxCharacters"]);
  const { tags = TAGS, image, maxCharacters = MOST_CHARACTERS } = options;
  for (const tag of tags) {
    if (!TAGS.includes(tag)) throw new TypeError(`htmlSanitizer knows no tag "${tag}". It knows ${TAGS.join(", ")}.`);
  }
  const profile = profileOf(tags, image);
  return (markup) => {
    if (typeof markup !== "string") throw new TypeError("htmlSanitizer: what users wrote is a string.");
    if (markup.length > maxCharacters) return html`${markup}`;
    const clean = settle(markup, profile);
    return clean === undefined ? html`${markup}` : dangerouslyTrustHtml(clean);
  };
}

type Profile = sanitize.IOptions & { readonly transformTags: Record<string, sanitize.Transformer> };

function profileOf(tags: readonly string[], image: HtmlSanitizerOptions["image"]): Profile {
  return {
    allowedTags: image === undefined ? [...tags] : [...tags, "img"],
    allowedAttributes: { a: ["href", "rel"], img: ["src", "alt"], th: ["scope"] },
    allowedSchemes: ["http", "https", "mailto", "tel"],
    allowProtocolRelative: false,
    disallowedTagsMode: "discard",
    nonTextTags: NO_TEXT,
    nestingLimit: DEEPEST,
    transformTags: {
      a: (tagName, { href }) => ({
        tagName,
        attribs: { ...(href !== undefined && { href: safeUrl(href, true) }), rel: "noopener nofollow ugc" },
      }),
      img: (tagName, { src, alt }) => {
        const own = src === undefined ? undefined : image?.(src);
        return { tagName, attribs: { ...(own !== undefined && { src: safeUrl(own, true) }), alt: alt ?? "" } };
      },
    },
    exclusiveFilter: ({ tag, attribs }) => tag === "img" && attribs["src"] === undefined,
  };
}

/** @returns undefined when the parser gives up, or reads its own output differently, which is how a mutation slips through */
function settle(markup: string, profile: Profile): string | undefined {
  try {
    const clean = sanitize(markup, profile);
    // An image's address is its proxy's by now; it must not be sent there again.
    const { img: _, ...transformTags } = profile.transformTags;
    return sanitize(clean, { ...profile, transformTags }) === clean ? clean : undefined;
  } catch {
    return undefined;
  }
}
