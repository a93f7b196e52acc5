import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control, Deployment } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import { compileHead } from "../core/head.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import type { Principal } from "../core/principal.ts";
import type { Layers } from "../core/security.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { dangerouslyAllowWhenStoreIsDown } from "./rate-limit-guard.ts";
import { memoryRateLimits } from "./rate-limit-memory.ts";
import { rateLimit, type IdentityRateLimitOptions, type RateLimit } from "./rate-limit.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

const ada: Principal = {
  kind: "user",
  id: "ada" as UserId,
  tenantId: "acme" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: NOW,
};
const bob: Principal = { ...ada, id: "bob" as UserId };
const robot: Principal = { kind: "service", id: "key-1", tenantId: "acme" as TenantId, roles: [] };

function limitBy(
  by: IdentityRateLimitOptions["by"],
  more: Partial<IdentityRateLimitOptions> = {},
): RateLimit<IdentifiedFacts> {
  return rateLimit({ name: "api", rates: "1/m", by, store: memoryRateLimits(), ...more });
}

/** Synchronous, or the test fails: a promise would cost every request something. */
function decideNow(control: RateLimit<IdentifiedFacts>, sketch: RequestSketch & { pattern?: string } = {}): Decision {
  const exchange = sketchExchange({ nowMs: NOW, ...sketch });
  exchange.pattern = sketch.pattern ?? "/things/:id";
  const decision = control.decide(exchange);
  if (decision instanceof Promise) throw new Error("The memory store must decide at once.");
  return decision;
}

function passes(control: RateLimit<IdentifiedFacts>, sketch: RequestSketch & { pattern?: string } = {}): boolean {
  return decideNow(control, sketch).kind === "allow";
}

describe("the guide's four samples", () => {
  it("limits sign-in attempts: key ip, 5/m, POST; the sixth is refused (guide A04)", () => {
    const login = rateLimit({
      name: "login",
      rates: "5/m",
      by: "client",
      methods: ["POST"],
      store: memoryRateLimits(),
    });
    const post = { method: "POST" };
    expect(Array.from({ length: 6 }, () => passes(login, post))).toEqual([true, true, true, true, true, false]);
    expect(passes(login, { method: "GET" })).toBe(true);
    expect(passes(login, { ...post, client: "192.0.2.2" })).toBe(true);
    expect(passes(login, { ...post, nowMs: NOW + 12_000 })).toBe(true);
  });

  it("limits by address: key ip, 100/h, GET", () => {
    const pages = rateLimit({
      name: "pages",
      rates: "100/h",
      by: "client",
      methods: ["GET"],
      store: memoryRateLimits(),
    });
    const outcomes = Array.from({ length: 101 }, () => passes(pages));
    expect(outcomes.indexOf(false)).toBe(100);
    expect(passes(pages, { method: "HEAD" })).toBe(false);
    expect(passes(pages, { method: "POST" })).toBe(true);
  });

  it("limits by user: key user, 1000/d, GET and POST", () => {
    const user = limitBy("user", { rates: "1000/d", methods: ["GET", "POST"] });
    const outcomes = Array.from({ length: 1001 }, (_, index) =>
      passes(user, { principal: ada, method: index % 2 === 0 ? "GET" : "POST", client: `192.0.2.${index % 250}` }),
    );
    expect(outcomes.indexOf(false)).toBe(1000);
    expect(passes(user, { principal: bob })).toBe(true);
  });

  it("limits by API key, 10000/h, and answers get_usage without counting", async () => {
    const keys = limitBy("apiKey", { rates: "10000/h" });
    const exchange = sketchExchange({ nowMs: NOW, principal: robot });
    expect(await keys.usage(exchange)).toMatchObject({ limited: false, rates: [{ used: 0, remaining: 10_000 }] });
    for (let index = 0; index < 10_000; index += 1) void keys.decide(exchange);
    expect(await keys.usage(exchange)).toEqual({
      limited: true,
      retryAfterSeconds: 1,
      rates: [{ limit: 10_000, windowSeconds: 3600, used: 10_000, remaining: 0, resetSeconds: 3600 }],
    });
    expect(passes(keys, { principal: robot })).toBe(false);
  });
});

