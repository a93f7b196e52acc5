import type { ApiKeyRecord, ApiKeyStore, ApiKeyUse } from "./api-key-store.ts";

/** The time of the last use is right to a minute. */
const EVERY_MS = 60_000;
const COLLECT_MS = 1_000;
const MOST_COLLECTED = 1_000;

export interface ApiKeyUseWriter {
  /** Notes a use, if the last one that the record knows is a minute old. Never waits, never throws. */
  use(record: ApiKeyRecord, nowMs: number): void;
  /** Writes what is collected. @throws what the store throws */
  flush(): Promise<void>;
}

/**
 * Writes uses behind the requests, many keys at a time. The time is for people who look for keys that nobody needs: a write that fails is told and
 * refuses nobody.
 *
 * @param failed told of a write that failed
 */
export function apiKeyUseWriter(store: ApiKeyStore, failed: (error: unknown) => void): ApiKeyUseWriter {
  let collected = new Map<string, ApiKeyUse>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const uses = [...collected.values()];
    collected = new Map();
    if (uses.length > 0) await store.touch(uses);
  }

  const flushLater = (): void => void flush().catch(failed);

  return {
    use(record, usedAtMs) {
      if (usedAtMs - (record.usedAtMs ?? 0) < EVERY_MS) return;
      collected.set(record.id, { id: record.id, usedAtMs });
      if (collected.size >= MOST_COLLECTED) flushLater();
      else timer ??= setTimeout(flushLater, COLLECT_MS).unref();
    },
    flush,
  };
}
