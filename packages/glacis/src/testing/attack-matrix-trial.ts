/** One case after the other: first that it works, then that it works for nobody else. */
import { planOf, type Cast } from "./attack-matrix-attempts.ts";
import type { PreparedCase } from "./attack-matrix-cases.ts";
import type { Answer } from "./attack-matrix-client.ts";
import { judgeField, privilegedFields, withExtraFields, type ExtraField } from "./attack-matrix-fields.ts";
import { fingerprint } from "./attack-matrix-fingerprint.ts";
import { judge, type Attempt, type Bench, type Judgement } from "./attack-matrix-judge.ts";
import type { MarkedWorld } from "./attack-matrix-markers.ts";
import type { AttackMatrixOptions } from "./attack-matrix-options.ts";
import { failures, type AttackCell } from "./attack-matrix-report.ts";
import { compareWithout, tryAll, type Outcome, type Runner, type Tried } from "./attack-matrix-runner.ts";
import { isQuiet } from "./attack-matrix-state.ts";
import { SIDES, type LookAlikePerson, type LookAlikeTenant, type Side } from "./attack-matrix-world.ts";

export interface Trial {
  readonly options: AttackMatrixOptions;
  readonly prepared: readonly PreparedCase[];
  readonly cast: Cast;
  readonly runner: Runner;
  readonly bench: Bench;
}

/** What answers and effects are judged by. */
export async function benchOf(
  { objects, refuses }: AttackMatrixOptions,
  { tenants, anonymous, headers }: Cast,
  marked: MarkedWorld,
  runner: Runner,
  prepared: readonly PreparedCase[],
): Promise<Bench> {
  const sideOf = (tenant: string | undefined): Side | undefined => SIDES.find((side) => tenants[side].id === tenant);
  const open = prepared.filter(({ everyone, method, places }) => everyone && method === "GET" && places.length === 0);
  const targets = [
    ...open.map(({ pattern }) => pattern).filter((pattern) => !/[:*{]/u.test(pattern)),
    "/no-such-path-anywhere",
  ];
  const known = new Set<string>();
  for (const target of targets) {
    const { answer } = await runner.one({ method: "GET", target, headers: { ...headers, ...anonymous.headers } });
    if (!(answer instanceof Error)) known.add(fingerprint(answer, "GET"));
  }
  const hidden = new Map(
    SIDES.map((side) => [
      side,
      Object.entries(objects).flatMap(([name, visibleTo]) => {
        const markers = marked.objects[side].get(name);
        return visibleTo === "everyone" || markers === undefined ? [] : [{ markers, visibleTo }];
      }),
    ]),
  );
  const ids = { own: idsOf(tenants.own), other: idsOf(tenants.other) };
  return {
    tenantOf: ({ tenant }) => sideOf(tenant),
    nameOf: (tenant) => sideOf(tenant) ?? (tenant === undefined ? "no tenant" : "a new tenant"),
    markersOf: (side) => marked.sides[side],
    idsOf: (side) => ids[side],
    hiddenFrom: ({ person }) =>
      person === undefined
        ? []
        : (hidden.get(person.side) ?? []).flatMap(({ markers, visibleTo }) =>
            visibleTo.includes(person.key) ? [] : [markers],
          ),
    refuses: (answer) => isRefusal(answer) || refuses?.(answer) === true,
    isPublic: (answer) => known.has(fingerprint(answer, "GET")),
  };
}

function idsOf({ id, people, objects }: LookAlikeTenant): ReadonlySet<string> {
  return new Set(
    [id, ...Object.values(people).map((person) => person.id), ...Object.values(objects)].map((text) =>
      text.toLowerCase(),
    ),
  );
}

function isRefusal({ status }: Answer): boolean {
  return (status >= 400 && status < 500) || status === 501 || status === 505;
}

/** Tries every case; then everything that must not depend on the other tenant once more, without that tenant. */
export async function tryCases(trial: Trial): Promise<readonly AttackCell[]> {
  const { options, prepared, runner, cast } = trial;
  const hurry = options.stopAtFirstFailure === true;
  const cells: AttackCell[] = [];
  const blind: Tried[] = [];
  for (const one of prepared) {
    const { tried, notes } = await tryCase(trial, one);
    blind.push(...tried.filter(({ attempt }) => attempt.blind));
    cells.push(...tried.filter(({ attempt }) => !attempt.blind).map(cellOf), ...notes);
    if (hurry && failures([...cells, ...blind.map(cellOf)]).length > 0) return [...cells, ...blind.map(cellOf)];
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
  const honest = await tryAll(runner, plan.honest, bench);
  const proof = honest.find(({ judgement }) => judgement.verdict === "pass" || judgement.verdict === "leak");
  if (proof === undefined)
    return { tried: honest, notes: [noteOf(prepared, "nobody could do this honestly, so no attack was tried")] };
  const idle = prepared.wanted.readOnly !== true && method !== "GET" && method !== "HEAD";
  if (idle && honest.every(({ effect }) => isQuiet(effect)))
    return {
      tried: honest,
      notes: [
        noteOf(
          prepared,
          "the honest request changes nothing, so a forged one would not show; mend it, or say readOnly",
        ),
      ],
    };
  const attacks = declared.includes("*")
    ? plan.attacks.filter(({ attack }) => !attack.startsWith("method: "))
    : plan.attacks;
  const tried = [...honest, ...(await tryAll(runner, attacks, bench))];
  const again = method === "GET" ? [await onceMore(trial, proof)] : [];
  return { tried: [...tried, ...again, ...(await tryFields(trial, prepared, proof))], notes: [] };
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
