/**
 * What a control remembers of a request, kept on the request itself. A table of requests in the control would do the same, were it not for V8: a
 * Map that lives long leaves its outgrown tables in the old generation, and each of them keeps every request that it held when it was outgrown,
 * with all that hangs on them, until the next full collection. A busy server then collects in full over and over.
 */

/** A list with an entry for each control that keeps something: one or two, so that a search is a comparison or two. */
export interface Kept {
  readonly by: object;
  readonly value: unknown;
  readonly next: Kept | undefined;
}

/** A request, as far as this is concerned. */
export interface Keeping {
  kept: Kept | undefined;
}

/**
 * A value for each request, gone with the request.
 *
 * @example
 * const started = new PerRequest<number>();
 * started.set(facts, facts.receivedAtMs);
 * started.get(facts); // what was set, and undefined for every other request
 */
export class PerRequest<Value> {
  get(request: Keeping): Value | undefined {
    for (let entry = request.kept; entry !== undefined; entry = entry.next)
      if (entry.by === this) return entry.value as Value;
    return undefined;
  }

  /** Takes the place of what was set before. */
  set(request: Keeping, value: Value): void {
    this.take(request);
    request.kept = { by: this, value, next: request.kept };
  }

  /** Forgets it. @returns what it was, once: the second one gets undefined */
  take(request: Keeping): Value | undefined {
    const value = this.get(request);
    if (value !== undefined) request.kept = without(request.kept, this);
    return value;
  }
}

function without(kept: Kept | undefined, by: object): Kept | undefined {
  if (kept === undefined || kept.by === by) return kept?.next;
  return { ...kept, next: without(kept.next, by) };
}
