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
    ...composites.map((composite) => rule(composite, `${numberOf(composite.rule)} > 0`)),
  ];
  return `groups:\n  - name: glacis-security\n    rules:\n${rules.join("")}`;
}

/** JSON texts are texts of YAML too. */
function rule(alarm: MetricAlarm | CompositeAlarm, expression: string): string {
  const description = describe(alarm);
  const lines = [
    `      - alert: ${JSON.stringify(alarm.name)}`,
    `        expr: ${JSON.stringify(expression)}`,
    `        labels:`,
    `          severity: ${alarm.severity}`,
    ...(description === undefined
      ? []
      : [`        annotations:`, `          summary: ${JSON.stringify(template(description))}`]),
  ];
  return `${lines.join("\n")}\n`;
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
function numberOf(node: RuleNode): string {
  switch (node.kind) {
    case "constant":
      return `vector(${node.value ? 1 : 0})`;
    case "state":
      return stateNumber(node);
    case "not":
      return `(1 - ${numberOf(node.of)})`;
    case "and":
      return `(${numberOf(node.left)} * ${numberOf(node.right)})`;
    case "or":
      return `clamp_max(${numberOf(node.left)} + ${numberOf(node.right)}, 1)`;
  }
}

function stateNumber({ state, alarm }: Extract<RuleNode, { readonly kind: "state" }>): string {
  const rings = `(max(clamp_max(ALERTS{alertname=${label(alarm)},alertstate="firing"}, 1)) or vector(0))`;
  if (state === "INSUFFICIENT_DATA") return "vector(0)";
  return state === "ALARM" ? rings : `(1 - ${rings})`;
}
