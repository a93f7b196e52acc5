import { generateKeyPairSync } from "node:crypto";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { mailAction, type AlarmMail } from "../audit/alarm-action.ts";
import { ALARM_MIGRATION } from "../audit/alarm-store-postgres.ts";
import { memoryAlarms } from "../audit/alarm-store.ts";
import { fileAnchor } from "../audit/audit-anchor.ts";
import { auditLogMigration, postgresAuditLog } from "../audit/audit-log-postgres.ts";
import { openAuditLog } from "../audit/audit-log.ts";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent, AuditRecord } from "../core/event.ts";
import type { Wire } from "../core/wire.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { saas } from "./saas.ts";
import type { SaasOptions } from "./saas-options.ts";

const { privateKey } = generateKeyPairSync("ed25519");
const origin = "https://app.example.com";
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "glacis-watch-"));
  folders.push(made);
  return made;
}

function compose(options: Partial<SaasOptions>) {
  const records: AuditRecord[] = [];
  const audit = (record: AuditRecord): void => void records.push(record);
  const layers = saas({ origin, mode: "test", keys: keyRing(newKey("k1")), audit, ...options });
  return { layers, security: glacis(layers), records };
}

const failedSignIn: AuditEvent = {
  event_type: "authentication",
  status: "failed",
  severity: "warning",
  event: "authn_login_fail",
};

const production: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: ["--disable-proto=delete"],
  nowMs: Date.parse("2026-11-26"),
};
const WATCHING = /^(?:audit-integrity|security-alerting|intrusion-detection)\//u;

describe("saas({ auditLog, alarms, detection })", () => {
  it("leaves nothing to find about what watches, once each has its value", async () => {
    const directory = await folder();
    const auditLog = await openAuditLog({
      directory,
      origin: "app.example.com/audit",
      signingKey: privateKey,
      anchors: [fileAnchor(join(directory, "anchor"))],
    });
    const { layers, security } = compose({
      auditLog,
      database: { query: async () => ({ rows: [] }) },
      alarms: { actions: [mailAction({ to: ["security@example.com"], sendMail: () => undefined })] },
      detection: { honeyCredentials: ["a bait of 16 characters or more"], response: "throttle" },
    });
    const found = security.check(production).map(({ rule }) => rule.id);
    expect(found.filter((id) => WATCHING.test(id))).toEqual([]);
    await layers.watch.close();
  });

  it("says what each of them lacks", async () => {
    const auditLog = await openAuditLog({ directory: await folder(), origin: "app.example.com/audit" });
    const { layers, security } = compose({ auditLog, alarms: {} });
    const found = security.check(production).map(({ rule }) => rule.id);
    expect(found.filter((id) => WATCHING.test(id))).toEqual([
      "audit-integrity/no-signing-key",
      "security-alerting/no-destination",
      "security-alerting/memory-store",
      "intrusion-detection/no-honey-credential",
      "intrusion-detection/response-observes",
    ]);
    await layers.watch.close();
    expect(() => compose({ alarms: { action: [] } as never })).toThrow(/Did you mean "actions"/u);
    expect(() => compose({ detection: { honeyRoute: [] } as never })).toThrow(/Did you mean "honeyRoutes"/u);
  });

  it("chains, counts and rings without being started, and tells of the alarm in the log too", async () => {
    const directory = await folder();
    const mails: AlarmMail[] = [];
    let nowMs = Date.parse("2026-11-26T10:00:10Z");
    const { layers, security, records } = compose({
      auditLog: await openAuditLog({ directory, origin: "app.example.com/audit", signingKey: privateKey }),
      alarms: {
        now: () => nowMs,
        actions: [mailAction({ to: ["security@example.com"], sendMail: (mail) => void mails.push(mail) })],
      },
    });
    for (let count = 0; count < 10; count += 1) security.report(failedSignIn);
    await layers.watch.alarms?.tick();
    nowMs += 60_000;
    await layers.watch.alarms?.tick();
    expect(mails.map(({ subject }) => subject)).toEqual(["[ALARM] HighFailedLogins"]);
    expect(records.map(({ event }) => event)).toContain("sys_alarm_raised");
    expect(layers.watch.chain?.state()).toBeUndefined();
    const state = await layers.watch.chain?.verify();
    expect(state).toMatchObject({ intact: true, entries: records.length + 1, checkpoints: 0 });
    await layers.watch.close();
    const lines = (await readFile(join(directory, await segmentIn(directory)), "utf8")).trimEnd().split("\n");
    expect(lines.filter((line) => line.includes('"authn_login_fail"'))).toHaveLength(10);
    expect(lines.filter((line) => line.includes('"sys_alarm_raised"'))).toHaveLength(1);
  });

  it("names the first altered entry, and rings for it", async () => {
    const directory = await folder();
    const { layers, security, records } = compose({
      auditLog: await openAuditLog({ directory, origin: "app.example.com/audit", signingKey: privateKey }),
      alarms: {},
    });
    for (let count = 0; count < 5; count += 1) security.report(failedSignIn);
    await layers.watch.chain?.verify();
    const segment = join(directory, await segmentIn(directory));
    const text = await readFile(segment, "utf8");
    await writeFile(segment, text.replace("authn_login_fail", "authn_login_pass"));
    const state = await layers.watch.chain?.verify();
    expect(state?.intact).toBe(false);
    expect(state?.fault).toMatch(/^altered at entry [1-5]$/u);
    expect(layers.watch.chain?.state()).toEqual(state);
    expect(records.at(-1)).toMatchObject({ event: "audit_log_altered", severity: "critical", status: "failed" });
    await layers.watch.close();
  });

  it("takes a half-written line for what it is while the log is written", async () => {
    const directory = await folder();
    const auditLog = await openAuditLog({ directory, origin: "app.example.com/audit", signingKey: privateKey });
    const { layers, security, records } = compose({ auditLog });
    security.report(failedSignIn);
    await auditLog.checkpoint();
    const notes = join(directory, (await readdir(directory)).find((name) => name.includes("checkpoint")) ?? "");
    const whole = await readFile(notes);
    await appendFile(notes, '{"note":"app.exam');
    setTimeout(() => void writeFile(notes, whole), 30);
    expect(await layers.watch.chain?.verify()).toMatchObject({ intact: true, checkpoints: 1 });
    expect(records.map(({ event }) => event)).not.toContain("audit_log_altered");
    await layers.watch.close();
  });

  it("detects without any option, and answers bait as it answers what is not there", async () => {
    const { security, records } = compose({});
    const wire: Wire = {
      method: "GET",
      target: "/.env",
      httpVersion: "1.1",
      rawHeaders: ["Host", "app.example.com"],
      peerAddress: "192.0.2.1",
      encrypted: true,
    };
    expect(await security.open(security.begin(wire))).toMatchObject({ kind: "respond", status: 404 });
    expect(records.map(({ event }) => event)).toEqual(["malicious_honey_route"]);
    for (let index = 0; index < 20; index += 1)
      security.report({ ...withheld, resource_id: `row-${index}`, user_id: "user-7" });
    expect(records.at(-1)).toMatchObject({ event: "malicious_direct_reference", user_id: "user-7" });
  });

  it("says of what a control reports by itself in which request it happened, and of its own timers that it was in none", async () => {
    const { layers, security, records } = compose({ alarms: { heartbeatSeconds: 60 } });
    const exchange = security.begin({
      method: "POST",
      target: "/preview",
      httpVersion: "1.1",
      rawHeaders: ["Host", "app.example.com"],
      peerAddress: "192.0.2.1",
      encrypted: true,
    });
    await runInRequest(exchange, async () => {
      await expect(layers.outbound.fetch("https://api.example.net/")).rejects.toThrow(/not on the list/u);
    });
    const about = { request_id: exchange.requestId, ip_address: "192.0.2.1", method: "POST" };
    const beats = records.filter(({ event }) => event === "sys_heartbeat");
    expect(records.filter((record) => !beats.includes(record))).toMatchObject([{ event: "egress.blocked", ...about }]);
    expect(beats.map(({ request_id: id }) => id)).toEqual([undefined]);
    await layers.watch.close();
  });

  it("hands a request back at once, however slow or dead what listens is", async () => {
    const never = new Promise<void>(() => undefined);
    const { layers, security, records } = compose({
      auditLog: postgresAuditLog({ database: { query: async () => never as never }, origin: "app.example.com/audit" }),
      alarms: {
        store: { ...memoryAlarms(), add: () => never, lease: () => Promise.reject(new Error("down")) },
        actions: [{ name: "slow", leaves: true, notify: () => never }],
      },
    });
    const began = performance.now();
    for (let count = 0; count < 1000; count += 1) security.report(failedSignIn);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(records.filter(({ event }) => event === "authn_login_fail")).toHaveLength(1000);
    expect(layers.watch.alarms).toBeDefined();
  });
});

