import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { readPathName } from "./path-name.ts";
import { judgeUploadName, uploadExtension, uploadFilename } from "./upload-filename.ts";

interface NameCase {
  readonly id: string;
  readonly fn: string;
  readonly name: string;
  readonly result?: string | null;
  readonly raises?: string;
  readonly allowed?: readonly string[];
  readonly valid?: boolean;
}

/** Why we refuse what the recorded implementation lets pass. */
function refusalOf({ fn, name }: NameCase): string | undefined {
  if (Buffer.byteLength(name) > 255) return "a name that no file system takes";
  return fn === "file_extension" && /[/\\]$/u.test(name) ? "a name that ends in a separator names a folder" : undefined;
}

describe.skipIf(loadVectors("uploads") === undefined)("recorded names", () => {
  const cases = loadVectors<NameCase>("uploads")?.cases ?? [];
  const by = (fn: string): readonly NameCase[] =>
    cases.filter((single) => single.fn === fn && refusalOf(single) === undefined);

  it.each(by("sanitize_file_name"))(
    "$id: shows the client's name without its path and what cannot be seen",
    (single) => {
      expect(uploadFilename(single.name) ?? null).toBe(single.result);
    },
  );

  it.each(by("file_extension"))("$id: goes by the last extension alone", ({ name, allowed, valid }) => {
    expect(allowed?.includes(uploadExtension(name) ?? "") ?? false).toBe(valid);
  });

  it.each(
    [...by("validate_file_name"), ...by("validate_file_name_relative")].filter(({ raises }) => raises !== undefined),
  )("$id: a stored name never leaves its folder", ({ name }) => {
    expect(readPathName(name, true)).toBeTypeOf("string");
  });

  it.each(by("get_valid_filename").filter(({ raises }) => raises !== undefined))(
    "$id: nothing that can be stored is left of it, so it is not taken for a name with an extension",
    ({ name }) => {
      expect(judgeUploadName(name)).toHaveProperty("code");
    },
  );

  it.each(cases.filter((single) => refusalOf(single) !== undefined))("$id is refused here", ({ name }) => {
    expect(judgeUploadName(name)).toHaveProperty("code");
  });
});

it.each([
  ["..&#47etc&#x2Fpasswd", "passwd"],
  ["a&#0;b&#x110000;c&#xD800;.txt", "a\ufffdb\ufffdc\ufffd.txt"],
  ["&#000000000047;report.pdf", "report.pdf"],
  ["&valueOf;&constructor;.txt", "&valueOf;&constructor;.txt"],
  ["a&amp;#47;b&AMP;sol;c.txt", "a&#47;b&sol;c.txt"],
  ["a&ampb &copy=&notit;.txt", "a&b \u00a9=\u00acit;.txt"],
  ["50 &percnt; &#x80;.txt", "50 % \u20ac.txt"],
  ["in&shy;voice&zwj;&ThickSpace;.pdf", "invoice.pdf"],
  ["..&bsol;&NewLine;a.txt", "a.txt"],
])("reads the references of %j as a browser does", (given, shown) => {
  expect(uploadFilename(given)).toBe(shown);
});

describe("a name that deceives", () => {
  it.each([
    ["invoice\u202efdp.exe", "name_control_character"],
    ["a\u0000.pdf", "name_control_character"],
    ["a\r\nX-Header: 1.pdf", "name_control_character"],
    ["report.pdf.", "name_trailing"],
    ["report.pdf ", "name_trailing"],
    ["report.pdf::$DATA", "name_reserved"],
    ["report.exe:hidden.pdf", "name_reserved"],
    ["con.pdf", "name_reserved"],
    ["LPT1.pdf", "name_reserved"],
    ["nul .pdf", "name_reserved"],
    [".pdf", "name_hidden"],
    [".htaccess", "name_hidden"],
    ["shell.php.jpg", "extension_double"],
    ["shell.php\u3164.jpg", "extension_double"],
    ["shell.p\ufe0fhp.jpg", "extension_double"],
    ["page.cshtml.pdf", "extension_double"],
    ["table.xll.csv", "extension_double"],
    ["con\u3164.pdf", "name_reserved"],
    ["report.pdf \u115f", "name_trailing"],
    ["report.pdf\u3164", "extension_missing"],
    ["\u3164.pdf", "name_hidden"],
    ["invoice.EXE.pdf", "extension_double"],
    ["shell.asp;.jpg", "extension_double"],
    ["shell.php%20.jpg", "extension_double"],
    ["shell.\uff30\uff28\uff30.jpg", "extension_double"],
    ["shell.ph\u200dp.jpg", "extension_double"],
    ["tool.py.pdf", "extension_double"],
    ["budget.xlsm.pdf", "extension_double"],
    ["CLOCK$.pdf", "name_reserved"],
    ["shell.php%00.pdf", "name_encoded"],
    ["..%2f..%2fa.pdf", "name_encoded"],
    ["con\u200d.pdf", "name_reserved"],
    ["\u200d.bashrc.pdf", "name_hidden"],
    ["a%2\u200d5.pdf", "name_encoded"],
    ["a%2\u00ade.pdf", "name_encoded"],
    ["a&percnt;2fb.pdf", "name_encoded"],
    ["a&colon;b.pdf", "name_reserved"],
    ["a\uff0eexe\uff0epdf", "name_confusable"],
    ["a\u2024pdf", "name_confusable"],
    [`${"x".repeat(252)}.pdf`, "name_too_long"],
    ["README", "extension_missing"],
    ["", "name_missing"],
    ["C:\\Windows\\", "name_missing"],
    [undefined, "name_missing"],
    [["a.pdf"], "name_missing"],
  ])("refuses %j", (name, code) => {
    expect(judgeUploadName(name)).toMatchObject({ code });
  });

  it.each([
    ["C:\\fakepath\\Q3 report v1.2.pdf", "Q3 report v1.2.pdf", "pdf"],
    ["../../etc/passwd.txt", "passwd.txt", "txt"],
    ["r\u00e9sum\u00e9 (2).PDF", "r\u00e9sum\u00e9 (2).PDF", "pdf"],
    ["\u4e2d\u6587\u3002.docx", "\u4e2d\u6587\u3002.docx", "docx"],
    ["Smith & Sons; draft.docx", "Smith & Sons; draft.docx", "docx"],
    ["a&amp;#58;b&amp;sol;c.pdf", "a&#58;b&sol;c.pdf", "pdf"],
  ])("keeps %j as data", (name, original, extension) => {
    expect(judgeUploadName(name)).toEqual({ original, extension });
  });

  const anyName = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc
      .array(
        fc.constantFrom("&amp;", "#58;", "&", "sol;", "con", "\u200d", "%2", "f", ".", ":", "a", "pdf", "&#46", " "),
      )
      .map((parts) => `${parts.join("")}.pdf`),
  );

  it("never lets a separator, a control character or more than 255 bytes through", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const judged = judgeUploadName(name);
        if ("code" in judged) return;
        expect(judged.original).not.toMatch(/[/\\\p{Cc}\p{Cf}:]|[.\s]$|^\.|%2f|^con\./iu);
        expect(Buffer.byteLength(judged.original)).toBeLessThanOrEqual(255);
      }),
    );
  });
});
