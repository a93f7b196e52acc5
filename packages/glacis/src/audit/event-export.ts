/** One event in the words of other stores: OCSF 1.6, Elastic Common Schema 9 and OpenTelemetry log records (catalog `log-shipping`; guide A09). */
import type { AuditRecord, AuditSink, EventSeverity, EventType } from "../core/event.ts";
import { cleanRecord } from "./event-line.ts";

const PRODUCT = { name: "glacis", vendor_name: "Glacis" } as const;
const OCSF_VERSION = "1.6.0";
const SEVERITY: Readonly<
  Record<EventSeverity, { readonly ocsf: number; readonly otel: number; readonly ecs: number; readonly text: string }>
> = {
  info: { ocsf: 1, otel: 9, ecs: 1, text: "INFO" },
  warning: { ocsf: 3, otel: 13, ecs: 3, text: "WARN" },
  error: { ocsf: 4, otel: 17, ecs: 4, text: "ERROR" },
  critical: { ocsf: 5, otel: 21, ecs: 5, text: "FATAL" },
};

interface EventClass {
  /** OCSF's class: its uid, and the category that it belongs to. */
  readonly ocsf: readonly [classUid: number, categoryUid: number];
  readonly ecs: readonly string[];
}

const AUTHENTICATION: EventClass["ocsf"] = [3002, 3];
const ACCOUNT_CHANGE: EventClass["ocsf"] = [3001, 3];
const API_ACTIVITY: EventClass["ocsf"] = [6003, 6];
const DETECTION: EventClass["ocsf"] = [2004, 2];
const BASE: EventClass["ocsf"] = [0, 0];

const CLASSES: Readonly<Record<EventType, EventClass>> = {
  authentication: { ocsf: AUTHENTICATION, ecs: ["authentication"] },
  session: { ocsf: AUTHENTICATION, ecs: ["session"] },
  token: { ocsf: AUTHENTICATION, ecs: ["authentication"] },
  account: { ocsf: ACCOUNT_CHANGE, ecs: ["iam"] },
  authorization_failure: { ocsf: API_ACTIVITY, ecs: ["web"] },
  data_access: { ocsf: API_ACTIVITY, ecs: ["web"] },
  tenant: { ocsf: API_ACTIVITY, ecs: ["web"] },
  csrf: { ocsf: DETECTION, ecs: ["web"] },
  csp_violation: { ocsf: DETECTION, ecs: ["web"] },
  rate_limit: { ocsf: DETECTION, ecs: ["web"] },
  input_validation: { ocsf: DETECTION, ecs: ["web"] },
  upload: { ocsf: DETECTION, ecs: ["file"] },
  ssrf_blocked: { ocsf: DETECTION, ecs: ["network"] },
  crypto: { ocsf: BASE, ecs: ["configuration"] },
  config: { ocsf: BASE, ecs: ["configuration"] },
  secret: { ocsf: BASE, ecs: ["configuration"] },
  audit_integrity: { ocsf: DETECTION, ecs: ["intrusion_detection"] },
  system: { ocsf: BASE, ecs: ["process"] },
  transport: { ocsf: DETECTION, ecs: ["network"] },
};

/** OCSF: Create, Read, Update, Delete by HTTP's methods. */
const API_ACTIVITIES: Readonly<Record<string, number>> = { POST: 1, GET: 2, HEAD: 2, PUT: 3, PATCH: 3, DELETE: 4 };
const LOGON = 1;
const LOGOFF = 2;
const OTHER = 99;

/** A flat or nested object of JSON values. */
export type ExportedEvent = Readonly<Record<string, unknown>>;

/**
 * The event as OCSF. What has no place there stands in `unmapped`, so nothing is lost.
 *
 * @example
 * const line = JSON.stringify(toOcsf(record));
 */
export function toOcsf(given: AuditRecord): ExportedEvent {
  const record = cleanRecord(given);
  const {
    event_type: type,
    status,
    severity,
    event,
    time,
    user_id,
    tenant_id,
    actor_id,
    ip_address,
    method,
    route,
  } = record;
  const [classUid, categoryUid] = CLASSES[type].ocsf;
  const activity = activityOf(classUid, record);
  const user =
    user_id === undefined ? undefined : { uid: user_id, ...(tenant_id !== undefined && { org: { uid: tenant_id } }) };
  const actor = actor_id ?? user_id;
  return {
    activity_id: activity,
    category_uid: categoryUid,
    class_uid: classUid,
    type_uid: classUid * 100 + activity,
    time: Date.parse(time),
    severity_id: SEVERITY[severity].ocsf,
    severity: severity,
    status_id: status === "succeeded" ? 1 : status === "observed" ? 0 : 2,
    status,
    ...(record.detail !== undefined && { status_detail: record.detail }),
    ...(record.reason !== undefined && { status_code: record.reason }),
    message: event,
    metadata: {
      version: OCSF_VERSION,
      product: PRODUCT,
      event_code: event,
      ...(record.request_id && { correlation_uid: record.request_id }),
      ...(record.trace_id !== undefined && { trace_uid: record.trace_id }),
    },
    ...(user && { user }),
    ...(actor !== undefined && { actor: { user: { uid: actor } } }),
    ...(ip_address !== undefined && { src_endpoint: { ip: ip_address } }),
    ...(method !== undefined && {
      http_request: { http_method: method, ...(record.user_agent && { user_agent: record.user_agent }) },
    }),
    ...(classUid === API_ACTIVITY[0] && {
      api: { operation: record.action ?? `${method ?? ""} ${route ?? ""}`.trim() },
    }),
    ...(classUid === DETECTION[0] && { finding_info: { title: event, uid: `${type}/${event}`, types: [type] } }),
    ...(record.resource_id !== undefined && {
      resources: [{ uid: record.resource_id, ...(record.resource_type && { type: record.resource_type }) }],
    }),
    unmapped: unmapped(record),
  };
}

