import { describe, expect, it } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import {
  allOf,
  assurance,
  authenticated,
  hasRole,
  policyAccess,
  publicAccess,
  signInFirst,
  type AccessRule,
} from "./access.ts";
import type { TenantId, UserId } from "./brand.ts";
import { redirect } from "./decision.ts";
import { ANONYMOUS, tenantScope, type AssuranceLevel, type Principal, type User } from "./principal.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

function user(roles: readonly string[], level: AssuranceLevel = 1, ageSeconds = 0): Principal {
  const authenticatedAtMs = NOW - ageSeconds * 1000;
  return { kind: "user", id: "u" as UserId, tenantId: "t" as TenantId, roles, assurance: level, authenticatedAtMs };
}

const service: Principal = { kind: "service", id: "s", tenantId: "t" as TenantId, roles: ["reader"] };

async function ask(rule: AccessRule, principal: Principal): Promise<string> {
  const decision = await rule.decide(sketchExchange({ principal, nowMs: NOW }));
  return decision.kind === "deny" ? decision.reason : decision.kind;
}

describe("access rules", () => {
  it("refuse an anonymous principal, all but the public one", async () => {
    const rules = [
      authenticated(),
      hasRole("admin"),
      assurance(1),
      policyAccess("p", () => true),
      allOf(authenticated()),
    ];
    for (const rule of rules) expect(await ask(rule, ANONYMOUS), rule.description).toBe("unauthenticated");
    expect(await ask(publicAccess("sign-in page"), ANONYMOUS)).toBe("allow");
  });

  it("refuse a principal of an unknown kind", async () => {
    const forged = { ...user(["admin"]), kind: "root" } as unknown as Principal;
    for (const rule of [authenticated(), hasRole("admin"), assurance(1)])
      expect(await ask(rule, forged)).toBe("unauthenticated");
  });

  it("ask for a role that the principal holds, exactly", async () => {
    expect(await ask(hasRole("admin", "owner"), user(["owner"]))).toBe("allow");
    expect(await ask(hasRole("reader"), service)).toBe("allow");
    for (const roles of [[], ["Admin"], ["admin "], ["administrator"]])
      expect(await ask(hasRole("admin"), user(roles))).toBe("forbidden");
  });

  it("ask for an assurance level, and for a recent proof where the route says so", async () => {
    expect(await ask(assurance(2), user([], 1))).toBe("step_up_required");
    expect(await ask(assurance(2), user([], 2))).toBe("allow");
    expect(await ask(assurance(2, { maxAgeSeconds: 300 }), user([], 3, 300))).toBe("allow");
    expect(await ask(assurance(2, { maxAgeSeconds: 300 }), user([], 3, 301))).toBe("step_up_required");
    expect(await ask(assurance(1), service)).toBe("forbidden");
  });

  it.each([
    ["a truthy value", () => 1],
    ["an object", () => ({})],
    ["a promise of a truthy value", () => Promise.resolve("yes")],
    ["undefined", () => undefined],
    ["false", () => false],
    ["a promise of false", () => Promise.resolve(false)],
  ])("count a policy that returns %s as a no", async (_, permits) => {
    expect(await ask(policyAccess("odd", permits as () => boolean), user([]))).toBe("forbidden");
  });

  it("let a policy that throws or rejects fail, so that the pipeline refuses", async () => {
    await expect(
      ask(
        policyAccess("p", () => Promise.reject(new Error("db"))),
        user([]),
      ),
    ).rejects.toThrow("db");
    await expect(
      ask(
        policyAccess("p", () => {
          throw new Error("db");
        }),
        user([]),
      ),
    ).rejects.toThrow("db");
  });

  it("joined by allOf must all allow, synchronous and asynchronous alike", async () => {
    const slow = (answer: boolean): AccessRule => policyAccess("slow", () => Promise.resolve(answer));
    expect(await ask(allOf(slow(true), hasRole("admin"), slow(true)), user(["admin"]))).toBe("allow");
    expect(await ask(allOf(slow(true), hasRole("admin")), user([]))).toBe("forbidden");
    expect(await ask(allOf(hasRole("admin"), slow(false)), user(["admin"]))).toBe("forbidden");
  });

  it("joined by allOf let a redirect of one of them be the answer, whatever the next would say", async () => {
    const next = policyAccess("everybody", () => true);
    for (const elsewhere of [redirect(303, "/terms"), Promise.resolve(redirect(303, "/terms"))])
      expect(await ask(allOf({ ...authenticated(), decide: () => elsewhere }, next), user([]))).toBe("redirect");
  });

  it("refuse to be declared without meaning", () => {
    expect(() => publicAccess("")).toThrow(/reason in words/u);
    expect(() => hasRole()).toThrow(/at least one role/u);
    expect(() => hasRole("")).toThrow(/at least one role/u);
    expect(() => assurance(4 as AssuranceLevel)).toThrow(/level 1, 2 or 3/u);
    expect(() => assurance(2, { maxAgeSeconds: 0 })).toThrow(/greater than zero/u);
    expect(() => policyAccess(" ", () => true)).toThrow(/name/u);
    expect(() => allOf()).toThrow(/at least one rule/u);
    expect(() => allOf(publicAccess("x"), authenticated())).toThrow(/public rule/u);
  });
});

describe("tenantScope", () => {
  it("is minted for a tenant alone: an empty one would match an empty column", () => {
    expect(tenantScope(user([]) as User)).toEqual({ tenantId: "t", actor: "u" });
    for (const tenantId of ["", undefined, null])
      expect(() => tenantScope({ ...user([]), tenantId } as User)).toThrow(/has none/u);
    expect(() => tenantScope(ANONYMOUS as never)).toThrow(/has none/u);
  });
});

describe("signInFirst", () => {
  const rule = signInFirst("/sign-in", authenticated());
  const browser = { accept: "text/html,application/xhtml+xml" };
  const decide = async (sketch: Parameters<typeof sketchExchange>[0]): Promise<string> => {
    const decision = await rule.decide(sketchExchange(sketch));
    if (decision.kind === "redirect") return `${decision.status} ${decision.location}`;
    return decision.kind === "deny" ? decision.reason : decision.kind;
  };

  it("sends a stranger's browser to sign in, with the path it wanted as data", async () => {
    expect(await decide({ target: "/documents?q=a&b", headers: browser })).toBe(
      "303 /sign-in?next=%2Fdocuments%3Fq%3Da%26b",
    );
  });

  it("refuses everybody else as the rule itself would", async () => {
    expect(await decide({ target: "/documents", headers: browser, route: { kind: "api" } })).toBe("unauthenticated");
    expect(await decide({ target: "/documents", headers: {} })).toBe("unauthenticated");
    expect(await decide({ method: "POST", target: "/documents", headers: browser })).toBe("unauthenticated");
    expect(await decide({ target: "//elsewhere.example/", headers: browser })).toBe("unauthenticated");
    expect(await decide({ target: "/documents", headers: browser, principal: user([]) })).toBe("allow");
  });

  it("keeps a refusal that signing in would not lift", async () => {
    const admin = signInFirst("/sign-in", hasRole("admin"));
    expect(await ask(admin, user(["member"]))).toBe("forbidden");
  });

  it("waits for a rule that takes its time", async () => {
    const slow = signInFirst(
      "/sign-in",
      policyAccess("slow", async () => true),
    );
    expect(await ask(slow, user([]))).toBe("allow");
  });

  it("takes no path that leads elsewhere", () => {
    for (const path of ["", "sign-in", "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example"])
      expect(() => signInFirst(path, authenticated()), path).toThrow(/plain path/u);
  });
});
