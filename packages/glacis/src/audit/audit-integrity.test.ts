import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { fileAnchor } from "./audit-anchor.ts";
import type { AuditEvent } from "../core/event.ts";
import { auditChain } from "./audit-chain.ts";
import { auditIntegrity, integrityEvent } from "./audit-integrity.ts";
import { openAuditLog, type AuditLogOptions } from "./audit-log.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "v22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};
const rules = (more?: Partial<AuditLogOptions>): readonly string[] =>
  auditIntegrity(more && { options: { directory: "/x", origin: "x", ...more } })
    .check(production)
    .map(({ rule }) => rule.id);

describe("auditChain", () => {
  it("says once that the log cannot be read, however often it tries", async () => {
    const directory = mkdtempSync(join(tmpdir(), "audit-chain-"));
    const log = await openAuditLog({ directory, origin: "test" });
    const told: AuditEvent[] = [];
    const chain = auditChain({ log, report: (event) => void told.push(event), verifySeconds: 0.02 });
    rmSync(directory, { recursive: true });
    chain.start();
    await expect.poll(() => told.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await chain.stop();
    await log.close().catch(() => undefined);
    expect(told).toMatchObject([{ event: "audit_log_unreadable", severity: "error" }]);
  });
});

describe("auditIntegrity", () => {
  it("asks for a log, then for a key, then for an anchor", () => {
    const signingKey = generateKeyPairSync("ed25519").privateKey;
    expect(rules()).toEqual(["audit-integrity/no-log"]);
    expect(rules({})).toEqual(["audit-integrity/no-signing-key"]);
    expect(rules({ signingKey })).toEqual(["audit-integrity/no-anchor"]);
    expect(rules({ signingKey, anchors: [fileAnchor("/mnt/worm/x")] })).toEqual([]);
  });

  it("says nothing outside production", () => {
    expect(auditIntegrity().check({ ...production, mode: "development" })).toEqual([]);
  });

  it("makes an event of a broken log, and none of a whole one", () => {
    const broken = { problem: "altered", seq: 7, file: "audit-1.jsonl", offset: 0 } as const;
    expect(integrityEvent({ broken })).toMatchObject({
      event_type: "audit_integrity",
      status: "failed",
      detail: "altered",
      count: 7,
    });
    expect(integrityEvent({ broken: undefined })).toBeUndefined();
  });
});
