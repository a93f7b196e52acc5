import { describe, expect, it } from "vitest";
import { barsOf, outcomeChart } from "./chart.ts";

const HOUR_MS = 3_600_000;

describe("the chart of events by outcome", () => {
  it("counts in whole events, and has room for the highest bar", () => {
    for (let most = 1; most <= 800; most += 1) {
      const count = { fromMs: 0, succeeded: most, observed: 0, refused: 0, failed: 0, failedSignIns: 0, severe: 0 };
      const svg = outcomeChart(barsOf([count], 0, HOUR_MS, HOUR_MS), HOUR_MS).toString();
      const labels = [...svg.matchAll(/class="axis end">([^<]+)</gu)].map(([, label]) => Number(label));
      expect([most, labels.length, labels.every(Number.isInteger)]).toEqual([most, 5, true]);
      expect(labels.at(-1)).toBeGreaterThanOrEqual(most);
    }
  });
});
