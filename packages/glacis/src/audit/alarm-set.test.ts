import { describe, expect, it } from "vitest";
import { SYNTHETIC_ATTACKS, type TimedRecord } from "./alarm-attack.ts";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { alarmRemarks } from "./alarm-remarks.ts";
import { replayAlarms } from "./alarm-replay.ts";
import { SECURITY_ALARMS } from "./alarm-set.ts";

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

  it("look only for fields and values that events have", () => {
    expect(alarmRemarks(definitions)).toEqual([]);
  });
});
