import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Principal, User } from "../core/principal.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { saas } from "../presets/saas.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { ADMIN_PATHS, adminInterface, type AdminInterfaceOptions } from "./admin-interface.ts";

const operator: User = {
  kind: "user",
  id: "op" as UserId,
  tenantId: "us" as TenantId,
  roles: ["operator"],
  assurance: 3,
  authenticatedAtMs: 1,
};
const OPTIONS: AdminInterfaceOptions = {
  origin: "https://app.example.com",
  host: "admin.example.com",
  roles: ["operator"],
};

function decide(sketch: RequestSketch, pattern: string, options: Partial<AdminInterfaceOptions> = {}) {
  const exchange = sketchExchange({ host: "admin.example.com", principal: operator, target: pattern, ...sketch });
  exchange.pattern = pattern;
  const decision = adminInterface({ ...OPTIONS, ...options }).decide?.(exchange);
  if (decision === undefined || decision instanceof Promise) throw new Error("It decides at once.");
  return decision.kind === "deny" ? `${decision.reason} ${decision.events[0]?.detail}` : decision;
}

describe("administration", () => {
  it("is open on its own host to a person with the role and a key, and what he does is told", () => {
    expect(decide({ method: "POST" }, "/admin/tenants/:id")).toMatchObject({
      kind: "allow",
      events: [{ event: "admin_activity", action: "POST /admin/tenants/:id" }],
    });
    expect(decide({ host: "ADMIN.example.com:443" }, "/admin")).toMatchObject({ kind: "allow" });
  });

  it("is not there on any other host, whoever asks", () => {
    for (const host of [
      "app.example.com",
      "admin.example.com.evil.example",
      "xadmin.example.com",
      "192.0.2.1",
      "admin",
    ])
      expect(decide({ host }, "/admin")).toBe("not_found admin_on_public_host");
    expect(decide({ host: "app.example.com" }, "/documents")).toMatchObject({ kind: "allow", events: [] });
    expect(decide({ host: "app.example.com" }, "/administrators-guide")).toMatchObject({ kind: "allow", events: [] });
  });

  it.each<readonly [string, Principal, string]>([
    ["nobody", { kind: "anonymous" }, "unauthenticated unauthenticated"],
    ["somebody without the role", { ...operator, roles: ["owner"] }, "forbidden role_missing"],
    ["somebody without a key", { ...operator, assurance: 2 }, "forbidden admin_without_key"],
    [
      "a program",
      { kind: "service", id: "job", tenantId: "us" as TenantId, roles: ["operator"] },
      "forbidden admin_not_in_person",
    ],
    [
      "a visitor",
      { ...operator, actor: { id: "staff" as UserId, tenantId: "us" as TenantId } },
      "forbidden admin_not_in_person",
    ],
    [
      "a token",
      { ...operator, delegation: { issuer: "i", subject: "op", clientId: "c", scopes: [], authorizationDetails: [] } },
      "forbidden admin_not_in_person",
    ],
  ])("refuses %s", (_, principal, outcome) => {
    expect(decide({ principal }, "/admin")).toBe(outcome);
  });

  it("takes no form of another host, the public one included", () => {
    const post = (origin: string) => decide({ method: "POST", headers: { origin } }, "/admin/tenants");
    expect(post("https://admin.example.com")).toMatchObject({ kind: "allow" });
    for (const origin of ["https://app.example.com", "null", "https://admin.example.com.evil.example", ""])
      expect(post(origin)).toBe("csrf_failed admin_from_other_host");
  });

  it("is not there from another network, where some are named", () => {
    const from = ["10.0.0.0/8", "2001:db8::/32"];
    expect(decide({ client: "10.1.2.3" }, "/admin", { from })).toMatchObject({ kind: "allow" });
    for (const client of ["11.0.0.1", "::ffff:10.1.2.3", "2001:db9::1"])
      expect(decide({ client }, "/admin", { from })).toBe("not_found admin_from_elsewhere");
  });

  it("is not there for somebody unknown, whom the address of our own proxy stands for", () => {
    const from = ["10.0.0.0/8"];
    expect(decide({ client: "10.1.2.3", clientUnknown: true }, "/admin", { from })).toBe(
      "not_found admin_from_elsewhere",
    );
    expect(decide({ client: "10.1.2.3", clientUnknown: true }, "/admin")).toMatchObject({ kind: "allow" });
  });

  it("is switched off where its host is the public one, or none", () => {
    for (const host of ["app.example.com", "APP.example.com.", "", "admin", "https://admin.example.com", "*"]) {
      expect(decide({ host: "app.example.com" }, "/admin", { host })).toBe("not_found admin_on_public_host");
      expect(decide({}, "/admin", { host })).toBe("not_found admin_on_public_host");
      const judged = adminInterface({ ...OPTIONS, host }).check({} as never);
      expect(judged.map(({ rule }) => rule.id)).toEqual(["admin-interface/disabled"]);
    }
  });

  it("is not built half", () => {
    expect(() => adminInterface({ ...OPTIONS, roles: [] })).toThrow(/roles/u);
    expect(() => adminInterface({ ...OPTIONS, level: 1 as never })).toThrow(/level/u);
    expect(() => adminInterface({ ...OPTIONS, from: ["10.0.0.1/8"] })).toThrow(TypeError);
    expect(() => adminInterface({ ...OPTIONS, prefix: "admin" })).toThrow(/prefix/u);
    const judged = adminInterface({ ...OPTIONS, level: 2 }).check({} as never);
    expect(judged.map(({ rule }) => rule.id)).toEqual(["admin-interface/phishable"]);
  });
});

