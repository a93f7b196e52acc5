/** Functions of the language, of Node and of known packages: what becomes of untrusted text in them. */
import { EVERY, KIND, NUMERIC, RESOLVED, TEXTUAL } from "./kinds.ts";
import { guessable, PACKAGE_FUNCTIONS, type Model } from "./package-functions.ts";
import { through } from "./through.ts";
import { BARE_OBJECT, elementOf, newObject, safeFor } from "./members.ts";
import { source, type Call } from "./run.ts";
import { join, mergeTaints, prefixOf, textOf, UNKNOWN, type Value } from "./value.ts";

const numeric: Model = (call) => ({ ...through({ ...call, args: call.args.slice(0, 1) }, NUMERIC), type: "number" });
const pass: Model = (call) => ({ ...call.args[0], ...through({ ...call, args: call.args.slice(0, 1) }) });
const text: Model = (call) => ({
  ...call.args[0],
  ...through({ ...call, args: call.args.slice(0, 1) }, TEXTUAL),
  type: "string",
});
const nothing: Model = (call) => ({ taints: [], api: `${call.api}()` });
const identity: Model = ({ args }) => args[0] ?? UNKNOWN;

/** What is encoded again or decoded is no longer what was checked. */
const decode: Model = (call) => {
  const value = through(call);
  return {
    taints: value.taints.map((taint) => ({ ...taint, label: `${taint.label}(decoded)`, safe: taint.safe & TEXTUAL })),
    type: "string",
  };
};

/** What is written in base64 or hexadecimals and run all the same has something to hide. */
const decodeConstant =
  (model: Model): Model =>
  (call) => {
    const value = model(call);
    const { run, node, api, args } = call;
    const isEncoded = api === "atob" || /^(?:hex|base64)$/u.test(textOf(args[1]) ?? "");
    if (!isEncoded || (textOf(args[0]) ?? "").length < 8) return value;
    const hidden = source(run, node, "encoded text", "encoded", EVERY & ~KIND.code);
    return { ...value, taints: mergeTaints(value.taints, hidden) };
  };

const parseJson: Model = (call) => {
  const value = through({ ...call, args: call.args.slice(0, 1) });
  return { taints: value.taints.map((taint) => ({ ...taint, safe: taint.safe & ~TEXTUAL })) };
};

/** Joined paths keep what is known of their beginning. */
const paths: Model = (call) => {
  const { args, name } = call;
  const value = through(call, TEXTUAL);
  const rooted = args.length > 1 && args[0]?.literal === "/" && name !== "resolve";
  const parts = args.flatMap((arg, index) => [
    ...(index === 0 ? [] : ["/"]),
    ...(arg.parts ?? [typeof arg.literal === "string" ? arg.literal : arg.taints.length > 0 ? null : undefined]),
  ]);
  const known = rooted ? KIND.path : 0;
  return {
    taints: value.taints.map((taint) => ({ ...taint, safe: taint.safe | RESOLVED | known })),
    api: `${call.api}()`,
    type: "string",
    parts,
  };
};

/** `new URL(document.location)`: the object stands for its text. */
function pageAddress({ run, node }: Call, value: Value): Value {
  const isPage = value.taints.length === 0 && /^(?:(?:window|document|self)\.)?location$/u.test(value.api ?? "");
  return isPage ? { ...value, taints: source(run, node, "location.href", "browser", TEXTUAL) } : value;
}

/** A URL keeps its beginning, and with it the host, where that is written in the program. */
const url: Model = (call) => {
  const [given = UNKNOWN, base] = call.args;
  const first = pageAddress(call, given);
  const prefix = prefixOf(first);
  const isRelative = first.taints.length === 0 || (prefix !== "" && !/^[a-z][a-z0-9+.-]*:|^[\\/]{2}/iu.test(prefix));
  // What a server was asked for, whole, leads to itself.
  const elsewhere =
    base?.taints.filter(({ label }) => !/\.(?:url|nextUrl|originalUrl|href|origin)$/u.test(label)) ?? [];
  if (isRelative && base !== undefined && elsewhere.length > 0)
    return {
      ...through({ ...call, args: [first, { ...base, taints: elsewhere }] }, TEXTUAL),
      api: "URL()",
      type: "object",
      ...(base.parts && { parts: base.parts }),
    };
  const value = through({ ...call, args: [first] }, TEXTUAL);
  const { host, kinds } = {
    host: prefix === "" && base !== undefined ? [] : first.parts,
    kinds: base !== undefined && /^\/[^/\\]|^\?|^#/u.test(prefix) ? KIND.ssrf | KIND.redirect | KIND.href : 0,
  };
  return {
    taints: safeFor(value, kinds).taints.map((taint) =>
      // What a server was asked for, whole, leads to itself.
      base === undefined && /^\w+\.url$/u.test(taint.label) ? { ...taint, label: `${taint.label}(parsed)` } : taint,
    ),
    api: "URL()",
    type: "object",
    ...(host !== undefined && host.length > 0 && { parts: host }),
  };
};

