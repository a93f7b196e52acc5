import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control } from "../core/control.ts";
import { Refusal } from "../core/error-reason.ts";
import type { Exchange } from "../core/exchange.ts";
import type { User } from "../core/principal.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import {
  IDEMPOTENCY_MIGRATION,
  memoryIdempotencyKeys,
  postgresIdempotencyKeys,
  type IdempotencyClaim,
  type IdempotencyStore,
} from "./idempotency-store.ts";
import { IDEMPOTENCY_IN_MEMORY, IDEMPOTENCY_OPTIONAL, idempotencyKeys, sameVersion } from "./transaction-atomicity.ts";

const ada: User = {
  kind: "user",
  id: "ada" as UserId,
  tenantId: "acme" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
};

const columnUnder = (keys: string) =>
  fieldEncryption({ keys: keyRing(keys) }).column({ table: "glacis_idempotency", column: "response" });
const firstKey = newKey("k1");
const sealer = columnUnder(firstKey);
const pglite = await PGlite.create();
const postgres = await testDatabase("idempotency");
await pglite.exec(IDEMPOTENCY_MIGRATION);
await postgres?.pool.query(IDEMPOTENCY_MIGRATION);
afterAll(async () => {
  await pglite.close();
  await postgres?.drop();
});

const STORES: readonly (readonly [string, IdempotencyStore])[] = [
  ["memory", memoryIdempotencyKeys()],
  ["PGlite", postgresIdempotencyKeys({ database: pglite, sealer })],
  ...(postgres === undefined
    ? []
    : [["Postgres", postgresIdempotencyKeys({ database: postgres.pool, sealer })] as const]),
];

const claim = (id: string, owner: string, nowMs = 1000, fingerprint = "f"): IdempotencyClaim => ({
  id,
  tenantId: "acme",
  owner,
  fingerprint,
  nowMs,
  untilMs: nowMs + 60_000,
});
const paid = { status: 201, headers: [["content-type", "application/json"]] as const, body: '{"a":"\u0000ä"}' };

describe.each(STORES)("operations remembered in %s", (_, store) => {
  it("are new to one of 64 who ask at once, and known to everyone else", async () => {
    const standings = await Promise.all(Array.from({ length: 64 }, (_none, n) => store.begin(claim("race", `o${n}`))));
    expect(standings.filter(({ kind }) => kind === "new")).toHaveLength(1);
    expect(standings.filter(({ kind }) => kind === "taken")).toHaveLength(63);
  });

  it("answer with what the attempt that had them was answered, to the byte", async () => {
    await store.begin(claim("paid", "o1"));
    await store.complete(claim("paid", "o1"), paid);
    expect(await store.begin(claim("paid", "o2"))).toEqual({ kind: "taken", fingerprint: "f", response: paid });
  });

  it("are not answered for by an attempt that did not have them", async () => {
    await store.begin(claim("mine", "o1"));
    await store.complete(claim("mine", "o2"), paid);
    expect(await store.begin(claim("mine", "o3"))).toEqual({ kind: "taken", fingerprint: "f", response: undefined });
  });

  it("are new again once they have expired, and the former answer is gone", async () => {
    await store.begin(claim("old", "o1", 1000));
    await store.complete(claim("old", "o1", 1000), paid);
    expect(await store.begin(claim("old", "o2", 60_999))).toMatchObject({ kind: "taken" });
    expect(await store.begin(claim("old", "o3", 61_000, "g"))).toEqual({ kind: "new" });
    await store.complete(claim("old", "o1", 1000), paid);
    expect(await store.begin(claim("old", "o4", 61_001))).toEqual({
      kind: "taken",
      fingerprint: "g",
      response: undefined,
    });
  });
});

