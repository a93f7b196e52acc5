/** Methods of texts, lists, maps and promises. */
import { concatenate } from "./concatenate.ts";
import { FUNCTIONS } from "./functions-table.ts";
import { through } from "./through.ts";
import { EVERY, KIND, TEXTUAL } from "./kinds.ts";
import { elementOf, safeFor } from "./members.ts";
import { bake, passed, type Call } from "./run.ts";
import { sanitisedBy, sanitisedByReplacing } from "./sanitisers.ts";
import { iterate, ITERATING, piped } from "./iteration.ts";
import { parseSchema } from "./schemas.ts";
import { deepTaints, join, mergeTaints, textOf, UNKNOWN, type Value } from "./value.ts";

/** Answers that carry nothing of the text. */
const ANSWERS: Readonly<Record<string, string>> = {
  includes: "boolean",
  startsWith: "boolean",
  endsWith: "boolean",
  test: "boolean",
  has: "boolean",
  equals: "boolean",
  hasOwnProperty: "boolean",
  every: "boolean",
  some: "boolean",
  isNaN: "boolean",
  indexOf: "number",
  lastIndexOf: "number",
  search: "number",
  localeCompare: "number",
  findIndex: "number",
  charCodeAt: "number",
  codePointAt: "number",
};
const GROWING = new Set(["push", "unshift", "add", "set", "append", "concat", "write", "enqueue", "splice"]);

/** @returns undefined for what is no function of the language and of no package that is known here */
export function callBuiltin(call: Call): Value | undefined {
  const { api, name, receiver, args, run } = call;
  const plain = api.replace(/^(?:globalThis|window|self|global)\./u, "");
  const model = Object.hasOwn(FUNCTIONS, plain) ? FUNCTIONS[plain] : undefined;
  if (model !== undefined) return model(call);
  if (plain === "require" || plain === "module.require")
    return typeof args[0]?.literal === "string" ? run.import(args[0].literal) : undefined;
  const schema = parseSchema(call);
  if (schema !== undefined) return schema;
  if (args.length > 0 && !(receiver !== undefined && receiver.taints.length > 0)) {
    const kinds = sanitisedBy(plain, name);
    if (kinds !== 0) {
      const madeOf = textOf(args[0]);
      const made = { ...through({ ...call, args: args.slice(0, 1) }, kinds), type: "string" as const };
      return madeOf === undefined ? made : { ...made, madeOf };
    }
  }
  if (receiver === undefined) return isCarrier(call) ? through(call, 0) : undefined;
  return receiver.role === undefined ? method(call, receiver) : undefined;
}

/** Functions of packages and of files out of sight that give back what they got, in another form. */
const CARRIERS =
  /^(?:decode|unescape|parse|format|trim|normali[sz]e|build|make|compose|concat|join|wrap|merge|extend|defaults|clone|cloneDeep|camelCase|kebabCase|snakeCase|toLower|toUpper|capitalize|truncate|pick|omit|get|prepend|append|sprintf|vsprintf|interpolate|dedent|oneLine|stripIndent|cookie|basicAuth|untildify|deserialize|stringify|compact|flatten|uniq|first|last|head|map|filter)(?:[A-Z_]\w*)?$/u;

function isCarrier({ name, args, isNew }: Call): boolean {
  return (
    !isNew && CARRIERS.test(name) && args.some((value) => value.closure === undefined && deepTaints(value).length > 0)
  );
}

function method(call: Call, receiver: Value): Value | undefined {
  const { name, args, run, node } = call;
  if (ITERATING.has(name) && args.some(({ closure, native }) => closure !== undefined || native !== undefined))
    return iterate(call, receiver);
  if (name === "pipe" && args.length > 0 && args.every(({ api = "" }) => api.startsWith("rxjs")))
    return piped(call, receiver);
  if (name === "then" || name === "catch" || name === "finally") return chain(call, receiver);
  if (name === "call" || name === "apply" || name === "bind") return indirect(call, receiver);
  if (Object.hasOwn(ANSWERS, name)) return { taints: [], type: ANSWERS[name] === "number" ? "number" : "boolean" };
  if (GROWING.has(name)) {
    grow(call, receiver);
    if (name !== "concat" && name !== "add" && name !== "set" && name !== "append")
      return receiver.taints.length > 0 || receiver.fields !== undefined ? { taints: [], type: "number" } : undefined;
    if (name !== "concat" && receiver.fields === undefined && receiver.taints.length === 0) return undefined;
    if (name !== "concat") return receiver;
  }
  if (
    (name === "get" ||
      name === "at" ||
      name === "pop" ||
      name === "shift" ||
      name === "values" ||
      name === "keys" ||
      name === "next") &&
    receiver.fields !== undefined &&
    receiver.fields.get("constructor") === undefined &&
    args.every(({ closure }) => closure === undefined)
  )
    return name === "get" ? (receiver.fields.get(textOf(args[0]) ?? "") ?? elementOf(receiver)) : elementOf(receiver);
  if (name === "join" && receiver.fields !== undefined) return joined(call, receiver);
  if (name === "concat")
    return receiver.type === "string" || typeof receiver.literal === "string"
      ? concatenate([receiver, ...args])
      : { ...receiver, taints: mergeTaints(receiver.taints, ...args.map((value) => deepTaints(value))) };
  if (name === "replace" || name === "replaceAll") return replaced(call, receiver);
  const inside = receiver.fields === undefined ? receiver.taints : deepTaints(receiver);
  if (inside.length > 0 && !isService(receiver))
    return passed(run, node, carried(call, receiver), `passes through ${name}()`);
  if (isCarrier(call)) return through(call);
  return undefined;
}

