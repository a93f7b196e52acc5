/** How alarms treat missing data, by the text of the CloudWatch user guide beyond its own tables: in every treatment, from every state. */
import { describe, expect, it } from "vitest";
import { evaluateAlarm, MISSING_DATA, type AlarmState } from "./alarm.ts";

const STATES: readonly AlarmState[] = ["OK", "ALARM", "INSUFFICIENT_DATA"];
const BY_LETTER: Readonly<Record<string, AlarmState | undefined>> = { A: "ALARM", O: "OK", I: "INSUFFICIENT_DATA" };

/** An X breaches, a hyphen is missing, the oldest comes first. One letter for each treatment; C keeps the state, and N is no alarm. */
const CASES: readonly (readonly [mOfN: string, points: string, states: string])[] = [
  ["1/1", "--X", "AAAA"],
  ["1/1", "---", "ICAO"],
  ["1/1", "X--", "AAAA"],
  ["1/1", "X0-", "OOOO"],
  ["2/2", "---X", "NCAO"],
  ["2/2", "--X-", "ACAO"],
  ["2/2", "X--X", "AAAA"],
  ["2/2", "X---", "ACAO"],
  ["2/2", "--0X", "OOOO"],
  ["1/2", "--0-", "OOAO"],
  ["1/2", "X-0-", "AAAA"],
  ["2/3", "0-0-0", "OOOO"],
  ["2/3", "XX000", "OOOO"],
  ["2/3", "XX--0", "AAAA"],
  ["2/3", "---0X", "OOAO"],
  ["2/3", "----X", "NCAO"],
  ["3/3", "-X---", "ACAO"],
  ["2/4", "X-0-X-", "AAAA"],
  ["3/5", "00X0X0X", "AAAA"],
  ["3/5", "XXX0000", "OOOO"],
  ["3/5", "--X-X-X", "AAAA"],
  ["3/5", "----X-X", "ACAO"],
  ["3/5", "-----XX", "NCAO"],
  ["3/5", "--0-X-X", "OOAO"],
];

describe("evaluateAlarm", () => {
  it.each(CASES)("judges %s of %s", (mOfN, text, expected) => {
    const [datapointsToAlarm = 0, evaluationPeriods = 0] = mOfN.split("/").map(Number);
    const points = Array.from(text, (letter) => (letter === "-" ? undefined : letter === "X" ? 10 : 1));
    const rule = {
      threshold: 5,
      comparisonOperator: "GreaterThanThreshold",
      evaluationPeriods,
      datapointsToAlarm,
    } as const;
    for (const [index, treatMissingData] of MISSING_DATA.entries())
      for (const current of STATES) {
        const state = evaluateAlarm({ ...rule, treatMissingData }, points, current);
        const letter = expected.charAt(index);
        if (letter === "N") expect([treatMissingData, state]).not.toEqual([treatMissingData, "ALARM"]);
        else expect([treatMissingData, state]).toEqual([treatMissingData, BY_LETTER[letter] ?? current]);
      }
  });

  it.each([
    ["GreaterThanOrEqualToThreshold", "OK ALARM ALARM"],
    ["GreaterThanThreshold", "OK OK ALARM"],
    ["LessThanThreshold", "ALARM OK OK"],
    ["LessThanOrEqualToThreshold", "ALARM ALARM OK"],
  ] as const)("compares by %s", (comparisonOperator, expected) => {
    const rule = { comparisonOperator, threshold: 5, evaluationPeriods: 1, datapointsToAlarm: 1 } as const;
    const states = [4, 5, 6].map((point) => evaluateAlarm({ ...rule, treatMissingData: "missing" }, [point], "OK"));
    expect(states.join(" ")).toBe(expected);
  });
});
