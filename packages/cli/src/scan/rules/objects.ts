import { KIND } from "../engine/kinds.ts";
import { option, untrusted, untrustedItself, type ScanRule } from "../rule.ts";
import type { Value } from "../engine/value.ts";
import { effortOf } from "./pattern-ambiguity.ts";

const MERGES =
  /^(?:lodash|lodash\.\w+|underscore|_)(?:\.|\/)(?:merge|mergeWith|defaultsDeep|set|setWith|zipObjectDeep|update|updateWith)$|^lodash\.(?:merge|mergewith|defaultsdeep|set)$|^(?:deepmerge|merge-deep|deep-extend|extend|dot-prop\.set|dot-prop\.setProperty|object-path\.set|set-value|hoek\.merge|@hapi\/hoek\.merge|merge|merge-options|defaults-deep|jquery\.extend|\$\.extend|jQuery\.extend)$/u;

/** Properties that every object has, written by a client. */
export const PROTOTYPE_POLLUTION: ScanRule = {
  id: "scan/prototype-pollution",
  severity: "error",
  cwe: ["CWE-1321"],
  owasp: "A08",
  what: "A property is written below a name that comes from outside.",
  why: '"__proto__" leads to the object that every other inherits from: isAdmin is then true everywhere.',
  fix: 'Refuse "__proto__", "constructor" and "prototype", or keep such data in a Map.',
  bad: 'app.post("/set", (req, res) => { settings[req.body.group][req.body.name] = req.body.value; res.end(); });',
  good: 'const settings = new Map();\napp.post("/set", (req, res) => { settings.set(String(req.body.name), req.body.value); res.end(); });',
  calls: ({ api, name, args, run, node, callee }, report) => {
    if (!MERGES.test(api) || callee.closure !== undefined) return;
    // What is copied one level deep leads nowhere.
    if (/^(?:jquery|\$|jQuery)\.extend$/u.test(api) && args[0]?.literal !== true) return;
    // Objects of JSON have own properties of that name; a text that was put together has none.
    const sets = /set|update/iu.test(name);
    const taint = sets
      ? untrusted(run, args[1], KIND.key)
      : args
          .slice(api === "deepmerge" ? 0 : 1)
          .map((value) => untrusted(run, value, KIND.key | KIND.fields, ["remote", "browser"], 1))
          .find((found) => found !== undefined);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
  assigns: ({ node, object, key, run }, report) => {
    const sources = ["remote", "browser", "parameter"] as const;
    const reached =
      object.reachedBy === undefined
        ? undefined
        : untrustedItself(run, { taints: object.reachedBy }, KIND.key, sources);
    const taint = untrustedItself(run, key, KIND.key, sources);
    const found =
      reached !== undefined && (taint !== undefined || reached.source !== "parameter")
        ? (taint ?? reached)
        : taint !== undefined && mergesDeeply(run.frame.closure?.node, run.module.file.text, taint.source === "remote")
          ? taint
          : undefined;
    if (found !== undefined) report(node, `${found.label} as a name`, found);
  },
};

/** merge(target[key], source[key]) inside of merge: what the name leads to is written into as well. */
function mergesDeeply(
  node: { readonly start: number; readonly end: number } | undefined,
  text: string,
  isRemote: boolean,
): boolean {
  if (node === undefined) return false;
  const body = text.slice(node.start, node.end);
  // extend(target[key], value) inside of extend
  const own = nameOfFunction(body, text.slice(Math.max(0, node.start - 200), node.start));
  if (own !== undefined && new RegExp(`\\b${own}\\(\\s*\\w+\\[\\w+\\]`, "u").test(body)) return true;
  // target[key] = merge(target[key] ?? {}, value)
  const name = isRemote ? /^(?:async\s+)?function\s+(\w+)/u.exec(body)?.[1] : undefined;
  if (name !== undefined && new RegExp(`\\w\\[\\w+\\]\\s*=\\s*${name}\\(`, "u").test(body)) return true;
  // target[key] = merge(target[key] || {}, value) in a function inside of merge
  const around = /\w\[(\w+)\]\s*=\s*(\w+)\(\s*\w+\[\1\]/u.exec(body)?.[2];
  if (around !== undefined && new RegExp(`\\bfunction\\s+${around}\\b|\\b${around}\\s*=(?!=)`, "u").test(text))
    return true;
  return /\b\w+\(\s*\w+\[\w+\](?:\s*(?:\|\||\?\?)\s*[^,()]+)?,\s*\w+\[\w+\]/u.test(body);
}

function nameOfFunction(body: string, before: string): string | undefined {
  return /^(?:async\s+)?function\s+(\w+)/u.exec(body)?.[1] ?? /(\w+)\s*(?::[^=;\n]+)?=\s*$/u.exec(before)?.[1];
}

const WRITES =
  /^(?:create|insert|insertOne|insertMany|bulkCreate|build|update|updateOne|updateMany|upsert|findByIdAndUpdate|findOneAndUpdate|save|patch|merge|set|assign)$/u;
/** What a list of words or a cache is not asked for. */
const KEEPS =
  /^(?:create|insert|insertOne|insertMany|bulkCreate|updateOne|updateMany|upsert|findByIdAndUpdate|findOneAndUpdate)$/u;
const WHOLE_BODY = /(?:^|\.)(?:body|json|parseBody)$|^@Body/u;

/** Columns that a client fills because nobody said which. */
export const MASS_ASSIGNMENT: ScanRule = {
  id: "scan/mass-assignment",
  severity: "error",
  cwe: ["CWE-915"],
  owasp: "A08",
  what: "The whole body of a request is written into a record.",
  why: "A client adds role, isAdmin or ownerId to the form, and the record has it.",
  fix: "Name the properties, or parse the body with a schema that knows them.",
  bad: 'app.post("/users", async (req, res) => res.json(await User.create(req.body)));',
  good: 'app.post("/users", async (req, res) => res.json(await User.create({ name: String(req.body.name) })));',
  assigns: (assignment, report) => ASSIGNED_ONE_BY_ONE(assignment, report),
  calls: ({ api, name, args, receiver, isNew, run, node, callee }, report) => {
    const owner = receiver?.name ?? receiver?.api ?? "";
    const isModel =
      /^[A-Z]\w*$/u.test(owner) ||
      /model|repo(?:sitory)?$|collection|prisma|user|account|profile|\bdb\b|knex|values/iu.test(owner) ||
      /(?:^|\.)prisma\.\w+$/iu.test(receiver?.api ?? "") ||
      (KEEPS.test(name) && /(?:^|\.)[a-z]\w*s$/u.test(owner)) ||
      // A document takes all of it at once, a map by a name.
      (name === "set" && args.length === 1);
    const made = callee.name ?? name;
    const makes =
      isNew &&
      /^[A-Z]\w*$/u.test(made) &&
      callee.class === undefined &&
      !/^(?:URL|Headers|Request|Response|Blob|File|FormData|Map|Set|Array|Date|Error|\w*Error|URLSearchParams|Promise|RegExp|Proxy)\w*$/u.test(
        made,
      );
    const assigns = api === "Object.assign" && args[0]?.fields === undefined && args[0]?.role === undefined;
    if (
      !makes &&
      !assigns &&
      !(
        WRITES.test(name) &&
        isModel &&
        !/session|token/iu.test(owner) &&
        callee.closure === undefined &&
        api !== "Object.assign"
      )
    )
      return;
    for (const value of assigns
      ? args.slice(1)
      : args.flatMap((argument) => [
          argument,
          ...(option(argument, "data") === undefined ? [] : [option(argument, "data")]),
        ])) {
      const taint = untrustedItself(run, value, KIND.fields);
      if (taint !== undefined && WHOLE_BODY.test(taint.label)) report(node, `${taint.label} in ${name}()`, taint);
    }
  },
};

/** `for (const key of Object.keys(req.body)) user[key] = req.body[key];` */
const ASSIGNED_ONE_BY_ONE: NonNullable<ScanRule["assigns"]> = ({ node, object, key, value, run }, report) => {
  if (object.fields !== undefined || object.role !== undefined || object.api === "process.env") return;
  const name = untrustedItself(run, key, KIND.key);
  if (name === undefined || !/(?:^|\.)body(?:\.\*|\.\(name\))$/u.test(name.label)) return;
  const taint = untrustedItself(run, value, KIND.fields);
  if (taint !== undefined && /(?:^|\.)body\.\*$/u.test(taint.label))
    report(node, `every field of ${name.label}`, taint);
};

/** An amount that a client chooses. */
export const RESOURCE_EXHAUSTION: ScanRule = {
  id: "scan/resource-exhaustion",
  severity: "error",
  cwe: ["CWE-770", "CWE-789", "CWE-834"],
  owasp: "A04",
  what: "A number from outside says how much memory or time is taken.",
  why: "One request takes all of it.",
  fix: "Bound it: Math.min(Number(value), 1000), or refuse what is larger.",
  bad: 'app.get("/pad", (req, res) => res.end(Buffer.alloc(Number(req.query.size))));',
  good: 'app.get("/pad", (req, res) => res.end(Buffer.alloc(Math.min(Number(req.query.size), 1024))));',
  calls: ({ api, name, args, receiver, run, node }, report) => {
    const sized =
      /^(?:Buffer\.(?:alloc|allocUnsafe|allocUnsafeSlow)|Array|SharedArrayBuffer|ArrayBuffer|Uint8Array)$/u.test(api) ||
      (/^(?:repeat|padStart|padEnd)$/u.test(name) && receiver !== undefined);
    if (api === "ajv" && option(args[0], "allErrors")?.literal === true)
      report(node, "allErrors gathers as many as there are");
    const packed = isUnpacked(api, args) ? untrusted(run, args[0], KIND.deserialize) : undefined;
    if (packed !== undefined) report(node, `${packed.label} in ${name}() without maxOutputLength`, packed);
    const timed = /^(?:setTimeout|setInterval)$/u.test(api);
    if (!sized && !timed) return;
    const taint = untrustedItself(run, args[timed ? 1 : 0], KIND.size);
    const isCopy =
      /Array(?:Buffer)?$/u.test(api) &&
      /\.(?:length|byteLength|buffer|value|arrayBuffer|body|rawBody)$/u.test(taint?.label ?? "");
    if (taint !== undefined && !(sized && isCopy)) report(node, `${taint.label} in ${name}()`, taint);
  },
  values: (node, value, run, report) => {
    if (node.type !== "ForStatement" && node.type !== "WhileStatement" && node.type !== "DoWhileStatement") return;
    const taint = untrustedItself(run, value, KIND.size);
    // A text is as long as what was sent; an object says what length it likes.
    if (taint === undefined || (taint.label.endsWith(".length") && (taint.safe & KIND.shape) !== 0)) return;
    const isCount = value.type === "number" || (taint.safe & KIND.shape) === 0;
    if (isCount || taint.label.endsWith(".length")) report(node, `${taint.label} turns`, taint);
  },
};

/** Packed data, of which nobody says how large it may become. */
function isUnpacked(api: string, args: readonly Value[]): boolean {
  return (
    /^zlib\.(?:gunzip|inflate|inflateRaw|unzip|brotliDecompress)(?:Sync)?$/u.test(api) &&
    !args.slice(1).some((value) => value.closure === undefined && (value.fields?.has("maxOutputLength") ?? true))
  );
}

/** A pattern that takes exponential time, on a text that a client wrote. */
export const SLOW_PATTERN: ScanRule = {
  id: "scan/slow-pattern",
  severity: "error",
  cwe: ["CWE-1333"],
  owasp: "A04",
  what: "A text from outside is matched against a pattern in which a repetition repeats itself.",
  why: "Each letter more doubles the time; forty keep the one thread of the server busy for hours.",
  fix: "Write the pattern so that each text matches in one way, bound the length of the text first, or use safePattern of glacis/input.",
  bad: 'app.get("/check", (req, res) => res.json(/^(\\w+\\s?)*$/.test(req.query.name)));',
  good: 'app.get("/check", (req, res) => res.json(/^\\w+(?:\\s\\w+)*$/.test(req.query.name)));',
  calls: ({ name, args, receiver, run, node }, report) => {
    const onText = /^(?:match|matchAll|replace|replaceAll|search|split)$/u.test(name);
    const regex = onText ? args[0]?.regex : /^(?:test|exec)$/u.test(name) ? receiver?.regex : undefined;
    if (regex === undefined || effortOf(regex) !== "exponential") return;
    const taint = untrusted(run, onText ? receiver : args[0], KIND.slow, ["remote", "browser", "parameter"]);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};
