import { describe, expect, it } from "vitest";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { logLine } from "./filter-pattern.ts";

const filter = (about: object = {}): object => ({
  FilterName: "FailedLogins",
  FilterPattern: '{ $.event_type = "authentication" && $.status = "failed" }',
  MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: "1" }],
  ...about,
});
const alarm = (about: object = {}): object => ({
  AlarmName: "A",
  MetricName: "FailedLoginAttempts",
  Threshold: 1,
  Period: 60,
  EvaluationPeriods: 1,
  ...about,
});
const read = (alarms: readonly object[], filters: readonly object[] = [filter()], more: object = {}) =>
  readAlarmDefinitions({ MetricFilters: filters, Alarms: alarms, ...more });

describe("readAlarmDefinitions", () => {
  it("takes the guide's file as it is, and fills in what it leaves out", () => {
    const { alarms } = read([{ AlarmName: "HighFailedLogins", Threshold: 10, Period: 300, EvaluationPeriods: 1 }]);
    expect(alarms).toMatchObject([
      {
        name: "HighFailedLogins",
        metricName: "FailedLoginAttempts",
        statistic: "Sum",
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        treatMissingData: "notBreaching",
        datapointsToAlarm: 1,
        threshold: 10,
        periodSeconds: 300,
      },
    ]);
  });

  it.each([
    ["an unknown name", [alarm({ Treshold: 1 })], /Did you mean "Threshold"/u],
    ["a metric that nothing feeds", [alarm({ MetricName: "Nothing" })], /no filter feeds/u],
    ["a period that CloudWatch does not have", [alarm({ Period: 45 })], /multiple of 60/u],
    ["more datapoints than periods", [alarm({ DatapointsToAlarm: 2 })], /at most the first/u],
    ["a window above a day", [alarm({ Period: 300, EvaluationPeriods: 300 })], /86400 seconds at most/u],
    ["two alarms of one name", [alarm(), alarm()], /stands twice/u],
    ["a number that is none", [alarm({ Threshold: "1" })], /Threshold is a number/u],
    ["a percentile above all", [alarm({ ExtendedStatistic: "p101" })], /percentile/u],
  ])("refuses %s", (_, alarms, message) => {
    expect(() => read(alarms)).toThrow(message);
  });

  it.each([
    ["p0", "p0"],
    ["p99.95", "p99.95"],
    ["p100", "p100"],
  ])("takes the percentile %s", (ExtendedStatistic, statistic) => {
    expect(read([alarm({ ExtendedStatistic })]).alarms[0]?.statistic).toBe(statistic);
  });

  it("takes periods of 10, 20 and 30 seconds, and of minutes", () => {
    for (const Period of [10, 20, 30, 60, 3600])
      expect(read([alarm({ Period })]).alarms[0]?.periodSeconds).toBe(Period);
    for (const Period of [0, 1, 11, 31, 61, -60, 90.5])
      expect(() => read([alarm({ Period })])).toThrow(/Period is 10/u);
  });

  it("looks at each value of a metric's dimensions by itself, and at none of a metric that has none", () => {
    const metric = { MetricName: "FailedLoginAttempts", MetricValue: "1" };
    const dimensions = filter({ MetricTransformations: [{ ...metric, Dimensions: { ip: "$.ip_address" } }] });
    expect(read([alarm()]).alarms[0]?.perSeries).toBe(false);
    expect(read([alarm()], [dimensions]).alarms[0]?.perSeries).toBe(true);
    expect(read([alarm({ PerSeries: false })], [dimensions]).alarms[0]?.perSeries).toBe(false);
  });

  it("finds the metric of the longest filter's name that stands in the alarm's", () => {
    const named = (FilterName: string): object =>
      filter({ FilterName, MetricTransformations: [{ MetricName: FilterName, MetricValue: "1" }] });
    const filters = [named("Login"), named("LoginFailed"), named("Log")];
    const { alarms } = read(
      [{ AlarmName: "HighLoginFailed", Threshold: 1, Period: 60, EvaluationPeriods: 1 }],
      filters,
    );
    expect(alarms[0]?.metricName).toBe("LoginFailed");
  });

  it("has five filters with a regular expression at most, and alarms with printable names", () => {
    const regexes = (count: number): readonly object[] =>
      Array.from({ length: count }, (_, index) => filter({ FilterName: `F${index}`, FilterPattern: "{ $.a = %x% }" }));
    expect(read([], regexes(5)).filters).toHaveLength(5);
    expect(() => read([], regexes(6))).toThrow(/5 filters with a regular expression/u);
    for (const AlarmName of ["", "a\nb", "x".repeat(256)])
      expect(() => read([alarm({ AlarmName })])).toThrow(/255 printable characters/u);
  });

  it.each([
    ["a pattern that does not parse", { FilterPattern: "{ $.a == 1 }" }, /character/u],
    [
      "a default together with dimensions",
      {
        MetricTransformations: [
          { MetricName: "FailedLoginAttempts", MetricValue: "1", DefaultValue: 0, Dimensions: { ip: "$.ip_address" } },
        ],
      },
      /no DefaultValue/u,
    ],
    [
      "four dimensions",
      {
        MetricTransformations: [
          {
            MetricName: "FailedLoginAttempts",
            MetricValue: "1",
            Dimensions: { a: "$.a", b: "$.b", c: "$.c", d: "$.d" },
          },
        ],
      },
      /3 at most/u,
    ],
    [
      "a value that is neither number nor field",
      { MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: "one" }] },
      /MetricValue/u,
    ],
    [
      "a unit that there is not",
      { MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: "1", Unit: "Attempts" }] },
      /Unit is one of Seconds/u,
    ],
    [
      "two metrics",
      { MetricTransformations: ["A", "B"].map((MetricName) => ({ MetricName, MetricValue: "1" })) },
      /exactly one entry/u,
    ],
    [
      "a value that a wildcard names",
      { MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: "$.a[*]" }] },
      /is no property/u,
    ],
    [
      "a value one character longer than any",
      { MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: `$.${"a".repeat(99)}` }] },
      /100 characters at most/u,
    ],
    [
      "a value longer than any",
      { MetricTransformations: [{ MetricName: "FailedLoginAttempts", MetricValue: `$.${"a".repeat(100)}` }] },
      /100 characters at most/u,
    ],
  ])("refuses a filter with %s", (_, about, message) => {
    expect(() => read([], [filter(about)])).toThrow(message);
  });

  it.each([
    ["12.5", 12.5],
    ['"12.5"', 12.5],
    ["1e999", undefined],
    ['"Infinity"', undefined],
    ['"NaN"', undefined],
    ['""', undefined],
    ['" "', undefined],
    ["true", undefined],
    ["null", undefined],
    ["[7]", undefined],
  ])("counts of a field that holds %s: %s", (written, expected) => {
    const MetricTransformations = [
      { MetricName: "FailedLoginAttempts", MetricValue: "$.n", Dimensions: { who: "$.who" } },
    ];
    const { filters } = read([], [filter({ MetricTransformations })]);
    const line = logLine(`{"n":${written},"who":"${"w".repeat(300)}"}`);
    expect(filters[0]?.transformations[0]?.valueOf(line)).toBe(expected);
    expect(filters[0]?.transformations[0]?.dimensionsOf(line)).toEqual(["w".repeat(255)]);
  });

  it("puts composites after those that they name, and refuses a circle", () => {
    const composite = (AlarmName: string, AlarmRule: string): object => ({ AlarmName, AlarmRule });
    const ordered = read([alarm()], [filter()], {
      CompositeAlarms: [composite("Outer", "ALARM(Inner) AND NOT OK(A)"), composite("Inner", 'ALARM("A")')],
    });
    expect(ordered.composites.map(({ name }) => name)).toEqual(["Inner", "Outer"]);
    const circle = { CompositeAlarms: [composite("One", "ALARM(Two)"), composite("Two", "ALARM(One)")] };
    expect(() => read([alarm()], [filter()], circle)).toThrow(/names an alarm that is not here, or itself/u);
  });
});
