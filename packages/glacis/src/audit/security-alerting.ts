/** Somebody is called when it matters: alarms as code, over events that are really written (catalog security-alerting; guide A09). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import { alarmRemarks } from "./alarm-remarks.ts";

const META: ControlMeta = {
  id: "security-alerting",
  title: "Alert rules as code, tested against real event shapes",
  layer: "audit",
  guide: ["A09", "checklist: CloudWatch alarms configured", "next steps: CloudWatch alarms for security events"],
  owasp2021: ["A09"],
  owasp2025: ["A09"],
  asvs: ["v5.0.0-16.4.3"],
  cwe: ["CWE-778", "CWE-223"],
};

export const NO_ALARMS: Rule = {
  id: "security-alerting/no-alarms",
  severity: "warning",
  what: "No alarm watches the security events.",
  why: "An attack that is only written down is read afterwards, if at all.",
  fix: "Pass alarms to saas(): { actions: [mailAction(...)] }. Or export them to what watches your logs, and waive this.",
};
export const NO_DESTINATION: Rule = {
  id: "security-alerting/no-destination",
  severity: "warning",
  what: "Alarms are written into the log and go nowhere else.",
  why: "An alarm that nobody receives wakes nobody.",
  fix: "Give the alarms an action: webhookAction or mailAction.",
};
export const ALARMS_IN_MEMORY: Rule = {
  id: "security-alerting/memory-store",
  severity: "warning",
  what: "Counts and states of alarms live in the memory of one process.",
  why: "A restart forgets an attack that is under way, and several processes each see a part of it, below every threshold.",
  fix: "Pass store: postgresAlarms(pool).",
};
export const FILTER_MATCHES_NOTHING: Rule = {
  id: "security-alerting/filter-matches-nothing",
  severity: "error",
  what: "A filter looks for a field or a value that no event has.",
  why: "It never matches, so its alarm is an alarm in name only.",
  fix: "Use the fields of the events; glacis alarms check names each place.",
};
export const NO_SILENCE_ALARM: Rule = {
  id: "security-alerting/no-silence-alarm",
  severity: "warning",
  what: "No alarm rings when the events stop.",
  why: "Whoever can stop the log silences every other alarm.",
  fix: "Keep AuditSilence of SECURITY_ALARMS: sys_heartbeat below one, treatMissingData breaching.",
};

/**
 * Judges the alarms of a composition.
 *
 * @param engine the engine whose `audit` is composed; undefined says that nothing watches
 */
export function securityAlerting(engine?: AlarmEngine): Control {
  return {
    meta: META,
    rules: [NO_ALARMS, NO_DESTINATION, ALARMS_IN_MEMORY, FILTER_MATCHES_NOTHING, NO_SILENCE_ALARM],
    check: ({ mode }) => {
      if (engine === undefined) return mode === "production" ? [finding(NO_ALARMS, setting("alarms"))] : [];
      return [...judgeDefinitions(engine), ...(mode === "production" ? judgeEngine(engine) : [])];
    },
  };
}

const setting = (name: string): Location => ({ kind: "setting", name });

function judgeDefinitions({ options: { definitions } }: AlarmEngine): readonly Finding[] {
  const dead = alarmRemarks(definitions)
    .filter(({ kind }) => kind === "unknown_field" || kind === "unknown_value")
    .map(({ at, message }) => finding(FILTER_MATCHES_NOTHING, setting(`alarms.definitions ${at}`), message));
  const hearsSilence = definitions.alarms.some(
    ({ treatMissingData, comparisonOperator }) =>
      treatMissingData === "breaching" && comparisonOperator.startsWith("LessThan"),
  );
  return hearsSilence ? dead : [...dead, finding(NO_SILENCE_ALARM, setting("alarms.definitions"))];
}

function judgeEngine({ options: { actions = [], store } }: AlarmEngine): readonly Finding[] {
  return [
    ...(actions.some(({ leaves }) => leaves) ? [] : [finding(NO_DESTINATION, setting("alarms.actions"))]),
    ...(store.kind === "memory" ? [finding(ALARMS_IN_MEMORY, setting("alarms.store"))] : []),
  ];
}
