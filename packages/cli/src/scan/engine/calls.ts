/** Calls: the rules hear of them, then functions of the project, of the language and of packages are told apart. */
import type { CallExpression, NewExpression, Node } from "../parse.ts";
import { callBuiltin } from "./builtins.ts";
import { callBack } from "./callbacks.ts";
import { constructParent } from "./functions.ts";
import { factsOfCall, factsOfStart } from "./guards.ts";
import { carriedBy, elementOf, keyOf, newObject, readMember, writeMember } from "./members.ts";
import { constructByFunction } from "./prototypes.ts";
import { applyFacts, passed, type Call, type Run } from "./run.ts";
import { matchedData } from "./route-schemas.ts";
import { isSchema } from "./schemas.ts";
import { hookSource, readBy, storedBy } from "./sources.ts";
import { textOf, UNKNOWN, type Facts, type Value } from "./value.ts";

export function evaluateCall(run: Run, node: CallExpression | NewExpression): Value {
  const { callee: target } = node;
  if (target.type === "Super") {
    constructParent(run, evaluateArguments(run, node.arguments));
    return UNKNOWN;
  }
  const found = evaluateCallee(run, target);
  const given = evaluateArguments(run, node.arguments);
  const { receiver, callee, args } = calledBy(found.receiver ?? found.callee.bound, found.callee, given);
  const api = callee.api ?? callee.name ?? "";
  const name = callee.api === undefined ? (callee.name ?? "") : api.slice(api.lastIndexOf(".") + 1);
  const call: Call = { node, callee, name, api, receiver, args, isNew: node.type === "NewExpression", run };
  run.observer.call(call);
  const value = perform(call);
  if (endsRequest(call)) run.state.ended = true;
  else if (ASSERTS.test(api) || (name === "assert" && receiver?.role === "context"))
    applyFacts(run.state, args[0]?.facts?.yes ?? []);
  return value;
}

/** What throws: nothing comes after it. */
const ENDINGS =
  /^(?:@sveltejs\/kit\.(?:error|redirect|fail)|next\/navigation\.(?:redirect|permanentRedirect|notFound|forbidden|unauthorized)|process\.exit|assert\.fail|assert\/strict\.fail)$/u;
const ASSERTS = /^(?:assert(?:\/strict)?(?:\.(?:ok|strict))?|tiny-invariant|invariant|ts-invariant\.invariant)$/u;

function endsRequest({ api, name, receiver }: Call): boolean {
  return ENDINGS.test(api) || (name === "throw" && receiver?.role === "context");
}

/** `eval.call(null, text)` calls eval. Methods of prototypes are asked elsewhere. */
function calledBy(
  receiver: Value | undefined,
  callee: Value,
  args: readonly Value[],
): Pick<Call, "receiver" | "callee" | "args"> {
  const by = /\.(call|apply)$/u.exec(callee.api ?? "")?.[1];
  if (
    by === undefined ||
    receiver?.api === undefined ||
    receiver.closure !== undefined ||
    receiver.native !== undefined
  )
    return { receiver, callee, args };
  if (!/^(?:eval|Function|exec\w*|spawn\w*)$|^(?:child_process|fs|vm)\./u.test(receiver.api))
    return { receiver, callee, args };
  const [self, ...others] = args;
  const list = others[0];
  const spread = list === undefined ? [] : [...(list.fields?.values() ?? [elementOf(list)])];
  return { receiver: self, callee: receiver, args: by === "call" ? others : spread };
}

/** The function that is called and what it is called on. */
function evaluateCallee(run: Run, target: Node): { readonly receiver: Value | undefined; readonly callee: Value } {
  if (
    target.type === "ParenthesizedExpression" ||
    target.type === "TSNonNullExpression" ||
    target.type === "TSAsExpression" ||
    target.type === "ChainExpression"
  ) {
    return evaluateCallee(run, target.expression);
  }
  if (target.type !== "MemberExpression") return { receiver: undefined, callee: run.evaluate(target) };
  const receiver = target.object.type === "Super" ? (run.self ?? UNKNOWN) : run.evaluate(target.object);
  const { property } = target;
  const asked = target.computed ? run.evaluate(property) : undefined;
  const key =
    asked !== undefined
      ? keyOf(asked)
      : property.type === "Identifier"
        ? property.name
        : property.type === "PrivateIdentifier"
          ? `#${property.name}`
          : undefined;
  const read = readMember(run, target, receiver, key);
  const callee =
    asked !== undefined && key === undefined && asked.taints.length > 0 ? { ...read, reachedBy: asked.taints } : read;
  if (key === "default" && receiver.api !== undefined) return { receiver: undefined, callee: receiver };
  return { receiver, callee };
}

function evaluateArguments(run: Run, nodes: readonly Node[]): readonly Value[] {
  return nodes.flatMap((node) => {
    const value = run.evaluate(node);
    if (node.type !== "SpreadElement") return [value];
    const known = [...(value.fields ?? [])].filter(([key]) => /^\d+$/u.test(key)).map(([, field]) => field);
    const others =
      value.fields?.get("*") ?? (known.length === 0 || value.taints.length > 0 ? elementOf(value) : undefined);
    return others === undefined ? known : [...known, others];
  });
}

function perform(call: Call): Value {
  const { run, node, callee, args, receiver, isNew } = call;
  if (isNew && callee.class !== undefined) return run.construct(callee, args) ?? UNKNOWN;
  if (callee.native !== undefined) return callee.native(args);
  if (callee.closure !== undefined) {
    const given = args.map((value) => passed(run, node, value, `is passed to ${call.name || "a function"}`));
    const made = isNew ? constructByFunction(run, callee, given) : undefined;
    const value = made ?? run.invoke(callee.closure, given, receiver);
    const facts = value.facts ?? factsByName(call);
    return facts === undefined ? value : { ...value, facts };
  }
  const facts = factsOfCall(call);
  const answer = callBuiltin(call) ?? unknownCall(call);
  const atStart = call.name === "indexOf" && receiver !== undefined ? factsOfStart(receiver, args[0]) : undefined;
  const value = atStart === undefined ? answer : { ...answer, atStart };
  return facts === undefined ? value : { ...value, facts };
}

