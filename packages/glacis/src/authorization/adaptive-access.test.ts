import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Decision } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import {
  ACCESS_PLACE_MIGRATION,
  memoryAccessPlaces,
  postgresAccessPlaces,
  type AccessPlaceStore,
} from "./adaptive-access-store.ts";
import { adaptiveAccess, newPlace, tenantNetworks, type AccessSignal } from "./adaptive-access.ts";

const database = await testDatabase("adaptive_access");
await database?.pool.query(ACCESS_PLACE_MIGRATION);
afterAll(() => database?.drop());
const keys = keyRing(newKey("k1"));
const userWith = (...roles: readonly string[]): Principal => ({
  kind: "user",
  id: "ada" as UserId,
  tenantId: "acme" as TenantId,
  roles,
  assurance: 1,
  authenticatedAtMs: 1,
});
const signal = (action: "step_up" | "deny", answer: unknown = true): AccessSignal => ({
  name: `signal_${action}`,
  action,
  risky: () => (answer instanceof Error ? Promise.reject(answer) : (answer as boolean)),
});

async function decide(signals: readonly AccessSignal[], sketch: RequestSketch = {}, pattern = "/documents") {
  const exchange = sketchExchange({ principal: userWith("member"), target: pattern, ...sketch });
  exchange.pattern = pattern;
  return (await adaptiveAccess({ signals }).decide?.(exchange)) as Decision;
}
const outcome = async (...asked: Parameters<typeof decide>): Promise<string> => {
  const decision = await decide(...asked);
  return decision.kind === "deny" ? `${decision.reason} ${decision.events.at(-1)?.detail}` : decision.kind;
};

describe("signals", () => {
  it("ask for a proof or shut the door, the strictest first", async () => {
    expect(await outcome([])).toBe("allow");
    expect(await outcome([signal("step_up", false)])).toBe("allow");
    expect(await outcome([signal("step_up")])).toBe("step_up_required signal_step_up");
    expect(await outcome([signal("step_up"), signal("deny")])).toBe("forbidden signal_deny");
    expect(await outcome([signal("step_up")], { principal: { kind: "anonymous" } })).toBe("allow");
    const job = { kind: "service", id: "job", tenantId: "acme" as TenantId, roles: [] } as const;
    expect(await outcome([signal("step_up")], { principal: job })).toBe("forbidden signal_step_up");
  });

  it("count as there unless they say clearly that they are not", async () => {
    for (const odd of [undefined, null, 0, "", "no"])
      expect(await outcome([signal("deny", odd)])).toContain("forbidden");
  });

  it("lead people to where they prove themselves, and let them be there", async () => {
    const page = { headers: { accept: "text/html" }, target: "/documents?page=2" };
    expect(await decide([signal("step_up")], page)).toMatchObject({
      kind: "redirect",
      location: "/confirm?next=%2Fdocuments%3Fpage%3D2",
    });
    expect(await outcome([signal("step_up")], { ...page, target: "//evil.example/" })).toContain("step_up_required");
    for (const pattern of ["/confirm", "/sign-out"])
      expect(await outcome([signal("step_up")], {}, pattern)).toBe("allow");
    expect(await outcome([signal("deny")], {}, "/confirm")).toContain("forbidden");
  });

  it("tighten for administrators when they cannot be read, change nothing for others, and are told", async () => {
    const broken = [signal("step_up", new Error("The lookup is down."))];
    const admin = { principal: userWith("admin") };
    expect(await outcome(broken)).toBe("allow");
    expect(await outcome(broken, admin)).toBe("step_up_required signal_step_up");
    expect(await decide(broken)).toMatchObject({ events: [{ event: "access_signal_unread", action: "let_be" }] });
    expect(await decide(broken, admin)).toMatchObject({ events: [{ action: "held_to_it" }, { event: "authz_fail" }] });
  });

  it("never open by their number what was shut without them", async () => {
    const one = fc.record({ action: fc.constantFrom("step_up" as const, "deny" as const), answer: fc.boolean() });
    const rank: Readonly<Record<string, number>> = { allow: 0, step_up_required: 1, forbidden: 2 };
    const strictness = async (list: readonly { action: "step_up" | "deny"; answer: boolean }[]): Promise<number> => {
      const decided = await outcome(list.map(({ action, answer }) => signal(action, answer)));
      return rank[decided.split(" ")[0] as string] as number;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 5 }), one, async (some, more) => {
        expect(await strictness([...some, more])).toBeGreaterThanOrEqual(await strictness(some));
        expect(await strictness([more, ...some])).toBeGreaterThanOrEqual(await strictness(some));
      }),
    );
  });
});

