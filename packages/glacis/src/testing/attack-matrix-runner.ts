/** Asks, looks at what changed, puts it back. One request at a time. */
import type { Answer, Ask, Send } from "./attack-matrix-client.ts";
import { fingerprint, firstDifference, withoutNumbers } from "./attack-matrix-fingerprint.ts";
import { judge, type Attempt, type Bench, type Judgement } from "./attack-matrix-judge.ts";
import {
  effectBetween,
  isQuiet,
  NO_EFFECT,
  type ApplicationState,
  type Effect,
  type Snapshot,
} from "./attack-matrix-state.ts";

export interface Outcome {
  readonly answer: Answer | Error;
  readonly effect: Effect;
}

export interface Tried extends Outcome {
  readonly attempt: Attempt;
  readonly judgement: Judgement;
}

export interface Runner {
  /** The state that everything starts from and returns to. */
  readonly baseline: () => Snapshot;
  readonly begin: (baseline: Snapshot) => Promise<void>;
  readonly one: (ask: Ask) => Promise<Outcome>;
  /** Several requests with one look at the state behind them; if it changed, one by one. */
  readonly quietly: (asks: readonly Ask[]) => Promise<readonly Outcome[]>;
  readonly requests: () => number;
}

/** A matrix that asks more than this has cases that multiply without end. */
const MOST_REQUESTS = 50_000;

export function runnerOn(send: Send, state: ApplicationState): Runner {
  const ignored = new Set(state.ignored ?? []);
  let baseline: Snapshot = [];
  let requests = 0;

  async function ask(wanted: Ask): Promise<Answer | Error> {
    requests += 1;
    if (requests > MOST_REQUESTS) throw new Error(`The matrix has asked ${MOST_REQUESTS} times and is not done.`);
    try {
      return await send(wanted);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async function settle(): Promise<Effect> {
    const present = await state.read();
    const effect = effectBetween(baseline, present, ignored);
    if (!isQuiet(effect)) await state.write(baseline, present);
    return effect;
  }

  const one = async (wanted: Ask): Promise<Outcome> => {
    const answer = await ask(wanted);
    return { answer, effect: await settle() };
  };

  return {
    baseline: () => baseline,
    async begin(wanted) {
      baseline = wanted;
      await state.write(wanted);
      // What is written may be spelt anew, and the look-aside columns have moved on.
      baseline = await state.read();
    },
    one,
    async quietly(asks) {
      const answers: (Answer | Error)[] = [];
      for (const wanted of asks) answers.push(await ask(wanted));
      if (asks.length === 0 || isQuiet(await settle())) return answers.map((answer) => ({ answer, effect: NO_EFFECT }));
      const outcomes: Outcome[] = [];
      for (const wanted of asks) outcomes.push(await one(wanted));
      return outcomes;
    },
    requests: () => requests,
  };
}

/** What should change nothing together, the rest one by one. */
async function outcomesOf(runner: Runner, attempts: readonly Attempt[]): Promise<readonly Outcome[]> {
  const writes = ({ expect, ask }: Attempt): boolean =>
    (expect === "success" || expect === "harmless") && ask.method !== "GET" && ask.method !== "HEAD";
  const results = new Map<Attempt, Outcome>();
  for (const attempt of attempts.filter(writes)) results.set(attempt, await runner.one(attempt.ask));
  const quiet = attempts.filter((attempt) => !writes(attempt));
  const outcomes = await runner.quietly(quiet.map(({ ask }) => ask));
  for (const [index, attempt] of quiet.entries()) results.set(attempt, outcomes[index] as Outcome);
  return attempts.map((attempt) => results.get(attempt) as Outcome);
}

/** Tries and judges. */
export async function tryAll(runner: Runner, attempts: readonly Attempt[], bench: Bench): Promise<readonly Tried[]> {
  const outcomes = await outcomesOf(runner, attempts);
  return attempts.map((attempt, index) => {
    const { answer, effect } = outcomes[index] as Outcome;
    return { attempt, answer, effect, judgement: judge(attempt, answer, effect, bench) };
  });
}

/**
 * Non-interference: the same question must get the same answer when the attacked tenant does not exist. That catches what no word gives away:
 * totals, the difference between forbidden and absent, an address that is taken.
 *
 * @param alone the state without the attacked tenant
 */
export async function compareWithout(
  runner: Runner,
  tried: readonly Tried[],
  alone: Snapshot,
): Promise<ReadonlyMap<Attempt, Judgement>> {
  const full = runner.baseline();
  const open = tried.filter(
    ({ attempt, judgement, answer }) => attempt.blind && judgement.verdict === "pass" && !(answer instanceof Error),
  );
  await runner.begin(alone);
  const outcomes = await outcomesOf(
    runner,
    open.map(({ attempt }) => attempt),
  );
  const suspects = open.filter(
    ({ attempt, answer }, index) => printOf(answer, attempt) !== printOf(outcomes[index]?.answer, attempt),
  );
  const again = await twice(runner, suspects, alone, full);
  const found = new Map<Attempt, Judgement>();
  for (const [index, suspect] of suspects.entries()) {
    const judgement = judgePair(again.full[index] ?? "", again.alone[index] ?? "", suspect);
    if (judgement !== undefined) found.set(suspect.attempt, judgement);
  }
  return found;
}

async function twice(
  runner: Runner,
  suspects: readonly Tried[],
  alone: Snapshot,
  full: Snapshot,
): Promise<{ readonly full: readonly string[]; readonly alone: readonly string[] }> {
  const print = async (): Promise<readonly string[]> => {
    const prints: string[] = [];
    for (const { attempt } of suspects) prints.push(printOf((await runner.one(attempt.ask)).answer, attempt));
    return prints;
  };
  if (suspects.length === 0) {
    await runner.begin(full);
    return { full: [], alone: [] };
  }
  await runner.begin(alone);
  const second = await print();
  await runner.begin(full);
  return { full: await print(), alone: second };
}

/** The first answer tells an answer that differs by itself, such as one with a counter in it, from one that differs because of the tenant. */
function judgePair(full: string, alone: string, { attempt, answer }: Tried): Judgement | undefined {
  if (full === alone) return undefined;
  const difference = firstDifference(full, alone);
  if (printOf(answer, attempt) === full)
    return { verdict: "leak", why: `the answer tells whether the other tenant exists: ${difference}` };
  if (withoutNumbers(full) === withoutNumbers(alone)) return undefined;
  return { verdict: "inconclusive", why: `the answer differs each time: ${difference}` };
}

function printOf(answer: Answer | Error | undefined, { ask }: Attempt): string {
  return answer === undefined || answer instanceof Error ? "no answer" : fingerprint(answer, ask.method);
}
