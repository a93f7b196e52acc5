export {
  mailAction,
  webhookAction,
  type AlarmAction,
  type AlarmChange,
  type AlarmFetch,
  type AlarmMail,
  type MailActionOptions,
  type WebhookActionOptions,
} from "./alarm-action.ts";
export { SYNTHETIC_ATTACKS, type SyntheticAttack, type TimedRecord } from "./alarm-attack.ts";
export {
  readAlarmDefinitions,
  type AlarmDefinitions,
  type AlarmSeverity,
  type CompositeAlarm,
  type MetricAlarm,
} from "./alarm-definition.ts";
export { alarmEngine, type AlarmEngine, type AlarmEngineOptions, type AlarmStatus } from "./alarm-engine.ts";
export { toCdk } from "./alarm-export-cdk.ts";
export { toCloudFormation } from "./alarm-export-cloudformation.ts";
export { toPrometheus } from "./alarm-export-prometheus.ts";
export { type AlarmExportOptions } from "./alarm-export-shape.ts";
export { toTerraform } from "./alarm-export-terraform.ts";
export { alarmRemarks, type AlarmRemark } from "./alarm-remarks.ts";
export { replayAlarms, type ReplayedChange } from "./alarm-replay.ts";
export { SECURITY_ALARMS } from "./alarm-set.ts";
export { ALARM_MIGRATION, postgresAlarms } from "./alarm-store-postgres.ts";
export { type ReceiverTrial } from "./alarm-trial.ts";
export {
  memoryAlarms,
  type AlarmStore,
  type EvaluatorLease,
  type SeriesPoint,
  type StoredAlarm,
} from "./alarm-store.ts";
export { type AlarmState } from "./alarm.ts";
export { type AuditDatabase } from "./audit-database.ts";
export { fileAnchor, type AuditAnchor } from "./audit-anchor.ts";
export { auditChain, type AuditChain, type AuditChainOptions, type AuditChainState } from "./audit-chain.ts";
export { auditIntegrity, integrityEvent, type JudgedLog } from "./audit-integrity.ts";
export { AuditLogError } from "./audit-log-error.ts";
export { verifyPostgresAuditLog, type VerifyPostgresAuditLogOptions } from "./audit-log-postgres-verify.ts";
export {
  auditLogMigration,
  postgresAuditLog,
  type PostgresAuditLog,
  type PostgresAuditLogOptions,
} from "./audit-log-postgres.ts";
export {
  verifyAuditLog,
  type AuditLogBreak,
  type AuditLogProblem,
  type AuditLogVerdict,
  type VerifyAuditLogOptions,
} from "./audit-log-verify.ts";
export { openAuditLog, type AuditLog, type AuditLogOptions } from "./audit-log.ts";
export { type AuditCheckpointOptions } from "./audit-checkpointer.ts";
export { exportAuditTrail } from "./audit-trail-export.ts";
export { type FieldChange, type ResourceFields } from "./audit-trail-changes.ts";
export { auditTrailMigration, type AuditTrailMigrationOptions } from "./audit-trail-migration.ts";
export {
  auditTrail,
  type AuditTrail,
  type AuditTrailOptions,
  type TrailAction,
  type TrailConnection,
  type TrailEntry,
  type TrailQuery,
} from "./audit-trail.ts";
export { authenticationLog } from "./authentication-log.ts";
export { authorizationLog, summedRefusals, type AuthorizationSummaries } from "./authorization-log.ts";
export { debugOff } from "./debug-off.ts";
export { type ActorStanding } from "./actor-ledger.ts";
export { type Actor, type ActorKind, type ActorResponse, type ActorScores } from "./actor-score.ts";
export { detection, type DetectionOptions } from "./detection.ts";
export { type Locate, type Place } from "./detection-travel.ts";
export { errorHandling } from "./error-handling.ts";
export { errorReportHooks, type ErrorReportHooks, type ErrorReportOptions } from "./error-report.ts";
export {
  openTelemetrySink,
  toEcs,
  toOcsf,
  toOpenTelemetry,
  type ExportedEvent,
  type OpenTelemetryLogger,
} from "./event-export.ts";
export { eventLog } from "./event-log.ts";
export { eventLine } from "./event-line.ts";
export { FilterPatternError } from "./filter-pattern-error.ts";
export { filterPattern, logLine, logValue, type FilterPattern, type LogLine } from "./filter-pattern.ts";
export { HONEY_ROUTES, intrusionDetection, type IntrusionDetectionOptions } from "./intrusion-detection.ts";
export { type MetricFilter, type MetricTransformation } from "./metric-filter.ts";
export { lastResort, type LastResortOptions } from "./last-resort.ts";
export { logInjection } from "./log-injection.ts";
export { logRedaction } from "./log-redaction.ts";
export { logShipper, type LogShipper, type LogShipperOptions, type LogShippingState } from "./log-shipper.ts";
export { logShipping, type LogDestination } from "./log-shipping.ts";
export { redactFields, type RedactFieldsOptions } from "./redact-fields.ts";
export { redactText } from "./redact.ts";
export { securityAlerting } from "./security-alerting.ts";
export { securityEventLog, type SecurityEventLogOptions } from "./security-event-log.ts";
