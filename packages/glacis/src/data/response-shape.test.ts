import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { Secret } from "../core/secret.ts";
import { responseShape } from "./response-shape.ts";

const SHAPE = { id: true, title: true, owner: { id: true, name: true }, tags: { label: true }, at: true } as const;
const row = {
  id: "1",
  title: "Plan",
  owner: { id: "7", name: "Ada" },
  tags: [{ label: "a" }, { label: "b" }],
  at: new Date(0),
};

describe("a response shape", () => {
  const strict = responseShape(SHAPE, { mode: "test" });
  const lenient = responseShape(SHAPE, { mode: "production" });

  it("takes out what it names, in the order in which it names it", () => {
    const answer = strict(row);
    expect(JSON.stringify(answer)).toBe(JSON.stringify(row));
    expect(Object.keys(strict({ at: row.at, tags: [], owner: row.owner, title: "x", id: "1" }))).toEqual(
      Object.keys(SHAPE),
    );
    expectTypeOf(answer.owner.name).toEqualTypeOf<string>();
    expectTypeOf(answer.tags).toEqualTypeOf<readonly { readonly label: string }[]>();
    expectTypeOf<keyof typeof answer>().toEqualTypeOf<"id" | "title" | "owner" | "tags" | "at">();
  });

  it("keeps what is absent absent", () => {
    expect(strict({ ...row, owner: null, title: null, tags: [] })).toMatchObject({
      owner: null,
      title: null,
      tags: [],
    });
    expect(strict({ ...row, owner: undefined })).toMatchObject({ owner: undefined });
  });

  it.each<[string, object, string]>([
    ["another column", { ...row, password_hash: "x" }, '"password_hash" was not named'],
    ["another column in a row inside", { ...row, owner: { ...row.owner, email: "x" } }, '"owner.email" was not named'],
    ["another column in a list", { ...row, tags: [{ label: "a", secret: 1 }] }, '"tags.secret" was not named'],
    ["an object for a value", { ...row, title: { toString: 1 } }, '"title" is an object; name its fields'],
    ["a secret for a value", { ...row, title: new Secret("x") }, '"title" is an object; name its fields'],
    ["a list of objects for a value", { ...row, title: [{ a: 1 }] }, '"title" is an object'],
    ["a function for a value", { ...row, title: () => 1 }, '"title" is an object'],
    ["a value for an object", { ...row, owner: "Ada" }, "owner is no object"],
    ["nothing where something was named", { id: "1" }, '"title" was named and is not there'],
  ])("throws on %s where it is developed and tested, and leaves it out in production", (_, wrong, message) => {
    expect(() => strict(wrong as never)).toThrow(message);
    const answer = JSON.stringify(lenient(wrong as never));
    expect(answer).not.toMatch(/password_hash|email|secret|toString|Ada"[^}]*$/u);
    expect(() => responseShape(SHAPE, { mode: "development" })(wrong as never)).toThrow(message);
  });

  it("goes by what the environment declares, which is production when nothing does", () => {
    const { GLACIS_ENV, NODE_ENV } = process.env;
    try {
      delete process.env["GLACIS_ENV"];
      delete process.env["NODE_ENV"];
      expect(responseShape({ id: true })({ id: 1, more: 2 })).toEqual({ id: 1 });
      process.env["NODE_ENV"] = "development";
      expect(() => responseShape({ id: true })({ id: 1, more: 2 })).toThrow(/"more" was not named/u);
    } finally {
      if (GLACIS_ENV !== undefined) process.env["GLACIS_ENV"] = GLACIS_ENV;
      if (NODE_ENV !== undefined) process.env["NODE_ENV"] = NODE_ENV;
    }
  });

  it("lets nothing through that was not named, for any row", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (more) => {
        const answer = lenient({ ...row, ...more });
        expect(Object.keys(answer).every((name) => Object.hasOwn(SHAPE, name))).toBe(true);
        expect(Object.keys(answer.owner ?? {}).every((name) => ["id", "name"].includes(name))).toBe(true);
      }),
    );
  });

  it.each([
    ["an empty shape", {}, undefined, /names no field/u],
    ["an empty shape inside", { owner: {} }, undefined, /names no field of owner\./u],
    ["something else than true", { id: false }, undefined, /needs true or a shape for "id"/u],
    ["a list", { id: [true] }, undefined, /needs true or a shape for "id"/u],
    ["an unknown option", { id: true }, { modus: "test" }, /no option "modus"\. Did you mean "mode"/u],
  ])("refuses %s", (_, shape, options, message) => {
    expect(() => responseShape(shape as never, options as never)).toThrow(message);
  });
});
