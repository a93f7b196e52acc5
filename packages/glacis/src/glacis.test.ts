import { auditEvent } from "./core/event-entry.ts";
import { describe, expect, it } from "vitest";
import { authenticated, hasRole, publicAccess } from "./core/access.ts";
import type { TenantId, UserId } from "./core/brand.ts";
import type { Deployment } from "./core/control.ts";
import { ALLOW, allow, answer, deny, redirect, type Decision } from "./core/decision.ts";
import type { AuditEvent } from "./core/event.ts";
import { Refusal } from "./core/error-reason.ts";
import type { Exchange } from "./core/exchange.ts";
import { finding, type Rule } from "./core/finding.ts";
import type { User } from "./core/principal.ts";
import { routeRule } from "./core/route.ts";
import { SealError } from "./core/seal.ts";
import type { Layers, Respond, SealedRoute, Verdict } from "./core/security.ts";
import type { Wire } from "./core/wire.ts";
import { glacis } from "./glacis.ts";
import { bareLayers, stubControl } from "./testing/layers.ts";

const event: AuditEvent = auditEvent("authorization_failure/authz_fail/refused");
const open: SealedRoute = { method: "GET", pattern: "/", rule: routeRule(publicAccess("test")) };
const alice: User = {
  kind: "user",
  id: "alice" as UserId,
  tenantId: "alpha" as TenantId,
  roles: ["member"],
  assurance: 1,
  authenticatedAtMs: 0,
};

function wire(overrides: Partial<Wire> = {}): Wire {
  const rawHeaders = ["Host", "app.example.com"];
  return {
    method: "GET",
    target: "/",
    httpVersion: "1.1",
    rawHeaders,
    peerAddress: "192.0.2.1",
    encrypted: true,
    ...overrides,
  };
}

function compose(replacements: Partial<Layers> = {}) {
  const layers = bareLayers(replacements);
  const security = glacis(layers);
  return {
    security,
    records: layers.records,
    begin: (overrides?: Partial<Wire>): Exchange => security.begin(wire(overrides)),
  };
}

function status(verdict: Verdict): number | "proceed" {
  return verdict.kind === "respond" ? verdict.status : "proceed";
}

const nonsense: readonly unknown[] = [
  undefined,
  null,
  true,
  {},
  "allow",
  { kind: "sure" },
  Promise.resolve(true),
  Promise.resolve(undefined),
];

describe("a control that fails", () => {
  it.each([
    [
      "throws",
      () => {
        throw new Error("boom");
      },
    ],
    [
      "throws something that is no error",
      () => {
        throw "boom";
      },
    ],
    ["rejects", () => Promise.reject(new Error("boom"))],
    ["never answers", () => new Promise<Decision>(() => {})],
  ])("refuses the request when it %s, and says so in an event", async (_, decide) => {
    const { security, begin, records } = compose({
      network: [stubControl("broken", { decide })],
      controlTimeoutMs: 20,
    });
    expect(status(await security.open(begin()))).toBe(503);
    expect(records).toMatchObject([
      { event: "sys_control_failed", control: "broken", severity: "critical", reason: "control_failed" },
    ]);
  });

  it.each(nonsense)("refuses the request when it returns %j instead of a decision", async (value) => {
    const { security, begin } = compose({ network: [stubControl("odd", { decide: () => value as Decision })] });
    expect(status(await security.open(begin()))).toBe(503);
  });

  it("refuses the request when authentication throws, rejects or hangs, and never takes it for anonymous", async () => {
    const faults = [
      () => {
        throw new Error("x");
      },
      () => Promise.reject(new Error("x")),
      () => new Promise<never>(() => {}),
    ];
    for (const authenticate of faults) {
      const { security, begin } = compose({ authenticate, controlTimeoutMs: 20 });
      expect(status(await security.enter(begin(), open))).toBe(503);
    }
  });

  it("hides the cause from the client in production and shows it in development", async () => {
    const network = [
      stubControl("broken", {
        decide: () => {
          throw new Error("secret detail");
        },
      }),
    ];
    const bodyIn = async (mode: Layers["mode"]): Promise<string> => {
      const { security, begin } = compose({ network, mode });
      return ((await security.open(begin())) as Respond).body ?? "";
    };
    expect(await bodyIn("production")).not.toContain("secret detail");
    expect(await bodyIn("development")).toContain("secret detail");
  });
});

