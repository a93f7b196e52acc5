import { describe, expect, it } from "vitest";
import { smtpMail } from "../authentication/mail-transport.ts";
import type { Deployment } from "../core/control.ts";
import type { Layers } from "../core/security.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { accounts, type AccountsOptions } from "./accounts.ts";
import { saas } from "./saas.ts";

const database = { query: () => Promise.reject(new Error("not asked at construction")) };
const ground = {
  origin: "https://app.example.com",
  proxies: ["10.0.0.0/8"],
  keys: keyRing(newKey("k1")),
  mode: "production",
  database,
  audit: () => undefined,
} as const;
const options: AccountsOptions = {
  name: "Folio",
  application: { membership: async () => undefined },
  mail: smtpMail({ url: "smtps://mail.example.com", from: "Folio <no-reply@example.com>" }),
};
const deployment: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map([["NODE_ENV", "production"]]),
  nodeOptions: ["--disable-proto=delete"],
  nowMs: Date.parse("2026-11-26"),
};

const idsOf = (layers: Layers): readonly string[] =>
  glacis(layers)
    .check(deployment)
    .map(({ rule }) => rule.id);

describe("saas({ accounts })", () => {
  it("has nothing to find in production but what a team decides: who needs a second factor, and a list of breached passwords", () => {
    const without = idsOf(saas(ground));
    const added = idsOf(saas({ ...ground, accounts: accounts(options) })).filter((id) => !without.includes(id));
    expect(added).toEqual(["mfa-required/optional", "password-blocklist/no-breach-source"]);
    const decided = accounts({ ...options, breachedPasswords: true });
    const strict = saas({ ...ground, accounts: decided, mfa: { required: ["owner"] } });
    expect(strict.outbound.destinations.map(({ host }) => host)).toEqual(["api.pwnedpasswords.com"]);
    expect(idsOf(strict).filter((id) => !without.includes(id))).toEqual([]);
  });

  it("mounts the controls, the routes and the pages of everything that it brings", () => {
    const apiKeys = { prefix: "folio_sk", scopes: { read: ["viewer"] }, grants: () => ["read"] };
    const layers = saas({ ...ground, accounts: accounts({ ...options, apiKeys }) });
    const ids = layers.authentication.map(({ meta }) => meta.id);
    for (const id of ["password-hashing", "login-throttling", "totp", "webauthn", "api-keys", "user-enumeration"])
      expect(ids).toContain(id);
    expect(layers.accounts.apiKeys).toBeDefined();
    expect(layers.accounts.passkeys).toBeDefined();
    const mounted = layers.endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(mounted).toEqual(expect.arrayContaining(["GET /sign-in", "POST /sign-in", "POST /sign-up", "GET /not-me"]));
    expect(mounted).not.toContain("GET /outbox");
  });

  it("makes a key for nobody whose session is over", async () => {
    const apiKeys = { prefix: "folio_sk", scopes: { read: ["viewer"] }, grants: () => ["read"] };
    const { database: _, proxies: __, ...local } = { ...ground, mode: "test" } as const;
    const { sessions, accounts: people } = saas({ ...local, accounts: accounts({ ...options, apiKeys }) });
    const request = sketchExchange({ method: "POST" });
    const proofs = [sketchProof({ userId: "u1", provedAtMs: request.receivedAtMs })];
    const signIn = await sessions.establish(request, proofs, { userId: "u1", tenantId: "t1", roles: [] });
    if (signIn.kind !== "established") throw new Error(signIn.kind);
    const { authenticatedAtMs } = signIn.session;
    const user = { kind: "user", id: "u1", tenantId: "t1", roles: [], assurance: 1, authenticatedAtMs } as const;
    const make = async () => (await people.apiKeys?.issue(user as never, { name: "x", scopes: ["read"] }, 1))?.kind;
    expect(await make()).toBe("issued");
    await sessions.revoke("u1", { reason: "administrator" });
    expect(await make()).toBe("refused");
    expect(await people.apiKeys?.aliveOf("u1", 1)).toHaveLength(1);
  });

  it("lets no program use the account of whoever made its key", async () => {
    const { endpoints } = saas({ ...ground, accounts: accounts(options) });
    const principal = { kind: "service", id: "key-1", tenantId: "t1", roles: ["owner"], scopes: [], ownerId: "u1" };
    const admitted: string[] = [];
    for (const { method, path, rule } of endpoints) {
      if (rule.access.kind === "public") continue;
      const decision = await rule.access.decide({ principal, receivedAtMs: 0 } as never);
      if (decision.kind === "allow") admitted.push(`${method} ${path}`);
    }
    expect(admitted).toEqual([]);
    expect(endpoints.filter(({ rule }) => rule.access.kind !== "public").length).toBeGreaterThan(10);
  });

  it("refuses production without mail, and shows a developer where his mails went", () => {
    const { mail: _, ...without } = options;
    expect(() => saas({ ...ground, accounts: accounts(without) })).toThrow(/needs mail in production/u);
    const { endpoints } = saas({ ...ground, mode: "development", accounts: accounts(without) });
    expect(endpoints.map(({ path }) => path)).toContain("/outbox");
  });

  it("keeps everything in memory without a database, and says so", () => {
    const { database: _, ...without } = ground;
    expect(idsOf(saas({ ...without, accounts: accounts(options) }))).toEqual(
      expect.arrayContaining(["totp/memory-store", "password-reset/memory-store", "login-throttling/memory-store"]),
    );
  });

  it("has no passkeys where the origin is an address, and says what it does not know", () => {
    const layers = saas({ ...ground, origin: "https://192.0.2.1", accounts: accounts(options) });
    expect(layers.accounts.passkeys).toBeUndefined();
    expect(() => accounts({ ...options, password: {} } as never)).toThrow(/passwords/u);
    expect(saas(ground)).not.toHaveProperty("accounts");
  });
});
