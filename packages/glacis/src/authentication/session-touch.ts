import type { SessionStore, SessionUse } from "./session-record.ts";

/** One write per minute keeps the idle limit right to a minute and spares the store a write per request. */
export const TOUCH_EVERY_MS = 60_000;
/** How long uses are collected; a process that dies loses no more than this. */
const COLLECT_MS = 1_000;
const MOST_COLLECTED = 1_000;

export interface TouchWriter {
  /** Notes a use that is due. A promise only where the request must wait for the write. */
  use(use: SessionUse): void | Promise<void>;
  /** Writes what is collected, as before a process ends. */
  flush(): Promise<void>;
}

/**
 * Writes uses of sessions behind the requests, many sessions at a time. After a write that failed the next request waits for its own, so that a
 * store which reads but does not write is noticed and refuses.
 */
export function touchWriter(store: SessionStore): TouchWriter {
  let collected = new Map<string, SessionUse>();
  let timer: NodeJS.Timeout | undefined;
  let failing = false;

  async function write(uses: readonly SessionUse[]): Promise<void> {
    try {
      await store.touch(uses);
      failing = false;
    } catch (error) {
      failing = true;
      throw error;
    }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const uses = [...collected.values()];
    collected = new Map();
    if (uses.length > 0) await write(uses);
  }

  return {
    use(use) {
      if (store.kind === "memory") return store.touch([use]);
      if (failing) return write([use]);
      collected.set(use.id, use);
      // What the timer cannot write shows at the next use.
      const later = (): void => void flush().catch(() => undefined);
      if (collected.size >= MOST_COLLECTED) later();
      else timer ??= setTimeout(later, COLLECT_MS).unref();
      return undefined;
    },
    flush,
  };
}
