/** Statements: what follows what, and on which ways. */
import type { Node, Statement } from "../parse.ts";
import { meet, snapshot, State } from "./state.ts";
import { declareFunction, isAnswer } from "./functions.ts";
import { elementOf } from "./members.ts";
import { exportDeclaration, importDeclaration } from "./modules.ts";
import { bind } from "./patterns.ts";
import { applyFacts, bake, branch, source, type Run } from "./run.ts";
import { Environment, join, UNKNOWN, type Clear, type Value } from "./value.ts";
import { EVERY, TEXTUAL } from "./kinds.ts";

/** A list of statements, in a scope that the caller has made. */
export function executeAll(run: Run, statements: readonly Statement[]): void {
  for (const statement of statements) {
    const declared =
      statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration"
        ? statement.declaration
        : statement;
    if (declared?.type === "FunctionDeclaration" && declared.body !== null) declareFunction(run, declared);
    else if (statement.type === "ImportDeclaration") importDeclaration(run, statement);
  }
  for (const statement of statements) {
    if (run.state.ended) return;
    execute(run, statement);
  }
}

function execute(run: Run, statement: Statement): void {
  if (!run.spend()) return;
  switch (statement.type) {
    case "ExpressionStatement":
      run.evaluate(statement.expression);
      return;
    case "VariableDeclaration":
      for (const { id, init } of statement.declarations)
        bind(run, id, init === null ? UNKNOWN : run.evaluate(init), true);
      return;
    case "BlockStatement":
      block(run, statement.body);
      return;
    case "IfStatement":
      conditional(run, statement.test, statement.consequent, statement.alternate);
      return;
    case "ReturnStatement": {
      const value = statement.argument === null ? { ...UNKNOWN, literal: null } : run.evaluate(statement.argument);
      noteAnswer(run, statement, value);
      leaveFunction(run, value);
      return;
    }
    case "ThrowStatement": {
      const thrown = run.evaluate(statement.argument);
      run.thrown.at(-1)?.push(bake(thrown, run.state));
      run.state.ended = true;
      return;
    }
    case "BreakStatement":
    case "ContinueStatement": {
      const around = run.frame.breaks.at(-1);
      around?.states.push(snapshot(run.state, around.base));
      run.state.ended = true;
      return;
    }
    case "TryStatement":
      attempt(run, statement);
      return;
    case "SwitchStatement":
      choose(run, statement);
      return;
    case "LabeledStatement":
      execute(run, statement.body);
      return;
    case "ClassDeclaration":
      run.evaluate(statement);
      return;
    case "ExportNamedDeclaration":
    case "ExportDefaultDeclaration":
    case "ExportAllDeclaration":
      exportDeclaration(run, statement, (declaration) => execute(run, declaration as Statement));
      return;
    default:
      repeat(run, statement);
  }
}

function block(run: Run, statements: readonly Statement[]): void {
  const outer = run.environment;
  run.environment = new Environment(outer);
  try {
    executeAll(run, statements);
  } finally {
    run.environment = outer;
  }
}

/** Rules hear of what a function of a cloud answers with. */
function noteAnswer(run: Run, node: Node, value: Value): void {
  if (isAnswer(value)) run.observer.value(node, value, run);
}

function leaveFunction(run: Run, value: Value): void {
  run.frame.returns.push({ value: bake(value, run.state), state: snapshot(run.state, run.frame.base) });
  run.state.ended = true;
}

function conditional(run: Run, test: Node, consequent: Statement, alternate: Statement | null): void {
  const { facts, literal } = run.evaluate(test);
  const base = run.state;
  const ways: State[] = [];
  if (literal !== false) ways.push(branch(run, facts?.yes ?? [], () => execute(run, consequent)));
  if (literal !== true) ways.push(branch(run, facts?.no ?? [], () => alternate !== null && execute(run, alternate)));
  converge(run, base, ways);
}

function converge(run: Run, base: State, ways: readonly State[]): void {
  const going = ways.filter(({ ended }) => !ended);
  if (!meet(base, going, join, bake)) run.state.ended = true;
}

function attempt(run: Run, statement: Statement & { readonly type: "TryStatement" }): void {
  const base = run.state;
  const thrown: Value[] = [];
  run.thrown.push(thrown);
  const ways = [branch(run, [], () => block(run, statement.block.body))];
  run.thrown.pop();
  const { handler } = statement;
  if (handler !== null) {
    ways.push(
      branch(run, [], () => {
        const outer = run.environment;
        run.environment = new Environment(outer);
        // What the body assigned before it threw may be there.
        for (const [cell, value] of (ways[0] as State).changesSince(base).values)
          run.state.values.set(cell, join(base.read(cell), value));
        if (handler.param !== null) bind(run, handler.param, caught(thrown), true);
        executeAll(run, handler.body.body);
        run.environment = outer;
      }),
    );
  }
  converge(run, base, ways);
  if (statement.finalizer !== null) {
    const { ended } = run.state;
    run.state.ended = false;
    block(run, statement.finalizer.body);
    run.state.ended ||= ended;
  }
}

