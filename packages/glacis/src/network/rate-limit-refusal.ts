/** What a refusal says: to the client, and to the log. */
import { deny, type Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { remainingOf, type Allowance } from "./gcra.ts";
import type { Ruling } from "./rate-limit-guard.ts";
import { secondsUntil, type Tier } from "./rate-limit-tier.ts";

/** The rate that makes the client wait longest. */
export interface BindingRate {
  readonly limit: number;
  readonly remaining: number;
  readonly retryAfterSeconds: number;
}

export function bindingRate({ tally, allowances }: Ruling, cost: number): BindingRate {
  let binding: BindingRate | undefined;
  for (const [index, allowance] of allowances.entries()) {
    const rate = standing(allowance, tally.usedUs[index] as number, cost);
    if (binding === undefined || rate.retryAfterSeconds > binding.retryAfterSeconds) binding = rate;
  }
  return binding as BindingRate;
}

function standing(allowance: Allowance, usedUs: number, cost: number): BindingRate {
  return {
    limit: allowance.limit,
    remaining: remainingOf(allowance, usedUs),
    // A clock may move between the store's decision and this line; zero would invite the client at once.
    retryAfterSeconds: Math.max(1, secondsUntil(allowance, usedUs, cost)),
  };
}

export function refuse(tier: Tier, ruling: Ruling, binding: BindingRate, events: readonly AuditEvent[]): Decision {
  const { limit, remaining, retryAfterSeconds } = binding;
  return {
    kind: "deny",
    reason: "rate_limited",
    events,
    headers: [
      ["retry-after", String(retryAfterSeconds)],
      tier.fields.policy,
      tier.fields.limit(ruling.tally, ruling.allowances),
    ],
    why: `The limit of ${limit} is reached; the next request passes in ${retryAfterSeconds} s.`,
    fix: "Slow the client down, or raise the rate of this rateLimit().",
    members: { limit, remaining },
  };
}

/** 503: nobody could count, and the policy is to let nothing uncounted pass. */
export function storeDown(name: string, transitions: readonly AuditEvent[]): Decision {
  const refusal = deny(
    "control_failed",
    {
      event_type: "rate_limit",
      status: "refused",
      severity: "warning",
      event: "sys_rate_limit_uncounted",
      control: "rate-limit",
      reason: "control_failed",
      detail: name,
    },
    { headers: [["retry-after", "1"]], why: `The store of the rate limit "${name}" does not answer.` },
  );
  return { ...refusal, events: [...transitions, ...refusal.events] };
}

/** Refusals of one limiter that get an event of their own within a second. A flood must not flood the log as well. */
const EVENTS_PER_SECOND = 10;

/**
 * Reports refusals: each one while they are few, some of them in a flood. `count` says how many stand behind an event.
 *
 * @returns the events for one refusal: one or none
 */
export function refusalReporter(
  name: string,
  dryRun: boolean,
): (nowMs: number, binding: Pick<BindingRate, "limit">) => readonly AuditEvent[] {
  let second = 0;
  let reported = 0;
  let unreported = 0;
  return (nowMs, { limit }) => {
    const current = Math.floor(nowMs / 1000);
    if (current !== second) {
      second = current;
      reported = 0;
    }
    unreported += 1;
    if (reported >= EVENTS_PER_SECOND) return [];
    reported += 1;
    const count = unreported;
    unreported = 0;
    return [
      {
        event_type: "rate_limit",
        status: dryRun ? "observed" : "refused",
        severity: "warning",
        event: "excess_rate_limit_exceeded",
        control: "rate-limit",
        ...(!dryRun && { reason: "rate_limited" }),
        detail: name,
        limit,
        count,
      },
    ];
  };
}