describe("the refusal", () => {
  const control = rateLimit({ name: "login", rates: ["5/m", "6/h"], by: "client", store: memoryRateLimits() });

  it("tells an allowed client where it stands", () => {
    expect(decideNow(control)).toMatchObject({
      kind: "allow",
      events: [],
      headers: [
        ["ratelimit-policy", '"login-60";q=5;w=60, "login-3600";q=6;w=3600'],
        ["ratelimit", '"login-60";r=4;t=12, "login-3600";r=5;t=600'],
      ],
    });
  });

  it("never promises a whole allowance before it is there", () => {
    const odd = rateLimit({ name: "odd", rates: "7/m", by: "client", store: memoryRateLimits() });
    expect(decideNow(odd)).toMatchObject({
      headers: [
        ["ratelimit-policy", '"odd";q=7;w=60'],
        ["ratelimit", '"odd";r=6;t=9'],
      ],
    });
  });

  it("says which limit, what is left and when to come back, and writes one event without personal data", () => {
    for (let index = 0; index < 4; index += 1) decideNow(control);
    expect(decideNow(control)).toMatchObject({
      kind: "deny",
      reason: "rate_limited",
      members: { limit: 5, remaining: 0 },
      headers: [
        ["retry-after", "12"],
        ["ratelimit-policy", '"login-60";q=5;w=60, "login-3600";q=6;w=3600'],
        ["ratelimit", '"login-60";r=0;t=60, "login-3600";r=1;t=3000'],
      ],
      events: [
        {
          event_type: "rate_limit",
          status: "refused",
          severity: "warning",
          event: "excess_rate_limit_exceeded",
          control: "rate-limit",
          reason: "rate_limited",
          detail: "login",
          limit: 5,
          count: 1,
        },
      ],
    });
  });

  it("names the rate that makes the client wait longest", () => {
    expect(decideNow(control, { nowMs: NOW + 12_000 }).kind).toBe("allow");
    expect(decideNow(control, { nowMs: NOW + 13_000 })).toMatchObject({
      members: { limit: 6, remaining: 0 },
      headers: [["retry-after", "587"], expect.anything(), expect.anything()],
    });
  });

  it("never says zero seconds, and is true: that much later the request passes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 0, max: 59_999 }),
        (limit, windowSeconds, laterMs) => {
          const some = rateLimit({
            name: "some",
            rates: { limit, windowSeconds },
            by: "client",
            store: memoryRateLimits(),
          });
          for (let index = 0; index < limit; index += 1) decideNow(some);
          const refused = decideNow(some, { nowMs: NOW + laterMs });
          if (refused.kind !== "deny") return;
          const seconds = Number(refused.headers.find(([name]) => name === "retry-after")?.[1]);
          expect(seconds).toBeGreaterThanOrEqual(1);
          expect(passes(some, { nowMs: NOW + laterMs + seconds * 1000 })).toBe(true);
        },
      ),
    );
  });

  it("takes nothing: a client that keeps knocking is not punished for it", () => {
    const some = limitBy("client", { rates: "2/m" });
    for (let index = 0; index < 100; index += 1) decideNow(some);
    expect(passes(some, { nowMs: NOW + 30_000 })).toBe(true);
  });

  it("does not let a flood of refusals flood the log, and counts what it leaves out", () => {
    const some = limitBy("client");
    const counts = (nowMs: number, times: number): (number | undefined)[] =>
      Array.from({ length: times }, () => decideNow(some, { nowMs }).events)
        .flat()
        .map(({ count }) => count);
    passes(some);
    expect(counts(NOW, 500)).toEqual(Array.from({ length: 10 }, () => 1));
    expect(counts(NOW + 1000, 2)).toEqual([491, 1]);
  });
});

describe("several limiters on one request", () => {
  it("all stand in the response's fields, the one that refused first", () => {
    const store = memoryRateLimits();
    const wide = rateLimit({ name: "wide", rates: "100/h", by: "client", store });
    const narrow = rateLimit({ name: "narrow", rates: "1/m", by: "client", store });
    const fieldsOf = (): readonly (string | undefined)[] => {
      const exchange = sketchExchange({ nowMs: NOW });
      const refusal: Record<string, string> = {};
      for (const control of [wide, narrow]) {
        const decision = decideNow(control, { nowMs: NOW });
        if (decision.kind === "allow") exchange.addResponseHeaders(decision.headers);
        if (decision.kind === "deny") Object.assign(refusal, Object.fromEntries(decision.headers));
      }
      const draft = sketchResponse({ status: 200, headers: refusal });
      compileHead([], () => undefined)(exchange, draft);
      return [draft.get("ratelimit"), draft.get("ratelimit-policy")];
    };
    expect(fieldsOf()).toEqual(['"wide";r=99;t=36, "narrow";r=0;t=60', '"wide";q=100;w=3600, "narrow";q=1;w=60']);
    expect(fieldsOf()).toEqual(['"narrow";r=0;t=60, "wide";r=98;t=72', '"narrow";q=1;w=60, "wide";q=100;w=3600']);
  });
});

