/** How many points each actor has, and until when it is held back: in one process, or in a store that all of them share. */
import { answeredWithin } from "./audit-deadline.ts";

/** A counter that empties by itself, evenly. Rate limits are such counters, and lend theirs. */
export interface LeakyCounter {
  /** Adds all of it, or nothing where it does not fit any more. */
  add(subject: string, amount: number, nowMs: number): Level | Promise<Level>;
  read(subject: string, nowMs: number): Level | Promise<Level>;
  forget(subject: string): void | Promise<void>;
}

export interface Level {
  readonly fits: boolean;
  readonly amount: number;
  /** How long until nothing is left, in milliseconds. */
  readonly emptyInMs: number;
}

export interface CounterSpace {
  /** @param seconds how long a full counter takes to empty */
  open(name: string, capacity: number, seconds: number): LeakyCounter;
}

/** Where an actor stands. Both times are in milliseconds since the epoch, and in the past where nothing holds. */
export interface ActorStanding {
  readonly score: number;
  readonly throttledUntilMs: number;
  readonly blockedUntilMs: number;
}

/** What an act has brought about: said to one process alone, however many share the store. */
export type Crossing = "throttle" | "block" | undefined;

export interface ActorLedger {
  readonly isShared: boolean;
  add(
    actor: string,
    points: number,
    nowMs: number,
  ): Promise<{ readonly standing: ActorStanding; readonly crossing: Crossing }>;
  read(actor: string, nowMs: number): Promise<ActorStanding>;
  forget(actor: string): Promise<void>;
}

export const THROTTLE_POINTS = 100;
export const BLOCK_POINTS = 200;
const THROTTLE_SECONDS = 600;
const BLOCK_SECONDS = 900;
/** A hundred points are gone in ten minutes. */
const SECONDS_PER_POINT = 6;
const PATIENCE_SECONDS = 0.25;

/**
 * @param shared asked first; while it fails or is slow, this process counts alone
 * @param failed told why it was not the shared one
 */
export function actorLedger(
  local: CounterSpace,
  shared: CounterSpace | undefined,
  failed: (error: unknown) => void,
): ActorLedger {
  const own = bookIn(local);
  const everybodys = shared && bookIn(shared);

  async function first<Result>(work: (book: Book) => Promise<Result>): Promise<Result> {
    if (everybodys === undefined) return work(own);
    try {
      return await answeredWithin(PATIENCE_SECONDS, "The shared store", work(everybodys));
    } catch (error) {
      failed(error);
      return work(own);
    }
  }

  return {
    isShared: everybodys !== undefined,
    add: async (actor, points, nowMs) => first((book) => book.add(actor, points, nowMs)),
    read: async (actor, nowMs) => first((book) => book.read(actor, nowMs)),
    async forget(actor) {
      await own.forget(actor);
      if (everybodys !== undefined)
        await answeredWithin(PATIENCE_SECONDS * 4, "The shared store", everybodys.forget(actor));
    },
  };
}

type Book = Omit<ActorLedger, "isShared">;

function bookIn(space: CounterSpace): Book {
  const scores = space.open("actor-score", BLOCK_POINTS, BLOCK_POINTS * SECONDS_PER_POINT);
  // Each is begun once and not made longer: it ends when it was said to. Of several processes one is told that it has begun it.
  const throttles = space.open("actor-throttle", 1, THROTTLE_SECONDS);
  const blocks = space.open("actor-block", 1, BLOCK_SECONDS);
  return {
    async add(actor, points, nowMs) {
      const level = await scores.add(actor, points, nowMs);
      const score = scoreOf(level);
      const reaches = (threshold: number): boolean => score >= threshold || !level.fits;
      const [throttle, block] = await Promise.all([
        reaches(THROTTLE_POINTS) ? throttles.add(actor, 1, nowMs) : throttles.read(actor, nowMs),
        reaches(BLOCK_POINTS) ? blocks.add(actor, 1, nowMs) : blocks.read(actor, nowMs),
      ]);
      const hasBegun = (held: Level, threshold: number): boolean => reaches(threshold) && held.fits;
      return {
        standing: standingOf(score, throttle, block, nowMs),
        crossing: hasBegun(block, BLOCK_POINTS)
          ? "block"
          : hasBegun(throttle, THROTTLE_POINTS)
            ? "throttle"
            : undefined,
      };
    },
    async read(actor, nowMs) {
      const [level, throttle, block] = await Promise.all([
        scores.read(actor, nowMs),
        throttles.read(actor, nowMs),
        blocks.read(actor, nowMs),
      ]);
      return standingOf(scoreOf(level), throttle, block, nowMs);
    },
    async forget(actor) {
      await Promise.all([scores.forget(actor), throttles.forget(actor), blocks.forget(actor)]);
    },
  };
}

/** Rounded up: what was earned within a moment is one sum, though some of it has drained already. */
function scoreOf({ amount }: Level): number {
  return Math.ceil(amount);
}

function standingOf(score: number, throttle: Level, block: Level, nowMs: number): ActorStanding {
  const untilMs = ({ emptyInMs }: Level): number => (emptyInMs === 0 ? 0 : nowMs + emptyInMs);
  return { score, throttledUntilMs: untilMs(throttle), blockedUntilMs: untilMs(block) };
}
