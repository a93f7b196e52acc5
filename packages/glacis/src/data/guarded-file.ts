/** A small text file that holds keys or secrets: read whole, and only where nobody else may (catalog secrets-management, key-management). */
import { constants } from "node:fs";
import { open } from "node:fs/promises";

const MOST_BYTES = 1_048_576;
const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o044;
const ROOT = 0;

export interface GuardedFile {
  /** Without the one line feed at the end that editors write. */
  readonly text: string;
  readonly changedMs: number;
}

/**
 * Reads what the opened file itself says about its owner and mode, so that nothing can be put in its place in between.
 *
 * @param about.what stands in errors, such as `the key ring`
 * @param about.readableByOthers lets pass what group and others may read, never what they may write; its owner may be whoever mounted it
 * @throws Error for what is no regular file, what others own, may read or change, what is empty, above 1 MiB or not UTF-8. It quotes nothing.
 */
export async function readGuardedFile(
  path: string,
  { what, readableByOthers = false }: { readonly what: string; readonly readableByOthers?: boolean },
): Promise<GuardedFile> {
  // Without O_NONBLOCK a named pipe in the place of the file would hold the start up for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { mode, mtimeMs, size, uid } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      throw new Error(`What should hold ${what} is no regular file.`);
    if (process.platform !== "win32") {
      if ((mode & OTHERS_WRITE) !== 0) throw new Error(`The file of ${what} can be changed by others: chmod 600.`);
      if (!readableByOthers && (mode & OTHERS_READ) !== 0)
        throw new Error(`The file of ${what} can be read by others: chmod 600.`);
      // Whoever owns a file may change it whatever its mode says.
      if (!readableByOthers && uid !== ROOT && uid !== process.geteuid?.())
        throw new Error(`The file of ${what} belongs to another user: chown it to the user of this process.`);
    }
    if (size > MOST_BYTES) throw new Error(`The file of ${what} is larger than ${MOST_BYTES} bytes.`);
    const bytes = await file.readFile();
    const text = decode(bytes, what).replace(/\r?\n$/u, "");
    if (text === "") throw new Error(`The file of ${what} is empty.`);
    return { text, changedMs: Math.floor(mtimeMs) };
  } finally {
    await file.close();
  }
}

function decode(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`The file of ${what} is not UTF-8.`);
  }
}
