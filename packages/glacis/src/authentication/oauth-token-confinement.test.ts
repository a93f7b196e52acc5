import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { internet } from "../../../../test/support/identity-provider.ts";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditEvent } from "../core/event.ts";
import { Secret } from "../core/secret.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { oauthTokenConfinement, type ConfinedAnswer } from "./oauth-token-confinement.ts";
import {
  memoryOauthTokens,
  OAUTH_TOKEN_MIGRATION,
  postgresOauthTokens,
  type OauthTokenStore,
  type TokenHolder,
} from "./oauth-token-store.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const net = internet();
const database = await testDatabase("oauth_tokens");
await database?.pool.query(OAUTH_TOKEN_MIGRATION);
afterAll(async () => {
  net.close();
  await database?.drop();
});

/** What the provider does with the next refresh tokens, and what it was asked. */
let answers: (refresh: string) => { readonly status: number; readonly body: object };
let refreshes: string[] = [];
let called: (string | undefined)[] = [];

await net.serve("idp.example", (request, response) => {
  const reply = (status: number, value: object): void =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  void (async () => {
    const at = (path: string): string => `https://idp.example${path}`;
    if (request.url?.includes("openid-configuration"))
      return reply(200, {
        issuer: "https://idp.example",
        authorization_endpoint: at("/auth"),
        token_endpoint: at("/token"),
        jwks_uri: at("/jwks"),
      });
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const refresh = new URLSearchParams(body).get("refresh_token") ?? "";
    refreshes.push(refresh);
    const { status, body: answer } = answers(refresh);
    return reply(status, answer);
  })();
});
await net.serve("api.example", (request, response) => {
  called.push(request.headers.authorization);
  response.end("rows");
});
await net.serve("evil.example", (request, response) => {
  called.push(request.headers.authorization);
  response.end();
});

const provider: SsoProvider = {
  id: "calendar",
  tenantId: "acme",
  issuer: "https://idp.example",
  clientId: "folio",
  clientSecret: new Secret("a secret of the client"),
};
const fresh = (): TokenHolder => ({ tenantId: "acme", userId: randomUUID(), integration: "calendar" });
const URL_OF_ROWS = "https://api.example/rows";

function tokensOver(store: OauthTokenStore) {
  const reported: AuditEvent[] = [];
  const sealer = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({
    table: "glacis_oauth_tokens",
    column: "sealed",
  });
  const tokens = oauthTokenConfinement({
    store,
    sealer,
    fetch: net.fetch,
    integration: (id) => (id === "calendar" ? { provider, resources: ["https://api.example"] } : undefined),
    report: (event) => void reported.push(event),
  });
  return { tokens, reported, sealer };
}

const text = async (answer: ConfinedAnswer): Promise<string> =>
  answer.kind === "answered" ? answer.response.text() : answer.kind;

beforeEach(() => {
  refreshes = [];
  called = [];
  answers = (refresh) => ({
    status: 200,
    body: { access_token: `after-${refresh}`, refresh_token: `${refresh}+`, token_type: "Bearer", expires_in: 600 },
  });
});

const stores: readonly (readonly [string, OauthTokenStore])[] = [
  ["memory", memoryOauthTokens()],
  ...(database === undefined ? [] : [["Postgres", postgresOauthTokens(database.pool)] as const]),
];

