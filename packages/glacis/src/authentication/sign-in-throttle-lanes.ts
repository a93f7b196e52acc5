/** Which counters an attempt is counted under: those of a stranger, or those of a browser that signed in before. */
import { createHmac } from "node:crypto";
import type { KeySource } from "../core/keys.ts";
import { limitKey } from "../primitives/ip.ts";
import type { AttemptCounter, Settlement } from "./sign-in-throttle-counter.ts";

/** What is guessed at. Each is an authenticator of its own: failures of one do not close another, and a success clears its own alone. */
export type AttemptKind = "password" | "totp" | "recovery_code" | "email_code" | "reset";

export const ATTEMPT_KINDS: readonly AttemptKind[] = ["password", "totp", "recovery_code", "email_code", "reset"];

/** Why an attempt has to wait. */
export type ThrottleScope = "account" | "client" | "network" | "pair" | "device" | "authenticator";

/** So many failures, then a wait: the guide's `{ failures: 5, minutes: 15 }`. */
export interface AttemptLimit {
  readonly failures: number;
  readonly minutes: number;
}

export interface LaneLimits {
  readonly account: AttemptLimit | undefined;
  readonly client: AttemptLimit;
  readonly network: AttemptLimit;
}

export interface AttemptSubject {
  readonly account: string;
  readonly kind: AttemptKind;
  readonly client: string;
  readonly network: string;
  /** The id of a known device; undefined for a stranger. */
  readonly device: string | undefined;
}

/** One counter of an attempt, what it is for, and what a success does to it. */
export interface LaneCounter extends AttemptCounter {
  readonly scope: ThrottleScope;
  readonly onSuccess: "reset" | "return";
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 30 * SECOND_MS;
export const LONGEST_WAIT_MS: number = 60 * MINUTE_MS;
/** NIST SP 800-63B-4 section 3.2.2: so many failures in a row and the authenticator is dead until it is bound anew. */
export const MOST_FAILURES = 100;
/** The last ten belong to known devices, so that strangers cannot spend what the owner may need. */
export const MOST_FAILURES_OF_STRANGERS = 90;
/** A count that ends is not as NIST has it; without an end every invented account would stay in the table for ever. A dead authenticator stays dead. */
const AUTHENTICATOR_FORGET_MS = 90 * DAY_MS;
const FAILURES_PER_PAIR = 20;

/** What is free while the detectors see an attack. */
function tightened(limit: number): number {
  return Math.ceil(limit / 2);
}

export interface Lanes {
  /** @param elevated the detectors see an attack: less is free to strangers */
  counters(subject: AttemptSubject, elevated: boolean): readonly LaneCounter[];
  /** The counters of an account that are no address's and no device's: what an unlocking forgets. */
  accountKeys(
    account: string,
    kind: AttemptKind,
  ): { readonly authenticator: readonly string[]; readonly account: readonly string[] };
  /** Where the moment stands before which no device is known any more. */
  deviceFloorKeys(account: string): readonly string[];
  /** A keyed hash for the memory of the detectors. */
  pseudonym(account: string): string;
}

/**
 * Every name is an HMAC under a key of its own purpose, and its parts are written as JSON, so that no two sets of parts are one name. During a
 * rotation an attempt is counted under every key of the ring: a new key frees nobody.
 */
export function throttleLanes(keys: KeySource, limits: LaneLimits): Lanes {
  const derived = keys.derive("sign-in-throttle");
  const names = (...parts: readonly string[]): readonly string[] =>
    derived.all.map(({ bytes }) => createHmac("sha256", bytes).update(JSON.stringify(parts)).digest("base64url"));
  const progressive: CounterShape = {
    limit: FREE_FAILURES,
    firstWaitMs: FIRST_WAIT_MS,
    longestWaitMs: LONGEST_WAIT_MS,
    forgetMs: DAY_MS,
    forgetAfter: "failure",
    cap: 0,
  };
  const account = limits.account === undefined ? progressive : locked(limits.account);
  const client = windowed(limits.client);
  const network = windowed(limits.network);
  const pair = windowed({ failures: FAILURES_PER_PAIR, minutes: 24 * 60 });

  function under(
    keysOf: readonly string[],
    scope: ThrottleScope,
    onSuccess: LaneCounter["onSuccess"],
    shape: CounterShape,
  ): readonly LaneCounter[] {
    return keysOf.map((key) => ({ key, scope, onSuccess, ...shape }));
  }

  return {
    counters(subject, elevated) {
      const { account: who, kind, device } = subject;
      const tight = (shape: CounterShape): CounterShape =>
        elevated ? { ...shape, limit: tightened(shape.limit) } : shape;
      if (device !== undefined)
        return [
          ...under(names("authenticator", kind, who), "authenticator", "reset", authenticator(MOST_FAILURES)),
          ...under(names("device", kind, who, device), "device", "reset", progressive),
        ];
      return [
        ...under(
          names("authenticator", kind, who),
          "authenticator",
          "reset",
          authenticator(MOST_FAILURES_OF_STRANGERS),
        ),
        ...under(names("account", kind, who), "account", "reset", tight(account)),
        ...under(names("pair", kind, who, subject.client), "pair", "reset", pair),
        ...under(names("client", subject.client), "client", "return", tight(client)),
        ...under(names("network", subject.network), "network", "return", network),
      ];
    },
    accountKeys: (who, kind) => ({
      authenticator: names("authenticator", kind, who),
      account: names("account", kind, who),
    }),
    deviceFloorKeys: (who) => names("devices", who),
    pseudonym: (who) => names("pseudonym", who)[0] as string,
  };
}

/** What a success does: the owner's own counters begin anew, what an address shares with others gets this one attempt back. */
export function settlementsOf(counters: readonly LaneCounter[], untilMs: readonly number[]): readonly Settlement[] {
  return counters.map(({ key, onSuccess }, index) =>
    onSuccess === "reset" ? { key } : { key, untilMs: untilMs[index] as number },
  );
}

/** The network of an address: /24 of IPv4, /48 of IPv6, which is what one customer gets. @param address canonical, from `parseAddress` */
export function networkOf(address: string): string {
  const key = limitKey(address);
  if (key.endsWith("::/64")) return `${key.split(":").slice(0, 3).join(":")}::/48`;
  return /^(?:\d+\.){3}\d+$/u.test(key) ? `${key.slice(0, key.lastIndexOf("."))}.0/24` : key;
}

type CounterShape = Omit<AttemptCounter, "key">;

function authenticator(cap: number): CounterShape {
  return {
    limit: cap,
    firstWaitMs: 0,
    longestWaitMs: 0,
    forgetMs: AUTHENTICATOR_FORGET_MS,
    forgetAfter: "failure",
    cap,
  };
}

function windowed({ failures, minutes }: AttemptLimit): CounterShape {
  const ms = minutes * MINUTE_MS;
  return { limit: failures, firstWaitMs: ms, longestWaitMs: ms, forgetMs: ms, forgetAfter: "start", cap: 0 };
}

function locked(limit: AttemptLimit): CounterShape {
  return { ...windowed(limit), forgetAfter: "failure" };
}
