import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { Secret } from "../core/secret.ts";
import { eventLog } from "./event-log.ts";

const record: AuditRecord = {
  time: "2026-11-26T12:00:00.000Z",
  event_type: "authentication",
  status: "failed",
  severity: "warning",
  event: "authn_login_fail",
};

function written(...records: readonly AuditRecord[]): string {
  let text = "";
  const log = eventLog({ write: (line: string) => void (text += line) });
  for (const one of records) log(one);
  return text;
}

describe("eventLog", () => {
  it("writes one flat JSON line that the guide's metric filter matches", () => {
    const line = JSON.parse(written(record)) as Record<string, unknown>;
    expect(line).toEqual({ level: "warn", ...record });
  });

  it("writes exactly one line per event, whatever the values hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (detail) => {
        const lines = written({ ...record, detail }).split("\n");
        expect(lines).toHaveLength(2);
        expect(lines[1]).toBe("");
      }),
    );
  });

  it("hides a revealed secret in any field, encoded or not", () => {
    const secret = new Secret("sk_live_abcdef123456");
    const encoded = Buffer.from(secret.reveal()).toString("base64");
    const text = written({ ...record, detail: `key ${secret.reveal()}`, resource_id: encoded, count: 3 });
    expect(JSON.parse(text)).toMatchObject({ detail: "key [secret]", resource_id: "[secret]", count: 3 });
  });

  it("redacts what an error's text gives away", () => {
    expect(written({ ...record, error: "Error: duplicate key anna@example.com" })).not.toContain("anna@");
  });
});
