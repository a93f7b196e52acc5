/** The one file that says which events count and when somebody is called: the guide's JSON (A09), and what CloudWatch has beyond it. */
import { COMPARISON_OPERATORS, evaluationRange, MISSING_DATA, type AlarmRule } from "./alarm.ts";
import { readFields, type Fields } from "./alarm-fields.ts";
import { alarmNameOf, alarmsOf, parseAlarmRule, type RuleNode } from "./alarm-rule.ts";
import { STATISTICS, type Statistic } from "./alarm-statistic.ts";
import { readMetricFilter, type MetricFilter, type MetricTransformation } from "./metric-filter.ts";

export type AlarmSeverity = "critical" | "error" | "warning";

interface AlarmBase {
  readonly name: string;
  readonly description: string | undefined;
  readonly severity: AlarmSeverity;
  /** Where it says what to do. */
  readonly runbook: string | undefined;
  /** Whether anybody is told at all. The log is, always. */
  readonly actionsEnabled: boolean;
  /** Names of actions, or of resources of AWS. Undefined: every action that there is, on ALARM and on OK. */
  readonly alarmActions: readonly string[] | undefined;
  readonly okActions: readonly string[] | undefined;
  readonly insufficientDataActions: readonly string[];
}

export interface MetricAlarm extends AlarmBase, AlarmRule {
  readonly kind: "metric";
  readonly metricName: string;
  readonly namespace: string;
  readonly statistic: Statistic;
  readonly periodSeconds: number;
  /** Whether a percentile of few samples is compared all the same. */
  readonly lowSamples: "evaluate" | "ignore";
  /** Evaluate each value of the metric's dimensions for itself; the alarm rings when one of them breaches. */
  readonly perSeries: boolean;
}

export interface CompositeAlarm extends AlarmBase {
  readonly kind: "composite";
  readonly rule: RuleNode;
  readonly ruleText: string;
  readonly suppressor: Suppressor | undefined;
}

/** While this alarm rings, the composite that names it changes its state and tells nobody. */
export interface Suppressor {
  readonly alarm: string;
  /** How long a change waits for the suppressor to ring. */
  readonly waitSeconds: number;
  /** How long a change waits after the suppressor has fallen silent. */
  readonly extensionSeconds: number;
}

export interface AlarmDefinitions {
  readonly filters: readonly MetricFilter[];
  readonly alarms: readonly MetricAlarm[];
  /** Children before those that name them. */
  readonly composites: readonly CompositeAlarm[];
}

const MOST_FILTERS = 100;
const MOST_REGEX_FILTERS = 5;
const DAY_SECONDS = 86_400;
const ALARM_NAME = /^[^\p{C}]{1,255}$/u;
const COMMON = [
  "AlarmName",
  "AlarmDescription",
  "Severity",
  "Runbook",
  "ActionsEnabled",
  "AlarmActions",
  "OKActions",
  "InsufficientDataActions",
];
const METRIC_ALARM = [
  ...COMMON,
  "MetricName",
  "Namespace",
  "Statistic",
  "ExtendedStatistic",
  "ComparisonOperator",
  "Threshold",
  "Period",
  "EvaluationPeriods",
  "DatapointsToAlarm",
  "TreatMissingData",
  "EvaluateLowSampleCountPercentile",
  "PerSeries",
];
const COMPOSITE_ALARM = [
  ...COMMON,
  "AlarmRule",
  "ActionsSuppressor",
  "ActionsSuppressorWaitPeriod",
  "ActionsSuppressorExtensionPeriod",
];
const SUPPRESSOR_SECONDS = 60;

/**
 * Reads a definition: `MetricFilters`, `Alarms` and `CompositeAlarms` in the words of the CloudWatch API. What the guide leaves out has a
 * default: the sum, at or above the threshold, and silence is no breach. An alarm that names no metric watches the filter whose name is in its own.
 *
 * @param value what `JSON.parse` returned
 * @throws TypeError saying where and what CloudWatch would not take
 */
