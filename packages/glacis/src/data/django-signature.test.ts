import { createHash, createHmac } from "node:crypto";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { djangoVerifier, type DjangoVerifierOptions } from "./django-signature.ts";

const SECRET = "a secret of the application before the move";
const SALT = "newsletter.unsubscribe";
const NOW = 1_700_000_000;

/** Django's construction, written down a second time. */
function djangoSigned(value: string, { secret = SECRET, salt = SALT, separator = ":" } = {}): string {
  const key = createHash("sha256")
    .update(Buffer.from(`${salt}signer`))
    .update(Buffer.from(secret))
    .digest();
  return `${value}${separator}${createHmac("sha256", key).update(value).digest("base64url")}`;
}

const old = djangoVerifier({ secretKeys: [SECRET], salt: SALT, now: () => NOW * 1000 });
const DAY = { maxAgeSeconds: 86_400 };

describe("djangoVerifier", () => {
  it("reads any value, separators in it included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        expect(old.unsign(djangoSigned(value))).toBe(value);
      }),
    );
  });

  it("refuses another salt, another secret and a changed value, and reads fallbacks", () => {
    expect(old.unsign(djangoSigned("x", { salt: "other" }))).toBeUndefined();
    expect(old.unsign(djangoSigned("x", { secret: "other" }))).toBeUndefined();
    expect(old.unsign(djangoSigned("x").replace("x", "y"))).toBeUndefined();
    const both = djangoVerifier({ secretKeys: ["new", SECRET], salt: SALT });
    expect(both.unsign(djangoSigned("x"))).toBe("x");
    expect(djangoVerifier({ secretKeys: [Buffer.from(SECRET)], salt: SALT }).unsign(djangoSigned("x"))).toBe("x");
  });

  it("reads a time, and refuses what is older, what has none and what has none that is one", () => {
    const timed = djangoSigned("x:1r31eq");
    expect(old.unsignTimed(timed, { maxAgeSeconds: 0 })).toBe("x");
    const later = djangoVerifier({ secretKeys: [SECRET], salt: SALT, now: () => (NOW + 11) * 1000 });
    expect(later.unsignTimed(timed, { maxAgeSeconds: 11 })).toBe("x");
    expect(later.unsignTimed(timed, { maxAgeSeconds: 10 })).toBeUndefined();
    for (const value of ["x", "x:", "x:-1", "x:1r31eq!", "x:zzzzzzzzz", "x:ä"])
      expect(later.unsignTimed(djangoSigned(value), DAY)).toBeUndefined();
    expect(old.unsignTimed(timed, { maxAgeSeconds: Number.NaN })).toBeUndefined();
    expect(old.unsignTimed(timed, {} as never)).toBeUndefined();
  });

  it("inflates a signed payload within bounds", () => {
    const loads = (json: string): unknown =>
      old.loads(djangoSigned(`.${deflateSync(json).toString("base64url")}:1r31eq`), DAY);
    expect(loads('{"a":[1,2]}')).toEqual({ a: [1, 2] });
    expect(loads(JSON.stringify("a".repeat(2_000_000)))).toBeUndefined();
  });

  it("reads no payload that is cut in the middle of a byte", () => {
    expect(old.loads(djangoSigned("InhhIg:1r31eq"), DAY)).toBe("xa");
    for (const payload of ["MTIzA", "Inhh Ig", "InhhIg=", "InhhIg\n", "..InhhIg", ".InhhIg"])
      expect(old.loads(djangoSigned(`${payload}:1r31eq`), DAY), payload).toBeUndefined();
  });

  it("reads no integer that would become another one, such as the account of somebody else", () => {
    const loads = (json: string): unknown =>
      old.loads(djangoSigned(`${Buffer.from(json).toString("base64url")}:1r31eq`), DAY);
    expect(loads('{"account":9007199254740991,"text":"9007199254740993"}')).toEqual({
      account: 9_007_199_254_740_991,
      text: "9007199254740993",
    });
    expect(loads('{"account":9007199254740993}')).toBeUndefined();
    expect(loads("-18446744073709551615")).toBeUndefined();
    for (const json of ["NaN", "Infinity", "[1,]", "{'a':1}", '"a\n"', ""]) expect(loads(json)).toBeUndefined();
  });

  it("never throws and never accepts a forgery", () => {
    const genuine = djangoSigned("bm90anNvbg:1r31eq");
    const hostile = fc.oneof(
      fc.anything({ maxDepth: 1, maxKeys: 2 }),
      fc.string({ unit: "binary" }),
      fc
        .tuple(fc.nat(genuine.length - 1), fc.string({ unit: "binary", minLength: 1, maxLength: 1 }))
        .map(([index, other]) => genuine.slice(0, index) + other + genuine.slice(index + 1)),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        fc.pre(text !== genuine);
        expect([old.unsign(text), old.unsignTimed(text, DAY), old.loads(text, DAY)]).toEqual(Array(3).fill(undefined));
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 300) },
    );
    expect(old.loads(genuine, DAY)).toBeUndefined();
    expect(old.unsign(djangoSigned("\ud800"))).toBeUndefined();
    expect(old.unsign(djangoSigned("a".repeat(70_000)))).toBeUndefined();
  }, 3_600_000);

  it.each([
    [{ secretKeys: [] }, /secretKeys/u],
    [{ secretKeys: [""] }, /secretKeys/u],
    [{ secretKeys: [new Uint8Array()] }, /secretKeys/u],
    [{ secretKeys: SECRET }, /secretKeys/u],
    [{ salt: "" }, /salt/u],
    [{ separator: "" }, /separator/u],
    [{ separator: "-" }, /separator/u],
    [{ algorithm: "sha1" }, /sha256/u],
    [{ algorithm: "md5" }, /sha256/u],
    [{ sep: ":" }, /Did you mean "separator"/u],
  ])("refuses the options %j", (options, message) => {
    expect(() => djangoVerifier({ secretKeys: [SECRET], salt: SALT, ...options } as never)).toThrow(message);
  });
});

