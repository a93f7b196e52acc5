import type { Cell, Value } from "./value.ts";

let branches = 0;

/** What is known at one point of the program: the values of variables and what has been checked. A branch sees its parent and changes itself. */
export class State {
  readonly values: Map<Cell, Value> = new Map();
  readonly cleared: Map<string, number> = new Map();
  readonly parent: State | undefined;
  readonly branch: number;
  /** Nothing comes after: it has returned, thrown, or gone elsewhere. */
  ended = false;

  constructor(parent: State | undefined) {
    this.parent = parent;
    branches += 1;
    this.branch = branches;
  }

  read(cell: Cell): Value | undefined {
    return this.values.get(cell) ?? (this.parent === undefined ? cell.settled : this.parent.read(cell));
  }

  clear(label: string, kinds: number): void {
    this.cleared.set(label, this.clearedKinds(label) | kinds);
  }

  /** The kinds that a source has been checked for, itself or as a part of something larger. */
  knownAbout(label: string): number {
    let kinds = 0;
    for (let name = label; name !== ""; name = name.slice(0, Math.max(name.lastIndexOf("."), 0))) {
      kinds |= this.clearedKinds(name);
    }
    return kinds;
  }

  clearedKinds(label: string): number {
    return this.cleared.get(label) ?? this.parent?.clearedKinds(label) ?? 0;
  }

  /** What has changed since an earlier state that this one comes from. */
  changesSince(base: State): { readonly values: Map<Cell, Value>; readonly cleared: Map<string, number> } {
    const values = new Map<Cell, Value>();
    const cleared = new Map<string, number>();
    for (const state of lineage(this, base)) {
      for (const [cell, value] of state.values) values.set(cell, value);
      for (const [label, kinds] of state.cleared) cleared.set(label, kinds);
    }
    return { values, cleared };
  }
}

/** A state and those that it comes from, the oldest first, without the base. */
function lineage(state: State, base: State): readonly State[] {
  const states: State[] = [];
  for (let at: State | undefined = state; at !== undefined && at !== base; at = at.parent) states.push(at);
  return states.toReversed();
}

/**
 * Where branches meet again: variables may have either value, and what has been checked on one way only has not been checked. A value that
 * was assigned behind a check keeps what the check has found out.
 *
 * @param merge joins two values of a variable
 * @param bake gives a value what its branch has cleared
 * @returns false when no branch goes on
 */
export function meet(
  base: State,
  going: readonly State[],
  merge: (left: Value, right: Value) => Value,
  bake: (value: Value, branch: State) => Value,
): boolean {
  if (going.length === 0) return false;
  const changes = going.map((branch) => ({ branch, ...branch.changesSince(base) }));
  for (const cell of new Set(changes.flatMap(({ values }) => [...values.keys()]))) {
    const values: Value[] = [];
    for (const { branch, values: changed } of changes) {
      const own = changed.get(cell);
      const value = own === undefined ? base.read(cell) : changes.length === 1 ? own : bake(own, branch);
      if (value !== undefined) values.push(value);
    }
    base.values.set(cell, values.reduce(merge));
  }
  for (const label of new Set(changes.flatMap(({ cleared }) => [...cleared.keys()]))) {
    const kinds = changes.map(({ cleared }) => cleared.get(label) ?? base.clearedKinds(label));
    base.cleared.set(
      label,
      kinds.reduce((left, right) => left & right),
    );
  }
  return true;
}

/** The state as it is now: its ancestors may change, this does not. */
export function snapshot(state: State, base: State): State {
  const copy = new State(base);
  const { values, cleared } = state.changesSince(base);
  for (const [cell, value] of values) copy.values.set(cell, value);
  for (const [label, kinds] of cleared) copy.cleared.set(label, kinds);
  return copy;
}