/** An object with methods of its own, to which an untrusted option was given, does not answer with it. */
function isService({ fields, taints, type }: Value): boolean {
  return fields !== undefined && taints.length === 0 && type !== "array";
}

const TEXTS = new Set([
  "toString",
  "trim",
  "trimStart",
  "trimEnd",
  "toLowerCase",
  "toUpperCase",
  "substring",
  "substr",
  "slice",
  "padStart",
  "padEnd",
  "repeat",
  "normalize",
  "charAt",
  "toFixed",
  "text",
]);

function carried({ name, args, api }: Call, receiver: Value): Value {
  const inside = deepTaints(receiver);
  // Methods of rows and documents answer with what they hold.
  const given = inside.every(({ source }) => source === "stored") ? [] : args;
  const taints = mergeTaints(
    inside,
    ...given.filter(({ closure }) => closure === undefined).map(({ taints }) => taints),
  );
  if (name === "get" || name === "getAll" || name === "at") {
    const key = textOf(args[0]);
    return {
      taints: receiver.taints.map((taint) => ({
        ...taint,
        label: `${taint.label}.${key ?? "*"}`,
        // A jar of cookies answers with a text, whatever is asked for.
        safe: taint.safe | (taint.label.endsWith(".cookies") ? TEXTUAL : 0),
      })),
      type: "string",
    };
  }
  if (!TEXTS.has(name)) return { taints: safeFor({ taints }, KIND.shape).taints, api: `${api}()` };
  const sameStart = name === "trim" || name === "toString" || name === "trimEnd" || name === "toLowerCase";
  return {
    taints: safeFor({ taints }, TEXTUAL).taints,
    type: "string",
    ...(sameStart && receiver.parts !== undefined && { parts: receiver.parts }),
  };
}

function chain({ run, args, name }: Call, receiver: Value): Value {
  const [callback, onError] = args;
  if (name === "finally") return (run.apply(callback ?? UNKNOWN, []), receiver);
  if (name === "catch")
    return join(receiver, run.apply(callback ?? UNKNOWN, [{ taints: [], api: "error", name: "error" }]));
  if (onError !== undefined) run.apply(onError, [{ taints: [], api: "error", name: "error" }]);
  return callback === undefined ? receiver : run.apply(callback, [receiver]);
}

/** `f.call(self, ...)`, `f.apply(self, list)` and `f.bind(self, ...)`. */
function indirect({ run, name, args }: Call, receiver: Value): Value | undefined {
  const [self, ...others] = args;
  if (receiver.closure === undefined && receiver.native === undefined)
    return name !== "bind" ? undefined : self === undefined ? receiver : { ...receiver, bound: self };
  if (name === "bind")
    return receiver.closure === undefined
      ? receiver
      : { ...receiver, closure: { ...receiver.closure, self: receiver.closure.self ?? self } };
  if (name === "call") return run.apply(receiver, others, self);
  const [list = UNKNOWN] = others;
  return run.apply(receiver, [...(list.fields?.values() ?? [elementOf(list)])], self);
}

function grow({ args, name, run }: Call, receiver: Value): void {
  const added = name === "set" || name === "append" ? args.slice(1) : name === "splice" ? args.slice(2) : args;
  const gathered = added.reduce((left: Value | undefined, right) => join(left, right), undefined);
  if (gathered === undefined || name === "concat") return;
  const value = bake(gathered, run.state);
  const present = receiver.fields?.get("*");
  receiver.fields?.set("*", { ...join(present, value), taints: mergeTaints(present?.taints ?? [], value.taints) });
}

function joined({ args }: Call, receiver: Value): Value {
  const separator = args[0] ?? { taints: [], literal: ",", parts: [","] };
  const items = [...(receiver.fields?.entries() ?? [])]
    .filter(([key]) => /^\d+$|^\*$/u.test(key))
    .map(([, item]) => item);
  if (receiver.element !== undefined) items.push(receiver.element);
  if (items.length === 0) return { taints: safeFor(receiver, TEXTUAL).taints, type: "string" };
  const whole = concatenate(items.flatMap((item, index) => (index === 0 ? [item] : [separator, item])));
  return { ...whole, taints: mergeTaints(whole.taints, safeFor(receiver, TEXTUAL).taints) };
}

function replaced(call: Call, receiver: Value): Value {
  const { args, name } = call;
  const [sought, replacement] = args;
  const inserted = replacement?.closure === undefined ? (replacement?.taints ?? []) : [];
  if (replacement?.closure !== undefined) call.run.apply(replacement, [{ taints: receiver.taints }]);
  const by = textOf(replacement);
  const literal = textOf(sought);
  let kinds = 0;
  if (sought?.regex !== undefined) kinds = sanitisedByReplacing(sought.regex, by);
  else if (name === "replaceAll" && literal !== undefined) {
    if (literal === "<") kinds = KIND.html | KIND.xml;
    else if (literal === '"') kinds = KIND.attribute;
    else if (literal === "\n" || literal === "\r") kinds = KIND.log | KIND.header;
    else if (literal === "'" && by === String.raw`'\''`) kinds = KIND.command;
  }
  const taints = mergeTaints(safeFor({ taints: deepTaints(receiver) }, kinds | TEXTUAL).taints, inserted);
  const keepsParts = inserted.length === 0 && receiver.parts !== undefined && taints.length > 0;
  return {
    taints: taints.filter(({ safe }) => (safe & EVERY) !== EVERY),
    type: "string",
    ...(keepsParts && { parts: receiver.parts }),
  };
}
