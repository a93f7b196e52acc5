import { newKey } from "glacis/data";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { StartError } from "./settings.ts";

/**
 * Creates the folder for the owner of the process alone. One step at a time: where the system lets nobody make a folder, as below /proc, Node's own
 * recursive way never returns.
 */
export function prepareFolder(folder: string): void {
  const missing: string[] = [];
  for (let place = resolve(folder); !existsSync(place); place = dirname(place)) missing.unshift(place);
  for (const place of missing) {
    try {
      mkdirSync(place, { mode: 0o700 });
    } catch (error) {
      // Another start has just made it.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** Says that a folder's data was made for a black-box test, and may be thrown away for the next one. */
const DISPOSABLE = "test-target";
/** What the application keeps in its folder, beside the lock. */
const KEPT = ["postgres", "keys", "events.jsonl", "audit", "audit-key.pem", "deploy-token", "mails", "files"];

/**
 * Empties the folder of a black-box test of what an earlier one left. Data that was not made for a test stays, and so does what is not ours.
 *
 * @throws StartError when the folder holds data that was not made for a test
 */
export function emptyFolder(folder: string): void {
  const marker = join(folder, DISPOSABLE);
  const found = KEPT.filter((name) => existsSync(join(folder, name)));
  if (found.length > 0 && !existsSync(marker)) {
    throw new StartError(
      `--test-target starts from nothing, and ${folder} holds data that was not made for a test (${found.join(", ")}). Set DATA_DIR to another folder.`,
    );
  }
  writeFileSync(marker, "", { mode: 0o600 });
  for (const name of found) rmSync(join(folder, name), { recursive: true });
}

/**
 * Takes the folder for this process; two embedded databases on one folder would destroy it.
 *
 * The lock is a file with the process's id and start time, so that one that was left behind by a crash is told from a living one even where
 * ids repeat. It is linked into place, complete or not at all.
 *
 * @returns gives the folder back
 * @throws StartError when another process has it
 */
export function lockFolder(folder: string): () => void {
  const lock = join(folder, "lock");
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, `${process.pid} ${startTime(process.pid)}\n`, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      if (tryLink(mine, lock)) return () => rmSync(lock, { force: true });
      const holder = readHolder(lock);
      if (holder !== undefined && isAlive(holder)) {
        throw new StartError(
          `Another Folio (process ${holder.pid}) is running on ${folder}. Stop it, or set DATA_DIR to another folder.`,
        );
      }
      if (holder !== undefined) discard(lock, holder);
    }
    throw new StartError(`The folder ${folder} could not be locked. If no Folio is running, delete ${lock}.`);
  } finally {
    rmSync(mine, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly text: string;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(lock: string): Holder | undefined {
  if (!existsSync(lock)) return undefined;
  const text = readFileSync(lock, "utf8");
  const [pid = "", started = ""] = text.trim().split(" ");
  return { pid: Number(pid), started, text };
}

function isAlive({ pid, started }: Holder): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = startTime(pid);
  return now === "" || started === undefined || started === "" || now === started;
}

/** Takes away the lock that was judged, and no other: another starter may have replaced it in the meantime. */
function discard(lock: string, { text }: Holder): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (readFileSync(aside, "utf8") !== text) tryLink(aside, lock);
  unlinkSync(aside);
}

/** When a process started, in the kernel's own unit; empty where the system does not say. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** The key ring of this folder, made on the first start and readable by its owner alone. */
export function keysIn(folder: string): string {
  const file = join(folder, "keys");
  if (!existsSync(file)) writeFileSync(file, `${newKey("k1")}\n`, { mode: 0o600, flag: "wx" });
  chmodSync(file, 0o600);
  return readFileSync(file, "utf8").trim();
}
