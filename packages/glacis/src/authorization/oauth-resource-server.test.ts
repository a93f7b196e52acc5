import { describe, expect, it } from "vitest";
import { authenticated } from "../core/access.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Principal } from "../core/principal.ts";
import { routeRule } from "../core/route.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { oauthResourceServer } from "./oauth-resource-server.ts";

const control = oauthResourceServer();
const ada = {
  kind: "user",
  id: "ada" as UserId,
  tenantId: "acme" as TenantId,
  roles: ["owner"],
  assurance: 1,
  authenticatedAtMs: 1,
} as const;
const holding = (...scopes: readonly string[]): Principal => ({
  ...ada,
  delegation: { issuer: "https://idp.example", subject: "ada", clientId: "app", scopes, authorizationDetails: [] },
});

function decide(principal: Principal, scopes?: readonly string[]) {
  const decision = control.decide?.(sketchExchange({ principal, route: { kind: "api", ...(scopes && { scopes }) } }));
  if (decision instanceof Promise || decision === undefined) throw new Error("It decides at once.");
  return decision.kind === "deny" ? [decision.reason, decision.events[0]?.detail, decision.headers] : decision.kind;
}

describe("a token", () => {
  it("opens what it was given for", () => {
    expect(decide(holding("documents:read", "email"), ["documents:read"])).toBe("allow");
    expect(decide(holding("a", "b"), ["b", "a"])).toBe("allow");
    expect(decide(holding(), [])).toBe("allow");
  });

  it("opens nothing with too little, whatever its user may do", () => {
    expect(decide(holding("documents:read"), ["documents:read", "documents:write"])).toEqual([
      "forbidden",
      "insufficient_scope",
      [["www-authenticate", 'Bearer error="insufficient_scope", scope="documents:read documents:write"']],
    ]);
    for (const odd of ["documents", "documents:readx", "DOCUMENTS:READ", "documents:read:all", "*", ""])
      expect(decide(holding(odd), ["documents:read"])[0]).toBe("forbidden");
  });

  it("opens no route that says nothing about scopes", () => {
    expect(decide(holding("documents:read", "*"))).toEqual([
      "forbidden",
      "route_without_scope",
      [["www-authenticate", 'Bearer error="insufficient_scope"']],
    ]);
  });

  it("is no matter of those who came otherwise", () => {
    expect(decide(ada)).toBe("allow");
    expect(decide({ kind: "anonymous" }, ["documents:read"])).toBe("allow");
    expect(decide({ kind: "service", id: "key", tenantId: "acme" as TenantId, roles: [] }, ["x"])).toBe("allow");
  });
});

describe("the routes of an API", () => {
  const routes = (["page", "api"] as const).flatMap((kind) =>
    [undefined, [], ["a"]].map((scopes) => ({
      method: "GET",
      pattern: `/${kind}/${scopes?.length ?? "none"}`,
      rule: routeRule(authenticated(), { kind, ...(scopes !== undefined && { scopes }) }),
    })),
  );
  it("say what opens them, or are named", () => {
    expect(control.checkRoutes?.(routes).map(({ at }) => at)).toEqual([
      { kind: "route", method: "GET", pattern: "/api/none" },
    ]);
    expect(oauthResourceServer({ takesTokens: false }).checkRoutes?.(routes)).toEqual([]);
  });
});

describe("a refusal on the wire", () => {
  const seen = (status: number, headers: readonly (readonly [string, string])[]) =>
    control.observe?.({ url: "https://api.example.com/", scheme: "https", status, headers }).length;
  it("tells a client with a token what is wrong with it", () => {
    expect(seen(403, [["vary", "Authorization"]])).toBe(1);
    expect(
      seen(401, [
        ["vary", "Authorization"],
        ["www-authenticate", 'DPoP error="use_dpop_nonce"'],
      ]),
    ).toBe(0);
    expect(seen(200, [["vary", "Authorization"]])).toBe(0);
    expect(seen(403, [])).toBe(0);
  });
});
