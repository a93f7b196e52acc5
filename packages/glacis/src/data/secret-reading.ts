/** Asks the providers: all names of a moment at once, each name once at a time, and never for longer than it may take. */
import {
  SecretsMissingError,
  SecretsUnavailableError,
  type SecretProvider,
  type SecretVersion,
} from "./secret-provider.ts";

/** A secret and who had it. */
export interface SecretFound extends SecretVersion {
  readonly provider: SecretProvider;
}

/** Each name's answer; undefined for one that no provider has. */
export type ReadSecret = (name: string) => Promise<SecretFound | undefined>;

interface Answer {
  readonly resolve: (found: SecretFound | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads through the providers in their order; the first that has a name answers for it. A provider that fails is not passed over: another one
 * could hold an older value.
 */
export function secretReading(providers: readonly SecretProvider[], timeoutMs: number): ReadSecret {
  const inFlight = new Map<string, Promise<SecretFound | undefined>>();
  let waiting = new Map<string, Answer>();

  function flush(): void {
    const batch = waiting;
    waiting = new Map();
    void readAll(providers, [...batch.keys()], timeoutMs).then(
      (found) => {
        for (const [name, { resolve }] of batch) resolve(found.get(name));
      },
      (error: unknown) => {
        for (const { reject } of batch.values()) reject(error);
      },
    );
  }

  return (name) => {
    const running = inFlight.get(name);
    if (running !== undefined) return running;
    if (waiting.size === 0) queueMicrotask(flush);
    const answer = new Promise<SecretFound | undefined>((resolve, reject) => waiting.set(name, { resolve, reject }));
    const settled = answer.finally(() => inFlight.delete(name));
    inFlight.set(name, settled);
    return settled;
  };
}

async function readAll(
  providers: readonly SecretProvider[],
  names: readonly string[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, SecretFound>> {
  const found = new Map<string, SecretFound>();
  for (const provider of providers) {
    const open = names.filter((name) => !found.has(name));
    if (open.length === 0) break;
    const answers = await within(timeoutMs, (signal) => provider.read(open, signal));
    for (const name of open) {
      const version = answers.get(name);
      if (version !== undefined) found.set(name, { ...version, provider });
    }
  }
  return found;
}

/** Runs the work until it must be done; also one that does not mind the signal ends then. */
export async function within<Value>(timeoutMs: number, work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`No answer within ${timeoutMs} ms.`);
      error.name = "TimeoutError";
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Every one of these names, or an error that lists all that are missing.
 *
 * @throws SecretsMissingError, SecretsUnavailableError
 */
export async function readEvery(
  read: ReadSecret,
  names: readonly string[],
  kinds: readonly string[],
): Promise<ReadonlyMap<string, SecretFound>> {
  const answers = await Promise.all(names.map((name) => read(name))).catch((error: unknown) => {
    throw new SecretsUnavailableError(names, error);
  });
  const missing = names.filter((_, index) => answers[index] === undefined);
  if (missing.length > 0) throw new SecretsMissingError(missing, kinds);
  return new Map(names.map((name, index) => [name, answers[index] as SecretFound]));
}