describe("the order of a request", () => {
  it("stays synchronous while every control is", () => {
    const { security, begin } = compose({ network: [stubControl("a", { decide: () => ALLOW })] });
    expect(security.open(begin())).not.toBeInstanceOf(Promise);
    expect(security.enter(begin(), open)).not.toBeInstanceOf(Promise);
  });

  it("asks each control in order, synchronous and asynchronous mixed, and stops at the first refusal", async () => {
    const asked: string[] = [];
    const control = (id: string, decision: Decision | Promise<Decision>) =>
      stubControl(id, { decide: () => (asked.push(id), decision) });
    const { security, begin } = compose({
      network: [control("one", ALLOW), control("two", Promise.resolve(ALLOW))],
      transport: [control("three", deny("host_malformed", event)), control("four", ALLOW)],
    });
    expect(status(await security.open(begin()))).toBe(400);
    expect(asked).toEqual(["one", "two", "three"]);
  });

  it("knows the principal before the access rule, and the rule before the route's own controls", async () => {
    const asked: string[] = [];
    const limit = stubControl("limit", { decide: () => (asked.push("limit"), ALLOW) });
    const route: SealedRoute = { ...open, rule: routeRule(authenticated(), { controls: [limit] }) };
    const anonymous = compose();
    expect(status(await anonymous.security.enter(anonymous.begin(), route))).toBe(401);
    expect(asked).toEqual([]);
    const signedIn = compose({ authenticate: async () => ({ principal: alice, session: { id: "s" } }) });
    expect(status(await signedIn.security.enter(signedIn.begin(), route))).toBe("proceed");
    expect(asked).toEqual(["limit"]);
  });

  it("answers 403 to a user without the role, with an event that names who and which route", async () => {
    const { security, begin, records } = compose({ authenticate: () => ({ principal: alice, session: undefined }) });
    const route: SealedRoute = { method: "GET", pattern: "/admin/:id", rule: routeRule(hasRole("admin")) };
    expect(status(await security.enter(begin({ target: "/admin/7?token=x" }), route))).toBe(403);
    expect(records).toMatchObject([
      { event_type: "authorization_failure", user_id: "alice", tenant_id: "alpha", route: "/admin/:id" },
    ]);
    expect(JSON.stringify(records)).not.toContain("token");
  });

  it("collects the headers and events of allowances, now or later", async () => {
    const allowance = allow([["ratelimit", "x"]], [event]);
    for (const decide of [() => allowance, async () => allowance]) {
      const { security, begin, records } = compose({ network: [stubControl("limit", { decide })] });
      const exchange = begin();
      await security.open(exchange);
      expect(exchange.responseHeaders).toEqual([["ratelimit", "x"]]);
      expect(records).toHaveLength(1);
    }
  });

  it("asks the controls of everybody before the access rule, so that a limit also counts what the rule refuses", async () => {
    const asked: string[] = [];
    const control = (id: string) => stubControl(id, { decide: () => (asked.push(id), ALLOW) });
    const { security, begin } = compose({ authentication: [control("limit")], authorization: [control("tenant")] });
    expect(status(await security.enter(begin(), { ...open, rule: routeRule(authenticated()) }))).toBe(401);
    expect(asked).toEqual(["limit", "tenant"]);
  });

  it("asks the controls of everybody anew where a second rule does not have the first one's exemption", async () => {
    const asked: string[] = [];
    const csrf = stubControl("csrf", { decide: () => (asked.push("csrf"), ALLOW) });
    const { security, begin } = compose({ authentication: [csrf] });
    const exempt = routeRule(publicAccess("hook"), { csrfExempt: "signed" });
    const enter = async (...rules: readonly SealedRoute["rule"][]): Promise<number> => {
      asked.length = 0;
      const exchange = begin();
      for (const rule of rules) await security.enter(exchange, { ...open, rule });
      return asked.length;
    };
    expect([await enter(exempt, open.rule), await enter(exempt, exempt), await enter(open.rule, open.rule)]).toEqual([
      2, 1, 1,
    ]);
  });

  it("redirects and answers in a control's place", async () => {
    const redirected = compose({
      transport: [stubControl("https", { decide: () => redirect(308, "https://app.example.com/") })],
    });
    expect(await redirected.security.open(redirected.begin())).toMatchObject({
      status: 308,
      headers: [["location", "https://app.example.com/"]],
    });
    const answered = compose({ transport: [stubControl("cors", { decide: () => answer(204) })] });
    expect(await answered.security.open(answered.begin())).toMatchObject({ status: 204, body: undefined });
  });
});

