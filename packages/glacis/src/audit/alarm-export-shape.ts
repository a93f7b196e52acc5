/** What the exports to CloudFormation, CDK and Terraform share. */
import type { AlarmDefinitions, CompositeAlarm, MetricAlarm } from "./alarm-definition.ts";
import type { MetricTransformation } from "./metric-filter.ts";

export interface AlarmExportOptions {
  /** The log group that filters read unless they name one. */
  readonly logGroupName?: string;
}

export const LOG_GROUP = "/glacis/security";
export type Json = Readonly<Record<string, unknown>>;

/** Drops what is undefined, so that a document says only what was said. */
export function compact(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}

/** Letters and digits alone, unlike any that was given out before. */
export function identifiers(): (prefix: string, name: string, separator: string) => string {
  const taken = new Set<string>();
  return (prefix, name, separator) => {
    const words = name.split(/[^A-Za-z0-9]+/u).filter((word) => word !== "");
    const base = [prefix, ...words].join(separator);
    let id = base;
    for (let count = 2; taken.has(id); count += 1) id = `${base}${separator}${count}`;
    taken.add(id);
    return id;
  };
}

function transformationOf(definitions: AlarmDefinitions, alarm: MetricAlarm): MetricTransformation | undefined {
  return definitions.filters
    .flatMap(({ transformations }) => transformations)
    .find(({ metricName, namespace }) => metricName === alarm.metricName && namespace === alarm.namespace);
}

/** CloudWatch evaluates each value of a dimension through a query; the loudest one decides. */
function insightsQuery(alarm: MetricAlarm, dimensions: MetricTransformation["dimensions"]): string {
  const names = dimensions.map(([name]) => `"${name}"`).join(", ");
  const figure = { Sum: "SUM", Average: "AVG", Minimum: "MIN", Maximum: "MAX", SampleCount: "COUNT" }[
    alarm.statistic as string
  ];
  if (figure === undefined)
    throw new TypeError(`${alarm.name} asks for a percentile of each dimension, which no query of CloudWatch gives.`);
  return `SELECT ${figure}("${alarm.metricName}") FROM SCHEMA("${alarm.namespace}", ${names}) GROUP BY ${names} ORDER BY ${figure}() DESC LIMIT 1`;
}

export interface AlarmShape {
  readonly alarm: MetricAlarm;
  /** Of an alarm that looks at each dimension value. */
  readonly query: string | undefined;
}

export function shapesOf(definitions: AlarmDefinitions): readonly AlarmShape[] {
  return definitions.alarms.map((alarm) => {
    const { dimensions = [] } = transformationOf(definitions, alarm) ?? {};
    return { alarm, query: dimensions.length > 0 ? insightsQuery(alarm, dimensions) : undefined };
  });
}

/** Said only where it is not the default. */
export const enabled = ({ actionsEnabled }: MetricAlarm | CompositeAlarm): false | undefined =>
  actionsEnabled ? undefined : false;

export const describe = ({ description, runbook }: MetricAlarm | CompositeAlarm): string | undefined => {
  const text = [description, runbook].filter((part) => part !== undefined).join(" Runbook: ");
  return text === "" ? undefined : text;
};
