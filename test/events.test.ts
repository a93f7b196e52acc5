import { EVENT_CATALOGUE, type AuditRecord, type EventKey } from "glacis";
import { SECURITY_ALARMS, toEcs, toOcsf, toOpenTelemetry } from "glacis/audit";
import { describe, expect, it } from "vitest";
import { EVENT_ENTRIES } from "../packages/glacis/src/core/event-entry.ts";
import { projectFiles, read } from "./support/repository.ts";

/** The catalogue of events, its document, the code that reports them, and the exporters: one list. */

const sources = projectFiles().filter(
  (file) =>
    /^(?:packages\/[^/]+|apps\/[^/]+)\/src\/.*\.ts$/u.test(file) &&
    !/\.test\.ts$|event-catalogue\.ts$|alarm-attack\.ts$|alarm-set\.ts$/u.test(file),
);
const code = sources.map(read).join("\n");
const tests = projectFiles()
  .filter((file) => /\.test\.ts$|^test\/|\/test\//u.test(file) && file !== "test/events.test.ts")
  .map(read)
  .join("\n");
const names = (text: string, event: string): boolean =>
  new RegExp(`["/\`]${event.replace(".", "\\.")}["/\`]`, "u").test(text);

/** What a row of the document says, in the order of its cells. */
function documented(): readonly string[] {
  const rows: string[] = [];
  let type = "";
  for (const line of read("docs/events.md").split("\n")) {
    if (line.startsWith("## ")) type = line.slice(3);
    const cells = line.split(" | ").map((cell) => cell.replaceAll(/[`|]/gu, "").trim());
    if (type !== "" && cells.length === 5 && cells[0] !== "event" && !cells[0]?.startsWith("---"))
      rows.push([`${type}/${cells[0]}/${cells[1]}`, ...cells.slice(2)].join(" | "));
  }
  return rows;
}

const record = (key: EventKey): AuditRecord => {
  const [event_type, event, status] = key.split("/");
  const severity = EVENT_ENTRIES.find((entry) => entry.key === key)?.severities[0];
  return { time: "2026-01-01T00:00:00.000Z", event_type, event, status, severity, user_id: "u-1" } as AuditRecord;
};

describe("the catalogue of events", () => {
  it("is the table of docs/events.md, line by line", () => {
    const table = EVENT_ENTRIES.map(({ key, severities, fields, about }) =>
      [key, severities.join(", "), fields.join(", ") || "–", about].join(" | "),
    );
    expect(documented()).toEqual(table);
    expect(table.length).toBeGreaterThan(100);
  });

  it("has its types, severities and statuses from closed sets, and each line says what happened", () => {
    for (const { key, severities, status, about, event } of EVENT_ENTRIES) {
      expect(["succeeded", "failed", "refused", "observed"], key).toContain(status);
      for (const severity of severities) expect(["info", "warning", "error", "critical"], key).toContain(severity);
      expect(about, key).toMatch(/^[A-Z].{12,140}\.$/u);
      expect(event, key).toMatch(/^[a-z][a-z0-9_.]+$/u);
    }
  });

  it.each(EVENT_ENTRIES.map(({ key, event }) => [key, event] as const))(
    "%s is reported by some code, and awaited by a test that brings it about",
    (key, event) => {
      expect(names(code, event), `${key} is in no source`).toBe(true);
      expect(names(tests, event), `${key} is in no test`).toBe(true);
    },
  );

  it("knows every event that a shipped alarm waits for", () => {
    const known = new Set<string>(
      Object.values(EVENT_CATALOGUE)
        .flatMap((lines) => Object.keys(lines))
        .map((name) => name.split("/")[0] as string),
    );
    const named = [...JSON.stringify(SECURITY_ALARMS).matchAll(/\$\.event = \\"([^"\\]+)\\"/gu)];
    for (const [, name] of named) expect(known, name).toContain(name);
    expect(named.length).toBeGreaterThan(5);
  });
});

describe("the exporters", () => {
  it.each(EVENT_ENTRIES.map(({ key }) => key))("map %s", (key) => {
    const event = record(key);
    const ocsf = toOcsf(event);
    expect(ocsf["class_uid"]).toBeTypeOf("number");
    expect(ocsf["type_uid"]).toBe(Number(ocsf["class_uid"]) * 100 + Number(ocsf["activity_id"]));
    expect(ocsf["activity_id"]).not.toBe(undefined);
    const ecs = toEcs(event) as { readonly event: Readonly<Record<string, unknown>> };
    expect(ecs.event["category"]).not.toEqual([]);
    expect(["success", "failure", "unknown"]).toContain(ecs.event["outcome"]);
    const { eventName, severityNumber, attributes } = toOpenTelemetry(event);
    expect(eventName).toBe(`glacis.${event.event}`);
    expect(severityNumber).toBeGreaterThan(0);
    expect(attributes["glacis.event_type"]).toBe(event.event_type);
  });
});