/** What is inside is too deep to see: whether a resolved address is one of the own network. */
const NETWORK = /private|internal|loopback|reserved|linklocal|blocked|forbidden|disallowed/iu;
const PUBLIC = /^(?:is)?(?:public|external)\w*(?:ip|host|address|url)/iu;

function factsByName({ name, args }: Call): Facts | undefined {
  const [first] = args;
  if (first === undefined || first.taints.length === 0) return undefined;
  const clears = first.taints.map(({ label }) => ({
    label: label.replace(/\.(?:hostname|host|address|\*)$/u, "").replace(/\.(?:hostname|host)$/u, ""),
    kinds: (1 << 5) | (1 << 7),
  }));
  if (PUBLIC.test(name)) return { yes: clears, no: [] };
  return NETWORK.test(name) ? { yes: [], no: clears } : undefined;
}

const CHAINED_ON_RESPONSE = new Set([
  "status",
  "type",
  "set",
  "header",
  "headers",
  "code",
  "contentType",
  "setHeader",
  "cookie",
  "vary",
  "append",
  "links",
  "location",
  "attachment",
  "format",
  "clearCookie",
  "setCookie",
  "writeHead",
]);

/** A function of a package about which nothing is said elsewhere. */
function unknownCall(call: Call): Value {
  const { run, node, callee, args, receiver, api, isNew } = call;
  const kept = keptInContext(call);
  if (kept !== undefined) return kept;
  const inside = /\.switchToHttp\(\)\.get(Request|Response)$/u.exec(api)?.[1];
  if (inside !== undefined) return { taints: [], role: inside === "Request" ? "request" : "response" };
  const handed = callBack(call);
  const isAnswer = receiver?.role === "response" || receiver?.role === "context";
  if (isAnswer && CHAINED_ON_RESPONSE.has(call.name)) return receiver;
  if (api === "express-validator.matchedData") return matchedData(call);
  const hook = receiver === undefined || receiver.api !== undefined ? hookSource(run, node, api) : undefined;
  if (hook !== undefined) return hook;
  const stored = readBy(call) ?? storedBy(call);
  if (stored !== undefined) return stored;
  // The field that a chain of checks speaks of.
  const chained = api.startsWith("express-validator.") ? receiver?.madeOf : undefined;
  const madeOf = chained ?? textOf(args[0]);
  // A request's own methods, such as c.req.query("id"), give what the request holds.
  const value: Value = {
    taints:
      madeOf !== undefined && callee.api?.startsWith("incoming.") === true ? askedFor(callee, madeOf) : callee.taints,
    ...(api !== "" && api.length < 200 && { api: `${api}()` }),
    ...(madeOf !== undefined && { madeOf }),
    ...inputOf(call),
  };
  if (isNew && callee.taints.length === 0) {
    const [first] = args;
    return { ...newObject(run, "object"), ...value, ...(first?.type === "array" && { element: elementOf(first) }) };
  }
  // asyncHandler(function): what wraps a function is that function, as far as anybody can tell.
  return handed === undefined || receiver?.input !== undefined ? value : { ...value, closure: handed };
}

/** `c.set("user", user)` of Hono, and `c.get("user")` in the handler after it. */
function keptInContext({ run, name, args: [key, value], receiver }: Call): Value | undefined {
  const label = receiver?.role === "context" && receiver.name === "c" ? textOf(key) : undefined;
  if (label === undefined || receiver === undefined) return undefined;
  if (name === "set" && value !== undefined) writeMember(run, receiver, label, value);
  return name === "get" ? carriedBy(run.module.file).get(label) : undefined;
}

/** `procedure.input(schema)`, and whatever is asked of it before the handler comes. */
function inputOf({ name, args: [first], receiver }: Call): Pick<Value, "input"> {
  if (/^(?:input|inputSchema|schema)$/u.test(name) && first !== undefined && isSchema(first)) return { input: first };
  return receiver?.input === undefined ? {} : { input: receiver.input };
}

/** `c.req.query("a")` and `c.req.query("b")` are two texts: what is known of one is not known of the other. */
function askedFor({ taints }: Value, name: string): Value["taints"] {
  return taints.map((taint) => ({ ...taint, label: `${taint.label}.${name.toLowerCase()}` }));
}

const SAFE_TAGS =
  /(?:^|\.)(?:sql|SQL|Prisma\.sql|html|svg|css|gql|graphql|\$|\$queryRaw|\$executeRaw|execa|execaCommand|\$sync|safeHtml|shell|groq|aql|flux|surql|join)(?:\(\))?$/u;

export function evaluateTemplate(run: Run, node: Node & { readonly type: "TaggedTemplateExpression" }): Value {
  const { callee, receiver } = evaluateCallee(run, node.tag);
  const api = callee.api ?? callee.name ?? "";
  const text = run.evaluate(node.quasi);
  run.observer.value(node, { ...text, api }, run);
  if (callee.closure !== undefined) {
    const args = node.quasi.expressions.map((expression) => run.evaluate(expression));
    return run.invoke(callee.closure, [{ taints: [], type: "array" }, ...args], receiver);
  }
  if (SAFE_TAGS.test(api) || /(?:^|\.)(?:sql|pg|postgres|client|db)\w*(?:\(\))?$/iu.test(api))
    return { taints: [], api: `${api}()`, type: "object" };
  return text;
}
