/** The parts of Office documents and tables of text: invented, cut into chunks, and with something that asks or starts a program put into them. */
import fc from "fast-check";
import { judgeCsv } from "../../packages/glacis/src/input/upload-csv.ts";
import type { QuarantinedFile, UploadFault } from "../../packages/glacis/src/input/upload-fault.ts";
import { judgeField, readFields } from "../../packages/glacis/src/input/upload-office-field.ts";
import { judgeFormula } from "../../packages/glacis/src/input/upload-office-formula.ts";
import { watchOfficePart } from "../../packages/glacis/src/input/upload-office-part.ts";
import { judgePdf } from "../../packages/glacis/src/input/upload-pdf.ts";
import { judgeSvg } from "../../packages/glacis/src/input/upload-svg.ts";
import { XmlError } from "../../packages/glacis/src/input/xml-tokens.ts";
import { SVG } from "../support/upload-samples.ts";
import { like } from "./grammar.ts";
import { holds, target, type Target } from "./target.ts";

const FIELD = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE \\* ARABIC</w:instrText></w:r>';
const PART = `<?xml version="1.0" encoding="UTF-8"?><w:p xmlns:w="urn:w">${FIELD}<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`;
const PARTS = [
  ..."<w:instrText> </w:instrText> <w:delInstrText <fldSimple w:instr=\" w:fldChar w:fldCharType='begin' <f> </f> <definedName".split(
    " ",
  ),
  ...'"/> > /> <!-- --> <![CDATA[ ]]> <hlinkClick action="ppaction://program" <p:cmd <v:fill src=\'//e/\' <altChunk/> DDE &#68; PAGE a|b!c'.split(
    " ",
  ),
  " ".repeat(600),
  "<?xml version='1.0' encoding='utf-7'?>",
  "<?xml ",
  "\u00ff\u00fe",
];
const FIELDS = ["DDE", "AUTO", " ", "PAGE", "HYPERLINK", '"', "https://", "\\l", "\\\\", "file:", "=", "IF", "\ufffc"];
const FORMULA = "SUM( A1 ) , + | ! ' \" cmd WEBSERVICE( hyperlink( [ ] Sheet1 _xlfn. \"https://a\" 'a' / \\ .".split(
  " ",
);
const TABLE = [
  "=",
  "-",
  ",",
  ";",
  "\t",
  "\n",
  "\r\n",
  '"',
  '""',
  "'",
  "cmd",
  "|",
  "!",
  "DDE(",
  " ",
  "1",
  "a",
  "%",
  "+1",
];
/** Each asks a program wherever it stands behind the beginning of a formula. */
const ASKS = ["cmd|'/c calc'!A0", "cmd|' /c a|b'!_xlbgnm.A1", "MSEXCEL|'\\..\\a.exe /c b'!''", 'dde("cmd";"/c";"a")'];
const INERT_FORMULA = fc
  .array(fc.constantFrom("1", "+", "A1", "SUM(B2:B3)", '"x|y"', "'My sheet'!A1", " ", "\n", "*"), { maxLength: 40 })
  .map((pieces) => pieces.join(""));
const CUTS = fc.array(fc.nat(2000), { maxLength: 8 });

/** What is read in pieces is judged as what is read at once. */
function judgePart(text: string, cuts: readonly number[]): UploadFault | undefined {
  const bytes = Buffer.from(text, "latin1");
  const watch = watchOfficePart("word/document.xml");
  let [start, found]: [number, UploadFault | undefined] = [0, undefined];
  for (const end of [...cuts.toSorted((one, other) => one - other), bytes.length]) {
    if (found === undefined && end > start) found = watch?.chunk(bytes.subarray(start, end));
    start = Math.max(start, end);
  }
  return found ?? watch?.end();
}

/** A file that gives what is asked for, but never more than there is. */
const fileOf = (text: string): QuarantinedFile => {
  const bytes = Buffer.from(text);
  return { path: "", size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) };
};

const PDF = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n";
const PIECES =
  "<< >> /S /URI ( ) < > /JS /OpenAction [ ] 5 0 R obj endobj stream endstream % /Filter /FlateDecode #4a \\".split(
    " ",
  );
