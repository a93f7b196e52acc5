import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { Refusal } from "../core/error-reason.ts";
import type { OutputOf, StandardSchema } from "../core/standard-schema.ts";
import { dangerouslyClientDecides, parseWrite, writeSchema } from "./mass-assignment.ts";

const NewDocument = writeSchema({
  title: z.string().min(1, "Enter a title.").max(20),
  body: z.string().default(""),
  link: z.url().nullish(),
  place: z.object({ x: z.number() }).optional(),
});

async function errorsOf(body: unknown, schema: Parameters<typeof parseWrite>[0] = NewDocument): Promise<unknown> {
  try {
    await parseWrite(schema, body);
  } catch (error) {
    if (error instanceof Refusal) return error.decision.members?.["errors"];
    throw error;
  }
  return undefined;
}

const UNKNOWN = "This field does not exist.";

describe("a write schema", () => {
  it("lets through what it names, as the schemas of the fields make it", async () => {
    const document = await parseWrite(NewDocument, { title: "Plan", place: { x: 1, y: 2 } });
    expect(document).toEqual({ title: "Plan", body: "", place: { x: 1 } });
    expect(Object.keys(document)).toEqual(["title", "body", "place"]);
    expectTypeOf(document).toEqualTypeOf<OutputOf<typeof NewDocument>>();
    expectTypeOf(document.title).toEqualTypeOf<string>();
    expectTypeOf<{ title: string; body: string }>().toExtend<typeof document>();
  });

  it.each([
    "role",
    "tenant_id",
    "tenantId",
    "owner_id",
    "id",
    "is_admin",
    "created_at",
    "constructor",
    "toString",
    "Title",
    "title ",
    "title[]",
    "",
  ])("refuses %j by name, with 422", async (name) => {
    expect(await errorsOf({ title: "Plan", [name]: "x" })).toEqual([{ field: name, message: UNKNOWN }]);
  });

  it("refuses an own __proto__, which JSON can carry", async () => {
    const body: unknown = JSON.parse('{"title":"Plan","__proto__":{"role":"admin"}}');
    expect(await errorsOf(body)).toEqual([{ field: "__proto__", message: UNKNOWN }]);
    expect(await errorsOf({ title: "Plan", __proto__: { role: "admin" } })).toEqual([
      { field: "", message: "Send an object of fields." },
    ]);
  });

  it("names everything at once: what is unknown, what is wrong, and where", async () => {
    expect(await errorsOf({ role: "admin", title: "", place: { x: "no" } })).toEqual([
      { field: "role", message: UNKNOWN },
      { field: "title", message: "Enter a title." },
      { field: "place.x", message: expect.stringContaining("number") },
    ]);
  });

  it.each([null, undefined, [], [{ title: "x" }], "title", 7, new Map([["title", "x"]]), new Date()])(
    "refuses a body that is no object of fields: %j",
    async (body) => {
      expect(await errorsOf(body)).toEqual([{ field: "", message: "Send an object of fields." }]);
    },
  );

  it("takes a form, which has no prototype, and looks past the token in it", async () => {
    const form = Object.assign(Object.create(null) as object, { title: "Plan", csrf_token: "x" });
    await expect(parseWrite(NewDocument, form)).rejects.toThrow(Refusal);
    expect(await parseWrite(NewDocument, form, ["csrf_token"])).toEqual({ title: "Plan", body: "" });
  });

  it("takes nothing from a prototype", async () => {
    const inherited = Object.create({ title: "Plan" }) as object;
    expect(await errorsOf(inherited)).toEqual([{ field: "", message: "Send an object of fields." }]);
  });

  it("bounds what it says, however much is sent", async () => {
    const body = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`${"x".repeat(500)}${n}`, n]));
    const errors = (await errorsOf(body)) as readonly { readonly field: string }[];
    expect(errors).toHaveLength(20);
    expect(errors.every(({ field }) => field.length === 100)).toBe(true);
    const talkative: StandardSchema<unknown, string> = {
      "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "m".repeat(5000) }] }) },
    };
    expect(JSON.stringify(await errorsOf({ a: 1 }, writeSchema({ a: talkative })))).toHaveLength(228);
  });

  it("waits for schemas that ask somebody, and refuses when one breaks", async () => {
    const free = z.string().refine((name) => Promise.resolve(name !== "taken"), "It is taken.");
    const schema = writeSchema({ name: free, title: z.string() });
    expect(await parseWrite(schema, { name: "new", title: "t" })).toEqual({ name: "new", title: "t" });
    expect(await errorsOf({ name: "taken", title: "t", role: 1 }, schema)).toEqual([
      { field: "role", message: UNKNOWN },
      { field: "name", message: "It is taken." },
    ]);
    const broken: StandardSchema<unknown, string> = {
      "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("the database is away")) },
    };
    await expect(parseWrite(writeSchema({ name: broken }), { name: "x" })).rejects.toThrow("the database is away");
  });

  it("reads the paths of any library", async () => {
    const nested: StandardSchema<unknown, string> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0, "b"] }] }),
      },
    };
    expect(await errorsOf({ deep: 1 }, writeSchema({ deep: nested }))).toEqual([
      { field: "deep.a.0.b", message: "no" },
    ]);
  });

  it("is a schema itself, and can stand inside another", async () => {
    const outer = writeSchema({ document: NewDocument });
    expect(await errorsOf({ document: { title: "x", role: "admin" } }, outer)).toEqual([
      { field: "document.role", message: UNKNOWN },
    ]);
    expect(NewDocument.fields).toEqual(["title", "body", "link", "place"]);
  });

  it("reports the refusal as an event that holds nothing of the body", async () => {
    const refusal = await parseWrite(NewDocument, { title: "Plan", role: "admin" }).catch((error: unknown) => error);
    expect((refusal as Refusal).decision.reason).toBe("input_invalid");
    expect((refusal as Refusal).decision.events).toEqual([
      {
        event_type: "input_validation",
        status: "refused",
        severity: "warning",
        event: "input_validation_fail",
        control: "mass-assignment",
        reason: "input_invalid",
        count: 1,
      },
    ]);
  });

  it("never lets through a field that it does not name, whatever is sent", async () => {
    const body = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("title", "body", "role", "id")), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(body, async (fields) => {
        const unknown = Object.keys(fields).filter((name) => !NewDocument.fields.includes(name));
        const result = await NewDocument["~standard"].validate(fields);
        if (result.issues === undefined) {
          expect(unknown).toEqual([]);
          expect(Object.keys(result.value).every((name) => NewDocument.fields.includes(name))).toBe(true);
        } else {
          const named = result.issues.filter(({ message }) => message === UNKNOWN).map(({ path }) => path?.[0]);
          expect(named).toEqual(unknown.slice(0, 20).map((name) => name.slice(0, 100)));
        }
      }),
    );
  });
});

