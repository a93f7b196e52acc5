import type { Node, Program, SourceFile, Statement } from "../parse.ts";
import { State } from "./state.ts";
import { EVERY } from "./kinds.ts";
import type { Environment, Clear, Closure, Facts, SourceKind, Step, Taint, Value } from "./value.ts";

/** A call as the rules see it. */
export interface Call {
  readonly node: Node;
  readonly callee: Value;
  /** The last part of the callee's name: `query` of `db.query`. */
  readonly name: string;
  /** Where the callee comes from, such as `node:fs.readFile`; what is not imported goes by its own name. */
  readonly api: string;
  readonly receiver: Value | undefined;
  readonly args: readonly Value[];
  readonly isNew: boolean;
  readonly run: Run;
}

export interface Assignment {
  readonly node: Node;
  readonly object: Value;
  readonly key: Value;
  readonly value: Value;
  readonly run: Run;
}

/** What the rules are told while the program is walked through. */
export interface Observer {
  call(call: Call): void;
  assign(assignment: Assignment): void;
  /** A JSX attribute or a tagged template: whatever has a value and is no call. */
  value(node: Node, value: Value, run: Run): void;
}

/** One call of a function that is being walked through. */
export interface Frame {
  readonly closure: Closure | undefined;
  /** The state in which the call began. */
  readonly base: State;
  /** What was returned, and the state at that point. */
  readonly returns: { readonly value: Value; readonly state: State }[];
  /** What a generator has handed out. */
  readonly yields: Value[];
  /** The loops and switches around, innermost last: where they began, and the states at their breaks. */
  readonly breaks: { readonly base: State; readonly states: State[] }[];
}

export interface Module {
  readonly file: SourceFile;
  readonly exports: Map<string, Value>;
}

/** The walk through a program: where it is, and what it knows there. */
export interface Run {
  state: State;
  environment: Environment;
  module: Module;
  /** The file with which the walk began. */
  readonly root: SourceFile;
  self: Value | undefined;
  frame: Frame;
  depth: number;
  /** Set while a function that nothing calls is walked through: its parameters are somebody else's. */
  entry: boolean;
  /** What has been thrown inside of the try statements around, innermost last. */
  readonly thrown: Value[][];
  readonly observer: Observer;
  evaluate(node: Node): Value;
  execute(statements: readonly (Statement | Program["body"][number])[]): void;
  invoke(closure: Closure, args: readonly Value[], self: Value | undefined): Value;
  /** Calls whatever a value is, if it can be called here. */
  apply(callee: Value, args: readonly Value[], self?: Value): Value;
  construct(callee: Value, args: readonly Value[]): Value | undefined;
  import(specifier: string): Value;
  /** The templates that a name such as `users/show` may mean. */
  views(name: string): readonly SourceFile[];
  /** Remembers a function, to be looked into at the end if nothing has called it. */
  register(closure: Closure): void;
  registerClass(of: Value): void;
  /** Puts off what happens once the module has been loaded. */
  later(work: () => void): void;
  spend(): boolean;
}

const LONGEST_WAY = 24;

export function step(run: Run, node: Node, text: string, before?: Step): Step {
  const length = (before?.length ?? 0) + 1;
  if (before !== undefined && length > LONGEST_WAY) return before;
  return { file: run.module.file, node, text, length, ...(before !== undefined && { before }) };
}

/** Untrusted from here on. */
export function source(run: Run, node: Node, label: string, kind: SourceKind, safe = 0): readonly Taint[] {
  return [{ label, source: kind, safe, step: step(run, node, `${label} comes from outside`) }];
}

/** The same texts, one step further. */
export function passed(run: Run, node: Node, value: Value, text: string): Value {
  if (value.taints.length === 0) return value;
  return { ...value, taints: value.taints.map((taint) => ({ ...taint, step: step(run, node, text, taint.step) })) };
}

export function applyFacts(state: State, clears: readonly Clear[]): void {
  for (const { label, kinds } of clears) state.clear(label, kinds);
}

/** Runs in a branch of its own and gives the state at its end. */
export function branch(run: Run, assuming: readonly Clear[], body: () => void): State {
  const before = run.state;
  run.state = new State(before);
  applyFacts(run.state, assuming);
  try {
    body();
    return run.state;
  } finally {
    run.state = before;
  }
}

export function flip(facts: Facts | undefined): Facts | undefined {
  return facts && { yes: facts.no, no: facts.yes };
}

/** What holds in both of two cases. */
export function common(left: readonly Clear[], right: readonly Clear[]): readonly Clear[] {
  return left.flatMap(({ label, kinds }) => {
    const both = right.filter((other) => other.label === label).reduce((sum, other) => sum | other.kinds, 0) & kinds;
    return both === 0 ? [] : [{ label, kinds: both }];
  });
}

/** A value with what the present branch has found out about it. */
export function bake(value: Value, state: State): Value {
  if (value.taints.length === 0) return value;
  const taints = value.taints
    .map((taint) => ({ ...taint, safe: taint.safe | state.knownAbout(taint.label) }))
    .filter(({ safe }) => (safe & EVERY) !== EVERY);
  return { ...value, taints };
}
