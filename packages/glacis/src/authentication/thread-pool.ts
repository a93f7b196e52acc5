/** The threads that libuv has for hashes, files, DNS and compression, and how they stand to the event loop. */
import { readlink } from "node:fs/promises";
import { setPriority } from "node:os";

const DEFAULT_SIZE = 4;
const NICE = 10;
const MOST_ROUNDS = 64;

/** How many there are: argon2 and scrypt run there, and so do files and DNS. */
export function threadPoolSize(): number {
  const size = Number(process.env["UV_THREADPOOL_SIZE"] ?? DEFAULT_SIZE);
  return Number.isSafeInteger(size) && size > 0 ? size : DEFAULT_SIZE;
}

let lowered: Promise<void> | undefined;

/**
 * Lets the event loop go first where it wants the core that a hash is on: a page in the middle of a flood of sign-ins would wait for a slice of it.
 * Once for the process, the pool gets the priority nice 10. Only Linux has one for each thread; elsewhere, and where the system refuses, all stays as
 * it is.
 */
export function eventLoopFirst(): Promise<void> {
  lowered ??= process.platform === "linux" ? lowerPool().catch(() => undefined) : Promise.resolve();
  return lowered;
}

/** Links are read by the pool, and this one names the thread that reads it. */
async function lowerPool(): Promise<void> {
  const size = threadPoolSize();
  const own = `${process.pid}/task/`;
  const known = new Set<string>();
  for (let round = 0; round < MOST_ROUNDS && known.size < size; round += 1) {
    const names = await Promise.all(Array.from({ length: size }, async () => readlink("/proc/thread-self")));
    for (const name of names) {
      // Where /proc is of another namespace, the number would be somebody else's thread.
      if (known.has(name) || !name.startsWith(own)) continue;
      setPriority(Number(name.slice(own.length)), NICE);
      known.add(name);
    }
  }
}
