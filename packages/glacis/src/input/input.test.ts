import { type } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Decision } from "../core/decision.ts";
import type { Exchange } from "../core/exchange.ts";
import type { StandardSchema } from "../core/standard-schema.ts";
import { bodyParser } from "../network/body-parser.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { Refusal } from "../core/error-reason.ts";
import { formInput, input, inputRefusal, type Input } from "./input.ts";
import type { InputError } from "./issue-report.ts";
import { dangerouslyClientDecides, writeSchema } from "./mass-assignment.ts";
import { repeated } from "./repeated.ts";

const parse = bodyParser({ jsonDepth: 32, jsonKeys: 10_000, parameterCount: 1000 });

interface Sent {
  readonly json?: string;
  readonly form?: string;
  readonly query?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly headers?: readonly (readonly [string, string])[];
}

function sent({ json, form, query = "", params = {}, headers = [] }: Sent): Exchange {
  const mediaType =
    json === undefined ? (form === undefined ? "" : "application/x-www-form-urlencoded") : "application/json";
  const exchange = sketchExchange({
    method: "POST",
    target: `/x${query === "" ? "" : `?${query}`}`,
    rawHeaders: [...headers.flat(), ...(mediaType === "" ? [] : ["Content-Type", mediaType])],
  });
  exchange.params = params;
  const text = json ?? form;
  if (text === undefined) return exchange;
  const parsed = parse(mediaType, text);
  if ("refusal" in parsed) throw new Error(`The parser refused: ${JSON.stringify(parsed.refusal)}`);
  exchange.body = parsed.value;
  exchange.bodyText = text;
  return exchange;
}

function errorsOf(declared: Input<unknown>, what: Sent): readonly InputError[] {
  const decision = declared.judge(sent(what));
  return decision.kind === "deny" ? ((decision.members?.["errors"] ?? []) as unknown as InputError[]) : [];
}

function valuesOf<Values>(declared: Input<Values>, what: Sent): Values {
  const exchange = sent(what);
  const decision = declared.judge(exchange);
  expect(decision.kind, JSON.stringify(decision)).toBe("allow");
  return declared.of(exchange);
}

function reasonOf(declared: Input<unknown>, what: Sent): string {
  const decision: Decision = declared.judge(sent(what));
  return decision.kind === "deny" ? decision.reason : decision.kind;
}

/** The same declaration in three libraries. */
const LIBRARIES: readonly (readonly [string, StandardSchema<unknown, unknown>])[] = [
  [
    "zod",
    z.strictObject({
      title: z.string().max(20),
      pages: z.int().min(1).max(500),
      tags: z.array(z.string()).max(5).optional(),
    }),
  ],
  [
    "valibot",
    v.strictObject({
      title: v.pipe(v.string(), v.maxLength(20)),
      pages: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)),
      tags: v.optional(v.pipe(v.array(v.string()), v.maxLength(5))),
    }),
  ],
  [
    "arktype",
    type({ "+": "reject", title: "string <= 20", pages: "1 <= number.integer <= 500", "tags?": "string[] <= 5" }),
  ],
];

describe.each(LIBRARIES)("a body by %s", (_name, schema) => {
  const declared = input({ body: schema });

  it("is handed to the handler as the schema made it", () => {
    expect(valuesOf(declared, { json: '{"title":"Plan","pages":3}' })).toEqual({
      body: { title: "Plan", pages: 3 },
    });
  });

  it("converts nothing", () => {
    for (const pages of ['"3"', "true", "null", "[3]", "3.5", "{}", "1e999".slice(0, 3)]) {
      const errors = errorsOf(declared, { json: `{"title":"Plan","pages":${pages}}` });
      expect(
        errors.map(({ pointer }) => pointer),
        pages,
      ).toEqual(["/pages"]);
    }
    for (const title of ["7", '["a"]', '{"$ne":null}', "null"])
      expect(reasonOf(declared, { json: `{"title":${title},"pages":3}` }), title).toBe("input_invalid");
  });

  it("refuses what is unknown, by name", () => {
    const errors = errorsOf(declared, { json: '{"title":"Plan","pages":3,"isAdmin":true}' });
    expect(errors.map(({ in: place, pointer }) => [place, pointer])).toEqual([["body", "/isAdmin"]]);
  });

  it("names all errors at once, and never a value", () => {
    const errors = errorsOf(declared, {
      json: '{"title":"hunter2-hunter2-hunter2-hunter2","pages":"geheim-4711","tags":[1,"swordfish"]}',
    });
    expect(errors.map(({ pointer }) => pointer)).toEqual(expect.arrayContaining(["/title", "/pages", "/tags/0"]));
    expect(JSON.stringify(errors)).not.toMatch(/hunter2|geheim|4711|swordfish/u);
  });
});

