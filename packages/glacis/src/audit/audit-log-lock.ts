/** One writer for each directory. The lock outlives no process: it names who holds it, and since when that process lives. */
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

export interface AuditLogLock {
  /** Shows processes of other machines that the holder lives. */
  readonly touch: () => void;
  readonly release: () => void;
}

interface Holder {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, by the kernel's count; empty where there is none. */
  readonly began: string;
}

const FOREIGN_STALE_MS = 60_000;

/** @throws Error when another process, or this one already, writes into the directory */
export function lockAuditLog(directory: string): AuditLogLock {
  const path = join(directory, "writer.lock");
  const token = randomUUID();
  const own = join(directory, `writer.${token}`);
  const holder: Holder = { token, host: hostname(), pid: process.pid, began: beganOf(process.pid) };
  const file = openSync(own, "wx", 0o600);
  writeSync(file, JSON.stringify(holder));
  closeSync(file);
  try {
    if (!tryLink(own, path)) {
      removeStale(path, `${own}.stale`);
      if (!tryLink(own, path)) throw busy(directory);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    touch() {
      const now = new Date();
      if (readHolder(path)?.token === token) utimesSync(path, now, now);
    },
    release() {
      if (readHolder(path)?.token === token) rmSync(path, { force: true });
    },
  };
}

function busy(directory: string): Error {
  return new Error(`Another process writes the audit log in ${directory}: give each process a directory of its own.`);
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

/** Moves the lock aside when its holder is dead. Whoever moved a lock that was new by then puts it back. */
function removeStale(path: string, aside: string): void {
  const seen = readHolder(path);
  if (seen !== undefined && isAlive(seen, path)) return;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readHolder(aside)?.token !== seen?.token) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive({ host, pid, began }: Holder, path: string): boolean {
  if (host !== hostname()) return Date.now() - statSync(path).mtimeMs < FOREIGN_STALE_MS;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return began === "" || beganOf(pid) === began;
}

/** The boot and the process's start time: a number that is used again is another process. */
function beganOf(pid: number): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${boot} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return "";
  }
}
