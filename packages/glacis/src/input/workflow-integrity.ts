/** Flows whose steps are taken in order, by people, at the speed of people (catalog workflow-integrity; ASVS 5 section 2.3). */
import { hash } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { AdmittedFacts, IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { WorkflowState, WorkflowStore } from "./workflow-store.ts";

const META: ControlMeta = {
  id: "workflow-integrity",
  title: "Business flows follow declared steps, limits and approvals",
  layer: "input",
  guide: ["Defense in depth"],
  owasp2021: ["A04"],
  owasp2025: ["A06"],
  asvs: ["v5.0.0-2.1.3", "v5.0.0-2.3.1", "v5.0.0-2.3.2", "v5.0.0-2.3.5", "v5.0.0-2.4.2"],
  cwe: ["CWE-841", "CWE-840", "CWE-799"],
};

export const WORKFLOW_IN_MEMORY: Rule = {
  id: "workflow-integrity/memory-store",
  severity: "error",
  what: "Where people are in a flow is known to one process alone.",
  why: "Another process lets a step be taken again, and a restart loses everybody's place.",
  fix: "Pass postgresWorkflows({ database: pool }) with WORKFLOW_MIGRATION applied.",
};
export const WORKFLOW_NO_PAUSE: Rule = {
  id: "workflow-integrity/no-pause",
  severity: "note",
  what: "No step of a flow waits for the time that a person needs.",
  why: "A script goes through the whole flow in a moment, and as often as its rate limit lets it.",
  fix: "Give the step that costs something minSeconds: less than the quickest person takes.",
};

/** One step of a flow. */
export interface WorkflowStep {
  readonly name: string;
  /** The steps of which one must have been taken last. The one before it in the list unless you say otherwise; the first begins the flow. */
  readonly after?: readonly string[];
  /** The least time since the step before, in seconds. 0. */
  readonly minSeconds?: number;
  /** `another`: by somebody who has taken no step of it so far, as an approval is. */
  readonly by?: "anyone" | "another";
}

export interface WorkflowOptions {
  /** Such as `checkout`; apart from every other flow in the store. */
  readonly name: string;
  readonly steps: readonly WorkflowStep[];
  readonly store: WorkflowStore;
  /** How long a flow may take from step to step, in seconds. An hour. */
  readonly expiresSeconds?: number;
  /**
   * What the flow is about, within the tenant, such as a document's id. The caller unless you say otherwise; a flow with `by: "another"` needs it.
   */
  readonly subject?: (facts: AdmittedFacts) => string;
}

export interface Workflow {
  /** The control of the route that takes this step. @throws TypeError for a step that is none */
  step(name: string): Control<IdentifiedFacts>;
}

type Cause = "not_begun" | "out_of_order" | "expired" | "too_fast" | "same_person" | "raced" | "anonymous" | "subject";

const NAME = /^[a-z][a-z0-9-]{0,31}$/u;
const MOST_STEPS = 20;
const HOUR_SECONDS = 3600;
const LONGEST_SUBJECT = 256;

/**
 * A flow as its steps. Only the server knows who is where: a step is let in when the one before it was taken, long enough ago, in time, and by
 * whom it must be; of several at once one is. It counts as taken once it is let in, so a step that may be tried again names itself in `after`.
 * Taking the first step begins anew.
 *
 * @throws TypeError on an unknown option, or for steps that no one could take.
 * @example
 * const checkout = workflow({
 *   name: "checkout",
 *   store: postgresWorkflows({ database: pool }),
 *   steps: [{ name: "cart" }, { name: "address", after: ["cart", "address"] }, { name: "pay", minSeconds: 3 }],
 * });
 * app.post("/checkout/pay", access(authenticated(), { controls: [checkout.step("pay")] }), pay);
 */
export function workflow(options: WorkflowOptions): Workflow {
  const { name, store, steps, lastsMs, subject } = settingsOf(options);

  async function take(step: Settled, facts: AdmittedFacts): Promise<Decision> {
    const { principal, receivedAtMs: nowMs } = facts;
    if (principal.kind === "anonymous") return refuse("anonymous", name);
    const about = subject?.(facts);
    if (about !== undefined && (typeof about !== "string" || about === "" || about.length > LONGEST_SUBJECT))
      return refuse("subject", name);
    const scope = [name, principal.tenantId, ...(about === undefined ? [principal.kind, principal.id] : ["", about])];
    const id = hash("sha256", JSON.stringify(scope), "base64url");
    const before = await store.read(id);
    const person = `${principal.kind} ${principal.kind === "user" ? (principal.actor?.id ?? principal.id) : principal.id}`;
    const cause = obstacle(step, before, person, nowMs);
    if (cause !== undefined) return refuse(cause, name);
    const people = step.begins ? [] : (before?.people ?? []);
    const state: WorkflowState = {
      step: step.name,
      people: people.includes(person) ? people : [...people, person],
      takenAtMs: nowMs,
      untilMs: nowMs + lastsMs,
      version: (before?.version ?? 0) + 1,
    };
    return (await store.write(id, state, before?.version ?? 0)) ? ALLOW : refuse("raced", name);
  }

  return {
    step(wanted) {
      const step = steps.find((one) => one.name === wanted);
      if (step === undefined) throw new TypeError(`workflow("${name}") has no step "${wanted}".`);
      return {
        meta: META,
        rules: [WORKFLOW_IN_MEMORY, WORKFLOW_NO_PAUSE],
        decideLast: (facts) => take(step, facts),
        check: ({ mode }) => (step === steps[0] ? judge(name, store, steps, mode === "production") : []),
      };
    },
  };
}

function obstacle(step: Settled, before: WorkflowState | undefined, person: string, nowMs: number): Cause | undefined {
  if (step.begins) return undefined;
  if (before === undefined) return "not_begun";
  if (nowMs >= before.untilMs) return "expired";
  if (!step.after.includes(before.step)) return "out_of_order";
  if (nowMs - before.takenAtMs < step.minMs) return "too_fast";
  return step.another && before.people.includes(person) ? "same_person" : undefined;
}

function judge(name: string, store: WorkflowStore, steps: readonly Settled[], production: boolean): readonly Finding[] {
  const at = { kind: "setting", name: `workflow ${name}` } as const;
  return [
    ...(store.kind === "memory" && production ? [finding(WORKFLOW_IN_MEMORY, at)] : []),
    ...(steps.every(({ minMs }) => minMs === 0) ? [finding(WORKFLOW_NO_PAUSE, at)] : []),
  ];
}

interface Settled {
  readonly name: string;
  readonly begins: boolean;
  readonly after: readonly string[];
  readonly minMs: number;
  readonly another: boolean;
}

interface Settings {
  readonly name: string;
  readonly store: WorkflowStore;
  readonly steps: readonly Settled[];
  readonly lastsMs: number;
  readonly subject: WorkflowOptions["subject"];
}

function settingsOf(options: WorkflowOptions): Settings {
  rejectUnknownOptions("workflow", options, ["name", "steps", "store", "expiresSeconds", "subject"]);
  const { name, steps, store, expiresSeconds = HOUR_SECONDS, subject } = options;
  if (typeof name !== "string" || !NAME.test(name)) throw new TypeError('workflow() needs a name, such as "checkout".');
  if (typeof store?.read !== "function" || typeof store.write !== "function")
    throw new TypeError("workflow() needs store: postgresWorkflows() or memoryWorkflows().");
  if (!Number.isSafeInteger(expiresSeconds) || expiresSeconds <= 0)
    throw new TypeError("workflow() needs expiresSeconds as a whole number of seconds above zero.");
  if (subject !== undefined && typeof subject !== "function")
    throw new TypeError("workflow() needs subject as a function of the request.");
  if (!Array.isArray(steps) || steps.length < 2 || steps.length > MOST_STEPS)
    throw new TypeError(`workflow() needs two to ${MOST_STEPS} steps.`);
  const settled = (steps as readonly WorkflowStep[]).map((step, index) => settle(step, index, steps));
  if (new Set(settled.map((step) => step.name)).size !== settled.length)
    throw new TypeError("Two steps of a workflow() have the same name.");
  if (subject === undefined && settled.some(({ another }) => another))
    throw new TypeError('by: "another" needs subject: otherwise everybody has a flow of their own.');
  if (settled.some(({ minMs }) => minMs >= expiresSeconds * 1000))
    throw new TypeError("A step of a workflow() waits longer than the flow lasts.");
  return { name, store, steps: settled, lastsMs: expiresSeconds * 1000, subject };
}

function settle(step: WorkflowStep, index: number, all: readonly WorkflowStep[]): Settled {
  rejectUnknownOptions("workflow({ steps })", step, ["name", "after", "minSeconds", "by"]);
  const { name, after, minSeconds = 0, by = "anyone" } = step;
  if (typeof name !== "string" || !NAME.test(name))
    throw new TypeError('A step of a workflow() needs a name, such as "pay".');
  if (!(Number.isFinite(minSeconds) && minSeconds >= 0)) throw new TypeError("minSeconds must be zero or more.");
  if (by !== "anyone" && by !== "another") throw new TypeError('by is "anyone" or "another".');
  if (index === 0 && (after !== undefined || minSeconds > 0 || by === "another"))
    throw new TypeError("The first step of a workflow() begins it: nothing comes before it.");
  const names = new Set(all.map((one) => one.name));
  const previous = after ?? (index === 0 ? [] : [(all[index - 1] as WorkflowStep).name]);
  if (index > 0 && (previous.length === 0 || previous.some((one) => !names.has(one))))
    throw new TypeError(`The step "${name}" comes after steps that are none.`);
  return { name, begins: index === 0, after: previous, minMs: minSeconds * 1000, another: by === "another" };
}

function refuse(cause: Cause, name: string): Decision {
  const reason = cause === "anonymous" ? "unauthenticated" : cause === "same_person" ? "forbidden" : "flow_violation";
  return deny(reason, {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "sequence_fail",
    control: META.id,
    reason,
    detail: cause,
    resource_type: name,
  });
}