describe("input", () => {
  it("types what each part sends", () => {
    const declared = input({
      params: { id: z.uuid() },
      query: { q: z.string().max(10).optional(), tag: repeated(z.string().max(5), { most: 3 }) },
      headers: { "idempotency-key": z.string().max(64) },
      body: { title: z.string().max(20) },
    });
    const id = "0190f3a4-7b1c-7c3e-8a55-0123456789ab";
    const { params, query, headers, body } = valuesOf(declared, {
      params: { id },
      query: "tag=a&tag=b",
      headers: [["Idempotency-Key", "k"]],
      json: '{"title":"Plan"}',
    });
    const typed: [string, string | undefined, readonly string[], string, string] = [
      params.id,
      query.q,
      query.tag,
      headers["idempotency-key"],
      body.title,
    ];
    expect(typed).toEqual([id, undefined, ["a", "b"], "k", "Plan"]);
  });

  it("gives the errors of every part at once, twenty at most", () => {
    const declared = input({
      params: { id: z.uuid() },
      query: { page: z.string().max(2) },
      body: { title: z.string().max(5) },
    });
    const errors = errorsOf(declared, {
      params: { id: "7" },
      query: "page=1000&x=1",
      json: '{"title":7,"~/":1}',
    });
    expect(errors.map(({ in: place, pointer }) => `${place}${pointer}`)).toEqual([
      "params/id",
      "query/x",
      "query/page",
      "body/~0~1",
      "body/title",
    ]);
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1])));
    expect(errorsOf(declared, { json: many })).toHaveLength(20);
    const long = errorsOf(declared, { params: { id: "7" }, query: `${"n".repeat(4000)}=1` });
    expect(JSON.stringify(long).length).toBeLessThan(1000);
  });

  it.each(["a=1&a=2", "a=&a=1", "a=1&%61=2"])("refuses a scalar that occurs twice: %s", (query) => {
    const coerced = input({ query: { a: z.coerce.string().max(50) } });
    expect(errorsOf(coerced, { query })).toEqual([{ in: "query", pointer: "/a", message: "Send this once." }]);
    expect(errorsOf(input({ form: { a: z.coerce.string().max(50) } }), { form: query })).toEqual([
      { in: "form", pointer: "/a", message: "Send this once." },
    ]);
  });

  it.each([
    ["a[]=1", "/a[]"],
    ["a[b]=1", "/a[b]"],
    ["a.b=1", "/a.b"],
  ])("makes no object of a query: %s", (query, pointer) => {
    const declared = input({ query: { a: z.string().max(5).optional() } });
    expect(errorsOf(declared, { query }).map((error) => error.pointer)).toEqual([pointer]);
  });

  it("refuses a header that occurs twice, and reads no header of the library's", () => {
    const declared = input({ headers: { "x-key": z.string().max(9) } });
    expect(
      errorsOf(declared, {
        headers: [
          ["X-Key", "a"],
          ["x-key", "b"],
        ],
      }),
    ).toMatchObject([{ pointer: "/x-key" }]);
    expect(() => input({ headers: { cookie: z.string().max(9) } })).toThrow(/has read it already/u);
    expect(() => input({ headers: { "X-Key": z.string().max(9) } })).toThrow(/lower case/u);
  });

  it("refuses the keys of the prototype wherever they stand", () => {
    const declared = input({ query: { a: z.string().max(5).optional() } });
    for (const query of ["__proto__=1", "constructor[prototype]=1", "a[__proto__]=1"])
      expect(reasonOf(declared, { query }), query).toBe("key_forbidden");
    expect(() => input({ query: { ["__proto__"]: z.string().max(5) } })).toThrow(/reaches the prototype/u);
    const exchange = sketchExchange({ method: "POST", headers: { "content-type": "application/json" } });
    exchange.body = JSON.parse('{"__proto__":{"isAdmin":true}}');
    expect(input({ body: { title: z.string().max(5).optional() } }).judge(exchange).kind).toBe("deny");
  });

  it("reads a query once and strictly", () => {
    const declared = input({ query: { a: z.string().max(20) } });
    expect(valuesOf(declared, { query: "a=%2541+b" })).toEqual({ query: { a: "%41 b" } });
    for (const query of ["a=%", "a=%ff", "a=%c0%ae"])
      expect(reasonOf(declared, { query }), query).toBe("request_malformed");
    expect(reasonOf(declared, { query: "a&".repeat(1001) })).toBe("parameters_too_many");
  });

  it("refuses a null character in any text", () => {
    const body = input({ body: { a: z.string().max(9), b: z.strictObject({ c: z.string().max(9) }).optional() } });
    expect(errorsOf(body, { json: '{"a":"x","b":{"c":"\\u0000"}}' })).toMatchObject([{ pointer: "/b/c" }]);
    expect(valuesOf(body, { json: '{"a":"\\\\u0000"}' })).toEqual({ body: { a: "\\u0000" } });
    expect(errorsOf(input({ form: { a: z.string().max(9) } }), { form: "a=%00" })).toMatchObject([{ pointer: "/a" }]);
    expect(errorsOf(input({ params: { a: z.string().max(9) } }), { params: { a: "\0" } })).toMatchObject([
      { pointer: "/a" },
    ]);
  });

  it("refuses a null character also where nobody has kept the text", () => {
    const exchange = sent({ json: '{"a":"\\u0000"}' });
    exchange.bodyText = undefined;
    expect(input({ body: { a: z.string().max(9) } }).judge(exchange).kind).toBe("deny");
  });

  it("does not take what every object inherits for a field that was sent", () => {
    const declared = input({ body: { valueOf: z.string().max(5).optional(), toString: z.unknown().optional() } });
    expect(valuesOf(declared, { json: "{}" })).toEqual({ body: {} });
  });

  it("takes as many of a repeated field as it says and not one more", () => {
    const declared = input({ query: { tag: repeated(z.string().max(5), { most: 2 }) } });
    expect(valuesOf(declared, { query: "tag=a&tag=b" })).toEqual({ query: { tag: ["a", "b"] } });
    expect(errorsOf(declared, { query: "tag=a&tag=b&tag=c" })).toMatchObject([{ pointer: "/tag" }]);
  });

  it("repeats no value in a message, within a word or among a thousand others", () => {
    const echoing: StandardSchema<unknown, string> = {
      "~standard": { version: 1, vendor: "own", validate: (value) => ({ issues: [{ message: `Not z${value}z.` }] }) },
    };
    const general = [{ pointer: "/a", message: "This value is not valid." }];
    expect(errorsOf(input({ body: { a: echoing } }), { json: '{"a":"geh1"}' })).toMatchObject(general);
    const many = input({ body: { a: echoing, b: z.array(z.int()).max(2000) } });
    expect(errorsOf(many, { json: `{"a":"","b":[${Array(1001).fill(7).join()}]}` })).toMatchObject(general);
  });

  it("takes nothing that is not declared", () => {
    const nothing = input({});
    expect(valuesOf(nothing, {})).toEqual({});
    expect(errorsOf(nothing, { query: "utm_source=x" })).toMatchObject([{ in: "query", pointer: "/utm_source" }]);
    expect(errorsOf(nothing, { json: '{"a":1}' })).toMatchObject([{ in: "body", pointer: "/a" }]);
    expect(valuesOf(nothing, { form: "csrf_token=x" })).toEqual({});
    expect(errorsOf(nothing, { query: "a=%ff" })).toMatchObject([{ in: "query", pointer: "" }]);
    expect(() => nothing.judge(sent({ params: { id: "7" } }))).toThrow(/says nothing about the parameter "id"/u);
  });

  it("takes the content type that it declares and no other", () => {
    expect(reasonOf(input({ body: { a: z.string().max(9) } }), { form: "a=1" })).toBe("media_type_unsupported");
    expect(reasonOf(input({ form: { a: z.string().max(9) } }), { json: '{"a":"1"}' })).toBe("media_type_unsupported");
    expect(() => input({ form: { a: z.string().max(9) }, body: { a: z.string().max(9) } })).toThrow(/body or form/u);
  });

  it.each<[string, () => StandardSchema<unknown, unknown>]>([
    ["zod", () => z.object({ a: z.string().max(5) })],
    ["zod, loose", () => z.looseObject({ a: z.string().max(5) })],
    ["zod, nested", () => z.strictObject({ list: z.array(z.object({ a: z.string().max(5) })).max(3) })],
    ["zod, in a union", () => z.union([z.strictObject({ a: z.int() }), z.object({ b: z.int() })])],
    ["zod, behind a transformation", () => z.object({ a: z.int() }).transform(({ a }) => a)],
    ["valibot", () => v.object({ a: v.string() })],
    ["valibot, loose", () => v.looseObject({ a: v.string() })],
    ["valibot, nested", () => v.strictObject({ list: v.array(v.object({ a: v.string() })) })],
    [
      "valibot, one of several",
      () =>
        v.variant("kind", [
          v.strictObject({ kind: v.literal("a") }),
          v.variant("kind", [v.object({ kind: v.literal("b") })]),
        ]),
    ],
    ["valibot, a choice that nothing tells apart", () => v.union([v.strictObject({ a: v.string() }), v.object({})])],
    ["valibot, a choice of nothing", () => v.union([])],
    ["valibot, made late", () => v.strictObject({ a: v.lazy(() => v.array(v.object({ b: v.string() }))) })],
    ["valibot, a choice between an object and a text", () => v.union([v.strictObject({ a: v.string() }), v.string()])],
    ["arktype", () => type({ a: "string <= 5" })],
    ["arktype, nested", () => type({ "+": "reject", a: { b: "string <= 5" } })],
  ])("is not made of an open object: %s", (_name, schema) => {
    expect(() => input({ body: schema() })).toThrow(/closed objects/u);
  });

  it("sees what an open object lets by inside a named field", () => {
    expect(() => input({ body: { address: z.object({ city: z.string().max(5) }) } })).toThrow(/body\/address/u);
    expect(() => input({ body: { address: writeSchema({ city: z.string().max(5) }) } })).not.toThrow();
    expect(() => input({ body: { scores: z.record(z.string().max(5), z.int()) } })).not.toThrow();
  });

  it("takes a closed object that is made late and of itself, however its parts are made", () => {
    interface Tree {
      readonly name: string;
      readonly parts: readonly Tree[];
    }
    const same: v.GenericSchema<Tree> = v.strictObject({ name: v.string(), parts: v.array(v.lazy(() => same)) });
    const anew = (): v.GenericSchema<Tree> => v.strictObject({ name: v.string(), parts: v.array(v.lazy(anew)) });
    const choosing = v.lazy((value) => (typeof value === "object" ? same : v.string()));
    const failing = v.strictObject({ a: v.lazy(() => BigInt("none") as never) });
    for (const tree of [same, anew(), v.lazy(anew)]) expect(() => input({ body: tree })).not.toThrow();
    expect(() => input({ body: { choosing, failing } })).not.toThrow();
  });

  it.each<[string, StandardSchema<unknown, unknown>]>([
    ["an object", v.object({ city: v.string() })],
    ["one whose fields may all be missing", v.object({ city: v.optional(v.string()) })],
    ["a loose one", v.looseObject({ city: v.string() })],
    ["one that may be null", v.nullable(v.object({ city: v.string() }))],
    [
      "one behind a transformation",
      v.pipe(
        v.object({ city: v.string() }),
        v.transform(({ city }) => city),
      ),
    ],
  ])("asks a field that it cannot look into whether it takes what nobody knows: %s", (_name, open) => {
    expect(() => input({ body: { address: open } })).toThrow(/closed objects: body\/address would/u);
    expect(() => input({ body: { person: writeSchema({ address: open }) } })).toThrow(/body\/person\/address/u);
  });

  it.each<[string, StandardSchema<unknown, unknown>]>([
    ["a closed object", v.strictObject({ city: v.string() })],
    ["one whose fields may all be missing", v.strictObject({ city: v.optional(v.string()) })],
    ["one of several closed objects", v.variant("kind", [v.strictObject({ kind: v.literal("a") })])],
    ["a map", v.record(v.string(), v.number())],
    ["a text", v.string()],
    [
      "one that waits and fails",
      v.pipeAsync(
        v.unknown(),
        v.checkAsync(async () => Promise.reject(new Error("late"))),
      ),
    ],
    [
      "one whose own code fails",
      v.pipe(
        v.unknown(),
        v.transform((text) => BigInt(text as string)),
      ),
    ],
  ])("takes a field that it cannot look into and that is not open: %s", (_name, closed) => {
    expect(input({ body: { address: closed } }).openness.unseen).toEqual(["body/address"]);
  });

  it.each<[string, StandardSchema<unknown, unknown>]>([
    ["in a list", v.array(v.object({ city: v.string() }))],
    ["in a list of fixed length", v.tuple([v.string(), v.object({ city: v.string() })])],
    ["in the rest of a list", v.tupleWithRest([v.string()], v.object({ city: v.string() }))],
    ["in a map", v.record(v.string(), v.object({ city: v.string() }))],
    ["in a closed object", v.strictObject({ at: v.optional(v.object({ city: v.string() })) })],
    [
      "among several",
      v.variant("kind", [v.strictObject({ kind: v.literal("a") }), v.object({ kind: v.literal("b") })]),
    ],
    ["among several that nothing tells apart", v.union([v.string(), v.object({ city: v.string() })])],
    ["in a text of JSON", v.pipe(v.string(), v.parseJson(), v.object({ city: v.string() }))],
  ])("finds an open object of Valibot %s", (_name, open) => {
    expect(() => input({ body: { address: open } })).toThrow(/closed objects: body\/address/u);
  });

  it("takes one of several closed objects of Valibot as a whole body, and nothing beside their fields", () => {
    const body = v.variant("kind", [
      v.strictObject({ kind: v.literal("card"), number: v.string() }),
      v.variant("kind", [v.strictObject({ kind: v.literal("transfer"), iban: v.string() })]),
    ]);
    const declared = input({ body });
    expect(valuesOf(declared, { json: '{"kind":"transfer","iban":"x"}' })).toEqual({
      body: { kind: "transfer", iban: "x" },
    });
    expect(errorsOf(declared, { json: '{"kind":"card","number":"x","iban":"x"}' })).toMatchObject([
      { pointer: "/iban" },
    ]);
    expect(errorsOf(declared, { json: '{"kind":"cash"}' })).toMatchObject([{ pointer: "/kind" }]);
    expect(() =>
      input({
        body: v.pipe(
          body,
          v.check(() => true),
        ),
      }),
    ).not.toThrow();
  });

  it("lists texts and lists without a longest length, and schemas that nobody can look into", () => {
    const { openness } = input({
      body: {
        free: z.string(),
        long: z.string().max(9),
        piped: z
          .string()
          .transform((text) => text.trim())
          .pipe(z.string().max(9)),
        list: z.array(z.string().max(2)),
        any: z.unknown(),
        when: z.iso.date(),
        kind: z.enum(["a", "b"]),
        opaque: v.string(),
      },
    });
    expect(openness).toEqual({ bounds: ["body/free", "body/list", "body/any"], unseen: ["body/opaque"] });
  });

  it("leaves to the server what the server owns", () => {
    expect(() => input({ body: { tenantId: z.uuid() } })).toThrow(/leaves "tenantId" to the server/u);
    expect(() => input({ body: { role: dangerouslyClientDecides(z.enum(["a"]), "an invitation") } })).not.toThrow();
  });

  it("refuses when a schema's own code fails on what was sent, and the log says where without saying what", () => {
    const throwing: StandardSchema<unknown, bigint> = {
      "~standard": { version: 1, vendor: "own", validate: (text) => ({ value: BigInt(text as string) }) },
    };
    const decision = input({ body: { a: throwing } }).judge(sent({ json: '{"a":"geheim"}' }));
    expect(decision).toMatchObject({ kind: "deny", reason: "input_invalid" });
    expect(decision.events).toMatchObject([{ detail: "validator_failed", severity: "error" }]);
    expect(decision.events[0]?.error).toMatch(/^SyntaxError\n\s+at /u);
    expect(JSON.stringify(decision)).not.toContain("geheim");
  });

  it("does not wait: an asynchronous schema refuses, and so does one of zod that throws", async () => {
    const slow = z
      .string()
      .max(9)
      .refine(async (text) => Promise.resolve(text === "yes"));
    for (const declared of [
      input({ body: { a: slow } }),
      input({ body: z.strictObject({ a: slow }) }),
      input({
        body: {
          a: v.pipeAsync(
            v.string(),
            v.checkAsync(async () => Promise.reject(new Error("late"))),
          ),
        },
      }),
      input({
        body: {
          a: z
            .string()
            .max(9)
            .transform((text) => BigInt(text)),
        },
      }),
    ]) {
      const decision = declared.judge(sent({ json: '{"a":"geheim"}' }));
      expect(decision).toMatchObject({ kind: "deny", reason: "input_invalid" });
      expect(decision.events).toMatchObject([
        { detail: "validator_failed", error: expect.stringMatching(/is asynchronous/u) },
      ]);
      expect(JSON.stringify(decision)).not.toContain("geheim");
    }
    // A rejection that nobody hears would fail the run.
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("says so when a handler asks for what was not judged", () => {
    expect(() => input({}).of(sent({}))).toThrow(/was not judged/u);
  });

  it("writes one event, of which nothing was sent", () => {
    const decision = input({ body: { a: z.int() } }).judge(sent({ json: '{"a":"geheim","b":"geheim"}' }));
    expect(decision.events).toEqual([
      {
        event_type: "input_validation",
        status: "refused",
        severity: "warning",
        event: "input_validation_fail",
        control: "input-validation",
        reason: "input_invalid",
        detail: "unknown_field",
        count: 2,
      },
    ]);
  });

  it("answers anything with a decision, and repeats no value", async () => {
    const declared = input({
      query: { a: z.string().max(5).optional(), b: repeated(z.string().max(5), { most: 3 }) },
      body: { title: z.string().max(5), nested: z.strictObject({ n: z.int() }).optional() },
    });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.dictionary(fc.string(), fc.jsonValue()), (query, body) => {
        const exchange = sketchExchange({
          method: "POST",
          headers: { "content-type": "application/json" },
          target: `/x?${query}`,
        });
        exchange.body = { ...body, title: "s3cr3t-s3cr3t" };
        const decision = declared.judge(exchange);
        expect(decision.kind).toBe("deny");
        expect(JSON.stringify(decision)).not.toContain("s3cr3t");
      }),
      { numRuns: 500 },
    );
  });
});

