import { createHmac, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyRing, newKey } from "./key-ring.ts";
import { lengthPrefixed } from "./length-prefixed.ts";
import { signer, type SigningContext } from "./signed-value.ts";

/** `FUZZ_RUNS=1000000` for a long one. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 500);
const first = newKey("k1");
const keys = keyRing(first);
const HOUR = { expiresInSeconds: 3600 };

function at(seconds: number): () => number {
  return () => seconds * 1000;
}

describe("signer", () => {
  const invitations = signer({ keys, purpose: "invitation" });

  it("gives back what it signed, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.string({ unit: "grapheme" })), (payload, context) => {
        expect(invitations.verify(invitations.sign(payload, { ...HOUR, context }), { context })).toBe(payload);
      }),
    );
  });

  it("makes a text that survives URLs, cookies and forms unescaped", () => {
    const text = invitations.sign("ä&=;\n\0😀", HOUR);
    expect(encodeURIComponent(text)).toBe(text);
    expect(text).toMatch(/^v1\.invitation\.k1\.[0-9]+\.[\w-]+\.[\w-]{43}$/u);
  });

  it("signs by HMAC-SHA-256 over length-prefixed fields, so that another program can verify", () => {
    const text = signer({ keys, purpose: "invitation", now: at(1000) }).sign("abc", { ...HOUR, context: "t1" });
    const master = Buffer.from(first.slice(3), "base64url");
    const key = Buffer.from(hkdfSync("sha256", master, "", "glacis/v1/signing/invitation", 32));
    const fields = ["v1", "invitation", "k1", "4600", "YWJj", "t1"];
    const bytes = fields.map((field) => `\0\0\0${String.fromCharCode(field.length)}${field}`).join("");
    const expected = createHmac("sha256", key).update(`\0\0\0\x06${bytes}`).digest("base64url");
    expect(text).toBe(`v1.invitation.k1.4600.YWJj.${expected}`);
  });

  it("refuses a text in which any one character was changed, dropped or added", () => {
    const text = invitations.sign("user-7", HOUR);
    for (let index = 0; index < text.length; index += 1) {
      const [before, after] = [text.slice(0, index), text.slice(index + 1)];
      for (const other of ["A", "B", "0", "1", "z", "-", "_", ".", "=", " ", ""]) {
        if (other === text[index]) continue;
        expect(invitations.verify(before + other + after)).toBeUndefined();
        expect(invitations.verify(before + other + text.slice(index))).toBe(other === "" ? "user-7" : undefined);
      }
    }
  });

  it("refuses a value of another purpose, even with its name rewritten", () => {
    const text = signer({ keys, purpose: "reset" }).sign("user-7", HOUR);
    expect(invitations.verify(text)).toBeUndefined();
    expect(invitations.verify(text.replace(".reset.", ".invitation."))).toBeUndefined();
  });

  it.each<[SigningContext | undefined, SigningContext | undefined]>([
    ["t1", "t2"],
    ["t1", undefined],
    [undefined, "t1"],
    [undefined, ""],
    [
      ["a", "bc"],
      ["ab", "c"],
    ],
    [["a"], ["a", ""]],
    [
      ["t1", "u1"],
      ["u1", "t1"],
    ],
    ["a,b", ["a", "b"]],
  ])("refuses a value signed in context %j when asked in %j", (context, other) => {
    const text = invitations.sign("x", { ...HOUR, ...(context !== undefined && { context }) });
    expect(invitations.verify(text, other === undefined ? {} : { context: other })).toBeUndefined();
    expect(invitations.verify(text, context === undefined ? {} : { context })).toBe("x");
  });

  it("ends at its expiry to the second, or as much later as the skew says", () => {
    const text = signer({ keys, purpose: "link", now: at(1000) }).sign("x", { expiresInSeconds: 60 });
    const valid = (seconds: number, clockSkewSeconds: number): boolean =>
      signer({ keys, purpose: "link", clockSkewSeconds, now: at(seconds) }).verify(text) === "x";
    expect([valid(1059.999, 0), valid(1060, 0), valid(1064.999, 5), valid(1065, 5)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it("fails closed when the clock is broken", () => {
    const text = invitations.sign("x", HOUR);
    expect(signer({ keys, purpose: "invitation", now: at(Number.POSITIVE_INFINITY) }).verify(text)).toBeUndefined();
    expect(signer({ keys, purpose: "invitation", now: () => Number.NaN }).verify(text)).toBeUndefined();
    for (const ms of [Number.NaN, -1e9, 1e18])
      expect(() => signer({ keys, purpose: "invitation", now: () => ms }).sign("x", HOUR), String(ms)).toThrow(
        /clock/u,
      );
  });

  it("keeps verifying through a rotation, signs with the new key, and ends with the removal of the old one", () => {
    const text = invitations.sign("x", HOUR);
    const both = signer({ keys: keyRing(`${newKey("k2")},${first}`), purpose: "invitation" });
    expect(both.verify(text)).toBe("x");
    expect(both.sign("x", HOUR)).toContain(".k2.");
    expect(signer({ keys: keyRing(newKey("k2")), purpose: "invitation" }).verify(text)).toBeUndefined();
    expect(signer({ keys: keyRing(newKey("k1")), purpose: "invitation" }).verify(text)).toBeUndefined();
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["a list", ["v1"]],
    ["an object that throws", new Proxy({}, { get: () => expect.unreachable() })],
    ["an empty text", ""],
    ["dots", "....."],
    ["another version", "v2.invitation.k1.9999999999.YQ.".padEnd(80, "A")],
    ["a name of the prototype", `v1.invitation.constructor.9999999999.YQ.${"A".repeat(43)}`],
    ["a MAC that is not ASCII", `v1.invitation.k1.9999999999.YQ.${"ä".repeat(43)}`],
    ["a megabyte", "v1.".padEnd(1_000_000, "A")],
  ])("answers %s with undefined", (_, text) => {
    expect(invitations.verify(text)).toBeUndefined();
  });

  it("refuses a context that cannot be bound, without throwing", () => {
    const text = invitations.sign("x", HOUR);
    for (const context of [null, 7, {}, [7], [undefined], "\ud800", "a".repeat(5000), Array(1025).fill(""), [["x"]]])
      expect(invitations.verify(text, { context: context as never })).toBeUndefined();
  });

  it("reads no payload beyond its limit, whoever signed it", () => {
    const payload = Buffer.from("a".repeat(20_000)).toString("base64url");
    const fields = ["v1", "invitation", "k1", "9999999999", payload];
    const { bytes } = keys.derive("signing/invitation").current;
    const mac = createHmac("sha256", bytes).update(lengthPrefixed(fields)).digest("base64url");
    expect(invitations.verify([...fields, mac].join("."))).toBeUndefined();
  });

  it("never throws and never accepts what it did not sign", () => {
    const genuine = invitations.sign("x", HOUR).split(".");
    const part = fc.oneof(fc.constantFrom(...genuine, "", "0", "00"), fc.string({ unit: "binary", maxLength: 60 }));
    const hostile = fc.oneof(
      fc.anything({ maxDepth: 1, maxKeys: 2 }),
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join(".")),
      fc.tuple(fc.nat(5), part).map(([index, text]) => genuine.with(index, text).join(".")),
    );
    fc.assert(
      fc.property(hostile, fc.anything({ maxDepth: 1, maxKeys: 2 }), (text, context) => {
        fc.pre(text !== genuine.join("."));
        const answers = [invitations.verify(text), invitations.verify(text, { context: context as never })];
        if (answers.some((answer) => answer !== undefined)) expect.fail("a forgery was accepted");
      }),
      { numRuns: RUNS },
    );
  }, 3_600_000);

  it("signs nothing that it could not give back, and nothing for longer than its limit", () => {
    for (const payload of [undefined, 7, "\ud800", "a".repeat(16_385), "ä".repeat(8193)])
      expect(() => invitations.sign(payload as never, HOUR)).toThrow(/payload/u);
    const most = "a".repeat(16_384);
    expect(invitations.verify(invitations.sign(most, HOUR))).toBe(most);
    for (const expiresInSeconds of [0, -1, 0.5, 86_401, Number.NaN, Number.POSITIVE_INFINITY, "60", undefined])
      expect(() => invitations.sign("x", { expiresInSeconds } as never)).toThrow(/expiresInSeconds/u);
    for (const context of [null, "\ud800", "a".repeat(4097), Array(1025).fill("")])
      expect(() => invitations.sign("x", { ...HOUR, context: context as never })).toThrow(/context/u);
    expect(() => invitations.sign("x", { ...HOUR, contxt: "t" } as never)).toThrow(/Did you mean "context"/u);
  });

  it.each([
    [{ purpose: "" }, /purpose/u],
    [{ purpose: "a.b" }, /purpose/u],
    [{ purpose: "Reset" }, /purpose/u],
    [{ purpose: "x", longestSeconds: 0 }, /longestSeconds/u],
    [{ purpose: "x", longestSeconds: 400 * 86_400 + 1 }, /longestSeconds/u],
    [{ purpose: "x", clockSkewSeconds: 301 }, /clockSkewSeconds/u],
    [{ purpos: "x" }, /Did you mean "purpose"/u],
  ])("refuses the options %j", (options, message) => {
    expect(() => signer({ keys, ...options } as never)).toThrow(message);
  });
});
