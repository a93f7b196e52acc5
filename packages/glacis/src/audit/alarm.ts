/** The state of an alarm from its datapoints, as the CloudWatch user guide describes it ("Alarm evaluation", "How alarms treat missing data"). */

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

export const COMPARISON_OPERATORS = [
  "GreaterThanOrEqualToThreshold",
  "GreaterThanThreshold",
  "LessThanThreshold",
  "LessThanOrEqualToThreshold",
] as const;
export type ComparisonOperator = (typeof COMPARISON_OPERATORS)[number];

export const MISSING_DATA = ["missing", "ignore", "breaching", "notBreaching"] as const;
export type MissingData = (typeof MISSING_DATA)[number];

export interface AlarmRule {
  readonly threshold: number;
  readonly comparisonOperator: ComparisonOperator;
  /** N: how many of the most recent datapoints are looked at. */
  readonly evaluationPeriods: number;
  /** M: how many of them must breach. */
  readonly datapointsToAlarm: number;
  readonly treatMissingData: MissingData;
}

/** Periods before the N that are looked at when some of the N have no data. The guide shows 5 for N = 3 and gives no other figure. */
const EXTRA_PERIODS = 2;

/** How many periods an evaluation reads. */
export function evaluationRange(evaluationPeriods: number): number {
  return evaluationPeriods + EXTRA_PERIODS;
}

/**
 * Evaluates one alarm.
 *
 * @param points the evaluation range, the oldest first; undefined where a period has no data
 * @param current the state so far
 */
export function evaluateAlarm(
  rule: AlarmRule,
  points: readonly (number | undefined)[],
  current: AlarmState,
): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rule;
  const range = points.slice(-evaluationRange(evaluationPeriods));
  const breaches = range.map((point) => point !== undefined && breachesThreshold(rule, point));
  const present = range.flatMap((point, index) => (point === undefined ? [] : [index]));
  const newest = present.slice(-evaluationPeriods);
  const breaching = newest.filter((index) => breaches[index]);
  const enough = breaching.length >= datapointsToAlarm;
  const missing = evaluationPeriods - newest.length;
  if (treatMissingData === "breaching") return breaching.length + missing >= datapointsToAlarm ? "ALARM" : "OK";
  if (treatMissingData === "notBreaching") return enough ? "ALARM" : "OK";
  const oldest = breaching[0];
  if (newest.length === 0) return treatMissingData === "missing" ? "INSUFFICIENT_DATA" : current;
  if (enough) return "ALARM";
  if (breaching.length < newest.length || oldest === undefined) return "OK";
  if (treatMissingData === "ignore") return current;
  // Only breaching points, too few: an alarm once the oldest is so old that nothing could come between any more.
  return range.length - oldest >= datapointsToAlarm ? "ALARM" : "OK";
}

function breachesThreshold({ comparisonOperator, threshold }: AlarmRule, point: number): boolean {
  switch (comparisonOperator) {
    case "GreaterThanOrEqualToThreshold":
      return point >= threshold;
    case "GreaterThanThreshold":
      return point > threshold;
    case "LessThanThreshold":
      return point < threshold;
    case "LessThanOrEqualToThreshold":
      return point <= threshold;
  }
}
