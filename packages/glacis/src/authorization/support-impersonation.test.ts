import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditEvent } from "../core/event.ts";
import { ANONYMOUS, type User } from "../core/principal.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { supportImpersonation, type SupportImpersonationOptions } from "./support-impersonation.ts";
import { memorySupport, postgresSupport, SUPPORT_MIGRATION, type SupportStore } from "./support-store.ts";

const database = await testDatabase("support");
await database?.pool.query(SUPPORT_MIGRATION);
afterAll(() => database?.drop());
const stores = [
  ["memory", memorySupport()] as const,
  ...(database === undefined ? [] : [["Postgres", postgresSupport(database.pool)] as const]),
];

const NOW = Date.parse("2026-11-26T12:00:00Z");
const HOUR = 3_600_000;
const PURPOSE = "Ticket 4711: the list stays empty";
let tenants = 0;

function user(id: string, tenantId: string, roles: readonly string[], change: Partial<User> = {}): User {
  return {
    kind: "user",
    id: id as User["id"],
    tenantId: tenantId as User["tenantId"],
    roles,
    assurance: 2,
    authenticatedAtMs: NOW,
    ...change,
  };
}

/** A tenant of its own for each test, and everything that happens. */
function world(store: SupportStore, change: Partial<SupportImpersonationOptions> = {}) {
  tenants += 1;
  const tenantId = `tenant-${tenants}`;
  const events: AuditEvent[] = [];
  const notified: unknown[] = [];
  const support = supportImpersonation({
    store,
    role: "support",
    subject: async ({ userId }) => (userId === "gone" ? undefined : { roles: ["member"], groups: ["sales"] }),
    exit: "/support/end",
    blocked: ["/settings/export"],
    notify: (visit) => void notified.push(visit),
    report: (event) => void events.push(event),
    ...change,
  });
  const staff = user("sue", "us", ["support"]);
  const owner = user("olga", tenantId, ["owner"]);
  const session = { id: `session-${tenants}` };
  const request = (principal: User = staff, nowMs: number = NOW) => sketchExchange({ principal, session, nowMs });
  const begin = (principal?: User, nowMs?: number) =>
    support.begin(request(principal, nowMs), { tenantId, userId: "ben", purpose: PURPOSE });
  const seenAs = async (nowMs: number = NOW, principal: User = staff) =>
    (await support.authenticate(() => ({ principal, session }))(sketchExchange({ nowMs }))).principal;
  return { support, tenantId, events, notified, staff, owner, session, request, begin, seenAs };
}

