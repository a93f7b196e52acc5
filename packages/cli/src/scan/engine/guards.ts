/** What a condition says about the values in it. */
import type { Call } from "./run.ts";
import { EVERY, HOST, KIND, NOT_TWO_SLASHES, NUMERIC, RESOLVED, STARTS_WITH_SLASH, TEXTUAL } from "./kinds.ts";
import { wholeOf } from "./members.ts";
import { MESSAGE_EVENT } from "./sources.ts";
import { textOf, type Clear, type Facts, type Value } from "./value.ts";

const NOTHING: Facts = { yes: [], no: [] };

function clears(value: Value, kinds: number): readonly Clear[] {
  return [
    ...value.taints,
    ...(value.fields === undefined ? [] : [...value.fields.values()].flatMap(({ taints }) => taints)),
  ].flatMap(({ label }) => {
    const { whole, part } = wholeOf(label);
    if (part === undefined) return [{ label, kinds }];
    if (part === "length")
      return [
        { label, kinds },
        { label: whole, kinds: kinds & (KIND.size | KIND.slow | KIND.regex) },
      ];
    // Whoever sent a message wrote all of it.
    if (part === "origin" && whole === MESSAGE_EVENT) return [{ label: whole, kinds }];
    return [
      { label, kinds },
      { label: whole, kinds: kinds & (part === "protocol" ? KIND.href | KIND.code : part === "pathname" ? 0 : HOST) },
    ];
  });
}

/** `value === known`: then it is that. */
function equals(asked: Value, known: Value): readonly Clear[] {
  if (asked.typeofLabels !== undefined) {
    const type = textOf(known);
    const kinds =
      type === "string" ? TEXTUAL : type === "number" || type === "boolean" || type === "bigint" ? NUMERIC : 0;
    return kinds === 0 ? [] : asked.typeofLabels.map((label) => ({ label, kinds }));
  }
  if (asked.taints.length === 0) return [];
  if (known.taints.length === 0) return clears(asked, EVERY);
  return isOwnHost(known) && asked.taints.every(({ label }) => OF_HOST.test(label))
    ? clears(asked, KIND.redirect | KIND.href)
    : [];
}

const OF_HOST = /\.(?:origin|host|hostname)$/u;
const OWN_HOST =
  /^\w+\.(?:host|hostname)$|\.(?:nextUrl|url|url\(parsed\))\.(?:origin|host|hostname)$|\.(?:headers|header|get)\.host$/u;

/** The host that was asked, as the browser of whoever follows a link wrote it. */
function isOwnHost({ taints }: Value): boolean {
  return taints.every(({ label }) => OWN_HOST.test(label));
}

const EMPTY = new Set(["undefined", "null"]);

/** What is stored is ours, where something else is compared with it. */
function ours(value: Value): Value {
  const taints = value.taints.filter(({ source }) => source !== "stored");
  return taints.length === value.taints.length ? value : { ...value, taints };
}

export function factsOfComparison(operator: string, one: Value, other: Value): Facts | undefined {
  const [left, right] = [ours(one), ours(other)];
  if (operator === "<" || operator === "<=" || operator === ">" || operator === ">=") return factsOfOrder(left, right);
  if (operator === "in") return right.taints.length > 0 ? undefined : { yes: clears(left, EVERY), no: [] };
  if (!/^[!=]==?$/u.test(operator)) return undefined;
  const [asked, known] =
    left.taints.length > 0 || left.typeofLabels !== undefined || left.facts !== undefined || left.atStart !== undefined
      ? [left, right]
      : [right, left];
  if (known.literal === null || (known.api !== undefined && EMPTY.has(known.api))) return undefined;
  const positive =
    (known.literal === 0 ? asked.atStart : undefined) ?? indexFound(asked, known) ?? compared(asked, known);
  return operator.startsWith("!") ? { yes: positive.no, no: positive.yes } : positive;
}

function compared(asked: Value, known: Value): Facts {
  if (asked.facts !== undefined && typeof known.literal === "boolean") {
    return known.literal ? asked.facts : { yes: asked.facts.no, no: asked.facts.yes };
  }
  if (asked.facts !== undefined && typeof known.literal === "number" && asked.type !== "number")
    return known.literal === 0 ? { yes: asked.facts.no, no: asked.facts.yes } : { yes: asked.facts.yes, no: [] };
  const forbidden = textOf(known);
  if (forbidden === "__proto__" || forbidden === "constructor" || forbidden === "prototype")
    return { yes: [], no: clears(asked, KIND.key) };
  return { yes: equals(asked, known), no: [] };
}

/** `list.indexOf(x) === -1` and `x.indexOf("..") === -1`: the facts of the call, turned round. */
function indexFound(asked: Value, known: Value): Facts | undefined {
  if (asked.facts === undefined || asked.type !== "number") return undefined;
  if (known.literal === -1) return { yes: asked.facts.no, no: asked.facts.yes };
  return known.literal === 0 ? { yes: asked.facts.yes, no: [] } : NOTHING;
}