/** Whatever stands between a key and its value where readers skip it. */
const SKIPPED = fc
  .array(fc.constantFrom(" ", "\n", "\0", "\t", " ".repeat(150), "%x\n", "\r\n"), { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join(""));
/** What a browser leaves out of an address, as a string of a PDF may write it. */
const LEFT_OUT = fc
  .array(fc.constantFrom(" ", "\\n", "\\t", "\\011", " ".repeat(120)), { maxLength: 4 })
  .map((pieces) => pieces.join(""));

export const OFFICE: readonly Target[] = [
  target("objects of a PDF", like([...PIECES, "\n", " "], [PDF]), (text) => judgePdf(fileOf(`${PDF}${text}\n%%EOF\n`))),
  target(
    "PDF that does something when it is opened or touched",
    fc.tuple(SKIPPED, LEFT_OUT, fc.integer({ min: 0, max: 3 })),
    async ([skipped, leftOut, which]) => {
      const does = [
        `/AA${skipped}<< /O 5 0 R >>`,
        `/XFA${skipped}5 0 R`,
        `/S /URI /URI${skipped}(${leftOut}java${leftOut.replaceAll(" ", "")}script:a)`,
        `/EF${skipped}<< /F 5 0 R >>`,
      ][which];
      holds((await judgePdf(fileOf(`${PDF}<< ${does} >>\n%%EOF\n`))) !== undefined, "it is found");
    },
  ),
  target(
    "part of an Office document",
    fc.tuple(like(PARTS, [PART]), CUTS),
    ([text, cuts]) => {
      const [whole, cut] = [judgePart(text, []), judgePart(text, cuts)];
      holds((whole === undefined) === (cut === undefined), "where it is cut changes nothing");
    },
    { throws: [XmlError] },
  ),
  target(
    "field that starts a program, in a part",
    fc.tuple(fc.constantFrom("w:", "", "q:"), like([" ", "\n", "<a/>", "x", "<!-- -->"], ["<a>b</a>"]), CUTS),
    ([prefix, before, cuts]) => {
      // What is no XML from its first letter on is no part that Office reads.
      const start = /^[ \n]*(?:<|$)/u.test(before) ? before : `<a>${before}`;
      const field = `<${prefix}instrText>DDEAUTO cmd</${prefix}instrText>`;
      holds(judgePart(`${start}${field}`, cuts) !== undefined, "it is found");
    },
    { throws: [XmlError] },
  ),
  target("instruction of a field", like(FIELDS, ["PAGE \\* MERGEFORMAT", 'HYPERLINK "https://a.example/"']), (text) =>
    judgeField(text),
  ),
  target(
    "instructions of fields within fields",
    fc.array(
      fc.oneof(
        fc.constantFrom("begin", "separate", "end", "other").map((mark) => ({ mark })),
        like(FIELDS, ["DDEAUTO cmd"]).map((text) => ({ text })),
      ),
      { maxLength: 80 },
    ),
    (pieces) => {
      const fields = readFields();
      for (const piece of pieces)
        if ("mark" in piece) fields.mark([piece.mark]);
        else fields.instruction(piece.text);
      fields.end();
    },
  ),
  target("formula of a workbook", like(FORMULA, ["SUM(A1:A2)", "cmd|'/c calc'!A0"]), (text) => judgeFormula(text)),
  target(
    "formula that asks a program",
    fc.tuple(INERT_FORMULA, fc.constantFrom(...ASKS.slice(0, 3)), INERT_FORMULA),
    ([before, asks, behind]) => holds(judgeFormula(`${before}${asks}${behind}`) !== undefined, "it is found"),
  ),
  target("table of text", like(TABLE, ["a,b\r\n=1+1,2\r\n"]), (text) => judgeCsv(fileOf(text))),
  target(
    "table of text that asks a program",
    fc.tuple(
      like(["a", ",", "\n", '"', "-1", "'"], ["a,b\n"]),
      fc.constantFrom(",", ";", "\t", "\n"),
      fc.constantFrom("=", "+", "-", "@", " =", "\uff1d"),
      INERT_FORMULA.map((text) => text.replaceAll(/["\n]/gu, "")),
      fc.constantFrom(...ASKS),
    ),
    async ([before, separator, begins, formula, asks]) => {
      const text = before.toWellFormed().replaceAll(/[\p{Cc}<#%{]/gu, "_");
      holds((await judgeCsv(fileOf(`x${text}${separator}${begins}${formula} ${asks}`))) !== undefined, "it is found");
      const quoted = `"${begins}${formula}\n${formula} ${asks.replaceAll('"', '""')}"`;
      holds((await judgeCsv(fileOf(`x${text}${separator}${quoted}`))) !== undefined, "it is found over two lines");
    },
  ),
  target(
    "drawing",
    like(
      [
        "<",
        ">",
        "/>",
        "</",
        "g",
        "path",
        "use",
        " href=",
        '"#a"',
        " id=",
        ' style="',
        "url(",
        ")",
        "&#x6a;",
        "script",
        "<!DOCTYPE",
      ],
      [SVG],
    ),
    (text) => judgeSvg(fileOf(text)),
  ),
];
