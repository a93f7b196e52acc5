/** The files of a log: each begins with a line that says what came before it, so that each can be read by itself. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { merkleFrontier, type MerkleFrontier } from "./merkle-frontier.ts";
import { FIRST_HASH, LONGEST_LINE_BYTES } from "./audit-log-line.ts";

/** How far a chain has come. */
export interface ChainState {
  readonly seq: number;
  readonly hash: string;
  /** Over the hashes that end the commits. */
  readonly frontier: MerkleFrontier;
}

export function beginning(): ChainState {
  return { seq: 0, hash: FIRST_HASH, frontier: merkleFrontier() };
}

export interface Segment {
  readonly path: string;
  readonly name: string;
  /** The number of its first line. */
  readonly first: number;
}

const HASH = /^[A-Za-z0-9_-]{43}$/u;
const NAME = /^audit-(\d{16})\.jsonl$/u;
export const CHECKPOINTS_FILE = "checkpoints.jsonl";

export function segmentName(first: number): string {
  return `audit-${String(first).padStart(16, "0")}.jsonl`;
}

/** In the order of their lines. */
export function listSegments(directory: string): readonly Segment[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const first = NAME.exec(name)?.[1];
      return first === undefined ? [] : [{ path: join(directory, name), name, first: Number(first) }];
    })
    .toSorted((left, right) => left.first - right.first);
}

/** The first line of a segment, before it is chained. */
export function segmentHeader(time: string, { seq, hash, frontier }: ChainState): string {
  return JSON.stringify({
    time,
    event_type: "audit_integrity",
    status: "observed",
    severity: "info",
    event: "audit_log_segment",
    after: seq,
    head: hash,
    commits: frontier.size(),
    frontier: frontier.export().join(" "),
  });
}

/** What a segment's first line says came before it; undefined when it says nothing that fits. */
export function stateBefore(body: Uint8Array): ChainState | undefined {
  try {
    const header = JSON.parse(`${Buffer.from(body).toString()}}`) as Readonly<Record<string, unknown>>;
    const { event, after, head, commits, frontier } = header;
    if (event !== "audit_log_segment" || !isCount(after) || !isCount(commits)) return undefined;
    if (typeof head !== "string" || typeof frontier !== "string") return undefined;
    const hashes = frontier === "" ? [] : frontier.split(" ");
    return HASH.test(head) ? { seq: after, hash: head, frontier: merkleFrontier(commits, hashes) } : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export interface RawLine {
  readonly bytes: Buffer;
  /** Where it begins in its file. */
  readonly offset: number;
  /** A line without a line break is the torn end of a file. */
  readonly complete: boolean;
}

/** A moment of work: a log of any size is read beside requests that do not wait for it. */
const CHUNK_BYTES = 1 << 16;
const LINE_BREAK = 0x0a;

/** The lines of a file, a chunk at a time: memory does not grow with the file. A line that is too long is handed over cut, and is the last. */
export async function* linesOf(path: string): AsyncGenerator<readonly RawLine[]> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LINE_BREAK); end !== -1; end = bytes.indexOf(LINE_BREAK, start)) {
      lines.push({ bytes: bytes.subarray(start, end), offset: offset + start, complete: true });
      start = end + 1;
    }
    rest = bytes.subarray(start);
    offset += start;
    if (lines.length > 0) yield lines;
    if (rest.length > LONGEST_LINE_BYTES) break;
  }
  if (rest.length > 0) yield [{ bytes: rest, offset, complete: false }];
}