export function readAlarmDefinitions(value: unknown): AlarmDefinitions {
  const file = readFields(value, "The alarm definition", ["Namespace", "MetricFilters", "Alarms", "CompositeAlarms"]);
  const namespace = file.text("Namespace") ?? "Glacis";
  const filters = file
    .list("MetricFilters")
    .map((entry, index) => readMetricFilter(entry, `MetricFilters[${index}]`, namespace));
  const metrics = filters.flatMap(({ name, transformations }) =>
    transformations.map((metric) => ({ filter: name, metric })),
  );
  const alarms = file
    .list("Alarms")
    .map((entry, index) => readMetricAlarm(entry, `Alarms[${index}]`, metrics, namespace));
  const composites = file
    .list("CompositeAlarms")
    .map((entry, index) => readComposite(entry, `CompositeAlarms[${index}]`));
  judgeCounts(file, filters);
  judgeNames(
    file,
    "FilterName",
    filters.map(({ name }) => name),
  );
  judgeNames(
    file,
    "AlarmName",
    [...alarms, ...composites].map(({ name }) => name),
  );
  return { filters, alarms, composites: inOrder(file, composites, new Set(alarms.map(({ name }) => name))) };
}

function judgeCounts(file: Fields, filters: readonly MetricFilter[]): void {
  if (filters.length > MOST_FILTERS) file.refuse(`a log group has ${MOST_FILTERS} metric filters at most.`);
  if (filters.filter(({ pattern }) => pattern.regexes > 0).length > MOST_REGEX_FILTERS)
    file.refuse(`a log group has ${MOST_REGEX_FILTERS} filters with a regular expression at most.`);
}

function judgeNames(file: Fields, what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) file.refuse(`${what} "${twice}" stands twice.`);
}

interface NamedMetric {
  readonly filter: string;
  readonly metric: MetricTransformation;
}

function readBase(fields: Fields): AlarmBase {
  const name = fields.needed("AlarmName", fields.text("AlarmName"));
  if (!ALARM_NAME.test(name)) fields.refuse("AlarmName has 1 to 255 printable characters.");
  const described = (option: string): readonly string[] | undefined =>
    fields.raw(option) === undefined ? undefined : fields.texts(option);
  return {
    name,
    description: fields.text("AlarmDescription"),
    severity: fields.choice("Severity", ["critical", "error", "warning"] as const) ?? "error",
    runbook: fields.text("Runbook"),
    actionsEnabled: fields.flag("ActionsEnabled") ?? true,
    alarmActions: described("AlarmActions"),
    okActions: described("OKActions"),
    insufficientDataActions: fields.texts("InsufficientDataActions"),
  };
}

function readMetricAlarm(
  value: unknown,
  where: string,
  metrics: readonly NamedMetric[],
  inherited: string,
): MetricAlarm {
  const fields = readFields(value, where, METRIC_ALARM);
  const base = readBase(fields);
  const { metricName, namespace, dimensions } = metricOf(fields, base.name, metrics, inherited);
  const evaluationPeriods = fields.needed("EvaluationPeriods", fields.number("EvaluationPeriods"));
  const datapointsToAlarm = fields.number("DatapointsToAlarm") ?? evaluationPeriods;
  const periodSeconds = fields.needed("Period", fields.number("Period"));
  judgeWindow(fields, periodSeconds, evaluationPeriods, datapointsToAlarm);
  return {
    ...base,
    kind: "metric",
    metricName,
    namespace,
    statistic: readStatistic(fields),
    threshold: fields.needed("Threshold", fields.number("Threshold")),
    comparisonOperator: fields.choice("ComparisonOperator", COMPARISON_OPERATORS) ?? "GreaterThanOrEqualToThreshold",
    periodSeconds,
    evaluationPeriods,
    datapointsToAlarm,
    treatMissingData: fields.choice("TreatMissingData", MISSING_DATA) ?? "notBreaching",
    lowSamples: fields.choice("EvaluateLowSampleCountPercentile", ["evaluate", "ignore"] as const) ?? "evaluate",
    perSeries: fields.flag("PerSeries") ?? dimensions.length > 0,
  };
}