const assign: Model = (call) => {
  const [target = UNKNOWN, ...others] = call.args;
  for (const other of others) {
    if (target.fields === undefined) break;
    for (const [key, value] of other.fields ?? []) if (key !== "constructor") target.fields.set(key, value);
    if (other.taints.length > 0) target.fields.set("*", join(target.fields.get("*"), { taints: other.taints }));
  }
  return { ...target, taints: mergeTaints(target.taints, ...others.map(({ taints }) => taints)) };
};

const list: Model = ({ args, run }) => {
  const [first = UNKNOWN, each] = args;
  const array = newObject(run, "array");
  const element = elementOf(first);
  array.fields.set(
    "*",
    each?.closure === undefined ? element : run.apply(each, [element, { taints: [], type: "number" }]),
  );
  return { ...array, taints: safeFor(first, KIND.shape).taints };
};

const container: Model = ({ args, run, api }) => {
  const [first] = args;
  const made = newObject(run, "object");
  // A set that is written out keeps each of its words.
  if (api === "Set" && first?.type === "array")
    for (const [key, value] of first.fields ?? []) made.fields.set(key, value);
  else if (first !== undefined) made.fields.set("*", elementOf(first));
  return { ...made, taints: first?.taints ?? [] };
};

/** A pattern that is written as a text. */
const pattern: Model = (call) => {
  const source = textOf(call.args[0]) ?? call.args[0]?.regex?.source;
  const flags = textOf(call.args[1]) ?? "";
  return source === undefined ? through(call) : { taints: [], type: "object", regex: { source, flags } };
};

/** The time and the address of the machine. */
const clockIdentifier: Model = (call) => ({ ...guessable(call), type: "string" });

/** What stands in a file: harmless to all but whom it is sent to. */
const fromFile: Model = ({ run, node, api, args }) => ({
  taints: source(run, node, "data of a file", "file"),
  api: `${api}()`,
  ...(textOf(args[0]) !== undefined && { madeOf: textOf(args[0]) as string }),
});

/** An error keeps its message. */
const failure: Model = (call) => ({
  ...newObject(call.run, "object"),
  api: `${call.api}()`,
  fields: new Map([["message", { ...text(call), name: "message" }]]),
});

const promise: Model = ({ args, run }) => {
  let settled: Value = UNKNOWN;
  const [executor] = args;
  const resolve: Value = {
    taints: [],
    type: "function",
    native: ([value = UNKNOWN]) => ((settled = join(value, settled)), UNKNOWN),
  };
  if (executor?.closure !== undefined)
    run.invoke(executor.closure, [resolve, { taints: [], type: "function", native: () => UNKNOWN }], undefined);
  return settled;
};

/** The promisified function is the function. */
const promisify: Model = ({ args }) => args[0] ?? UNKNOWN;

const smallest: Model = (call) => ({
  ...through(call, call.args.some(({ taints }) => taints.length === 0) ? EVERY : NUMERIC),
  type: "number",
});

const ENCODED =
  EVERY &
  ~(
    KIND.sql |
    KIND.command |
    KIND.code |
    KIND.ldap |
    KIND.xpath |
    KIND.template |
    KIND.regex |
    KIND.slow |
    KIND.size |
    KIND.key |
    KIND.log
  );

/** What is found out about an address has been found out about the name. */
const resolved: Model = (call) => {
  const { taints } = through({ ...call, args: call.args.slice(0, 1) }, TEXTUAL);
  return { taints, fields: new Map([["address", { taints, name: "address" }]]), type: "object" };
};

const RESOLVERS = ["dns.", "dns/promises.", "dns.promises."].flatMap((owner) =>
  ["lookup", "resolve", "resolve4", "resolve6"].map((name) => [owner + name, resolved] as const),
);

