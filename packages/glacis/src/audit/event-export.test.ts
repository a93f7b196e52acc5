import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { openTelemetrySink, toEcs, toOcsf, toOpenTelemetry } from "./event-export.ts";
import { Secret } from "../core/secret.ts";
import { auditEvent } from "../core/event-entry.ts";

const failed: AuditRecord = {
  time: "2026-11-26T12:00:00.000Z",
  event_type: "authentication",
  status: "failed",
  severity: "warning",
  event: "authn_login_fail",
  control: "login-throttling",
  detail: "wrong_password",
  user_id: "u-1",
  tenant_id: "t-1",
  ip_address: "192.0.2.1",
  request_id: "r-1",
  method: "POST",
  route: "/sign-in",
};
const { user_id: _, tenant_id: __, ...unknownUser } = failed;

describe("an event in OCSF", () => {
  it("is a failed logon of the class Authentication", () => {
    expect(toOcsf(failed)).toMatchObject({
      class_uid: 3002,
      category_uid: 3,
      activity_id: 1,
      type_uid: 300_201,
      time: Date.parse(failed.time),
      severity_id: 3,
      status_id: 2,
      status_detail: "wrong_password",
      message: "authn_login_fail",
      metadata: { version: "1.6.0", product: { name: "glacis" }, correlation_uid: "r-1" },
      user: { uid: "u-1", org: { uid: "t-1" } },
      src_endpoint: { ip: "192.0.2.1" },
      unmapped: { event_type: "authentication", tenant_id: "t-1", route: "/sign-in", control: "login-throttling" },
    });
    expect(toOcsf(unknownUser)).not.toHaveProperty("user");
  });

  it.each([
    [
      { event_type: "session", event: "session_created", status: "succeeded" },
      { class_uid: 3002, activity_id: 1, status_id: 1 },
    ],
    [
      { event_type: "session", event: "session_ended", status: "succeeded" },
      { class_uid: 3002, activity_id: 2 },
    ],
    [
      { event_type: "session", event: "session_renewed", status: "succeeded" },
      { class_uid: 3002, activity_id: 99 },
    ],
    [
      { event_type: "authorization_failure", method: "DELETE" },
      { class_uid: 6003, activity_id: 4, api: { operation: "DELETE /sign-in" } },
    ],
    [{ event_type: "ssrf_blocked" }, { class_uid: 2004, finding_info: { types: ["ssrf_blocked"] } }],
    [
      { event_type: "config", severity: "critical" },
      { class_uid: 0, type_uid: 99, severity_id: 5 },
    ],
    [
      { event_type: "data_access", actor_id: "sue", resource_id: "d-1" },
      { actor: { user: { uid: "sue" } }, user: { uid: "u-1" }, resources: [{ uid: "d-1" }] },
    ],
  ] as const)("of %j is %j", (change, expected) => {
    expect(toOcsf({ ...failed, ...change } as AuditRecord)).toMatchObject(expected);
  });
});

describe("an event in ECS", () => {
  it("says what happened, to whom, from where", () => {
    expect(toEcs(failed)).toMatchObject({
      "@timestamp": failed.time,
      event: {
        kind: "event",
        category: ["authentication"],
        action: "authn_login_fail",
        outcome: "failure",
        dataset: "glacis.authentication",
      },
      log: { level: "warn" },
      user: { id: "u-1" },
      organization: { id: "t-1" },
      source: { ip: "192.0.2.1" },
      http: { request: { method: "POST", id: "r-1" } },
    });
  });

  it("names who was at the keyboard, and whose account it was", () => {
    expect(toEcs({ ...failed, actor_id: "sue" })).toMatchObject({ user: { id: "sue", target: { id: "u-1" } } });
  });
});

describe("an event in OpenTelemetry", () => {
  it("is a log record with the names of its conventions", () => {
    const seen: unknown[] = [];
    openTelemetrySink({ emit: (entry) => void seen.push(entry) })(failed);
    expect(seen).toEqual([toOpenTelemetry(failed)]);
    expect(seen).toMatchObject([
      {
        eventName: "glacis.authn_login_fail",
        timestamp: Date.parse(failed.time),
        severityNumber: 13,
        attributes: {
          "user.id": "u-1",
          "client.address": "192.0.2.1",
          "http.route": "/sign-in",
          "glacis.tenant_id": "t-1",
        },
      },
    ]);
  });
});

describe("what leaves in another format", () => {
  it("has no secret that an error or a value carried", () => {
    const secret = new Secret("tr0ub4dor-and-3");
    const record: AuditRecord = {
      time: "2026-11-26T10:00:00.000Z",
      ...auditEvent("system/sys_error/failed", { error: "Error: password=hunter2", detail: secret.reveal() }),
    };
    for (const exported of [toOcsf(record), toEcs(record), toOpenTelemetry(record)]) {
      expect(JSON.stringify(exported)).not.toMatch(/hunter2|tr0ub4dor/u);
      expect(JSON.stringify(exported)).toContain("password=[redacted]");
    }
  });
});