describe("routes that look like administration", () => {
  const judged = (options: AdminInterfaceOptions, ...patterns: readonly string[]) =>
    adminInterface(options)
      .checkRoutes?.(patterns.map((pattern) => ({ method: "GET", pattern, rule: {} as never })))
      .map(({ rule }) => rule.id.split("/")[1]);
  const none = { origin: "https://app.example.com" };

  it("are named where nothing guards them", () => {
    expect(judged(none, "/admin", "/admin/users", "/Backoffice/x", "/documents")).toEqual([
      "unguarded",
      "unguarded",
      "unguarded",
    ]);
    expect(judged(none, "/bull-board", "/api/graphiql", "/tools/adminjs/x", "/adminer")).toEqual([
      "panel",
      "panel",
      "panel",
      "panel",
    ]);
    expect(judged(OPTIONS, "/admin", "/admin/bull-board", "/bull-board")).toEqual(["panel"]);
  });

  it("answer 404 on the public host", () => {
    const seen = (url: string, status: number) =>
      adminInterface(OPTIONS).observe?.({ url, status, scheme: "https", headers: [] }).length;
    expect(ADMIN_PATHS.length).toBeGreaterThanOrEqual(40);
    for (const path of ADMIN_PATHS) {
      for (const status of [200, 301, 401, 403]) expect(seen(`https://app.example.com${path}`, status)).toBe(1);
      expect(seen(`https://app.example.com${path}`, 404)).toBe(0);
    }
    expect(seen("https://app.example.com/Admin/", 403)).toBe(1);
    expect(seen("https://admin.example.com/admin", 403)).toBe(0);
    expect(seen("https://app.example.com/documents", 200)).toBe(0);
  });
});

it("is mounted by the preset, which answers for its host", async () => {
  const layers = saas({
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    admin: { host: "admin.example.com", roles: ["operator"] },
  });
  expect(layers.authorization.map(({ meta }) => meta.id)).toContain("admin-interface");
  const hosts = layers.network.find(({ meta }) => meta.id === "allowed-hosts");
  const kind = async (host: string) => (await hosts?.decide?.(sketchExchange({ host })))?.kind;
  expect([await kind("admin.example.com"), await kind("app.example.com"), await kind("other.example.com")]).toEqual([
    "allow",
    "allow",
    "deny",
  ]);
});
