/** Calls of functions whose source is here: the body is walked through with the values that were passed. */
import type { ArrowFunctionExpression, FunctionNode, Node } from "../parse.ts";
import { meet, snapshot, State } from "./state.ts";
import { newObject } from "./members.ts";
import { bind, bindParameters, propertyName } from "./patterns.ts";
import { bake, common, source, type Frame, type Run } from "./run.ts";
import {
  Environment,
  join,
  UNKNOWN,
  type Clear,
  type ClassValue,
  type Closure,
  type Facts,
  type Value,
} from "./value.ts";

const DEEPEST = 7;

/** @returns what the function returns, or an unknown value where it would go too deep */
export function invoke(
  run: Run,
  closure: Closure,
  args: readonly Value[],
  self: Value | undefined,
  stack: Set<unknown>,
): Value {
  const { node } = closure;
  if (run.depth >= DEEPEST || stack.has(node) || node.body === null || !run.spend()) return UNKNOWN;
  const base = run.state;
  const inner = new State(base);
  const frame: Frame = { closure, base, returns: [], yields: [], breaks: [] };
  const saved = { environment: run.environment, module: run.module, self: run.self, frame: run.frame };
  run.environment = new Environment(closure.environment);
  run.self = node.type === "ArrowFunctionExpression" ? closure.self : (closure.self ?? self);
  run.frame = frame;
  run.state = inner;
  run.depth += 1;
  stack.add(node);
  const elsewhere = saved.module.file !== closure.file;
  if (elsewhere) run.module = { file: closure.file, exports: new Map() };
  try {
    enter(run, node, args);
  } finally {
    stack.delete(node);
    run.depth -= 1;
    Object.assign(run, saved);
    run.state = base;
  }
  return leave(base, inner, frame);
}

function enter(run: Run, node: FunctionNode | ArrowFunctionExpression, args: readonly Value[]): void {
  if ("id" in node && node.id?.type === "Identifier" && node.type === "FunctionExpression")
    run.environment.declare(node.id.name);
  bindParameters(run, node.params, args);
  if (node.body === null) return;
  if (node.body.type !== "BlockStatement") {
    const value = run.evaluate(node.body);
    if (isAnswer(value)) run.observer.value(node.body, value, run);
    run.frame.returns.push({ value: bake(value, run.state), state: snapshot(run.state, run.frame.base) });
    run.state.ended = true;
  } else run.execute(node.body.body);
}

/** What a function of a cloud answers with. */
export function isAnswer({ fields }: Value): boolean {
  return fields?.has("statusCode") === true || (fields?.has("body") === true && fields.has("headers"));
}

function leave(base: State, inner: State, frame: Frame): Value {
  const going = frame.returns.map(({ state }) => state);
  if (!inner.ended) going.push(inner);
  const facts = factsOf(frame, inner);
  // A function that only throws ends its caller too.
  if (!meet(base, going, join, bake)) {
    base.ended = true;
    return UNKNOWN;
  }
  if (frame.yields.length > 0) return { taints: [], type: "array", element: frame.yields.reduce(join) };
  const values = frame.returns.map(({ value }) => value);
  const value = values.length === 0 ? UNKNOWN : values.reduce((left, right) => join(left, right));
  return facts === undefined ? value : { ...value, facts };
}

/** What the caller knows from a true or a false answer: what was cleared on every way that can give it. */
function factsOf(frame: Frame, inner: State): Facts | undefined {
  const { returns, base } = frame;
  if (returns.length === 0) return undefined;
  const ways = returns.map(({ value, state }) => {
    const cleared: Clear[] = [...state.changesSince(base).cleared].map(([label, kinds]) => ({ label, kinds }));
    const falsy = value.literal === false || value.literal === null || value.literal === 0 || value.literal === "";
    const truthy = value.literal !== undefined && !falsy;
    return {
      falsy,
      truthy,
      yes: [...cleared, ...(value.facts?.yes ?? [])],
      no: [...cleared, ...(value.facts?.no ?? [])],
    };
  });
  if (!inner.ended) ways.push({ falsy: true, truthy: false, yes: [], no: [] });
  const yes = ways.filter(({ falsy }) => !falsy).map((way) => way.yes);
  const no = ways.filter(({ truthy }) => !truthy).map((way) => way.no);
  const all = (lists: readonly (readonly Clear[])[]): readonly Clear[] =>
    lists.length === 0 ? [] : lists.reduce(common);
  const facts = { yes: all(yes), no: all(no) };
  return facts.yes.length + facts.no.length === 0 ? undefined : facts;
}

/** A new object of a class whose source is here: its fields, then its constructor. */
export function construct(run: Run, callee: Value, args: readonly Value[]): Value | undefined {
  const known = callee.class;
  if (known === undefined) return undefined;
  const instance = newObject(run, "object");
  instance.fields.set("constructor", callee);
  initialise(run, known, args, instance, 0);
  return { ...instance, ...(callee.name !== undefined && { name: callee.name }) };
}

function initialise(run: Run, of: ClassValue, args: readonly Value[], instance: Value, height: number): void {
  const parent = of.parent?.class;
  let constructor: Closure | undefined;
  for (const member of of.node.body.body) {
    if (member.type === "PropertyDefinition" && !member.static) {
      const saved = { environment: run.environment, self: run.self };
      run.environment = of.environment;
      run.self = instance;
      const name = propertyName(run, member.key, member.computed);
      const given = member.value === null || member.value === undefined ? UNKNOWN : run.evaluate(member.value);
      const isInput = member.decorators.some(({ expression }) => isInputDecorator(expression));
      const value = isInput
        ? { taints: source(run, member, `@Input ${name ?? ""}`, "parameter"), name: name ?? "" }
        : given;
      if (name !== undefined) instance.fields?.set(name, value);
      Object.assign(run, saved);
    } else if (member.type === "MethodDefinition" && member.kind === "constructor") {
      constructor = { node: member.value, environment: of.environment, file: of.file, self: instance };
    }
  }
  if (constructor !== undefined) run.invoke(constructor, args, instance);
  else if (parent !== undefined && height < DEEPEST) initialise(run, parent, args, instance, height + 1);
  else keepMessage(of.parent, args, instance);
}

/** Errors keep their message, also those of a class of one's own. */
function keepMessage(parent: Value | undefined, [message]: readonly Value[], instance: Value): void {
  if (message !== undefined && /(?:^|\.)\w*(?:Error|Exception)$/u.test(parent?.api ?? ""))
    instance.fields?.set("message", { ...message, name: "message" });
}

/** What a component of Angular is given by the one around it. */
function isInputDecorator(expression: Node): boolean {
  return (
    expression.type === "CallExpression" &&
    expression.callee.type === "Identifier" &&
    expression.callee.name === "Input"
  );
}

/** `super(...)` */
export function constructParent(run: Run, args: readonly Value[]): void {
  const above = run.self?.fields?.get("constructor")?.class?.parent;
  const parent = above?.class;
  if (run.self !== undefined) keepMessage(above, args, run.self);
  if (parent !== undefined && run.self !== undefined && run.depth < DEEPEST) initialise(run, parent, args, run.self, 1);
}

/** Names of functions stand before the text they are in. */
export function declareFunction(run: Run, node: FunctionNode): Value {
  const closure: Closure = { node, environment: run.environment, file: run.module.file, self: undefined };
  run.register(closure);
  const value: Value = { taints: [], type: "function", closure, ...(node.id !== null && { name: node.id.name }) };
  if (node.id !== null) bind(run, node.id, value, true);
  return value;
}
