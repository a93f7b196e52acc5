/** Reads what the judging commands printed as JSON: the only thing that a report is made of. */
import { isTable } from "../parsed-document.ts";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Severity, Waiver } from "glacis";
import { CannotCheck } from "../outcome.ts";
import { SEVERITIES } from "../report.ts";

const MOST_BYTES = 20_000_000;

/** A finding as it was printed. */
export interface EvidenceFinding {
  readonly id: string;
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  readonly at: unknown;
  readonly detail?: string;
  readonly waiver?: Waiver;
}

/** A control that was asked, as it was printed. */
export interface EvidenceControl {
  readonly id: string;
  readonly title: string;
  readonly layer: string;
  readonly guide: readonly string[];
  readonly owasp2021: readonly string[];
  readonly owasp2025: readonly string[];
  readonly asvs: readonly string[];
  readonly cwe: readonly string[];
}

/** One document of one command. */
export interface Evidence {
  readonly file: string;
  /** Of the bytes that were read: whoever holds the file can show that it is this one. */
  readonly sha256: string;
  /** Such as `check`. */
  readonly command: string;
  readonly timeMs: number;
  readonly findings: readonly EvidenceFinding[];
  readonly waived: readonly EvidenceFinding[];
  readonly controls: readonly EvidenceControl[];
}

/**
 * Reads a document.
 *
 * @throws CannotCheck for a file that cannot be read, is no document of these commands, or is larger than 20 MB
 */
export async function readEvidence(path: string): Promise<Evidence> {
  const bytes = await readBounded(path);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw notEvidence(path);
  }
  if (!isDocument(value)) throw notEvidence(path);
  const timeMs = Date.parse(value.time);
  if (Number.isNaN(timeMs)) throw notEvidence(path);
  const { command, findings, waived, controls } = value;
  return {
    file: path,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    command,
    timeMs,
    findings,
    waived,
    controls,
  };
}

async function readBounded(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch(() => {
    throw notEvidence(path);
  });
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES) throw notEvidence(path);
    return await file.readFile();
  } catch (error) {
    throw error instanceof CannotCheck ? error : notEvidence(path);
  } finally {
    await file.close();
  }
}

type Document = Pick<Evidence, "command" | "findings" | "waived" | "controls"> & { readonly time: string };

function isDocument(value: unknown): value is Document {
  if (!isTable(value)) return false;
  const { format, command, time, findings, waived, controls } = value;
  return (
    format === 1 &&
    typeof command === "string" &&
    typeof time === "string" &&
    [findings, waived].every((list) => Array.isArray(list) && list.every(isFinding)) &&
    Array.isArray(controls) &&
    controls.every(isControl)
  );
}

function isFinding(value: unknown): boolean {
  if (!isTable(value)) return false;
  const { id, severity, what, why, fix } = value;
  return (
    typeof id === "string" &&
    SEVERITIES.some((known) => known === severity) &&
    [what, why, fix].every((text) => typeof text === "string")
  );
}

function isControl(value: unknown): boolean {
  if (!isTable(value)) return false;
  const { id, title, layer, guide, owasp2021, owasp2025, asvs, cwe } = value;
  return (
    [id, title, layer].every((text) => typeof text === "string") &&
    [guide, owasp2021, owasp2025, asvs, cwe].every(
      (list) => Array.isArray(list) && list.every((text) => typeof text === "string"),
    )
  );
}

function notEvidence(path: string): CannotCheck {
  return new CannotCheck(
    `${path} is no evidence: no JSON document of glacis check, probe, audit or scan.`,
    "a report that leaves out what it cannot read would say more than is known.",
    "print one with --format json, such as glacis check --deploy --format json > check.json.",
  );
}
