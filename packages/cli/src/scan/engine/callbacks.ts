/** Functions that are handed to packages: somebody calls them, with a request, a message or a result. */
import type { Node, SourceFile } from "../parse.ts";
import { argumentsOfAction } from "./command-lines.ts";
import { calledFromAfar, messageArguments } from "./messages.ts";
import { meet } from "./state.ts";
import { TEXTUAL } from "./kinds.ts";
import { chainedMembers, checkedInput, checkedMembers } from "./route-schemas.ts";
import { MESSAGE_EVENT } from "./sources.ts";
import { bake, branch, source, type Call, type Run } from "./run.ts";
import { join, textOf, UNKNOWN, type Closure, type Value } from "./value.ts";

const ROUTES = new Set([
  "get",
  "post",
  "put",
  "patch",
  "delete",
  "all",
  "use",
  "options",
  "head",
  "del",
  "route",
  "any",
  "on",
]);
const ROUTERS =
  /(?:^|\.)(?:app|router|server|api|routes?|fastify|koa|hono|express|web)\w*$|express\(\)|Router\(\)|fastify\(\)|Hono\(\)|Koa\(\)|(?:^|\.)server\(\)$/iu;
const SOCKETS =
  /(?:^|[.#_])(?:ws|wss|socket|io|connection|conn|client|peer|webSocket|sock)\d*$|WebSocket(?:Server)?\(\)|Server\(\)/iu;
const QUIET_EVENTS = new Set([
  "connection",
  "connect",
  "open",
  "close",
  "error",
  "disconnect",
  "end",
  "finish",
  "listening",
  "drain",
  "upgrade",
  "ready",
  "exit",
  "headers",
]);

/**
 * Walks through the functions among the arguments, as whoever calls them later would.
 *
 * @returns the first of them
 */
export function callBack(call: Call): Closure | undefined {
  const { run, args } = call;
  listen(call);
  let first: Closure | undefined;
  const nested = args.flatMap((value) => (value.type === "array" ? [...(value.fields?.values() ?? [])] : [value]));
  for (const value of [...nested, ...optionFunctions(args)]) {
    const { closure } = value;
    if (closure === undefined) continue;
    first ??= closure;
    const given = argumentsFor(call, closure);
    const answers = /(?:^|\.)(?:define)?(?:Cached)?[eE]ventHandler$/u.test(call.api);
    if (run.depth === 0) run.later(() => sometime(run, closure, given, answers));
    else sometime(run, closure, given, answers);
  }
  return first;
}

/** Who hears of which event, in a file. */
const LISTENERS = new WeakMap<SourceFile, Map<string, Closure[]>>();

/** `bus.on("found", handler)` and `bus.emit("found", text)` of one file. */
function listen({ run, name, args }: Call): void {
  const event = textOf(args[0]);
  if (event === undefined) return;
  const known = LISTENERS.get(run.module.file) ?? new Map<string, Closure[]>();
  if (name === "emit") {
    for (const closure of known.get(event) ?? []) sometime(run, closure, args.slice(1));
    return;
  }
  const closure = args[1]?.closure;
  if (closure === undefined || !/^(?:on|once|addListener)$/u.test(name)) return;
  LISTENERS.set(run.module.file, known.set(event, [...(known.get(event) ?? []), closure]));
}

/** `fastify.route({ handler })`, `new Promise`-like options: the functions in an object. */
function optionFunctions(args: readonly Value[]): readonly Value[] {
  return args.flatMap(({ type, fields }) =>
    type === "object" ? [...(fields?.values() ?? [])].filter(({ closure }) => closure !== undefined) : [],
  );
}

function sometime(run: Run, closure: Closure, given: readonly Value[], answers = false): void {
  const base = run.state;
  const after = branch(run, [], () => {
    const answer = run.invoke(closure, given, undefined);
    // Fastify and h3 send what a handler returns.
    if (given[1]?.role === "response" || answers) run.observer.value(closure.node, answer, run);
  });
  meet(base, after.ended ? [base] : [after, base], join, bake);
}

function argumentsFor(call: Call, closure: Closure): readonly Value[] {
  const { run, node, name, receiver, args, api } = call;
  if (api.endsWith("diskStorage")) return uploadArguments(run, node);
  const input = checkedInput(call);
  const handed = input === undefined ? handedOver(call) : [input];
  if (handed !== undefined) return handed;
  if (name === "setWindowOpenHandler") return [{ taints: source(run, node, "window address", "remote", TEXTUAL) }];
  const event = textOf(args[0]);
  if (name === "addEventListener" && event === "fetch") return [{ taints: [], role: "context", name: "event" }];
  const owner = receiver?.api ?? receiver?.name ?? "";
  if (
    name === "on" ||
    name === "once" ||
    name === "addListener" ||
    name === "addEventListener" ||
    name === "handle" ||
    name === "handleOnce"
  ) {
    const known = eventArguments(run, node, receiver, owner, event);
    if (known !== undefined) return known;
  }
  if ((ROUTES.has(name) && (ROUTERS.test(owner) || event?.startsWith("/") === true)) || api.endsWith("createServer"))
    return held(call, routeArguments(closure));
  return [];
}

/** What the schemas of a route have been asked for is what they say. */
function held(call: Call, [first, ...others]: readonly Value[]): readonly Value[] {
  if (first?.role !== "request") return first === undefined ? others : [first, ...others];
  const owner = first.name ?? "request";
  const members = new Map([...chainedMembers(call, owner), ...checkedMembers(call, owner)]);
  return [members.size === 0 ? first : { ...first, fields: members }, ...others];
}

function eventArguments(
  run: Run,
  node: Node,
  receiver: Value | undefined,
  owner: string,
  event: string | undefined,
): readonly Value[] | undefined {
  if (event === undefined) return undefined;
  if (receiver?.role === "request" && event === "data")
    return [{ taints: source(run, node, "request body", "remote", TEXTUAL) }];
  if (owner.endsWith("ipcMain"))
    return [UNKNOWN, ...[1, 2, 3].map((index) => ({ taints: source(run, node, `message ${index}`, "remote") }))];
  if (
    event === "message" &&
    (receiver === undefined ||
      /^(?:window|self|globalThis|top|parent)?$/u.test(owner) ||
      owner.includes("addEventListener"))
  )
    return [messageEvent(run, node)];
  if (event === "stream" && /server|http2/iu.test(owner))
    return [
      { taints: [], role: "response", name: "stream" },
      { taints: source(run, node, "request headers", "remote", TEXTUAL) },
    ];
  // Readers of archives hand over entry by entry, whatever their users call it.
  if (event === "entry") {
    const named = ["path", "fileName", "entryName", "name"].map((key) => {
      const taints = source(run, node, `entry.${key}`, "archive", TEXTUAL);
      return [key, { taints, name: key }] as const;
    });
    return [{ taints: [], fields: new Map(named) }];
  }
  if (event === "line" && owner.startsWith("readline."))
    return [{ taints: source(run, node, "line of the input", "argument", TEXTUAL) }];
  if (!SOCKETS.test(owner)) return undefined;
  if (event === "connection")
    return [
      { taints: [], name: "socket" },
      { taints: [], role: "request", name: "request" },
    ];
  if (QUIET_EVENTS.has(event)) return undefined;
  const data = { taints: source(run, node, `socket ${event}`, "remote") };
  return [{ ...data, fields: new Map([["data", data]]) }, data, data];
}

/** Parameters of the routes of Angular. */
const ROUTE_TEXTS =
  /ActivatedRoute\(\)(?:\.snapshot)?\.(?:queryParams|params|queryParamMap|paramMap|fragment)\b.*\.subscribe$/u;

/** What functions of packages and of Node hand over to the functions that they are given. */
function handedOver(call: Call): readonly Value[] | undefined {
  const typed = argumentsOfAction(call) ?? messageArguments(call, textOf(call.args[0])) ?? calledFromAfar(call);
  if (typed !== undefined) return typed;
  const { run, node, name, api, args, receiver } = call;
  if (ROUTE_TEXTS.test(api)) return [{ taints: source(run, node, "address of the page", "browser", TEXTUAL) }];
  if (/^(?:\$|jQuery|jquery)\.(?:get|post|getJSON|ajax)$/u.test(api))
    return [{ taints: source(run, node, "answer of a server", "stored") }];
  if (api === "fs.readFile") return [UNKNOWN, { taints: source(run, node, "data of a file", "file") }];
  if (/^https?\.(?:get|request)$/u.test(api)) return [{ taints: [], api: "answer" }];
  if (receiver?.api === "answer" && name === "on" && textOf(args[0]) === "data")
    return [{ taints: source(run, node, "answer of a server", "network") }];
  if (name === "registerHelper" && /handlebars/iu.test(api))
    return [1, 2, 3].map((index) => ({ taints: source(run, node, `argument ${index} of the helper`, "parameter") }));
  if (/^fs\.readdir$/u.test(api))
    return [UNKNOWN, { taints: [], type: "array", element: { taints: source(run, node, "name of a file", "stored") } }];
  const isBusboy = /busboy/iu.test(receiver?.api ?? receiver?.name ?? run.module.file.text);
  if (isBusboy && name === "on" && (textOf(args[0]) === "file" || textOf(args[0]) === "field")) {
    const field = { taints: source(run, node, "field of the form", "remote", TEXTUAL) };
    const filename = { taints: source(run, node, "name of the upload", "remote", TEXTUAL), name: "filename" };
    return textOf(args[0]) === "field"
      ? [field, field]
      : [field, UNKNOWN, { taints: [], fields: new Map([["filename", filename]]) }];
  }
  // formidable and multiparty
  if (name === "parse" && args[0]?.role === "request")
    return [UNKNOWN, { taints: source(run, node, "fields of the form", "remote") }, filesOfForm(run, node)];
  return undefined;
}

/** Files by the name of their field, each with the name that the client gave it and a place that the server chose. */
function filesOfForm(run: Run, node: Node): Value {
  const taints = source(run, node, "name of an upload", "remote", TEXTUAL);
  const chosen = ["filepath", "path", "size", "newFilename", "hash"].map(
    (name) => [name, { taints: [], name }] as const,
  );
  const given = ["originalFilename", "name", "mimetype"].map((name) => [name, { taints, name }] as const);
  const file: Value = { taints: [], fields: new Map([...chosen, ...given]) };
  file.fields?.set("0", file);
  return { taints: [], fields: new Map([["*", file]]) };
}

/** What multer asks where an upload goes: the request, and a file that has the name which the client gave it. */
function uploadArguments(run: Run, node: Node): readonly Value[] {
  const originalname = { taints: source(run, node, "file.originalname", "remote", TEXTUAL), name: "originalname" };
  return [
    { taints: [], role: "request", name: "req" },
    { taints: [], name: "file", fields: new Map([["originalname", originalname]]) },
  ];
}

/** The event of `postMessage`. Whoever checks its origin knows who wrote the data. */
export function messageEvent(run: Run, node: Node): Value {
  return { taints: source(run, node, MESSAGE_EVENT, "browser") };
}

/** A handler of Express, Fastify, Koa or Hono, by the number and names of its parameters. */
function routeArguments(closure: Closure): readonly Value[] {
  const names = closure.node.params.map((parameter) => ("name" in parameter ? parameter.name : undefined));
  const request = (name = "request"): Value => ({ taints: [], role: "request", name });
  const response = (name = "response"): Value => ({ taints: [], role: "response", name });
  if (names.length >= 4)
    return [{ taints: [], api: "error", name: names[0] ?? "error" }, request(names[1]), response(names[2])];
  if (names.length <= 1 || names[1] === "next")
    return names[0] === undefined || /^_?req/u.test(names[0])
      ? [request(names[0])]
      : [{ taints: [], role: "context", name: names[0] }];
  return [request(names[0]), response(names[1])];
}
