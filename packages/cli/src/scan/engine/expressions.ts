/** Expressions: each gives a value, as far as one is known. */
import type {
  AssignmentExpression,
  BinaryExpression,
  Class,
  MemberExpression,
  Node,
  ObjectExpression,
} from "../parse.ts";
import { evaluateCall, evaluateTemplate } from "./calls.ts";
import { concatenate } from "./concatenate.ts";
import { meet } from "./state.ts";
import { factsOfComparison } from "./guards.ts";
import { KIND, NUMERIC } from "./kinds.ts";
import { BARE_OBJECT, elementOf, keyOf, newObject, readMember, safeFor, writeMember } from "./members.ts";
import { bind, isNoted, propertyName, propertyValue } from "./patterns.ts";
import { element, shownAddress } from "./jsx.ts";
import { importValue } from "./modules.ts";
import { applyFacts, bake, branch, common, flip, passed, type Run } from "./run.ts";
import { archiveSource, globalSource, roleOf } from "./sources.ts";
import { Environment, join, mergeTaints, textValue, UNKNOWN, type Facts, type Value } from "./value.ts";

export function evaluate(run: Run, node: Node): Value {
  if (!run.spend()) return UNKNOWN;
  switch (node.type) {
    case "Identifier":
      return readName(run, node, node.name);
    case "Literal":
      return literal(node.value, "regex" in node ? node.regex : undefined);
    case "TemplateLiteral":
      return concatenate(
        node.quasis.flatMap(({ value }, index) => {
          const expression = node.expressions[index];
          return [
            textValue(value.cooked ?? value.raw),
            ...(expression === undefined
              ? []
              : [passed(run, expression, run.evaluate(expression), "is put into a text")]),
          ];
        }),
      );
    case "MemberExpression":
      return evaluateMember(run, node);
    case "CallExpression":
    case "NewExpression":
      return evaluateCall(run, node);
    case "TaggedTemplateExpression":
      return evaluateTemplate(run, node);
    case "AssignmentExpression":
      return assign(run, node);
    case "BinaryExpression":
      return binary(run, node as BinaryExpression);
    case "LogicalExpression":
      return logical(run, node.operator, node.left, node.right);
    case "ConditionalExpression":
      return choose(run, node.test, node.consequent, node.alternate);
    case "ObjectExpression":
      return objectValue(run, node);
    case "ArrayExpression":
      return arrayValue(run, node.elements);
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "FunctionDeclaration": {
      const self = node.type === "ArrowFunctionExpression" ? run.self : undefined;
      const closure = { node, environment: run.environment, file: run.module.file, self };
      run.register(closure);
      return { taints: [], type: "function", closure };
    }
    case "ClassDeclaration":
    case "ClassExpression":
      return classValue(run, node);
    default:
      return evaluateOther(run, node);
  }
}

function evaluateOther(run: Run, node: Node): Value {
  switch (node.type) {
    case "ThisExpression":
      return run.self ?? UNKNOWN;
    case "UnaryExpression": {
      const value = run.evaluate(node.argument);
      if (node.operator === "!") {
        const facts = flip(value.facts);
        return {
          taints: [],
          type: "boolean",
          ...(typeof value.literal === "boolean" && { literal: !value.literal }),
          ...(facts && { facts }),
        };
      }
      if (node.operator === "typeof") return { taints: [], typeofLabels: value.taints.map(({ label }) => label) };
      if (node.operator === "-" && typeof value.literal === "number")
        return { taints: [], literal: -value.literal, type: "number" };
      return node.operator === "void" ? UNKNOWN : { ...safeFor({ taints: value.taints }, NUMERIC), type: "number" };
    }
    case "UpdateExpression":
      return { taints: run.evaluate(node.argument).taints, type: "number" };
    case "SequenceExpression":
      return node.expressions.map((expression) => run.evaluate(expression)).at(-1) ?? UNKNOWN;
    case "YieldExpression": {
      const value = node.argument === null ? UNKNOWN : run.evaluate(node.argument);
      run.frame.yields.push(bake(node.delegate ? elementOf(value) : value, run.state));
      return UNKNOWN;
    }
    case "AwaitExpression":
      return node.argument === null ? UNKNOWN : run.evaluate(node.argument);
    case "SpreadElement":
    case "JSXSpreadAttribute":
      return run.evaluate(node.argument);
    case "ImportExpression":
      return importValue(run, node, run.evaluate(node.source));
    case "ChainExpression":
    case "ParenthesizedExpression":
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
    case "TSTypeAssertion":
    case "TSInstantiationExpression":
    case "JSXExpressionContainer":
      return run.evaluate(node.expression);
    case "JSXElement":
    case "JSXFragment":
      return element(run, node);
    default:
      return UNKNOWN;
  }
}

