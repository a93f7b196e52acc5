/** The name that a client gives a file: data to show, never a path, and a clue to what it wants to pass as (CWE-22, CWE-451, CWE-646). */
import { decodeHTML } from "entities/decode";
import { fault, type UploadFault } from "./upload-fault.ts";

const MOST_BYTES = 255;
/** Controls, formats such as the right-to-left override, halves of surrogate pairs, private use, line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
/** Zero-width joiners belong to names in many scripts; they are cleaned away, not refused. */
const DECEPTIVE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
/** Fillers and selectors count as letters and marks, and nobody sees them. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;
const RESERVED = /[<>:"|?*]|^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?: *\.|$)/iu;
/** A NUL, slash, backslash, dot or percent sign for whoever decodes once more. */
const ENCODED = /%(?:00|25|2e|2f|5c)/iu;
/** What some server or desktop runs whatever the last extension says, or hides the last extension of. */
const ACTIVE = new Set(
  (
    "php php2 php3 php4 php5 php7 php8 phps phtml pht phar asp aspx asa asax ascx ashx asmx svc cshtml vbhtml cer jsp jspx jsf cgi fcgi exe dll bat cmd msi msp " +
    "scr pif cpl sct wsc scf jnlp application appx msix appinstaller gadget xll xla ppa sldm hta js mjs cjs jse vb vbs vbe ws wsf wsh ps1 psm1 jar war html htm xht xhtml shtml shtm mht mhtml xml xsl xslt svg swf lnk " +
    "apk htaccess py pyc pl rb sh bash cfm cfc jspf svgz url desktop reg msc chm iso vhd vhdx docm dotm xlsm xltm xlam pptm potm ppsm ppam"
  ).split(" "),
);

/**
 * The last step of the client's name, without characters that cannot be seen; undefined when nothing is left of it. It is kept as data beside the
 * file: what the file is called where it lies is generated.
 *
 * @example
 * uploadFilename("C:\\fakepath\\report.pdf"); // "report.pdf"
 */
export function uploadFilename(given: unknown): string | undefined {
  return visible(lastStep(given) ?? "");
}

function visible(last: string): string | undefined {
  const name = last.replaceAll(UNPRINTABLE, "");
  if (name === "" || name === "." || name === "..") return undefined;
  return Buffer.byteLength(name) <= MOST_BYTES ? name : undefined;
}

/** What follows the last dot, in lower case; undefined for a name that is nothing but an extension, and for one that ends in something else. */
export function uploadExtension(name: string): string | undefined {
  return /[^./\\]\.([^./\\]+)$/u.exec(name)?.[1]?.toLowerCase();
}

/** A name that may accompany a file. */
export interface UploadName {
  readonly original: string;
  readonly extension: string;
}

/** Refuses a name that shows one thing and means another; see `UploadFaultCode` for the ways. */
export function judgeUploadName(given: unknown): UploadName | UploadFault {
  const last = lastStep(given);
  if (last === undefined || last === "" || last === "." || last === "..") return fault("name_missing");
  if (Buffer.byteLength(last) > MOST_BYTES) return fault("name_too_long", "fileNameBytes", MOST_BYTES);
  if (DECEPTIVE.test(last)) return fault("name_control_character");
  const original = visible(last);
  if (original === undefined) return fault("name_missing");
  // What cannot be seen may stand between the letters of a name that means something.
  const seen = original.replaceAll(UNSEEN, "");
  const plain = plainFault(last) ?? plainFault(seen);
  if (plain !== undefined) return fault(plain);
  // A full-width dot or a fraction slash becomes a plain one wherever a name is folded.
  const folded = last.normalize("NFKC");
  if (folded !== last && /[./\\:]/u.test(separatorsOf(folded)) && separatorsOf(folded) !== separatorsOf(last))
    return fault("name_confusable");
  const extension = uploadExtension(original);
  if (extension === undefined || !/^[a-z\d]{1,16}$/u.test(extension)) return fault("extension_missing");
  // Some servers stop reading at a semicolon; others fold wide letters and decode spaces.
  const inner = seen.normalize("NFKC").toLowerCase().split(/[.;]/u).slice(1, -1);
  return inner.some((step) => ACTIVE.has(step.replaceAll(/%20|\s/gu, "")))
    ? fault("extension_double")
    : { original, extension };
}

function plainFault(name: string) {
  if (RESERVED.test(name)) return "name_reserved";
  if (ENCODED.test(name)) return "name_encoded";
  if (/[.\s]$/u.test(name)) return "name_trailing";
  return name.startsWith(".") ? "name_hidden" : undefined;
}

function separatorsOf(name: string): string {
  return name.replaceAll(/[^./\\:]/gu, "");
}

/** Browsers and form libraries write a character reference for what a form's encoding cannot hold, or for a separator. */
function lastStep(given: unknown): string | undefined {
  if (typeof given !== "string" || given.length > 16 * MOST_BYTES) return undefined;
  return decodeHTML(given).split(/[/\\]/u).at(-1);
}
