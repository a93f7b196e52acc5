import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { Secret } from "../core/secret.ts";
import { redactFields } from "./redact-fields.ts";

interface Case {
  readonly id: string;
  readonly key?: string | number;
  readonly value?: unknown;
  readonly credentials?: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

const vectors = loadVectors<Case>("redaction");

/** Where more is hidden here than in the recorded program: a password in an address, and names that it does not know. */
function isHiddenHere({ key, value, result }: Case): boolean {
  if (result === STARS) return false;
  const name = String(key ?? "");
  return (
    /:\/\/[^/\s"]*:[^/\s"]*@/u.test(JSON.stringify(value) ?? "") ||
    /credit_?card|\bssn\b|credential|private|pwd|cookies?$/iu.test(name)
  );
}
const STARS = "*".repeat(20);

describe.runIf(vectors !== undefined)("redactFields, recorded cases", () => {
  const expected = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(STARS, "[redacted]"));

  it.each(vectors?.cases ?? [])("$id", (one) => {
    const { key, value, credentials, result } = one;
    const field = String(key);
    const given = credentials ?? { [field]: value };
    const wanted = credentials === undefined ? { [field]: result } : result;
    const redacted = redactFields(given, { keys: ["djangosession"] });
    if (isHiddenHere(one)) expect(redacted).not.toEqual(expected(wanted));
    else expect(redacted).toEqual(expected(wanted));
  });
});

