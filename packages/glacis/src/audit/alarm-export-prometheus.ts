/** The same alarms as rules of Prometheus, over what `AlarmEngine.prometheus` exposes. */
import type { AlarmDefinitions, CompositeAlarm, MetricAlarm } from "./alarm-definition.ts";
import { metricKey } from "./alarm-counter.ts";
import { describe } from "./alarm-export-shape.ts";
import type { RuleNode } from "./alarm-rule.ts";
import type { ComparisonOperator } from "./alarm.ts";

const OPERATORS: Readonly<Record<ComparisonOperator, string>> = {
  GreaterThanOrEqualToThreshold: ">=",
  GreaterThanThreshold: ">",
  LessThanThreshold: "<",
  LessThanOrEqualToThreshold: "<=",
};

/**
 * A rule file in YAML. Sums become increases of counters over the period; what Prometheus cannot count by itself, such as each dimension value or
 * a percentile, follows the engine's own verdict.
 */
export function toPrometheus({ alarms, composites }: AlarmDefinitions): string {
  const rules = [
    ...alarms.map((alarm) => rule(alarm, expressionOf(alarm))),
    ...composites.map((composite) => rule(composite, compositeExpression(composite, composites))),
  ];
  return `groups:\n  - name: glacis-security\n    rules:\n${rules.join("")}`;
}

/** JSON texts are texts of YAML too. */
function rule(alarm: MetricAlarm | CompositeAlarm, expression: string): string {
  const description = describe(alarm);
  const waitSeconds = alarm.kind === "composite" ? (alarm.suppressor?.waitSeconds ?? 0) : 0;
  const lines = [
    `      - alert: ${JSON.stringify(alarm.name)}`,
    `        expr: ${JSON.stringify(expression)}`,
    ...(waitSeconds === 0 ? [] : [`        for: ${waitSeconds}s`]),
    `        labels:`,
    `          severity: ${alarm.severity}`,
    ...(description === undefined
      ? []
      : [`        annotations:`, `          summary: ${JSON.stringify(template(description))}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** Prometheus knows no suppressor: the alert itself stays away, and those that build on it look at its rule instead. */
function compositeExpression({ rule: node, suppressor }: CompositeAlarm, all: readonly CompositeAlarm[]): string {
  const rings = `${numberOf(node, all)} > 0`;
  if (suppressor === undefined) return rings;
  const firing = `ALERTS{alertname=${label(suppressor.alarm)},alertstate="firing"}`;
  const { extensionSeconds } = suppressor;
  return `(${rings}) unless on() ${extensionSeconds === 0 ? firing : `max_over_time(${firing}[${extensionSeconds}s])`}`;
}

/** Annotations are templates of Go. */
function template(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}

const label = (text: string): string => JSON.stringify(text);

function expressionOf(alarm: MetricAlarm): string {
  if (alarm.perSeries || alarm.statistic !== "Sum") return `max(glacis_alarm_active{alarm=${label(alarm.name)}}) == 1`;
  const { periodSeconds, evaluationPeriods, datapointsToAlarm, threshold } = alarm;
  const metric = label(metricKey(alarm.namespace, alarm.metricName));
  const sum = `sum(increase(glacis_security_metric_total{metric=${metric}}[${periodSeconds}s]))`;
  const whole = alarm.treatMissingData === "breaching" ? `(${sum} or vector(0))` : sum;
  const breach = `${whole} ${OPERATORS[alarm.comparisonOperator]} ${threshold}`;
  if (evaluationPeriods === 1) return breach;
  return `count_over_time((${breach})[${periodSeconds * evaluationPeriods}s:${periodSeconds}s]) >= ${datapointsToAlarm}`;
}

/** A rule as a number, 0 or 1: Prometheus has no logic over alarms that are absent. */
function numberOf(node: RuleNode, all: readonly CompositeAlarm[]): string {
  const of = (part: RuleNode): string => numberOf(part, all);
  switch (node.kind) {
    case "constant":
      return `vector(${node.value ? 1 : 0})`;
    case "state":
      return stateNumber(node, all);
    case "not":
      return `(1 - ${of(node.of)})`;
    case "atLeast":
      return `((${node.of.map(of).join(" + ")}) >= bool ${node.least})`;
    case "and":
      return `(${of(node.left)} * ${of(node.right)})`;
    case "or":
      return `clamp_max(${of(node.left)} + ${of(node.right)}, 1)`;
  }
}

function stateNumber(
  { state, alarm }: Extract<RuleNode, { readonly kind: "state" }>,
  all: readonly CompositeAlarm[],
): string {
  const suppressed = all.find(({ name, suppressor }) => name === alarm && suppressor !== undefined);
  const rings =
    suppressed === undefined
      ? `(max(clamp_max(ALERTS{alertname=${label(alarm)},alertstate="firing"}, 1)) or vector(0))`
      : numberOf(suppressed.rule, all);
  if (state === "INSUFFICIENT_DATA") return "vector(0)";
  return state === "ALARM" ? rings : `(1 - ${rings})`;
}
