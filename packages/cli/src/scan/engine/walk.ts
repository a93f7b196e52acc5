import type { Node, SourceFile } from "../parse.ts";
import { evaluate } from "./expressions.ts";
import { construct, invoke } from "./functions.ts";
import { moduleScope, packageValue } from "./modules.ts";
import { bake, type Frame, type Module, type Observer, type Run } from "./run.ts";
import { State } from "./state.ts";
import { executeAll } from "./statements.ts";
import { Environment, join, UNKNOWN, type Closure, type Value } from "./value.ts";

/** Steps that one file may take, calls into others included: a bound on time whatever the file holds. */
const MOST_STEPS = 400_000;

/** Finds the file that an import means; undefined for packages and for what is not there. */
export type Resolve = (from: SourceFile, specifier: string) => SourceFile | undefined;

/** Finds the templates that a name may mean. */
export type Views = (name: string) => readonly SourceFile[];

/** What the walks of a project share. */
export interface Shared {
  readonly observer: Observer;
  /** Functions that have been walked through. */
  readonly visited: Set<unknown>;
  /** Functions that are being walked through. */
  readonly stack: Set<unknown>;
  readonly resolve: Resolve;
  readonly views: Views;
  readonly load: (file: SourceFile) => Value;
  /** What functions of modules return for arguments that hold nothing but what the program says. */
  readonly answers: Map<unknown, Map<string, Value>>;
}

/** The walk through one module. */
export class Walk implements Run {
  state: State = new State(undefined);
  environment: Environment = new Environment(undefined);
  module: Module;
  readonly root: SourceFile;
  self: Value | undefined = undefined;
  frame: Frame = { closure: undefined, base: this.state, returns: [], yields: [], breaks: [] };
  depth: number = 0;
  entry: boolean = false;
  readonly thrown: Value[][] = [];
  steps: number = MOST_STEPS;
  readonly observer: Observer;
  readonly #shared: Shared;
  readonly #closures: { readonly closure: Closure; readonly state: State }[] = [];
  readonly #classes: Value[] = [];
  readonly #later: (() => void)[] = [];

  constructor(module: Module, shared: Shared) {
    this.module = module;
    this.root = module.file;
    this.#shared = shared;
    this.observer = shared.observer;
  }

  body(): Value {
    const scope = moduleScope(this);
    this.environment = scope.environment;
    this.execute(this.module.file.program.body);
    this.state.ended = false;
    for (const [cell, value] of this.state.values) cell.settled = value;
    return scope.module;
  }

  callbacks(): void {
    for (const work of this.#later) this.#apart(work);
    this.#later.length = 0;
  }

  /** Methods and functions that nobody has called. */
  rest(): void {
    this.entry = true;
    // A service is asked by those that it is handed to, and is a stranger's only where nobody does.
    const [handed, asking] = [false, true].map((asks) => this.#classes.filter((of) => isAsking(of) === asks));
    for (const of of [...(asking ?? []), ...(handed ?? [])]) this.#apart(() => this.#instantiate(of));
    // Functions may make functions.
    for (let index = 0; index < this.#closures.length && this.steps > 0; index += 1) {
      const { closure, state } = this.#closures[index] as { closure: Closure; state: State };
      // It sees what the function around it knew where it was made.
      if (!this.#shared.visited.has(closure.node)) this.#apart(() => this.invoke(closure, [], undefined), state);
    }
  }

  #apart(work: () => void, from: State = this.state): void {
    const before = this.state;
    this.state = new State(from);
    this.depth += 1;
    work();
    this.depth -= 1;
    // What one handler puts into a variable of the module, another finds there.
    for (const [cell, value] of this.state.changesSince(from).values)
      if (before.values.has(cell) && value.taints.length > 0)
        before.values.set(cell, join(before.read(cell), bake(value, this.state)));
    this.state = before;
  }

  #instantiate(of: Value): void {
    this.entry = false;
    const instance = construct(this, of, []);
    this.entry = true;
    for (const member of of.class?.node.body.body ?? []) {
      if (member.type !== "MethodDefinition" || member.kind === "constructor" || this.#shared.visited.has(member.value))
        continue;
      const { environment, file } = of.class as { environment: Environment; file: SourceFile };
      const answer = this.invoke(
        { node: member.value, environment, file, self: member.static ? of : instance },
        [],
        undefined,
      );
      // NestJS sends what a method of a controller returns, and a text as HTML.
      if ((member.decorators?.length ?? 0) > 0) this.observer.value(member, answer, this);
    }
  }

  evaluate(node: Node): Value {
    return evaluate(this, node);
  }

  execute(statements: Parameters<Run["execute"]>[0]): void {
    executeAll(this, statements);
  }

  invoke(closure: Closure, args: readonly Value[], self: Value | undefined): Value {
    const entry = this.entry;
    this.#shared.visited.add(closure.node);
    const question = entry || self !== undefined || this.depth > 4 ? undefined : plainQuestion(closure, args);
    const answers = this.#shared.answers.get(closure.node) ?? new Map<string, Value>();
    const answer = question === undefined ? undefined : answers.get(question);
    if (answer !== undefined) return answer;
    // Only the function that nobody calls has parameters of strangers, not those that it calls.
    if (this.frame.closure !== undefined) this.entry = false;
    try {
      const value = invoke(this, closure, args, self, this.#shared.stack);
      if (question !== undefined && !this.state.ended)
        this.#shared.answers.set(closure.node, answers.set(question, value));
      return value;
    } finally {
      this.entry = entry;
    }
  }

  apply(callee: Value, args: readonly Value[], self?: Value): Value {
    if (callee.native !== undefined) return callee.native(args);
    return callee.closure === undefined ? UNKNOWN : this.invoke(callee.closure, args, self);
  }

  construct(callee: Value, args: readonly Value[]): Value | undefined {
    return construct(this, callee, args);
  }

  import(specifier: string): Value {
    const file = this.#shared.resolve(this.module.file, specifier);
    return file === undefined ? packageValue(specifier) : this.#shared.load(file);
  }

  views(name: string): readonly SourceFile[] {
    return this.#shared.views(name);
  }

  register(closure: Closure): void {
    this.#closures.push({ closure, state: this.state });
  }

  registerClass(of: Value): void {
    this.#classes.push(of);
  }

  later(work: () => void): void {
    this.#later.push(work);
  }

  spend(): boolean {
    this.steps -= 1;
    return this.steps > 0;
  }
}

/** Is a class told by its decorators what to answer? */
function isAsking({ class: of }: Value): boolean {
  const decorators = of?.node.body.body.flatMap((member) => ("decorators" in member ? member.decorators : [])) ?? [];
  return decorators.length > 0;
}

/** The arguments of a call whose answer depends on nothing else: no untrusted text, no object, no function. */
function plainQuestion({ environment }: Closure, args: readonly Value[]): string | undefined {
  if (!environment.isOutermost) return undefined;
  const words: string[] = [];
  for (const { taints, fields, element, closure, native, role, class: of, literal, parts, api, name, regex } of args) {
    const isPlain = taints.length === 0 && fields === undefined && element === undefined && closure === undefined;
    if (!isPlain || native !== undefined || role !== undefined || of !== undefined) return undefined;
    words.push(JSON.stringify([literal, parts, api, name, regex]));
  }
  return words.join(";");
}
