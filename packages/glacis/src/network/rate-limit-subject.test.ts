import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Principal, User } from "../core/principal.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { subjectOf } from "./rate-limit-subject.ts";

const user = (tenantId: string): User => ({
  kind: "user",
  id: "7" as UserId,
  tenantId: tenantId as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
});

describe("the subject of a rate limit", () => {
  it("is another one for a user and for a service of the same id", () => {
    const service: Principal = { kind: "service", id: "7", tenantId: "a" as TenantId, roles: [] };
    const [one, other] = [user("a"), service].map((principal) => subjectOf("principal")(sketchExchange({ principal })));
    expect(one).not.toBe(other);
  });

  it("cannot be spelled by parts of other lengths", () => {
    const by = subjectOf(["tenant", "user"]);
    const of = (tenantId: string, id: string): string =>
      by(sketchExchange({ principal: { ...user(tenantId), id: id as UserId } }));
    expect(of("au1", "2")).not.toBe(of("a", "1u2"));
  });

  it("that a function names is never a client's, and without a name the client is meant", () => {
    const client = subjectOf("client")(sketchExchange());
    expect(subjectOf(() => client)(sketchExchange())).not.toBe(client);
    for (const nobody of [undefined, ""]) expect(subjectOf(() => nobody)(sketchExchange())).toBe(client);
  });
});
