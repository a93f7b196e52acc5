/** The alarms that come with the library: what OWASP asks to be seen (A09), over the events that the library writes. */
import { AUTHENTICATION_ALARMS } from "./alarm-set-authentication.ts";
import { DETECTED_ALARMS, type ShippedAlarm } from "./alarm-set-detected.ts";

const RINGING: readonly ShippedAlarm[] = [
  ...AUTHENTICATION_ALARMS,
  {
    name: "AuthorizationFailuresOfOneUser",
    severity: "error",
    description: "One user has been refused ten times within five minutes.",
    pattern: '{ $.event_type = "authorization_failure" && $.user_id = * }',
    metric: "AuthorizationFailuresByUser",
    per: "user_id",
    threshold: 10,
    periodSeconds: 300,
  },
  {
    name: "UnauthorizedAccess",
    severity: "warning",
    description: "Access has been refused fifty times within five minutes.",
    pattern: '{ $.event_type = "authorization_failure" }',
    metric: "UnauthorizedAccessAttempts",
    threshold: 50,
    periodSeconds: 300,
  },
  {
    name: "PrivilegeEscalationAttempt",
    severity: "critical",
    description: "Somebody has tried to give out more rights than they have.",
    pattern: '{ $.event = "authz.escalation_attempt" }',
    metric: "EscalationAttempts",
    threshold: 1,
    periodSeconds: 300,
  },
  {
    name: "CrossTenantAccess",
    severity: "critical",
    description: "A tenant has reached for the rows of another. One is enough.",
    pattern: '{ $.event = "tenant_cross_access" || $.event = "tenant_setting_leaked" }',
    metric: "CrossTenantAttempts",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "ObjectProbing",
    severity: "error",
    description: "One user has asked for thirty objects that are not there, or not theirs, within five minutes.",
    pattern: '{ $.event = "data_not_found" && $.user_id = * }',
    metric: "MissingObjectsByUser",
    per: "user_id",
    threshold: 30,
    periodSeconds: 300,
  },
  {
    name: "CspViolationSpike",
    severity: "error",
    description: "Browsers have blocked fifty things on our pages within five minutes.",
    pattern: '{ $.event_type = "csp_violation" && $.status = "refused" }',
    metric: "CspViolations",
    threshold: 50,
    periodSeconds: 300,
  },
  {
    name: "SsrfAttempts",
    severity: "critical",
    description:
      "The application has been made to call an address that it must not call, three times within five minutes.",
    pattern: '{ $.event_type = "ssrf_blocked" }',
    metric: "BlockedOutboundRequests",
    threshold: 3,
    periodSeconds: 300,
  },
  {
    name: "CsrfRejections",
    severity: "error",
    description: "Twenty requests within five minutes came from somewhere else than our own pages.",
    pattern: '{ $.event_type = "csrf" && $.status = "refused" }',
    metric: "CsrfRejected",
    threshold: 20,
    periodSeconds: 300,
  },
  {
    name: "InjectionProbing",
    severity: "error",
    description: "One address has sent ten paths, keys or commands that nobody sends by accident, within five minutes.",
    pattern:
      '{ ($.event = "file.traversal" || $.event = "exec.rejected" || $.event = "input.canonicalization" || $.control = "prototype-pollution") && $.ip_address = * }',
    metric: "ProbesByAddress",
    per: "ip_address",
    threshold: 10,
    periodSeconds: 300,
  },
  {
    name: "RateLimitStorm",
    severity: "warning",
    description: "Rate limits have refused requests in three out of five minutes, five reports each.",
    pattern: '{ $.event = "excess_rate_limit_exceeded" && $.status = "refused" }',
    metric: "RateLimited",
    threshold: 5,
    periodSeconds: 60,
    periods: 5,
    points: 3,
  },
  {
    name: "DataIntegrityFailure",
    severity: "critical",
    description: "A sealed field does not open: its bytes were changed, or stand in another row.",
    pattern: '{ $.event = "data_integrity_failure" }',
    metric: "DataIntegrityFailures",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "AuditIntegrityFailure",
    severity: "critical",
    description: "The audit log does not verify, takes nothing, or has lost events.",
    pattern: '{ $.event_type = "audit_integrity" && $.status = "failed" }',
    metric: "AuditIntegrityFailures",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "ControlFailures",
    severity: "error",
    description: "A security control has failed five times within five minutes; each time the request was refused.",
    pattern: '{ $.event = "sys_control_failed" }',
    metric: "ControlFailures",
    threshold: 5,
    periodSeconds: 300,
  },
  {
    name: "MaliciousUpload",
    severity: "critical",
    description: "Somebody has uploaded a file that a scanner knows as malicious.",
    pattern: '{ $.event = "malicious_upload" }',
    metric: "MaliciousUploads",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "ApplicationErrors",
    severity: "error",
    description: "The application has failed twenty times within five minutes; each time the client saw an opaque id.",
    pattern: '{ $.event = "sys_error" }',
    metric: "ApplicationErrors",
    threshold: 20,
    periodSeconds: 300,
  },
  {
    name: "CriticalEvent",
    severity: "critical",
    description:
      "Something happened of which one is enough: an answer before access was decided, text run as code, an account whose owner says it was not them, a passkey that was copied, or routes that fail their check.",
    pattern:
      '{ $.event = "authz_undecided" || $.event = "sys_code_generation_blocked" || $.event = "authn_account_disowned" || $.event = "sys_seal_failed" || ($.event = "authn_passkey_fail" && $.severity = "critical") }',
    metric: "CriticalEvents",
    threshold: 1,
    periodSeconds: 60,
  },
  {
    name: "SecretsStale",
    severity: "error",
    description: "A secret could not be read anew three times within fifteen minutes.",
    pattern: '{ $.event = "secret_refresh_failed" || $.event = "secret_stale" }',
    metric: "SecretFailures",
    threshold: 3,
    periodSeconds: 900,
  },
  ...DETECTED_ALARMS,
];

