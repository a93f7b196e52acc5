/** How many requests of one user and of one tenant are worked on at a time, so that one of them cannot take the whole process (CWE-770). */
import type { Control } from "../core/control.ts";
import { ALLOW, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectNonCounts, rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { concurrencySlots, type Slot } from "./concurrency-slots.ts";
import { OVERLOAD_META } from "./overload-protection.ts";
import { refusalReporter } from "./rate-limit-refusal.ts";

export const SHARE_TOO_LARGE: Rule = {
  id: "overload-protection/share-too-large",
  severity: "warning",
  what: "One user or one tenant may have more requests worked on at a time than a process serves.",
  why: "A client that loops, or a tenant with a busy hour, then slows everybody else down.",
  fix: "Keep perUser at 10 and perTenant at 100, and give long work to a job.",
};

export interface ConcurrencyLimitOptions {
  /** Requests of one user, or of one API key, that are worked on at a time. 10. */
  readonly perUser?: number;
  /** Requests of one tenant. 100. */
  readonly perTenant?: number;
  /** Requests of one tenant that may wait for their turn. 100. */
  readonly maxWaiting?: number;
  /** How long each of them may wait. 3 s. */
  readonly waitMs?: number;
}

const OPTION_NAMES: readonly (keyof ConcurrencyLimitOptions)[] = ["perUser", "perTenant", "maxWaiting", "waitMs"];
const GENEROUS_PER_TENANT = 1000;

/**
 * Lets a user have ten requests at a time and a tenant a hundred. What comes beyond that waits for its turn, in order and for a bounded time; what
 * cannot wait is refused with 429 and Retry-After. Nobody else notices.
 *
 * Strangers are not counted: the process's own limits and the limit by client are theirs. Nor are assets, which a page asks for all at once, event
 * streams once they have begun, and connections that leave HTTP.
 *
 * @throws TypeError on an unknown option or a number that is not a positive whole number.
 * @example
 * const waitingInTurn = concurrencyLimit({ perUser: 20, perTenant: 200 }); // saas({ concurrency: { perUser: 20, perTenant: 200 } }) makes one
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions = {}): Control<IdentifiedFacts> {
  rejectUnknownOptions("concurrencyLimit", options, OPTION_NAMES);
  const { perUser = 10, perTenant = 100, maxWaiting = 100, waitMs = 3000 } = options;
  const bounds = { perUser, perTenant, maxWaiting, waitMs };
  rejectNonCounts("concurrencyLimit", bounds);
  const slots = concurrencySlots(bounds);
  const held = new PerRequest<Slot>();
  const report = refusalReporter("in_flight", false);

  function granted(facts: IdentifiedFacts, slot: Slot | undefined): Decision {
    if (slot === undefined) return refuse(facts);
    // Its client has left while it waited.
    if (facts.ended) slot.release();
    else held.set(facts, slot);
    return ALLOW;
  }

  function refuse({ receivedAtMs }: IdentifiedFacts): Decision {
    return {
      kind: "deny",
      reason: "rate_limited",
      events: report(receivedAtMs, { limit: perUser }),
      headers: [["retry-after", "1"]],
      why: `More than ${perUser} requests of this user or ${perTenant} of this tenant are under way, and no more may wait.`,
      fix: "Send fewer requests at a time, give long work to a job, or raise perUser of this concurrencyLimit().",
      members: { limit: perUser, remaining: 0 },
    };
  }

  const free = (facts: IdentifiedFacts): void => held.take(facts)?.release();

  return {
    meta: OVERLOAD_META,
    rules: [SHARE_TOO_LARGE],
    decide(facts) {
      const { principal } = facts;
      // A second rule inside an admitted request asks again; a request that is over holds nothing.
      if (
        principal.kind === "anonymous" ||
        facts.route.kind === "asset" ||
        facts.ended ||
        held.get(facts) !== undefined
      )
        return ALLOW;
      const slot = slots.take(principal.tenantId, `${principal.kind} ${principal.id}`);
      return slot instanceof Promise ? slot.then((taken) => granted(facts, taken)) : granted(facts, slot);
    },
    head(draft, facts) {
      if (draft.mediaType === "text/event-stream") free(facts);
    },
    done: free,
    check: () => assess(perUser, perTenant),
  };
}

function assess(perUser: number, perTenant: number): readonly Finding[] {
  if (Math.max(perUser, perTenant) <= GENEROUS_PER_TENANT) return [];
  const at = { kind: "setting", name: OVERLOAD_META.id } as const;
  return [finding(SHARE_TOO_LARGE, at, `${perUser} of a user, ${perTenant} of a tenant`)];
}
