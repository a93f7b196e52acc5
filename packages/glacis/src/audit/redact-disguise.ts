/** A second way to write a character hides what stands there from every pattern, and from nobody who reads the log. */

/** ASCII in full width, which a phone's keyboard makes; digits of Arabic; marks that nobody sees. */
const LOOKALIKE = /[\u200b-\u200d\u2060\ufeff\uff01-\uff5e]|[\u0660-\u0669\u06f0-\u06f9]{4,}/u;
const LOOKALIKES = new RegExp(LOOKALIKE, "gu");
/** An escape of JSON for a printable character, but for the quote and the backslash, which would end a string. */
const JSON_ESCAPES = /\\u00(?:2[013-9a-f]|[346][0-9a-f]|5[0-9abd-f]|7[0-9a-e])/giu;
/** A percent sign that was encoded once more, and again. */
const ENCODED_TWICE = /%(?:25)+(?=[0-9a-f]{2})/giu;
const ENTITIES = /&(?:#0{0,5}64|#x0{0,5}40|commat);/giu;

/**
 * The text with characters as they are usually written, wherever another way to write them could carry a secret past a search.
 *
 * @example
 * plainText("anna\\u0040example.com"); // "anna@example.com"
 */
export function plainText(text: string): string {
  let plain = LOOKALIKE.test(text) ? text.replace(LOOKALIKES, narrow) : text;
  if (plain.includes("\\u00"))
    plain = plain.replace(JSON_ESCAPES, (escape) => String.fromCharCode(Number.parseInt(escape.slice(2), 16)));
  if (plain.includes("%25")) plain = plain.replace(ENCODED_TWICE, "%");
  return plain.includes("&#") || plain.includes("&commat;") ? plain.replace(ENTITIES, "@") : plain;
}

function narrow(found: string): string {
  const code = found.charCodeAt(0);
  if (code >= 0xff01) return code === 0xfeff ? "" : String.fromCharCode(code - 0xfee0);
  if (code < 0x660 || code > 0x6f9) return "";
  return [...found].map((digit) => String(digit.charCodeAt(0) & 15)).join("");
}