interface SigningCase {
  readonly id: string;
  readonly fn: string;
  readonly signer?: string;
  readonly key?: string | { readonly latin1: string };
  readonly fallback_keys?: readonly string[];
  readonly sep?: string | null;
  readonly salt?: string | null;
  readonly algorithm?: string;
  readonly value?: unknown;
  readonly object?: unknown;
  readonly now?: number;
  readonly max_age?: number | null;
  readonly result?: unknown;
  readonly raises?: string;
}

/** Kinds that have no counterpart here, and why. */
const NOT_OURS: Readonly<Record<string, string>> = {
  b62_encode: "an inner codec of making signatures, which we do not; reading it is covered by every timed case",
  int_to_base36: "a codec of password reset links, which are database tokens here",
  base36_to_int: "a codec of password reset links, which are database tokens here",
  salted_hmac: "an inner function; key derivation is covered by every other case",
  signed_cookie: "signed cookies are not read: sessions are in the store, and people sign in again after the move",
  read_signed_cookie: "signed cookies are not read",
};

/** SHA-1 and MD5 are no approved algorithms. */
const isRefusedAlgorithm = ({ algorithm = "sha256" }: SigningCase): boolean => /^(?:sha1|md5)$/u.test(algorithm);

const vectors = loadVectors<SigningCase>("signing");

describe.runIf(vectors !== undefined)("what Django signed", () => {
  const cases = (vectors?.cases ?? []).filter(({ fn }) => NOT_OURS[fn] === undefined);

  it("is mostly ours to read", () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  it.each(cases.map((entry) => [entry.id, entry] as const))("%s", (_, entry) => {
    if (isRefusedAlgorithm(entry) || (entry.fn === "sign" && entry.raises !== undefined))
      return expect(() => verifierOf(entry)).toThrow(TypeError);
    const text = entry.fn === "sign" || entry.fn === "dumps" ? entry.result : entry.value;
    const expected = { sign: entry.value, dumps: entry.object }[entry.fn] ?? entry.result;
    return expect(read(entry, text)).toEqual(entry.raises === undefined ? expected : undefined);
  });
});

function verifierOf(entry: SigningCase): ReturnType<typeof djangoVerifier> {
  const key = typeof entry.key === "object" ? Buffer.from(entry.key.latin1, "latin1") : (entry.key ?? "");
  return djangoVerifier({
    secretKeys: [key, ...(entry.fallback_keys ?? [])],
    salt: entry.salt ?? `django.core.signing.${entry.signer ?? ""}`,
    separator: entry.sep ?? ":",
    algorithm: (entry.algorithm ?? "sha256") as NonNullable<DjangoVerifierOptions["algorithm"]>,
    now: () => (entry.now ?? 0) * 1000,
  });
}

function read(entry: SigningCase, text: unknown): unknown {
  const age = { maxAgeSeconds: entry.max_age ?? Number.POSITIVE_INFINITY };
  const verifier = verifierOf(entry);
  if (entry.fn === "dumps" || entry.fn === "loads") return verifier.loads(text, age);
  return entry.signer === "TimestampSigner" ? verifier.unsignTimed(text, age) : verifier.unsign(text);
}
