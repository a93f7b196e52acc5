/** The same alarms for CloudWatch itself, as a CloudFormation template. */
import { dependenciesOf, type AlarmDefinitions, type MetricAlarm } from "./alarm-definition.ts";
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

/**
 * A CloudFormation template with a metric filter for each filter and an alarm for each alarm; notifications go to the topic that is its parameter.
 *
 * @throws TypeError on an alarm that CloudWatch cannot express
 */
export function toCloudFormation(definitions: AlarmDefinitions, options: AlarmExportOptions = {}): Json {
  const topic = [{ Ref: "AlarmTopicArn" }];
  const id = identifiers();
  const resources: Record<string, Json> = {};
  for (const { name, pattern, logGroupName, transformations } of definitions.filters) {
    resources[id("Filter", name, "")] = {
      Type: "AWS::Logs::MetricFilter",
      Properties: {
        FilterName: name,
        FilterPattern: pattern.source,
        LogGroupName: logGroupName ?? { Ref: "LogGroupName" },
        MetricTransformations: transformations.map(cloudFormationTransformation),
      },
    };
  }
  const idOf = new Map<string, string>();
  for (const { alarm, query } of shapesOf(definitions)) {
    const key = id("Alarm", alarm.name, "");
    idOf.set(alarm.name, key);
    resources[key] = { Type: "AWS::CloudWatch::Alarm", Properties: cloudFormationAlarm(alarm, query, topic) };
  }
  for (const composite of definitions.composites) {
    const key = id("Composite", composite.name, "");
    // The rule names its alarms by text, so the order has to be said.
    const children = dependenciesOf(composite).map((name) => idOf.get(name) as string);
    idOf.set(composite.name, key);
    resources[key] = {
      Type: "AWS::CloudWatch::CompositeAlarm",
      ...(children.length > 0 && { DependsOn: children }),
      Properties: compact({
        AlarmName: composite.name,
        AlarmDescription: describe(composite),
        AlarmRule: composite.ruleText,
        ActionsEnabled: enabled(composite),
        ActionsSuppressor: composite.suppressor?.alarm,
        ActionsSuppressorWaitPeriod: composite.suppressor?.waitSeconds,
        ActionsSuppressorExtensionPeriod: composite.suppressor?.extensionSeconds,
        AlarmActions: topic,
        OKActions: topic,
      }),
    };
  }
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Metric filters and alarms over security events.",
    Parameters: {
      LogGroupName: { Type: "String", Default: options.logGroupName ?? LOG_GROUP },
      AlarmTopicArn: { Type: "String", Description: "The SNS topic that hears of alarms." },
    },
    Resources: resources,
  };
}

function cloudFormationTransformation(one: MetricTransformation): Json {
  return compact({
    MetricName: one.metricName,
    MetricNamespace: one.namespace,
    MetricValue: one.metricValue,
    DefaultValue: one.defaultValue,
    Unit: one.unit,
    Dimensions: one.dimensions.length === 0 ? undefined : one.dimensions.map(([Key, Value]) => ({ Key, Value })),
  });
}

function cloudFormationAlarm(alarm: MetricAlarm, query: string | undefined, topic: readonly unknown[]): Json {
  const isPercentile = alarm.statistic.startsWith("p");
  const metric =
    query === undefined
      ? {
          MetricName: alarm.metricName,
          Namespace: alarm.namespace,
          Period: alarm.periodSeconds,
          ...(isPercentile
            ? { ExtendedStatistic: alarm.statistic, EvaluateLowSampleCountPercentile: alarm.lowSamples }
            : { Statistic: alarm.statistic }),
        }
      : { Metrics: [{ Id: "q1", Expression: query, Period: alarm.periodSeconds, ReturnData: true }] };
  return compact({
    AlarmName: alarm.name,
    AlarmDescription: describe(alarm),
    ...metric,
    ComparisonOperator: alarm.comparisonOperator,
    Threshold: alarm.threshold,
    EvaluationPeriods: alarm.evaluationPeriods,
    DatapointsToAlarm: alarm.datapointsToAlarm,
    TreatMissingData: alarm.treatMissingData,
    ActionsEnabled: enabled(alarm),
    AlarmActions: topic,
    OKActions: topic,
  });
}
