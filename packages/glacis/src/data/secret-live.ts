/** A secret in the hands of the application: always the value that counts now (catalog secret-rotation). */
import type { Secret } from "../core/secret.ts";
import { acceptedBefore, sameText, type RotationListener, type SecretEntry } from "./secret-entry.ts";

const MOST_PRESENTED_CHARACTERS = 65_536;

/** A secret that stays fresh. It prints as its name. */
export interface LiveSecret {
  readonly name: string;
  readonly version: string;
  /** When the value was written, where the provider says so. */
  readonly changedMs: number | undefined;
  readonly managed: boolean;
  /** The value now. @throws SecretsUnavailableError when the provider has failed for longer than a stale value may be used */
  readonly current: () => Secret<string>;
  /** The value before the last rotation, while it is to be accepted: for verifying, never for making. */
  readonly previous: () => Secret<string> | undefined;
  /** Whether a presented text is the value, or the one before during the overlap; in constant time. */
  readonly matches: (presented: unknown) => boolean;
  /** Calls the listener after each rotation, such as to rebuild a pool. Returns how to stop that. */
  readonly onRotate: (listener: RotationListener) => () => void;
}

interface LiveTools {
  readonly now: () => number;
  readonly valueOf: (entry: SecretEntry) => Secret<string>;
}

export function liveSecret(entry: SecretEntry, { now, valueOf }: LiveTools): LiveSecret {
  return {
    name: entry.name,
    get version() {
      return entry.current.version;
    },
    get changedMs() {
      return entry.current.changedMs;
    },
    get managed() {
      return entry.current.provider.managed;
    },
    current: () => valueOf(entry),
    previous: () => acceptedBefore(entry, now()),
    matches(presented) {
      if (typeof presented !== "string" || presented.length > MOST_PRESENTED_CHARACTERS) return false;
      const isCurrent = sameText(presented, valueOf(entry).reveal());
      const before = acceptedBefore(entry, now());
      return (before !== undefined && sameText(presented, before.reveal())) || isCurrent;
    },
    onRotate(listener) {
      entry.listeners.add(listener);
      return () => void entry.listeners.delete(listener);
    },
  };
}
