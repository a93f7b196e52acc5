import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { openAuditLog } from "./audit-log.ts";
import { toEcs, toOcsf, toOpenTelemetry } from "./event-export.ts";
import { eventLine } from "./event-line.ts";
import { eventLog } from "./event-log.ts";
import { logInjection } from "./log-injection.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom(
      "\r",
      "\n",
      "\u2028",
      "\u0085",
      "\u001b[31m",
      "\u202e",
      "\u180e",
      "\u{e0041}",
      '"',
      "\\",
      "{",
      "}",
      ",",
      ":",
      "a",
    ),
  }),
  fc.constantFrom('","status":"succeeded","x":"', "\ud800", "\0", "__proto__", "x".repeat(5000)),
);
const records = fc
  .record({
    detail: hostile,
    user_id: hostile,
    resource_id: hostile,
    ip_address: hostile,
    user_agent: hostile,
    route: hostile,
  })
  .map((fields): AuditRecord => ({
    time: "2026-01-01T00:00:00.000Z",
    event_type: "authentication",
    status: "failed",
    severity: "warning",
    event: "authn_login_fail",
    ...fields,
  }));
const NAMES = [
  "detail",
  "event",
  "event_type",
  "ip_address",
  "resource_id",
  "route",
  "severity",
  "status",
  "time",
  "user_agent",
  "user_id",
];
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function holds(line: string, record: AuditRecord, more: readonly string[] = []): void {
  expect(line).not.toMatch(ACTIVE);
  const read = JSON.parse(line) as Readonly<Record<string, unknown>>;
  expect(Object.keys(read).toSorted()).toEqual([...NAMES, ...more].toSorted());
  expect([read["event"], read["status"]]).toEqual([record.event, record.status]);
  const { detail = "" } = record;
  if (detail.length <= 2048) expect(read["detail"]).toBe(detail.isWellFormed() ? detail : read["detail"]);
}

describe("no value of an event forges another", () => {
  it("in a line", () => {
    fc.assert(fc.property(records, (record) => holds(eventLine(record), record)));
  });

  it("on stdout: as many lines as events, each with the fields of its own", () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 5 }), (given) => {
        let text = "";
        const log = eventLog({ write: (line: string) => void (text += line) });
        for (const record of given) log(record);
        const lines = text.split("\n");
        expect(lines.pop()).toBe("");
        expect(lines).toHaveLength(given.length);
        for (const [index, line] of lines.entries()) holds(line, given[index] as AuditRecord, ["level"]);
      }),
    );
  });

  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it("in the audit log's files", async () => {
    const given = fc.sample(records, 200);
    const directory = mkdtempSync(join(tmpdir(), "glacis-forged-"));
    folders.push(directory);
    const log = await openAuditLog({ directory, origin: "test/forged" });
    for (const record of given) log.audit(record);
    await log.close();
    const files = readdirSync(directory).filter((name) => name.endsWith(".log") || name.endsWith(".jsonl"));
    const lines = files.flatMap((name) => readFileSync(join(directory, name), "utf8").trimEnd().split("\n"));
    const events = lines.filter((line) => line.includes('"event":"authn_login_fail"'));
    expect(events).toHaveLength(given.length);
    for (const [index, line] of events.entries()) {
      // The last event of a group commit closes it.
      const closes = "commit" in (JSON.parse(line) as object);
      holds(line, given[index] as AuditRecord, ["seq", "hash", ...(closes ? ["commit"] : [])]);
    }
    expect(events.at(-1)).toContain('"commit":');
  });

  it("in what other stores are given", () => {
    fc.assert(
      fc.property(records, (record) => {
        for (const exported of [toOcsf(record), toEcs(record), toOpenTelemetry(record)])
          expect(JSON.stringify(exported).split("\n")).toHaveLength(1);
        expect(toOcsf(record)).toMatchObject({ message: "authn_login_fail", status: "failed" });
        expect(toEcs(record)).toMatchObject({ event: { action: "authn_login_fail", outcome: "failure" } });
        expect(toOpenTelemetry(record).body).toBe("authn_login_fail");
      }),
    );
  });

  it("and that is found when something has changed how JSON is written", () => {
    const ids = (): readonly string[] =>
      logInjection()
        .check({} as never)
        .map(({ rule }) => rule.id);
    expect(ids()).toEqual([]);
    // What the control looks for.
    const prototype: object = Object.getPrototypeOf({}) as object;
    Object.defineProperty(prototype, "toJSON", { configurable: true, value: () => "forged" });
    try {
      expect(new Set(ids())).toEqual(new Set(["log-injection/forgeable"]));
    } finally {
      delete (prototype as { toJSON?: unknown }).toJSON;
    }
  });
});
