/** One case after the other: first that it works, then that it works for nobody else. */
import { planOf, type Cast } from "./attack-matrix-attempts.ts";
import type { PreparedCase } from "./attack-matrix-cases.ts";
import { judgeField, privilegedFields, withExtraFields, type ExtraField } from "./attack-matrix-fields.ts";
import { judge, type Attempt, type Bench, type Judgement } from "./attack-matrix-judge.ts";
import type { AttackMatrixOptions } from "./attack-matrix-options.ts";
import type { AttackCell } from "./attack-matrix-report.ts";
import { compareWithout, tryAll, type Outcome, type Runner, type Tried } from "./attack-matrix-runner.ts";
import { fill, resolver, type LookAlikePerson } from "./attack-matrix-world.ts";

export interface Trial {
  readonly options: AttackMatrixOptions;
  readonly prepared: readonly PreparedCase[];
  readonly cast: Cast;
  readonly runner: Runner;
  readonly bench: Bench;
}

/** Tries every case; then everything that must not depend on the other tenant once more, without that tenant. */
export async function tryCases(trial: Trial): Promise<readonly AttackCell[]> {
  const { options, prepared, runner, cast } = trial;
  const cells: AttackCell[] = [];
  const blind: Tried[] = [];
  for (const one of prepared) {
    const { tried, notes } = await tryCase(trial, one);
    blind.push(...tried.filter(({ attempt }) => attempt.blind));
    cells.push(...tried.filter(({ attempt }) => !attempt.blind).map(cellOf), ...notes);
    const all = [...cells, ...blind.map(cellOf)];
    if (options.stopWhen !== undefined && all.some(options.stopWhen)) return all;
  }
  const alone = runner.baseline().filter(({ tenant }) => tenant !== cast.tenants.own.id);
  const differing = await compareWithout(runner, blind, alone);
  return [
    ...cells,
    ...blind.map((tried) => cellOf({ ...tried, judgement: differing.get(tried.attempt) ?? tried.judgement })),
  ];
}

function cellOf({ attempt, judgement }: Pick<Tried, "attempt" | "judgement">): AttackCell {
  const { route, caller, attack, ask } = attempt;
  return { route, caller: caller.label, attack, ...judgement, request: `${ask.method} ${ask.target}` };
}

interface CaseResult {
  readonly tried: readonly Tried[];
  readonly notes: readonly AttackCell[];
}

async function tryCase(trial: Trial, prepared: PreparedCase): Promise<CaseResult> {
  const { options, cast, runner, bench } = trial;
  const { pattern, method } = prepared;
  const declared = options.security.routes.filter((route) => route.pattern === pattern).map((route) => route.method);
  const plan = planOf(prepared, cast, new Set(declared));
  const honest = (await tryAll(runner, plan.honest, bench)).map((tried) => proven(trial, prepared, tried));
  if (isTime(options, honest)) return { tried: honest, notes: [] };
  const proof = honest.find(({ judgement }) => judgement.verdict === "pass" || judgement.verdict === "leak");
  if (proof === undefined)
    return { tried: honest, notes: [noteOf(prepared, "nobody could do this honestly, so no attack was tried")] };
  const attacks = declared.includes("*")
    ? plan.attacks.filter(({ attack }) => !attack.startsWith("method: "))
    : plan.attacks;
  const tried = [...honest, ...(await tryUntil(trial, attacks))];
  if (isTime(options, tried)) return { tried, notes: [] };
  const again = method === "GET" ? [await onceMore(trial, proof)] : [];
  return { tried: [...tried, ...again, ...(await tryFields(trial, prepared, proof))], notes: [] };
}

/** How many attempts are tried at once, where somebody wants to stop early. */
const HURRY = 12;

async function tryUntil({ options, runner, bench }: Trial, attempts: readonly Attempt[]): Promise<readonly Tried[]> {
  if (options.stopWhen === undefined) return tryAll(runner, attempts, bench);
  const tried: Tried[] = [];
  for (let start = 0; start < attempts.length && !isTime(options, tried); start += HURRY)
    tried.push(...(await tryAll(runner, attempts.slice(start, start + HURRY), bench)));
  return tried;
}