describe("a body", () => {
  const post = {
    method: "POST",
    rawHeaders: ["Host", "app.example.com", "Content-Type", "application/json; charset=utf-8"],
  };

  it("keeps a request undecided until it was received", async () => {
    const { security, begin } = compose();
    const exchange = begin(post);
    await security.enter(exchange, open);
    expect([exchange.awaitsBody, exchange.entered, exchange.decided]).toEqual([true, true, false]);
    await security.receive(exchange, "application/json", '{"a":1}');
    expect([exchange.awaitsBody, exchange.decided, exchange.body]).toEqual([false, true, { a: 1 }]);
  });

  it("never decides a request that did not enter", async () => {
    const { security, begin } = compose();
    const exchange = begin(post);
    await security.receive(exchange, "application/json", "{}");
    expect(exchange.decided).toBe(false);
  });

  it.each(["PUT", "PATCH", "DELETE"])("is awaited on %s as on POST", async (method) => {
    const { security, begin } = compose();
    const exchange = begin({ ...post, method });
    await security.enter(exchange, open);
    expect([exchange.awaitsBody, exchange.decided]).toEqual([true, false]);
  });

  it("is shown to a control of the route alone, and judged by what the route takes, also where none comes", async () => {
    const signature = { ...stubControl("signature", {}), decideBody: () => deny("signature_invalid", event) };
    const { security, begin } = compose();
    const received = async (rule: SealedRoute["rule"]): Promise<number | "proceed"> => {
      const exchange = begin(post);
      expect(status(await security.enter(exchange, { ...open, rule }))).toBe("proceed");
      return status(await security.receive(exchange, "application/json", "{}"));
    };
    const input = { judge: () => deny("input_invalid", event), openness: { bounds: [], unseen: [] } };
    const picky = routeRule(publicAccess("test"), { input });
    expect(await received(routeRule(publicAccess("test"), { controls: [signature] }))).toBe(401);
    expect(await received(picky)).toBe(422);
    expect(status(await security.enter(begin(), { ...open, rule: picky }))).toBe(422);
  });

  it("refuses what cannot be parsed, and what a control dislikes in it", async () => {
    const picky = { ...stubControl("picky", {}), decideBody: () => deny("csrf_failed", event) };
    const { security, begin } = compose({ authentication: [picky] });
    expect(status(await security.receive(begin(post), "application/json", "{"))).toBe(400);
    expect(status(await security.receive(begin(post), "application/json", "{}"))).toBe(403);
  });

  it("refuses the request when the parser itself fails", async () => {
    const broken = (): never => {
      throw new Error("boom");
    };
    const parsing = compose({ body: { ...bareLayers().body, parse: broken } });
    expect(status(await parsing.security.receive(parsing.begin(post), "application/json", "{}"))).toBe(503);
    const choosing = compose({ body: { ...bareLayers().body, parses: broken } });
    expect(status(await choosing.security.enter(choosing.begin(post), open))).toBe(503);
  });

  it("is not awaited on GET, whatever the client sends", async () => {
    const { security, begin } = compose();
    const exchange = begin({ ...post, method: "GET" });
    await security.enter(exchange, open);
    expect([exchange.awaitsBody, exchange.decided]).toEqual([false, true]);
  });
});

describe("failures of the application", () => {
  it("become an opaque 500 with the whole story in the log", () => {
    const { security, begin, records } = compose({ mode: "production" });
    const respond = security.fail(begin(), new Error("select failed for anna"));
    expect(respond.status).toBe(500);
    expect(respond.body).not.toContain("anna");
    expect(records[0]?.error).toContain("select failed for anna");
    expect(respond.body).toContain(records[0]?.request_id);
  });

  it.each([
    [413, 413],
    [404, 404],
    [409, 409],
    [412, 412],
    [416, 416],
    [418, 500],
    [200, 500],
    [302, 500],
    ["404", 500],
  ])("map a thrown status %j to %i", (thrown, expected) => {
    const { security, begin } = compose();
    expect(security.fail(begin(), Object.assign(new Error("x"), { status: thrown })).status).toBe(expected);
  });

  it("let a thrown refusal be what it says", () => {
    const { security, begin } = compose();
    const denial = deny("forbidden", event);
    expect(security.fail(begin(), new Refusal(denial)).status).toBe(403);
  });

  it.each([undefined, null, "text", 7, Symbol("x")])("survive a thrown %s", (thrown) => {
    const { security, begin } = compose();
    expect(security.fail(begin(), thrown).status).toBe(500);
  });
});