describe.each(stores)("a support visit, kept in %s", (_, store) => {
  it("shows what the user sees, as nobody who could do more, under both names", async () => {
    const { support, tenantId, owner, begin, seenAs, notified, events } = world(store);
    await support.consent(owner, NOW, HOUR);
    expect(await begin()).toEqual({ kind: "begun", endsAtMs: NOW + HOUR / 2 });
    expect(await seenAs()).toEqual({
      kind: "user",
      id: "ben",
      tenantId,
      roles: ["member"],
      groups: ["sales"],
      assurance: 1,
      authenticatedAtMs: 0,
      actor: { id: "sue", tenantId: "us" },
    });
    expect(notified).toMatchObject([{ actorId: "sue", tenantId, userId: "ben" }]);
    expect(events).toMatchObject([
      { event: "support.consent_given", user_id: "olga" },
      { event: "support.visit_begun", user_id: "ben", tenant_id: tenantId, actor_id: "sue", purpose: PURPOSE },
    ]);
  });

  it("needs the tenant's consent, and ends with it at once", async () => {
    const { support, owner, staff, begin, seenAs, events } = world(store);
    expect(await begin()).toEqual({ kind: "refused", cause: "no_consent" });
    expect(await seenAs()).toEqual(staff);
    await support.consent(owner, NOW - 2 * HOUR, HOUR);
    expect(await begin()).toEqual({ kind: "refused", cause: "no_consent" });
    await support.consent(owner, NOW, HOUR);
    await begin();
    expect(await seenAs()).toMatchObject({ id: "ben" });
    await support.withdraw(owner);
    expect(await seenAs()).toEqual(staff);
    expect(events.at(-1)).toMatchObject({ event: "support.consent_withdrawn", user_id: owner.id });
  });

  it("ends after half an hour, and before that when the consent does", async () => {
    const { support, owner, staff, begin, seenAs } = world(store);
    await support.consent(owner, NOW, 5 * HOUR);
    await begin();
    expect(await seenAs(NOW + HOUR / 2 - 1)).toMatchObject({ id: "ben" });
    expect(await seenAs(NOW + HOUR / 2)).toEqual(staff);
    await support.consent(owner, NOW, 60_000);
    expect(await begin()).toEqual({ kind: "begun", endsAtMs: NOW + 60_000 });
    expect(await seenAs(NOW + 60_000)).toEqual(staff);
  });

  it("is for support staff who have proved two factors just now", async () => {
    const { support, owner, begin, events } = world(store);
    await support.consent(owner, NOW, HOUR);
    const refused = async (change: Partial<User>) => begin(user("sue", "us", ["support"], change));
    expect(await refused({ roles: ["admin"] })).toEqual({ kind: "refused", cause: "not_support" });
    expect(await refused({ assurance: 1 })).toEqual({ kind: "refused", cause: "second_factor_stale" });
    expect(await refused({ authenticatedAtMs: NOW - 300_001 })).toEqual({
      kind: "refused",
      cause: "second_factor_stale",
    });
    const actor = { id: "eve" as User["id"], tenantId: "us" as User["tenantId"] };
    expect(await refused({ actor })).toEqual({ kind: "refused", cause: "not_support" });
    expect(events.filter(({ event }) => event === "support.visit_refused")).toHaveLength(4);
  });

  it("needs a purpose in one line, which is kept with it", async () => {
    const { support, tenantId, owner, begin, seenAs, request } = world(store);
    await support.consent(owner, NOW, HOUR);
    for (const purpose of [
      "",
      "too short",
      " padded in front",
      "padded behind ",
      "two\nlines of it",
      "a\u202Ebidi override",
      "x".repeat(201),
    ])
      expect(await support.begin(request(), { tenantId, userId: "ben", purpose }), purpose).toEqual({
        kind: "refused",
        cause: "no_purpose",
      });
    expect(await support.visit(request())).toBeUndefined();
    await begin();
    const visitor = (await seenAs()) as User;
    expect(await support.visit(request(visitor))).toMatchObject({ actorId: "sue", userId: "ben", purpose: PURPOSE });
    expect(await support.visit(request(visitor, NOW + HOUR / 2))).toBeUndefined();
  });

  it("shows support staff where they may go, and no longer than that", async () => {
    const { support, tenantId, owner } = world(store);
    const open = async (nowMs: number) => (await support.standing(nowMs)).filter((one) => one.tenantId === tenantId);
    expect(await open(NOW)).toEqual([]);
    await support.consent(owner, NOW, HOUR);
    expect(await open(NOW)).toEqual([{ tenantId, grantedBy: "olga", endsAtMs: NOW + HOUR }]);
    expect(await open(NOW + HOUR)).toEqual([]);
    await support.withdraw(owner);
    expect(await open(NOW)).toEqual([]);
  });

  it("belongs to the person who began it and to nobody who has that session later", async () => {
    const { support, owner, begin, seenAs } = world(store);
    await support.consent(owner, NOW, HOUR);
    await begin();
    const other = user("sam", "us", ["support"]);
    expect(await seenAs(NOW, other)).toEqual(other);
  });

  it("shows nobody who was removed", async () => {
    const { support, owner, staff, begin, seenAs, request, tenantId } = world(store);
    await support.consent(owner, NOW, HOUR);
    expect(await support.begin(request(), { tenantId, userId: "gone", purpose: PURPOSE })).toEqual({
      kind: "refused",
      cause: "no_user",
    });
    await begin();
    const later = world(store, { subject: async () => undefined });
    const identity = await later.support.authenticate(() => ({ principal: staff, session: request().session }))(
      sketchExchange(),
    );
    expect(identity.principal).toEqual(staff);
    expect(await seenAs()).toMatchObject({ id: "ben" });
  });

  it("does not begin when the tenant cannot be told", async () => {
    const notify = (): never => {
      throw new Error("No mail today.");
    };
    const { support, owner, staff, begin, seenAs } = world(store, { notify });
    await support.consent(owner, NOW, HOUR);
    await expect(begin()).rejects.toThrow("No mail today.");
    expect(await seenAs()).toEqual(staff);
  });

  it("is not under way while the tenant is being told, nor where the consent ends meanwhile", async () => {
    const told: string[] = [];
    const { support, owner, staff, begin, seenAs } = world(store, {
      notify: async () => {
        told.push(JSON.stringify(await seenAs()));
        await support.withdraw(owner);
      },
    });
    await support.consent(owner, NOW, HOUR);
    expect(await begin()).toEqual({ kind: "refused", cause: "no_consent" });
    expect(told).toEqual([JSON.stringify(staff)]);
    expect(await seenAs()).toEqual(staff);
  });

  it("ends when whoever consented could do so no more, and begins for nobody", async () => {
    const owners = new Set(["olga"]);
    const consentStands = async ({ grantedBy }: { readonly grantedBy: string }) => owners.has(grantedBy);
    const { support, tenantId, owner, staff, begin, seenAs } = world(store, { consentStands });
    const open = async () => (await support.standing(NOW)).filter((consent) => consent.tenantId === tenantId);
    await support.consent(owner, NOW, HOUR);
    expect(await begin()).toMatchObject({ kind: "begun" });
    expect(await seenAs()).toMatchObject({ id: "ben" });
    expect([await support.consented(tenantId, NOW), ...(await open())]).toMatchObject([{ tenantId }, { tenantId }]);
    owners.clear();
    expect(await seenAs()).toEqual(staff);
    expect(await begin()).toEqual({ kind: "refused", cause: "no_consent" });
    expect([await support.consented(tenantId, NOW), ...(await open())]).toEqual([undefined]);
  });

  it("ends when the visitor says so", async () => {
    const { support, owner, staff, begin, seenAs, session, events } = world(store);
    await support.consent(owner, NOW, HOUR);
    await begin();
    const principal = (await seenAs()) as User;
    await support.end(sketchExchange({ principal, session }));
    expect(await seenAs()).toEqual(staff);
    expect(events.at(-1)).toMatchObject({ event: "support.visit_ended", user_id: "ben", actor_id: "sue" });
  });
});