describe("redactFields", () => {
  it("hides by name at any depth, in maps, sets, lists and the causes of errors", () => {
    const error = new Error("failed for anna@example.com", { cause: { apiKey: "hunter2" } });
    const given = {
      a: [{ Password: "hunter2" }],
      map: new Map<unknown, unknown>([
        ["x-auth", "hunter2"],
        [{ token: "hunter2" }, 1],
      ]),
      set: new Set([{ "set-cookie": "hunter2" }]),
      error,
      url: new URL("https://u:hunter2@example.com/?q=hunter2"),
      secret_value: { nested: "hunter2" },
    };
    const text = inspect(redactFields(given), { depth: 20 });
    expect(text).not.toMatch(/hunter2|anna@/u);
    expect(text).toContain("[email]");
  });

  it.each<readonly [string, unknown]>([
    ["the value of a named pair", { name: "Authorization", value: "hunter2" }],
    [
      "tags and parameters",
      [
        { Key: "DbPassword", Value: "hunter2" },
        { ParameterKey: "p/token", ParameterValue: "hunter2" },
      ],
    ],
    [
      "what validators say of a field",
      [
        { type: "field", path: "password", value: "hunter2", location: "body" },
        { property: "password", value: "hunter2" },
        { path: ["user", "password"], input: "hunter2" },
        { path: "user.password", value: "hunter2", params: { path: "password", originalValue: "hunter2" } },
        { instancePath: "/user/password", data: "hunter2" },
        { fieldname: "password", value: "hunter2" },
      ],
    ],
    ["raw headers", { rawHeaders: ["Host", "x", "Authorization", "hunter2"] }],
    ["entries", [["password", "hunter2"]]],
    ["a body as text", { body: '{"password":"hunter2"}' }],
    ["a form as text", { body: "user=x&password=hunter2" }],
    ["a name in full width", { ｐａｓｓｗｏｒｄ: "hunter2" }],
    ["a name with a mark that nobody sees", { "pass\u200bword": "hunter2" }],
    [
      "short names",
      [{ pin: "hunter2" }, { otp: "hunter2" }, { jwt: "hunter2" }, { sid: "hunter2" }, { pw: "hunter2" }],
    ],
    ["bytes", { body: Buffer.from("hunter2"), view: new DataView(new TextEncoder().encode("hunter2").buffer) }],
    [
      "bytes of any kind",
      { a: new Uint16Array(Buffer.from("hunter2")), b: new Uint8Array(Buffer.from("hunter2")).buffer },
    ],
    ["bytes that were JSON", { body: JSON.parse(JSON.stringify(Buffer.from("hunter2"))) as unknown }],
    ["headers as a gateway names them", { HTTP_COOKIE: "hunter2", HTTP_COOKIE_RAW: "hunter2" }],
    ["more names", [{ recoveryCode: "hunter2" }, { backup_codes: ["hunter2"] }, { accountNumber: "hunter2" }]],
    [
      "symbols, prototypes, getters and toJSON",
      [
        { [Symbol("password")]: "hunter2" },
        Object.create({ password: "hunter2" }),
        new (class {
          get password() {
            return "hunter2";
          }
          toJSON() {
            return { note: "hunter2" };
          }
        })(),
      ],
    ],
    ["errors of a client", Object.assign(new Error("x"), { config: { headers: { Authorization: "hunter2" } } })],
    ["errors in an error", new AggregateError([new Error("password=hunter2")], "several")],
    ["a boxed text", new String("password=hunter2")],
    ["headers and parameters", { a: new Headers({ cookie: "a=hunter2" }), b: new URLSearchParams("password=hunter2") }],
  ])("hides %s", (_, given) => {
    const redacted = redactFields(given);
    expect(inspect(redacted, { depth: 20, showHidden: true })).not.toContain("hunter2");
    expect(JSON.stringify(redacted)).not.toContain("hunter2");
  });

  it("keeps what stands beside names and paths of something else", () => {
    const given = [
      { path: "/api/documents", data: { title: "x" }, value: 1 },
      { name: "colour", value: "red", input: "x" },
      { name: "api", data: "x" },
      { path: ["name"], input: "x", value: "x" },
      { valued: "x", path: "token" },
    ];
    expect(redactFields(given)).toEqual(given);
  });

  it("keeps the errors of an error, cleaned", () => {
    const text = JSON.stringify(redactFields(new AggregateError([new Error("first password=hunter2")], "several")));
    expect(text).toContain("first password=[redacted]");
    expect(text).not.toContain("hunter2");
  });

  it("shows no bytes of a buffer as numbers", () => {
    expect(redactFields([Buffer.from("hunter2").toJSON(), new Float64Array([104])])).toEqual(["[bytes]", "[bytes]"]);
  });

  it("hides card numbers that are numbers", () => {
    expect(redactFields({ a: 4_111_111_111_111_111, b: 4_111_111_111_111_111n, at: 1_764_158_400_000 })).toEqual({
      a: "[card]",
      b: "[card]",
      at: 1_764_158_400_000,
    });
  });

  it("takes names from the personal data map, whole and in any case", () => {
    expect(redactFields({ Email: "a", email_sent: "b" }, { keys: ["email"] })).toEqual({
      Email: "[redacted]",
      email_sent: "b",
    });
    expect(() => redactFields({}, { key: [] } as never)).toThrow(/Did you mean "keys"/u);
  });

  it("names what is circular, deep, much or unreadable, and shows no secret", () => {
    const circle: Record<string, unknown> = { n: 1n, at: new Date(0), bad: new Date(Number.NaN), f: () => 1 };
    circle["self"] = circle;
    expect(redactFields(circle)).toEqual({
      n: "1",
      at: "1970-01-01T00:00:00.000Z",
      bad: "[date]",
      f: "[function]",
      self: "[circular]",
    });
    let deep: unknown = "end";
    for (let level = 0; level < 40; level += 1) deep = { deep };
    expect(JSON.stringify(redactFields(deep))).toContain("[deep]");
    const trap = Object.defineProperty({}, "x", {
      enumerable: true,
      get() {
        throw new Error("no");
      },
    });
    expect(redactFields({ trap, s: new Secret("hunter2"), b: Buffer.from("hunter2") })).toEqual({
      trap: { x: "[unreadable]" },
      s: "[secret]",
      b: "[bytes]",
    });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(redactFields([proxy])).toEqual(["[unreadable]"]);
    expect((redactFields(Array.from({ length: 5000 }, () => 1)) as unknown[]).length).toBe(1000);
    expect((redactFields("a ".repeat(100_000)) as string).length).toBeLessThan(33_000);
  });

  it("copies twelve levels and ten thousand values, and keeps what is nothing", () => {
    const nested = (levels: number): unknown => (levels === 0 ? "end" : { at: nested(levels - 1) });
    expect(redactFields(nested(12))).toEqual(nested(12));
    expect(JSON.stringify(redactFields(nested(13)))).toMatch(/^(?:\{"at":){12}"\[deep\]"/u);
    const lists = Array.from({ length: 12 }, () => Array<number>(1000).fill(7));
    expect((redactFields(lists) as number[][]).flat()).toHaveLength(10_000 - lists.length);
    expect(redactFields({ none: null, absent: undefined, no: false })).toEqual({
      none: null,
      absent: undefined,
      no: false,
    });
  });

  it("never throws, never shows a value under a telling name, and leaves what it was given as it was", () => {
    fc.assert(
      fc.property(
        fc.object({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true }),
        (value) => {
          const given = { value, password: "hunter2-hunter2" };
          const before = inspect(given, { depth: 20 });
          expect(inspect(redactFields(given), { depth: 20 })).not.toContain("hunter2-hunter2");
          expect(inspect(given, { depth: 20 })).toBe(before);
        },
      ),
    );
  });
});
