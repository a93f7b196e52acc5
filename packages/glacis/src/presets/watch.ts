/** What is known afterwards, joined to one sink: the log, its chain, the alarms that count what passes, the detection before all of them. */
import { actorScores, type ActorResponse, type ActorScores } from "../audit/actor-score.ts";
import { alarmEngine, type AlarmEngine, type AlarmEngineOptions } from "../audit/alarm-engine.ts";
import { readAlarmDefinitions } from "../audit/alarm-definition.ts";
import { SECURITY_ALARMS } from "../audit/alarm-set.ts";
import { postgresAlarms } from "../audit/alarm-store-postgres.ts";
import { memoryAlarms } from "../audit/alarm-store.ts";
import { auditChain, type AuditChain } from "../audit/audit-chain.ts";
import type { AuditDatabase } from "../audit/audit-database.ts";
import { auditTrailControl, type AuditTrail } from "../audit/audit-trail.ts";
import { auditIntegrity } from "../audit/audit-integrity.ts";
import type { PostgresAuditLog } from "../audit/audit-log-postgres.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { authenticationLog } from "../audit/authentication-log.ts";
import { authorizationLog, summedRefusals } from "../audit/authorization-log.ts";
import { detection, type DetectionOptions } from "../audit/detection.ts";
import { errorHandling } from "../audit/error-handling.ts";
import { eventLog } from "../audit/event-log.ts";
import { intrusionDetection, type IntrusionDetectionOptions } from "../audit/intrusion-detection.ts";
import { logInjection } from "../audit/log-injection.ts";
import { logRedaction } from "../audit/log-redaction.ts";
import { logShipper, type LogShipper, type LogShipperOptions } from "../audit/log-shipper.ts";
import { logShipping, type LogDestination } from "../audit/log-shipping.ts";
import { redactText } from "../audit/redact.ts";
import { securityAlerting } from "../audit/security-alerting.ts";
import { securityEventLog } from "../audit/security-event-log.ts";
import type { Control } from "../core/control.ts";
import type { AuditEvent, AuditRecord, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { contextOf } from "../core/report.ts";
import { memoryRateLimits } from "../network/rate-limit-memory.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";
import { currentRequest, runOutsideRequests } from "../primitives/request-context.ts";
import { actorCounters } from "./actor-counters.ts";

/** `SECURITY_ALARMS` over the events of this composition, counted in `database` where there is one. */
export type SaasAlarms = Partial<Omit<AlarmEngineOptions, "sink">>;

/** Bait of your own, where addresses are, and what attacks bring about. What the stream of events shows is detected in any case. */
export type SaasDetection = Omit<DetectionOptions, "sink"> &
  IntrusionDetectionOptions & {
    /** What becomes of an actor whose attacks add up: `observe` tells, `throttle` slows it down, `block` shuts it out for a quarter of an hour. `observe`. */
    readonly response?: ActorResponse;
    /** Addresses and ranges that are never held back: `["203.0.113.0/24"]`. */
    readonly exempt?: readonly string[];
  };

/** The store where events end up; with `url` and `fetch` they are sent there, without them the platform collects stdout. */
export type SaasLogShipping = { readonly destination: LogDestination } & Partial<Omit<LogShipperOptions, "report">>;

export interface WatchOptions {
  readonly audit?: AuditSink;
  readonly auditLog?: AuditLog | PostgresAuditLog;
  readonly alarms?: SaasAlarms;
  readonly auditTrail?: AuditTrail;
  readonly detection?: SaasDetection;
  readonly logShipping?: SaasLogShipping;
  readonly database?: AuditDatabase;
  /** Shares the scores of actors between processes, where it is a shared one. */
  readonly limitStore?: RateLimitStore;
}

/** What runs beside the requests. It begins with the first event and keeps no process alive. */
export interface Watch {
  /** What rings; undefined without the option `alarms`. */
  readonly alarms: AlarmEngine | undefined;
  /** What the audit log's chain says of itself; undefined without the option `auditLog`. */
  readonly chain: AuditChain | undefined;
  /** The points of whoever attacks, and what holds him back. */
  readonly actors: ActorScores;
  /** What is on its way to the collector; undefined without `logShipping.url`. */
  readonly shipper: LogShipper | undefined;
  /** Begins before the first event, so that a quiet start is not taken for silence. */
  start(): void;
  /** Stores what has been counted, writes out the audit log and closes it: the last thing before the database is closed. */
  close(): Promise<void>;
}

export interface ComposedWatch {
  readonly watch: Watch;
  readonly sink: AuditSink;
  readonly environment: readonly Control[];
  /** Watches for bait in paths and credentials. */
  readonly bait: Control;
}

/** @throws TypeError on an unknown option of the alarms or the detection */
export function composeWatch({ auditLog, auditTrail, database, limitStore, ...options }: WatchOptions): ComposedWatch {
  const { audit = eventLog() } = options;
  const shipper = shipperOf(options.logShipping, (event) => report(event));
  const shipped = shipper === undefined ? audit : both(audit, shipper.audit);
  const summaries = summedRefusals(auditLog === undefined ? shipped : both(auditLog.audit, shipped));
  const kept = summaries.audit;
  const alarms = options.alarms && engineOf(options.alarms, kept, database);
  const counted = alarms?.audit ?? kept;
  const { detect, bait, actors } = detectionOf(options.detection ?? {}, counted, limitStore);
  const report = (event: AuditEvent): void => detect({ time: new Date().toISOString(), ...event });
  const chain = auditLog && auditChain({ log: auditLog, report });
  let isStarted = false;
  const start = (): void => {
    if (isStarted) return;
    isStarted = true;
    // The first event may be a request's; what it begins is not.
    runOutsideRequests(() => {
      alarms?.start();
      chain?.start();
    });
  };
  return {
    sink: (record) => {
      start();
      detect(withoutSecrets(inItsRequest(record)));
    },
    environment: [
      securityEventLog({ isStdoutAlone: options.audit === undefined && auditLog === undefined }),
      authenticationLog(alarms),
      authorizationLog(alarms),
      logRedaction(),
      logShipping(options.logShipping?.destination),
      errorHandling(),
      auditIntegrity(auditLog),
      auditTrail?.control ?? auditTrailControl(),
      logInjection(),
      securityAlerting(alarms),
    ],
    bait,
    watch: {
      alarms,
      chain,
      actors,
      shipper,
      start,
      async close() {
        // Each gets its turn, whatever becomes of the others.
        const outcomes = [
          await settled(alarms?.close()),
          await settled(chain?.stop()),
          await settled(Promise.resolve(summaries.flush())),
          await settled(shipper?.close()),
          await settled(auditLog?.close()),
        ];
        const failed = outcomes.find((outcome) => outcome.status === "rejected");
        if (failed !== undefined) throw failed.reason;
      },
    },
  };
}

/** What controls report by themselves, such as a refused way out, belongs to the request that it happened in. */
function inItsRequest(record: AuditRecord): AuditRecord {
  const request = record.request_id === undefined ? currentRequest() : undefined;
  return request === undefined ? record : { ...record, ...contextOf(request, record) };
}

/** The story of an error is the one field that anybody may have written: it is cleaned before any sink has it. */
function withoutSecrets(record: AuditRecord): AuditRecord {
  return record.error === undefined ? record : { ...record, error: redactText(record.error) };
}

async function settled(work: Promise<void> | undefined): Promise<PromiseSettledResult<void>> {
  const [outcome] = await Promise.allSettled([work]);
  return outcome;
}

/** The chained log first, because it is the one that counts. */
function both(log: AuditSink, audit: AuditSink): AuditSink {
  return (record) => {
    try {
      log(record);
    } finally {
      audit(record);
    }
  };
}

/** @throws TypeError on an unknown option, and on a `url` without `fetch` or the other way round */
function shipperOf(options: SaasLogShipping | undefined, report: (event: AuditEvent) => void): LogShipper | undefined {
  if (options === undefined) return undefined;
  rejectUnknownOptions("saas({ logShipping })", options, [
    "destination",
    "url",
    "fetch",
    "headers",
    "bufferBytes",
    "now",
  ]);
  const { destination: _, url, fetch, ...others } = options;
  if (url === undefined && fetch === undefined) return undefined;
  if (url === undefined || fetch === undefined)
    throw new TypeError(
      "saas({ logShipping }) needs url and fetch together, or neither where the platform collects stdout.",
    );
  return logShipper({ ...others, url, fetch, report });
}

function engineOf(options: SaasAlarms, sink: AuditSink, database: AuditDatabase | undefined): AlarmEngine {
  const { definitions, store, ...others } = options;
  return alarmEngine({
    ...others,
    definitions: definitions ?? readAlarmDefinitions(SECURITY_ALARMS),
    store: store ?? (database === undefined ? memoryAlarms() : postgresAlarms(database)),
    sink,
  });
}

const DETECTION_OPTIONS = [
  "locate",
  "honeyResources",
  "honeyUsers",
  "honeyCredentials",
  "honeyRoutes",
  "response",
  "exempt",
] as const;
const MOST_LOCAL_ACTORS = 10_000;

interface ComposedDetection {
  readonly detect: AuditSink;
  readonly bait: Control;
  readonly actors: ActorScores;
}

function detectionOf(
  options: SaasDetection,
  sink: AuditSink,
  limitStore: RateLimitStore | undefined,
): ComposedDetection {
  rejectUnknownOptions("saas({ detection })", options, DETECTION_OPTIONS);
  const { honeyCredentials, honeyRoutes, response, exempt, ...stream } = options;
  const bait = intrusionDetection({
    ...(honeyCredentials !== undefined && { honeyCredentials }),
    ...(honeyRoutes !== undefined && { honeyRoutes }),
  });
  const actors = actorScores({
    sink,
    local: actorCounters(memoryRateLimits({ maxSubjects: MOST_LOCAL_ACTORS })),
    shared: limitStore?.shared === true ? actorCounters(limitStore) : undefined,
    ...(response !== undefined && { response }),
    ...(exempt !== undefined && { exempt }),
  });
  return { detect: detection({ ...stream, sink: actors.audit }), bait, actors };
}