describe("by", () => {
  it("joins the addresses of one IPv6 /64, and mapped IPv4 with IPv4, and nothing else", () => {
    const some = limitBy("client");
    expect(passes(some, { client: "2001:db8:1:2::1" })).toBe(true);
    expect(passes(some, { client: "2001:db8:1:2:ffff::9" })).toBe(false);
    expect(passes(some, { client: "2001:db8:1:3::1" })).toBe(true);
    expect(passes(some, { client: "::ffff:192.0.2.9" })).toBe(true);
    expect(passes(some, { client: "192.0.2.9" })).toBe(false);
    expect(passes(some, { client: "::ffff:192.0.2.10" })).toBe(true);
  });

  it("gives a verified key an allowance of its own, and an invented one nothing", () => {
    const some = limitBy("apiKey");
    expect(passes(some, { principal: robot })).toBe(true);
    expect(passes(some, { principal: robot, client: "192.0.2.77" })).toBe(false);
    const invented = (value: string): RequestSketch => ({
      headers: { "x-api-key": value, authorization: `Bearer ${value}` },
    });
    expect(passes(some, invented("one"))).toBe(true);
    for (const value of ["two", "three", "key-1", ""]) expect(passes(some, invented(value))).toBe(false);
    expect(passes(some, { principal: ada })).toBe(false);
  });

  it("counts strangers by address where users and tenants are counted, never all together", () => {
    for (const by of ["user", "tenant", "principal", "apiKey"] as const) {
      const some = limitBy(by);
      expect(passes(some, { client: "192.0.2.1" })).toBe(true);
      expect(passes(some, { client: "192.0.2.1" })).toBe(false);
      expect(passes(some, { client: "192.0.2.2" })).toBe(true);
    }
  });

  it("counts a tenant's users and keys together, and tenants apart", () => {
    const some = limitBy("tenant");
    expect(passes(some, { principal: ada })).toBe(true);
    expect(passes(some, { principal: bob })).toBe(false);
    expect(passes(some, { principal: robot })).toBe(false);
    expect(passes(some, { principal: { ...ada, tenantId: "other" as TenantId } })).toBe(true);
  });

  it("counts a route by its pattern, for everybody or beside another dimension", () => {
    const everybody = limitBy("route");
    expect(passes(everybody, { target: "/things/1", client: "192.0.2.1" })).toBe(true);
    expect(passes(everybody, { target: "/things/2", client: "192.0.2.2" })).toBe(false);
    expect(passes(everybody, { pattern: "/others" })).toBe(true);
    const each = limitBy(["route", "client"]);
    expect(passes(each, { client: "192.0.2.1" })).toBe(true);
    expect(passes(each, { client: "192.0.2.2" })).toBe(true);
    expect(passes(each, { client: "192.0.2.2" })).toBe(false);
    expect(passes(each, { client: "192.0.2.2", pattern: "/others" })).toBe(true);
  });

  it("never gives two different subjects one text, whatever stands in their ids", () => {
    const text = fc.string({ maxLength: 8, unit: fc.constantFrom("1", "2", ":", "u", "s", "t", "r", "c", "\n") });
    fc.assert(
      fc.property(text, text, text, text, (id, pattern, otherId, otherPattern) => {
        fc.pre(id !== otherId || pattern !== otherPattern);
        const some = limitBy(["user", "route"]);
        passes(some, { principal: { ...ada, id: id as UserId }, pattern });
        expect(passes(some, { principal: { ...ada, id: otherId as UserId }, pattern: otherPattern })).toBe(true);
      }),
    );
  });

  it("takes a function, folds the spellings of one name, and counts by address when it returns nothing", () => {
    let name: string | undefined;
    const some = rateLimit({ name: "reset", rates: "1/h", by: () => name, store: memoryRateLimits() });
    name = "Zo\u00eb@Example.com";
    expect(passes(some)).toBe(true);
    for (name of ["zoe\u0308@example.com", " ZO\u00cb@EXAMPLE.COM ", "zo\u00eb@example.com"])
      expect(passes(some)).toBe(false);
    // A J with a caron has no letter of its own, a j with one has: it is composed once it is small.
    name = "J\u030can@example.com";
    expect(passes(some)).toBe(true);
    name = "\u01f0an@example.com";
    expect(passes(some)).toBe(false);
    for (name of [undefined, ""]) expect(passes(some, { client: `198.51.100.${name === "" ? 1 : 2}` })).toBe(true);
    expect(passes(some, { client: "198.51.100.1" })).toBe(false);
  });

  it("throws when the function returns something else, so that the request is refused", () => {
    const some = rateLimit({ name: "x", rates: "1/h", by: () => 5 as unknown as string, store: memoryRateLimits() });
    expect(() => some.decide(sketchExchange())).toThrow(/must return a text/u);
  });

  it("does not fit a slot in which nobody is identified yet", () => {
    const perClient: Control = rateLimit({ name: "a", rates: "1/m", by: "client", store: memoryRateLimits() });
    const perUser = rateLimit({ name: "b", rates: "1/m", by: "user", store: memoryRateLimits() });
    const perOwn = rateLimit({
      name: "c",
      rates: "1/m",
      by: (facts: IdentifiedFacts) => facts.pattern,
      store: memoryRateLimits(),
    });
    const perHost: Control = rateLimit({
      name: "d",
      rates: "1/m",
      by: (facts: RequestFacts) => facts.authority,
      store: memoryRateLimits(),
    });
    const good: Pick<Layers, "network" | "authentication"> = {
      network: [perClient, perHost],
      authentication: [perClient, perUser, perOwn],
    };
    const bad: Pick<Layers, "network"> = {
      // @ts-expect-error a per-user limit before authentication
      network: [perUser],
    };
    const alsoBad: Pick<Layers, "network"> = {
      // @ts-expect-error a function over the principal or the route before authentication
      network: [perOwn],
    };
    expect([good, bad, alsoBad].every(({ network }) => network.length > 0)).toBe(true);
  });
});