function isTime({ stopWhen }: AttackMatrixOptions, tried: readonly Tried[]): boolean {
  return stopWhen !== undefined && tried.map(cellOf).some(stopWhen);
}

/** An honest request must have done what it is for, or what others could not do with it says nothing. */
function proven({ cast, bench }: Trial, { wanted, method }: PreparedCase, tried: Tried): Tried {
  const { attempt, answer, effect, judgement } = tried;
  if (judgement.verdict !== "pass" || answer instanceof Error) return tried;
  const changed = new Set([...effect.added, ...effect.removed].map(({ table }) => table));
  const invalid = (why: string): Tried => ({ ...tried, judgement: { verdict: "invalid", why } });
  const missing = wanted.changes?.find((table) => !changed.has(table));
  if (missing !== undefined) return invalid(`it changes nothing in ${missing}`);
  const idle = wanted.changes === undefined && method !== "GET" && method !== "HEAD" && changed.size === 0;
  if (idle) return invalid("it changes nothing, so a forged one would not show; mend it, or say changes: []");
  const hidden = new Set(bench.hiddenFrom(attempt).map(({ id }) => id));
  const side = attempt.caller.person?.side ?? "own";
  const absent = (wanted.shows ?? []).find((shown) => {
    const text = fill(shown, resolver(cast.tenants[side]));
    return !hidden.has(text) && !answer.body.includes(text);
  });
  return absent === undefined ? tried : invalid(`the answer does not hold ${absent}`);
}

function noteOf({ route }: PreparedCase, why: string): AttackCell {
  return { route, caller: "nobody", attack: "none", verdict: "invalid", why, request: "" };
}

/** After all the attacks the honest answer is still what it was: nobody's answer has been kept for somebody else. */
async function onceMore({ runner, bench }: Trial, { attempt, answer }: Tried): Promise<Tried> {
  const [repeated] = await tryAll(runner, [{ ...attempt, attack: "after the attacks" }], bench);
  const again = repeated as Tried;
  const same = answer instanceof Error || again.answer instanceof Error || answer.status === again.answer.status;
  if (again.judgement.verdict !== "pass" || same) return again;
  return { ...again, judgement: { verdict: "leak", why: "the answer is another one than before the attacks" } };
}

/** @param proof the honest attempt, whose effect is what the same request with one more field is held against */
async function tryFields(
  { options, cast, runner, bench }: Trial,
  prepared: PreparedCase,
  proof: Tried,
): Promise<readonly Tried[]> {
  const { own, other } = cast.tenants;
  const caller = proof.attempt.caller;
  const colleague = Object.values(own.people).find(({ key }) => key !== caller.person?.key) as LookAlikePerson;
  const fields = withExtraFields(proof.attempt.ask, { ...privilegedFields(other, colleague), ...options.privileged });
  const outcomes = await runner.quietly(fields.map(({ ask }) => ask));
  return fields.map((field, index) => {
    const { answer, effect } = outcomes[index] as Outcome;
    const { name, level, ask } = field;
    const attack = level === "" ? `field ${name}` : `field ${name} in ${level}`;
    const attempt: Attempt = { ...proof.attempt, route: prepared.route, attack, ask, expect: "success" };
    return { attempt, answer, effect, judgement: judgeExtra(field, attempt, { answer, effect }, bench, proof) };
  });
}

function judgeExtra(
  field: ExtraField,
  attempt: Attempt,
  { answer, effect }: Outcome,
  bench: Bench,
  proof: Tried,
): Judgement {
  const judgement = judge(attempt, answer, effect, bench);
  if (judgement.verdict === "leak" || judgement.verdict === "inconclusive" || answer instanceof Error) return judgement;
  return judgeField(field, answer, effect, proof.effect);
}