const withheld: AuditEvent = {
  event_type: "data_access",
  status: "failed",
  severity: "info",
  event: "data_not_found",
  resource_type: "document",
};

async function segmentIn(directory: string): Promise<string> {
  const names = await readdir(directory);
  return names.find((name) => name.endsWith(".jsonl") && !name.includes("checkpoint")) ?? "";
}

const database = await testDatabase("watch");
describe.skipIf(database === undefined)("on Postgres", () => {
  it("keeps counts, states and the chain where every process finds them", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(ALARM_MIGRATION);
    await pool.query(auditLogMigration("postgres"));
    let nowMs = Date.parse("2026-11-26T10:00:10Z");
    const processes = [1, 2].map(() =>
      compose({
        database: pool,
        auditLog: postgresAuditLog({ database: pool, origin: "app.example.com/audit", signingKey: privateKey }),
        alarms: { now: () => nowMs },
      }),
    );
    for (const { security } of processes)
      for (let count = 0; count < 5; count += 1) security.report({ ...failedSignIn, tenant_id: `t${count}` });
    const tick = async (): Promise<readonly string[]> => {
      const changes = [];
      for (const { layers } of processes) changes.push(...((await layers.watch.alarms?.tick()) ?? []));
      return changes.map(({ alarm }) => alarm);
    };
    // The first of these joins the one that the first event began.
    expect([...(await tick()), ...(await tick())]).toEqual([]);
    nowMs += 75_000;
    expect(await tick()).toEqual(["HighFailedLogins"]);
    for (const { layers } of processes) await layers.watch.close();
    const states = await processes[1]?.layers.watch.alarms?.status();
    expect(states?.filter(({ state }) => state === "ALARM").map(({ alarm }) => alarm)).toEqual(["HighFailedLogins"]);
    const kept = processes.flatMap(({ records }) => records).length;
    expect(await processes[0]?.layers.watch.chain?.verify()).toMatchObject({ intact: true, entries: kept });
    const { rows } = await pool.query("select distinct tenant_id from glacis_audit_events where tenant_id is not null");
    expect(rows).toHaveLength(5);
    await database.drop();
  });
});
