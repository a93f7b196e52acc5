import { describe, expect, it } from "vitest";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { toCdk } from "./alarm-export-cdk.ts";
import { toCloudFormation } from "./alarm-export-cloudformation.ts";
import { toPrometheus } from "./alarm-export-prometheus.ts";
import { toTerraform } from "./alarm-export-terraform.ts";
import { SECURITY_ALARMS } from "./alarm-set.ts";

const definitions = readAlarmDefinitions(SECURITY_ALARMS);
const count = definitions.alarms.length;

describe("exports of alarms", () => {
  it("give CloudFormation everything that an alarm needs there", () => {
    const { Resources } = toCloudFormation(definitions) as {
      readonly Resources: Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>;
    };
    const alarms = Object.values(Resources).filter(({ Type }) => Type === "AWS::CloudWatch::Alarm");
    expect(alarms).toHaveLength(count);
    for (const { Properties } of alarms) {
      expect(Properties).toHaveProperty("ComparisonOperator");
      expect(
        "Metrics" in Properties ||
          ("MetricName" in Properties && "Namespace" in Properties && "Statistic" in Properties),
      ).toBe(true);
    }
    expect(Resources["AlarmPasswordSpraying"]?.Properties["Metrics"]).toMatchObject([
      {
        Expression:
          'SELECT SUM("FailedLoginsByAddress") FROM SCHEMA("Glacis", "ip_address") GROUP BY "ip_address" ORDER BY SUM() DESC LIMIT 1',
      },
    ]);
  });

  it("keep Terraform from reading a text as an expression", () => {
    const document = toTerraform(
      readAlarmDefinitions({
        MetricFilters: [
          {
            FilterName: "F",
            FilterPattern: '"${file(1)} %{x}"',
            MetricTransformations: [{ MetricName: "M", MetricValue: "1" }],
          },
        ],
        Alarms: [{ AlarmName: "F", Threshold: 1, Period: 60, EvaluationPeriods: 1 }],
      }),
    ) as { readonly resource: Record<string, Record<string, Record<string, unknown>>> };
    expect(document.resource["aws_cloudwatch_log_metric_filter"]?.["filter_F"]?.["pattern"]).toBe(
      '"$${file(1)} %%{x}"',
    );
    expect(Object.keys(toTerraform(definitions)["resource"] as object)).toHaveLength(3);
  });

  it("write a construct of the CDK with every resource", () => {
    const text = toCdk(definitions);
    expect(text.match(/new cloudwatch\.CfnAlarm\(/gu)).toHaveLength(count);
    expect(text).toContain("props.alarmTopicArn");
    expect(text).not.toContain('"Ref"');
  });

  it("write one rule of Prometheus for each alarm and each composite", () => {
    const text = toPrometheus(definitions);
    expect(text.match(/- alert: /gu)).toHaveLength(count + definitions.composites.length);
    expect(text).toContain(
      String.raw`sum(increase(glacis_security_metric_total{metric=\"Glacis/FailedLoginAttempts\"}[300s])) >= 10`,
    );
  });
});