describe("answers kept in Postgres", () => {
  const store = postgresIdempotencyKeys({ database: pglite, sealer });
  const secret = { status: 200, headers: [], body: "The invitation is for SECRET@example.com" };
  const stored = async (id: string): Promise<unknown> =>
    (await pglite.query<{ response: string }>("select response from glacis_idempotency where id = $1", [id])).rows[0]
      ?.response;

  it("are ciphertext there", async () => {
    await store.begin(claim("secret", "o1"));
    await store.complete(claim("secret", "o1"), secret);
    expect(await stored("secret")).toMatch(/^x1\.k1\.[\w-]+$/u);
    expect(JSON.stringify((await pglite.query("select * from glacis_idempotency")).rows)).not.toContain("SECRET");
  });

  it("open for their own operation and tenant alone, and nobody is told that an operation is new when they do not", async () => {
    await store.begin(claim("other", "o1"));
    await pglite.query("update glacis_idempotency set response = $1 where id = 'other'", [await stored("secret")]);
    await expect(store.begin(claim("other", "o2"))).rejects.toThrow(/could not be opened/u);
    await expect(store.begin({ ...claim("secret", "o2"), tenantId: "evil" })).rejects.toThrow(/could not be opened/u);
    await pglite.query("update glacis_idempotency set response = '{\"status\":200}' where id = 'other'");
    await expect(store.begin(claim("other", "o2"))).rejects.toThrow(/could not be opened/u);
  });

  it("are given again after the key was rotated", async () => {
    const rotated = postgresIdempotencyKeys({ database: pglite, sealer: columnUnder(`${newKey("k2")},${firstKey}`) });
    expect(await rotated.begin(claim("secret", "o2"))).toMatchObject({ kind: "taken", response: secret });
  });

  it("are swept a while after they expired", async () => {
    const late = 10 * 86_400_000;
    await store.begin(claim("sweeper", "o1", late));
    const { rows } = await pglite.query("select id from glacis_idempotency where until_ms < $1", [late]);
    expect(rows).toEqual([]);
  });

  it("are never stored without a sealer", () => {
    expect(() => postgresIdempotencyKeys({ database: pglite } as never)).toThrow(/needs a sealer/u);
  });
});

interface Sketch {
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly user?: User;
  readonly body?: string;
  readonly target?: string;
  readonly pattern?: string;
}

function request(sketch: Sketch = {}): Exchange {
  const { body = "{}", target = "/payments", pattern = "/payments", key } = sketch;
  const keys = sketch.keys ?? (key === undefined ? [] : [key]);
  const headers = ["Host", "app.example.com", "Content-Type", "application/json", "Content-Length", `${body.length}`];
  const exchange = sketchExchange({
    method: "POST",
    target,
    principal: sketch.user ?? ada,
    rawHeaders: [...headers, ...keys.flatMap((one) => ["Idempotency-Key", one])],
  });
  exchange.pattern = pattern;
  exchange.bodyText = body;
  return exchange;
}

/** What becomes of a request: `run`, or the reason of its refusal, or the status of an earlier answer. */
async function ask(control: Control<never>, exchange: Exchange): Promise<string> {
  const first = await (control as Control<Exchange>).decide?.(exchange);
  const decision = first?.kind === "allow" ? await control.decideLast?.(exchange) : first;
  if (decision?.kind === "deny") return decision.reason;
  return decision?.kind === "answer" ? `replay ${decision.status}` : "run";
}

