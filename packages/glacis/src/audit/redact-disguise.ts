/** A second way to write a character hides what stands there from every pattern, and from nobody who reads the log. */

/** ASCII in full width, which a phone's keyboard makes; digits of Arabic; marks that nobody sees. */
const LOOKALIKES = /[\u00ad\u200b-\u200d\u2060\ufeff\uff01-\uff5e]|[\u0660-\u0669\u06f0-\u06f9]{4,}/gu;
const ASCII = /^[\u0000-\u007f]*$/u;
/** An escape of JSON for a printable character, but for the quote and the backslash, which would end a string. */
const JSON_ESCAPES = /\\u00(?:2[013-9a-f]|[346][0-9a-f]|5[0-9abd-f]|7[0-9a-e])/giu;
/** A percent sign that was encoded once more, and again. */
const ENCODED_TWICE = /%(?:25)+(?=[0-9a-f]{2})/giu;
/** Letters of Cyrillic and Greek that are drawn like Latin ones, and those (Unicode TR 39). */
const CONFUSABLE =
  "\u0430a\u0435e\u043eo\u0440p\u0441c\u0443y\u0445x\u0456i\u0458j\u0455s\u04bbh\u0501d\u051bq\u051dw\u043ak\u0442t\u043dn\u043cm\u0432b\u0433r\u0475v\u0410A\u0412B\u0421C\u0415E\u041dH\u0406I\u0408J\u041aK\u041cM\u041eO\u0420P\u0405S\u0422T\u0425X\u0423Y\u03b1a\u03b5e\u03b9i\u03bak\u03bdv\u03bfo\u03c1p\u03c4t\u03c5u\u03c7x\u03c9w\u0391A\u0392B\u0395E\u0397H\u0399I\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T\u03a7X\u03a5Y\u0396Z\u0131i\u0261g\u026ai\u1d0ao\u1d0bk\u017fs\u212aK";
const LATIN: ReadonlyMap<string, string> = new Map(
  Array.from({ length: CONFUSABLE.length / 2 }, (_, index) => [
    CONFUSABLE.charAt(2 * index),
    CONFUSABLE.charAt(2 * index + 1),
  ]),
);
const CONFUSABLES = [...LATIN.keys()].join("");
/** A word of both: nobody's language, and to the eye the word that it is not. */
const MIXED = new RegExp(
  String.raw`(?<![A-Za-z_${CONFUSABLES}])(?=[A-Za-z_]{0,64}[${CONFUSABLES}])(?=[${CONFUSABLES}_]{0,64}[A-Za-z])[A-Za-z_${CONFUSABLES}]+`,
  "gu",
);
/** Colours of a terminal, which stand between a name and its value where objects are printed for one; in JSON as an escape. */
const COLOURS = /(?:\u001b|\\u001b|\\x1b)\[[\d;]{0,32}m/giu;
const ENTITIES = /&(?:#0{0,5}64|#x0{0,5}40|commat);/giu;

/** What a text has at least one of, if anything in it is written in another way. */
export const DISGUISES: readonly string[] = [
  ..."\\%&\u001b\u200b\u200c\u200d\u2060\ufeff\u00ad",
  ...LATIN.keys(),
  ...charactersFrom(0xff01, 0xff5e),
  ...charactersFrom(0x660, 0x669),
  ...charactersFrom(0x6f0, 0x6f9),
];

function charactersFrom(first: number, last: number): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
}

/**
 * A name as the eye reads it: compatible forms, marks that nobody sees and letters of other scripts that look like Latin ones.
 *
 * @example
 * plainName("p\u0430ssword"); // "password", whose second letter was Cyrillic
 */
export function plainName(name: string): string {
  if (/^[\u0020-\u007e]*$/u.test(name)) return name;
  const compatible = name.normalize("NFKC").replaceAll(/\p{Cf}/gu, "");
  return [...compatible].map((character) => LATIN.get(character) ?? character).join("");
}

/**
 * The text with characters as they are usually written, wherever another way to write them could carry a secret past a search.
 *
 * @example
 * plainText("anna\\u0040example.com"); // "anna@example.com"
 */
export function plainText(text: string): string {
  const isAscii = ASCII.test(text);
  let plain = isAscii ? text : text.replace(LOOKALIKES, narrow);
  if (plain.includes("[")) plain = plain.replace(COLOURS, "");
  if (plain.includes("\\u00"))
    plain = plain.replace(JSON_ESCAPES, (escape) => String.fromCharCode(Number.parseInt(escape.slice(2), 16)));
  if (plain.includes("%25")) plain = plain.replace(ENCODED_TWICE, "%");
  if (!isAscii) plain = plain.replace(MIXED, (word) => [...word].map((letter) => LATIN.get(letter) ?? letter).join(""));
  return plain.includes("&#") || plain.includes("&commat;") ? plain.replace(ENTITIES, "@") : plain;
}

function narrow(found: string): string {
  const code = found.charCodeAt(0);
  if (code >= 0xff01) return code === 0xfeff ? "" : String.fromCharCode(code - 0xfee0);
  if (code < 0x660 || code > 0x6f9) return "";
  return [...found].map((digit) => String(digit.charCodeAt(0) & 15)).join("");
}
