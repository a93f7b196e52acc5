/** The same alarms for CloudWatch itself, as Terraform. */
import { dependenciesOf, type AlarmDefinitions, type CompositeAlarm, type MetricAlarm } from "./alarm-definition.ts";
import {
  compact,
  describe,
  enabled,
  identifiers,
  LOG_GROUP,
  shapesOf,
  type AlarmExportOptions,
  type Json,
} from "./alarm-export-shape.ts";
import type { MetricTransformation } from "./metric-filter.ts";

/** Terraform in its JSON syntax: what `alarms.tf.json` holds. @throws TypeError on an alarm that CloudWatch cannot express */
export function toTerraform(definitions: AlarmDefinitions, options: AlarmExportOptions = {}): Json {
  const id = identifiers();
  const actions = { alarm_actions: ["${var.alarm_topic_arn}"], ok_actions: ["${var.alarm_topic_arn}"] };
  const filters: Record<string, Json> = {};
  for (const { name, pattern, logGroupName, transformations } of definitions.filters) {
    filters[id("filter", name, "_")] = {
      name: literal(name),
      pattern: literal(pattern.source),
      log_group_name: logGroupName === undefined ? "${var.log_group_name}" : literal(logGroupName),
      metric_transformation: transformations.map(terraformTransformation),
    };
  }
  const alarms: Record<string, Json> = {};
  const addresses = new Map<string, string>();
  for (const { alarm, query } of shapesOf(definitions)) {
    const key = id("alarm", alarm.name, "_");
    addresses.set(alarm.name, `aws_cloudwatch_metric_alarm.${key}`);
    alarms[key] = { ...terraformAlarm(alarm, query), ...actions };
  }
  const composites: Record<string, Json> = {};
  for (const composite of definitions.composites) {
    const key = id("composite", composite.name, "_");
    addresses.set(composite.name, `aws_cloudwatch_composite_alarm.${key}`);
    composites[key] = compact({
      alarm_name: literal(composite.name),
      alarm_description: literal(describe(composite)),
      alarm_rule: literal(composite.ruleText),
      actions_enabled: enabled(composite),
      actions_suppressor: terraformSuppressor(composite),
      depends_on: dependenciesOf(composite).map((name) => addresses.get(name) as string),
      ...actions,
    });
  }
  return {
    variable: {
      log_group_name: { type: "string", default: options.logGroupName ?? LOG_GROUP },
      alarm_topic_arn: { type: "string", description: "The SNS topic that hears of alarms." },
    },
    resource: {
      aws_cloudwatch_log_metric_filter: filters,
      aws_cloudwatch_metric_alarm: alarms,
      ...(definitions.composites.length > 0 && { aws_cloudwatch_composite_alarm: composites }),
    },
  };
}

/** Terraform reads ${ and %{ inside every text as the beginning of an expression. */
function literal<Text extends string | undefined>(text: Text): Text {
  return text?.replace(/[$%](?=\{)/gu, "$&$&") as Text;
}

function terraformTransformation(one: MetricTransformation): Json {
  return compact({
    name: literal(one.metricName),
    namespace: literal(one.namespace),
    value: one.metricValue,
    default_value: one.defaultValue === undefined ? undefined : String(one.defaultValue),
    unit: one.unit,
    dimensions: one.dimensions.length === 0 ? undefined : Object.fromEntries(one.dimensions),
  });
}

function terraformSuppressor({ suppressor }: CompositeAlarm): Json | undefined {
  if (suppressor === undefined) return undefined;
  const { alarm, waitSeconds, extensionSeconds } = suppressor;
  return { alarm: literal(alarm), wait_period: waitSeconds, extension_period: extensionSeconds };
}

function terraformAlarm(alarm: MetricAlarm, query: string | undefined): Json {
  const isPercentile = alarm.statistic.startsWith("p");
  return compact({
    alarm_name: literal(alarm.name),
    alarm_description: literal(describe(alarm)),
    ...(query === undefined
      ? {
          metric_name: literal(alarm.metricName),
          namespace: literal(alarm.namespace),
          period: alarm.periodSeconds,
          ...(isPercentile
            ? { extended_statistic: alarm.statistic, evaluate_low_sample_count_percentiles: alarm.lowSamples }
            : { statistic: alarm.statistic }),
        }
      : { metric_query: [{ id: "q1", expression: literal(query), period: alarm.periodSeconds, return_data: true }] }),
    comparison_operator: alarm.comparisonOperator,
    threshold: alarm.threshold,
    evaluation_periods: alarm.evaluationPeriods,
    datapoints_to_alarm: alarm.datapointsToAlarm,
    treat_missing_data: alarm.treatMissingData,
    actions_enabled: enabled(alarm),
  });
}
