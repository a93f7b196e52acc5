/** GraphQL within bounds: depth, cost, aliases, batches, no schema for strangers (catalog graphql-limits; ASVS 5 section 4.3). */
import type { Control, ControlMeta, ReceivedBody } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { isRecord } from "../primitives/is-record.ts";
import { measureDocument, type DocumentMeasure } from "./graphql-measure.ts";
import { DocumentError } from "./graphql-tokens.ts";

const META: ControlMeta = {
  id: "graphql-limits",
  title: "GraphQL depth, cost, batching and introspection limits",
  layer: "input",
  guide: ["A04", "A05"],
  owasp2021: ["A04", "A05", "A01"],
  owasp2025: ["A06", "A02", "A01"],
  asvs: ["v5.0.0-4.3.1", "v5.0.0-4.3.2"],
  cwe: ["CWE-770", "CWE-674", "CWE-200"],
};

export const GRAPHQL_INTROSPECTION: Rule = {
  id: "graphql-limits/introspection",
  severity: "warning",
  what: "Everybody may ask the production server for its schema.",
  why: "The schema lists every field and every mutation, also those that no page uses: a map for whoever looks for the one without a check.",
  fix: "Leave introspection at its default; publish the schema where your own developers find it.",
};
export const GRAPHQL_TOO_GENEROUS: Rule = {
  id: "graphql-limits/too-generous",
  severity: "warning",
  what: "A GraphQL limit is more than twice its default.",
  why: "One request may then ask for so much that a handful of clients keeps the server busy.",
  fix: "Lower the limit, or let clients ask in several requests, which the rate limit counts.",
};

const DEFAULTS = { depth: 8, cost: 1000, aliases: 15, batch: 5 } as const;
const SIZE_ARGUMENTS = ["first", "last", "limit", "take", "top", "count", "size", "pageSize", "perPage", "per_page"];

export interface GraphqlLimitsOptions {
  /** The deepest nesting of fields. 8. */
  readonly depth?: number;
  /** The highest sum of fields, each multiplied by what the arguments above it ask for. 1000. */
  readonly cost?: number;
  /** The most aliases. 15. */
  readonly aliases?: number;
  /** The most operations in one request. 5. */
  readonly batch?: number;
  /** Whether the schema may be asked for. False. */
  readonly introspection?: boolean;
  /** The arguments that say how many there will be: `first`, `last`, `limit` and their like. */
  readonly sizeArguments?: readonly string[];
}

type Cause = "shape" | "document" | "depth" | "cost" | "aliases" | "batch" | "introspection" | "mutation_by_get";

/**
 * Judges a GraphQL request before the server sees it; to be put on its route. A refusal says 400 and nothing about the limit.
 *
 * @throws TypeError on an unknown option or a limit that is no whole number above zero.
 * @example
 * app.post("/graphql", access(authenticated(), { kind: "api", controls: [graphqlLimits()] }), yoga);
 */
export function graphqlLimits(options: GraphqlLimitsOptions = {}): Control<IdentifiedFacts> {
  rejectUnknownOptions("graphqlLimits", options, [...Object.keys(DEFAULTS), "introspection", "sizeArguments"]);
  const { introspection = false, sizeArguments = SIZE_ARGUMENTS, ...given } = options;
  if (typeof introspection !== "boolean") throw new TypeError("graphqlLimits() needs introspection as true or false.");
  if (!Array.isArray(sizeArguments)) throw new TypeError("graphqlLimits() needs sizeArguments as a list of names.");
  const limits: Limits = { ...DEFAULTS, ...given, introspection, sizeArguments: new Set(sizeArguments) };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    if (!(Number.isSafeInteger(limits[name]) && limits[name] > 0))
      throw new TypeError(`graphqlLimits() needs ${name} as a whole number above zero.`);
  }
  return {
    meta: META,
    rules: [GRAPHQL_INTROSPECTION, GRAPHQL_TOO_GENEROUS],
    decide: (facts) => judgeRequest(facts, limits),
    decideBody: (_, body) => judgeBody(body, limits),
    check: ({ mode }) => assess(limits, mode === "production"),
  };
}

