import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { fileAnchor } from "./audit-anchor.ts";
import type { AuditEvent } from "../core/event.ts";
import { auditChain } from "./audit-chain.ts";
import { signCheckpoint } from "./audit-checkpoint.ts";
import { auditIntegrity, integrityEvent } from "./audit-integrity.ts";
import { chainHash, FIRST_HASH } from "./audit-log-line.ts";
import { segmentName } from "./audit-log-segment.ts";
import { verifyAuditLog, type AuditLogBreak } from "./audit-log-verify.ts";
import { openAuditLog, type AuditLogOptions } from "./audit-log.ts";
import { merkleFrontier } from "./merkle-frontier.ts";

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

/** Whoever writes the file can compute every hash anew, so the numbers have to be right as well. */
describe("a log whose writer computes the hashes anew", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const origin = "test/forged";

  /** A line for each pair of a number and a commit, a file for each list, and a note for each size at which the root is the first's. */
  async function judge(
    files: readonly (readonly (readonly [seq: number, commit: number])[])[],
    noteOf: (size: number, root: string) => string | undefined = () => undefined,
  ): Promise<AuditLogBreak | undefined> {
    const directory = mkdtempSync(join(tmpdir(), "audit-forged-"));
    const frontier = merkleFrontier();
    const anchors: string[] = [];
    let previous = FIRST_HASH;
    for (const [index, lines] of files.entries()) {
      let text = "";
      for (const [seq, commit] of lines) {
        const body = `{"event":"x","seq":${seq},"commit":${commit}`;
        previous = chainHash(previous, body);
        text += `${body},"hash":"${previous}"}\n`;
        frontier.add(previous);
        const root = noteOf(frontier.size(), frontier.root());
        if (root !== undefined) anchors.push(signCheckpoint({ origin, size: frontier.size(), root }, privateKey));
      }
      writeFileSync(join(directory, segmentName(index + 1)), text);
    }
    const { broken } = await verifyAuditLog({ directory, origin, publicKey, anchors });
    rmSync(directory, { recursive: true });
    return broken;
  }

  it.each([
    [
      "nothing",
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      undefined,
    ],
    [
      "a number that is left out",
      [
        [1, 1],
        [3, 2],
      ],
      { problem: "missing", seq: 2 },
    ],
    [
      "a number that comes again",
      [
        [1, 1],
        [1, 2],
      ],
      { problem: "out_of_order", seq: 2 },
    ],
    [
      "a commit that is left out",
      [
        [1, 1],
        [2, 3],
      ],
      { problem: "altered", seq: 2 },
    ],
    [
      "a commit that comes again",
      [
        [1, 1],
        [2, 1],
      ],
      { problem: "altered", seq: 2 },
    ],
  ] as const)("is found by its numbers: %s", async (_, lines, expected) => {
    const broken = await judge([lines]);
    if (expected === undefined) expect(broken).toBeUndefined();
    else expect(broken).toMatchObject(expected);
  });

  it("has lost what stood in a file that is empty, unless it is the last", async () => {
    expect(await judge([[[1, 1]], [], [[2, 2]]])).toMatchObject({ problem: "missing", seq: 2 });
    expect(await judge([[[1, 1]], [[2, 2]], []])).toBeUndefined();
  });

  it("is whole up to the last note that agrees, and judged from there on", async () => {
    const other = Buffer.alloc(32).toString("base64");
    const lines = [1, 2, 3, 4].map((number) => [number, number] as const);
    expect(await judge([lines], (_, root) => root)).toBeUndefined();
    const broken = await judge([lines], (size, root) => (size === 3 ? other : size === 2 ? root : undefined));
    expect(broken).toMatchObject({ problem: "rewritten", seq: 3 });
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
