import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvCell } from "./event-export.ts";

describe("csvCell", () => {
  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uFF1D1", "\uFEFF=1"])("disarms %j", (text) => {
    expect(csvCell(text)).toBe(`"'${text}"`);
  });

  it("leaves numbers and plain text as they are", () => {
    expect([csvCell(-1), csvCell(undefined), csvCell("authn_login_fail")]).toEqual(["-1", "", '"authn_login_fail"']);
  });

  it("gives back any text to a reader of RFC 4180", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const cell = csvCell(text);
        const read = cell.slice(1, -1).replaceAll('""', '"');
        expect(read === text || read === `'${text}`).toBe(true);
        expect(cell.slice(1, -1).replaceAll('""', "")).not.toContain('"');
      }),
    );
  });
});
