import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import type { Exchange } from "../core/exchange.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { sketchExchange } from "../testing/exchange.ts";
import {
  GRAPHQL_INTROSPECTION,
  GRAPHQL_TOO_GENEROUS,
  graphqlLimits,
  withoutSuggestions,
  type GraphqlLimitsOptions,
} from "./graphql-limits.ts";
import { measureDocument } from "./graphql-measure.ts";
import { DocumentError } from "./graphql-tokens.ts";

const sizeArguments = new Set(["first", "last"]);
const measure = (document: string, variables: Readonly<Record<string, unknown>> = {}) =>
  measureDocument(document, { variables, sizeArguments });

/** What becomes of a posted body: `allow`, or the cause of its refusal. */
function post(value: unknown, options?: GraphqlLimitsOptions): string {
  const control = graphqlLimits(options) as Control<Exchange>;
  const facts = sketchExchange({ method: "POST", awaitsBody: true });
  const decision = control.decideBody?.(facts, { mediaType: "application/json", value, text: "" });
  if (decision instanceof Promise || decision === undefined) return "none";
  if (decision.kind !== "deny") return decision.kind;
  expect(decision.reason).toBe("query_refused");
  return decision.events[0]?.detail ?? "";
}

function request(method: string, target: string, awaitsBody = false): string {
  const control = graphqlLimits() as Control<Exchange>;
  const decision = control.decide?.(sketchExchange({ method, target, awaitsBody }));
  if (decision instanceof Promise || decision === undefined) return "none";
  return decision.kind === "deny" ? (decision.events[0]?.detail ?? "") : decision.kind;
}

const nested = (depth: number): string => `${"{a".repeat(depth)}${"}".repeat(depth)}`;

describe("measureDocument", () => {
  it("counts depth, fields, aliases and what arguments multiply", () => {
    expect(measure("{ me { name } }")).toMatchObject({ depth: 2, cost: 2, aliases: 0, introspects: false });
    expect(measure("{ a: me { b: name c: name } }")).toMatchObject({ aliases: 3, cost: 3 });
    expect(measure("{ users(first: 50) { posts(last: 10) { id } } }")).toMatchObject({ cost: 1 + 50 * (1 + 10) });
    expect(measure("{ users(page: {first: 7}) { id } }")).toMatchObject({ cost: 8 });
    expect(measure("{ users(first: -9) { id } }")).toMatchObject({ cost: 10 });
  });

  it("asks the variables, then their defaults, how many there will be", () => {
    const document = "query q($n: Int! = 40, $m: [Int] = [1]) { users(first: $n) { id } }";
    expect(measure(document)).toMatchObject({ cost: 41 });
    expect(measure(document, { n: 5 })).toMatchObject({ cost: 6 });
    expect(measure(document, { n: "500" })).toMatchObject({ cost: 501 });
    expect(measure(document, { n: null, __proto__: { n: 9 } })).toMatchObject({ cost: 2 });
  });

  it("follows fragments, each once, and refuses circles and gaps", () => {
    const document = "{ ...a } fragment a on T { x { ...b ... on U { z } } } fragment b on T { y: y }";
    expect(measure(document)).toMatchObject({ depth: 2, cost: 3, aliases: 1 });
    for (const bad of ["{...a} fragment a on T {...a}", "{...a} fragment a on T{...b} fragment b on T{...a}", "{...a}"])
      expect(() => measure(bad)).toThrow(DocumentError);
  });

  it("is not blown up by fragments that spread others twice", () => {
    const levels = Array.from({ length: 60 }, (_, n) => `fragment f${n} on T { a { ...f${n + 1} ...f${n + 1} } }`);
    const document = `{ ...f0 } ${levels.join(" ")} fragment f60 on T { id }`;
    const began = performance.now();
    expect(measure(document)).toMatchObject({ depth: 61, cost: 1e9 });
    expect(performance.now() - began).toBeLessThan(200);
  });

  it("is not fooled by braces and names in texts and comments", () => {
    expect(measure('{ a(x: "}}} __schema { \\" {", y: """ "{" \\""" __type {{ """) # } __schema {\n }')).toMatchObject({
      depth: 1,
      introspects: false,
    });
    expect(measure('{ a(x: "", y: """""") }')).toMatchObject({ depth: 1 });
  });

  it("sees the schema asked for wherever that stands", () => {
    for (const document of ["{ __schema { types { name } } }", "{ x: __type(name: 1) { name } }"])
      expect(measure(document).introspects).toBe(true);
    expect(measure("{...f} fragment f on Query { ... @include(if: true) { s: __schema { x } } }").introspects).toBe(
      true,
    );
    expect(measure("{ me { __typename } }").introspects).toBe(false);
  });

  it("refuses what is no executable document", () => {
    const bad = [
      "",
      "{",
      "}",
      "{}",
      "{ a(",
      "{ a(] }",
      "type A { b: C }",
      "fragment f on T { a }",
      "{ a } b",
      "query {a",
    ];
    for (const document of [...bad, "{ a' }", '{ a(x: "\n") }', "{ a: }", "{ ... on { a } }", "{ 1a }", "{ a \0 }"])
      expect(() => measure(document), document).toThrow(DocumentError);
  });

  it("ends quickly and calmly for whatever it is given", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "(",
      ")",
      "[",
      "]",
      "...",
      "a",
      ":",
      "$",
      "@",
      '"',
      '"""',
      "\\",
      "#",
      "\n",
      "1",
      "on ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
        try {
          measure(pieces.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(DocumentError);
        }
      }),
      { numRuns: 2000 },
    );
    const hostile = [
      "{a".repeat(40_000),
      "(".repeat(90_000),
      '"'.repeat(90_001),
      `"""${"\\".repeat(90_000)}`,
      "{a(x:[".repeat(15_000),
    ];
    for (const document of hostile) {
      const began = performance.now();
      expect(() => measure(document)).toThrow(DocumentError);
      expect(performance.now() - began).toBeLessThan(300);
    }
  });
});

