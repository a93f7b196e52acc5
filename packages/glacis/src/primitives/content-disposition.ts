/** File names for downloads, safe in a header and safe on the disk that they land on (RFC 6266, RFC 8187; CWE-113, CWE-451). */

/** What file systems take for one name. */
const MAX_NAME_BYTES = 255;

/**
 * A Content-Disposition value that makes the browser save the response instead of showing it.
 *
 * The name is a suggestion to somebody else's machine, so it is cleaned first: only what follows the last slash or backslash, no control, format
 * or bidirectional characters (which hide a real extension), none of the characters that Windows forbids, no dots or spaces at the ends, no device
 * names, at most 255 bytes with the extension kept. Names beyond ASCII go out twice: readable for old clients, exact for all others.
 *
 * @param filename any text, such as the name that an upload came with; without it the client chooses
 * @example
 * attachment("Q3 r\u00e9sum\u00e9.pdf"); // attachment; filename="Q3 r_sum_.pdf"; filename*=UTF-8''Q3%20r%C3%A9sum%C3%A9.pdf
 */
export function attachment(filename?: string): string {
  return disposition("attachment", filename);
}

/** The same for a response that is shown in place; the name is used when somebody saves it. Serve only types that you know to be harmless. */
export function inline(filename?: string): string {
  return disposition("inline", filename);
}

function disposition(type: "attachment" | "inline", filename: string | undefined): string {
  if (filename === undefined || filename === "") return type;
  const name = safeFilename(filename);
  const ascii = name.replaceAll(/[^\x20-\x7e]/gu, "_");
  // RFC 6266 appendix D: some clients decode percent signs in the plain form, so a name that has one is sent in both.
  const plain = ascii.replaceAll("%", "_");
  return plain === name
    ? `${type}; filename="${name}"`
    : `${type}; filename="${plain}"; filename*=UTF-8''${extendedValue(name)}`;
}

/** RFC 8187 section 3.2.1: percent-encoded UTF-8, all but attr-char. */
function extendedValue(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /['()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * One path-free name that every file system takes, as close to the given one as that allows; `download` when nothing is left.
 *
 * @example
 * safeFilename("../../etc/passwd\u202e"); // "passwd"
 */
export function safeFilename(filename: string): string {
  const last = filename.split(/[/\\]/u).findLast((part) => /[^.\s]/u.test(part)) ?? "";
  const cleaned = last
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, "")
    .normalize("NFC")
    .replaceAll(/["*:<>?|]/gu, "_")
    .replaceAll(/\s/gu, " ");
  const trimmed = trimEnds(shorten(trimEnds(cleaned)));
  if (trimmed === "") return "download";
  return DEVICE_NAME.test(trimmed) ? `_${trimmed}` : trimmed;
}

/** Dots in front hide a file; dots and spaces behind are dropped by Windows, and with them what they were meant to disguise. */
function trimEnds(name: string): string {
  let start = 0;
  let end = name.length;
  while (start < end && (name[start] === "." || name[start] === " ")) start += 1;
  while (end > start && (name[end - 1] === "." || name[end - 1] === " ")) end -= 1;
  return name.slice(start, end);
}

/** Windows opens the device whatever the extension says. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?: *\.|$)/iu;

/** Cuts the middle out of a long name by whole characters; an extension of ordinary length survives. */
function shorten(name: string): string {
  // One byte is kept for the underscore that a device name gets.
  const limit = MAX_NAME_BYTES - 1;
  if (Buffer.byteLength(name) <= limit) return name;
  const extension = /\.[^.]{1,16}$/u.exec(name)?.[0] ?? "";
  let room = limit - Buffer.byteLength(extension);
  let kept = "";
  for (const character of name.slice(0, name.length - extension.length)) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return kept + extension;
}
