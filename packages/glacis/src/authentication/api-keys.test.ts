import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Principal, User } from "../core/principal.ts";
import type { Authenticate } from "../core/security.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { saas } from "../presets/saas.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { authenticated } from "../core/access.ts";
import { routeRule } from "../core/route.ts";
import { apiKeyPattern, mintApiKey, parseApiKey } from "./api-key-format.ts";
import { API_KEY_MIGRATION, memoryApiKeys, postgresApiKeys, type ApiKeyStore } from "./api-key-store.ts";
import { apiKeys, type ApiKeys, type ApiKeysOptions } from "./api-keys.ts";
import { refusedBearer } from "./bearer-credential.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-26T12:00:00Z");
const database = await testDatabase("api_keys");
await database?.pool.query(API_KEY_MIGRATION);
afterAll(() => database?.drop());
const stores: readonly (readonly [string, ApiKeyStore])[] = [
  ["memory", memoryApiKeys()],
  ...(database === undefined ? [] : [["Postgres", postgresApiKeys(database.pool)] as const]),
];

const userOf = (id: string, tenantId: string = id, roles: readonly string[] = ["admin"]): User => ({
  kind: "user",
  id: id as UserId,
  tenantId: tenantId as TenantId,
  roles,
  assurance: 2,
  authenticatedAtMs: NOW,
});

const scopes = { "documents:read": ["viewer"], "documents:write": ["editor", "viewer"] };

function keysIn(store: ApiKeyStore, options: Partial<ApiKeysOptions> = {}): ApiKeys {
  const grants = (user: User): readonly string[] =>
    user.roles.includes("admin") ? ["documents:read", "documents:write"] : ["documents:read"];
  return apiKeys({ prefix: "folio_sk", store, scopes, grants, ...options });
}

const session: Authenticate = () => ({ principal: userOf("by-cookie"), session: { id: "s" } });

/** Who a request with these Authorization headers is, and why it was refused. */
async function ask(
  keys: ApiKeys,
  header: string | readonly string[],
  nowMs: number = NOW,
): Promise<{ readonly principal: Principal; readonly cause: string | undefined }> {
  const lines = [header].flat().flatMap((value) => ["Authorization", value]);
  const rawHeaders = ["Host", "app.example.com", "Cookie", "__Host-session=x", ...lines];
  const facts = sketchExchange({ nowMs, rawHeaders });
  const { principal } = await keys.authenticate(session)(facts);
  return { principal, cause: refusedBearer(facts)?.events[0]?.detail };
}

async function issued(keys: ApiKeys, user: User, wanted: readonly string[] = ["documents:read"]) {
  const outcome = await keys.issue(user, { name: "nightly export", scopes: wanted }, NOW);
  if (outcome.kind !== "issued") throw new Error(outcome.cause);
  return outcome;
}

