/** A bounded memory of recent answers to a pure question. */
export interface Recent<Value> {
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
}

/**
 * Keeps at most `maxEntries` answers in two generations: when the young one is full it becomes the old one, and the old one is dropped whole.
 * What is asked often survives; a flood of new keys costs an attacker's requests the work that they would cause anyway, and nobody a pause.
 *
 * The caller bounds the length of its keys.
 */
export function recent<Value>(maxEntries: number): Recent<Value> {
  const generation = Math.max(1, Math.floor(maxEntries / 2));
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();

  function set(key: string, value: Value): void {
    if (young.size >= generation) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }

  return {
    set,
    get(key) {
      const found = young.get(key);
      if (found !== undefined || old.size === 0) return found;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
  };
}
