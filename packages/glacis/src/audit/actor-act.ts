import type { AuditRecord } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { signalOf } from "./actor-signals.ts";

/** The worst that a request has set off. */
export interface Act {
  readonly points: number;
  readonly ofStrangers: boolean;
}

export interface PendingActs {
  readonly note: (record: AuditRecord) => void;
  readonly take: (facts: RequestFacts) => Act | undefined;
}

const MOST_PENDING = 1000;

/**
 * Keeps what events say until their request is over, for then it is known who it was. One request is one act, however much it has set off. What
 * is told after the end of a request stays until the bound is reached, and then all goes: an attack that is forgotten comes again.
 */
export function pendingActs(): PendingActs {
  const pending = new Map<string, Act>();
  return {
    note(record) {
      const { request_id: request } = record;
      const signal = signalOf(record);
      if (signal === undefined || request === undefined) return;
      if (pending.size >= MOST_PENDING) pending.clear();
      const { points, ofStrangers = false } = signal;
      if (points > (pending.get(request)?.points ?? 0)) pending.set(request, { points, ofStrangers });
    },
    take(facts) {
      if (pending.size === 0) return undefined;
      const act = pending.get(facts.requestId);
      if (act !== undefined) pending.delete(facts.requestId);
      return act;
    },
  };
}
