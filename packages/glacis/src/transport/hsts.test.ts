import { describe, expect, it } from "vitest";
import { hsts } from "./hsts.ts";

const production = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
} as const;

describe("hsts", () => {
  it("lasts two years and covers subdomains by default, without preload", () => {
    expect(hsts().headers?.[0]).toMatchObject({
      name: "strict-transport-security",
      value: "max-age=63072000; includeSubDomains",
      on: "https",
    });
  });

  it.each([
    [{ maxAge: 1 }, /Did you mean "maxAgeSeconds"/u],
    [{ includeSubdomains: true }, /Did you mean "includeSubDomains"/u],
    [{ maxAgeSeconds: 1.5 }, /whole number/u],
    [{ maxAgeSeconds: -1 }, /whole number/u],
    [{ preload: true, maxAgeSeconds: 300 }, /at least one year/u],
    [{ rampUntil: "soon" }, /date/u],
  ])("refuses %j at construction and says what to write instead", (options, message) => {
    expect(() => hsts(options)).toThrow(message);
  });

  it("finds a policy shorter than one year, unless a ramp is still running", () => {
    expect(
      hsts({ maxAgeSeconds: 300 })
        .check(production)
        .map(({ rule }) => rule.id),
    ).toEqual(["hsts/too-short"]);
    expect(hsts({ maxAgeSeconds: 300, rampUntil: "2026-12-24" }).check(production)).toEqual([]);
    expect(hsts({ maxAgeSeconds: 300, rampUntil: "2026-11-01" }).check(production)).toHaveLength(1);
  });

  it.each([
    ["absent", []],
    ["sent twice", ["max-age=63072000", "max-age=63072000"]],
    ["joined by a comma", ["max-age=63072000, max-age=1"]],
    ["with a repeated directive", ["max-age=63072000; max-age=1"]],
    ["without max-age", ["includeSubDomains"]],
  ])("does not accept a header that is %s", (_, values) => {
    const headers = values.map((value) => ["strict-transport-security", value] as const);
    const findings = hsts().observe?.({ url: "https://app.test/", scheme: "https", status: 200, headers });
    expect(findings?.map(({ rule }) => rule.id)).toEqual(["hsts/unreadable"]);
  });

  it("keeps the application's own header when it promises more, and replaces it when it promises less", () => {
    const reconcile = hsts().headers?.[0]?.reconcile;
    const ours = "max-age=63072000; includeSubDomains";
    expect(reconcile?.("max-age=99999999; includeSubDomains", ours)).toBe("max-age=99999999; includeSubDomains");
    expect(reconcile?.("max-age=60", ours)).toBe(ours);
    expect(reconcile?.("nonsense", ours)).toBe(ours);
  });
});
