/** Where values go: declarations, destructuring, assignments, parameters. */
import type { BindingPattern, Node, ParamPattern, PropertyKey, SourceFile } from "../parse.ts";
import { elementOf, keyOf, readMember, writeMember } from "./members.ts";
import { bake, passed, source, type Run } from "./run.ts";
import { injected, typedValue } from "./typed-parameters.ts";
import { decoratedParameter, globalSource, MESSAGE_EVENT, roleOf, typeNameOf } from "./sources.ts";
import { HOST } from "./kinds.ts";
import { join, madeSafe, UNKNOWN, type Taint, type Value } from "./value.ts";

/** Gives the names of a pattern their values. */
export function bind(run: Run, pattern: Node, value: Value, declares: boolean): void {
  switch (pattern.type) {
    case "Identifier":
      bindName(run, pattern, pattern.name, value, declares);
      return;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        if (property.type === "RestElement") bind(run, property.argument, value, declares);
        else
          bind(
            run,
            property.value,
            memberOf(run, property, value, propertyName(run, property.key, property.computed)),
            declares,
          );
      }
      return;
    case "ArrayPattern":
      for (const [index, element] of pattern.elements.entries()) {
        if (element === null) continue;
        if (element.type === "RestElement") bind(run, element.argument, value, declares);
        else bind(run, element, value.fields?.get(String(index)) ?? elementOf(value), declares);
      }
      if (value.state === true) bindState(run, pattern.elements);
      return;
    case "AssignmentPattern": {
      const fallback = run.evaluate(pattern.right);
      bind(
        run,
        pattern.left,
        isUnknown(value) ? fallback : value.taints.length > 0 ? { ...value, ...keepText(value) } : value,
        declares,
      );
      return;
    }
    case "MemberExpression": {
      const object = run.evaluate(pattern.object);
      const key = pattern.computed ? run.evaluate(pattern.property) : propertyValue(pattern.property);
      run.observer.assign({ node: pattern, object, key, value, run });
      hearMessages(run, pattern, object, keyOf(key) ?? "", value);
      writeMember(run, object, keyOf(key), value);
      taintOwner(run, pattern.object, value, keyOf(key));
      return;
    }
    case "TSParameterProperty":
      bind(run, pattern.parameter, value, declares);
      return;
    case "RestElement":
      bind(run, pattern.argument, value, declares);
      return;
    case "TSAsExpression":
    case "TSNonNullExpression":
    case "TSSatisfiesExpression":
    case "TSTypeAssertion":
    case "ParenthesizedExpression":
      bind(run, pattern.expression, value, declares);
      return;
    default:
  }
}

/** `const [text, setText] = useState("")`: what the second is given is what the first holds. */
function bindState(run: Run, [held, setter]: readonly (Node | null)[]): void {
  if (held?.type !== "Identifier" || setter?.type !== "Identifier") return;
  const cell = run.environment.lookup(held.name);
  if (cell === undefined) return;
  const native = ([given = UNKNOWN]: readonly Value[]): Value => {
    const value = given.closure === undefined ? given : run.apply(given, [run.state.read(cell) ?? UNKNOWN]);
    run.state.values.set(cell, join(run.state.read(cell), bake(value, run.state)));
    return UNKNOWN;
  };
  bind(run, setter, { taints: [], type: "function", native }, true);
}

function memberOf(run: Run, node: Node, value: Value, key: string | undefined): Value {
  const outside =
    key === undefined || value.api === undefined ? undefined : globalSource(run, node, `${value.api}.${key}`);
  return outside ?? readMember(run, node, value, key);
}

/** `window.onmessage = handler` and `socket.onmessage = handler`. */
function hearMessages(run: Run, node: Node, object: Value, key: string, { closure }: Value): void {
  if (key !== "onmessage" || closure === undefined) return;
  const owner = object.api ?? object.name ?? "";
  const isWindow = /^(?:window|self|globalThis|top|parent)$/u.test(owner);
  const event = {
    taints: source(run, node, isWindow ? MESSAGE_EVENT : "socket message", isWindow ? "browser" : "remote"),
  };
  run.later(() => void run.invoke(closure, [event], undefined));
}

function keepText(value: Value): Partial<Value> {
  return value.parts === undefined ? {} : { parts: value.parts };
}

function isUnknown(value: Value): boolean {
  return (
    value === UNKNOWN ||
    (value.taints.length === 0 &&
      value.role === undefined &&
      value.fields === undefined &&
      value.closure === undefined &&
      value.literal === undefined &&
      value.parts === undefined)
  );
}

/** Rules hear of the name under which such a value is kept. */
export function isNoted({ source: kind }: Taint): boolean {
  return kind === "random";
}

function bindName(run: Run, node: Node, name: string, value: Value, declares: boolean): void {
  const cell = declares ? run.environment.declare(name) : run.environment.lookup(name);
  if (value.taints.some(isNoted)) run.observer.value(node, value, run);
  if (cell !== undefined) run.state.values.set(cell, passed(run, node, value, `goes into ${name}`));
}

