import type fc from "fast-check";

/** One parser under fire. */
export interface Target {
  readonly name: string;
  readonly inputs: fc.Arbitrary<unknown>;
  readonly run: (value: never) => unknown;
  /** Errors that it throws on purpose; none unless named. */
  readonly throws: readonly (abstract new (...values: never[]) => Error)[];
  /** Its share of the runs; 1 unless it is slow. */
  readonly share: number;
}

export function target<Value>(
  name: string,
  inputs: fc.Arbitrary<Value>,
  run: (value: Value) => unknown,
  { throws = [], share = 1 }: Partial<Pick<Target, "throws" | "share">> = {},
): Target {
  return { name, inputs, run, throws, share };
}

/** What a parser gives back must hold, or it is a failure like a crash. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`The result does not hold: ${what}.`);
}
