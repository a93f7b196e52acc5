import { describe, expect, it } from "vitest";
import {
  addBucket,
  addValue,
  emptyBucket,
  hasTooFewSamples,
  statisticOf,
  type Bucket,
  type Statistic,
} from "./alarm-statistic.ts";

const upTo = (most: number): readonly number[] => Array.from({ length: most }, (_, index) => index + 1);

function bucketOf(values: readonly number[]): Bucket {
  const bucket = emptyBucket(true);
  for (const value of values) addValue(bucket, value);
  return bucket;
}

describe("a figure of values", () => {
  it.each<readonly [Statistic, readonly number[], number | undefined]>([
    ["p50", [4, 1, 3, 2], 2],
    ["p0", [5, 1, 3], 1],
    ["p100", [1, 9, 3], 9],
    ["p99", [7], 7],
    ["p95", upTo(100), 95],
    ["p99.9", [...Array<number>(998).fill(1), 2, 3], 2],
    ["p99.99", [...Array<number>(9998).fill(1), 2, 3], 2],
    ["p29", upTo(100), 29],
    ["p57", upTo(100), 57],
    ["p50", [], undefined],
    ["Minimum", [-3, 2], -3],
    ["Maximum", [-3, -9], -3],
    ["Average", [1, 2], 1.5],
    ["SampleCount", [5, 5, 5], 3],
    ["Sum", [], undefined],
  ])("takes %s", (statistic, values, expected) => {
    expect(statisticOf(bucketOf(values), statistic)).toBe(expected);
  });

  it("is the same of two stretches of time together as of all of their values", () => {
    const [early, late] = [
      [10, -2.5, 9, 2],
      [9, 9, 100, 10],
    ];
    const together = emptyBucket(true);
    for (const part of [early, [], late]) addBucket(together, bucketOf(part ?? []));
    expect(together).toEqual(bucketOf([...(early ?? []), ...(late ?? [])]));
    expect(together).toEqual({
      count: 8,
      sum: 146.5,
      least: -2.5,
      most: 100,
      values: { "10": 2, "-2.5": 1, "9": 3, "2": 1, "100": 1 },
    });
    const plain = emptyBucket();
    addValue(plain, 1);
    expect(plain).toEqual({ count: 1, sum: 1, least: 1, most: 1 });
  });

  it("rounds what is new once it holds many different values, to fewer digits each time, and counts each", () => {
    const bucket = bucketOf(Array.from({ length: 9000 }, (_, index) => 100_000 + index * 97));
    const kept = Object.keys(bucket.values ?? {});
    const digits = (from: number, to: number): number =>
      Math.max(...kept.slice(from, to).map((value) => value.replace(/0+$/u, "").length));
    expect([kept.includes("100097"), digits(256, 512), digits(512, Infinity)]).toEqual([true, 3, 2]);
    expect(kept.length).toBeLessThan(700);
    expect(Object.values(bucket.values ?? {}).reduce((sum, times) => sum + times, 0)).toBe(9000);
    addValue(bucket, 100_097);
    expect(bucket.values?.["100097"]).toBe(2);
  });

  it.each([
    [0.5, 19, 20],
    [0.99, 999, 1000],
    [0.999, 9999, 10_000],
    [0.1, 99, 100],
    [0.05, 199, 200],
  ])("of percentile %s has too few samples in %s, and not in %s", (share, few, enough) => {
    expect([hasTooFewSamples(share, few), hasTooFewSamples(share, enough)]).toEqual([true, false]);
  });
});