export const FUNCTIONS: Readonly<Record<string, Model>> = {
  ...Object.fromEntries(RESOLVERS),
  Number: numeric,
  parseInt: numeric,
  parseFloat: numeric,
  "Number.parseInt": numeric,
  "Number.parseFloat": numeric,
  BigInt: numeric,
  Date: numeric,
  "Math.floor": numeric,
  "Math.round": numeric,
  "Math.ceil": numeric,
  "Math.abs": numeric,
  "Math.trunc": numeric,
  "Math.max": numeric,
  "Math.min": smallest,
  ...Object.fromEntries(["Error", "TypeError", "RangeError", "SyntaxError"].map((name) => [name, failure])),
  RegExp: pattern,
  ...PACKAGE_FUNCTIONS,
  "fs.readFileSync": fromFile,
  "fs.promises.readFile": fromFile,
  "fs/promises.readFile": fromFile,
  "Math.random": guessable,
  "Date.now": guessable,
  "uuid.v1": clockIdentifier,
  "uuid/v1": clockIdentifier,
  Boolean: nothing,
  String: (call) => text({ ...call, args: [pageAddress(call, call.args[0] ?? UNKNOWN)] }),
  "String.raw": text,
  Object: pass,
  encodeURIComponent: (call) => ({ ...through(call, ENCODED | KIND.log), type: "string" }),
  encodeURI: (call) => ({ ...through(call, KIND.log | KIND.header | TEXTUAL), type: "string" }),
  escape: (call) => ({ ...through(call, ENCODED), type: "string" }),
  decodeURIComponent: decode,
  decodeURI: decode,
  unescape: decode,
  atob: decodeConstant(decode),
  btoa: (call) => ({ ...through(call, NUMERIC), type: "string" }),
  "JSON.stringify": (call) => ({
    ...through({ ...call, args: call.args.slice(0, 1) }, KIND.log | KIND.header | KIND.format | TEXTUAL),
    type: "string",
  }),
  "JSON.parse": parseJson,
  structuredClone: identity,
  "Object.assign": assign,
  "Object.freeze": identity,
  "Object.seal": identity,
  "Object.create": ({ args, run }) => ({
    ...newObject(run, "object"),
    ...(args[0]?.literal === null && { api: BARE_OBJECT }),
  }),
  "Object.keys": list,
  "Object.values": list,
  "Object.fromEntries": pass,
  "Object.entries": (call) => {
    const [first = UNKNOWN] = call.args;
    const entry = newObject(call.run, "array");
    entry.fields.set("0", {
      taints: first.taints.map((taint) => ({ ...taint, label: `${taint.label}.(name)` })),
      type: "string",
    });
    entry.fields.set("1", elementOf(first));
    return { taints: [], type: "array", element: entry };
  },
  "Array.from": list,
  "Array.of": list,
  Array: nothing,
  Set: container,
  Map: container,
  WeakMap: nothing,
  FormData: nothing,
  "Promise.resolve": identity,
  "Promise.all": identity,
  "Promise.allSettled": identity,
  "Promise.race": (call) => elementOf(call.args[0] ?? UNKNOWN),
  Promise: promise,
  URL: url,
  URLSearchParams: pass,
  Headers: pass,
  "URL.canParse": nothing,
  Request: pass,
  "url.parse": url,
  "url.resolve": (call) => through(call),
  "url.format": pass,
  "url.fileURLToPath": pass,
  "querystring.parse": pass,
  "querystring.unescape": decode,
  "querystring.escape": (call) => through(call, ENCODED),
  "qs.parse": pass,
  qs: pass,
  "path.join": paths,
  "path.resolve": paths,
  "path.normalize": paths,
  "path.posix.join": paths,
  "path.posix.normalize": paths,
  "path.posix.resolve": paths,
  "path.win32.join": paths,
  "path.win32.normalize": paths,
  "path.basename": (call) => ({ ...through(call, KIND.path | KIND.redirect | TEXTUAL), type: "string" }),
  "path.posix.basename": (call) => ({ ...through(call, KIND.path | TEXTUAL), type: "string" }),
  "path.extname": (call) => ({ ...through(call, KIND.path), type: "string" }),
  "path.dirname": pass,
  "path.parse": pass,
  "path.format": pass,
  "path.relative": paths,
  "path.isAbsolute": nothing,
  "fs.realpathSync": paths,
  "fs.realpath": paths,
  "fs.promises.realpath": paths,
  "fs/promises.realpath": paths,
  "util.format": (call) => ({ ...through(call, TEXTUAL), type: "string" }),
  "util.inspect": (call) => ({ ...through(call, TEXTUAL | KIND.log), type: "string" }),
  "os.tmpdir": () => ({ taints: [], api: "os.tmpdir()", parts: ["/tmp/"], type: "string" }),
  "util.promisify": promisify,
  "util.callbackify": promisify,
  "Buffer.from": decodeConstant(pass),
  Buffer: decodeConstant(pass),
  "TextEncoder().encode": pass,
  "TextDecoder().decode": text,
  "Buffer.concat": (call) => through(call),
  "Buffer.alloc": nothing,
  "fs.realpathSync.native": paths,
};
