/** Files on their way in, in a folder of this machine: what a crash leaves there is removed by whoever comes next. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, stat, unlink, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** Longer than any upload may take. */
const ABANDONED_MS = 3_600_000;
const NAME = /^(.{1,64})\.(\d{1,10})\.[\da-f]{32}$/u;
const HOST = hostname()
  .replaceAll(/[^\w-]/gu, "-")
  .slice(0, 64);
const WRITE_AHEAD_BYTES = 512 * 1024;

export interface QuarantineFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly stream: NodeJS.WritableStream;
  read(position: number, length: number): Promise<Buffer>;
  /** Until this has answered, a crash may lose bytes. */
  flush(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Opens a new file that only its owner can read.
 *
 * @param durable whether the file itself will be kept, and not a copy of it
 */
export async function openQuarantine(folder: string, durable: boolean): Promise<QuarantineFile> {
  const path = join(folder, `${HOST || "host"}.${process.pid}.${randomBytes(16).toString("hex")}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  const stream = handle.createWriteStream({ autoClose: false, highWaterMark: WRITE_AHEAD_BYTES });
  // Whoever writes hears of a failed write from the pipeline; a later one must not end the process.
  stream.on("error", () => undefined);
  let flushed: Promise<void> | undefined;
  const flush = (): Promise<void> => (flushed ??= handle.sync());
  // The disk works while the file is judged. Whoever commits hears of a fault.
  if (durable) stream.once("finish", () => void flush().catch(() => undefined));
  let discarded: Promise<void> | undefined;
  return {
    path,
    handle,
    stream,
    async read(position, length) {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    flush,
    discard: () =>
      (discarded ??= (async () => {
        try {
          await unlink(path).catch(unlessAbsent);
          await flushed?.catch(() => undefined);
        } finally {
          stream.destroy();
          await handle.close();
        }
      })()),
  };
}

/** Removes what crashed processes have left: at once where they ran here, and after an hour wherever they ran. */
export async function sweepQuarantine(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (await isAbandoned(name, path)) await unlink(path).catch(unlessAbsent);
  }
}

async function isAbandoned(name: string, path: string): Promise<boolean> {
  const [, host, pid] = NAME.exec(name) ?? [];
  if (host === undefined) return false;
  if (host === HOST && !isAlive(Number(pid))) return true;
  const changed = await stat(path).catch(unlessAbsent);
  return changed !== undefined && Date.now() - changed.mtimeMs > ABANDONED_MS;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It lives, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

export function unlessAbsent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
