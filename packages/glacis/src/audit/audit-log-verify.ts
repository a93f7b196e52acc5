/** Reads a log from its first line to its last and names the first event that is not as it was written (catalog audit-integrity). */
import { existsSync, readFileSync } from "node:fs";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { rejectUnknownOptions } from "../core/options.ts";
import { checkSigningKey, openCheckpoint, type Checkpoint } from "./audit-checkpoint.ts";
import { chainHash, readLine } from "./audit-log-line.ts";
import {
  beginning,
  CHECKPOINTS_FILE,
  linesOf,
  listSegments,
  stateBefore,
  type ChainState,
  type RawLine,
  type Segment,
} from "./audit-log-segment.ts";

export type AuditLogProblem =
  /** The event's bytes, its number or its hash are not what the chain says. */
  | "altered"
  /** Events before the next one are gone. */
  | "missing"
  /** An event stands where another should be. */
  | "out_of_order"
  /** The log ends before a checkpoint that somebody has signed. */
  | "truncated"
  /** The chain is whole, and another one than was signed. */
  | "rewritten"
  /** The last line has no end: a write was cut off. */
  | "torn"
  /** A checkpoint is not signed by the given key. */
  | "unsigned"
  /** In Postgres: an event is neither in the chain nor waiting for it. */
  | "unchained";

export interface AuditLogBreak {
  readonly problem: AuditLogProblem;
  /** The number of the first event that is concerned. */
  readonly seq: number;
  readonly file: string | undefined;
  /** Where the line begins in the file, in bytes. */
  readonly offset: number | undefined;
}

export interface AuditLogVerdict {
  readonly whole: boolean;
  readonly broken: AuditLogBreak | undefined;
  /** Events that were read and are as written. */
  readonly verified: number;
  /** The first number that was read: older segments may have been archived. */
  readonly from: number;
  readonly size: number;
  /** SHA-256, base64. */
  readonly root: string;
  /** Signed checkpoints that agree. */
  readonly checkpoints: number;
}

export interface VerifyAuditLogOptions {
  readonly directory: string;
  /** The name of the log in its checkpoints. */
  readonly origin: string;
  /** Without it signatures are not judged, and whoever writes the log can rewrite all of it. */
  readonly publicKey?: KeyObject;
  /** Notes that were kept out of the writer's reach. They count beside those in the directory. */
  readonly anchors?: readonly string[];
}

/**
 * Verifies a log in a directory. Memory does not grow with its size.
 *
 * @throws TypeError on an unknown option or another key than Ed25519; Error when the directory cannot be read
 * @example
 * const { whole, broken } = await verifyAuditLog({ directory: "/var/log/app", origin: "app.example.com/audit", publicKey });
 */
export async function verifyAuditLog(options: VerifyAuditLogOptions): Promise<AuditLogVerdict> {
  rejectUnknownOptions("verifyAuditLog", options, ["directory", "origin", "publicKey", "anchors"]);
  const { directory, origin, publicKey, anchors = [] } = options;
  if (publicKey !== undefined) checkSigningKey(publicKey, "public");
  const segments = listSegments(directory);
  const notes = [...ownNotes(directory), ...anchors];
  const opened = notes.map((note) => openCheckpoint(note, origin, publicKey));
  const walk = startWalk(opened.filter((one) => one !== undefined));
  let broken: AuditLogBreak | undefined;
  for (const [index, segment] of segments.entries()) {
    broken = await walkSegment(walk, segment, index === 0, index === segments.length - 1);
    if (broken !== undefined) break;
  }
  broken ??= judgeEnd(walk, opened);
  const { state, from, agreed } = walk;
  return {
    whole: broken === undefined,
    broken,
    verified: state.seq - from + 1,
    from,
    size: state.seq,
    root: state.frontier.root(),
    checkpoints: agreed,
  };
}

function ownNotes(directory: string): readonly string[] {
  const file = join(directory, CHECKPOINTS_FILE);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map(noteOf);
}