function metricOf(
  fields: Fields,
  alarm: string,
  metrics: readonly NamedMetric[],
  inherited: string,
): MetricTransformation {
  const metricName = fields.text("MetricName");
  const namespace = fields.text("Namespace");
  if (metricName === undefined) {
    const [closest] = metrics
      .filter(({ filter }) => alarm.includes(filter))
      .toSorted((left, right) => right.filter.length - left.filter.length);
    return (closest ?? fields.refuse("MetricName is missing, and no filter's name is in the alarm's.")).metric;
  }
  const found = metrics.find(
    ({ metric }) => metric.metricName === metricName && metric.namespace === (namespace ?? inherited),
  );
  return (found ?? fields.refuse(`no filter feeds the metric "${metricName}".`)).metric;
}

function readStatistic(fields: Fields): Statistic {
  const extended = fields.text("ExtendedStatistic");
  if (extended === undefined) return fields.choice("Statistic", STATISTICS) ?? "Sum";
  const share = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/u.exec(extended)?.[1];
  if (share === undefined || fields.raw("Statistic") !== undefined)
    return fields.refuse("ExtendedStatistic is a percentile such as p99, and Statistic is then left out.");
  return `p${Number(share)}`;
}

function judgeWindow(fields: Fields, period: number, evaluationPeriods: number, datapointsToAlarm: number): void {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (![10, 20, 30].includes(period) && !(whole(period) && period % 60 === 0))
    fields.refuse("Period is 10, 20, 30 or a multiple of 60 seconds.");
  if (!whole(evaluationPeriods) || !whole(datapointsToAlarm) || datapointsToAlarm > evaluationPeriods)
    fields.refuse("EvaluationPeriods and DatapointsToAlarm are whole numbers from 1, the second at most the first.");
  const most = period >= 3600 ? 7 * DAY_SECONDS : DAY_SECONDS;
  if (period * evaluationPeriods > most) fields.refuse(`Period times EvaluationPeriods is ${most} seconds at most.`);
}

function readComposite(value: unknown, where: string): CompositeAlarm {
  const fields = readFields(value, where, COMPOSITE_ALARM);
  const base = readBase(fields);
  const ruleText = fields.needed("AlarmRule", fields.text("AlarmRule"));
  const suppressor = readSuppressor(fields);
  try {
    return { ...base, kind: "composite", rule: parseAlarmRule(ruleText), ruleText, suppressor };
  } catch (error) {
    return fields.refuse((error as Error).message);
  }
}

function readSuppressor(fields: Fields): Suppressor | undefined {
  const alarm = fields.text("ActionsSuppressor");
  const seconds = (period: string): number => {
    const value = fields.number(period) ?? SUPPRESSOR_SECONDS;
    if (!Number.isSafeInteger(value) || value < 0) fields.refuse(`${period} is in whole seconds, from 0.`);
    if (alarm === undefined && fields.raw(period) !== undefined) fields.refuse(`${period} needs ActionsSuppressor.`);
    return value;
  };
  const waitSeconds = seconds("ActionsSuppressorWaitPeriod");
  const extensionSeconds = seconds("ActionsSuppressorExtensionPeriod");
  return alarm === undefined ? undefined : { alarm: alarmNameOf(alarm), waitSeconds, extensionSeconds };
}

/** The alarms whose states decide what a composite does. */
export function dependenciesOf({ rule, suppressor }: CompositeAlarm): readonly string[] {
  const named = alarmsOf(rule);
  return suppressor === undefined || named.includes(suppressor.alarm) ? named : [...named, suppressor.alarm];
}

/** A composite is judged after those that it names; a circle has no beginning. */
function inOrder(
  file: Fields,
  composites: readonly CompositeAlarm[],
  known: ReadonlySet<string>,
): readonly CompositeAlarm[] {
  const settled = new Set(known);
  const ordered: CompositeAlarm[] = [];
  let waiting = composites;
  while (waiting.length > 0) {
    const ready = waiting.filter((composite) => dependenciesOf(composite).every((name) => settled.has(name)));
    const [first] = waiting;
    if (ready.length === 0) file.refuse(`"${first?.name}" names an alarm that is not here, or itself.`);
    for (const composite of ready) settled.add(composite.name);
    ordered.push(...ready);
    waiting = waiting.filter((composite) => !ready.includes(composite));
  }
  return ordered;
}

/** How far back an alarm looks, in seconds. */
export function reachSeconds({ periodSeconds, evaluationPeriods }: MetricAlarm): number {
  return periodSeconds * evaluationRange(evaluationPeriods);
}
