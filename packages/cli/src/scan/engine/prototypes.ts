/** Classes as they were written before there was a word for them: a function, and what its prototype holds. */
import type { Run } from "./run.ts";
import type { Node } from "../parse.ts";
import type { Value } from "./value.ts";

const PROTOTYPES = new WeakMap<Node, Map<string, Value>>();

function prototypeOf(node: Node): Map<string, Value> {
  const known = PROTOTYPES.get(node) ?? new Map<string, Value>();
  PROTOTYPES.set(node, known);
  return known;
}

/** `Filter.prototype` */
export function prototypeMember({ closure }: Value, key: string | undefined): Value | undefined {
  if (key !== "prototype" || closure === undefined || closure.node.type === "ArrowFunctionExpression") return undefined;
  return { taints: [], type: "object", fields: prototypeOf(closure.node), branch: -1 };
}

/** `Filter.prototype = { add() {} }` */
export function writePrototype({ closure }: Value, key: string | undefined, given: Value): void {
  if (key !== "prototype" || closure === undefined) return;
  for (const [name, value] of given.fields ?? []) prototypeOf(closure.node).set(name, value);
}

/** A method of an object that `new Filter()` has made. */
export function methodOfPrototype(object: Value, key: string): Value | undefined {
  const maker = object.fields?.get("constructor")?.closure?.node;
  const method = maker === undefined ? undefined : PROTOTYPES.get(maker)?.get(key);
  return method?.closure === undefined ? method : { ...method, closure: { ...method.closure, self: object } };
}

/** `new Filter(first)`, where Filter is a function. */
export function constructByFunction(run: Run, callee: Value, args: readonly Value[]): Value | undefined {
  const { closure } = callee;
  if (closure === undefined || closure.node.type === "ArrowFunctionExpression") return undefined;
  const instance: Value = {
    taints: [],
    type: "object",
    fields: new Map([["constructor", callee]]),
    branch: run.state.branch,
    ...(callee.name !== undefined && { name: callee.name }),
  };
  const answer = run.invoke({ ...closure, self: instance }, args, instance);
  return answer.fields === undefined && answer.taints.length === 0 ? instance : answer;
}
