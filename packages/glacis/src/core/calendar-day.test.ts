import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dayMs } from "./calendar-day.ts";

describe("a day in settings", () => {
  it.each([
    ["2027-03-01", Date.UTC(2027, 2, 1)],
    ["2028-02-29", Date.UTC(2028, 1, 29)],
    ["2027-02-29", undefined],
    ["2027-02-30", undefined],
    ["2027-04-31", undefined],
    ["2027-13-01", undefined],
    ["2027-00-10", undefined],
    ["2027-01-00", undefined],
    ["2027-3-1", undefined],
    ["2027-03-01T00:00:00Z", undefined],
    [" 2027-03-01", undefined],
    ["2027-03-01\n", undefined],
    ["٢٠٢٧-03-01", undefined],
    ["", undefined],
  ])("%j begins at %j", (text, ms) => {
    expect(dayMs(text)).toBe(ms);
  });

  it("is read back for every day there is", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (date) => {
        const text = date.toISOString().slice(0, 10);
        expect(new Date(dayMs(text) ?? Number.NaN).toISOString()).toBe(`${text}T00:00:00.000Z`);
      }),
    );
  });
});