describe("tiers", () => {
  it("gives strangers, users and keys rates of their own in one limiter", () => {
    const some = limitBy("principal", { rates: { anonymous: "1/m", user: "2/m", service: "3/m" } });
    const passed = (principal?: Principal): number =>
      Array.from({ length: 5 }, () => passes(some, principal === undefined ? {} : { principal })).filter(Boolean)
        .length;
    expect([passed(), passed(ada), passed(robot)]).toEqual([1, 2, 3]);
  });
});

describe("cost", () => {
  it("takes more for what costs more, nothing for what is free, and never a part", () => {
    const some = rateLimit({
      name: "search",
      rates: "10/m",
      by: "client",
      cost: (facts) => Number(facts.query),
      store: memoryRateLimits(),
    });
    const spend = (cost: number): boolean => passes(some, { target: `/?${cost}` });
    expect([spend(7), spend(4), spend(3), spend(1), spend(0)]).toEqual([true, false, true, false, true]);
    expect(decideNow(some, { target: "/?11", client: "192.0.2.2" })).toMatchObject({
      kind: "deny",
      headers: [["retry-after", "60"], expect.anything(), expect.anything()],
    });
    expect(spend(Number.MAX_SAFE_INTEGER)).toBe(false);
    for (const cost of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => spend(cost)).toThrow(/whole number/u);
  });
});

describe("dryRun", () => {
  it("counts and reports but refuses nothing and shows the client nothing", async () => {
    const some = limitBy("client", { dryRun: true });
    expect(decideNow(some)).toEqual({ kind: "allow", headers: [], events: [] });
    expect(decideNow(some)).toMatchObject({
      kind: "allow",
      headers: [],
      events: [{ event: "excess_rate_limit_exceeded", status: "observed", limit: 1 }],
    });
    expect(await some.usage(sketchExchange({ nowMs: NOW }))).toMatchObject({ limited: true });
  });
});

describe("at construction", () => {
  const store = memoryRateLimits();
  it.each([
    [{ rates: undefined }, /needs rates/u],
    [{ rates: [] }, /at least one rate/u],
    [{ rates: "5/week" }, /not a rate/u],
    [{ rate: "5/m" }, /Did you mean "rates"/u],
    [{ name: "Login" }, /lower-case/u],
    [{ name: 'a";q=1' }, /lower-case/u],
    [{ name: "a".repeat(49) }, /lower-case/u],
    [{ by: "ip" }, /cannot count by "ip"/u],
    [{ by: "header:x-api-key" }, /use apiKey/u],
    [{ by: "toString" }, /cannot count by/u],
    [{ by: [] }, /list of different dimensions/u],
    [{ by: ["client", "client"] }, /list of different dimensions/u],
    [{ by: undefined }, /list of different dimensions/u],
    [{ methods: [] }, /leave it out/u],
    [{ methods: "POST" }, /methods as a list/u],
    [{ methods: ["PO ST"] }, /methods as a list/u],
    [{ cost: 0 }, /from 1 to its smallest limit, 5/u],
    [{ cost: 6 }, /from 1 to its smallest limit, 5/u],
    [{ cost: 1.5 }, /whole number/u],
    [{ store: undefined }, /needs a store/u],
    [{ whenStoreDown: "allow" }, /"local" or "refuse"/u],
    [{ rates: { anonymous: "5/m", user: "6/m", services: "7/m" } }, /Did you mean "service"/u],
    [{ rates: { anonymous: "5/m", user: "6/m" } }, /A rate is a text/u],
  ])("refuses %j with the correction", (options, message) => {
    expect(() => rateLimit({ name: "x", rates: "5/m", by: "client", store, ...options } as never)).toThrow(message);
  });
});

