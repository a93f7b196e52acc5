/** The parts of an Office document, read as they are unpacked, for what does something when the document is opened, updated or touched. */
import { judgeFormula } from "./upload-office-formula.ts";
import { judgeField, readFields, type FieldReader } from "./upload-office-field.ts";
import type { EntryWatch } from "./upload-archive.ts";
import { fault, type UploadFault } from "./upload-fault.ts";
import { decodeText } from "./xml-tokens.ts";

/** What authors and programs keep beside a document, in any XML and any encoding; `judgeContentTypes` holds it to that. */
export const AUTHORS_OWN: RegExp = /^customxml\/item(?:props)?\d*\.xml$/iu;
/** An unfinished tag with its text. */
const LONGEST_PIECE = 1024 * 1024;
const FORMULAS = "f|formula|formula1|formula2|calculatedColumnFormula|totalsRowFormula|definedName";
const NAMES = `instrText|delInstrText|fldSimple|fldChar|${FORMULAS}|ddeLink|oleLink|connections|mailMerge|altChunk|webVideoPr|hlinkClick|hlinkHover|hlinkMouseOver|cmd|imagedata|fill|stroke`;
/** From one bracket to the next. Every prefix counts: what it stands for is declared anywhere. */
const PIECE = new RegExp(`<(?:[^\\s<>/:!?]*:)?(${NAMES})(?=[\\s/>])([^<]*)`, "gu");
const TAG = /^((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>([^]*)$/u;
const ATTRIBUTE = /([^\s=:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/gu;
/** Encodings in which letters of ASCII are their own bytes and nothing else is. */
const DECLARED = /^<\?xml[^>]*?\sencoding\s*=\s*["'](?!(?:utf-8|us-ascii|iso-8859-\d\d?|windows-125\d)["'])/iu;

/** Blanks, however many, or a declaration that has not ended: what the part is, stands behind it. */
const UNDECIDED = /^(?:\u00ef\u00bb\u00bf)?\s*(?:<\?[^>]*)?$/u;
/** Marks and first letters of encodings of two and four bytes, and of EBCDIC. */
const WIDE = /^(?:\0\0)?(?:\u00ff\u00fe|\u00fe\u00ff)|^\0*<\0|^\0+<|^Lo\u00a7\u0094/u;

const FORMULA = new Set(FORMULAS.split("|"));
const JUMPS = /^(?:ppaction:\/\/(?:hlinkshowjump|hlinksldjump|customshow|noaction|media)(?:\?[^]*)?)?$/iu;
const PLAYS = /^(?:play|playFrom\([\d.]*\)|pause|resume|stop|togglePause)$/u;
const AUTOMATIC = /^(?:_xlnm\.)?auto_?(?:open|close|activate|deactivate)/iu;
const ELSEWHERE = /^\s*(?:[a-z][a-z\d+.-]*:|[/\\]{2})/iu;

/** Undefined for parts that Office reads as data of others. */
export function watchOfficePart(name: string): EntryWatch | undefined {
  if (AUTHORS_OWN.test(name) || name.endsWith(".rels")) return undefined;
  const fields = readFields();
  let begun: "no" | "xml" | "other" = "no";
  let text = "";
  const judge = (last: boolean): UploadFault | undefined => {
    if (begun === "no") {
      if (!last && UNDECIDED.test(text)) return text.length > LONGEST_PIECE ? fault("ooxml_malformed") : undefined;
      const kind = kindOf(text);
      if (kind === "refused") return fault("ooxml_malformed");
      begun = kind;
    }
    if (begun === "other") return void (text = "");
    // What stands behind the text of a piece is looked at, so the last piece waits for it.
    const cut = last ? text.length : text.lastIndexOf("<", text.length - 2);
    if (cut <= 0) return text.length > LONGEST_PIECE ? fault("ooxml_malformed") : undefined;
    const found = judgePieces(text, cut, fields);
    text = text.slice(cut);
    return found;
  };
  return {
    chunk(bytes) {
      // Letters of ASCII are all that is looked for.
      if (begun !== "other") text += bytes.toString("latin1");
      return text.length < 512 ? undefined : judge(false);
    },
    end: () => judge(true) ?? fields.end(),
  };
}

/** Whether a part is XML, and in an encoding that can be looked through. */
function kindOf(text: string): "xml" | "other" | "refused" {
  if (WIDE.test(text)) return "refused";
  const document = text.replace(/^\u00ef\u00bb\u00bf/u, "");
  if (!/^\s*</u.test(document)) return "other";
  return DECLARED.test(document) ? "refused" : "xml";
}

function judgePieces(text: string, cut: number, fields: FieldReader): UploadFault | undefined {
  PIECE.lastIndex = 0;
  for (const piece of text.slice(0, cut).matchAll(PIECE)) {
    const [whole, name = "", rest = ""] = piece;
    const found = judgePiece(
      name,
      rest,
      text.slice(piece.index + whole.length, piece.index + whole.length + 2),
      fields,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function judgePiece(name: string, rest: string, next: string, fields: FieldReader): UploadFault | undefined {
  const [whole, list = "", empty, written = ""] = TAG.exec(rest) ?? [];
  if (whole === undefined) return fault("ooxml_malformed");
  const attributes = [...list.matchAll(ATTRIBUTE)].map(
    ([, key = "", double, single]) => [key, decodeText(double ?? single ?? "")] as const,
  );
  /** All of them: two prefixes may have one name each. */
  const valuesOf = (key: string): readonly string[] => attributes.flatMap(([own, value]) => (own === key ? value : []));
  if (FORMULA.has(name) || name === "instrText" || name === "delInstrText") {
    // A comment, or a section of characters, would go on with the text out of sight.
    if (empty !== "/" && next !== "</") return fault("ooxml_malformed");
    if (!FORMULA.has(name)) return fields.instruction(decodeText(written));
    return valuesOf("name").some((own) => AUTOMATIC.test(own))
      ? fault("ooxml_macro")
      : judgeFormula(decodeText(written));
  }
  switch (name) {
    case "fldSimple":
      return valuesOf("instr").map(judgeField).find(isFault);
    case "fldChar":
      return fields.mark(valuesOf("fldCharType"));
    case "hlinkClick":
      return valuesOf("action").every((action) => JUMPS.test(action)) ? undefined : fault("ooxml_action");
    case "hlinkHover":
    case "hlinkMouseOver":
      // To be somewhere is no click: only from page to page.
      return valuesOf("action").some((action) => action !== "") &&
        valuesOf("action").every((action) => JUMPS.test(action))
        ? undefined
        : fault("ooxml_action");
    case "cmd":
      return valuesOf("cmd").every((command) => PLAYS.test(command)) && !valuesOf("type").includes("verb")
        ? undefined
        : fault("ooxml_action");
    case "imagedata":
    case "fill":
    case "stroke":
      return valuesOf("src").some((address) => ELSEWHERE.test(address)) ? fault("ooxml_external") : undefined;
    default:
      return fault(EMBEDS.has(name) ? "ooxml_embedded" : "ooxml_external");
  }
}

const EMBEDS: ReadonlySet<string> = new Set(["altChunk", "webVideoPr"]);
const isFault = (found: UploadFault | undefined): boolean => found !== undefined;