/** What a catch is given: an error, with what is known of its message. */
function caught(thrown: readonly Value[]): Value {
  const messages = thrown
    .flatMap(({ fields }) => fields?.get("message") ?? [])
    .filter(({ taints }) => taints.length > 0);
  return {
    taints: [],
    api: "error",
    name: "error",
    ...(messages.length > 0 && { fields: new Map([["message", messages.reduce(join)]]) }),
  };
}

function choose(run: Run, statement: Statement & { readonly type: "SwitchStatement" }): void {
  const asked = run.evaluate(statement.discriminant);
  const base = run.state;
  const around = { base, states: [] as State[] };
  run.frame.breaks.push(around);
  let fallen: State | undefined;
  let hasDefault = false;
  const outer = run.environment;
  run.environment = new Environment(outer);
  for (const { test, consequent } of statement.cases) {
    const known = caseFacts(run, asked, test);
    hasDefault ||= test === null;
    const previous = fallen;
    fallen = branch(run, known, () => {
      if (previous !== undefined)
        for (const [cell, value] of previous.changesSince(base).values)
          run.state.values.set(cell, join(base.read(cell), value));
      executeAll(run, consequent);
    });
    if (fallen.ended) fallen = undefined;
  }
  run.environment = outer;
  run.frame.breaks.pop();
  const rest = hasDefault ? [] : [new State(base)];
  if (!meet(base, [...around.states, ...(fallen === undefined ? [] : [fallen]), ...rest], join, bake))
    run.state.ended = true;
}

/** In a case, the value is the literal that the case names. `switch (true)` asks conditions. */
function caseFacts(run: Run, asked: Value, test: Node | null): readonly Clear[] {
  if (test === null) return [];
  const answer = run.evaluate(test);
  if (asked.literal === true) return answer.facts?.yes ?? [];
  return answer.taints.length === 0 ? asked.taints.map(({ label }) => ({ label, kinds: EVERY })) : [];
}

function repeat(run: Run, statement: Statement): void {
  const outer = run.environment;
  run.environment = new Environment(outer);
  try {
    switch (statement.type) {
      case "ForStatement":
        if (statement.init?.type === "VariableDeclaration") execute(run, statement.init);
        else if (statement.init !== null) run.evaluate(statement.init);
        noteBound(run, statement, statement.test);
        loop(run, statement, false, () => {
          if (statement.test !== null) applyFacts(run.state, run.evaluate(statement.test).facts?.yes ?? []);
          execute(run, statement.body);
          if (statement.update !== null) run.evaluate(statement.update);
        });
        return;
      case "WhileStatement":
      case "DoWhileStatement":
        noteBound(run, statement, statement.test);
        loop(run, statement, statement.type === "DoWhileStatement", () => {
          applyFacts(run.state, run.evaluate(statement.test).facts?.yes ?? []);
          execute(run, statement.body);
        });
        return;
      case "ForOfStatement":
      case "ForInStatement": {
        const over = run.evaluate(statement.right);
        const each =
          statement.type === "ForInStatement"
            ? keysOf(over)
            : over.role === "request"
              ? { taints: source(run, statement.right, "request body", "remote", TEXTUAL) }
              : elementOf(over);
        const { left } = statement;
        const target = left.type === "VariableDeclaration" ? (left.declarations[0]?.id as Node) : left;
        // A list that may be empty does no harm where it is: what a loop has checked has been checked.
        loop(run, statement, true, () => {
          bind(run, target, each, left.type === "VariableDeclaration");
          execute(run, statement.body);
        });
        return;
      }
      default:
    }
  } finally {
    run.environment = outer;
  }
}

/** Rules hear of what a loop counts up to. */
function noteBound(run: Run, statement: Statement, test: Node | null): void {
  if (test?.type !== "BinaryExpression" || !/^[<>]=?$/u.test(test.operator)) return;
  const bound = test.operator.startsWith("<") ? test.right : (test.left as Node);
  if (bound.type !== "Literal") run.observer.value(statement, run.evaluate(bound), run);
}

/** The names of properties are as untrusted as the object. */
export function keysOf(over: Value): Value {
  return { taints: over.taints.map((taint) => ({ ...taint, label: `${taint.label}.*` })), type: "string" };
}

/** Twice, for what one turn leaves for the next. */
function loop(run: Run, node: Node, surely: boolean, body: () => void): void {
  const base = run.state;
  const around = { base, states: [] as State[] };
  run.frame.breaks.push(around);
  let state = branch(run, [], body);
  if (!state.ended) {
    const first = state;
    const turn = (): State => {
      run.state = first;
      try {
        return branch(run, [], body);
      } finally {
        run.state = base;
      }
    };
    const second = turn();
    if (!second.ended) state = second;
  }
  run.frame.breaks.pop();
  const going = [...around.states, ...(state.ended ? [] : [state])];
  if (!surely || going.length === 0) going.push(new State(base));
  meet(base, going, join, bake);
}
