/** The same alarms for CloudWatch itself, as a construct of the CDK. */
import type { AlarmDefinitions } from "./alarm-definition.ts";
import { toCloudFormation } from "./alarm-export-cloudformation.ts";
import type { AlarmExportOptions, Json } from "./alarm-export-shape.ts";

/** A construct for a CDK application, in TypeScript: the same resources, by the constructs of the first level. */
export function toCdk(definitions: AlarmDefinitions, options: AlarmExportOptions = {}): string {
  const { Resources } = toCloudFormation(definitions, options) as {
    readonly Resources: Readonly<Record<string, CdkResource>>;
  };
  const statements = Object.entries(Resources).map(([id, { Type, Properties, DependsOn }]) => {
    const [, module, name] = Type.split("::") as [string, string, string];
    const properties = JSON.stringify(lowered(Properties), undefined, 2)
      .replace(/\{\s*"Ref": "AlarmTopicArn"\s*\}/gu, "props.alarmTopicArn")
      .replace(/\{\s*"Ref": "LogGroupName"\s*\}/gu, "props.logGroupName");
    const made = `new ${module === "Logs" ? "logs" : "cloudwatch"}.Cfn${name}(this, ${JSON.stringify(id)}, ${properties})`;
    const after = (DependsOn ?? []).map((other) => `\n${id}.addDependency(${other});`);
    return `const ${id} = ${made};${after.join("")}`;
  });
  return `import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";

export interface SecurityAlarmsProps {
  readonly logGroupName: string;
  /** The SNS topic that hears of alarms. */
  readonly alarmTopicArn: string;
}

/** Metric filters and alarms over security events. */
export class SecurityAlarms extends Construct {
  constructor(scope: Construct, id: string, props: SecurityAlarmsProps) {
    super(scope, id);
${indent(statements.join("\n"), 4)}
  }
}
`;
}

interface CdkResource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DependsOn?: readonly string[];
}

/** CDK writes the same properties with a small first letter. */
function lowered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowered);
  if (typeof value !== "object" || value === null || "Ref" in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name === "OKActions" ? "okActions" : name.charAt(0).toLowerCase() + name.slice(1),
      lowered(one),
    ]),
  );
}

function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gmu, " ".repeat(spaces));
}