/** An object about which nothing is known holds, from now on, what was put into it. */
function taintOwner(run: Run, owner: Node, value: Value, key: string | undefined): void {
  if (owner.type !== "Identifier") return;
  const cell = run.environment.lookup(owner.name);
  const present = cell && run.state.read(cell);
  if (cell === undefined || present === undefined) return;
  if (present.api === "URL()" && /^(?:host|hostname|href)$/u.test(key ?? "")) {
    const own = { ...present, taints: madeSafe(present.taints, HOST) };
    run.state.values.set(cell, value.taints.length === 0 ? own : { ...present, taints: value.taints, parts: [null] });
    return;
  }
  if (value.taints.length === 0) return;
  if (present.fields !== undefined || present.role !== undefined) return;
  run.state.values.set(cell, {
    ...present,
    fields: new Map(),
    element: join(present.element, { taints: value.taints }),
    branch: -1,
  });
}

export function propertyName(run: Run, key: PropertyKey, computed: boolean): string | undefined {
  if (computed) return keyOf(run.evaluate(key));
  if (key.type === "Identifier") return key.name;
  if (key.type === "PrivateIdentifier") return `#${key.name}`;
  return key.type === "Literal" ? String(key.value) : undefined;
}

export function propertyValue(key: Node): Value {
  const name = key.type === "Identifier" ? key.name : key.type === "PrivateIdentifier" ? `#${key.name}` : undefined;
  return name === undefined ? UNKNOWN : { taints: [], literal: name };
}

/** Gives the parameters of a function their values. What was not passed is guessed from names, types and decorators. */
export function bindParameters(run: Run, parameters: readonly ParamPattern[], args: readonly Value[]): void {
  for (const [index, parameter] of parameters.entries()) {
    const given = parameter.type === "RestElement" ? rest(run, parameter, args.slice(index)) : args[index];
    const pattern = parameter.type === "TSParameterProperty" ? parameter.parameter : parameter;
    const value =
      given === undefined || isBare(given) ? guess(run, parameter, pattern as BindingPattern, given, index) : given;
    bind(run, pattern, value, true);
    if (parameter.type === "TSParameterProperty" && run.self !== undefined) {
      const name = nameOf(pattern);
      if (name !== undefined) writeMember(run, run.self, name, value);
    }
  }
}

function rest(run: Run, parameter: Node, args: readonly Value[]): Value {
  const name = parameter.type === "RestElement" ? nameOf(parameter.argument) : undefined;
  const strangers = run.entry && name !== undefined ? { taints: source(run, parameter, name, "parameter") } : undefined;
  const element = args.length === 0 ? strangers : args.reduce((left, right) => join(left, right));
  return {
    taints: [],
    type: "array",
    fields: new Map(args.map((value, index) => [String(index), value])),
    branch: run.state.branch,
    ...(element && { element }),
  };
}

function isBare(value: Value): boolean {
  return (
    isUnknown(value) &&
    value.api === undefined &&
    value.class === undefined &&
    value.native === undefined &&
    value.type === undefined
  );
}

function nameOf(pattern: Node): string | undefined {
  if (pattern.type === "AssignmentPattern") return nameOf(pattern.left);
  return pattern.type === "Identifier" ? pattern.name : undefined;
}

const TRUSTED_TYPES = new Set([
  "TSNumberKeyword",
  "TSBooleanKeyword",
  "TSBigIntKeyword",
  "TSLiteralType",
  "TSUnionType",
  "TSVoidKeyword",
  "TSNullKeyword",
  "TSFunctionType",
]);
/** Parameters that carry a service, an event or a result, and no text. */
const SERVICES =
  /^(?:db|pool|client|conn|connection|app|server|router|logger|log|next|done|cb|callback|err|error|e|resolve|reject|options|opts|config|fastify|knex|prisma|sequelize|manager|queryRunner|tx|trx|baseUrl|i|index|_+\w*)$/iu;