describe.each(stores)("API keys in %s", (name, store) => {
  it("make a request a service of their tenant, with the roles of their scopes and no session", async () => {
    const keys = keysIn(store);
    const { key, apiKey } = await issued(keys, userOf("ada"), ["documents:write"]);
    const facts = sketchExchange({ headers: { authorization: `Bearer ${key}`, cookie: "__Host-session=x" } });
    expect(await keys.authenticate(session)(facts)).toEqual({
      principal: {
        kind: "service",
        id: `key:${apiKey.id}`,
        tenantId: "ada",
        roles: ["editor", "viewer"],
        ownerId: "ada",
      },
      session: undefined,
    });
    expect(apiKey).toMatchObject({ start: `folio_sk_${apiKey.id}`, ownerId: "ada", expiresAtMs: NOW + 90 * DAY });
    expect(JSON.stringify(await store.read(apiKey.id))).not.toContain(key.slice(-49));
  });

  it("never fall back to the session that came along", async () => {
    const keys = keysIn(store);
    const { key } = await issued(keys, userOf("bo"));
    const other = mintApiKey("folio_sk").key;
    const id = key.split("_")[2] as string;
    const forged = mintApiKey("folio_sk", id).key;
    const cases: readonly (readonly [string | readonly string[], string])[] = [
      [`Bearer ${key.slice(0, -1)}`, "malformed"],
      [`Bearer ${key}0`, "malformed"],
      [`Bearer ${key.toUpperCase().replace("FOLIO_SK", "folio_sk")}`, "malformed"],
      [`Bearer ${other}`, "unknown"],
      [`bearer   ${forged}`, "secret_mismatch"],
      [[`Bearer ${key}`, `Bearer ${key}`], "header_duplicated"],
      [[`Basic eDp5`, `Bearer ${key}`], "header_duplicated"],
    ];
    for (const [header, cause] of cases) {
      expect(await ask(keys, header)).toEqual({ principal: { kind: "anonymous" }, cause });
    }
    for (const header of ["Basic eDp5", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer", key]) {
      expect(await ask(keys, header)).toMatchObject({ principal: { id: "by-cookie" }, cause: undefined });
    }
  });

  it("end with the account of their owner, in every tenant and for nobody else", async () => {
    const keys = keysIn(store);
    const eve = (tenant: string): User => userOf(`eve-${name}`, `${tenant}-${name}`);
    const [here, there] = [await issued(keys, eve("here")), await issued(keys, eve("there"))];
    const other = await issued(keys, userOf(`mo-${name}`, `here-${name}`));
    const starts = async (): Promise<readonly string[]> =>
      (await keys.aliveOf(`eve-${name}`, NOW)).map(({ start }) => start);
    expect((await starts()).toSorted()).toEqual([here.apiKey.start, there.apiKey.start].toSorted());
    expect(await keys.aliveOf(`eve-${name}`, NOW + 90 * DAY)).toEqual([]);
    expect(await keys.revokeUser(`eve-${name}`, NOW)).toBe(2);
    expect(await keys.revokeUser(`eve-${name}`, NOW)).toBe(0);
    expect(await starts()).toEqual([]);
    expect(await ask(keys, `Bearer ${there.key}`)).toMatchObject({ cause: "revoked" });
    expect(await ask(keys, `Bearer ${other.key}`)).toMatchObject({ cause: undefined });
  });

  it("end when their term is over, when they are revoked, and when their owner is", async () => {
    const keys = keysIn(store);
    const cy = userOf("cy");
    const [first, second, third] = [await issued(keys, cy), await issued(keys, cy), await issued(keys, cy)];
    expect(await ask(keys, `Bearer ${first.key}`, NOW + 90 * DAY - 1)).toMatchObject({ cause: undefined });
    expect(await ask(keys, `Bearer ${first.key}`, NOW + 90 * DAY)).toMatchObject({ cause: "expired" });
    expect(await keys.revoke("bo", second.apiKey.id, NOW)).toBe(false);
    expect(await keys.revoke("cy", second.apiKey.id, NOW)).toBe(true);
    expect(await keys.revoke("cy", second.apiKey.id, NOW)).toBe(false);
    expect(await ask(keys, `Bearer ${second.key}`)).toMatchObject({ cause: "revoked" });
    expect(await keys.revokeOwner("cy", "cy", NOW)).toBe(2);
    expect(await ask(keys, `Bearer ${third.key}`)).toMatchObject({ cause: "revoked" });
    expect((await keys.list("cy")).map(({ revokedAtMs }) => revokedAtMs)).toEqual([NOW, NOW, NOW]);
    expect(await keys.list("nobody")).toEqual([]);
  });

  it("ask for the standing of their owner, and a fault refuses", async () => {
    let answer: () => boolean = () => true;
    const keys = keysIn(store, { standing: ({ ownerId }) => ownerId === "di" && answer() });
    const { key } = await issued(keys, userOf("di"));
    expect(await ask(keys, `Bearer ${key}`)).toMatchObject({ cause: undefined });
    answer = () => false;
    expect(await ask(keys, `Bearer ${key}`)).toMatchObject({ cause: "owner_gone", principal: { kind: "anonymous" } });
    answer = () => {
      throw new Error("down");
    };
    await expect(ask(keys, `Bearer ${key}`)).rejects.toThrow("down");
  });

  it("get a new secret while the former one still works, and without overlap at once", async () => {
    const keys = keysIn(store);
    const ed = userOf("ed");
    const { key: first, apiKey } = await issued(keys, ed);
    const later = NOW + 10 * DAY;
    const rotated = await keys.rotate(ed, apiKey.id, later, { overlapHours: 1 });
    const second = rotated.kind === "issued" ? rotated.key : "";
    expect(rotated).toMatchObject({ kind: "issued", apiKey: { id: apiKey.id, expiresAtMs: later + 90 * DAY } });
    for (const key of [first, second])
      expect(await ask(keys, `Bearer ${key}`, later + 1)).toMatchObject({ cause: undefined });
    expect(await keys.rotate(ed, apiKey.id, later + 1)).toEqual({ kind: "refused", cause: "overlap_running" });
    expect(await ask(keys, `Bearer ${first}`, later + 3_600_000)).toMatchObject({ cause: "secret_mismatch" });
    const again = await keys.rotate(ed, apiKey.id, later + 2, { overlapHours: 0 });
    expect(again.kind).toBe("issued");
    // Voided at once is voided in a process whose clock is behind, too.
    for (const key of [first, second])
      for (const nowMs of [later + 3, later - 60_000])
        expect(await ask(keys, `Bearer ${key}`, nowMs)).toMatchObject({ cause: "secret_mismatch" });
    expect(await keys.rotate(userOf("foe"), apiKey.id, later)).toEqual({ kind: "refused", cause: "not_found" });
    expect(await keys.rotate(ed, "'; drop", later)).toEqual({ kind: "refused", cause: "not_found" });
  });

  it("are rotated by one of 64 who try at once", async () => {
    const keys = keysIn(store);
    const fi = userOf("fi");
    const { key, apiKey } = await issued(keys, fi);
    const tries = await Promise.all(Array.from({ length: 64 }, () => keys.rotate(fi, apiKey.id, NOW + 1)));
    const winners = tries.flatMap((one) => (one.kind === "issued" ? [one.key] : []));
    expect(winners).toHaveLength(1);
    for (const good of [key, ...winners])
      expect(await ask(keys, `Bearer ${good}`, NOW + 2)).toMatchObject({ cause: undefined });
  });

  it("are made and renewed by nobody who only visits: a key would outlive the visit", async () => {
    const keys = keysIn(store);
    const owner = userOf("visited");
    const { apiKey } = await issued(keys, owner);
    const visitor: User = { ...owner, actor: { id: "sue" as UserId, tenantId: "us" as TenantId } };
    const wish = { name: "a way back", scopes: ["documents:read"] };
    await expect(keys.issue(visitor, wish, NOW)).rejects.toThrow("A visitor makes no API keys");
    await expect(keys.rotate(visitor, apiKey.id, NOW)).rejects.toThrow("A visitor makes no API keys");
    expect(await keys.list("visited")).toHaveLength(1);
  });

  it("are made by nobody who comes by an access token: a key would outlive it, and be for more", async () => {
    const keys = keysIn(store);
    const delegation = { issuer: "https://idp.example", subject: "x", clientId: "app", scopes: ["documents:read"] };
    const bearer = { ...userOf("delegated"), delegation } as unknown as User;
    const wish = { name: "a longer life", scopes: ["documents:write"] };
    await expect(keys.issue(bearer, wish, NOW)).rejects.toThrow("access token");
    expect(await keys.list("delegated")).toEqual([]);
  });

  it("are given by people alone, who give no more than they may", async () => {
    const keys = keysIn(store, { mostPerTenant: 1 });
    const viewer = userOf("gus", "gus", ["viewer"]);
    const wish = { name: "x", scopes: ["documents:write"] };
    expect(await keys.issue(viewer, wish, NOW)).toEqual({ kind: "refused", cause: "scopes_not_yours" });
    expect(await keys.issue(userOf("gus"), { ...wish, scopes: ["admin"] }, NOW)).toMatchObject({
      cause: "scopes_invalid",
    });
    expect(await keys.issue(userOf("gus"), { ...wish, scopes: [] }, NOW)).toMatchObject({ cause: "scopes_invalid" });
    expect(await keys.issue(userOf("gus"), { ...wish, name: "a\nb" }, NOW)).toMatchObject({ cause: "name_invalid" });
    expect(await keys.issue(userOf("gus"), { ...wish, lifetimeDays: 366 }, NOW)).toMatchObject({
      cause: "lifetime_invalid",
    });
    const { apiKey } = await issued(keys, userOf("gus"), ["documents:write"]);
    expect(await keys.issue(userOf("gus"), wish, NOW)).toMatchObject({ cause: "too_many" });
    expect(await keys.rotate(viewer, apiKey.id, NOW)).toEqual({ kind: "refused", cause: "scopes_not_yours" });
    const service = { kind: "service", id: "key:1", tenantId: "gus", roles: ["admin"] } as unknown as User;
    await expect(keys.issue(service, wish, NOW)).rejects.toThrow("Only a signed-in user");
  });

  it("that are over or revoked take up no room", async () => {
    const keys = keysIn(store, { mostPerTenant: 2 });
    const owner = userOf("roomy");
    const wish = { name: "x", scopes: ["documents:read"] };
    const make = async (nowMs: number) => (await keys.issue(owner, { ...wish, lifetimeDays: 1 }, nowMs)).kind;
    expect([await make(NOW), await make(NOW), await make(NOW)]).toEqual(["issued", "issued", "refused"]);
    expect([await make(NOW + DAY), await make(NOW + DAY), await make(NOW + DAY)]).toEqual([
      "issued",
      "issued",
      "refused",
    ]);
    const [newest] = await keys.list("roomy");
    expect(await keys.revoke("roomy", newest?.id ?? "", NOW + DAY)).toBe(true);
    expect(await make(NOW + DAY)).toBe("issued");
  });

  it("remember their last use to a minute, written behind the requests", async () => {
    const keys = keysIn(store);
    const { key } = await issued(keys, userOf("hal"));
    for (const offset of [0, 1, 59_999]) await ask(keys, `Bearer ${key}`, NOW + offset);
    await keys.flush();
    const [view] = await keys.list("hal");
    expect(view?.usedAtMs).toBe(NOW + 59_999);
    await ask(keys, `Bearer ${key}`, NOW + 60_000);
    await keys.flush();
    expect((await keys.list("hal"))[0]?.usedAtMs).toBe(NOW + 59_999);
  });

  it(`tell what became of them, once each (${name})`, async () => {
    const events: AuditEvent[] = [];
    const keys = keysIn(store, { report: (event) => void events.push(event) });
    const { key, apiKey } = await issued(keys, userOf("ivy"));
    await keys.rotate(userOf("ivy"), apiKey.id, NOW);
    await keys.revoke("ivy", apiKey.id, NOW);
    expect(events.map(({ event, detail }) => [event, detail])).toEqual([
      ["authn_token_created", undefined],
      ["authn_token_created", "rotated"],
      ["authn_token_revoked", undefined],
    ]);
    expect(JSON.stringify(events)).not.toContain(key.split("_")[3]);
  });
});

describe("the text of an API key", () => {
  it("is found by the pattern for scanners, and by its checksum told from an example", () => {
    const { key, id } = mintApiKey("folio_sk");
    expect(`token: "${key}",`).toMatch(new RegExp(apiKeyPattern("folio_sk"), "u"));
    expect(parseApiKey("folio_sk", key)).toMatchObject({ id });
    expect(parseApiKey("other_sk", key)).toBeUndefined();
  });

  it("changes nowhere without being malformed", () => {
    const { key } = mintApiKey("folio_sk");
    const place = fc.integer({ min: 0, max: key.length - 1 });
    fc.assert(
      fc.property(place, fc.string({ minLength: 0, maxLength: 2, unit: "grapheme" }), (at, text) => {
        const changed = key.slice(0, at) + text + key.slice(at + 1);
        expect(parseApiKey("folio_sk", changed) === undefined || changed === key).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => parseApiKey("folio_sk", text) === undefined));
  });

  it("comes of a prefix that a scanner can look for", () => {
    for (const prefix of ["", "Folio", "folio-sk", "folio_", "_sk", "x".repeat(25), 1 as never])
      expect(() => keysIn(memoryApiKeys(), { prefix })).toThrow(/prefix/u);
    expect(() => keysIn(memoryApiKeys(), { scopes: {} })).toThrow(/scopes/u);
    expect(() => keysIn(memoryApiKeys(), { lifetimeDays: 366 })).toThrow(/365/u);
    expect(() => keysIn(memoryApiKeys(), { lifetime: 1 } as never)).toThrow(/lifetimeDays/u);
  });

  it("costs no look-up while it is malformed", async () => {
    const store: ApiKeyStore = { ...memoryApiKeys(), read: () => Promise.reject(new Error("asked")) };
    expect(await ask(keysIn(store), "Bearer folio_sk_x")).toMatchObject({ cause: "malformed" });
    await expect(ask(keysIn(store), `Bearer ${mintApiKey("folio_sk").key}`)).rejects.toThrow("asked");
  });
});

describe("API keys in saas()", () => {
  const origin = "https://app.example.com";

  async function post(keys: ApiKeys, headers: readonly string[]) {
    const events: AuditEvent[] = [];
    const layers = saas({
      origin,
      keys: keyRing(newKey("k1")),
      mode: "test",
      bearer: [keys],
      audit: (one) => void events.push(one),
    });
    const security = glacis(layers);
    const rawHeaders = ["Host", "app.example.com", "Content-Length", "0", ...headers];
    const wire = {
      method: "POST",
      target: "/documents",
      httpVersion: "1.1",
      rawHeaders,
      peerAddress: "192.0.2.1",
      encrypted: true,
    };
    const exchange = security.begin(wire);
    const rule = routeRule(authenticated(), { kind: "api" });
    const verdict = await security.enter(exchange, { method: "POST", pattern: "/documents", rule });
    return { verdict, principal: exchange.principal, events };
  }

  it("need no CSRF token, for no browser attaches one by itself", async () => {
    const keys = keysIn(memoryApiKeys());
    const { key } = await issued(keys, userOf("ada"));
    const { verdict, principal } = await post(keys, [
      "Authorization",
      `Bearer ${key}`,
      "Cookie",
      "__Host-session=stolen",
    ]);
    expect(verdict).toEqual({ kind: "proceed" });
    expect(principal).toMatchObject({ kind: "service", tenantId: "ada" });
  });

  it("are refused with 401, the same words and one event, whatever is wrong with them", async () => {
    const keys = keysIn(memoryApiKeys());
    const { key, apiKey } = await issued(keys, userOf("ada"));
    await keys.revoke("ada", apiKey.id, NOW);
    const bodies = new Set<string>();
    for (const bad of ["folio_sk_x", mintApiKey("folio_sk").key, mintApiKey("folio_sk", apiKey.id).key, key]) {
      const { verdict, events } = await post(keys, ["Authorization", `Bearer ${bad}`]);
      if (verdict.kind !== "respond") throw new Error("let in");
      expect(verdict.status).toBe(401);
      expect(verdict.headers).toContainEqual(["www-authenticate", 'Bearer error="invalid_token"']);
      expect(events.map(({ event }) => event)).toEqual(["authn_token_rejected"]);
      expect(JSON.stringify(events)).not.toContain(bad.slice(-49));
      bodies.add((verdict.body ?? "").replace(/"(?:request_id|instance)":"[^"]*"/gu, ""));
    }
    expect(bodies.size).toBe(1);
  });

  it("judges its options", () => {
    const check = (keys: ApiKeys, mode: "production" | "test") =>
      keys.control
        .check({ mode, nodeVersion: "24.0.0", variables: new Map(), nodeOptions: [], nowMs: NOW })
        .map(({ rule }) => rule.id);
    expect(check(keysIn(memoryApiKeys(), { lifetimeDays: 365 }), "production")).toEqual([
      "api-keys/memory-store",
      "api-keys/long-lived",
      "api-keys/outlive-owner",
    ]);
    expect(check(keysIn({ ...memoryApiKeys(), kind: "shared" }, { standing: () => true }), "production")).toEqual([]);
  });
});
