/** Tables of text: a formula reckons, but asks no program (CWE-1236). Read once from front to back, whatever stands in it. */
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";
import { judgeText } from "./upload-text.ts";

/** Where a cell begins a formula, quoted or not. Which of the separators a reader takes, its country decides. */
const BEGINS = /(?<=[\r\n,;\t])(?:[^\S\r\n,;\t]|["'%])*[=+\-@\uff0b\uff0d\uff1d\uff20]/u;
/** `program|'arguments'!item`, which spreadsheets ask another program with (DDE), or the function that does the same. */
const PIPE = /(?<=[\p{L}_][\p{L}\p{N}_.]{0,64}'?|')[|\uff5c]/u;
const BEGINNING = new RegExp(BEGINS, "gu");
const WITHIN = new RegExp(
  `(?<begins>${BEGINS.source})|(?<pipe>${PIPE.source})|(?<item>[!\\uff01])|(?<dde>\\bdde\\s{0,8}\\()|(?<line>[\\r\\n])|(?<quote>"(?!"))|""`,
  "giu",
);
/** As far as a piece of the above reaches back. */
const REACH = 1024;

interface Place {
  /** A cell of this line began a formula. */
  readonly formula: boolean;
  /** And behind it stood what may be a program. */
  readonly asks: boolean;
  /** It stands in quotes, which end by a quote that is alone; until then a new line ends nothing. */
  readonly quoted: boolean;
}

const ELSEWHERE: Place = { formula: false, asks: false, quoted: false };

/** A first line by which a spreadsheet takes what it says for the separator; other readers take it for a cell. */
const SEPARATOR = /^\ufeff?"?sep=([^\r\n])"?(?:[\r\n]|$)/iu;

export async function judgeCsv(file: QuarantinedFile): Promise<UploadFault | undefined> {
  const plain = cellWatch();
  let declared: { readonly separator: string; readonly look: CellWatch } | undefined;
  let first = true;
  return judgeText(file, (text) => {
    const separator = first ? SEPARATOR.exec(text)?.[1] : undefined;
    first = false;
    if (separator !== undefined) declared = { separator, look: cellWatch() };
    return plain(text) ?? declared?.look(text.replaceAll(declared.separator, ","));
  });
}

type CellWatch = (text: string) => UploadFault | undefined;

function cellWatch(): CellWatch {
  let place = ELSEWHERE;
  // A file begins with a cell.
  let seen = "\n";
  let from = 0;
  return (text) => {
    seen += text;
    const known = Math.max(from, seen.length - REACH);
    let next = from;
    let now = place;
    for (let at = from; ;) {
      const pattern = now.formula ? WITHIN : BEGINNING;
      pattern.lastIndex = at;
      const piece = pattern.exec(seen);
      if (piece === null) break;
      at = pattern.lastIndex;
      const after = step(now, piece);
      if (after === undefined) return fault("text_formula");
      now = after;
      // What stands behind this is read again with what follows it.
      if (piece.index <= known) [place, next] = [now, at];
    }
    const kept = Math.max(0, known - REACH);
    from = Math.max(known, next) - kept;
    seen = seen.slice(kept);
    return undefined;
  };
}

/** @returns undefined where another program is asked */
function step(place: Place, { 0: piece, groups }: RegExpExecArray): Place | undefined {
  const { begins, pipe, item, dde, line, quote } = groups ?? { begins: piece };
  if (begins !== undefined) return { ...place, formula: true, quoted: place.quoted || begins.includes('"') };
  if (dde !== undefined || (item !== undefined && place.asks)) return undefined;
  if (pipe !== undefined) return { ...place, asks: true };
  if (quote !== undefined) return { ...place, quoted: false };
  return line !== undefined && !place.quoted ? ELSEWHERE : place;
}
