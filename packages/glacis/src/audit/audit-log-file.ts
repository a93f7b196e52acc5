/** Writes chained lines into segment files, a batch at a time: in the file and on the disk, or not at all. */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { chainLines, mostBytes } from "./audit-log-line.ts";
import { segmentHeader, segmentName, type ChainState } from "./audit-log-segment.ts";
import type { Recovered } from "./audit-log-recovery.ts";

export interface AuditLogFile {
  /** The state after what is on the disk. */
  readonly state: () => ChainState;
  /**
   * Appends lines as one commit and waits for the disk. When it throws, nothing of them is in the log.
   *
   * @param lines at least one
   */
  readonly write: (lines: readonly string[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Position {
  readonly file: FileHandle;
  readonly bytes: number;
}

/** What a batch of ordinary events needs; the room for an extraordinary one is given back. */
const MOST_KEPT_BYTES = 2 << 20;

export function auditLogFile(
  directory: string,
  { state: recovered, segment, bytes }: Recovered,
  segmentBytes: number,
  nowText: () => string,
): AuditLogFile {
  let state = recovered;
  let position: Position | undefined;
  /** A failed write may have left bytes behind; they go before the next one. */
  let dirty = false;
  /** One write at a time, so that they share it. */
  let buffer = Buffer.alloc(0);

  const isReady = (): boolean => position !== undefined && position.bytes < segmentBytes;

  async function opened(): Promise<Position> {
    if (position === undefined && segment !== undefined && bytes > 0)
      position = { file: await open(segment.path, "r+"), bytes };
    if (position !== undefined && isReady()) return position;
    const file = await open(join(directory, segmentName(state.seq + 1)), "w", 0o600);
    await syncDirectory(directory);
    await position?.file.close();
    return (position = { file, bytes: 0 });
  }

  function room(events: readonly string[]): Buffer {
    const needed = mostBytes(events);
    if (needed <= buffer.length) return buffer;
    const larger = Buffer.allocUnsafeSlow(needed);
    if (needed <= MOST_KEPT_BYTES) buffer = larger;
    return larger;
  }

  async function write(lines: readonly string[]): Promise<void> {
    // In the common case nothing is waited for before the disk has its work.
    const { file, bytes: before } = isReady() ? (position as Position) : await opened();
    if (dirty) await file.truncate(before);
    dirty = true;
    const { seq, hash: previous, frontier } = state;
    const events = before === 0 ? [segmentHeader(nowText(), state), ...lines] : lines;
    const { bytes: chained, hash } = chainLines(room(events), events, seq + 1, previous, frontier.size() + 1);
    await writeAll(file, chained, before);
    frontier.add(hash);
    position = { file, bytes: before + chained.length };
    state = { seq: seq + events.length, hash, frontier };
    dirty = false;
  }

  return {
    state: () => state,
    write,
    async close() {
      if (dirty) await position?.file.truncate(position.bytes).catch(() => undefined);
      await position?.file.close();
    },
  };
}

async function writeAll(file: FileHandle, buffer: Buffer, start: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const { bytesWritten } = await file.write(buffer, done, buffer.length - done, start + done);
    if (bytesWritten === 0) throw new Error("The disk took nothing.");
    done += bytesWritten;
  }
  await file.datasync();
}

/** A file is there after a power cut when its directory says so. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