describe.each(stores)("tokens of an integration, kept in %s", (_, store) => {
  it("are sealed in their row and used from here alone", async () => {
    const { tokens } = tokensOver(store);
    const holder = fresh();
    await tokens.keep(holder, { accessToken: "a-first-token", refreshToken: "r", expiresInSeconds: 600 }, Date.now());
    const kept = await store.read(holder);
    expect(kept?.sealed).toMatch(/^x1\./u);
    expect(await text(await tokens.fetch(holder, URL_OF_ROWS))).toBe("rows");
    expect(called).toEqual(["Bearer a-first-token"]);
    expect(refreshes).toEqual([]);
  });

  it("are sent to the integration's own resources and nowhere else", async () => {
    const { tokens } = tokensOver(store);
    const holder = fresh();
    await tokens.keep(holder, { accessToken: "a-first-token", expiresInSeconds: 600 }, Date.now());
    for (const url of [
      "https://evil.example/",
      "http://api.example/rows",
      "https://api.example.evil.example/",
      "https://api.example@evil.example/",
      "https://api.example:8443/",
      "rows",
    ])
      await expect(tokens.fetch(holder, url)).rejects.toThrow(TypeError);
    await expect(tokens.fetch({ ...holder, integration: "other" }, URL_OF_ROWS)).rejects.toThrow(TypeError);
    expect(called).toEqual([]);
  });

  it("are renewed once for many calls that come together, and rotate", async () => {
    const holder = fresh();
    const one = tokensOver(store);
    await one.tokens.keep(holder, { accessToken: "old", refreshToken: "r", expiresInSeconds: 30 }, Date.now());
    const done = await Promise.all(
      Array.from({ length: 16 }, async () => text(await one.tokens.fetch(holder, URL_OF_ROWS))),
    );
    expect(new Set(done)).toEqual(new Set(["rows"]));
    expect(refreshes).toEqual(["r"]);
    expect(new Set(called)).toEqual(new Set(["Bearer after-r"]));
  });

  it("stay good for what is left of them while the provider does not answer, and then a fault is a fault", async () => {
    const { tokens } = tokensOver(store);
    const [holder, over] = [fresh(), fresh()];
    answers = () => ({ status: 503, body: {} });
    await tokens.keep(holder, { accessToken: "old", refreshToken: "r", expiresInSeconds: 30 }, Date.now());
    expect(await text(await tokens.fetch(holder, URL_OF_ROWS))).toBe("rows");
    await tokens.keep(over, { accessToken: "old", refreshToken: "r", expiresInSeconds: 30 }, Date.now() - 60_000);
    await expect(tokens.fetch(over, URL_OF_ROWS)).rejects.toThrow();
    answers = () => ({ status: 200, body: { access_token: "new", token_type: "Bearer", expires_in: 600 } });
    expect(await text(await tokens.fetch(over, URL_OF_ROWS))).toBe("rows");
    expect(called.at(-1)).toBe("Bearer new");
  });

  it("must be linked anew when the provider knows them no more, when they ended, or when they do not open there", async () => {
    const { tokens, reported } = tokensOver(store);
    const [known, ended, moved] = [fresh(), fresh(), fresh()];
    answers = () => ({ status: 400, body: { error: "invalid_grant" } });
    await tokens.keep(known, { accessToken: "old", refreshToken: "r", expiresInSeconds: 30 }, Date.now());
    expect(await tokens.fetch(known, URL_OF_ROWS)).toEqual({ kind: "relink_required" });
    expect(await store.read(known)).toBeUndefined();
    await tokens.keep(ended, { accessToken: "old", expiresInSeconds: 30 }, Date.now() - 31_000);
    expect(await tokens.fetch(ended, URL_OF_ROWS)).toEqual({ kind: "relink_required" });
    await tokens.keep(fresh(), { accessToken: "x", expiresInSeconds: 600 }, Date.now());
    await tokens.keep(ended, { accessToken: "of somebody else", expiresInSeconds: 600 }, Date.now());
    await store.write(moved, (await store.read(ended))?.sealed ?? "");
    expect(await tokens.fetch(moved, URL_OF_ROWS)).toEqual({ kind: "relink_required" });
    expect(called).toEqual([]);
    expect(reported).toMatchObject([
      { event: "integration_token_lost", detail: "refused_by_provider" },
      { event: "integration_token_lost", detail: "not_opened" },
    ]);
    expect(JSON.stringify(reported)).not.toContain("somebody else");
  });

  it("are gone with their user, and those of no integration are never kept", async () => {
    const { tokens } = tokensOver(store);
    const holder = fresh();
    await tokens.keep({ ...holder, integration: "other" }, { accessToken: "x" }, Date.now());
    expect(await store.read({ ...holder, integration: "other" })).toBeUndefined();
    await tokens.keep(holder, { accessToken: "x", expiresInSeconds: 600 }, Date.now());
    await tokens.forgetAll(holder.userId);
    expect(await tokens.fetch(holder, URL_OF_ROWS)).toEqual({ kind: "relink_required" });
  });
});

describe("a response", () => {
  const { tokens } = tokensOver(memoryOauthTokens());
  const seen = (body: string, headers: readonly (readonly [string, string])[] = []) =>
    tokens.control.observe?.({ url: "https://app.example.com/", scheme: "https", status: 200, headers, body })?.length;

  it("carries no token to a browser", () => {
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded({ iss: "https://idp.example" })}.${"A".repeat(43)}`;
    expect(seen(`{"access_token":"abc"}`)).toBe(1);
    expect(seen(`<script>const t = '${signed}'</script>`)).toBe(1);
    expect(seen("", [["location", "/done#access_token=abc"]])).toBe(1);
    expect(seen(`{"access_token":null,"name":"eyJust a name"}`)).toBe(0);
    expect(seen("", [["location", "/done?token=1"]])).toBe(0);
  });
});

it("is not built without a sealer", () => {
  expect(() => oauthTokenConfinement({ store: memoryOauthTokens(), fetch: net.fetch } as never)).toThrow(/sealer/u);
  const control = tokensOver(memoryOauthTokens()).tokens.control;
  expect(control.check({ mode: "production" } as never).map(({ rule }) => rule.id)).toEqual([
    "oauth-token-confinement/memory-store",
  ]);
});
