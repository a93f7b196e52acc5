import { describe, expect, it } from "vitest";
import { addValue, emptyBucket, statisticOf, type Statistic } from "./alarm-statistic.ts";

const upTo = (most: number): readonly number[] => Array.from({ length: most }, (_, index) => index + 1);

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
    const bucket = emptyBucket(true);
    for (const value of values) addValue(bucket, value);
    expect(statisticOf(bucket, statistic)).toBe(expected);
  });
});