describe("check", () => {
  const production = (variables: Record<string, string> = {}): Deployment => ({
    mode: "production",
    nodeVersion: "22.0.0",
    variables: new Map(Object.entries(variables)),
    nodeOptions: [],
    nowMs: NOW,
  });
  const ids = (control: Control<never>, deployment: Deployment): string[] =>
    control.check(deployment).map(({ rule }) => rule.id);
  const shared = {
    kind: "custom",
    shared: true,
    open: () => memoryRateLimits().open({ name: "x", methods: [], allowances: [] }),
  };

  it("finds nothing in an ordinary limiter", () => {
    expect(ids(limitBy("client"), production())).toEqual([]);
    expect(ids(limitBy("client"), production({ WEB_CONCURRENCY: "1" }))).toEqual([]);
  });

  it.each([
    { GLACIS_INSTANCES: "2" },
    { WEB_CONCURRENCY: "4" },
    { GLACIS_INSTANCES: "many" },
    { AWS_LAMBDA_FUNCTION_NAME: "f" },
    { K_SERVICE: "s" },
  ])("finds a memory store where %j says that several instances run", (variables) => {
    expect(ids(limitBy("client"), production(variables))).toEqual(["rate-limit-atomicity/store-per-process"]);
    expect(ids(limitBy("client"), { ...production(variables), mode: "development" })).toEqual([]);
  });

  it("finds a trial in production, and an open door in any mode", () => {
    expect(ids(limitBy("client", { dryRun: true }), production())).toEqual(["rate-limit/dry-run"]);
    expect(ids(limitBy("client", { dryRun: true }), { ...production(), mode: "test" })).toEqual([]);
    const open = limitBy("client", { store: shared, whenStoreDown: dangerouslyAllowWhenStoreIsDown });
    expect(ids(open, production())).toEqual(["rate-limit/fails-open"]);
    expect(ids(open, { ...production(), mode: "development" })).toEqual(["rate-limit/fails-open"]);
  });

  it("finds a function that counts by what a client can make up", () => {
    const by = [
      (facts: IdentifiedFacts) => facts.header("x-api-key"),
      (facts: IdentifiedFacts) => facts.cookies.get("id"),
      (facts: IdentifiedFacts) => facts["query"],
    ];
    for (const one of by) expect(ids(limitBy(one), production())).toEqual(["rate-limit/unverified-key"]);
    expect(
      ids(
        limitBy((facts: IdentifiedFacts) => facts.session?.id),
        production(),
      ),
    ).toEqual([]);
  });
});

describe("observe", () => {
  const control = limitBy("client", { rates: ["2/m", "3/h"] });
  const observe = (status: number, headers: readonly (readonly [string, string])[]): string[] =>
    (control.observe?.({ url: "https://app.test/", scheme: "https", status, headers }) ?? []).map(
      ({ rule }) => rule.id,
    );

  it("accepts whatever the control itself sends", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 12 }), (times) => {
        const some = limitBy("client", { rates: ["2/m", "3/h"] });
        for (const after of times) {
          const decision = decideNow(some, { nowMs: NOW + after });
          if (decision.kind === "redirect") throw new Error("unexpected");
          expect(observe(decision.kind === "deny" ? 429 : 200, decision.headers)).toEqual([]);
        }
      }),
    );
  });

  it.each([
    [],
    [["retry-after", "0"]],
    [["retry-after", "soon"]],
    [
      ["retry-after", "1"],
      ["retry-after", "2"],
    ],
    [["retry-after", "1.5"]],
  ])("does not accept a 429 with %j", (...headers) => {
    expect(observe(429, headers as never)).toEqual(["rate-limit/refusal-incomplete"]);
  });

  it.each([
    ["ratelimit", "50"],
    ["ratelimit", "default;r=50"],
    ["ratelimit", '"default";t=50'],
    ["ratelimit", '"default";r=-1'],
    ["ratelimit", '"default";r=1,'],
    ["ratelimit-policy", '"default";w=60'],
    ["ratelimit", '"nobody";r=1'],
  ])("does not accept %s: %s", (name, value) => {
    expect(observe(200, [[name, value]])).toEqual(["rate-limit/fields-unreadable"]);
  });
});