interface Limits {
  readonly depth: number;
  readonly cost: number;
  readonly aliases: number;
  readonly batch: number;
  readonly introspection: boolean;
  readonly sizeArguments: ReadonlySet<string>;
}

function assess(limits: Limits, production: boolean): readonly Finding[] {
  const generous = (Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]).filter(
    (name) => limits[name] > 2 * DEFAULTS[name],
  );
  return [
    ...(limits.introspection && production
      ? [finding(GRAPHQL_INTROSPECTION, { kind: "setting", name: "graphqlLimits.introspection" })]
      : []),
    ...generous.map((name) =>
      finding(GRAPHQL_TOO_GENEROUS, { kind: "setting", name: `graphqlLimits.${name}` }, String(limits[name])),
    ),
  ];
}

/** What comes in the query, and a body that will not be judged because nobody parses it. */
function judgeRequest(facts: IdentifiedFacts, limits: Limits): Decision {
  const safe = facts.method === "GET" || facts.method === "HEAD";
  if (!safe && !facts.awaitsBody) return refuse("shape");
  if (!facts.query.includes("=")) return ALLOW;
  const parameters = new URLSearchParams(facts.query);
  const documents = parameters.getAll("query");
  if (documents.length === 0) return ALLOW;
  const [document] = documents;
  if (documents.length > 1 || document === undefined || !safe) return refuse("shape");
  const variables = variablesOf(parameters.get("variables") ?? undefined);
  if (variables === undefined) return refuse("shape");
  return judgeAll([{ document, variables }], limits, safe);
}

function judgeBody({ value }: ReceivedBody, limits: Limits): Decision {
  const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (entries.length === 0) return refuse("shape");
  if (entries.length > limits.batch) return refuse("batch");
  const requests: Request[] = [];
  for (const entry of entries) {
    if (!isRecord(entry)) return refuse("shape");
    const document = entry["query"];
    const variables = variablesOf(entry["variables"]);
    // A persisted query names a document that the server holds; there is nothing to measure.
    if (document === undefined && isRecord(entry["extensions"])) continue;
    if (typeof document !== "string" || variables === undefined) return refuse("shape");
    requests.push({ document, variables });
  }
  return judgeAll(requests, limits, false);
}

interface Request {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

function variablesOf(given: unknown): Readonly<Record<string, unknown>> | undefined {
  let value = given;
  if (typeof given === "string") {
    try {
      value = given === "" ? {} : JSON.parse(given);
    } catch {
      return undefined;
    }
  }
  if (value === undefined || value === null) return {};
  return isRecord(value) ? value : undefined;
}

/** What one request asks for in all: five operations at the limit would be five times the limit. */
function judgeAll(requests: readonly Request[], limits: Limits, safe: boolean): Decision {
  let cost = 0;
  let aliases = 0;
  for (const { document, variables } of requests) {
    let measure: DocumentMeasure;
    try {
      measure = measureDocument(document, { variables, sizeArguments: limits.sizeArguments });
    } catch (error) {
      if (error instanceof DocumentError) return refuse("document");
      throw error;
    }
    cost += measure.cost;
    aliases += measure.aliases;
    if (measure.depth > limits.depth) return refuse("depth");
    if (measure.introspects && !limits.introspection) return refuse("introspection");
    if (measure.mutates && safe) return refuse("mutation_by_get");
  }
  if (cost > limits.cost) return refuse("cost");
  return aliases > limits.aliases ? refuse("aliases") : ALLOW;
}

function refuse(cause: Cause): Decision {
  return deny(
    "query_refused",
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "input_validation_fail",
      control: META.id,
      reason: "query_refused",
      detail: cause,
    },
    { why: `The GraphQL request was refused for its ${cause.replaceAll("_", " ")}.` },
  );
}

/**
 * The message of a GraphQL error without the names that it suggests: they tell a stranger what the schema holds. Use it where the server formats
 * its errors.
 *
 * @example
 * withoutSuggestions('Cannot query field "pasword" on type "User". Did you mean "password"?');
 * // 'Cannot query field "pasword" on type "User".'
 */
export function withoutSuggestions(message: string): string {
  const start = message.indexOf(" Did you mean ");
  return start === -1 ? message : message.slice(0, start);
}