function factsOfOrder(left: Value, right: Value): Facts | undefined {
  if (left.facts !== undefined && left.type === "number") {
    return right.literal === -1 || right.literal === 0 ? { yes: left.facts.yes, no: left.facts.no } : undefined;
  }
  const bounded = [
    ...(right.taints.length === 0 ? clears(left, KIND.size | KIND.slow) : []),
    ...(left.taints.length === 0 ? clears(right, KIND.size | KIND.slow) : []),
  ];
  return bounded.length === 0 ? undefined : { yes: bounded, no: bounded };
}

/** Is a text that matches harmless? Anchored at both ends, and made of what is listed rather than of anything. */
export function isStrictPattern({ source, flags }: { readonly source: string; readonly flags: string }): boolean {
  if (!source.startsWith("^") || !source.endsWith("$") || source.endsWith("\\$") || flags.includes("m")) return false;
  if (hasAlternativeOutside(source)) return false;
  const withoutClasses = source.replaceAll(/\\./gu, "").replaceAll(/\[[^\]^][^\]]*\]/gu, "");
  return !withoutClasses.includes(".") && !withoutClasses.includes("[^") && !/\\[SWD]/u.test(source);
}

/** `^a|b$`: each anchor holds for one side alone. */
function hasAlternativeOutside(source: string): boolean {
  let depth = 0;
  for (const letter of source.replaceAll(/\\./gu, "__").replaceAll(/\[[^\]]*\]/gu, "_")) {
    if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
    else if (letter === "|" && depth === 0) return true;
  }
  return false;
}

