/** How many different members a subject has met within a window, such as accounts by client, in bounded memory. */
export interface DistinctMembers {
  /** True once for each subject and window: when the threshold is reached. */
  add(subject: string, member: string, nowMs: number): boolean;
  /** For how many milliseconds the subject still counts as having reached it; 0 when it has not. */
  reachedFor(subject: string, nowMs: number): number;
}

export interface DistinctMembersOptions {
  readonly windowMs: number;
  readonly threshold: number;
  /** 20 000 unless you say otherwise. */
  readonly maxSubjects?: number;
}

interface Met {
  readonly members: Set<string>;
  untilMs: number;
}

const DEFAULT_SUBJECTS = 20_000;
/** How many subjects are looked at for one that may go. */
const CANDIDATES = 16;

/**
 * Counts exactly up to the threshold and remembers no member beyond it. A window begins with the first member, and anew when the threshold is
 * reached. When it is full, what has expired goes first, then the subject with the fewest members of sixteen.
 */
export function distinctMembers(options: DistinctMembersOptions): DistinctMembers {
  const { windowMs, threshold, maxSubjects = DEFAULT_SUBJECTS } = options;
  const subjects = new Map<string, Met>();

  function known(subject: string, nowMs: number): Met | undefined {
    const met = subjects.get(subject);
    return met !== undefined && met.untilMs > nowMs ? met : undefined;
  }

  // Goes round and round, so that no search begins by passing what has been deleted long ago.
  let round = subjects.entries();

  function makeRoom(nowMs: number): void {
    let least: string | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (let looked = 0; looked < CANDIDATES; looked += 1) {
      let next = round.next();
      if (next.done === true) {
        round = subjects.entries();
        next = round.next();
      }
      if (next.done === true) break;
      const [subject, met] = next.value;
      const worth = met.untilMs <= nowMs ? 0 : met.members.size;
      if (worth < fewest) [least, fewest] = [subject, worth];
    }
    if (least !== undefined) subjects.delete(least);
  }

  return {
    add(subject, member, nowMs) {
      let met = known(subject, nowMs);
      if (met === undefined) {
        subjects.delete(subject);
        if (subjects.size >= maxSubjects) makeRoom(nowMs);
        met = { members: new Set(), untilMs: nowMs + windowMs };
        subjects.set(subject, met);
      }
      if (met.members.size >= threshold) return false;
      met.members.add(member);
      if (met.members.size < threshold) return false;
      met.untilMs = nowMs + windowMs;
      return true;
    },
    reachedFor(subject, nowMs) {
      const met = known(subject, nowMs);
      return met !== undefined && met.members.size >= threshold ? met.untilMs - nowMs : 0;
    },
  };
}
