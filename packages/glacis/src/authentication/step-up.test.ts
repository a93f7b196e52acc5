import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import { ANONYMOUS, type AssuranceLevel, type Principal } from "../core/principal.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { stepUp } from "./step-up.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const browser = { accept: "text/html" };
const rule = stepUp({ page: "/confirm" });

function user(assurance: AssuranceLevel, ageSeconds: number): Principal {
  const authenticatedAtMs = NOW - ageSeconds * 1000;
  return { kind: "user", id: "u" as UserId, tenantId: "t" as TenantId, roles: [], assurance, authenticatedAtMs };
}

async function ask(sketch: RequestSketch, asked = rule): Promise<unknown> {
  const decision = await asked.decide(sketchExchange({ nowMs: NOW, ...sketch }));
  if (decision.kind === "redirect") return `${decision.status} ${decision.location}`;
  return decision.kind === "deny" ? [decision.reason, decision.members] : decision.kind;
}

const refusal = ["step_up_required", { required_level: 2, max_age_seconds: 600 }];

describe("stepUp", () => {
  it("lets a recent proof of the level pass, to the second", async () => {
    expect(await ask({ principal: user(2, 600) })).toBe("allow");
    expect(await ask({ principal: user(3, 0) })).toBe("allow");
    expect(await ask({ principal: user(2, 601) })).toEqual(refusal);
    expect(await ask({ principal: user(1, 0) })).toEqual(refusal);
    expect(await ask({ principal: user(2, Number.NaN) })).toEqual(refusal);
  });

  it("tells a program what is missing", async () => {
    expect(await ask({ principal: user(1, 0), route: { kind: "api" }, headers: browser })).toEqual(refusal);
    expect(await ask({ principal: user(1, 0) }, stepUp({ level: 3, maxAgeSeconds: 60 }))).toEqual([
      "step_up_required",
      { required_level: 3, max_age_seconds: 60 },
    ]);
  });

  it("sends a person to prove again, with the way back", async () => {
    const target = "/settings/keys?show=1&x=%2F";
    expect(await ask({ principal: user(2, 700), target, headers: browser })).toBe(
      `303 /confirm?next=${encodeURIComponent(target)}`,
    );
  });

  it("sends a form back to the page that it is on, when that page is ours", async () => {
    const form = (referer: string): RequestSketch => ({
      method: "POST",
      principal: user(1, 0),
      target: "/settings/email",
      headers: { ...browser, referer },
    });
    expect(await ask(form("https://app.example.com/settings?tab=email#x"))).toBe(
      "303 /confirm?next=%2Fsettings%3Ftab%3Demail",
    );
    for (const referer of [
      "",
      "https://evil.test/settings",
      "http://app.example.com/",
      "/settings",
      "https://app.example.com//evil.test",
    ])
      expect(await ask(form(referer)), referer).toBe("303 /confirm");
  });

  it.each(["//evil.test/", "/\\evil.test/", "https://evil.test/", `/${"a".repeat(2000)}`])(
    "gives no way back to %.20s",
    async (target) => {
      expect(await ask({ principal: user(1, 0), target, headers: browser })).toBe("303 /confirm");
    },
  );

  it("leaves strangers and services to their own refusal", async () => {
    expect(await ask({ principal: ANONYMOUS, headers: browser })).toEqual(["unauthenticated", undefined]);
    const service: Principal = { kind: "service", id: "s", tenantId: "t" as TenantId, roles: [] };
    expect(await ask({ principal: service, headers: browser })).toEqual(["forbidden", undefined]);
  });

  it("takes no page elsewhere, no odd level and no misspelt option", () => {
    for (const page of ["", "confirm", "//evil.test", "/\\evil.test", "https://evil.test"])
      expect(() => stepUp({ page }), page).toThrow(/plain path/u);
    expect(() => stepUp({ level: 0 as AssuranceLevel })).toThrow(/level 1, 2 or 3/u);
    expect(() => stepUp({ maxAge: 5 } as never)).toThrow(/maxAgeSeconds/u);
  });
});
