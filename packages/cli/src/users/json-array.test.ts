import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrayMembers, type ArrayMember } from "./json-array.ts";

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function read(text: string, size = 7): Promise<readonly ArrayMember[]> {
  const members: ArrayMember[] = [];
  for await (const member of arrayMembers(pieces(text, size))) members.push(member);
  return members;
}

describe("reading a JSON array", () => {
  it("gives back every member, wherever the text is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (all, wide, size) => {
          const members = await read(JSON.stringify(all, undefined, wide ? 2 : 0), size);
          expect(members.map(({ value }) => JSON.stringify(value))).toEqual(all.map((one) => JSON.stringify(one)));
        },
      ),
    );
  });

  it("names the line of each member, and goes on after one that is no JSON or too long", async () => {
    const text = `[\n{"a": 1},\n{nonsense},\n"${"x".repeat(70_000)}",\n{"b": 2}\n]\n`;
    expect(await read(text)).toEqual([
      { line: 2, value: { a: 1 } },
      { line: 3, value: undefined, problem: "record_malformed" },
      { line: 4, value: undefined, problem: "record_too_long" },
      { line: 5, value: { b: 2 } },
    ]);
  });

  it.each(["", "{}", "[1, 2", '["a', "[1] 2"])("refuses what is no whole array: %s", async (text) => {
    await expect(read(text)).rejects.toThrow(SyntaxError);
  });
});
