import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, AuditRecord } from "../core/event.ts";
import { logShipper, type LogShipper } from "./log-shipper.ts";
import { logShipping, type LogDestination } from "./log-shipping.ts";

const store: LogDestination = { name: "archive", owner: "security", readers: ["auditor"], retentionDays: 400 };
const production: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};
const found = (destination?: LogDestination): readonly string[] =>
  logShipping(destination)
    .check(production)
    .map(({ rule }) => rule.id);

describe("logShipping", () => {
  it("asks where events go and how long they stay there, in production", () => {
    expect(found()).toEqual(["log-shipping/not-shipped"]);
    expect(found({ ...store, retentionDays: 30 })).toEqual(["log-shipping/short-retention"]);
    expect(found(store)).toEqual([]);
    expect(logShipping().check({ ...production, mode: "development" })).toEqual([]);
  });

  it.each([{ name: " " }, { owner: "" }, { readers: [] }, { retentionDays: 0.5 }, { retention: 1 }])(
    "takes no store that an auditor could not go to: %o",
    (wrong) => {
      expect(() => logShipping({ ...store, ...(wrong as object) })).toThrow(TypeError);
    },
  );
});

/** A collector that can be away, on a real socket. */
class Collector {
  readonly bodies: string[] = [];
  readonly keys: string[] = [];
  answer = 200;
  readonly server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      if (this.answer === 200) this.bodies.push(body);
      this.keys.push(String(request.headers["idempotency-key"]));
      response.writeHead(this.answer).end();
    });
  });
  readonly events = (): readonly AuditRecord[] =>
    this.bodies.flatMap((body) => body.trimEnd().split("\n")).map((line) => JSON.parse(line) as AuditRecord);
}

const running: Collector[] = [];
afterEach(() => {
  for (const { server } of running.splice(0)) server.close();
});

async function ground(bufferBytes?: number) {
  const collector = new Collector();
  running.push(collector);
  await new Promise<void>((resolve) => collector.server.listen(0, "127.0.0.1", resolve));
  const { port } = collector.server.address() as AddressInfo;
  const told: AuditEvent[] = [];
  let nowMs = 1_000_000;
  const shipper: LogShipper = logShipper({
    url: "https://logs.example.com/ingest",
    fetch: async (_, init) => fetch(`http://127.0.0.1:${port}/`, init),
    headers: () => ({ authorization: "Bearer of the collector" }),
    report: (event) => void told.push(event),
    now: () => nowMs,
    ...(bufferBytes !== undefined && { bufferBytes }),
  });
  return { collector, shipper, told, pass: (ms: number) => void (nowMs += ms) };
}

const record = (count: number, critical = false): AuditRecord => ({
  time: "2026-11-26T10:00:00.000Z",
  ...auditEvent(critical ? "system/sys_control_failed/failed" : "authorization_failure/authz_fail/refused"),
  user_id: `u-${count}`,
});
const named = (events: readonly { readonly event: string }[]): readonly string[] => events.map(({ event }) => event);

describe("logShipper", () => {
  it("sends every event once and in order, in batches", async () => {
    const { collector, shipper, told } = await ground();
    for (let count = 0; count < 1200; count += 1) shipper.audit(record(count));
    expect(shipper.state()).toEqual({ waiting: 1200, lagMs: 0, lost: 0, failing: false });
    await shipper.flush();
    expect(collector.events().map(({ user_id }) => user_id)).toEqual(Array.from({ length: 1200 }, (_, n) => `u-${n}`));
    expect(collector.bodies).toHaveLength(3);
    expect(told).toEqual([]);
    await shipper.close();
  });

  it("keeps what a collector did not take, says so once, and sends it under the same key", async () => {
    const { collector, shipper, told, pass } = await ground();
    collector.answer = 503;
    shipper.audit(record(1));
    await expect(shipper.flush()).rejects.toThrow("The collector answered 503.");
    await expect(shipper.flush()).rejects.toThrow();
    pass(5000);
    expect(shipper.state()).toEqual({ waiting: 1, lagMs: 5000, lost: 0, failing: true });
    expect(named(told)).toEqual(["sys_log_shipping_failed"]);
    collector.answer = 200;
    await shipper.flush();
    expect(named(told)).toEqual(["sys_log_shipping_failed", "sys_log_shipping_resumed"]);
    expect(named(collector.events())).toEqual(["authz_fail"]);
    expect(new Set(collector.keys).size).toBe(1);
    await shipper.close();
  });

  it("drops the oldest that are not critical when it is full, and counts them exactly", async () => {
    const { collector, shipper, told } = await ground(1_000_000);
    collector.answer = 500;
    shipper.audit(record(-1, true));
    const sent = 12_000;
    for (let count = 0; count < sent; count += 1) shipper.audit(record(count));
    const { waiting, lost } = shipper.state();
    expect(lost).toBeGreaterThan(0);
    expect(waiting + lost).toBe(sent + 1);
    collector.answer = 200;
    await shipper.flush();
    const events = collector.events();
    expect(events[0]).toMatchObject({ event: "sys_control_failed" });
    expect(events.at(-1)).toMatchObject({ user_id: `u-${sent - 1}` });
    expect(events).toHaveLength(sent + 1 - lost);
    const counted = told.filter(({ event }) => event === "log_events_unshipped").map(({ count }) => count ?? 0);
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(lost);
    await shipper.close();
  });

  it("tries once more at the end, and counts what is left", async () => {
    const { collector, shipper, told } = await ground();
    collector.answer = 500;
    shipper.audit(record(1));
    await shipper.close();
    expect(told.at(-1)).toMatchObject({ event: "log_events_unshipped", severity: "critical", count: 1 });
    expect(shipper.state()).toMatchObject({ waiting: 0, lost: 1 });
  });

  it.each([
    { url: "http://logs.example.com" },
    { url: "https://u:p@logs.example.com" },
    { bufferBytes: 10 },
    { to: 1 },
  ])("refuses %o", (wrong) => {
    const options = { url: "https://logs.example.com", fetch: async () => ({ ok: true, status: 200 }), report() {} };
    expect(() => logShipper({ ...options, ...(wrong as object) })).toThrow(TypeError);
  });
});