function literal(value: unknown, regex: { readonly pattern: string; readonly flags: string } | undefined): Value {
  if (regex !== undefined) return { taints: [], regex: { source: regex.pattern, flags: regex.flags }, type: "object" };
  if (typeof value === "string") return textValue(value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) {
    const type = typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "object";
    return { taints: [], literal: value, type };
  }
  return UNKNOWN;
}

function readName(run: Run, node: Node, name: string): Value {
  const cell = run.environment.lookup(name);
  const value = cell && run.state.read(cell);
  if (value !== undefined) return value.name === name ? value : { ...value, name };
  if (cell !== undefined) return { taints: [], name };
  const role = roleOf(name, undefined);
  if (role !== undefined && name !== "context" && name !== "c") return { taints: [], role, name };
  return globalSource(run, node, name) ?? { taints: [], api: name, name };
}

function evaluateMember(run: Run, node: MemberExpression): Value {
  const object = node.object.type === "Super" ? (run.self ?? UNKNOWN) : run.evaluate(node.object);
  const { property } = node;
  const asked = node.computed ? run.evaluate(property) : propertyValue(property);
  const key = keyOf(asked);
  if (key !== undefined) {
    const outside =
      globalSource(run, node, `${object.api ?? shownAddress(object, key)}.${key}`) ??
      archiveSource(run, node, object, key);
    if (outside !== undefined) return outside;
  }
  const value = readMember(run, node, object, key);
  if (key === undefined && asked.taints.length > 0 && object.api !== BARE_OBJECT) {
    const reachedBy = bake(asked, run.state).taints.filter(({ safe }) => (safe & KIND.key) === 0);
    if (reachedBy.length > 0) return { ...value, reachedBy };
  }
  return key === "default" && object.api !== undefined && value.api === `${object.api}.default` ? object : value;
}

function binary(run: Run, node: BinaryExpression): Value {
  const left = run.evaluate(node.left);
  const right = run.evaluate(node.right);
  if (node.operator === "+") {
    if (left.type === "number" && right.type === "number")
      return { ...safeFor({ taints: mergeTaints(left.taints, right.taints) }, NUMERIC), type: "number" };
    const put = "is put into a text";
    return concatenate([passed(run, node.left, left, put), passed(run, node.right, right, put)]);
  }
  const facts = factsOfComparison(node.operator, left, right);
  if (facts !== undefined) return { taints: [], type: "boolean", facts };
  if (/^[!=<>]|^in/u.test(node.operator)) return { taints: [], type: "boolean" };
  return { ...safeFor({ taints: mergeTaints(left.taints, right.taints) }, NUMERIC), type: "number" };
}

function logical(run: Run, operator: string, leftNode: Node, rightNode: Node): Value {
  const left = run.evaluate(leftNode);
  const base = run.state;
  const assumed = operator === "&&" ? left.facts?.yes : operator === "||" ? left.facts?.no : [];
  let right: Value = UNKNOWN;
  const after = branch(run, assumed ?? [], () => {
    right = run.evaluate(rightNode);
    right = bake(right, run.state);
  });
  meet(base, after.ended ? [base] : [after, base], join, bake);
  // allowed.has(host) || context.throw(400)
  if (after.ended) applyFacts(base, (operator === "&&" ? left.facts?.no : left.facts?.yes) ?? []);
  const facts = combine(operator, left.facts, right.facts);
  const value = operator === "&&" ? right : join(left, right);
  const { facts: _, ...plain } = value;
  return facts === undefined ? plain : { ...plain, facts };
}

function combine(operator: string, left: Facts | undefined, right: Facts | undefined): Facts | undefined {
  if (left === undefined && right === undefined) return undefined;
  const [one, two] = [left ?? { yes: [], no: [] }, right ?? { yes: [], no: [] }];
  if (operator === "&&") return { yes: [...one.yes, ...two.yes], no: common(one.no, two.no) };
  if (operator === "||") return { yes: common(one.yes, two.yes), no: [...one.no, ...two.no] };
  return left;
}

