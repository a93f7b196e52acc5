import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { auditEvent, eventFault } from "../core/event-entry.ts";
import type { AuditRecord, EventKey } from "../core/event.ts";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine, type AlarmEngine } from "./alarm-engine.ts";
import { SECURITY_ALARMS } from "./alarm-set.ts";
import { memoryAlarms } from "./alarm-store.ts";
import { authenticationLog } from "./authentication-log.ts";
import { authorizationLog, summedRefusals } from "./authorization-log.ts";

const record = (about: Partial<AuditRecord> = {}, key: EventKey = "authorization_failure/authz_fail/refused") =>
  ({ time: "2026-11-26T10:00:00.000Z", ...auditEvent(key), user_id: "u-1", ...about }) as AuditRecord;

function ground() {
  const written: AuditRecord[] = [];
  let nowMs = 0;
  const summaries = summedRefusals(
    (one) => void written.push(one),
    () => nowMs,
  );
  return { ...summaries, written, pass: (ms: number) => void (nowMs += ms) };
}

describe("summedRefusals", () => {
  it("hands on a hundred refusals of one actor in a minute, and the exact number of the others when it is over", () => {
    const { audit, written, pass } = ground();
    for (let count = 0; count < 250; count += 1) audit(record());
    expect(written).toHaveLength(100);
    pass(60_000);
    audit(record());
    expect(written).toHaveLength(102);
    expect(written[100]).toMatchObject({ event: "authz_fail", detail: "summed_up", count: 150, user_id: "u-1" });
    expect(eventFault({ ...auditEvent("authorization_failure/authz_fail/refused"), count: 150 })).toBeUndefined();
  });

  it("sums up by actor, control and route, and knows who has no account by address", () => {
    const { audit, written, flush } = ground();
    const actors = [{ user_id: "u-2" }, { route: "/a" }, { control: "cors" }, { ip_address: "192.0.2.1" }];
    for (let count = 0; count < 100; count += 1) for (const about of [...actors, {}]) audit(record(about));
    expect(written).toHaveLength(500 - 100);
    flush();
    expect(written).toHaveLength(401);
    const { user_id: _, ...nobody } = record({ ip_address: "192.0.2.9" });
    for (let count = 0; count < 101; count += 1) audit(nobody);
    flush();
    expect(written.at(-1)).toMatchObject({ count: 1, ip_address: "192.0.2.9" });
  });

  it("never sums up what is critical, what is no refusal, or what has no actor", () => {
    const { audit, written } = ground();
    const { user_id: _, ...unknown } = record();
    for (let count = 0; count < 150; count += 1) {
      audit(record({}, "tenant/tenant_cross_access/refused"));
      audit(record({}, "authorization_failure/authz.escalation_attempt/refused"));
      audit(record({}, "authentication/authn_login_fail/failed"));
      audit(unknown);
    }
    expect(written).toHaveLength(600);
  });

  it("loses no count however many actors there are and whenever they come", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(200), fc.nat(70_000)), { maxLength: 40 }), (steps) => {
        const { audit, written, pass, flush } = ground();
        let refused = 0;
        for (const [actor, times, ms] of steps) {
          pass(ms);
          refused += times;
          for (let count = 0; count < times; count += 1) audit(record({ user_id: `u-${actor}` }));
        }
        flush();
        expect(written.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(refused);
      }),
    );
  });

  it("keeps a bounded number of actors, and writes the sum of one that it forgets", () => {
    const { audit, written } = ground();
    for (let count = 0; count < 103; count += 1) audit(record({ user_id: "first" }));
    for (let actor = 0; actor < 5000; actor += 1) audit(record({ user_id: `u-${actor}` }));
    expect(written.filter(({ count }) => count === 3)).toMatchObject([{ user_id: "first" }]);
  });
});

const anywhere: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};

function engineWith(pattern?: string): AlarmEngine {
  const metric = { MetricName: "Only", MetricNamespace: "Glacis", MetricValue: "1" };
  const only = { FilterName: "only", FilterPattern: pattern, MetricTransformations: [metric] };
  const definitions = readAlarmDefinitions(pattern === undefined ? SECURITY_ALARMS : { MetricFilters: [only] });
  return alarmEngine({ definitions, store: memoryAlarms(), sink: () => undefined });
}

describe("authenticationLog and authorizationLog", () => {
  it("find nothing where the shipped alarms listen, or where another control says that there are none", () => {
    for (const engine of [undefined, engineWith()])
      for (const control of [authenticationLog(engine), authorizationLog(engine)])
        expect(control.check(anywhere)).toEqual([]);
  });

  it("say which outcomes no alarm hears", () => {
    const deaf = engineWith('{ $.event = "authn_login_fail" }');
    expect(authorizationLog(deaf).check(anywhere)).toMatchObject([{ rule: { id: "authorization-log/unheard" } }]);
    expect(
      authenticationLog(deaf)
        .check(anywhere)
        .map(({ detail }) => detail),
    ).toEqual([
      "authentication/authn_totp_fail/failed",
      "authentication/authn_passkey_fail/failed",
      "authentication/authn_recovery_code_fail/failed",
      "authentication/authn_token_rejected/failed",
      "authentication/authn_sso_fail/failed",
    ]);
  });
});