/** `^https://example\.com/` and `^/[^/\\]`: whoever matches stays on that host. */
function clearedByPrefixPattern(source: string): number {
  if (!source.startsWith("^")) return 0;
  if (
    /^\^https\??:(?:\\?\/){2}(?:\([^)]*\)|[\w\-[\]?+*]|\\\.|\\w)+(?:\\?\/|:\d|\$|\(\\?\/)/u.test(source) &&
    !/[^\\]\.[\w(]/u.test(source)
  )
    return HOST;
  if (/^\^\(?(?:\?:)?https?\??:/u.test(source)) return KIND.href;
  if (/^\^\\?\/\(?\?!(?:\\?\/|\[)/u.test(source) || /^\^\\?\/(?:\[\^[^\]]*\/|\[\w|\\w)/u.test(source))
    return KIND.redirect;
  return 0;
}

export function factsOfPattern(regex: { readonly source: string; readonly flags: string }, text: Value): Facts {
  if (isStrictPattern(regex)) return { yes: clears(text, EVERY), no: [] };
  const { source } = regex;
  const unwanted =
    (source.includes("\\.\\.") || source === "\\.{2}" ? KIND.path : 0) |
    (/\\r|\\n|\\s/u.test(source) ? KIND.log | KIND.header : 0) |
    (source.includes("__proto__") ? KIND.key : 0);
  const negative = source.startsWith("^") && unwanted === KIND.path && !source.includes("|") ? RESOLVED : unwanted;
  return { yes: clears(text, clearedByPrefixPattern(source)), no: clears(text, negative) };
}

export function factsOfStart(text: Value, start: Value | undefined): Facts | undefined {
  if (start === undefined) return undefined;
  const known = textOf(start);
  if (known === "/") return { yes: clears(text, STARTS_WITH_SLASH), no: [] };
  if (known === "//" || known === "/\\") return { yes: [], no: clears(text, NOT_TWO_SLASHES) };
  if (known === "..")
    return { yes: [], no: clears(text, text.taints.some(({ safe }) => (safe & RESOLVED) !== 0) ? KIND.path : 0) };
  if (known === "-" || known === "--") return { yes: [], no: clears(text, KIND.argument) };
  if (known !== undefined && /^https?:\/\//u.test(known))
    return { yes: clears(text, /^https?:\/\/[^/]+\//u.test(known) ? HOST : 0), no: [] };
  // The folder that a caller names is the caller's own.
  if (start.taints.some(({ source }) => source !== "parameter")) return undefined;
  return {
    yes: clears(
      { ...text, taints: text.taints.filter(({ safe }) => (safe & RESOLVED) !== 0) },
      isWholeFolder(start, known) ? KIND.path : 0,
    ),
    no: [],
  };
}

/** `/data` is also the start of `/data-of-others`. */
function isWholeFolder({ api = "", parts }: Value, known: string | undefined): boolean {
  const end = known ?? parts?.at(-1);
  if (typeof end === "string") return end.endsWith("/") || end.endsWith("\\");
  return !/(?:^|\.)(?:resolve|normalize|join|realpath(?:Sync)?)\(\)$/u.test(api);
}

/** `text.includes("..")` and `allowed.includes(text)`. */
export function factsOfIncludes(asked: Value, sought: Value | undefined): Facts | undefined {
  if (sought === undefined) return undefined;
  const receiver = ours(asked);
  if (receiver.taints.length > 0) {
    const text = textOf(sought);
    if (text === "__proto__") return { yes: [], no: clears(receiver, KIND.key) };
    if (text === "..") return { yes: [], no: clears(receiver, KIND.path) };
    if (text === "\n" || text === "\r") return { yes: [], no: clears(receiver, KIND.log | KIND.header) };
    return undefined;
  }
  const names = [...(receiver.fields?.values() ?? [])].flatMap((value) =>
    value.fields === undefined ? [value] : [...value.fields.values()],
  );
  // A list of what is forbidden.
  if (names.some(({ literal }) => literal === "__proto__")) return { yes: [], no: clears(sought, KIND.key) };
  return receiver.type === "string" ? undefined : { yes: clears(sought, EVERY), no: [] };
}

const VALIDATORS =
  /^(?:is|has|are|check|validate|verify|ensure|assert)_?(?:in)?_?(?:Url|Uri|Link|Host\w*|Domain|Path|File\w*|Safe\w*|Valid\w*|Allowed\w*|Trusted\w*|Permitted|Whitelisted|Allowlisted|Local\w*|Internal\w*|Relative\w*|Same\w*|Known\w*|Supported)/iu;
const SHAPES =
  /^(?:isInt|isInteger|isSafeInteger|isFinite|isNumeric|isDecimal|isFloat|isUUID|isUuid|isMongoId|isAlpha|isAlphanumeric|isHexadecimal|isBoolean|isISO8601|isSlug|isPort|isDate|isObjectIdOrHexString)$/u;

/** What a call that answers yes or no says, by the name of what is called. */
export function factsOfCall({ name, api, receiver, args }: Call): Facts | undefined {
  const [first, second] = args;
  switch (name) {
    case "includes":
    case "indexOf":
    case "has":
      return receiver && factsOfIncludes(receiver, first);
    case "startsWith":
      return receiver && factsOfStart(receiver, first);
    case "endsWith":
      return (
        receiver &&
        (/(?:hostname|host)$/u.test(receiver.taints[0]?.label ?? "") && first?.parts?.[0]?.startsWith(".") === true
          ? { yes: clears(receiver, HOST), no: [] }
          : undefined)
      );
    case "test":
      return receiver?.regex === undefined || first === undefined ? undefined : factsOfPattern(receiver.regex, first);
    case "match":
    case "search":
      return first?.regex === undefined || receiver === undefined ? undefined : factsOfPattern(first.regex, receiver);
    case "exec":
      return receiver?.regex === undefined || first === undefined ? undefined : factsOfPattern(receiver.regex, first);
    case "hasOwnProperty":
      return receiver && first && ours(receiver).taints.length === 0
        ? { yes: clears(first, EVERY), no: [] }
        : undefined;
    case "hasOwn":
    case "call":
      return api.endsWith("hasOwnProperty.call") || api === "Object.hasOwn" ? ownProperty(first, second) : undefined;
    case "isNaN":
      return first && { yes: [], no: clears(first, NUMERIC) };
    case "isArray":
      return (
        first && {
          yes: first.taints.flatMap(({ label }) => [
            { label, kinds: KIND.shape },
            { label: `${label}.length`, kinds: KIND.size },
          ]),
          no: clears(first, KIND.shape),
        }
      );
    case "isAbsolute":
      return undefined;
    default:
      return api === "uuid.validate" && first !== undefined
        ? { yes: clears(first, EVERY), no: [] }
        : byName(name, first);
  }
}

/** Is a name one of an object's own? What was sent has own names of every kind. */
function ownProperty(object: Value | undefined, name: Value | undefined): Facts | undefined {
  if (object === undefined || name === undefined) return undefined;
  if (object.taints.length === 0) return { yes: clears(name, EVERY), no: [] };
  const isAnother = object.taints.every(
    ({ source, label }) => source === "parameter" && !name.taints.some((taint) => taint.label.startsWith(label)),
  );
  return isAnother ? { yes: clears(name, KIND.key), no: [] } : undefined;
}

function byName(name: string, first: Value | undefined): Facts | undefined {
  if (first === undefined) return undefined;
  // An address of the own network is an address too.
  if (/^isIP(?:v[46])?$/u.test(name)) return { yes: clears(first, NUMERIC & ~HOST), no: [] };
  if (SHAPES.test(name)) return { yes: clears(first, NUMERIC), no: [] };
  if (VALIDATORS.test(name)) return { yes: clears(first, EVERY), no: [] };
  return undefined;
}
