import { hash } from "node:crypto";
import { recent } from "../primitives/recent.ts";
import type { Allowance, Tally } from "./gcra.ts";

/** What makes two limiters one: the same name, methods and rates share their counters, in one process and across a fleet. */
export interface LimiterScope {
  readonly name: string;
  /** Upper case and sorted; empty for all. */
  readonly methods: readonly string[];
  readonly allowances: readonly Allowance[];
}

/** The counters of one limiter. */
export interface Counters {
  /**
   * Takes `cost` from every rate of the subject, or nothing from any.
   *
   * @param nowUs the caller's clock in microseconds; a shared store reads its own instead, so that servers with skewed clocks agree
   */
  readonly consume: (subject: string, cost: number, nowUs: number) => Tally | Promise<Tally>;
  /** What `consume` would start from. Takes nothing. */
  readonly peek: (subject: string, nowUs: number) => Tally | Promise<Tally>;
  /** Gives the subject its whole allowance back. */
  readonly forget: (subject: string) => void | Promise<void>;
}

/** Where counters live. */
export interface RateLimitStore {
  /** Shown in findings and events. */
  readonly kind: string;
  /** Every process of the deployment sees the same counters. A shared store can be away; the limiter then follows its outage policy. */
  readonly shared: boolean;
  readonly open: (scope: LimiterScope) => Counters;
}

/** Whose clock a shared store reads. `caller` is for tests that hold the clock still. */
export type StoreClock = "server" | "caller";

/** A scope as one unambiguous line: no part may contain a line break, and names and methods contain none of the separators. */
export function scopeText({ name, methods, allowances }: LimiterScope): string {
  const rates = allowances.map(({ limit, windowSeconds }) => `${limit}/${windowSeconds}s`);
  return `${name}|${methods.join(",")}|${rates.join(",")}`;
}

/** Subjects whose keys are remembered, and the longest that is: a digest costs as much as everything else that a decision does here. */
const REMEMBERED = 4096;
const LONGEST_REMEMBERED = 64;

/**
 * Subjects as a shared store sees them: SHA-256 of scope and subject, 43 characters. Subjects are addresses and account names, of any length, and
 * neither belongs in a cache that others can list.
 */
export function counterKeys(scope: LimiterScope, prefix: string = ""): (subject: string) => string {
  const start = `${scopeText(scope)}\n`;
  const known = recent<string>(REMEMBERED);
  return (subject) => {
    const remembered = known.get(subject);
    if (remembered !== undefined) return remembered;
    const key = prefix + hash("sha256", start + subject, "base64url");
    if (subject.length <= LONGEST_REMEMBERED) known.set(subject, key);
    return key;
  };
}
