/** Writes chained lines into segment files, a group at a time: in the file and on the disk, or not at all. */
import { closeSync, fdatasyncSync, ftruncateSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { chainLines, mostBytes } from "./audit-log-line.ts";
import { auditLogPlace, type AuditLogPlaceOptions } from "./audit-log-place.ts";
import type { ChainState } from "./audit-log-segment.ts";

export interface AuditLogFile {
  /** The state after what is on the disk. */
  readonly state: () => ChainState;
  /**
   * Appends lines as one commit and waits for the disk. When it throws, nothing of them is in the log.
   *
   * @param lines at least one
   */
  readonly write: (lines: readonly string[]) => Promise<void>;
  /** The same before it returns, for a process that ends. Lines that are being written are given again, and are written once. */
  readonly writeNow: (lines: readonly string[]) => void;
  readonly close: () => Promise<void>;
}

interface Chained {
  readonly bytes: Buffer;
  /** They are on the disk. */
  readonly accept: () => void;
}

/** What a group of ordinary events needs; the room for an extraordinary one is given back. */
const MOST_KEPT_BYTES = 2 << 20;

export function auditLogFile(options: AuditLogPlaceOptions): AuditLogFile {
  let { state } = options.recovered;
  const place = auditLogPlace(options, () => state);
  /** One write at a time, so that they share it. */
  let buffer = Buffer.alloc(0);

  function room(needed: number): Buffer {
    if (needed <= buffer.length) return buffer;
    const larger = Buffer.allocUnsafeSlow(needed);
    if (needed <= MOST_KEPT_BYTES) buffer = larger;
    return larger;
  }

  function chain(lines: readonly string[], roomFor: (needed: number) => Buffer): Chained {
    const { seq, hash: previous, frontier } = state;
    const events = place.bytes() === 0 ? [place.header(), ...lines] : lines;
    const { bytes, hash } = chainLines(roomFor(mostBytes(events)), events, seq + 1, previous, frontier.size() + 1);
    return {
      bytes,
      accept() {
        frontier.add(hash);
        place.advance(bytes.length);
        state = { seq: seq + events.length, hash, frontier };
      },
    };
  }

  return {
    state: () => state,
    async write(lines) {
      const file = await place.opened();
      place.doubt();
      const { bytes, accept } = chain(lines, room);
      await writeAll(file, bytes, place.bytes());
      accept();
    },
    writeNow(lines) {
      const descriptor = place.openedNow();
      try {
        // A write that is under way puts the same bytes into the same place.
        const { bytes, accept } = chain(lines, (needed) => Buffer.allocUnsafeSlow(needed));
        writeAllNow(descriptor, bytes, place.bytes());
        accept();
      } finally {
        closeSync(descriptor);
      }
    },
    close: place.close,
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

function writeAllNow(descriptor: number, buffer: Buffer, start: number): void {
  ftruncateSync(descriptor, start);
  for (let done = 0; done < buffer.length;)
    done += writeSync(descriptor, buffer, done, buffer.length - done, start + done);
  fdatasyncSync(descriptor);
}