/** The event as Elastic Common Schema, nested as its documentation writes it. */
export function toEcs(given: AuditRecord): ExportedEvent {
  const record = cleanRecord(given);
  const { event_type: type, status, severity, event, user_id, tenant_id, actor_id, ip_address, method } = record;
  const refused = status === "refused";
  return {
    "@timestamp": record.time,
    ecs: { version: "9.0.0" },
    event: {
      kind: severity === "critical" || severity === "error" ? "alert" : "event",
      category: CLASSES[type].ecs,
      type: [
        refused
          ? "denied"
          : status === "observed"
            ? "info"
            : type === "session" && status === "succeeded"
              ? "start"
              : "access",
      ],
      action: event,
      outcome: status === "succeeded" ? "success" : status === "observed" ? "unknown" : "failure",
      severity: SEVERITY[severity].ecs,
      module: "glacis",
      dataset: `glacis.${type}`,
      ...(record.detail !== undefined && { reason: record.detail }),
      ...(record.reason !== undefined && { code: record.reason }),
    },
    log: { level: SEVERITY[severity].text.toLowerCase() },
    message: event,
    ...(user_id !== undefined && {
      user: { id: actor_id ?? user_id, ...(actor_id !== undefined && { target: { id: user_id } }) },
    }),
    ...(tenant_id !== undefined && { organization: { id: tenant_id } }),
    ...(ip_address !== undefined && { source: { ip: ip_address } }),
    ...(record.user_agent !== undefined && { user_agent: { original: record.user_agent } }),
    ...((method ?? record.request_id) !== undefined && {
      http: {
        request: {
          ...(method !== undefined && { method }),
          ...(record.request_id !== undefined && { id: record.request_id }),
        },
      },
    }),
    ...(record.trace_id !== undefined && { trace: { id: record.trace_id } }),
    ...(record.error !== undefined && { error: { message: record.error } }),
    glacis: unmapped(record),
  };
}

/** The event as the body of OpenTelemetry's logs API. */
export function toOpenTelemetry(record: AuditRecord): {
  readonly eventName: string;
  readonly timestamp: number;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | number>>;
} {
  const { time, event, severity, ...rest } = cleanRecord(record);
  const attributes = Object.entries(rest).flatMap(([name, value]): [string, string | number][] =>
    value === undefined ? [] : [[STABLE_NAMES[name] ?? `glacis.${name}`, value]],
  );
  return {
    eventName: `glacis.${event}`,
    timestamp: Date.parse(time),
    severityNumber: SEVERITY[severity].otel,
    severityText: SEVERITY[severity].text,
    body: event,
    attributes: Object.fromEntries(attributes),
  };
}

/** Names of OpenTelemetry's conventions that are stable or widely read. */
const STABLE_NAMES: Readonly<Record<string, string>> = {
  user_id: "user.id",
  ip_address: "client.address",
  user_agent: "user_agent.original",
  method: "http.request.method",
  route: "http.route",
  error: "exception.stacktrace",
};

/** What this sink needs of a logger of `@opentelemetry/api-logs`: `logs.getLogger("glacis")`. */
export interface OpenTelemetryLogger {
  emit(entry: ReturnType<typeof toOpenTelemetry>): void;
}

/** Hands each event to an OpenTelemetry logger, whose processor batches and ships it. */
export function openTelemetrySink(logger: OpenTelemetryLogger): AuditSink {
  return (record) => logger.emit(toOpenTelemetry(record));
}

function activityOf(classUid: number, { event_type: type, event, method = "" }: AuditRecord): number {
  if (classUid === AUTHENTICATION[0]) {
    if (type === "authentication") return LOGON;
    if (type === "session" && event === "session_created") return LOGON;
    return type === "session" && /ended|revoked|expired/u.test(event) ? LOGOFF : OTHER;
  }
  if (classUid === API_ACTIVITY[0]) return API_ACTIVITIES[method] ?? OTHER;
  if (classUid === DETECTION[0]) return 1;
  return OTHER;
}

const MAPPED = new Set([
  "time",
  "event",
  "severity",
  "status",
  "user_id",
  "ip_address",
  "user_agent",
  "method",
  "request_id",
  "trace_id",
  "detail",
  "reason",
]);

function unmapped(record: AuditRecord): ExportedEvent {
  return Object.fromEntries(Object.entries(record).filter(([name, value]) => !MAPPED.has(name) && value !== undefined));
}