describe("graphqlLimits", () => {
  it("holds a request to depth, cost and aliases, at the limit and one beyond", () => {
    expect(post({ query: nested(8) })).toBe("allow");
    expect(post({ query: nested(9) })).toBe("depth");
    expect(post({ query: "{ users(first: 999) { id } }" })).toBe("allow");
    expect(post({ query: "{ users(first: 1000) { id } }" })).toBe("cost");
    const aliases = (count: number) => `{ ${Array.from({ length: count }, (_, n) => `a${n}: me`).join(" ")} }`;
    expect(post({ query: aliases(15) })).toBe("allow");
    expect(post({ query: aliases(16) })).toBe("aliases");
  });

  it("holds a batch to five operations, and to the limits of one", () => {
    const one = { query: "mutation { signIn(password: 1) { ok } }" };
    expect(post(Array.from({ length: 5 }, () => one))).toBe("allow");
    expect(post(Array.from({ length: 6 }, () => one))).toBe("batch");
    expect(post([1, 2, 3].map(() => ({ query: "{ users(first: 500) { id } }" })))).toBe("cost");
    expect(post([])).toBe("shape");
  });

  it("tells nobody the schema, unless that is asked for", () => {
    expect(post({ query: "{ __schema { types { name } } }" })).toBe("introspection");
    expect(post({ query: "{ __schema { types { name } } }" }, { introspection: true })).toBe("allow");
  });

  it("judges what comes in the address, and lets no GET change anything", () => {
    const q = (document: string): string => `/graphql?query=${encodeURIComponent(document)}`;
    expect(request("GET", q("{ me { name } }"))).toBe("allow");
    expect(request("GET", q(nested(9)))).toBe("depth");
    expect(request("GET", q("mutation { drop }"))).toBe("mutation_by_get");
    expect(request("GET", `${q("{ me }")}&query=x`)).toBe("shape");
    expect(request("GET", `${q("query($n:Int){u(first:$n){id}}")}&variables=%7B%22n%22%3A5000%7D`)).toBe("cost");
    expect(request("GET", `${q("{ me }")}&variables=x`)).toBe("shape");
    expect(request("POST", q("{ me }"), true)).toBe("shape");
    expect(request("POST", "/graphql", true)).toBe("allow");
  });

  it("refuses what it cannot judge: another shape, a body that nobody parses, a document that is none", () => {
    for (const value of [undefined, null, 7, "x", {}, { query: 7 }, { query: "{ a }", variables: [] }, [7]])
      expect(post(value)).toBe("shape");
    expect(request("POST", "/graphql")).toBe("shape");
    expect(post({ query: "{ a" })).toBe("document");
    expect(post({ extensions: { persistedQuery: { sha256Hash: "x" } } })).toBe("allow");
  });

  it("finds a schema that everybody may read, and limits that are none", () => {
    const check = (options: GraphqlLimitsOptions, mode: "production" | "development") =>
      graphqlLimits(options)
        .check(currentDeployment(mode))
        .map(({ rule }) => rule);
    expect(check({ introspection: true, depth: 17, cost: 2000 }, "production")).toEqual([
      GRAPHQL_INTROSPECTION,
      GRAPHQL_TOO_GENEROUS,
    ]);
    expect(check({ introspection: true }, "development")).toEqual([]);
    expect(() => graphqlLimits({ depth: 0 })).toThrow(/above zero/u);
    expect(() => graphqlLimits({ deph: 1 } as never)).toThrow(/Did you mean "depth"/u);
  });

  it("takes the suggestions out of an error", () => {
    const told = 'Cannot query field "pasword" on type "User". Did you mean "password" or "passwordHash"?';
    expect(withoutSuggestions(told)).toBe('Cannot query field "pasword" on type "User".');
    expect(withoutSuggestions("Other")).toBe("Other");
  });
});
