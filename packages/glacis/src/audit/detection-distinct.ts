/** How many different things an actor has met within a window, in bounded memory. */
import { recentMap } from "./detection-cooldown.ts";

export interface DistinctOptions {
  readonly windowMs: number;
  readonly threshold: number;
  /** How many actors are remembered; whoever acts again is remembered anew. */
  readonly actors: number;
}

export interface DistinctCount {
  /** True once for each actor and window: when the threshold is reached. */
  add(actor: string, thing: string, nowMs: number): boolean;
}

/** Remembers no thing beyond the threshold. A window begins with the first thing. */
export function distinctCount({ windowMs, threshold, actors }: DistinctOptions): DistinctCount {
  const met = recentMap<{ readonly things: Set<string>; readonly untilMs: number }>(actors);
  return {
    add(actor, thing, nowMs) {
      const known = met.get(actor);
      const window =
        known !== undefined && nowMs < known.untilMs ? known : { things: new Set<string>(), untilMs: nowMs + windowMs };
      met.set(actor, window);
      if (window.things.size >= threshold) return false;
      window.things.add(thing);
      return window.things.size >= threshold;
    },
  };
}
