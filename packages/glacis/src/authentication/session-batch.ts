/** Reads of one turn of the event loop, put together: a busy process asks its store once for many requests, and one request waits for nothing. */

interface Waiting<Value> {
  readonly id: string;
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

const LARGEST_BATCH = 200;

/**
 * Turns a read of many into a read of one. Every answer was read after it was asked for: nothing is kept, so a session that was ended is ended. A read
 * that fails fails for everybody in it.
 *
 * @param readMany the values of the ids by id; what is absent is left out
 */
export function batchedReads<Value>(
  readMany: (ids: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): (id: string) => Promise<Value | undefined> {
  let waiting: Waiting<Value>[] = [];

  async function answer(batch: readonly Waiting<Value>[]): Promise<void> {
    try {
      const found = await readMany([...new Set(batch.map(({ id }) => id))]);
      for (const { id, resolve } of batch) resolve(found.get(id));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  function send(): void {
    const all = waiting;
    waiting = [];
    for (let start = 0; start < all.length; start += LARGEST_BATCH)
      void answer(all.slice(start, start + LARGEST_BATCH));
  }

  return (id) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ id, resolve, reject }) === 1) setImmediate(send);
    });
}