const stores: readonly (readonly [string, AccessPlaceStore])[] = [
  ["memory", memoryAccessPlaces()],
  ...(database === undefined ? [] : [["Postgres", postgresAccessPlaces(database.pool)] as const]),
];
let sessions = 0;

describe.each(stores)("a session in a new place, kept in %s", (name, store) => {
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.6778.86 Safari/537.36";
  const seen = async (id: string, client: string, agent: string, when: "both" | "either" = "both"): Promise<string> =>
    outcome([newPlace({ store, keys, when })], { client, session: { id }, headers: { "user-agent": agent } });
  const fresh = (): string => `${name} ${(sessions += 1)}`;

  it("must be proved when network and browser are others, and not when one of them is", async () => {
    const id = fresh();
    expect(await seen(id, "203.0.113.7", chrome)).toBe("allow");
    expect(await seen(id, "198.51.100.1", chrome.replace("131.0.6778.86", "132.0.1.2"))).toBe("allow");
    expect(await seen(id, "203.0.7.7", "curl/8.1")).toBe("allow");
    expect(await seen(id, "198.51.100.1", "curl/8.1")).toBe("step_up_required new_place");
    expect(await seen(fresh(), "198.51.100.1", "curl/8.1")).toBe("allow");
    expect(await seen(id, "198.51.100.1", chrome, "either")).toBe("step_up_required new_place");
  });

  it("knows a network of IPv6 by its operator, and says where nobody's session is nothing", async () => {
    const id = fresh();
    expect(await seen(id, "2001:db8:1::1", chrome)).toBe("allow");
    expect(await seen(id, "2001:db8:2::1", "curl/8.1")).toBe("allow");
    expect(await seen(id, "2001:db9::1", "curl/8.1")).toBe("step_up_required new_place");
    expect(await outcome([newPlace({ store, keys })], { client: "198.51.100.1" })).toBe("allow");
  });

  it("stays where it is when the keys change", async () => {
    const [one, two] = [newKey("k1"), newKey("k2")];
    const at = (ring: string, client: string) =>
      outcome([newPlace({ store, keys: keyRing(ring), when: "either" })], {
        client,
        session: { id: `rotated ${name}` },
      });
    expect(await at(one, "203.0.113.7")).toBe("allow");
    expect(await at(`${two},${one}`, "203.0.113.7")).toBe("allow");
    expect(await at(`${two},${one}`, "198.51.100.7")).toBe("step_up_required new_place");
  });

  it("has one first place, of many at once", async () => {
    const id = fresh();
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_, at) =>
        store.first(id, { network: `n${at}`, device: "d" }, Date.now() + 60_000),
      ),
    );
    expect(new Set(answers.map(({ network }) => network)).size).toBe(1);
    expect(JSON.stringify(answers)).not.toContain("203.0.113");
  });
});

it("holds the people of a tenant to the networks that it has named", async () => {
  const ranges: Record<string, readonly string[]> = { acme: ["203.0.113.0/24"] };
  const networks = tenantNetworks((tenantId) => ranges[tenantId]);
  expect(await outcome([networks], { client: "203.0.113.7" })).toBe("allow");
  expect(await outcome([networks], { client: "198.51.100.1" })).toBe("forbidden tenant_networks");
  const other = { ...(userWith("member") as { kind: "user" }), tenantId: "other" } as Principal;
  expect(await outcome([networks], { client: "198.51.100.1", principal: other })).toBe("allow");
  ranges["acme"] = [];
  expect(await outcome([networks], { client: "203.0.113.7" })).toBe("forbidden tenant_networks");
});

it("is not built of half signals, and finds a memory that no other process has", () => {
  for (const odd of [
    { name: "x", action: "allow", risky: () => true },
    { name: "X y", action: "deny", risky: () => true },
    { name: "x", action: "deny" },
    undefined,
  ])
    expect(() => adaptiveAccess({ signals: [odd as never] })).toThrow(/signals/u);
  expect(() => adaptiveAccess({ signals: [], page: "//evil.example" })).toThrow(/page/u);
  const control = adaptiveAccess({ signals: [newPlace({ store: memoryAccessPlaces(), keys })] });
  expect(control.check({ mode: "production" } as never).map(({ rule }) => rule.id)).toEqual([
    "adaptive-access/memory-store",
  ]);
  expect(adaptiveAccess({ signals: [signal("deny")] }).check({ mode: "production" } as never)).toEqual([]);
});
