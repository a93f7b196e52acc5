/** Finds the end of a log after a crash: a write that was cut off is taken back, anything else is not touched. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuditLogError } from "./audit-log-error.ts";
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

export interface Recovered {
  readonly state: ChainState;
  /** The segment to go on with, and how long it is; undefined in an empty directory. */
  readonly segment: Segment | undefined;
  readonly bytes: number;
  /** A crash cut the last commit off. */
  readonly isCut: boolean;
  /** How many bytes of an unfinished line were taken away. */
  readonly tornBytes: number;
}

/**
 * Reads the last segment. What was cut off is kept beside it with the ending `.torn`.
 *
 * @throws AuditLogError when a whole line does not fit the chain, or the log ends before its own last checkpoint
 */
export async function recoverAuditLog(directory: string): Promise<Recovered> {
  const recovered = await recoverLast(listSegments(directory));
  const { state } = recovered;
  const signed = lastCheckpointSize(directory);
  const size = state.frontier.size();
  if (signed > size) {
    throw new AuditLogError(
      "truncated",
      `The audit log in ${directory} ends at commit ${size} and a checkpoint was signed at commit ${signed}. Run glacis audit-log verify.`,
    );
  }
  return recovered;
}

async function recoverLast(segments: readonly Segment[]): Promise<Recovered> {
  const segment = segments.at(-1);
  if (segment === undefined) return { state: beginning(), segment: undefined, bytes: 0, isCut: false, tornBytes: 0 };
  let state: ChainState | undefined;
  let bytes = 0;
  let last: RawLine | undefined;
  let torn: RawLine | undefined;
  for await (const lines of linesOf(segment.path)) {
    for (const line of lines) {
      if (!line.complete) torn = line;
      else {
        state = advance(state, line, segment);
        bytes = line.offset + line.bytes.length + 1;
        last = line;
      }
    }
  }
  const tornBytes = torn === undefined ? 0 : torn.bytes.length;
  if (torn !== undefined) {
    writeFileSync(`${segment.path}.torn`, torn.bytes, { flag: "a", mode: 0o600 });
    truncateSync(segment.path, bytes);
  }
  const isCut = torn !== undefined || (last !== undefined && readLine(last.bytes)?.commit === undefined);
  if (state !== undefined) return { state, segment, bytes, isCut, tornBytes };
  // Nothing of the segment's first line was written: the one before is the last.
  rmSync(segment.path);
  const before = await recoverLast(segments.slice(0, -1));
  return { ...before, isCut: before.isCut || isCut, tornBytes: before.tornBytes + tornBytes };
}

function advance(state: ChainState | undefined, { bytes }: RawLine, { name, first }: Segment): ChainState {
  const read = readLine(bytes);
  const before = state ?? (read === undefined ? undefined : stateBefore(read.body));
  const seq = (before?.seq ?? first - 1) + 1;
  const hash = before === undefined || read === undefined ? undefined : chainHash(before.hash, read.body);
  const commit = before === undefined ? undefined : before.frontier.size() + 1;
  const isNumbered = read?.seq === seq && (read.commit === undefined || read.commit === commit);
  const fits = isNumbered && hash === read.claimed && (state !== undefined || seq === first);
  if (!fits || before === undefined || hash === undefined)
    throw new AuditLogError(
      "altered",
      `Event ${seq} in ${name} is not as it was written. Run glacis audit-log verify, and begin another directory.`,
    );
  if (read.commit !== undefined) before.frontier.add(hash);
  return { seq, hash, frontier: before.frontier };
}

/** The size of the last whole checkpoint; signatures are for the verifier. */
function lastCheckpointSize(directory: string): number {
  const file = join(directory, CHECKPOINTS_FILE);
  if (!existsSync(file)) return 0;
  const text = readFileSync(file, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  const line = whole.trimEnd().split("\n").at(-1) ?? "";
  const size = /^\{"note":"[^"\\]*\\n(\d{1,16})\\n/u.exec(line)?.[1];
  return size === undefined ? 0 : Number(size);
}
