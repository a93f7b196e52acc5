/** Formulas of workbooks (ECMA-376 part 1 section 18.17): the few that fetch, start or open something instead of reckoning. */
import { fault, type UploadFault } from "./upload-fault.ts";

const STRING_OR_NAME = /"(?:[^"]|"")*"|'(?:[^']|'')*'/gu;
/** An apostrophe within brackets escapes what follows, so that quotes there are none. */
const ESCAPE_IN_BRACKETS = /\[[^\]]*'/u;
const FETCHES =
  /(?:^|[^\p{L}\p{N}_.]|\b_xl\w*\.)(?:webservice|image|rtd|dde|call|exec|register(?:\.id)?|sql\.request)\s*\(/iu;
const LINK = /hyperlink\s*\(\s*"([^"]*)/giu;
const ELSEWHERE = /^\s*(?:[a-z][a-z\d+.-]*:|[/\\]{2})/iu;
const CLICKED = /^\s*(?:https?:\/\/|mailto:|tel:)/iu;

/** @param formula as the part has it, without the leading equals sign */
export function judgeFormula(formula: string): UploadFault | undefined {
  let paths = false;
  const bare = formula.replaceAll(STRING_OR_NAME, (piece) => {
    if (piece.startsWith('"')) return '""';
    // No sheet may have these in its name: it is the path of another workbook.
    paths ||= /[/\\]/u.test(piece);
    return piece;
  });
  // `program|'arguments'!item` asks another program (DDE); nothing else in a formula has this sign.
  if (bare.includes("|") || (formula.includes("|") && ESCAPE_IN_BRACKETS.test(formula))) return fault("ooxml_formula");
  if (FETCHES.test(bare)) return fault("ooxml_formula");
  if (paths) return fault("ooxml_external");
  const leaves = [...formula.matchAll(LINK)].some(([, to = ""]) => ELSEWHERE.test(to) && !CLICKED.test(to));
  return leaves ? fault("ooxml_external") : undefined;
}
