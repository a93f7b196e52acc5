import { describe, expect, it } from "vitest";
import { alarmsOf, evaluateRule, parseAlarmRule } from "./alarm-rule.ts";
import type { AlarmState } from "./alarm.ts";

const STATES: Readonly<Record<string, AlarmState>> = {
  a: "ALARM",
  b: "ALARM",
  o: "OK",
  i: "INSUFFICIENT_DATA",
  "x, y": "ALARM",
};

describe("the rule of a composite alarm", () => {
  it.each([
    ["AT_LEAST(2, ALARM, (a, b, o))", true],
    ["AT_LEAST(3, ALARM, (a, b, o))", false],
    ["AT_LEAST(50%, ALARM, (a, o))", true],
    ["AT_LEAST(51%, ALARM, (a, o))", false],
    ["AT_LEAST(60%, ALARM, (a, b, o, i, a))", true],
    ["AT_LEAST(1%, ALARM, (o, i))", false],
    ["AT_LEAST(100%, NOT OK, (a, i))", true],
    ["AT_LEAST( 2 ,NOT ALARM,( o , i ) )", true],
    ['NOT AT_LEAST(1, OK, (a, "x, y")) AND ALARM(a)', true],
    ["ALARM(o) OR AT_LEAST(1, INSUFFICIENT_DATA, (i, nobody))", true],
    ["NOT ALARM(i) AND NOT OK(i)", true],
    ["NOT (ALARM(a) AND OK(o))", false],
    ["ALARM(a) AND FALSE", false],
    ["ALARM(o) OR TRUE", true],
    ["ALARM(x,y)", false],
  ])("judges %s: %s", (rule, rings) => {
    expect(evaluateRule(parseAlarmRule(rule), (name) => STATES[name])).toBe(rings);
  });

  it("is nested a hundred times at most", () => {
    expect(evaluateRule(parseAlarmRule(`${"NOT ".repeat(100)}TRUE`), () => undefined)).toBe(true);
    expect(evaluateRule(parseAlarmRule(`${"(".repeat(100)}TRUE${")".repeat(100)}`), () => undefined)).toBe(true);
  });

  it("names the alarms of a list once each", () => {
    expect(alarmsOf(parseAlarmRule('AT_LEAST(1, NOT ALARM, (a, "x, y", a)) OR OK(b)'))).toEqual(["a", "x, y", "b"]);
  });

  it.each([
    ["ALARM(a) OK(o)", /AND, OR or the end is expected \(at character 10 /u],
    [`${"NOT ".repeat(101)}TRUE`, /nested too deeply/u],
    [`${"(".repeat(101)}TRUE${")".repeat(101)}`, /nested too deeply/u],
    ["AT_LEAST(0, ALARM, (a))", /1 to 1 of 1/u],
    ["AT_LEAST(0%, ALARM, (a))", /1% to 100%/u],
    ["AT_LEAST(3, ALARM, (a, b))", /1 to 2 of 2/u],
    ["AT_LEAST(101%, ALARM, (a, b))", /1% to 100%/u],
    ["AT_LEAST(x, ALARM, (a))", /A count such as 2/u],
    ["AT_LEAST(1 ALARM, (a))", /, is expected/u],
    ["AT_LEAST(1, RINGS, (a))", /ALARM, OK or INSUFFICIENT_DATA/u],
    ["AT_LEAST(1, ALARM, a)", /\( is expected/u],
    ["AT_LEAST(1, ALARM, ())", /name of an alarm/u],
    ["AT_LEAST(1, ALARM, (a,))", /name of an alarm/u],
    ["AT_LEAST(1, ALARM, (a)", /closing parenthesis/u],
    ["AT_LEAST(1, ALARM, (a b))", /closing parenthesis/u],
    [
      `AT_LEAST(1, ALARM, (${Array.from({ length: 101 }, (_, index) => `a${index}`).join(",")}))`,
      /100 alarms at most/u,
    ],
  ])("refuses %s and says where", (rule, message) => {
    expect(() => parseAlarmRule(rule)).toThrow(message);
  });
});
