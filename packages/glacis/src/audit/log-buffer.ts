/** Lines of events that wait to be sent: bounded in bytes, in their order, in batches. */

const BATCH_EVENTS = 500;
export const BATCH_BYTES = 1_000_000;

export interface WaitingLine {
  readonly line: string;
  readonly atMs: number;
  readonly isCritical: boolean;
}

export interface LineBuffer {
  /** When it is full the oldest that are not critical make room, and after them the oldest. */
  add(one: WaitingLine): void;
  /** The oldest, up to a batch. They stay until they are removed. */
  batch(): readonly WaitingLine[];
  /** Takes out what has arrived. */
  remove(batch: readonly WaitingLine[]): void;
  /** Gives up what waits. */
  drop(): void;
  size(): number;
  /** How many made room and did not arrive. */
  lost(): number;
  oldestMs(): number | undefined;
}

/** @param mostBytes of all lines together, counted in UTF-16 units */
export function lineBuffer(mostBytes: number): LineBuffer {
  let lines: WaitingLine[] = [];
  let bytes = 0;
  let lost = 0;

  /** A quarter at once, so that a full buffer is not searched for each line that comes. */
  function makeRoom(): void {
    let toFree = mostBytes / 4;
    for (const mayGo of [(one: WaitingLine) => !one.isCritical, () => true]) {
      lines = lines.filter((one) => {
        if (toFree <= 0 || !mayGo(one)) return true;
        toFree -= one.line.length;
        bytes -= one.line.length;
        lost += 1;
        return false;
      });
    }
  }

  return {
    add(one: WaitingLine): void {
      if (bytes + one.line.length > mostBytes) makeRoom();
      lines.push(one);
      bytes += one.line.length;
    },
    batch(): readonly WaitingLine[] {
      const taken: WaitingLine[] = [];
      let size = 0;
      for (const one of lines) {
        size += one.line.length;
        if (taken.length === BATCH_EVENTS || (taken.length > 0 && size > BATCH_BYTES)) break;
        taken.push(one);
      }
      return taken;
    },
    /** Some of it may have been dropped while it was under way: those arrived after all. */
    remove(batch: readonly WaitingLine[]): void {
      const sent = new Set(batch);
      const before = lines.length;
      lines = lines.filter((one) => !sent.has(one));
      lost -= batch.length - (before - lines.length);
      bytes = lines.reduce((sum, { line }) => sum + line.length, 0);
    },
    drop(): void {
      lost += lines.length;
      lines = [];
      bytes = 0;
    },
    size: () => lines.length,
    lost: () => lost,
    oldestMs: () => lines[0]?.atMs,
  };
}