function choose(run: Run, test: Node, consequent: Node, alternate: Node): Value {
  const { facts } = run.evaluate(test);
  const values: Value[] = [];
  const base = run.state;
  const ways = [
    branch(run, facts?.yes ?? [], () => void values.push(bake(run.evaluate(consequent), run.state))),
    branch(run, facts?.no ?? [], () => void values.push(bake(run.evaluate(alternate), run.state))),
  ];
  meet(
    base,
    ways.filter(({ ended }) => !ended),
    join,
    bake,
  );
  const [yes = UNKNOWN, no = UNKNOWN] = values;
  const chosen = join(yes, no);
  if (typeof yes.literal === "boolean" && typeof no.literal === "boolean" && facts !== undefined)
    return { ...chosen, facts: yes.literal ? facts : { yes: facts.no, no: facts.yes } };
  return chosen;
}

function assign(run: Run, node: AssignmentExpression): Value {
  const { operator, left, right } = node;
  if (operator === "=") {
    const value = run.evaluate(right);
    bind(run, left, value, false);
    return value;
  }
  const target = left as Node;
  if (operator === "||=" || operator === "??=" || operator === "&&=") {
    const value = logical(run, operator.slice(0, -1), target, right);
    bind(run, target, value, false);
    return value;
  }
  const before = run.evaluate(target);
  const added = run.evaluate(right);
  const value =
    operator === "+=" && !(before.type === "number" && added.type === "number")
      ? concatenate([before, passed(run, right, added, "is added to a text")])
      : {
          taints: safeFor({ taints: mergeTaints(before.taints, added.taints) }, NUMERIC).taints,
          type: "number" as const,
        };
  bind(run, target, value, false);
  return value;
}

function objectValue(run: Run, node: ObjectExpression): Value {
  const object = newObject(run, "object");
  const own = new Set<string>();
  let spread = object.taints;
  for (const property of node.properties) {
    if (property.type === "SpreadElement") {
      const value = run.evaluate(property.argument);
      spread = mergeTaints(spread, value.taints);
      if (value.taints.length > 0) own.clear();
      for (const [key, field] of value.fields ?? []) if (key !== "constructor") object.fields.set(key, field);
      continue;
    }
    const name = propertyName(run, property.key, property.computed);
    const value = run.evaluate(property.value);
    if (name !== undefined) own.add(name);
    if (value.taints.some(isNoted)) run.observer.value(property, value, run);
    if (name === undefined) {
      if (property.computed)
        run.observer.assign({ node: property, object, key: run.evaluate(property.key), value, run });
      writeMember(run, object, undefined, value);
    } else if (property.kind === "get" || property.value.type !== "FunctionExpression" || value.closure === undefined)
      object.fields.set(name, value);
    else object.fields.set(name, { ...value, closure: { ...value.closure, self: object } });
  }
  return spread.length === 0 ? object : { ...object, taints: spread, own };
}

function arrayValue(run: Run, elements: readonly (Node | null)[]): Value {
  const array = newObject(run, "array");
  let spread = array.taints;
  for (const [index, item] of elements.entries()) {
    if (item === null) continue;
    const value = run.evaluate(item);
    if (item.type === "SpreadElement") {
      writeMember(run, array, undefined, elementOf(value));
      spread = mergeTaints(spread, value.taints);
    } else array.fields.set(String(index), value);
  }
  return spread.length === 0 ? array : { ...array, taints: spread };
}

function classValue(run: Run, node: Class): Value {
  const parent = node.superClass === null ? undefined : run.evaluate(node.superClass);
  const environment = new Environment(run.environment);
  const value: Value = {
    taints: [],
    type: "function",
    class: { node, environment, file: run.module.file, parent },
    ...(node.id !== null && { name: node.id.name }),
  };
  if (node.id !== null) bind(run, node.id, value, node.type === "ClassDeclaration");
  for (const member of node.body.body) {
    if (member.type === "PropertyDefinition" && member.static && member.value !== null) run.evaluate(member.value);
    else if (member.type === "StaticBlock") run.execute(member.body);
  }
  run.registerClass(value);
  return value;
}
