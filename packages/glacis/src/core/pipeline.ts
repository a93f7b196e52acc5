import { cleanBeginning } from "./clean-beginning.ts";
import type { Control, ReceivedBody } from "./control.ts";
import { ALLOW, deny, type Decision, type Deny } from "./decision.ts";
import type { AdmittedFacts, IdentifiedFacts, InputFacts, RequestFacts, RouteInput } from "./facts.ts";
import { hideRevealed } from "./revealed.ts";

/** One step of a stage: a control's id and its decision function. */
export interface Step<Facts extends RequestFacts> {
  readonly id: string;
  readonly decide: (facts: Facts) => Decision | Promise<Decision>;
}

/** The deciding controls of a slot, in order. */
export function stepsOf<Facts extends RequestFacts>(controls: readonly Control<Facts>[]): readonly Step<Facts>[] {
  return controls.flatMap(({ meta, decide }) => (decide === undefined ? [] : [{ id: meta.id, decide }]));
}

/** The controls that want to see a body, in order, as steps over facts whose body is there. */
export function bodyStepsOf(controls: readonly Control<IdentifiedFacts>[]): readonly Step<InputFacts>[] {
  return controls.flatMap(({ meta, decideBody }) =>
    decideBody === undefined
      ? []
      : [{ id: meta.id, decide: (facts: InputFacts) => decideBody(facts, receivedBody(facts)) }],
  );
}

function receivedBody({ mediaType, body: value, bodyText: text = "" }: InputFacts): ReceivedBody {
  return { mediaType, value, text };
}

/** At the handler's door, once the body is there: what the route declares that it takes, then the controls that are asked last. */
export function doorSteps(
  input: RouteInput | undefined,
  controls: readonly Control<IdentifiedFacts>[],
): readonly Step<AdmittedFacts>[] {
  const judging: readonly Step<AdmittedFacts>[] =
    input === undefined ? [] : [{ id: "input-validation", decide: input.judge }];
  const asking = controls.flatMap(({ meta, decideLast }) =>
    decideLast === undefined ? [] : [{ id: meta.id, decide: decideLast }],
  );
  return [...judging, ...asking];
}

/** What the pipeline tells its owner while it runs: allowances that carry headers or events, and controls that failed. */
export interface PipelineObserver<Facts extends RequestFacts> {
  readonly allowed: (decision: Decision, facts: Facts) => void;
}

/**
 * Runs the steps in order; the first that does not allow ends it. Stays synchronous while every step is: a request that needs no I/O pays for
 * no promise. A step that throws, rejects, outlasts the limit or returns nonsense refuses with `control_failed`.
 *
 * @param timeoutMs how long an asynchronous step may take
 */
export function runSteps<Facts extends RequestFacts>(
  steps: readonly Step<Facts>[],
  facts: Facts,
  observer: PipelineObserver<Facts>,
  timeoutMs: number,
  start = 0,
): Decision | Promise<Decision> {
  for (let index = start; index < steps.length; index += 1) {
    const step = steps[index] as Step<Facts>;
    let decision: Decision | Promise<Decision>;
    try {
      decision = step.decide(facts);
    } catch (error) {
      return controlFailed(step.id, error);
    }
    if (decision === ALLOW) continue;
    if (decision instanceof Promise) {
      return settle(step.id, decision, timeoutMs).then((settled) => {
        if (settled.kind !== "allow") return settled;
        if (settled !== ALLOW) observer.allowed(settled, facts);
        return runSteps(steps, facts, observer, timeoutMs, index + 1);
      });
    }
    const checked = wellFormed(step.id, decision);
    if (checked.kind !== "allow") return checked;
    observer.allowed(checked, facts);
  }
  return ALLOW;
}

/** Awaits a decision for a bounded time; whatever goes wrong is a refusal. */
export async function settle(id: string, pending: Promise<Decision>, timeoutMs: number): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<Decision>((resolve) => {
    timer = setTimeout(() => resolve(controlFailed(id, new Error(`No decision within ${timeoutMs} ms.`))), timeoutMs);
  });
  try {
    return wellFormed(id, await Promise.race([pending, expired]));
  } catch (error) {
    return controlFailed(id, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Goes on with a decision now, or when it is there. */
export function conclude<Facts, Result>(
  decision: Decision | Promise<Decision>,
  facts: Facts,
  next: (facts: Facts, decision: Decision) => Result,
): Result | Promise<Result> {
  return decision instanceof Promise ? decision.then((settled) => next(facts, settled)) : next(facts, decision);
}

/** Holds a decision to its type at run time: JavaScript callers and casts exist, and `undefined` must not mean yes. */
function wellFormed(id: string, decision: Decision): Decision {
  switch (decision?.kind) {
    case "allow":
    case "deny":
    case "redirect":
    case "answer":
      return decision;
    default:
      return controlFailed(id, new TypeError("The control returned no decision."));
  }
}

/** A fault inside a control: the request is refused, the log says which control and why. */
export function controlFailed(id: string, error: unknown): Deny {
  return deny(
    "control_failed",
    {
      event_type: "system",
      status: "failed",
      severity: "critical",
      event: "sys_control_failed",
      control: id,
      reason: "control_failed",
      error: describeError(error),
    },
    {
      why: `The control "${id}" failed: ${error instanceof Error ? error.message : "it threw something that is not an Error"}.`,
    },
  );
}

/** More than any sink keeps, so that none of them shows what this has cut through. */
const LONGEST_DESCRIPTION = 8192;

/** An error for the log: class, message and stack on one line, bounded, without what left a `Secret`. A sink redacts it before it is stored. */
export function describeError(error: unknown): string {
  const text =
    error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : `Non-error thrown: ${typeof error}`;
  return cleanBeginning(text, LONGEST_DESCRIPTION, hideRevealed);
}
