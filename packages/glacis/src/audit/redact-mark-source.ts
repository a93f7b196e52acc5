/** What a mark says of each of its characters, taken from the source of the pattern that it belongs to. */

/** Letters of either case are one class each; digits are two, for those that a card may begin with; what is not listed is one. */
export const CLASS_BITS = 5;
const OTHER = 0;
const LISTED = ["jq", " ", "_", "-", "01789", "23456", "./"];
const LETTERS = "abcdefghiklmnoprstuvwxyz";

/** The class of each byte: of ASCII, or of what stands for a character beyond it. */
export const CLASS_OF: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => classOf(String.fromCharCode(byte)));

/** A bit for each class. */
export type ClassSet = number;

const BRANCHES = "|)";

/**
 * All that a pattern without repetition can match, minding no case, in sets of classes: literals, escapes of punctuation, classes of characters,
 * groups, alternatives, what is optional, and `(?<![a-z])` for one character more that is not of the class.
 *
 * @throws SyntaxError on anything else
 * @example
 * markSequences("pins?").map(({ length }) => length); // [3, 4]
 */
export function markSequences(source: string): readonly (readonly ClassSet[])[] {
  let at = 0;

  function alternatives(): ClassSet[][] {
    const all = sequences();
    while (source[at] === "|") {
      at += 1;
      all.push(...sequences());
    }
    return all;
  }

  function sequences(): ClassSet[][] {
    let all: ClassSet[][] = [[]];
    while (at < source.length && !BRANCHES.includes(source.charAt(at))) {
      const next = atom();
      if (source[at] === "?") {
        at += 1;
        next.push([]);
      }
      all = all.flatMap((before) => next.map((after) => [...before, ...after]));
    }
    return all;
  }

  function atom(): ClassSet[][] {
    const [lookBehind] = /^\(\?<!\[[^\]]*\]\)/u.exec(source.slice(at)) ?? [];
    const [token] = /^(?:\[(?:\\.|[^\]\\])*\]|\\[dsw\W]|[^[\]\\(){}?*+.^$|])/u.exec(source.slice(at)) ?? [];
    if (source.startsWith("(?:", at)) return group();
    const found = lookBehind ?? token;
    if (found === undefined) throw new SyntaxError(`A mark cannot say ${source.slice(at)} as in ${source}.`);
    at += found.length;
    if (found.length === 1) return [[1 << classOf(found)]];
    return [[classesOf(lookBehind === undefined ? found : `[^${found.slice(5, -1)}`)]];
  }

  function group(): ClassSet[][] {
    at += 3;
    const all = alternatives();
    if (source[at] !== ")") throw new SyntaxError(`A group has no end in ${source}.`);
    at += 1;
    return all;
  }

  const all = alternatives();
  if (at < source.length) throw new SyntaxError(`A group has no beginning in ${source}.`);
  return all;
}

const known = new Map<string, ClassSet>();

/** Those that have a character which the class matches. */
function classesOf(source: string): ClassSet {
  const before = known.get(source);
  if (before !== undefined) return before;
  const pattern = new RegExp(`^${source}$`, "iu");
  let set = 0;
  for (let code = 0; code < 256; code += 1) {
    const character = String.fromCharCode(code);
    if (pattern.test(character)) set |= 1 << classOf(character);
  }
  known.set(source, set);
  return set;
}

function classOf(character: string): number {
  const lower = character.toLowerCase();
  const letter = LETTERS.indexOf(lower);
  const listed = LISTED.findIndex((characters) => characters.includes(lower));
  if (letter !== -1) return 1 + letter;
  return listed === -1 ? OTHER : 1 + LETTERS.length + listed;
}