/** What is no note is refused as one later on. */
function noteOf(line: string): string {
  try {
    const { note } = JSON.parse(line) as { readonly note?: unknown };
    return typeof note === "string" ? note : "";
  } catch {
    return "";
  }
}

interface Walk {
  state: ChainState;
  from: number;
  agreed: number;
  /** Checkpoints that are still ahead, the nearest last. */
  readonly ahead: Checkpoint[];
  /** The last number under a checkpoint that agreed. */
  lastAgreed: number;
}

function startWalk(checkpoints: readonly Checkpoint[]): Walk {
  const ahead = checkpoints.toSorted((left, right) => right.size - left.size);
  return { state: beginning(), from: 1, agreed: 0, ahead, lastAgreed: 0 };
}

type Place = Pick<AuditLogBreak, "file" | "offset">;

async function walkSegment(
  walk: Walk,
  { path, name, first }: Segment,
  isFirst: boolean,
  isLast: boolean,
): Promise<AuditLogBreak | undefined> {
  let started = false;
  for await (const lines of linesOf(path)) {
    for (const line of lines) {
      const place = { file: name, offset: line.offset };
      if (!started && isFirst && first > 1) startLater(walk, line);
      started = true;
      const broken = walkLine(walk, line, place, isLast);
      if (broken !== undefined) return broken;
    }
  }
  return started || isLast ? undefined : { problem: "missing", seq: walk.state.seq + 1, file: name, offset: 0 };
}

/** Older segments are elsewhere: the first line says where the chain stood, and the next checkpoint says whether that is true. */
function startLater(walk: Walk, { bytes }: RawLine): void {
  const read = readLine(bytes);
  const before = read === undefined ? undefined : stateBefore(read.body);
  if (before === undefined) return;
  walk.state = before;
  walk.from = before.seq + 1;
  walk.lastAgreed = before.seq;
  while ((walk.ahead.at(-1)?.size ?? Infinity) < before.frontier.size()) walk.ahead.pop();
}

function walkLine(walk: Walk, { bytes, complete }: RawLine, place: Place, isLast: boolean): AuditLogBreak | undefined {
  const { state } = walk;
  const seq = state.seq + 1;
  const atSize = judgeCheckpoints(walk, place);
  if (atSize !== undefined) return atSize;
  if (!complete) return { problem: isLast ? "torn" : "altered", seq, ...place };
  const read = readLine(bytes);
  if (read === undefined) return { problem: "altered", seq, ...place };
  const hash = chainHash(state.hash, read.body);
  if (hash !== read.claimed || read.seq !== seq) {
    const problem = read.seq === seq ? "altered" : read.seq > seq ? "missing" : "out_of_order";
    return { problem, seq, ...place };
  }
  if (read.commit !== undefined) {
    if (read.commit !== state.frontier.size() + 1) return { problem: "altered", seq, ...place };
    state.frontier.add(hash);
  }
  walk.state = { seq, hash, frontier: state.frontier };
  return undefined;
}

/** Compares the root with what was signed for this size. */
function judgeCheckpoints(walk: Walk, place: Place): AuditLogBreak | undefined {
  const { state, ahead } = walk;
  while (ahead.at(-1)?.size === state.frontier.size()) {
    const checkpoint = ahead.pop() as Checkpoint;
    if (state.frontier.root() !== checkpoint.root) return { problem: "rewritten", seq: walk.lastAgreed + 1, ...place };
    walk.agreed += 1;
    walk.lastAgreed = state.seq;
  }
  return undefined;
}

function judgeEnd(walk: Walk, opened: readonly (Checkpoint | undefined)[]): AuditLogBreak | undefined {
  const nowhere = { file: undefined, offset: undefined };
  const atEnd = judgeCheckpoints(walk, nowhere);
  if (atEnd !== undefined) return atEnd;
  if (walk.ahead.length > 0) return { problem: "truncated", seq: walk.state.seq + 1, ...nowhere };
  return opened.includes(undefined) ? { problem: "unsigned", seq: walk.lastAgreed + 1, ...nowhere } : undefined;
}
