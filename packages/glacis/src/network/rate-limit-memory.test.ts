import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { allowanceOf } from "./gcra.ts";
import { memoryRateLimits, type MemoryCounters } from "./rate-limit-memory.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z") * 1000;
const SECOND = 1_000_000;

function counters(maxSubjects: number, limit: number, windowSeconds = 60): MemoryCounters {
  return memoryRateLimits({ maxSubjects }).open({
    name: "test",
    methods: [],
    allowances: [allowanceOf({ limit, windowSeconds })],
  });
}

describe("memoryRateLimits", () => {
  it("never remembers more subjects than it may", () => {
    const some = counters(1000, 5);
    for (let index = 0; index < 20_000; index += 1) some.consume(`client ${index}`, 1, NOW);
    expect(some.size).toBe(1000);
  });

  it("forgets subjects whose allowance is whole again while new ones arrive", () => {
    const some = counters(100_000, 60);
    for (let index = 0; index < 5000; index += 1) some.consume(`old ${index}`, 1, NOW);
    for (let index = 0; index < 2000; index += 1) some.consume(`new ${index}`, 1, NOW + 10 * SECOND);
    expect(some.size).toBe(2000);
  });

  it("locks nobody out for longer than one window when the clock steps back by years", () => {
    const some = counters(16, 2);
    const later = NOW + 5 * 366 * 86_400 * SECOND;
    for (let index = 0; index < 2; index += 1) some.consume("client", 1, later);
    expect(some.consume("client", 1, NOW).allowed).toBe(false);
    expect(some.consume("client", 1, NOW + 60 * SECOND).allowed).toBe(true);
  });

  it("forgets without loss: a subject that comes back is treated as if it had been remembered", () => {
    const some = counters(16, 2);
    const other = counters(100_000, 2);
    let now = NOW;
    for (let index = 0; index < 3000; index += 1) {
      now += (index % 7) * 9 * SECOND;
      const subject = `client ${index % 12}`;
      expect(some.consume(subject, 1, now)).toEqual(other.consume(subject, 1, now));
    }
  });

  it("keeps a subject at its limit through a flood of fifty times as many others as it can hold", () => {
    const some = counters(1000, 5);
    for (let index = 0; index < 5; index += 1) some.consume("attacker", 1, NOW);
    for (let index = 0; index < 50_000; index += 1) {
      some.consume(`flood ${index}`, 1, NOW);
      if (index % 100 === 0) expect(some.consume("attacker", 1, NOW).allowed).toBe(false);
    }
    expect(some.consume("attacker", 1, NOW).allowed).toBe(false);
  });

  it("keeps it even when each of the others uses most of its own limit", () => {
    const some = counters(1000, 5);
    for (let index = 0; index < 5; index += 1) some.consume("attacker", 1, NOW);
    for (let index = 0; index < 10_000; index += 1) some.consume(`flood ${index}`, 4, NOW);
    expect(some.consume("attacker", 1, NOW).allowed).toBe(false);
  });

  it("does not let two long subjects that begin alike share an allowance", () => {
    const some = counters(100, 1);
    const long = "x".repeat(10_000);
    expect(some.consume(`${long}a`, 1, NOW).allowed).toBe(true);
    expect(some.consume(`${long}b`, 1, NOW).allowed).toBe(true);
    expect(some.consume(`${long}a`, 1, NOW).allowed).toBe(false);
  });

  it("tells apart subjects that differ in lone surrogates and other odd code units alone", () => {
    const some = counters(100, 1);
    for (const subject of ["", "\u0000", "\ud800xxxxxxxxxxxxx", "\udc00xxxxxxxxxxxxx", "\u00e9", "e\u0301"]) {
      expect(some.consume(subject, 1, NOW).allowed).toBe(true);
      expect(some.consume(subject, 1, NOW).allowed).toBe(false);
    }
  });

  it("remembers a subject without the request that it was cut from", () => {
    const some = counters(20_000, 5);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 10_000; index += 1) {
      // Each parent is 16 KiB; kept alive they would be 160 MiB.
      some.consume(`${index} ${"p".repeat(16_384)}`.slice(0, 20), 1, NOW);
    }
    collect();
    expect(some.size).toBe(10_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  });

  it("does the same work for a request however many subjects it holds", () => {
    const some = counters(200_000, 5);
    const slowest = (from: number, to: number): number => {
      const times: number[] = [];
      for (let index = from; index < to; index += 1) {
        const start = performance.now();
        some.consume(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, 1, NOW);
        times.push(performance.now() - start);
      }
      // The collector and other processes stop a request now and then; a table that is rebuilt or scanned would do so for one in a hundred.
      return times.sort((left, right) => left - right)[Math.floor(times.length * 0.999)] as number;
    };
    const filling = slowest(0, 200_000);
    // On a machine that others keep busy, both wait for their turn.
    expect(slowest(200_000, 400_000)).toBeLessThan(5 + 3 * filling);
    expect(some.size).toBe(200_000);
  });

  it.each([{ maxSubjects: 15 }, { maxSubjects: 1.5 }, { maxSubjects: 1e9 }, { maxKeys: 100 }])(
    "refuses %j",
    (options) => {
      expect(() => memoryRateLimits(options as never)).toThrow(TypeError);
    },
  );
});