/** No sign of life of any process for a quarter of an hour. */
const SILENCE = {
  AlarmName: "AuditSilence",
  AlarmDescription: "No process has written a sign of life for fifteen minutes: nobody would hear of anything.",
  Severity: "critical",
  MetricName: "Heartbeats",
  ComparisonOperator: "LessThanThreshold",
  Threshold: 1,
  Period: 300,
  EvaluationPeriods: 3,
  TreatMissingData: "breaching",
} as const;

/** The shipped definition, in the words of the CloudWatch API: what a file of one's own looks like. For `readAlarmDefinitions`. */
export const SECURITY_ALARMS: object = {
  Namespace: "Glacis",
  MetricFilters: [
    ...RINGING.map(({ metric, pattern, per }) => ({
      FilterName: metric,
      FilterPattern: pattern,
      MetricTransformations: [
        {
          MetricName: metric,
          MetricValue: "1",
          // Without a default, a quiet minute is no datapoint, and old datapoints stand in for it.
          ...(per === undefined ? { DefaultValue: 0 } : { Dimensions: { [per]: `$.${per}` } }),
        },
      ],
    })),
    {
      FilterName: "Heartbeats",
      FilterPattern: '{ $.event = "sys_heartbeat" }',
      MetricTransformations: [{ MetricName: "Heartbeats", MetricValue: "1" }],
    },
  ],
  Alarms: [
    ...RINGING.map(
      ({ name, description, severity, metric, threshold, periodSeconds, periods = 1, points = periods }) => ({
        AlarmName: name,
        AlarmDescription: description,
        Severity: severity,
        MetricName: metric,
        Threshold: threshold,
        Period: periodSeconds,
        EvaluationPeriods: periods,
        DatapointsToAlarm: points,
      }),
    ),
    SILENCE,
  ],
  CompositeAlarms: [
    {
      AlarmName: "AccountTakeoverUnderway",
      AlarmDescription: "Guessing of passwords together with refused access: somebody may be inside.",
      Severity: "critical",
      AlarmRule:
        "(ALARM(PasswordSpraying) OR ALARM(HighFailedLogins)) AND (ALARM(AuthorizationFailuresOfOneUser) OR ALARM(CrossTenantAccess))",
    },
  ],
};
