import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { attachment, inline, safeFilename } from "./content-disposition.ts";

describe("attachment", () => {
  it.each([
    [undefined, "attachment"],
    ["", "attachment"],
    ["report.pdf", 'attachment; filename="report.pdf"'],
    ["Q3 report (final).pdf", 'attachment; filename="Q3 report (final).pdf"'],
    ["a;b,c=d.txt", 'attachment; filename="a;b,c=d.txt"'],
    ["r\u00e9sum\u00e9.pdf", `attachment; filename="r_sum_.pdf"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`],
    ["\u4e2d.txt", `attachment; filename="_.txt"; filename*=UTF-8''%E4%B8%AD.txt`],
    ["it's 100%.txt", `attachment; filename="it's 100_.txt"; filename*=UTF-8''it%27s%20100%25.txt`],
    ['a"; filename="evil.exe', 'attachment; filename="a_; filename=_evil.exe"'],
    ["a\r\nSet-Cookie: b=1", 'attachment; filename="aSet-Cookie_ b=1"'],
  ])("writes %j as %s", (name, expected) => {
    expect(attachment(name)).toBe(expected);
  });

  it("can also show in place", () => {
    expect(inline("a.png")).toBe('inline; filename="a.png"');
    expect(inline()).toBe("inline");
  });

  it("is always one line of printable ASCII that names exactly the safe name", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.string({ unit: fc.constantFrom("/", "\\", '"', ".", " ", "%", "'", "\u202e", "\u00e9", "\r", "a") }),
        ),
        (name) => {
          const value = attachment(name);
          expect(/^[\x20-\x7e]+$/u.test(value)).toBe(true);
          const parsed =
            /^attachment(?:; filename="([^"\\%]*)"(?:; filename\*=UTF-8''([A-Za-z0-9!#$&+\-.^_`|~%]+))?)?$/u.exec(
              value,
            );
          expect(parsed).not.toBeNull();
          const [, plain, extended] = parsed ?? [];
          if (name !== "")
            expect(extended === undefined ? plain : decodeURIComponent(extended)).toBe(safeFilename(name));
        },
      ),
    );
  });
});

describe("safeFilename", () => {
  it.each([
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\me\\file.txt", "file.txt"],
    ["/", "download"],
    ["..", "download"],
    ["dir/", "dir"],
    [".htaccess", "htaccess"],
    ["report.exe.", "report.exe"],
    ["report.exe . ", "report.exe"],
    ["invoice\u202efdp.exe", "invoicefdp.exe"],
    ["a\u200bb\ufeff.txt", "ab.txt"],
    ["a\u0000.txt", "a.txt"],
    ["a\ud800.txt", "a.txt"],
    ["a\u00a0b.txt", "a b.txt"],
    ["CON", "_CON"],
    ["nul.txt", "_nul.txt"],
    ["com1 .txt", "_com1 .txt"],
    ["console.txt", "console.txt"],
    ['<>:"|?*', "_______"],
    ["e\u0301.txt", "\u00e9.txt"],
    ["e\u200b\u0301.txt", "\u00e9.txt"],
    ["\u0000\u202e", "download"],
  ])("makes %j %j", (given, expected) => {
    expect(safeFilename(given)).toBe(expected);
  });

  it("shortens by whole characters and keeps the extension", () => {
    const long = safeFilename(`${"\u{1f600}".repeat(200)}.pdf`);
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(255);
    expect(long).toMatch(/^\u{1f600}+\.pdf$/u);
    expect(Buffer.byteLength(safeFilename("a".repeat(5000)))).toBe(254);
  });

  it("is never empty, hidden, a path or too long, and does not change its own result", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (given) => {
        const name = safeFilename(given);
        expect(/^[^./\\ ][^/\\]*$/u.test(name) && !/[. ]$/u.test(name)).toBe(true);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(safeFilename(name)).toBe(name);
      }),
    );
  });
});

interface DispositionCase {
  readonly id: string;
  readonly kind: string;
  readonly as_attachment: boolean;
  readonly filename: string | null;
  readonly result: string | null;
}

const cases = (loadVectors<DispositionCase>("headers")?.cases ?? []).filter(
  ({ kind }) => kind === "content-disposition",
);

describe.skipIf(cases.length === 0)("the recorded Content-Disposition values", () => {
  const HEADER =
    /^(?:attachment|inline)(?:; filename="[^"%*/:<>?\\|\p{C}]+"(?:; filename\*=UTF-8''(?:[\w!#$&+.^`|~-]|%[\dA-F]{2})+)?)?$/u;

  // Saying inline is what saying nothing means. A name is cleaned before it is written, and beyond ASCII it goes out in both forms.
  it.each(cases)("$id: $filename", ({ as_attachment: saved, filename, result }) => {
    const ours = (saved ? attachment : inline)(filename ?? undefined);
    expect(ours).toMatch(HEADER);
    const name = filename ?? "";
    if (name === "") expect(ours).toBe(result ?? "inline");
    else if (/^(?!con|prn|aux|nul|com\d|lpt\d)[\w(](?:[\w ().,;=+-]*[\w)])?$/iu.test(name)) expect(ours).toBe(result);
    else if (/^[\p{L}\p{N}](?:[\p{L}\p{N} .]*[\p{L}\p{N}])?$/u.test(name) && name === name.normalize("NFC"))
      expect(ours.split("''")[1]).toBe(result?.split("''")[1]);
  });
});
