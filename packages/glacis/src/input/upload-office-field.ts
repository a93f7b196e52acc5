/** Fields of Word documents (ECMA-376 part 1 section 17.16): instructions that Word carries out when a document is opened, printed or updated. */
import { fault, type UploadFault } from "./upload-fault.ts";

/** What writes text, numbers and marks from the document itself or asks its reader. Not here: whatever fetches, starts or opens something. */
const INERT = new Set(
  (
    "ADDIN ADDRESSBLOCK ADVANCE ASK AUTHOR AUTONUM AUTONUMLGL AUTONUMOUT AUTOTEXT AUTOTEXTLIST BARCODE BIBLIOGRAPHY BIDIOUTLINE CITATION COMMENTS " +
    "COMPARE CREATEDATE DATE DISPLAYBARCODE DOCPROPERTY DOCVARIABLE EDITTIME EQ FILENAME FILESIZE FILLIN FORMCHECKBOX FORMDROPDOWN FORMTEXT FTNREF " +
    "GLOSSARY GOTOBUTTON GREETINGLINE HYPERLINK IF INDEX INFO KEYWORDS LASTSAVEDBY LISTNUM MERGEBARCODE MERGEFIELD MERGEREC MERGESEQ NEXT NEXTIF " +
    "NOTEREF NUMCHARS NUMPAGES NUMWORDS PAGE PAGEREF PRINTDATE PRIVATE QUOTE REF REVNUM SAVEDATE SECTION SECTIONPAGES SEQ SET SHAPE SKIPIF STYLEREF " +
    "SUBJECT SYMBOL TA TC TEMPLATE TIME TITLE TOA TOC USERADDRESS USERINITIALS USERNAME XE"
  ).split(" "),
);
/** Stands in an instruction for a field within it, whose result Word puts there. */
const NESTED = "\ufffc";
const DEEPEST = 64;
const HARMLESS_LINK = /^\s*(?:\\[a-z]\b\s*(?:"[^"]*"\s*)?)*(?:"?(?:https?:\/\/|mailto:|tel:|#)|\\l\b|$)/iu;

export interface FieldReader {
  /** The text of an `instrText`, which may be a piece of an instruction. */
  instruction(text: string): UploadFault | undefined;
  /** A `fldChar`: where a complex field begins, where its result does, and where it ends. */
  mark(types: readonly string[]): UploadFault | undefined;
  end(): UploadFault | undefined;
}

/** Puts instructions together that are spread over runs, fields within fields included. */
export function readFields(): FieldReader {
  /** The instruction of each field that is open; undefined from its result on. */
  const open: (string | undefined)[] = [];
  const judgeTop = (): UploadFault | undefined => judgeField(open.at(-1) ?? "");
  return {
    instruction(text) {
      const top = open.at(-1);
      // Nothing says what Word makes of an instruction outside of a field.
      if (top === undefined) return judgeField(text);
      open[open.length - 1] = top + text;
      return undefined;
    },
    mark([type, ...more]) {
      if (more.length > 0) return fault("ooxml_malformed");
      if (type === "begin") {
        const around = open.at(-1);
        if (around !== undefined) open[open.length - 1] = around + NESTED;
        open.push("");
        return open.length > DEEPEST ? fault("ooxml_malformed") : undefined;
      }
      const found = judgeTop();
      if (type === "separate") open[open.length - 1] = undefined;
      else if (type === "end") open.pop();
      else return fault("ooxml_malformed");
      return found;
    },
    end: () => open.map((instruction) => judgeField(instruction ?? "")).find((found) => found !== undefined),
  };
}

/** @param instruction such as `PAGE \* MERGEFORMAT` */
export function judgeField(instruction: string): UploadFault | undefined {
  const [, name = ""] = /^\s*([^\s"\\]*)/u.exec(instruction) ?? [];
  if (name.startsWith("=") || instruction.trim() === "") return undefined;
  if (!INERT.has(name.toUpperCase())) return fault("ooxml_field");
  return name.toUpperCase() === "HYPERLINK" && !HARMLESS_LINK.test(instruction.trimStart().slice(name.length))
    ? fault("ooxml_external")
    : undefined;
}
