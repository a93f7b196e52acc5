import { describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { awsBackups } from "./aws-description.ts";
import { backupEncryption, type BackupFacts } from "./backup-encryption.ts";

const nowMs = Date.parse("2026-11-26T12:00:00Z");
const hour = 3_600_000;
const good: BackupFacts = {
  name: "main",
  encrypted: true,
  sharedWith: [],
  newestAtMs: nowMs - 20 * hour,
  keptDays: 35,
  elsewhere: true,
  immutable: true,
  lastRestoreAtMs: nowMs - 80 * 24 * hour,
};

const found = (change: Partial<BackupFacts>, mayLoseHours = 24): readonly string[] =>
  backupEncryption({ backups: [{ ...good, ...change }], mayLoseHours })
    .check({ ...currentDeployment("production"), nowMs })
    .map(({ rule, detail }) => `${rule.id.split("/")[1] ?? ""}${detail === undefined ? "" : ` ${detail}`}`);

describe("backupEncryption", () => {
  it("finds nothing where all is known and well", () => {
    expect(found({})).toEqual([]);
  });

  it.each<readonly [Partial<BackupFacts>, string]>([
    [{ encrypted: false }, "plaintext"],
    [{ sharedWith: ["everybody"] }, "shared everybody"],
    [{ newestAtMs: nowMs - 27 * hour }, "stale"],
    [{ keptDays: 7 }, "short 7 days"],
    [{ elsewhere: false }, "near"],
    [{ immutable: false }, "near"],
    [{ lastRestoreAtMs: nowMs - 91 * 24 * hour }, "untested"],
  ])("finds %j", (change, expected) => {
    expect(found(change)).toEqual([expected]);
  });

  it("calls unknown what is unknown, and a restore without a day never", () => {
    const only = { backups: [{ name: "main" }] };
    const findings = backupEncryption(only).check({ ...currentDeployment("production"), nowMs });
    expect(findings.map(({ rule }) => rule.id)).toEqual([
      "backup-encryption/untested",
      "backup-encryption/not-verified",
    ]);
    expect(findings[1]?.detail).toBe("encrypted, sharedWith, newestAtMs, keptDays, elsewhere, immutable");
    expect(backupEncryption({ backups: [] }).check(currentDeployment("production"))).toHaveLength(1);
  });

  it("counts by what may be lost", () => {
    expect(found({ newestAtMs: nowMs - 4 * hour }, 1)).toEqual(["stale"]);
    expect(() => backupEncryption({ backups: [], mayLoseHours: 0 })).toThrow(/above zero/u);
  });
});

describe("awsBackups", () => {
  it("reads the newest of each source, encrypted only if all of them are", () => {
    const description = {
      DBSnapshots: [
        { DBInstanceIdentifier: "main", Encrypted: true, SnapshotCreateTime: "2026-11-25T01:00:00Z" },
        { DBInstanceIdentifier: "main", Encrypted: false, SnapshotCreateTime: new Date("2026-11-20T01:00:00Z") },
        { DBInstanceIdentifier: "other", Encrypted: true, SnapshotCreateTime: "2026-11-26T01:00:00Z" },
      ],
    };
    expect(awsBackups(description)).toEqual([
      { name: "main", encrypted: false, newestAtMs: Date.parse("2026-11-25T01:00:00Z") },
      { name: "other", encrypted: true, newestAtMs: Date.parse("2026-11-26T01:00:00Z") },
    ]);
    expect(
      awsBackups({ Snapshots: [{ VolumeId: "v", Encrypted: true, StartTime: "2026-11-26T00:00:00Z" }] }),
    ).toHaveLength(1);
    expect(() => awsBackups({ Volumes: [] })).toThrow(TypeError);
  });
});
