/** Writes chained lines into segment files, a batch at a time: in the file and on the disk, or not at all. */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { chainLines } from "./audit-log-line.ts";
import { segmentHeader, segmentName, type ChainState } from "./audit-log-segment.ts";
import type { Recovered } from "./audit-log-recovery.ts";

export interface AuditLogFile {
  /** The state after what is on the disk. */
  readonly state: () => ChainState;
  /**
   * Appends lines and waits for the disk. When it throws, nothing of them is in the log.
   *
   * @returns the number of the first
   */
  readonly write: (lines: readonly string[]) => Promise<number>;
  readonly close: () => Promise<void>;
}

interface Position {
  readonly file: FileHandle;
  readonly bytes: number;
}

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

  async function write(lines: readonly string[]): Promise<number> {
    // In the common case nothing is waited for before the disk has its work.
    const { file, bytes: before } = isReady() ? (position as Position) : await opened();
    if (dirty) await file.truncate(before);
    dirty = true;
    const header = before === 0 ? [segmentHeader(nowText(), state)] : [];
    const { bytes: chained, hashes } = chainLines([...header, ...lines], state.seq + 1, state.hash);
    const first = state.seq + 1 + header.length;
    const onDisk = writeAll(file, chained, before);
    // The tree grows while the disk works.
    const frontier = state.frontier.clone();
    for (const leaf of hashes) frontier.add(leaf);
    await onDisk;
    position = { file, bytes: before + chained.length };
    state = { seq: state.seq + hashes.length, hash: hashes.at(-1) ?? state.hash, frontier };
    dirty = false;
    return first;
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