describe.runIf(database !== undefined)("a visit over two processes", () => {
  it("that began in one is a visit in the other, and ends in both when either ends it or its consent", async () => {
    const [here, there] = [1, 2].map(() => postgresSupport(database!.pool)) as [SupportStore, SupportStore];
    const first = world(here);
    const { support, staff, session, owner, begin, seenAs } = first;
    const other = world(there).support;
    const elsewhere = async () =>
      (await other.authenticate(() => ({ principal: staff, session }))(sketchExchange({ nowMs: NOW }))).principal;
    await support.consent(owner, NOW, HOUR);
    await begin();
    expect(await elsewhere()).toEqual(await seenAs());
    expect(await elsewhere()).toMatchObject({ id: "ben", actor: { id: "sue" } });
    await other.end(sketchExchange({ principal: (await elsewhere()) as User, session }));
    expect([await seenAs(), await elsewhere()]).toEqual([staff, staff]);
    await begin();
    await other.withdraw(owner);
    expect([await seenAs(), await elsewhere()]).toEqual([staff, staff]);
    expect(await begin()).toEqual({ kind: "refused", cause: "no_consent" });
  });

  it("that two begin at once in one session is one of the two, and each tenant has been told", async () => {
    const store = postgresSupport(database!.pool);
    const [one, two] = [world(store), world(store)];
    const request = sketchExchange({ principal: one.staff, session: one.session, nowMs: NOW });
    for (const { support, owner } of [one, two]) await support.consent(owner, NOW, HOUR);
    await Promise.all(
      [one, two].map(({ support, tenantId }) => support.begin(request, { tenantId, userId: "ben", purpose: PURPOSE })),
    );
    const seen = (await one.seenAs()) as User;
    expect([one.tenantId, two.tenantId]).toContain(seen.tenantId);
    expect([one.notified.length, two.notified.length]).toEqual([1, 1]);
  });
});

describe("a request of a visitor", () => {
  const { support, tenantId } = world(memorySupport());
  const visitor = user("ben", tenantId, ["owner"], {
    actor: { id: "sue", tenantId: "us" } as NonNullable<User["actor"]>,
  });
  const decide = (method: string, pattern: string, principal: User = visitor) => {
    const exchange = sketchExchange({ method, principal });
    exchange.pattern = pattern;
    return support.control.decide?.(exchange);
  };

  it("reads, and each time that is told under both names", () => {
    expect(decide("GET", "/documents/:id")).toMatchObject({
      kind: "allow",
      events: [{ event: "support.viewed", user_id: "ben", actor_id: "sue", tenant_id: tenantId }],
    });
  });

  it.each([
    ["POST", "/documents", "read_only"],
    ["PUT", "/api/documents/:id", "read_only"],
    ["DELETE", "/api/documents/:id", "read_only"],
    ["get", "/documents", "read_only"],
    ["GET", "/settings/export", "blocked_route"],
    ["POST", "/settings/password", "read_only"],
  ])("is refused where it would do more: %s %s", (method, pattern, detail) => {
    expect(decide(method, pattern)).toMatchObject({
      kind: "deny",
      reason: "forbidden",
      events: [{ event: "support.visit_refused", detail, actor_id: "sue", user_id: "ben" }],
    });
  });

  it("may end the visit, and nobody else is concerned", () => {
    expect(decide("POST", "/support/end")).toMatchObject({ kind: "allow", events: [] });
    expect(decide("POST", "/documents", user("ben", tenantId, ["owner"]))).toMatchObject({ kind: "allow", events: [] });
  });

  it("cannot consent to the visit", async () => {
    await expect(support.consent(visitor, NOW, HOUR)).rejects.toThrow(TypeError);
    await expect(support.consent(user("o", "t", []), NOW, 8 * 24 * HOUR)).rejects.toThrow(TypeError);
  });

  it("costs the store nothing when it is not one of support staff", async () => {
    const asked: string[] = [];
    const watched = world({ ...memorySupport(), visit: (id) => void asked.push(id) });
    for (const principal of [ANONYMOUS, user("ben", tenantId, ["owner"])])
      await watched.support.authenticate(() => ({ principal, session: { id: "s" } }))(sketchExchange());
    expect(asked).toEqual([]);
  });
});
