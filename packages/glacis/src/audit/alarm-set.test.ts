import { describe, expect, it } from "vitest";
import { EVENT_ENTRIES } from "../core/event-entry.ts";
import { SYNTHETIC_ATTACKS, type TimedRecord } from "./alarm-attack.ts";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { alarmRemarks } from "./alarm-remarks.ts";
import { replayAlarms } from "./alarm-replay.ts";
import { SECURITY_ALARMS } from "./alarm-set.ts";
import { logValue } from "./filter-pattern.ts";

const definitions = readAlarmDefinitions(SECURITY_ALARMS);
const raised = async (records: readonly TimedRecord[]): Promise<readonly string[]> =>
  (await replayAlarms(definitions, records))
    .filter(({ change }) => change.state === "ALARM")
    .map(({ change }) => change.alarm);

describe("SECURITY_ALARMS", () => {
  it.each(SYNTHETIC_ATTACKS)("ring for $name, and no other alarm does", async ({ rings, records }) => {
    expect((await raised(records)).toSorted()).toEqual(rings.toSorted());
  });

  it("are each set off by one of the attacks, or watch for a fault of our own", () => {
    const attacked = new Set(SYNTHETIC_ATTACKS.flatMap(({ rings }) => rings));
    const names = [...definitions.alarms, ...definitions.composites].map(({ name }) => name);
    expect(names.filter((name) => !attacked.has(name))).toEqual(["ControlFailures", "SecretsStale", "AuditSilence"]);
  });

  it("stay silent on an ordinary day", async () => {
    const records = Array.from({ length: 480 }, (_, minute): TimedRecord => ({
      atSeconds: minute * 60,
      record:
        minute % 15 === 0
          ? {
              event_type: "authentication",
              status: "failed",
              severity: "warning",
              event: "authn_login_fail",
              ip_address: `192.0.2.${minute % 200}`,
            }
          : {
              event_type: "session",
              status: "succeeded",
              severity: "info",
              event: "session_created",
              user_id: `user-${minute % 20}`,
            },
    }));
    expect(await raised(records)).toEqual([]);
  });

  it("ring at the first of every event that is critical, except where one alone may be chance", () => {
    const deaf = EVENT_ENTRIES.filter(({ severities }) => severities.includes("critical")).filter(
      ({ type: event_type, status, event }) => {
        const written = logValue({
          event_type,
          status,
          event,
          severity: "critical",
          user_id: "u-1",
          ip_address: "::1",
        });
        return !definitions.alarms.some(
          ({ threshold, metricName }) =>
            threshold === 1 &&
            definitions.filters.some(
              ({ pattern, transformations }) =>
                transformations.some((one) => one.metricName === metricName) && pattern.matches(written),
            ),
        );
      },
    );
    // A control that fails once has refused once. Alarms and their messages are told of by the log, for no alarm rings for itself.
    expect(deaf.map(({ event }) => event)).toEqual(["sys_control_failed", "sys_alarm_raised", "sys_alarm_undelivered"]);
  });

  it("look only for fields and values that events have", () => {
    expect(alarmRemarks(definitions)).toEqual([]);
  });
});
