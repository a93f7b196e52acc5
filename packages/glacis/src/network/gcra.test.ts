import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowanceOf, decide, remainingOf, waitOf, type Allowance, type Arrivals } from "./gcra.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z") * 1000;
const STRANGER: Arrivals = [0, 0, 0];

function run(allowances: readonly Allowance[], steps: readonly (readonly [atUs: number, cost: number])[]): boolean[] {
  let arrivals = STRANGER.slice(0, allowances.length);
  return steps.map(([atUs, cost]) => {
    const decision = decide(allowances, arrivals, atUs, cost);
    arrivals = [...decision.arrivals];
    return decision.allowed;
  });
}

const rate = fc.record({ limit: fc.integer({ min: 1, max: 500 }), windowSeconds: fc.integer({ min: 1, max: 86_400 }) });

describe("decide", () => {
  it("lets exactly the limit pass at one instant, for every limit and window, also where they do not divide", () => {
    fc.assert(
      fc.property(rate, (one) => {
        const outcomes = run(
          [allowanceOf(one)],
          Array.from({ length: one.limit + 2 }, () => [NOW, 1] as const),
        );
        expect(outcomes.filter(Boolean)).toHaveLength(one.limit);
        expect(outcomes.slice(0, one.limit).every(Boolean)).toBe(true);
      }),
    );
  });

  it("gives back one request after each interval and not a microsecond earlier", () => {
    fc.assert(
      fc.property(rate, (one) => {
        const allowance = allowanceOf(one);
        const full = Array.from({ length: one.limit }, () => [NOW, 1] as const);
        const next = NOW + allowance.intervalUs;
        expect(run([allowance], [...full, [next - 1, 1], [next, 1], [next, 1]]).slice(-3)).toEqual([
          false,
          true,
          false,
        ]);
      }),
    );
  });

  it("says after a clock that has stepped back, or is none, that all of an allowance is in use and never more", () => {
    const allowance = allowanceOf({ limit: 5, windowSeconds: 60 });
    for (const arrivalUs of [NOW + 10 * allowance.burstUs, Number.NaN]) {
      const { allowed, usedUs } = decide([allowance], [arrivalUs], NOW, 1);
      expect([allowed, usedUs, remainingOf(allowance, usedUs[0] as number)]).toEqual([false, [allowance.burstUs], 0]);
    }
  });

  it("never refills faster than declared, and at most one microsecond for each request slower", () => {
    fc.assert(
      fc.property(rate, (one) => {
        const { intervalUs, burstUs } = allowanceOf(one);
        const windowUs = one.windowSeconds * 1_000_000;
        expect(intervalUs * one.limit).toBe(burstUs);
        expect(burstUs).toBeGreaterThanOrEqual(windowUs);
        expect(burstUs).toBeLessThan(windowUs + one.limit);
      }),
    );
  });

  it("refuses a cost above the limit however long one waits, and any cost exactly when it does not fit", () => {
    const allowance = allowanceOf({ limit: 10, windowSeconds: 60 });
    expect(
      run(
        [allowance],
        [
          [NOW, 11],
          [NOW + 1e12, 11],
          [NOW, 4],
          [NOW, 7],
          [NOW, 6],
          [NOW, 1],
        ],
      ),
    ).toEqual([false, false, true, false, true, false]);
    expect(waitOf(allowance, 0, 11)).toBe(Number.POSITIVE_INFINITY);
  });

  it("says how many would pass and how long to wait, to the microsecond", () => {
    const allowance = allowanceOf({ limit: 10, windowSeconds: 60 });
    expect([0, 1, 6_000_000, 6_000_001].map((used) => remainingOf(allowance, used))).toEqual([10, 9, 9, 8]);
    expect([waitOf(allowance, 0, 10), waitOf(allowance, 0, 1), waitOf(allowance, 1, 10)]).toEqual([0, 0, 1]);
  });

  it("takes from every rate or from none", () => {
    const allowances = [allowanceOf({ limit: 5, windowSeconds: 1 }), allowanceOf({ limit: 6, windowSeconds: 3600 })];
    let arrivals: Arrivals = [0, 0];
    for (let index = 0; index < 6; index += 1) {
      arrivals = decide(allowances, arrivals, NOW + index * 1_000_000, 1).arrivals;
    }
    const refused = decide(allowances, arrivals, NOW + 60_000_000, 1);
    expect(refused).toMatchObject({ allowed: false, usedUs: [0, expect.any(Number)] });
    expect(refused.arrivals).toEqual(arrivals);
  });

  it("never grants more than the limit plus what the clock's forward steps refill, however the clock jumps", () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: -7_200_000_000, max: 600_000_000 }), fc.integer({ min: 1, max: 5 })),
      {
        maxLength: 120,
      },
    );
    fc.assert(
      fc.property(rate, steps, (one, moves) => {
        const allowance = allowanceOf(one);
        let now = NOW;
        let forwardUs = 0;
        const trace = moves.map(([move, cost]) => {
          now += move;
          forwardUs += Math.max(0, move);
          return [now, cost] as const;
        });
        const outcomes = run([allowance], trace);
        const granted = trace.reduce((sum, [, cost], index) => sum + (outcomes[index] === true ? cost : 0), 0);
        expect(granted).toBeLessThanOrEqual(one.limit + forwardUs / allowance.intervalUs);
      }),
      { numRuns: 500 },
    );
  });

  it("locks nobody out for longer than one window when the clock steps back by years", () => {
    const allowance = allowanceOf({ limit: 2, windowSeconds: 60 });
    const past = NOW - 1e15;
    const trace = [
      [NOW, 1],
      [NOW, 1],
      [past, 1],
      [past + 29_999_999, 1],
      [past + 30_000_000, 1],
      [past + 60_000_000, 1],
      [past + 60_000_000, 1],
    ] as const;
    expect(run([allowance], trace)).toEqual([true, true, false, false, true, true, false]);
  });

  it("refuses when the clock is not a number", () => {
    expect(decide([allowanceOf({ limit: 5, windowSeconds: 60 })], [0], Number.NaN, 1).allowed).toBe(false);
  });

  it("takes nothing for a cost of zero", () => {
    const allowance = allowanceOf({ limit: 5, windowSeconds: 60 });
    const { arrivals } = decide([allowance], [0], NOW, 3);
    const peek = decide([allowance], arrivals, NOW, 0);
    expect(peek.arrivals).toBe(arrivals);
    expect(remainingOf(allowance, peek.usedUs[0] as number)).toBe(2);
  });
});