describe("a form that is shown again", () => {
  const declared = formInput({
    form: { email: z.email("Write an e-mail address.").max(254), age: z.string().max(3).optional() },
  });

  it("hands what is wrong to the handler, with what was typed, and writes the event", () => {
    const exchange = sent({ form: "email=ada&age=36&csrf_token=x" });
    const decision = declared.judge(exchange);
    expect(decision).toMatchObject({ kind: "allow", events: [{ control: "input-validation", count: 1 }] });
    expect(declared.of(exchange)).toEqual({
      ok: false,
      errors: [{ in: "form", pointer: "/email", message: "Write an e-mail address." }],
      valid: {},
      typed: { email: "ada", age: "36" },
    });
  });

  it("hands over what is right", () => {
    const exchange = sent({ form: "email=ada%40example.com&csrf_token=x" });
    declared.judge(exchange);
    expect(declared.of(exchange)).toEqual({ ok: true, value: { form: { email: "ada@example.com" } } });
  });

  it("keeps its author's words, also where somebody has typed one of them", () => {
    const form = formInput({ form: { title: z.string().min(1, "Enter a title.").max(9), body: z.string().max(9) } });
    const exchange = sent({ form: "title=&body=a" });
    form.judge(exchange);
    expect(form.of(exchange)).toMatchObject({ errors: [{ pointer: "/title", message: "Enter a title." }] });
  });

  it("has the parameters of the path beside what is wrong, and is not asked about a path that names nothing", () => {
    const id = "2b1e6a3c-8f4d-4c5e-9a7b-1d2e3f4a5b6c";
    const form = formInput({ params: { id: z.uuid() }, form: { n: z.string().max(1) } }, { unfitParams: "not_found" });
    const exchange = sent({ params: { id }, form: "n=long" });
    form.judge(exchange);
    expect(form.of(exchange)).toMatchObject({ ok: false, valid: { params: { id } } });
    for (const unfit of ["7", "..", "a'--", "\0"])
      expect(reasonOf(form, { params: { id: unfit }, form: "n=long" })).toBe("not_found");
  });

  it("still refuses what no browser sends", () => {
    expect(reasonOf(declared, { json: '{"email":"ada@example.com"}' })).toBe("media_type_unsupported");
  });
});

