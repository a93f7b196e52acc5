import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRate, parseRates, type RateText } from "./rate.ts";

describe("parseRate", () => {
  it.each([
    ["5/m", 5, 60],
    ["100/h", 100, 3600],
    ["1000/d", 1000, 86_400],
    ["10000/h", 10_000, 3600],
    ["100/10s", 100, 10],
    ["100/s", 100, 1],
    ["1/366d", 1, 31_622_400],
    ["10000/s", 10_000, 1],
  ])("reads %s", (text, limit, windowSeconds) => {
    expect(parseRate(text)).toEqual({ limit, windowSeconds });
  });

  it.each([
    ["", /not a rate/u],
    ["5", /not a rate/u],
    ["/m", /not a rate/u],
    ["5/", /not a rate/u],
    ["5/60", /not a rate/u],
    ["5/M", /not a rate/u],
    ["5/w", /not a rate/u],
    ["5/sec", /not a rate/u],
    [" 5/m", /not a rate/u],
    ["5/m ", /not a rate/u],
    ["5/m\n", /not a rate/u],
    ["5 /m", /not a rate/u],
    ["5/ m", /not a rate/u],
    ["5/m;10/h", /not a rate/u],
    ["-5/m", /not a rate/u],
    ["+5/m", /not a rate/u],
    ["5.5/m", /not a rate/u],
    ["1e3/m", /not a rate/u],
    ["0x5/m", /not a rate/u],
    ["5/-1m", /not a rate/u],
    ["٥/m", /not a rate/u],
    ["5/٥m", /not a rate/u],
    ["0/m", /refuse everything/u],
    ["05/m", /starts with zero/u],
    ["5/0m", /starts with zero/u],
    ["5/05m", /starts with zero/u],
    ["1/367d", /between one second and 366 days/u],
    [`1/${"9".repeat(400)}s`, /between one second and 366 days/u],
    [`${"9".repeat(400)}/m`, /whole number/u],
    ["9007199254740993/d", /whole number/u],
    ["10001/s", /more than 10000 per second/u],
  ])("refuses %j and says what to write", (text, message) => {
    expect(() => parseRate(text)).toThrow(message);
  });

  it("refuses what is not a text", () => {
    expect(() => parseRate(5 as unknown as string)).toThrow(/such as "5\/m"/u);
  });

  it("never quotes more than a little of what it refuses", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (text) => {
        try {
          parseRate(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect((error as Error).message.length).toBeLessThan(400);
        }
      }),
    );
  });

  it("reads back every rate that it can mean", () => {
    const unit = fc.constantFrom(["s", 1], ["m", 60], ["h", 3600], ["d", 86_400] as const);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 366 }),
        unit,
        (count, multiple, [letter, seconds]) => {
          expect(parseRate(`${count}/${multiple}${letter}`)).toEqual({
            limit: count,
            windowSeconds: multiple * (seconds as number),
          });
        },
      ),
    );
  });
});

describe("parseRates", () => {
  it("takes one rate or several, as text or as numbers, and sorts them by window", () => {
    expect(parseRates("5/m")).toEqual([{ limit: 5, windowSeconds: 60 }]);
    expect(parseRates(["100/d", "5/m", { limit: 20, windowSeconds: 600 }])).toEqual([
      { limit: 5, windowSeconds: 60 },
      { limit: 20, windowSeconds: 600 },
      { limit: 100, windowSeconds: 86_400 },
    ]);
  });

  it.each([
    [[], /at least one rate/u],
    [["5/m", "6/60s"], /share the window of 60 s/u],
    [{ limit: 0, windowSeconds: 60 }, /refuse everything/u],
    [{ limit: 5, windowSeconds: 0 }, /between one second/u],
    [{ limit: 1.5, windowSeconds: 60 }, /whole number/u],
    [{ limit: Number.NaN, windowSeconds: 60 }, /whole number/u],
    [Array.from({ length: 9 }, (_, index) => `1/${index + 1}s` as RateText), /at most 8/u],
    [[null], /A rate is a text/u],
  ])("refuses %j", (rates, message) => {
    expect(() => parseRates(rates as never)).toThrow(message);
  });

  it("makes a misspelt rate a type error", () => {
    // @ts-expect-error no unit of that name
    expect(() => parseRates("5/week")).toThrow();
    // @ts-expect-error text behind the rate
    expect(() => parseRates("5/m;10/h")).toThrow();
    // @ts-expect-error no unit
    expect(() => parseRates(["5/60"])).toThrow();
  });
});
