/** File names that mean the same to every system and every decoder (CWE-22, CWE-36, CWE-158). */

/** What a name was refused for. */
export type PathFault =
  | "not-text"
  | "too-long"
  | "too-deep"
  | "absolute"
  | "traversal"
  | "control-character"
  | "separator"
  | "encoded"
  | "hidden"
  | "reserved-name"
  | "reserved-character";

const LONGEST_NAME = 1024;
/** The limit of ext4, XFS, APFS and NTFS for one step, in bytes of UTF-8. */
const LONGEST_STEP = 255;
const DEEPEST = 32;

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** Whoever decodes once more would find a dot, a slash or an end of text. */
const ENCODED = /%[\da-f]{2}|%u[\da-f]{4}|&#|\\[ux][\da-f]{2}/iu;
/** Drives, streams, wildcards and redirections on Windows; `~1` is a short name for something else. */
const RESERVED_CHARACTER = /[<>:"|?*]|~\d/u;
/** Devices on Windows in every folder, with or without an extension and spaces before it; the superscripts count as digits there. */
const RESERVED_NAME = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/iu;

/**
 * Splits a relative name at its slashes, and refuses it where any system or decoder could read something else in it.
 *
 * @param allowHidden whether steps may start with a dot
 */
export function readPathName(name: unknown, allowHidden: boolean): readonly string[] | PathFault {
  if (typeof name !== "string" || name === "") return "not-text";
  if (name.length > LONGEST_NAME) return "too-long";
  if (CONTROL.test(name)) return "control-character";
  if (ENCODED.test(name)) return "encoded";
  const plain = faultOf(name, allowHidden);
  if (plain !== undefined) return plain;
  // Full-width dots and slashes become plain ones wherever a name is folded.
  const folded = name.normalize("NFKC");
  if (folded !== name && (faultOf(folded, allowHidden) ?? (depth(folded) === depth(name) ? undefined : "separator")))
    return "encoded";
  return name.split("/");
}

const depth = (name: string): number => name.split("/").length;

function faultOf(name: string, allowHidden: boolean): PathFault | undefined {
  if (/^[/\\]|^[a-z]:/iu.test(name)) return "absolute";
  if (/(?:^|[/\\])\.\.?(?:[/\\]|$)/u.test(name)) return "traversal";
  if (name.includes("\\")) return "separator";
  const steps = name.split("/");
  if (steps.length > DEEPEST) return "too-deep";
  for (const step of steps) {
    if (step === "") return "separator";
    if (Buffer.byteLength(step) > LONGEST_STEP) return "too-long";
    if (RESERVED_CHARACTER.test(step)) return "reserved-character";
    if (RESERVED_NAME.test(step) || /^\s|[.\s]$/u.test(step)) return "reserved-name";
    if (step.startsWith(".") && !allowHidden) return "hidden";
  }
  return undefined;
}