describe("a refusal", () => {
  const asBrowser = { rawHeaders: ["Host", "app.example.com", "Accept", "text/html"] };

  it("is a page of the application's own design for a browser, with the library's status", () => {
    const refusalPage: Layers["refusalPage"] = ({ denial }) => ({
      contentType: "text/html",
      body: `ours: ${denial.reason}`,
    });
    const { security, begin } = compose({ refusalPage });
    expect(security.notFound(begin(asBrowser), [])).toMatchObject({ status: 404, body: "ours: not_found" });
    expect(security.notFound(begin(), []).body).toContain("urn:glacis:reason:not_found");
  });

  it("stays a refusal when the application's page throws", () => {
    const refusalPage = (): never => {
      throw new Error("broken template");
    };
    const { security, begin, records } = compose({ refusalPage });
    const verdict = security.notFound(begin(asBrowser), []);
    expect(verdict).toMatchObject({ status: 404 });
    expect(verdict.body).toContain("There is nothing here.");
    expect(verdict.body).not.toContain("broken template");
    expect(records.some(({ control }) => control === "refusal-page")).toBe(true);
  });

  it("is a page for a browser and a problem document for a program", async () => {
    const network = [
      stubControl("no", { decide: () => deny("rate_limited", event, { members: { limit: 5, remaining: 0 } }) }),
    ];
    const { security, begin } = compose({ network });
    const program = (await security.open(begin())) as Respond;
    expect(program.headers[0]).toEqual(["content-type", "application/problem+json"]);
    expect(JSON.parse(program.body ?? "")).toMatchObject({ status: 429, code: "rate_limited", limit: 5, remaining: 0 });
    const browser = (await security.open(begin({ rawHeaders: ["Host", "x", "Accept", "text/html,*/*"] }))) as Respond;
    expect(browser.headers[0]?.[1]).toMatch(/^text\/html/u);
    expect(browser.body).toContain("Too many requests");
  });

  it("of a wrong method says which ones there are", () => {
    const { security, begin } = compose();
    expect(security.notFound(begin(), [])).toMatchObject({ status: 404 });
    const refused = security.notFound(begin(), ["GET", "HEAD"]);
    expect(refused.status).toBe(405);
    expect(refused.headers).toContainEqual(["allow", "GET, HEAD"]);
  });
});

describe("seal", () => {
  it("names every route without a rule and the line to add", () => {
    const { security } = compose();
    const declare = (pattern: string, rule = undefined as ReturnType<typeof routeRule> | undefined) => ({
      method: "GET",
      pattern,
      rule,
      fix: `access(...) on ${pattern}`,
    });
    const seal = (): unknown =>
      security.seal([declare("/a"), declare("/b", routeRule(authenticated())), declare("/c")]);
    expect(seal).toThrow(SealError);
    expect(seal).toThrow(/2 routes do.*GET\s+\/a\s+add: access\(\.\.\.\) on \/a.*\/c/su);
    expect(security.routes).toEqual([]);
  });

  it("refuses for a single route, too", () => {
    const { security } = compose();
    const route = { method: "GET", pattern: "/", rule: undefined, fix: "access(...)" };
    expect(() => security.seal([{ ...route, pattern: "/open", rule: open.rule }, route])).toThrow(/1 route does/u);
  });

  it("says a GET and the HEAD that comes with it once, and a HEAD alone as it is", () => {
    const { security } = compose();
    const declare = (method: string, pattern: string) => ({ method, pattern, rule: undefined, fix: "access(...)" });
    const seal = (): unknown =>
      security.seal([declare("GET", "/a"), declare("HEAD", "/a"), declare("HEAD", "/only-head")]);
    expect(seal).toThrow(/2 routes do/u);
    expect(seal).toThrow(/GET\s+\/a/u);
    expect(seal).not.toThrow(/HEAD\s+\/a/u);
    expect(seal).toThrow(/HEAD\s+\/only-head/u);
  });

  it("keeps the table for the report", () => {
    const { security } = compose();
    security.seal([{ method: "GET", pattern: "/", rule: open.rule, fix: "" }]);
    expect(security.routes).toEqual([open]);
  });
});

