import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { watchParts } from "./multipart.ts";

const body = (boundary: string, parts: number, content = "x"): Buffer =>
  Buffer.from(
    Array.from(
      { length: parts },
      (_, index) => `--${boundary}\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\n${content}\r\n`,
    ).join("") + `--${boundary}--\r\n`,
  );

/** Feeds a body in pieces; the reason of the first refusal, or "accepted". */
function feed(contentType: string, maxParts: number, bytes: Buffer, sizes: readonly number[] = [bytes.length]): string {
  const watch = watchParts(contentType, maxParts);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    const refusal = watch(bytes.subarray(at, at + size));
    if (refusal?.kind === "deny") return refusal.reason;
    at += size;
  }
  return "accepted";
}

describe("watchParts", () => {
  it("allows exactly as many parts as the limit", () => {
    expect(feed("multipart/form-data; boundary=b", 100, body("b", 100))).toBe("accepted");
    expect(feed("multipart/form-data; boundary=b", 100, body("b", 101))).toBe("parameters_too_many");
  });

  it.each([
    ["quoted", 'multipart/form-data; boundary="a b?c"', "a b?c"],
    ["with other parameters around it", "multipart/form-data; charset=utf-8; boundary=zz; x=y", "zz"],
    [
      "as a browser writes it",
      "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
      "----WebKitFormBoundary7MA4YWxkTrZu0gW",
    ],
    ["unquoted with an equals sign", "multipart/mixed; boundary==_Part_1", "=_Part_1"],
  ])("reads a boundary that is %s", (_, contentType, boundary) => {
    expect(feed(contentType, 3, body(boundary, 3))).toBe("accepted");
    expect(feed(contentType, 3, body(boundary, 4))).toBe("parameters_too_many");
  });

  it.each([
    ["absent", "multipart/form-data"],
    ["empty", "multipart/form-data; boundary="],
    ["given twice", "multipart/form-data; boundary=a; boundary=b"],
    ["too long", `multipart/form-data; boundary=${"a".repeat(71)}`],
    ["not of the allowed characters", "multipart/form-data; boundary=a\u00e9"],
    ["quoted without an end", 'multipart/form-data; boundary="a'],
    ["ending in a space", 'multipart/form-data; boundary="a "'],
  ])("refuses the first chunk when the boundary is %s", (_, contentType) => {
    expect(feed(contentType, 3, Buffer.from("x"))).toBe("body_malformed");
  });

  it("counts the same however the body is cut", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 1, max: 8 }), sizes, (parts, maxParts, cuts) => {
        const bytes = body("bound", parts, "--boun\r\n--x\r\r\n-");
        expect(feed("multipart/form-data; boundary=bound", maxParts, bytes, cuts)).toBe(
          parts > maxParts ? "parameters_too_many" : "accepted",
        );
      }),
    );
  });

  it("counts delimiters after a bare line feed too, because lenient parsers do", () => {
    const bytes = Buffer.from(body("b", 4).toString().replaceAll("\r\n", "\n"));
    expect(feed("multipart/form-data; boundary=b", 3, bytes)).toBe("parameters_too_many");
  });
});
