/** Runs targets and tells what became of them. */
import fc from "fast-check";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** What the language's own mistakes say. A parser that throws a TypeError on purpose says something else. */
const OF_THE_ENGINE =
  /^Cannot |is not (?:a function|iterable|defined|an object|a constructor)|^undefined |^null |^Reduce of empty|call stack|^Invalid (?:array|string|regular|code point|count)|not extensible|read only|circular/u;

export interface Result {
  readonly name: string;
  readonly runs: number;
  readonly milliseconds: number;
  /** The seed, the path and the shrunk input, when something went wrong. */
  readonly failure: string | undefined;
}

/** Whether an error is one that the target throws on purpose. */
export function isMeant({ throws }: Target, error: unknown): boolean {
  if (!(error instanceof Error) || !throws.some((kind) => error instanceof kind)) return false;
  return !OF_THE_ENGINE.test(error.message);
}

/** @param runs inputs */
export async function fuzzTarget(target: Target, seed: number, runs: number): Promise<Result> {
  const started = performance.now();
  const property = fc.asyncProperty(target.inputs, async (value) => {
    try {
      await target.run(value as never);
    } catch (error) {
      if (!isMeant(target, error)) throw error;
    }
  });
  const details = await fc.check(property, { seed, numRuns: runs });
  return {
    name: target.name,
    runs: details.numRuns,
    milliseconds: performance.now() - started,
    failure: details.failed ? describe(details) : undefined,
  };
}

function describe(details: fc.RunDetails<[unknown]>): string {
  const { errorInstance: error } = details;
  const cause = error instanceof Error ? (error.stack ?? error.message) : "";
  return `${fc.defaultReportMessage(details) ?? ""}\n${cause}`;
}

/**
 * Shares the runs among the targets, at least so many in all.
 *
 * @param told after each target
 */
export async function fuzzAll(seed: number, runs: number, told: (result: Result) => void): Promise<readonly Result[]> {
  const shares = TARGETS.reduce((sum, { share }) => sum + share, 0);
  const results: Result[] = [];
  for (const [index, target] of TARGETS.entries()) {
    const result = await fuzzTarget(target, seed + index, Math.ceil((runs * target.share) / shares));
    results.push(result);
    told(result);
  }
  return results;
}
