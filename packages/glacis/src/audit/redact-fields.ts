/** What may not stand in a log, by its name: fields of objects that were not made for one (catalog log-redaction). */
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { cleanBeginning } from "../core/clean-beginning.ts";
import { plainName } from "./redact-disguise.ts";
import { redactText } from "./redact.ts";

const HIDDEN = "[redacted]";
/** Anywhere in a name and in any case: rather a keyboard hidden than a key shown. */
const SENSITIVE =
  /api|auth|token|key|secret|pass|pwd|signature|http_cookie|cookies?$|credential|private|(?:session_?|sess)id|ssn|social_?security|credit_?card|card_?number|cvv|cvc|iban|bearer|mnemonic|passport|(?:recovery|backup|verification|security|one_?time)_?codes?|security_?answer|tax_?id|(?:bank|account|routing)_?(?:account|number)|connection_?string|(?:^|[_-])(?:pin|otp|totp|jwt|pw|sid|csrf|xsrf|session|seed)(?:$|[_-](?!cookie))/iu;
/** Names of pairs that stand in a list, as in `rawHeaders`: only what is a name and nothing else. */
const PAIRED =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-csrf-token|api[_-]?key|pass(?:word|wd|phrase)|secret|(?:access|refresh|id)[_-]token|token)$/iu;
/** What names its neighbour, and the neighbour: pairs, tags and parameters, and what validators say of a field that they refuse. */
const CALLING = [
  [/^(?:(?:field|parameter)?(?:name|key)|field|param|property|path)$/iu, /^(?:original|parameter)?value$/iu],
  [/^(?:instance)?path$/iu, /^(?:input|data)$/u],
] as const;
const DEEPEST = 12;
const MOST_FIELDS = 1000;
const MOST_VALUES = 10_000;
const MOST_CHARACTERS = 32_768;

export interface RedactFieldsOptions {
  /** More names, whole and without case, such as the `redactionKeys` of the personal data map. */
  readonly keys?: readonly string[];
}

/**
 * A copy that can be logged: the value of every field with a telling name is replaced, at any depth, and every text is cleaned as by `redactText`.
 * What is too deep, too much, circular or cannot be read is named instead. It never throws on what it is given.
 *
 * @throws TypeError on an unknown option.
 * @example
 * log.info(redactFields({ user: "u-1", password: "hunter2" }, { keys: map.redactionKeys }));
 * // { user: "u-1", password: "[redacted]" }
 */
export function redactFields(value: unknown, options: RedactFieldsOptions = {}): unknown {
  rejectUnknownOptions("redactFields", options, ["keys"]);
  const names = new Set((options.keys ?? []).map((key) => key.toLowerCase()));
  const isHidden = (given: string): boolean => {
    const name = plainName(given);
    return SENSITIVE.test(name) || names.has(name.toLowerCase());
  };
  return copy(value, { isHidden, above: new Set(), left: { values: MOST_VALUES } });
}

interface Walk {
  readonly isHidden: (name: string) => boolean;
  /** The objects that the value stands in. */
  readonly above: ReadonlySet<object>;
  readonly left: { values: number };
}

function copy(value: unknown, walk: Walk): unknown {
  if (typeof value === "string") return clean(value);
  if (value === null || value === undefined || typeof value === "boolean") return value;
  if (typeof value === "number") return value > 1e12 && clean(String(value)) !== String(value) ? "[card]" : value;
  if (typeof value === "bigint") return clean(String(value));
  if (typeof value !== "object") return `[${typeof value}]`;
  if (walk.above.has(value)) return "[circular]";
  if (walk.above.size >= DEEPEST) return "[deep]";
  try {
    return copyObject(value, { ...walk, above: new Set([...walk.above, value]) });
  } catch {
    return "[unreadable]";
  }
}

function copyObject(value: object, walk: Walk): unknown {
  if (value instanceof Secret) return "[secret]";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || isBufferJson(value)) return "[bytes]";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[date]" : value.toISOString();
  if (value instanceof URL) return clean(value.href);
  if (Array.isArray(value)) return bounded(value, walk).map((item, index) => copyItem(item, value[index - 1], walk));
  if (value instanceof Set) return bounded([...value], walk).map((item) => copy(item, walk));
  const entries: (readonly [unknown, unknown])[] =
    value instanceof Map ? [...value] : namesOf(value).map(reader(value));
  const fields = bounded(entries, walk).map(([key, field]) => {
    const name = typeof key === "string" ? key : String(copy(key, walk));
    const hidden = walk.isHidden(name) || callersOf(name, entries).some(walk.isHidden);
    return [clean(name), hidden ? HIDDEN : copy(field, walk)] as const;
  });
  return Object.fromEntries(fields);
}

/** What `Buffer.toJSON` makes, which is how bytes come out of a parsed log. */
function isBufferJson(value: object): boolean {
  const { type, data } = value as { readonly type?: unknown; readonly data?: unknown };
  return type === "Buffer" && Array.isArray(data);
}

/** What `{ name: "Authorization", value: "..." }` and `{ path: ["user", "password"], input: "..." }` call a field. */
function callersOf(field: string, entries: readonly (readonly [unknown, unknown])[]): readonly string[] {
  const callers = CALLING.filter(([, called]) => called.test(field)).map(([calling]) => calling);
  return entries.flatMap(([key, value]) => {
    if (!callers.some((calling) => typeof key === "string" && calling.test(key))) return [];
    // Of a path through a document or to a page its end says what it is.
    return Array.isArray(value) ? [value.join(".")] : typeof value === "string" ? [value.split("/").at(-1) ?? ""] : [];
  });
}

function copyItem(item: unknown, before: unknown, walk: Walk): unknown {
  return typeof item === "string" && typeof before === "string" && PAIRED.test(before) ? HIDDEN : copy(item, walk);
}

/** An error's own words are not enumerable. */
function namesOf(value: object): readonly string[] {
  const own = Object.keys(value);
  return value instanceof Error
    ? ["name", "message", "stack", ...["cause", "errors"].filter((name) => name in value), ...own]
    : own;
}

function reader(value: object): (name: string) => readonly [string, unknown] {
  return (name) => {
    try {
      return [name, (value as Readonly<Record<string, unknown>>)[name]];
    } catch {
      return [name, "[unreadable]"];
    }
  };
}

function bounded<Item>(items: readonly Item[], { left }: Walk): readonly Item[] {
  const taken = items.slice(0, Math.min(MOST_FIELDS, left.values));
  left.values -= taken.length;
  return taken;
}

function clean(text: string): string {
  return cleanBeginning(text, MOST_CHARACTERS, redactText);
}
