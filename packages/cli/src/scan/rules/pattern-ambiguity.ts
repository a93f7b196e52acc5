/** How often a backtracking engine may read one text over: once, as often as it is long, or twice as often for each letter more. */
import { common, readPattern, type Position } from "./pattern-syntax.ts";

export type Effort = "linear" | "quadratic" | "exponential";

const KNOWN = new Map<string, Effort>();
/** Larger automata are asked for exponential effort alone. */
const MOST_TRIPLES = 30;

/** @returns linear also where the pattern is not understood */
export function effortOf({ source, flags }: { readonly source: string; readonly flags: string }): Effort {
  const key = `${flags}/${source}`;
  const known = KNOWN.get(key);
  if (known !== undefined) return known;
  const effort = source.length > 2000 ? "linear" : measured(source, flags);
  KNOWN.set(key, effort);
  return effort;
}

function measured(source: string, flags: string): Effort {
  const positions = readPattern(source, flags);
  if (positions === undefined) return "linear";
  const able = positions.map((_, index) => canFail(positions, index));
  const pairs = reachable(positions);
  if (isExponential(positions, able, pairs)) return "exponential";
  return isQuadratic(positions, able) ? "quadratic" : "linear";
}

/** Is there no place in the circles through this position at which the engine may stop? Else it is content and never turns back. */
function canFail(positions: readonly Position[], index: number): boolean {
  const ahead = reachedFrom(positions, index);
  return ![...ahead, index].some(
    (at) => positions[at]?.last === true && (at === index || reachedFrom(positions, at).has(index)),
  );
}

function reachedFrom(positions: readonly Position[], index: number): ReadonlySet<number> {
  const seen = new Set(positions[index]?.next);
  for (const at of seen) for (const next of positions[at]?.next ?? []) seen.add(next);
  return seen;
}

type Pairs = ReadonlyMap<number, ReadonlySet<number>>;

/** Of two readers of one text: from where both are, where they may be after a letter more. */
function reachable(positions: readonly Position[]): Pairs {
  const size = positions.length;
  const edges = new Map<number, Set<number>>();
  const overlaps = positions.map(({ letters }) => positions.map((other) => common(letters, other.letters).length > 0));
  for (let left = 0; left < size; left += 1) {
    for (let right = left; right < size; right += 1) {
      const targets = new Set<number>();
      for (const one of positions[left]?.next ?? [])
        for (const other of positions[right]?.next ?? [])
          if (overlaps[one]?.[other] === true) targets.add(Math.min(one, other) * size + Math.max(one, other));
      edges.set(left * size + right, targets);
    }
  }
  return edges;
}

function walk(edges: Pairs, from: number): Set<number> {
  const seen = new Set(edges.get(from));
  for (const at of seen) for (const next of edges.get(at) ?? []) seen.add(next);
  return seen;
}

/** Two ways that part and meet again, in a circle. */
function isExponential(positions: readonly Position[], able: readonly boolean[], pairs: Pairs): boolean {
  const size = positions.length;
  return positions.some(({ twice }, index) => {
    const same = index * size + index;
    if (able[index] !== true) return false;
    const reached = walk(pairs, same);
    if (!reached.has(same)) return false;
    if ([...twice].some((next) => reached.has(next * size + next) && walk(pairs, next * size + next).has(same)))
      return true;
    return [...reached].some((pair) => Math.floor(pair / size) !== pair % size && walk(pairs, pair).has(same));
  });
}

/** One repetition directly after another, both of which read the same letters. With something between them, it is as a rule no matter. */
function isQuadratic(positions: readonly Position[], able: readonly boolean[]): boolean {
  if (positions.length > MOST_TRIPLES) return false;
  const loops = positions.flatMap(({ endless, letters }, index) => (endless ? [{ index, letters }] : []));
  return loops.some(({ index, letters }) =>
    loops.some((other) => {
      if (other.index === index || able[other.index] !== true) return false;
      return positions[index]?.next.has(other.index) === true && common(letters, other.letters).length > 0;
    }),
  );
}
