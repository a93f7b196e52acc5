import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Principal } from "../core/principal.ts";
import type { RouteOptions } from "../core/route.ts";
import { HeadDraft } from "../adapters/head-draft.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { concurrencyLimit, SHARE_TOO_LARGE } from "./concurrency-limit.ts";

const DEPLOYMENT = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
} as const;
const OUTCOME = { status: 200, durationMs: 1, aborted: false };

function requestOf(id: string, tenantId = "acme", route: RouteOptions = {}): Exchange {
  const principal: Principal = {
    kind: "user",
    id: id as UserId,
    tenantId: tenantId as TenantId,
    roles: [],
    assurance: 1,
    authenticatedAtMs: 0,
  };
  return sketchExchange({ principal, route });
}

describe("concurrencyLimit", () => {
  it("lets a user have so many requests at a time, and the next when one of them is done", async () => {
    const control = concurrencyLimit({ perUser: 2 });
    const [first, second, third] = [requestOf("ada"), requestOf("ada"), requestOf("ada")] as const;
    expect(control.decide?.(first)).toMatchObject({ kind: "allow" });
    expect(control.decide?.(second)).toMatchObject({ kind: "allow" });
    const waiting = control.decide?.(third);
    expect(waiting).toBeInstanceOf(Promise);
    expect(control.decide?.(requestOf("bob"))).toMatchObject({ kind: "allow" });
    control.done?.(first, OUTCOME);
    expect(await waiting).toMatchObject({ kind: "allow" });
  });

  it("does not take a service for the user who has the same id", () => {
    const control = concurrencyLimit({ perUser: 1 });
    const robot: Principal = { kind: "service", id: "ada", tenantId: "acme" as TenantId, roles: [] };
    expect(control.decide?.(requestOf("ada"))).toMatchObject({ kind: "allow" });
    expect(control.decide?.(sketchExchange({ principal: robot }))).toMatchObject({ kind: "allow" });
    expect(control.decide?.(sketchExchange({ principal: robot }))).toBeInstanceOf(Promise);
  });

  it("refuses with 429 what cannot wait, says when to come back, and reports it", async () => {
    const control = concurrencyLimit({ perUser: 1, waitMs: 5 });
    void control.decide?.(requestOf("ada"));
    expect(await control.decide?.(requestOf("ada"))).toMatchObject({
      kind: "deny",
      reason: "rate_limited",
      headers: [["retry-after", "1"]],
      events: [{ event: "excess_rate_limit_exceeded", detail: "in_flight", limit: 1 }],
    });
  });

  it("takes one place for a request that is asked twice, and gives it back once", async () => {
    const control = concurrencyLimit({ perUser: 1, waitMs: 5 });
    const request = requestOf("ada");
    void control.decide?.(request);
    expect(control.decide?.(request)).toMatchObject({ kind: "allow" });
    control.done?.(request, OUTCOME);
    control.done?.(request, OUTCOME);
    void control.decide?.(requestOf("ada"));
    expect(await control.decide?.(requestOf("ada"))).toMatchObject({ kind: "deny" });
  });

  it("keeps no place for who left before it was given, or while it waited", async () => {
    const control = concurrencyLimit({ perUser: 1 });
    const gone = requestOf("ada");
    gone.ended = true;
    void control.decide?.(gone);
    const [held, leaving, next] = [requestOf("ada"), requestOf("ada"), requestOf("ada")] as const;
    expect(control.decide?.(held)).toMatchObject({ kind: "allow" });
    const [second, third] = [control.decide?.(leaving), control.decide?.(next)];
    leaving.ended = true;
    control.done?.(leaving, OUTCOME);
    control.done?.(held, OUTCOME);
    await second;
    expect(await third).toMatchObject({ kind: "allow" });
  });

  it("counts no strangers, no assets, and no event stream that has begun", () => {
    const control = concurrencyLimit({ perUser: 1 });
    for (let index = 0; index < 5; index += 1) {
      expect(control.decide?.(sketchExchange())).toMatchObject({ kind: "allow" });
      expect(control.decide?.(requestOf("ada", "acme", { kind: "asset" }))).toMatchObject({ kind: "allow" });
      const stream = requestOf("ada");
      expect(control.decide?.(stream)).toMatchObject({ kind: "allow" });
      control.head?.(new HeadDraft(200, ["content-type", "text/event-stream"]), stream);
    }
  });

  it.each([{ perUser: 0 }, { perTenant: 1.5 }, { waitMs: -1 }, { perusers: 1 }])("refuses %j", (options) => {
    expect(() => concurrencyLimit(options as never)).toThrow(TypeError);
  });

  it("finds a share that is larger than a process", () => {
    const findings = concurrencyLimit({ perTenant: 5000 }).check(DEPLOYMENT);
    expect(findings).toMatchObject([{ rule: SHARE_TOO_LARGE }]);
    expect(concurrencyLimit().check(DEPLOYMENT)).toEqual([]);
  });
});
