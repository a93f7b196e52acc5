/** The alarms that come with Glacis, as CloudWatch counts them, and one for silence. */
import { CfnResource, Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, Metric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { Key } from "aws-cdk-lib/aws-kms";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import { readAlarmDefinitions, SECURITY_ALARMS, toCloudFormation } from "../../packages/glacis/dist/audit/index.js";

interface Exported {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
}

export function alarms(scope: Construct, key: Key, events: LogGroup, mail: string): Topic {
  const topic = new Topic(scope, "AlarmTopic", { masterKey: key, enforceSSL: true });
  topic.addSubscription(new EmailSubscription(mail));
  shippedAlarms(new Construct(scope, "SecurityAlarms"), {
    LogGroupName: events.logGroupName,
    AlarmTopicArn: topic.topicArn,
  });
  // Silence is what an attacker wants: none of the others rings when nothing arrives.
  const silent = new Alarm(scope, "NoEvents", {
    alarmDescription: "Nothing has come from the application for ten minutes.",
    metric: new Metric({
      namespace: "AWS/Logs",
      metricName: "IncomingLogEvents",
      dimensionsMap: { LogGroupName: events.logGroupName },
      statistic: "Sum",
      period: Duration.minutes(5),
    }),
    threshold: 1,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: 2,
    treatMissingData: TreatMissingData.BREACHING,
  });
  silent.addAlarmAction(new SnsAction(topic));
  return topic;
}

/** One source: `glacis alarms export --to cloudformation` prints the same. */
function shippedAlarms(scope: Construct, values: Readonly<Record<string, string>>): void {
  const { Resources } = toCloudFormation(readAlarmDefinitions(SECURITY_ALARMS)) as {
    readonly Resources: Readonly<Record<string, Exported>>;
  };
  const made = new Map<string, CfnResource>();
  for (const [id, { Type, Properties, DependsOn = [] }] of Object.entries(Resources)) {
    const resource = new CfnResource(scope, id, {
      type: Type,
      properties: filledIn(Properties, values) as Exported["Properties"],
    });
    made.set(id, resource);
    for (const other of DependsOn) {
      const before = made.get(other);
      if (before !== undefined) resource.addResourceDependency(before);
    }
  }
}

/** Puts values in the place of the parameters of the exported template. */
function filledIn(value: unknown, values: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((one) => filledIn(one, values));
  if (typeof value !== "object" || value === null) return value;
  const { Ref } = value as { readonly Ref?: string };
  if (Ref !== undefined) return values[Ref];
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filledIn(one, values)]));
}
