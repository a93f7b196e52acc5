/** What a definition says and cannot mean: fields that no event has, values that no field takes, comparisons that miss what they look for. */
import { EVENT_ENTRIES } from "../core/event-entry.ts";
import type { AuditRecord, EventSeverity } from "../core/event.ts";
import type { AlarmDefinitions } from "./alarm-definition.ts";
import type { Comparison } from "./filter-pattern-json.ts";
import type { MetricFilter } from "./metric-filter.ts";

export interface AlarmRemark {
  /** The filter's or alarm's name. */
  readonly at: string;
  readonly kind: "unknown_field" | "unknown_value" | "misses_absent" | "ignored_terms" | "unwatched" | "not_json";
  readonly message: string;
}

/** Every field of an event. The type makes the compiler object when one is forgotten. */
const FIELDS: Readonly<Record<keyof AuditRecord, true>> = {
  event_type: true,
  status: true,
  severity: true,
  event: true,
  control: true,
  reason: true,
  detail: true,
  resource_type: true,
  resource_id: true,
  action: true,
  user_id: true,
  actor_id: true,
  login_hash: true,
  purpose: true,
  tenant_id: true,
  directive: true,
  blocked: true,
  document: true,
  source: true,
  line: true,
  limit: true,
  count: true,
  error: true,
  time: true,
  request_id: true,
  trace_id: true,
  ip_address: true,
  user_agent: true,
  method: true,
  route: true,
  invalid: true,
};
const ALWAYS: ReadonlySet<string> = new Set(["event_type", "status", "severity", "event", "time"]);

const EVENT_TYPES: Readonly<Record<string, true>> = Object.fromEntries(EVENT_ENTRIES.map(({ type }) => [type, true]));
const STATUSES: Readonly<Record<AuditRecord["status"], true>> = {
  succeeded: true,
  failed: true,
  refused: true,
  observed: true,
};
const SEVERITIES: Readonly<Record<EventSeverity, true>> = { info: true, warning: true, error: true, critical: true };
const CLOSED: Readonly<Record<string, Readonly<Record<string, true>>>> = {
  event_type: EVENT_TYPES,
  status: STATUSES,
  severity: SEVERITIES,
};

/** Remarks about a definition over the library's own events; an empty list is a definition that can ring. */
export function alarmRemarks({ filters, alarms }: AlarmDefinitions): readonly AlarmRemark[] {
  const watched = new Set(alarms.map(({ namespace, metricName }) => `${namespace}/${metricName}`));
  return filters.flatMap((filter) => [
    ...patternRemarks(filter),
    ...filter.transformations
      .filter(({ namespace, metricName }) => !watched.has(`${namespace}/${metricName}`))
      .map(({ metricName }) => ({
        at: filter.name,
        kind: "unwatched" as const,
        message: `No alarm watches ${metricName}.`,
      })),
  ]);
}

function patternRemarks({ name: at, pattern }: MetricFilter): readonly AlarmRemark[] {
  const general = pattern.remarks.map((message) => ({ at, kind: "ignored_terms" as const, message }));
  if (pattern.kind === "delimited" || pattern.kind === "terms" || pattern.kind === "regex")
    return [
      ...general,
      { at, kind: "not_json", message: "Events are JSON; a JSON pattern says which field is meant." },
    ];
  return [
    ...general,
    ...pattern.comparisons.flatMap((comparison) => comparisonRemarks(at, comparison, pattern.comparisons)),
  ];
}

function comparisonRemarks(at: string, comparison: Comparison, all: readonly Comparison[]): readonly AlarmRemark[] {
  const { selector, operator, value } = comparison;
  const [name] = selector.steps;
  if (typeof name !== "string") return [];
  if (!Object.hasOwn(FIELDS, name) || selector.steps.length > 1) {
    return [{ at, kind: "unknown_field", message: `No event has the field ${selector.text}.` }];
  }
  const remarks: AlarmRemark[] = [];
  const guarded = all.some((other) => other.operator === "NOT EXISTS" && other.selector.text === selector.text);
  if (operator === "!=" && !ALWAYS.has(name) && !guarded)
    remarks.push({
      at,
      kind: "misses_absent",
      message: `${selector.text} != ${value} does not match events without the field; add || ${selector.text} NOT EXISTS.`,
    });
  const closed = CLOSED[name];
  const wanted = value.replace(/^"(.*)"$/u, "$1");
  if (closed !== undefined && operator === "=" && /^[a-z_]+$/u.test(wanted) && !Object.hasOwn(closed, wanted))
    remarks.push({
      at,
      kind: "unknown_value",
      message: `${selector.text} is never "${wanted}"; it is one of ${Object.keys(closed).join(", ")}.`,
    });
  return remarks;
}