/** Functions of such a file are called by forms and scripts of pages. */
function isAction({ module }: Run, typeName: string | undefined): boolean {
  return typeName === "FormData" || /^\s*["']use server["']/u.test(module.file.text);
}

/** What nobody asks of a request that has arrived: it is one that is sent. */
const SENT = /\brequest\.(?:write|end|setHeader|removeHeader|abort|send|completed|aborted|upgrade|on[A-Z]\w*)\b/u;
const CLIENTS = new WeakMap<SourceFile, boolean>();

/** `request` in a library that sends requests. */
function asksOthers({ module: { file } }: Run, name: string | undefined, typeName: string | undefined): boolean {
  if (name !== "request" || typeName !== undefined) return false;
  const known = CLIENTS.get(file) ?? SENT.test(file.text);
  CLIENTS.set(file, known);
  return known;
}

/** Options of a plugin of jQuery are a page's. */
const PLUGIN = /(?:\$|jQuery)\.fn\.\w+\s*=/u;

function guess(
  run: Run,
  parameter: ParamPattern,
  pattern: BindingPattern,
  given: Value | undefined,
  index: number,
): Value {
  const left = pattern.type === "AssignmentPattern" ? pattern.left : pattern;
  const name = nameOf(pattern);
  const annotation = "typeAnnotation" in left ? left.typeAnnotation?.typeAnnotation : undefined;
  const typeName = typeNameOf(annotation);
  const decorators = "decorators" in parameter ? parameter.decorators : [];
  const numeric = annotation !== undefined && TRUSTED_TYPES.has(annotation.type);
  const decorated = decoratedParameter(run, pattern, name ?? "", decorators ?? [], numeric);
  if (decorated !== undefined) return decorated;
  const role = asksOthers(run, name, typeName) ? undefined : roleOf(name, typeName);
  if (role !== undefined) return { taints: [], role, ...(name !== undefined && { name }) };
  if (left.type === "ObjectPattern" && index <= 1) {
    const request =
      index === 0 && isAnsweredBeside(run)
        ? { taints: [], role: "request" as const }
        : destructured(run, left, typeName);
    if (request !== undefined) return request;
  }
  if (run.entry && index === 1 && left.type === "ObjectPattern" && isResolver(run))
    return { taints: source(run, pattern, "args", "remote") };
  if (run.entry && name === "event") return { taints: [], role: "request", name };
  if (run.entry && name === "args" && index === 1 && RESOLVERS.test(run.module.file.text))
    return { taints: source(run, pattern, name, "remote"), name };
  const typed =
    typeName === undefined ? undefined : (typedValue(run, typeName) ?? injected(run, typeName, parameter.type));
  if (typed !== undefined) return { ...typed, ...(name !== undefined && { name }) };
  const isService =
    name !== undefined && SERVICES.test(name) && !(name === "options" && PLUGIN.test(run.module.file.text));
  if (given === undefined && run.entry && !numeric && !isService) {
    const label = name ?? "parameter";
    const taints = source(
      run,
      pattern,
      label,
      /^(?:user_?(?:input|supplied\w*)|untrusted\w*|tainted\w*)$/iu.test(label) || isAction(run, typeName)
        ? "remote"
        : "parameter",
    );
    return { taints, ...(name !== undefined && { name }) };
  }
  return { ...UNKNOWN, ...(name !== undefined && { name }), ...(typeName !== undefined && { typeName }) };
}

/** `({ query }, res)`: where the second answers, the first has asked. */
function isAnsweredBeside({ frame }: Run): boolean {
  const second = frame.closure?.node.params[1];
  return second?.type === "Identifier" && /^(?:res|response|reply)$/u.test(second.name);
}

const RESOLVERS = /\b(?:Query|Mutation|[rR]esolvers?|Subscription|graphql|GraphQL\w*)\b/u;

/** `(parent, { id })` in a map of resolvers. */
function isResolver({ frame, module }: Run): boolean {
  const first = frame.closure?.node.params[0];
  return (
    first?.type === "Identifier" &&
    /^(?:_+\w*|parent|root|source|obj|rootValue)$/u.test(first.name) &&
    RESOLVERS.test(module.file.text)
  );
}

const SVELTE = /["'](?:astro["']|@sveltejs\/kit|\.\/\$types|\$lib\/|\$app\/|\$env\/)/u;

/** `({ query, body }, res)` and `({ request, params })`: a request or a context taken apart at the door. */
function destructured(
  run: Run,
  pattern: BindingPattern & { readonly type: "ObjectPattern" },
  typeName: string | undefined,
): Value | undefined {
  const names = new Set(
    pattern.properties.flatMap((property) =>
      property.type === "Property" && property.key.type === "Identifier" ? [property.key.name] : [],
    ),
  );
  if (names.has("request") || names.has("req") || typeName?.endsWith("Context") === true)
    return { taints: [], role: "context" };
  if (names.has("queryStringParameters") || names.has("pathParameters")) return { taints: [], role: "request" };
  const ofRequest = ["query", "body", "headers", "cookies"].filter((name) => names.has(name));
  if (ofRequest.length > 0 && !run.entry) return { taints: [], role: "request" };
  if (names.has("input") && (names.has("ctx") || (names.size === 1 && !run.entry)))
    return { taints: [], fields: new Map([["input", { taints: source(run, pattern, "input", "remote") }]]) };
  if (names.has("params") && run.entry) return { taints: [], role: "context" };
  if (names.has("url") && run.entry && SVELTE.test(run.module.file.text)) return { taints: [], role: "context" };
  if (names.has("searchParams")) return { taints: source(run, pattern, "props", "remote"), role: "context" };
  return undefined;
}