describe("the end of a request", () => {
  it("is known to whoever still holds it, and says at most a hundred things", () => {
    const { security, begin, records } = compose();
    const exchange = begin();
    for (let count = 0; count < 150; count += 1) exchange.note(event);
    expect([exchange.ended, records.length]).toEqual([false, 0]);
    security.done(exchange, { status: 200, durationMs: 1, aborted: false });
    expect([exchange.ended, records.length]).toEqual([true, 100]);
  });
});

describe("an endpoint of the library's own", () => {
  it("answers HEAD as it answers GET, and no other method", () => {
    const endpoint = { ...open, method: "GET" as const, path: "/own", accepts: [], handle: () => answer(200) };
    const { security, begin } = compose({ endpoints: [endpoint] });
    const at = (method: string, target: string): unknown => security.endpoint(begin({ method, target }));
    expect([at("GET", "/own?a"), at("HEAD", "/own")]).toEqual([endpoint, endpoint]);
    expect([at("POST", "/own"), at("GET", "/own/"), at("HEAD", "/")]).toEqual([undefined, undefined, undefined]);
  });
});

const DEPLOYMENT: Deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};

describe("composition", () => {
  it("refuses unknown layers, missing layers and a control mounted twice", () => {
    expect(() => glacis({ ...bareLayers(), netwrk: [] } as never)).toThrow(/Did you mean "network"/u);
    expect(() => glacis({ ...bareLayers(), authenticate: undefined } as never)).toThrow(/needs "authenticate"/u);
    const twice = [stubControl("hsts", {}), stubControl("hsts", {})];
    expect(() => glacis(bareLayers({ transport: twice }))).toThrow(/"hsts" is mounted twice/u);
    for (const controlTimeoutMs of [0, -1, Number.NaN])
      expect(() => glacis(bareLayers({ controlTimeoutMs }))).toThrow(/greater than zero/u);
  });

  it("survives an audit sink that throws", async () => {
    const audit = (): never => {
      throw new Error("disk full");
    };
    const { security, begin } = compose({
      audit,
      network: [stubControl("no", { decide: () => deny("forbidden", event) })],
    });
    expect(status(await security.open(begin()))).toBe(403);
  });

  it("finds the controls that are not mounted, and a check that crashes", () => {
    const crashing = stubControl("hsts", {
      check: () => {
        throw new Error("x");
      },
    });
    const { security } = compose({ transport: [crashing] });
    const found = security.check(DEPLOYMENT).map(({ rule, at }) => `${rule.id} ${"name" in at ? at.name : ""}`);
    expect(found).toContain("composition/check-crashed hsts");
    expect(found).toContain("composition/control-missing csp");
    expect(found).not.toContain("composition/control-missing hsts");
  });

  it("finds a control that waits for a request longer than the server does", () => {
    const ids = (arrivalMs: number): readonly string[] => {
      const { security } = compose({ environment: [stubControl("upload-limits", { arrivalMs })] });
      return security.check(DEPLOYMENT).map(({ rule: { id } }) => id);
    };
    expect(ids(30_001)).toContain("composition/server-time-short");
    expect(ids(30_000)).not.toContain("composition/server-time-short");
  });

  it("judges a control of one route like any other, and counts on it for nothing else", () => {
    const rule: Rule = { id: "csp/odd", severity: "error", what: "a.", why: "b.", fix: "c." };
    const mine = stubControl("csp", { rules: [rule], check: () => [finding(rule, { kind: "setting", name: "x" })] });
    const { security } = compose({});
    security.seal([
      { method: "GET", pattern: "/a", rule: routeRule(authenticated(), { controls: [mine] }), fix: "" },
      { method: "GET", pattern: "/b", rule: routeRule(authenticated(), { controls: [mine] }), fix: "" },
    ]);
    const found = security.check(DEPLOYMENT).map(({ rule: { id }, at }) => `${id} ${"name" in at ? at.name : ""}`);
    expect(found.filter((one) => one === "csp/odd x")).toHaveLength(1);
    expect(found).toContain("composition/control-missing csp");
    expect(security.controls).toContain(mine);
  });
});
