import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import { hsts, type HstsOptions } from "./hsts.ts";

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
    [{ preload: "false" }, /needs preload as true or false/u],
    [{ includeSubDomains: "false" }, /needs includeSubDomains as true or false/u],
    [{ rampUntil: "soon" }, /date/u],
    [{ rampFrom: "1" }, /date/u],
    [{ rampUntil: "2027-02-30" }, /date/u],
    [{ rampFrom: "2026-11-26", preload: true }, /rampFrom alone/u],
    [{ rampFrom: "2026-11-26", rampUntil: "2026-12-26" }, /rampFrom alone/u],
  ])("refuses %j at construction and says what to write instead", (options, message) => {
    expect(() => hsts(options as HstsOptions)).toThrow(message);
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
    ["with half a pair of quotes", ['max-age="63072000; includeSubDomains']],
    ["without a number", ["max-age=1.5; includeSubDomains"]],
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
    expect(reconcile?.("max-age=99999999", ours)).toBe(ours);
    expect(reconcile?.("nonsense", ours)).toBe(ours);
  });

  it("leaves whether to be preloaded to one place", () => {
    const reconcile = hsts().headers?.[0]?.reconcile;
    const ours = "max-age=63072000; includeSubDomains";
    expect(reconcile?.("max-age=99999999; includeSubDomains; preload", ours)).toBe(ours);
    expect(reconcile?.("max-age=99999999; includeSubDomains", `${ours}; preload`)).toBe(`${ours}; preload`);
    // As long is as good: the application's own spelling stays.
    expect(reconcile?.(ours.toUpperCase(), ours)).toBe(ours.toUpperCase());
  });

  it("expects nothing over plain HTTP, where browsers would not look at it", () => {
    const response = { url: "http://app.test/", scheme: "http", status: 308, headers: [] } as const;
    expect(hsts().observe?.(response)).toEqual([]);
  });

  it("ramps up to what is asked for, and never beyond", () => {
    const value = hsts({ rampFrom: "2026-11-26", maxAgeSeconds: 86_400 }).headers?.[0]?.value;
    if (typeof value !== "function") throw new Error("a ramp depends on the time");
    const nowMs = Date.parse("2026-11-28");
    expect(value(sketchExchange({ nowMs }))).toBe("max-age=86400; includeSubDomains");
  });

  it.each([
    ["2026-11-26", 300],
    ["2026-11-27", 604_800],
    ["2026-12-03", 604_800],
    ["2026-12-04", 2_592_000],
    ["2027-01-02", 2_592_000],
    ["2027-01-03", 63_072_000],
  ])("ramps up by itself: on %s it lasts %i seconds, and neither check nor probe minds", (date, seconds) => {
    const nowMs = Date.parse(date);
    const control = hsts({ rampFrom: "2026-11-26" });
    const value = control.headers?.[0]?.value;
    if (typeof value !== "function") throw new Error("a ramp depends on the time");
    expect(value(sketchExchange({ nowMs }))).toBe(`max-age=${seconds}; includeSubDomains`);
    expect(control.check({ ...production, nowMs })).toEqual([]);
    const probe = (sent: string, at: number): number | undefined =>
      control.observe?.({
        url: "https://app.test/",
        scheme: "https",
        status: 200,
        headers: [
          ["date", new Date(at).toUTCString()],
          ["strict-transport-security", sent],
        ],
      }).length;
    expect(probe(`max-age=${seconds}; includeSubDomains`, nowMs)).toBe(0);
    expect(probe("max-age=60; includeSubDomains", nowMs)).toBe(1);
    expect(probe("max-age=2592000; includeSubDomains", Date.parse("2027-06-01"))).toBe(1);
  });

  it("does not let a ramp by hand contradict itself: what check accepts, a probe accepts at that time", () => {
    const control = hsts({ maxAgeSeconds: 300, includeSubDomains: false, rampUntil: "2026-12-24" });
    const sent = ["strict-transport-security", "max-age=300"] as const;
    const response = { url: "https://app.test/", scheme: "https", status: 200 } as const;
    expect(control.check(production)).toEqual([]);
    expect(control.observe?.({ ...response, headers: [sent, ["date", "Thu, 26 Nov 2026 00:00:00 GMT"]] })).toEqual([]);
    expect(control.observe?.({ ...response, headers: [sent] })).toHaveLength(2);
    expect(control.observe?.({ ...response, headers: [sent, ["date", "Fri, 25 Dec 2026 00:00:00 GMT"]] })).toHaveLength(
      2,
    );
  });

  it.each([
    ["max-age=31536000; preload", ["hsts/no-subdomains", "hsts/preload-unfit"]],
    ["max-age=31536000; includeSubDomains; preload", []],
    ['max-age="31536000"; includeSubDomains', []],
    ["max-age=31535999; includeSubDomains; preload", ["hsts/too-short", "hsts/preload-unfit"]],
  ])("finds in %s: %j", (value, ids) => {
    const headers = [["strict-transport-security", value]] as const;
    const findings = hsts().observe?.({ url: "https://app.example.com/", scheme: "https", status: 200, headers });
    expect(findings?.map(({ rule }) => rule.id)).toEqual(ids);
  });

  it("asks to be preloaded from one year on, and never without subdomains", () => {
    const year = { preload: true, maxAgeSeconds: 31_536_000 };
    expect(hsts(year).headers?.[0]?.value).toBe("max-age=31536000; includeSubDomains; preload");
    expect(() => hsts({ ...year, includeSubDomains: false })).toThrow(/includeSubDomains/u);
  });
});