describe("idempotencyKeys", () => {
  it("runs a key once for the same request, and refuses it for another", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys() });
    const first = request({ key: "k1" });
    expect(await ask(once, first)).toBe("run");
    expect(await ask(once, request({ key: "k1" }))).toBe("request_in_progress");
    expect(await ask(once, request({ key: "k1", body: '{"amount":2}' }))).toBe("idempotency_key_reused");
    expect(await ask(once, request({ key: "k1", target: "/payments?to=eve" }))).toBe("idempotency_key_reused");
    await first.keeper?.keep(paid);
    expect(await ask(once, request({ key: "k1" }))).toBe("replay 201");
    expect(await ask(once, request({ key: '"k1"' }))).toBe("replay 201");
    expect(await ask(once, request({ key: "k1", body: '{"amount":2}' }))).toBe("idempotency_key_reused");
  });

  it("keeps principals, tenants, visits of support and routes apart", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys() });
    const others: readonly Sketch[] = [
      {},
      { user: { ...ada, id: "eve" as UserId } },
      { user: { ...ada, tenantId: "evil" as TenantId } },
      { user: { ...ada, actor: { id: "support" as UserId, tenantId: "us" as TenantId } } },
      { pattern: "/refunds" },
    ];
    for (const other of others) expect(await ask(once, request({ key: "same", ...other }))).toBe("run");
  });

  it("refuses a request without a key, with two, or with one that is none, before the body is read", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys() });
    const bad = ["", " ", '"', '""', "a b", "a,b", '"a', "a".repeat(256), "ä", '"a\\b"', "a\tb"];
    for (const sketch of [{}, { keys: ["a", "b"] }, { keys: ["a", "a"] }, ...bad.map((key) => ({ key }))])
      expect(await (once as Control<Exchange>).decide?.(request(sketch))).toMatchObject({
        kind: "deny",
        reason: "idempotency_key_missing",
      });
  });

  it("lets a request without a key pass where none is required, and still refuses a malformed one", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys(), required: false });
    expect(await ask(once, request())).toBe("run");
    expect(await ask(once, request({ key: "a b" }))).toBe("idempotency_key_missing");
  });

  it("refuses a key of somebody who is nobody: it would be everybody's", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys() });
    const anonymous = request({ key: "k" });
    anonymous.principal = { kind: "anonymous" };
    expect(await ask(once, anonymous)).toBe("unauthenticated");
  });

  it("refuses a body that nobody has read, for it cannot be compared", async () => {
    const once = idempotencyKeys({ store: memoryIdempotencyKeys() });
    const unread = request({ key: "k" });
    unread.bodyText = undefined;
    expect(await ask(once, unread)).toBe("media_type_unsupported");
    const empty = sketchExchange({ method: "POST", principal: ada, headers: { "Idempotency-Key": "k" } });
    expect(await ask(once, empty)).toBe("run");
  });

  it("throws when the store does not answer, so that the pipeline refuses", async () => {
    const down = { kind: "memory", begin: () => Promise.reject(new Error("down")), complete: async () => {} } as const;
    await expect(ask(idempotencyKeys({ store: down }), request({ key: "k" }))).rejects.toThrow("down");
  });

  it("warns of a store that forgets, and notes a key that is not asked for", () => {
    const control = idempotencyKeys({ store: memoryIdempotencyKeys(), required: false });
    const rules = (mode: "production" | "test") => control.check(currentDeployment(mode)).map(({ rule }) => rule);
    expect(rules("production")).toEqual([IDEMPOTENCY_IN_MEMORY, IDEMPOTENCY_OPTIONAL]);
    expect(rules("test")).toEqual([IDEMPOTENCY_OPTIONAL]);
    const shared = idempotencyKeys({ store: postgresIdempotencyKeys({ database: pglite, sealer }) });
    expect(shared.check(currentDeployment("production"))).toEqual([]);
  });

  it("refuses what it cannot work with", () => {
    const store = memoryIdempotencyKeys();
    expect(() => idempotencyKeys({} as never)).toThrow(/needs store/u);
    expect(() => idempotencyKeys({ store, require: true } as never)).toThrow(/Did you mean "required"/u);
    expect(() => idempotencyKeys({ store, required: 1 } as never)).toThrow(/true or false/u);
    expect(() => idempotencyKeys({ store, rememberSeconds: 1 })).toThrow(/60 or more/u);
  });
});

describe("sameVersion", () => {
  it("gives the row that an update has found, and refuses with 409 when somebody was quicker", () => {
    expect(sameVersion([{ version: 2 }])).toEqual({ version: 2 });
    for (const rows of [[], [1, 2]]) {
      const refusal = (): unknown => sameVersion(rows);
      expect(refusal).toThrow(Refusal);
      expect(refusal).toThrow("conflict");
    }
  });
});
