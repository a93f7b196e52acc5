/** Bodies are data: no document types, no objects that run when they are read (catalog xml-and-deserialization; CWE-611, CWE-502; guide A08). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { isSafeMethod } from "../core/safe-method.ts";
import { isReservedKey } from "../primitives/reserved-keys.ts";
import { XmlError, xmlTags } from "./xml-tokens.ts";

const META: ControlMeta = {
  id: "xml-and-deserialization",
  title: "XML without external entities; data-only deserialisation",
  layer: "input",
  guide: ["A05", "A08"],
  owasp2021: ["A05", "A08"],
  owasp2025: ["A02", "A08"],
  asvs: ["v5.0.0-1.5.1", "v5.0.0-1.5.2"],
  cwe: ["CWE-611", "CWE-776", "CWE-502"],
};

export const FORMAT_ACCEPTED: Rule = {
  id: "xml-and-deserialization/accepted",
  severity: "note",
  what: "A route takes XML, YAML or serialized objects.",
  why: "What such a document may do depends on the parser that the route gives it to, and many read files and addresses that it names.",
  fix: "Read XML through xmlText() first and YAML with its core schema; take JSON where the sender can.",
};

const SERIALIZED: ReadonlySet<string> = new Set([
  ..."application/x-java-serialized-object application/x-java-object application/java-serialized-object".split(" "),
  ..."application/x-php-serialized application/vnd.php.serialized application/x-python-pickle".split(" "),
  ..."application/python-pickle application/x-pickle application/x-ruby-marshal application/x-bplist".split(" "),
  ..."application/x-amf application/x-hessian application/x-kryo application/x-dotnet-binary".split(" "),
  ..."application/soap+msbin1 application/x-msbin application/node-serialize application/x-v8-serialized".split(" "),
]);
const YAML: ReadonlySet<string> = new Set(
  "application/yaml application/x-yaml text/yaml text/x-yaml text/vnd.yaml".split(" "),
);

export interface XmlAndDeserializationOptions {
  /** Patterns of routes that take such bodies, and what they are read with: `{ "/soap": "xmlText, then a parser without entities" }`. */
  readonly accept?: Readonly<Record<string, string>>;
}

/**
 * Refuses bodies of XML, YAML and serialized objects with 415 before they are read. A route that needs one is named, with what reads it.
 *
 * @throws TypeError on an unknown option, or for a route without a reason.
 * @example
 * xmlAndDeserialization();
 */
export function xmlAndDeserialization(options: XmlAndDeserializationOptions = {}): Control<IdentifiedFacts> {
  rejectUnknownOptions("xmlAndDeserialization", options, ["accept"]);
  rejectNonRecord("xmlAndDeserialization", "accept", options.accept);
  const accepted = new Map(Object.entries(options.accept ?? {}));
  for (const [pattern, reader] of accepted) {
    if (!pattern.startsWith("/") || typeof reader !== "string" || reader.trim() === "")
      throw new TypeError('xmlAndDeserialization() needs accept as { "/route": "what reads it" }.');
  }
  return {
    meta: META,
    rules: [FORMAT_ACCEPTED],
    decide({ mediaType, method, pattern }) {
      if (mediaType === "" || !isMoreThanData(mediaType) || isSafeMethod(method) || accepted.has(pattern)) return ALLOW;
      return REFUSED;
    },
    check: () =>
      [...accepted].map(([name, reader]) =>
        finding(FORMAT_ACCEPTED, { kind: "setting", name: `accept ${name}` }, reader),
      ),
  };
}

function isMoreThanData(mediaType: string): boolean {
  if (/[/+]xml(?:-[a-z-]+)?$/u.test(mediaType) || /[/+]yaml$/u.test(mediaType)) return true;
  return YAML.has(mediaType) || SERIALIZED.has(mediaType);
}

const REFUSED: Decision = deny("media_type_unsupported", told("format"), {
  why: "A body of XML, YAML or serialized objects, and the route is not declared to take one.",
  fix: "Send JSON, or name the route in xmlAndDeserialization({ accept }).",
});

function told(detail: string) {
  return {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "input_validation_fail",
    control: META.id,
    detail,
  } as const;
}

const MOST_BYTES = 1_048_576;
const MOST_TAGS = 100_000;

/**
 * The same text, once it is XML without a document type, without entities but the five predefined and numeric ones, without processing
 * instructions, XInclude and stylesheets, at most 256 levels deep and 1 MiB long. Give a parser nothing that has not passed here.
 *
 * @throws Refusal with `body_malformed`
 * @example
 * const invoice = parser.parse(xmlText(body));
 */
export function xmlText(text: string): string {
  if (typeof text !== "string" || text.length > MOST_BYTES) throw malformed("xml_size");
  try {
    let tags = 0;
    for (const { name, attributes } of xmlTags(text)) {
      tags += 1;
      if (tags > MOST_TAGS) throw malformed("xml_tags");
      // Whatever the prefix is: a parser that follows the namespace does not ask for it.
      if (/(?:^|:)include$/u.test(name) && includes(attributes)) throw malformed("xml_include");
    }
  } catch (error) {
    throw error instanceof XmlError ? malformed("xml") : error;
  }
  return text;
}

/** A namespace may be declared anywhere above, so any `include` that names a source counts. */
function includes(attributes: ReadonlyMap<string, string>): boolean {
  return attributes.has("href") || attributes.has("xpointer") || attributes.has("parse");
}

export interface JsonTextOptions {
  /** The longest text, in UTF-16 code units. 1 048 576. */
  readonly maxLength?: number;
  /** The deepest nesting. 32. */
  readonly maxDepth?: number;
}

/**
 * Parses JSON that did not come as a request body: from a queue, a cache, a file, another service. Data and nothing else: no key that reaches a
 * prototype, no nesting that costs more to walk than to send, and no reviver. What a browser carries for us must also be signed: `signer()`.
 *
 * @throws Refusal with `body_malformed`, `body_too_deep` or `key_forbidden`
 * @throws TypeError on an unknown option
 * @example
 * const job = jobSchema.parse(jsonText(message.body));
 */
export function jsonText(text: string, options: JsonTextOptions = {}): unknown {
  rejectUnknownOptions("jsonText", options, ["maxLength", "maxDepth"]);
  const { maxLength = 1_048_576, maxDepth = 32 } = options;
  if (typeof text !== "string" || text.length > maxLength) throw malformed("json_size");
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (depth > maxDepth) throw new Refusal(deny("body_too_deep", told("json_depth")));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("json_syntax");
  }
  refuseReservedKeys(value);
  return value;
}

function refuseReservedKeys(root: unknown): void {
  const pending = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const [key, member] of Object.entries(value)) {
      if (!Array.isArray(value) && isReservedKey(key)) throw new Refusal(deny("key_forbidden", told("json_key")));
      if (typeof member === "object") pending.push(member);
    }
  }
}

function malformed(detail: string): Refusal {
  return new Refusal(deny("body_malformed", told(detail)));
}
