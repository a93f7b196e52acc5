import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvRecords, type CsvRecord } from "./csv.ts";

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function read(text: string, size = 7): Promise<readonly CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of csvRecords(pieces(text, size))) records.push(record);
  return records;
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

describe("reading CSV", () => {
  it("gives back every field of every record, wherever the text is cut", async () => {
    const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "é") });
    const table = fc.array(fc.array(field, { minLength: 1, maxLength: 5 }), { maxLength: 8 });
    const ends = fc.constantFrom("\n", "\r\n", "\r");
    await fc.assert(
      fc.asyncProperty(table, ends, fc.integer({ min: 1, max: 9 }), async (rows, end, size) => {
        const text = rows.map((fields) => fields.map(quoted).join(",") + end).join("");
        expect((await read(text, size)).map(({ fields }) => fields)).toEqual(rows);
      }),
    );
  });

  it("names the line on which a record begins, also after a field of several lines", async () => {
    const records = await read('a,b\r\n\r\n"x\ny",1\r\nz,2');
    expect(records.map(({ line }) => line)).toEqual([1, 3, 5]);
  });

  it.each([
    ['a"b,c\nd,e', "quote_misplaced"],
    ['"a"b,c\nd,e', "quote_misplaced"],
    [`${"x".repeat(70_000)},c\nd,e`, "record_too_long"],
    [`${",".repeat(400)}\nd,e`, "record_too_long"],
  ])("tells of a record that cannot be read and goes on at the next line", async (text, problem) => {
    expect(await read(text)).toEqual([
      { line: 1, fields: [], problem },
      { line: 2, fields: ["d", "e"] },
    ]);
  });

  it("tells of a quote that is never closed", async () => {
    expect(await read('a,"b\nc')).toEqual([{ line: 1, fields: [], problem: "quote_unclosed" }]);
  });
});
