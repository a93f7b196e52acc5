/** Where the next line of a log goes: the file, as this process left it. */
import { openSync, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEvent } from "../core/event.ts";
import type { Recovered } from "./audit-log-recovery.ts";
import { segmentHeader, segmentName, type ChainState } from "./audit-log-segment.ts";

export interface AuditLogPlace {
  readonly bytes: () => number;
  /** The first line of a file that has none. */
  readonly header: () => string;
  /**
   * The file under its name, with what has been written and nothing else. Once somebody has moved, removed, shortened, lengthened or replaced it, that
   * is told, and the next file begins: what is confirmed from then on is where it will be looked for.
   */
  readonly opened: () => Promise<FileHandle>;
  /** The same for a process that ends, without a look at what it finds. */
  readonly openedNow: () => number;
  /** A write begins, and may leave bytes behind: unless it advances, they go before the next one. */
  readonly doubt: () => void;
  readonly advance: (bytes: number) => void;
  readonly close: () => Promise<void>;
}

export interface AuditLogPlaceOptions {
  readonly directory: string;
  readonly recovered: Recovered;
  readonly segmentBytes: number;
  readonly nowText: () => string;
  readonly report: (event: AuditEvent) => void;
}

interface Place {
  readonly path: string;
  readonly bytes: number;
  /** The number of the file's first line. */
  readonly first: number;
  readonly header: string;
}

export function auditLogPlace(
  { directory, recovered, segmentBytes, nowText, report }: AuditLogPlaceOptions,
  stateOf: () => ChainState,
): AuditLogPlace {
  const { segment, bytes } = recovered;
  let place = segment === undefined ? newPlace() : { path: segment.path, bytes, first: segment.first, header: "" };
  let file: FileHandle | undefined;
  let identity: string | undefined;
  let isInDoubt = false;

  function newPlace(): Place {
    const state = stateOf();
    const first = state.seq + 1;
    return { path: join(directory, segmentName(first)), bytes: 0, first, header: segmentHeader(nowText(), state) };
  }

  async function shut(): Promise<void> {
    const before = file;
    file = undefined;
    // A descriptor that somebody else has closed is closed.
    await before?.close().catch(() => undefined);
  }

  async function isAsLeft(): Promise<boolean> {
    const there = await statOf(place.path);
    if (there === undefined || (identity !== undefined && identity !== identityOf(there))) return false;
    return isInDoubt ? there.size >= place.bytes : there.size === place.bytes;
  }

  async function opened(): Promise<FileHandle> {
    if (isInDoubt) await shut();
    const isFull = place.bytes >= segmentBytes;
    const isKept = place.bytes > 0 && (await isAsLeft());
    if (file !== undefined && isKept && !isFull) return file;
    if (isKept && (isInDoubt || !isFull)) {
      file = await open(place.path, "r+");
      await file.truncate(place.bytes);
    } else {
      if (place.bytes > 0 && !isKept) report({ ...ALTERED, count: place.first });
      await shut();
      place = newPlace();
      file = await open(place.path, "w", 0o600);
      await syncDirectory(directory);
    }
    identity = identityOf(await file.stat());
    return file;
  }

  return {
    bytes: () => place.bytes,
    header: () => place.header,
    async opened() {
      try {
        return await opened();
      } catch (error) {
        isInDoubt = true;
        throw error;
      }
    },
    openedNow() {
      if (place.bytes >= segmentBytes) place = newPlace();
      return openSync(place.path, place.bytes === 0 ? "w" : "r+", 0o600);
    },
    doubt() {
      isInDoubt = true;
    },
    advance(written) {
      place = { ...place, bytes: place.bytes + written };
      isInDoubt = false;
    },
    async close() {
      if (isInDoubt) await file?.truncate(place.bytes).catch(() => undefined);
      await shut();
    },
  };
}

const ALTERED: AuditEvent = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "critical",
  event: "audit_log_altered",
  control: "audit-integrity",
  detail: "not_as_left",
};

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A name can be given to another file. */
function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
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