describe("a path that cannot name anything", () => {
  const declared = input(
    { params: { id: z.uuid() }, query: { q: z.string().max(3).optional() } },
    { unfitParams: "not_found" },
  );

  it("is answered as one that names nothing, and the log knows better", () => {
    const decision = declared.judge(sent({ params: { id: "7" }, query: "q=long" }));
    expect(decision).toMatchObject({ kind: "deny", reason: "not_found", events: [{ detail: "unfit_params" }] });
    expect(decision.kind === "deny" && decision.members).toBeFalsy();
    const fits = { params: { id: "2b1e6a3c-8f4d-4c5e-9a7b-1d2e3f4a5b6c" } };
    expect(reasonOf(declared, { ...fits, query: "q=long" })).toBe("input_invalid");
    expect(reasonOf(declared, fits)).toBe("allow");
  });

  it("takes no other word for it", () => {
    expect(() => input({}, { unfitParams: "gone" as "not_found" })).toThrow(/unfitParams/u);
    expect(() => input({}, { unfit: "x" } as object)).toThrow(/unfitParams/u);
  });
});

describe("a refusal by the handler", () => {
  it("reads as one by the schemas, with pointers that nobody can bend", () => {
    const refusal = inputRefusal([{ in: "body", path: ["a/b~", "0"], message: "There is no such colleague." }]);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal.decision).toMatchObject({
      reason: "input_invalid",
      members: { errors: [{ in: "body", pointer: "/a~1b~0/0", message: "There is no such colleague." }] },
    });
    const many = Array.from({ length: 99 }, () => ({ in: "form", path: ["x".repeat(999)], message: "No." }) as const);
    expect(JSON.stringify(inputRefusal(many).decision.members).length).toBeLessThan(4000);
  });
});