describe("what a write schema is made of", () => {
  it.each(["id", "tenantId", "tenant_id", "TenantID", "owner_id", "role", "isAdmin", "created_at", "password_hash"])(
    "leaves %s to the server",
    (name) => {
      expect(() => writeSchema({ [name]: z.string() })).toThrow(`writeSchema() leaves "${name}" to the server`);
    },
  );

  it("takes it when somebody says why", async () => {
    const role = dangerouslyClientDecides(z.enum(["member", "viewer"]), "never above the inviter's own");
    const schema = writeSchema({ email: z.email(), role });
    const invitation = await parseWrite(schema, { email: "a@b.test", role: "viewer" });
    expectTypeOf(invitation.role).toEqualTypeOf<"member" | "viewer">();
    expect(await errorsOf({ email: "a@b.test", role: "owner" }, schema)).toMatchObject([{ field: "role" }]);
    expect(() => dangerouslyClientDecides(z.string(), " ")).toThrow(/the reason in words/u);
  });

  it.each([
    ["no field", {}, /at least one field/u],
    ["something that is no schema", { title: "string" }, /needs a Standard Schema, version 1, for "title"/u],
    ["nothing", { title: undefined }, /needs a Standard Schema/u],
    ["a schema of another version", { title: { "~standard": { version: 2, validate: () => 1 } } }, /version 1/u],
    ["a field that reaches the prototype", { constructor: z.string() }, /reaches the prototype/u],
  ])("refuses %s", (_, fields, message) => {
    expect(() => writeSchema(fields as never)).toThrow(message);
  });
});
