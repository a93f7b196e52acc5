/** The rules before everything else. CloudFront reads them in us-east-1 alone, so they are a stack of their own. */
import { ArnFormat, CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { CfnLoggingConfiguration, CfnWebACL } from "aws-cdk-lib/aws-wafv2";
import type { App } from "aws-cdk-lib";
import type { Stage } from "./environments.ts";
import { stageKey } from "./keys.ts";

/** In the order of their priority; all of them block. */
const MANAGED = [
  "AWSManagedRulesAmazonIpReputationList",
  "AWSManagedRulesKnownBadInputsRuleSet",
  "AWSManagedRulesSQLiRuleSet",
  "AWSManagedRulesCommonRuleSet",
] as const;
/** Folio takes files and long documents, and bounds each route itself; this rule would end at 8 KiB. */
const COUNTED: Readonly<Record<string, readonly string[]>> = {
  AWSManagedRulesCommonRuleSet: ["SizeRestrictions_BODY"],
};
const MOST_REQUESTS = 2_000;
const RATE_SECONDS = 300;

export class EdgeStack extends Stack {
  constructor(app: App, stage: Stage, props: StackProps) {
    super(app, `folio-${stage}-edge`, props);
    const acl = new CfnWebACL(this, "WebAcl", {
      name: `folio-${stage}`,
      scope: "CLOUDFRONT",
      defaultAction: { allow: {} },
      visibilityConfig: visible("folio"),
      rules: [rateRule(), ...MANAGED.map(managedRule)],
    });
    // The name has to begin so.
    const logGroup = new LogGroup(this, "Requests", {
      logGroupName: `aws-waf-logs-folio-${stage}`,
      encryptionKey: stageKey(this, `${stage}-edge`),
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    new CfnLoggingConfiguration(this, "Logging", {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [
        this.formatArn({
          service: "logs",
          resource: "log-group",
          resourceName: logGroup.logGroupName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      redactedFields: ["authorization", "cookie"].map((name) => ({ singleHeader: { Name: name } })),
    });
    new CfnOutput(this, "WebAclArn", { value: acl.attrArn });
  }
}

function rateRule(): CfnWebACL.RuleProperty {
  return {
    name: "rate",
    priority: 0,
    action: { block: {} },
    statement: {
      rateBasedStatement: { aggregateKeyType: "IP", limit: MOST_REQUESTS, evaluationWindowSec: RATE_SECONDS },
    },
    visibilityConfig: visible("rate"),
  };
}

function managedRule(name: string, index: number): CfnWebACL.RuleProperty {
  const ruleActionOverrides = (COUNTED[name] ?? []).map((rule) => ({ name: rule, actionToUse: { count: {} } }));
  return {
    name,
    priority: index + 1,
    overrideAction: { none: {} },
    statement: { managedRuleGroupStatement: { vendorName: "AWS", name, ruleActionOverrides } },
    visibilityConfig: visible(name),
  };
}

function visible(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false };
}
