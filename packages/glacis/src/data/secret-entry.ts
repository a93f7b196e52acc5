/** One secret as it is kept: its states, how old they are, and who wants to hear of another one. */
import { createHash, randomInt, timingSafeEqual } from "node:crypto";
import type { Secret } from "../core/secret.ts";
import type { SecretFound } from "./secret-reading.ts";
import type { SecretVersion } from "./secret-provider.ts";

/** Refreshed before it is due, at a moment of its own, so that a fleet of processes does not ask at once. */
const AHEAD_LEAST_PERCENT = 70;
const AHEAD_MOST_PERCENT = 90;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 60_000;

export interface SecretTimes {
  readonly refreshMs: number;
  readonly staleMs: number;
  readonly overlapMs: number;
}

/** Told the new value and the one before, which is accepted for the overlap. */
export type RotationListener = (current: Secret<string>, previous: Secret<string>) => unknown;

export interface SecretEntry {
  readonly name: string;
  readonly listeners: Set<RotationListener>;
  /** What every value must pass, a rotated one as well. */
  readonly accepts: Set<(text: string) => boolean>;
  current: SecretFound;
  previous: { readonly version: SecretVersion; readonly untilMs: number } | undefined;
  /** When the provider last confirmed it. */
  readMs: number;
  /** From when on it is refreshed in the background. */
  aheadMs: number;
  /** Not before then after a failure. */
  retryMs: number;
  failures: number;
  /** The refresh under way. */
  refreshing: Promise<void> | undefined;
}

export function newEntry(name: string, found: SecretFound, nowMs: number, times: SecretTimes): SecretEntry {
  const entry: SecretEntry = {
    name,
    listeners: new Set(),
    accepts: new Set(),
    current: found,
    previous: undefined,
    readMs: 0,
    aheadMs: 0,
    retryMs: 0,
    failures: 0,
    refreshing: undefined,
  };
  confirm(entry, nowMs, times);
  return entry;
}

/** Takes what the provider says now. Answers whether the value is another one. */
export function renew(entry: SecretEntry, found: SecretFound, nowMs: number, times: SecretTimes): boolean {
  const before = entry.current;
  const rotated = !sameText(before.value.reveal(), found.value.reveal());
  if (rotated) entry.previous = { version: before, untilMs: nowMs + times.overlapMs };
  entry.current = rotated ? found : { ...found, value: before.value };
  confirm(entry, nowMs, times);
  return rotated;
}

function confirm(entry: SecretEntry, nowMs: number, { refreshMs }: SecretTimes): void {
  entry.readMs = nowMs;
  entry.aheadMs = nowMs + (refreshMs * randomInt(AHEAD_LEAST_PERCENT, AHEAD_MOST_PERCENT)) / 100;
  entry.retryMs = 0;
  entry.failures = 0;
}

/** Whether a value is one that the application can work with; a judgement that throws is a no. */
export function isAccepted({ accepts }: SecretEntry, value: Secret<string>): boolean {
  try {
    return [...accepts].every((accept) => accept(value.reveal()));
  } catch {
    return false;
  }
}

/** The provider failed: wait longer each time before it is asked again. */
export function postpone(entry: SecretEntry, nowMs: number): void {
  entry.retryMs = nowMs + Math.min(FIRST_RETRY_MS * 2 ** entry.failures, LAST_RETRY_MS);
  entry.failures += 1;
}

/** Whether a refresh is to be begun: it is nearly due, and no failure was just now. */
export function wantsRefresh(entry: SecretEntry, nowMs: number): boolean {
  return nowMs >= entry.aheadMs && nowMs >= entry.retryMs;
}

/** The value before, while it is still to be accepted. */
export function acceptedBefore(entry: SecretEntry, nowMs: number): Secret<string> | undefined {
  return entry.previous !== undefined && nowMs < entry.previous.untilMs ? entry.previous.version.value : undefined;
}

/** Compares in the same time wherever the texts differ. */
export function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
