import { createHash, generateKeyPairSync } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { SignJWT, exportJWK } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { express5Build } from "../../../../test/conformance/frameworks/express.ts";
import { json, type Route } from "../../../../test/conformance/application.ts";
import {
  consent,
  goesTo,
  internet,
  realProvider,
  visitor,
  type PageAnswer,
  type Visitor,
} from "../../../../test/support/identity-provider.ts";
import { testDatabase } from "../../../../test/support/services.ts";
import { publicAccess } from "../core/access.ts";
import type { AuditRecord } from "../core/event.ts";
import { routeRule } from "../core/route.ts";
import { Secret } from "../core/secret.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { overloadProtection } from "../network/overload-protection.ts";
import { saas } from "../presets/saas.ts";
import { withControls } from "../presets/with-controls.ts";
import { oauthTokenConfinement, type ConfinedTokens } from "./oauth-token-confinement.ts";
import { memoryOauthTokens, type OauthTokenStore } from "./oauth-token-store.ts";
import {
  memorySingleSignOn,
  postgresSingleSignOn,
  SINGLE_SIGN_ON_MIGRATION,
  type SingleSignOnStore,
} from "./single-sign-on-store.ts";
import { assuranceOfClaims, identityOf } from "./single-sign-on-identity.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";
import { singleSignOn } from "./single-sign-on.ts";

const APP = "https://app.example.com";
const CALLBACK = `${APP}/sso/callback`;
const net = internet();
const database = await testDatabase("single_sign_on");
await database?.pool.query(SINGLE_SIGN_ON_MIGRATION);
afterAll(async () => {
  net.close();
  await database?.drop();
});

const secret = "a secret of the client, long enough";
const providerOf = (id: string, host: string, rest: Partial<SsoProvider> = {}): SsoProvider => ({
  id,
  tenantId: "acme",
  issuer: `https://${host}`,
  clientId: "folio",
  clientSecret: new Secret(secret),
  domains: ["acme.example"],
  ...rest,
});

const providers: Record<string, SsoProvider> = {
  real: providerOf("real", "idp.example"),
  calendar: providerOf("calendar", "calendar.example", { scope: "openid email offline_access" }),
  evil: providerOf("evil", "evil.example", { maxAgeSeconds: "unknown" }),
  other: providerOf("other", "evil.example", { tenantId: "other", maxAgeSeconds: "unknown" }),
  shared: providerOf("shared", "evil.example", {
    maxAgeSeconds: "unknown",
    organization: { claim: "hd", value: "acme.example" },
  }),
  second: providerOf("second", "second.example", { maxAgeSeconds: "unknown" }),
};

/** Who works where. */
const members: Record<string, string> = { "user-ada": "acme", "user-bo": "acme", "user-eve": "acme" };

async function application(store: SingleSignOnStore, tokens?: ConfinedTokens) {
  const records: AuditRecord[] = [];
  const preset = saas({
    origin: APP,
    keys: keyRing(newKey("k1")),
    mode: "test",
    proxies: ["127.0.0.1/32"],
    limits: { client: "6000/m", anonymous: "6000/m", user: "6000/m" },
    audit: (record) => void records.push(record),
  });
  // Of a busy machine nothing is to be learnt here.
  const layers = withControls(preset, overloadProtection({ shedAtDelayMs: 10_000 }));
  const sso = singleSignOn({
    origin: APP,
    store,
    sessions: layers.sessions,
    fetch: net.fetch,
    csrf: layers.csrf,
    ...(tokens && { tokens }),
    provider: (id) => (Object.hasOwn(providers, id) ? providers[id] : undefined),
    user: (userId, tenantId) => (members[userId] === tenantId ? { userId, tenantId, roles: ["viewer"] } : undefined),
    firstSignIn: ({ email }) => (email === "ada@acme.example" ? "user-ada" : undefined),
  });
  const open = routeRule(publicAccess("a test"), { kind: "page" });
  const routes: Route[] = [
    { method: "GET", path: "/me", rule: open, behave: ({ exchange }) => json(exchange.principal) },
    { method: "GET", path: "/token", rule: open, behave: ({ exchange }) => json(layers.csrf.token(exchange)) },
  ];
  const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...sso.endpoints] });
  const server = await express5Build({ routes, groups: [] }, security);
  net.know("app.example.com", server);
  return { records, sso, sessions: layers.sessions };
}

const me = async (browser: Visitor): Promise<Record<string, unknown>> =>
  JSON.parse((await browser.open(`${APP}/me`)).body) as never;
const causes = (records: readonly AuditRecord[]): readonly (string | undefined)[] =>
  records.filter(({ event }) => event.startsWith("authn_sso") && event.endsWith("fail")).map(({ detail }) => detail);

/** Begins a sign-in and says what was sent to the provider. */
async function begin(browser: Visitor, provider: string, next = "/me"): Promise<URL> {
  const page = await browser.open(`${APP}/sso/start?provider=${provider}&next=${encodeURIComponent(next)}`);
  expect(page.status).toBe(200);
  return new URL(goesTo(page));
}

/** Comes back from a provider. A browser that has a session is first led to the same address from here, for its Strict cookie (ADR 3). */
async function arrive(browser: Visitor, callback: string, from = "idp.example"): Promise<PageAnswer> {
  const page = await browser.open(callback, from);
  return goesTo(page).startsWith("/sso/callback") ? browser.open(APP + goesTo(page)) : page;
}

const cookieLine = (browser: Visitor): string =>
  [...(browser.cookies.get("app.example.com") ?? [])].map(([name, { value }]) => `${name}=${value}`).join("; ");

const stores: readonly (readonly [string, SingleSignOnStore])[] = [
  ["memory", memorySingleSignOn()],
  ...(database === undefined ? [] : [["Postgres", postgresSingleSignOn(database.pool)] as const]),
];

await realProvider({
  net,
  host: "idp.example",
  client: {
    client_id: "folio",
    client_secret: secret,
    redirect_uris: [`${CALLBACK}?provider=real`],
    post_logout_redirect_uris: [`${APP}/`],
    backchannel_logout_uri: `${APP}/sso/back-channel-logout?provider=real`,
    backchannel_logout_session_required: true,
  },
  claims: (account) => ({ email: `${account}@acme.example`, email_verified: account === "ada" }),
});

await realProvider({
  net,
  host: "calendar.example",
  client: {
    client_id: "folio",
    client_secret: secret,
    redirect_uris: [`${CALLBACK}?provider=calendar`],
    grant_types: ["authorization_code", "refresh_token"],
  },
  claims: (account) => ({ email: `${account}@acme.example`, email_verified: account === "ada" }),
  // So short that each use renews first, and a token is renewed with each renewal.
  configuration: { ttl: { AccessToken: 30 }, rotateRefreshToken: true },
});

describe("tokens of a real provider", () => {
  it("are kept at the sign-in, used from here and renewed, and never reach the browser", async () => {
    const [stored, api]: [OauthTokenStore, string[]] = [memoryOauthTokens(), []];
    await net.serve("api.example", (request, response) => {
      api.push(request.headers.authorization ?? "");
      response.end("rows");
    });
    const tokens = oauthTokenConfinement({
      store: stored,
      sealer: fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "t", column: "c" }),
      fetch: net.fetch,
      integration: (id) =>
        id === "calendar"
          ? { provider: providers["calendar"] as SsoProvider, resources: ["https://api.example"] }
          : undefined,
    });
    await application(memorySingleSignOn(), tokens);
    const browser = visitor(net);
    const start = await begin(browser, "calendar");
    expect(start.searchParams.get("prompt")).toBe("consent");
    const page = await browser.open(await consent(browser, start.href, "ada", "app.example.com"), "calendar.example");
    expect(await me(browser)).toMatchObject({ id: "user-ada" });
    const holder = { tenantId: "acme", userId: "user-ada", integration: "calendar" };
    const before = await stored.read(holder);
    for (let calls = 0; calls < 2; calls += 1)
      expect(await tokens.fetch(holder, "https://api.example/rows")).toMatchObject({ kind: "answered" });
    expect(new Set(api).size).toBe(2);
    expect((await stored.read(holder))?.sealed).not.toBe(before?.sealed);
    for (const seen of [page.body, JSON.stringify([...browser.cookies].map(([, jar]) => [...jar])), before?.sealed])
      for (const token of api) expect(seen).not.toContain(token.slice("Bearer ".length));
  });
});

describe.each(stores)("single sign-on at a real provider, kept in %s", (_, store) => {
  it("signs in with PKCE, state, nonce and issuer, and brings the Strict session home", async () => {
    const { records, sso } = await application(store);
    const browser = visitor(net);
    const url = await begin(browser, "real", "/me?x=1");
    const sent = url.searchParams;
    expect(sent.get("code_challenge_method")).toBe("S256");
    expect(sent.get("redirect_uri")).toBe(sso.redirectUri("real"));
    for (const name of ["state", "nonce", "code_challenge"]) expect(sent.get(name)?.length).toBe(43);
    const callback = await consent(browser, url.href, "ada", "app.example.com");
    expect(new URL(callback).searchParams.get("iss")).toBe("https://idp.example");
    const back = await browser.open(callback, "idp.example");
    expect(back.status).toBe(200);
    expect(goesTo(back)).toBe("/me?x=1");
    const user = await me(browser);
    expect(user).toMatchObject({ kind: "user", id: "user-ada", tenantId: "acme", assurance: 1 });
    expect(Math.abs((user["authenticatedAtMs"] as number) - Date.now())).toBeLessThan(60_000);
    // The same callback again is nobody's.
    expect((await arrive(browser, callback)).status).toBe(400);
    expect((await visitor(net).open(callback, "idp.example")).status).toBe(400);
    expect(causes(records)).toEqual(["unknown_state", "no_transaction_cookie"]);
    expect(records.filter(({ event }) => event === "authn_login_success")).toHaveLength(1);
    const code = new URL(callback).searchParams.get("code") ?? "?";
    expect(JSON.stringify(records)).not.toContain(code);
  });

  it("lets one of 64 callbacks through that come at once", async () => {
    const { records } = await application(store);
    const browser = visitor(net);
    const callback = await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com");
    const { pathname, search } = new URL(callback);
    const headers = { cookie: cookieLine(browser), "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    const all = await Promise.all(
      Array.from({ length: 64 }, () => net.fetch(`${APP}${pathname}${search}`, { headers })),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(all.filter(({ status }) => status === 400)).toHaveLength(63);
    expect(records.filter(({ event }) => event === "authn_login_success")).toHaveLength(1);
  });

  it("knows people by issuer and subject, and nobody by an address that nobody verified", async () => {
    const { records } = await application(store);
    const browser = visitor(net);
    const callback = await consent(browser, (await begin(browser, "real")).href, "bo", "app.example.com");
    expect((await browser.open(callback, "idp.example")).status).toBe(403);
    expect(causes(records)).toEqual(["link_required"]);
    expect(await me(browser)).toEqual({ kind: "anonymous" });
  });

  it("links nothing for a thief whose session ended while he was at the provider", async () => {
    const { records, sessions } = await application(store);
    const thief = visitor(net);
    await arrive(thief, await consent(thief, (await begin(thief, "real")).href, "ada", "app.example.com"));
    const csrf_token = JSON.parse((await thief.open(`${APP}/token`)).body) as string;
    const page = await thief.post(`${APP}/sso/link`, { csrf_token, provider: "real", next: "/me" });
    expect(page.status).toBe(200);
    expect(await sessions.revoke("user-ada", { reason: "compromise" })).toBeGreaterThan(0);
    thief.cookies.delete("idp.example");
    const back = await arrive(thief, await consent(thief, goesTo(page), "mallory", "app.example.com"));
    expect(back.status).toBe(400);
    expect(await store.linked("https://idp.example", "mallory")).toBeUndefined();
    expect(causes(records)).toEqual(["link_session_ended"]);
  });

  it("links nothing for a thief whose session ends while his identity is linked, and unlinks nothing of the owner's", async () => {
    const ended: (() => Promise<unknown>)[] = [];
    const { records, sessions } = await application({
      ...store,
      async link(...link) {
        const linked = await store.link(...link);
        await ended.pop()?.();
        return linked;
      },
    });
    for (const [subject, after] of [
      ["mallory", undefined],
      ["ada", "user-ada"],
    ] as const) {
      const thief = visitor(net);
      await arrive(thief, await consent(thief, (await begin(thief, "real")).href, "ada", "app.example.com"));
      const csrf_token = JSON.parse((await thief.open(`${APP}/token`)).body) as string;
      const page = await thief.post(`${APP}/sso/link`, { csrf_token, provider: "real", next: "/me" });
      ended.push(() => sessions.revoke("user-ada", { reason: "compromise" }));
      thief.cookies.delete("idp.example");
      const back = await arrive(thief, await consent(thief, goesTo(page), subject, "app.example.com"));
      expect([subject, back.status, await store.linked("https://idp.example", subject)]).toEqual([subject, 400, after]);
      await store.link({ issuer: "https://idp.example", subject: "ada", userId: "user-ada", providerId: "real" }, 1);
    }
    expect(causes(records)).toEqual(["link_session_ended", "link_session_ended"]);
  });

  it("links nothing when nobody can say whether whoever asked is still signed in, or still may", async () => {
    const down = (): never => {
      throw new Error("The store does not answer.");
    };
    const broken = { linked: false };
    const { sessions } = await application({
      ...store,
      linked: (...which) => (broken.linked ? down() : store.linked(...which)),
      async used(...use) {
        await store.used(...use);
        broken.linked = use[1] === "cy";
      },
    });
    const browser = visitor(net);
    await arrive(browser, await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com"));
    const csrf_token = JSON.parse((await browser.open(`${APP}/token`)).body) as string;
    const page = await browser.post(`${APP}/sso/link`, { csrf_token, provider: "real", next: "/me" });
    browser.cookies.delete("idp.example");
    const callback = await consent(browser, goesTo(page), "cy", "app.example.com");
    const list = sessions.list.bind(sessions);
    Object.assign(sessions, { list: down });
    expect((await arrive(browser, callback)).status).toBe(503);
    Object.assign(sessions, { list });
    expect(await store.linked("https://idp.example", "cy")).toBeUndefined();
    await store.link({ issuer: "https://idp.example", subject: "cy", userId: "user-ada", providerId: "real" }, 1);
    const other = visitor(net);
    const before = (await sessions.list("user-ada")).length;
    const back = await arrive(other, await consent(other, (await begin(other, "real")).href, "cy", "app.example.com"));
    broken.linked = false;
    expect([back.status, await me(other)]).toEqual([503, { kind: "anonymous" }]);
    expect(await sessions.list("user-ada")).toHaveLength(before);
    await store.unlink("user-ada");
    await store.link({ issuer: "https://idp.example", subject: "ada", userId: "user-ada", providerId: "real" }, 1);
  });

  it("links an identity to whoever is signed in and asks for it, and never to a second account", async () => {
    const { records } = await application(store);
    const browser = visitor(net);
    await arrive(browser, await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com"));
    const csrf_token = JSON.parse((await browser.open(`${APP}/token`)).body) as string;
    const link = async (provider: string, account: string): Promise<PageAnswer> => {
      const page = await browser.post(`${APP}/sso/link`, { csrf_token, provider, next: "/me" });
      if (page.status !== 200) return page;
      browser.cookies.delete("idp.example");
      return arrive(browser, await consent(browser, goesTo(page), account, "app.example.com"));
    };
    expect((await browser.post(`${APP}/sso/link`, { provider: "real" })).status).toBe(403);
    expect((await link("other", "cy")).status).toBe(400);
    expect(goesTo(await link("real", "cy"))).toBe("/me");
    expect(await store.linked("https://idp.example", "cy")).toBe("user-ada");
    expect(records.filter(({ event }) => event === "authn_sso_linked")).toMatchObject([{ user_id: "user-ada" }]);
    await store.link({ issuer: "https://idp.example", subject: "eve", userId: "user-eve", providerId: "real" }, 1);
    expect((await link("real", "eve")).status).toBe(400);
    expect(causes(records)).toEqual(["unknown_provider", "linked_to_another"]);
    const elsewhere = visitor(net);
    await arrive(elsewhere, await consent(elsewhere, (await begin(elsewhere, "real")).href, "cy", "app.example.com"));
    expect(await me(elsewhere)).toMatchObject({ id: "user-ada" });
    await store.unlink("user-eve");
    expect(await store.linked("https://idp.example", "eve")).toBeUndefined();
  });

  it("unlinks for its owner alone, ends his other sessions, and neither links nor unlinks on an old proof", async () => {
    const { records, sso } = await application(store);
    const [here, there] = [visitor(net), visitor(net)];
    for (const browser of [here, there])
      await arrive(browser, await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com"));
    await store.link({ issuer: "https://idp.example", subject: "bo", userId: "user-bo", providerId: "real" }, 1);
    const csrf_token = JSON.parse((await here.open(`${APP}/token`)).body) as string;
    const unlink = async (fields: Readonly<Record<string, string>>): Promise<number> =>
      (await here.post(`${APP}/sso/unlink`, { csrf_token, next: "//evil.example/", ...fields })).status;
    expect(await unlink({ csrf_token: "", provider: "real" })).toBe(403);
    for (const provider of ["other", "' or 1=1 --"]) expect(await unlink({ provider }), provider).toBe(404);
    for (const provider of ["", "x".repeat(70), "real\0"]) expect(await unlink({ provider }), provider).toBe(422);
    for (const path of ["link", "unlink", "sign-out"]) {
      const stray = await here.post(`${APP}/sso/${path}`, { csrf_token, provider: "real", stray: "x" });
      expect([path, stray.status]).toEqual([path, 422]);
    }
    const before = await sso.identities("user-ada");
    expect(before[0]).toEqual({ providerId: "real", linkedAtMs: expect.any(Number), usedAtMs: expect.any(Number) });
    expect((await me(there))["id"]).toBe("user-ada");
    const gone = await here.post(`${APP}/sso/unlink`, { csrf_token, provider: "real", next: "//evil.example/" });
    expect([gone.status, gone.headers.location]).toEqual([303, "/"]);
    expect(await sso.identities("user-ada")).toEqual([]);
    expect((await me(here))["id"]).toBe("user-ada");
    expect((await me(there))["kind"]).toBe("anonymous");
    expect(await sso.identities("user-bo")).toHaveLength(1);
    expect(records.filter(({ event }) => event === "authn_sso_unlinked")).toMatchObject([{ user_id: "user-ada" }]);
    await store.unlink("user-bo");
    const recent = sso.endpoints.filter(({ rule }) => rule.access.description.includes("proved within 600 s"));
    expect(recent.map(({ path }) => path)).toEqual(["/sso/link", "/sso/unlink"]);
  });

  it("has no session for whoever was removed, or whose identity was taken back, while he came in", async () => {
    for (const removal of [() => void (members["user-ada"] = "nowhere"), () => store.unlink("user-ada")] as const) {
      const { records } = await application({
        ...store,
        async used(...use) {
          await store.used(...use);
          await removal();
        },
      });
      const browser = visitor(net);
      const callback = await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com");
      const back = await arrive(browser, callback);
      members["user-ada"] = "acme";
      expect([back.status, await me(browser)]).toEqual([400, { kind: "anonymous" }]);
      expect(causes(records)).toEqual(["account_changed"]);
      expect(records.filter(({ event }) => event === "authn_login_success")).toEqual([]);
    }
  });

  it("takes no code in the place of another, of the same browser or of another one", async () => {
    const { records } = await application(store);
    const [victim, thief] = [visitor(net), visitor(net)];
    const stateOf = (url: URL): string => url.searchParams.get("state") ?? "";
    const coded = async (browser: Visitor, account: string): Promise<URL> =>
      new URL(await consent(browser, (await begin(browser, "real")).href, account, "app.example.com"));
    // Two tabs, and the answer of the one under the state of the other: PKCE holds each code to its own beginning.
    const [answer, other] = [await coded(victim, "ada"), await begin(victim, "real")];
    answer.searchParams.set("state", stateOf(other));
    expect((await arrive(victim, answer.href)).status).toBe(400);
    // A code that was stolen, and one that is foisted on somebody so that he works in the account of somebody else.
    const [own, stolen] = [await begin(thief, "real"), await coded(victim, "ada")];
    stolen.searchParams.set("state", stateOf(own));
    expect((await arrive(thief, stolen.href)).status).toBe(400);
    const foisted = await coded(thief, "ada");
    expect((await arrive(victim, foisted.href)).status).toBe(400);
    foisted.searchParams.set("state", stateOf(await begin(victim, "real")));
    expect((await arrive(victim, foisted.href)).status).toBe(400);
    for (const browser of [victim, thief]) expect(await me(browser)).toEqual({ kind: "anonymous" });
    expect(causes(records)).toEqual(["code_refused", "code_refused", "unknown_state", "code_refused"]);
  });

  it("lets two tabs sign in side by side, and nobody after ten minutes", async () => {
    const over = { endsAtMs: undefined as number | undefined };
    const { records } = await application({
      ...store,
      async take(id) {
        const taken = await store.take(id);
        return taken && { ...taken, endsAtMs: over.endsAtMs ?? taken.endsAtMs };
      },
    });
    const browser = visitor(net);
    const [first, second] = [await begin(browser, "real", "/a"), await begin(browser, "real", "/b")];
    for (const [url, next] of [
      [first, "/a"],
      [second, "/b"],
    ] as const) {
      expect(goesTo(await arrive(browser, await consent(browser, url.href, "ada", "app.example.com")))).toBe(next);
    }
    over.endsAtMs = Date.now();
    const late = await begin(browser, "real");
    const callback = await consent(browser, late.href, "ada", "app.example.com");
    expect((await arrive(browser, callback)).status).toBe(400);
    expect(causes(records)).toEqual(["transaction_expired"]);
  });

  it("links one of 64 users who claim an identity at once", async () => {
    const identity = { issuer: "https://idp.example", subject: `raced in ${_}`, providerId: "real" };
    const winners = await Promise.all(
      Array.from({ length: 64 }, async (_, at) => store.link({ ...identity, userId: `user-${at}` }, at)),
    );
    expect(new Set(winners).size).toBe(1);
  });

  it("counts one of 64 who bring the same logout token at once", async () => {
    const first = await Promise.all(
      Array.from({ length: 64 }, async () => store.once(`logout:${_}`, Date.now() + 60_000)),
    );
    expect(first.filter(Boolean)).toHaveLength(1);
  });

  it("ends the session when the provider says so, once for each logout token", async () => {
    const { records } = await application(store);
    const browser = visitor(net);
    const callback = await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com");
    await browser.open(callback, "idp.example");
    expect(await me(browser)).toMatchObject({ id: "user-ada" });
    // Signs out at the provider, in its own pages; it tells us behind the browser's back.
    const page = await browser.open(`https://idp.example/session/end?client_id=folio`);
    const xsrf = /name="xsrf" value="([^"]*)"/u.exec(page.body)?.[1] ?? "";
    await browser.post("https://idp.example/session/end/confirm", { xsrf, logout: "yes" });
    await expect.poll(() => records.some(({ event }) => event === "authn_sso_logout")).toBe(true);
    expect(await me(browser)).toEqual({ kind: "anonymous" });
  });

  it("knows the provider's session of each browser, and ends them whichever is named", async () => {
    const link = { issuer: `https://two.${_}.example`, subject: "ada", userId: "user-ada", providerId: "real" };
    await store.link(link, 1);
    for (const sid of ["first", "second"]) await store.used(link.issuer, "ada", "real", sid, Date.now());
    for (const sid of ["first", "second"])
      expect(await store.concerned(link.issuer, undefined, sid)).toEqual(["user-ada"]);
    for (const odd of [undefined, "third", "ada"])
      expect(await store.concerned(link.issuer, undefined, odd)).toEqual([]);
    expect(await store.concerned("https://elsewhere.example", undefined, "first")).toEqual([]);
    await store.unlink("user-ada");
    expect(await store.concerned(link.issuer, undefined, "first")).toEqual([]);
  });

  it("asks before a link signs anybody out", async () => {
    await application(store);
    const browser = visitor(net);
    const callback = await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com");
    await browser.open(callback, "idp.example");
    const page = await browser.open(`${APP}/sso/sign-out`);
    expect(page.status).toBe(200);
    expect(await me(browser)).toMatchObject({ id: "user-ada" });
    const token = /name="csrf_token" value="([^"]+)"/u.exec(page.body)?.[1] ?? "";
    expect((await browser.post(`${APP}/sso/sign-out`, { csrf_token: token })).status).toBe(200);
    expect(await me(browser)).toEqual({ kind: "anonymous" });
    expect(goesTo(await browser.open(`${APP}/sso/sign-out`))).toBe("/");
  });

  it("signs out here first and then leads to the provider's own page", async () => {
    await application(store);
    const browser = visitor(net);
    const callback = await consent(browser, (await begin(browser, "real")).href, "ada", "app.example.com");
    await browser.open(callback, "idp.example");
    const token = JSON.parse((await browser.open(`${APP}/token`)).body) as string;
    expect((await browser.post(`${APP}/sso/sign-out`, {})).status).toBe(403);
    const page = await browser.post(`${APP}/sso/sign-out`, { csrf_token: token });
    const url = new URL(goesTo(page));
    expect(`${url.origin}${url.pathname}`).toBe("https://idp.example/session/end");
    expect(Object.fromEntries(url.searchParams)).toEqual({ client_id: "folio", post_logout_redirect_uri: `${APP}/` });
    expect(await me(browser)).toEqual({ kind: "anonymous" });
  });
});

describe("single sign-on with a provider that means no good", () => {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** What the next answer of the token endpoint is made of. */
  let forge: {
    claims?: Readonly<Record<string, unknown>>;
    header?: object;
    key?: typeof foreign.privateKey;
    raw?: string;
    status?: number;
  } = {};
  let nonce = "";
  let discovered: object = {};
  const asked: URLSearchParams[] = [];

  /** What a provider answers in place of its tokens, such as nothing at all. */
  let misbehave: ((response: ServerResponse) => void) | undefined;
  let signing = { key: keys, kid: "k1" };

  const publish = (host: string) => ({
    issuer: `https://${host}`,
    authorization_endpoint: `https://${host}/auth`,
    token_endpoint: `https://${host}/token`,
    jwks_uri: `https://${host}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    authorization_response_iss_parameter_supported: true,
  });
  const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  async function idToken(host: string): Promise<string> {
    if (forge.raw !== undefined) return forge.raw;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: `https://${host}`,
      aud: "folio",
      sub: "ada",
      nonce,
      iat: now,
      exp: now + 60,
      email: "ada@acme.example",
      email_verified: true,
    };
    const signer = new SignJWT({ ...claims, ...forge.claims } as object as Record<string, string>).setProtectedHeader({
      alg: "RS256",
      kid: signing.kid,
      ...forge.header,
    });
    return signer.sign(forge.key ?? signing.key.privateKey);
  }

  const serve = (host: string) =>
    net.serve(host, (request: IncomingMessage, response) => {
      const reply = (status: number, value: object): void => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
      };
      void (async () => {
        if (request.url?.includes("openid-configuration")) return reply(200, { ...publish(host), ...discovered });
        if (request.url === "/jwks")
          return reply(200, {
            keys: [{ ...(await exportJWK(signing.key.publicKey)), kid: signing.kid, alg: "RS256", use: "sig" }],
          });
        let body = "";
        for await (const chunk of request) body += String(chunk);
        asked.push(new URLSearchParams(body));
        if (misbehave !== undefined) return misbehave(response);
        if (forge.status !== undefined) return reply(forge.status, { error: "invalid_grant" });
        return reply(200, { access_token: "x", token_type: "Bearer", id_token: await idToken(host) });
      })();
    });
  const ready = Promise.all([serve("evil.example"), serve("second.example")]);
  const callbackOf = (provider: string, query: Readonly<Record<string, string>>): string =>
    `${CALLBACK}?${new URLSearchParams({ provider, ...query })}`;

  /** A whole sign-in, with what comes back changed. */
  async function attempt(
    forgery: typeof forge,
    change: (query: URLSearchParams) => void = () => {},
    provider = "evil",
  ) {
    await ready;
    const { records } = await application(memorySingleSignOn());
    const browser = visitor(net);
    const url = await begin(browser, provider);
    nonce = url.searchParams.get("nonce") ?? "";
    forge = forgery;
    const state = url.searchParams.get("state") ?? "";
    const query = new URLSearchParams({ provider, code: "c", state, iss: url.origin });
    change(query);
    asked.length = 0;
    const answer: PageAnswer = await browser.open(`${CALLBACK}?${query}`, url.host);
    const { kind } = await me(browser);
    return {
      status: answer.status,
      kind,
      cause: causes(records)[0],
      asked: asked.length,
      challenge: url.searchParams.get("code_challenge"),
    };
  }

  it("takes what is good, so that what follows is refused for its own sake", async () => {
    const { challenge, ...outcome } = await attempt({});
    expect(outcome).toEqual({ status: 200, kind: "user", cause: undefined, asked: 1 });
    const verifier = asked[0]?.get("code_verifier") ?? "";
    expect(createHash("sha256").update(verifier).digest("base64url")).toBe(challenge);
  });

  it.each<readonly [string, typeof forge]>([
    ["another nonce", { claims: { nonce: "another" } }],
    ["no nonce", { claims: { nonce: undefined } }],
    ["another issuer", { claims: { iss: "https://idp.example" } }],
    ["an issuer with a slash", { claims: { iss: "https://evil.example/" } }],
    ["another audience", { claims: { aud: "somebody" } }],
    ["another authorized party", { claims: { aud: ["folio", "other"], azp: "other" } }],
    ["an authorized party that is somebody else", { claims: { azp: "other" } }],
    ["the hash of another access token", { claims: { at_hash: "A".repeat(22) } }],
    ["a hash that is none", { claims: { at_hash: 7 } }],
    ["several audiences and no authorized party", { claims: { aud: ["folio", "other"] } }],
    ["an end in the past", { claims: { exp: Math.floor(Date.now() / 1000) - 60 } }],
    ["no end", { claims: { exp: undefined } }],
    ["no subject", { claims: { sub: undefined } }],
    ["a foreign signature", { key: foreign.privateKey }],
    [
      "no signature at all",
      { raw: `${base64({ alg: "none" })}.${base64({ iss: "https://evil.example", aud: "folio", sub: "ada" })}.` },
    ],
    ["another algorithm", { header: { alg: "RS512" } }],
    ["something that is no token", { raw: "x" }],
    ["a code that it has seen before", { status: 400 }],
  ])("refuses %s", async (_, forgery) => {
    const outcome = await attempt(forgery);
    expect(outcome).toMatchObject({ status: 400, kind: "anonymous" });
    expect(outcome.cause).toMatch(/^(?:oauth_[a-z_]+|code_refused|authorized_party|access_token_foreign)$/u);
  });

  it.each<readonly [string, (query: URLSearchParams) => void, string]>([
    ["the issuer of another provider", (query) => query.set("iss", "https://idp.example"), "oauth_invalid_response"],
    ["no issuer although it promised one", (query) => query.delete("iss"), "oauth_invalid_response"],
    ["two issuers", (query) => query.append("iss", "https://evil.example"), "oauth_invalid_response"],
    ["two codes", (query) => query.append("code", "d"), "oauth_invalid_response"],
    ["a foreign state", (query) => query.set("state", "A".repeat(43)), "unknown_state"],
    ["two states", (query) => query.append("state", "x"), "state_malformed"],
    ["no state", (query) => query.delete("state"), "state_malformed"],
    ["an error of the provider", (query) => query.set("error", "access_denied"), "provider_said_no"],
  ])("refuses an answer with %s before any code leaves the house", async (_, change, cause) => {
    expect(await attempt({}, change)).toMatchObject({ status: 400, kind: "anonymous", cause, asked: 0 });
  });

  it.each(["a".repeat(256), "a\0b", "\u00e4", "\ud800"])(
    "names nobody by a subject that OpenID does not know (%j)",
    async (sub) => {
      expect(await attempt({ claims: { sub } })).toMatchObject({
        status: 400,
        kind: "anonymous",
        cause: "subject_malformed",
      });
    },
  );

  it("vouches for its organisation alone, where it serves many", async () => {
    expect(await attempt({ claims: { hd: "acme.example" } }, undefined, "shared")).toMatchObject({ kind: "user" });
    for (const hd of ["other.example", "ACME.example", ["acme.example"], undefined, ""])
      expect(await attempt({ claims: { hd } }, undefined, "shared")).toMatchObject({
        status: 400,
        kind: "anonymous",
        cause: "other_organization",
      });
  });

  it.each<readonly [string, (response: ServerResponse) => void, number]>([
    ["hangs up", (response) => void response.destroy(), 503],
    ["never answers", () => {}, 503],
    [
      "breaks off in the middle",
      (response) => void response.writeHead(200, { "content-length": 99 }).write("{", () => response.destroy()),
      503,
    ],
    [
      "leads elsewhere",
      (response) => void response.writeHead(302, { location: "https://idp.example/token" }).end(),
      400,
    ],
    [
      "speaks HTML",
      (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<p>maintenance"),
      400,
    ],
    ["fails", (response) => void response.writeHead(500).end(), 400],
    [
      "gives no ID token",
      (response) =>
        void response
          .writeHead(200, { "content-type": "application/json" })
          .end('{"access_token":"x","token_type":"Bearer"}'),
      400,
    ],
  ])("lets nobody in while its token endpoint %s, and is asked once", async (_, answers, status) => {
    misbehave = answers;
    const outcome = await attempt({}).finally(() => (misbehave = undefined));
    expect(outcome).toMatchObject({ status, kind: "anonymous", asked: 1 });
  });

  it("may change its keys, and those that it has withdrawn count no more", async () => {
    const withdrawn = signing;
    signing = { key: foreign, kid: "k2" };
    expect(await attempt({})).toMatchObject({ status: 200, kind: "user" });
    for (const kid of ["k1", "k2"])
      expect(await attempt({ key: withdrawn.key.privateKey, header: { kid } })).toMatchObject({
        status: 400,
        kind: "anonymous",
      });
    signing = withdrawn;
  });

  it("is not handed the code of another provider that does not say who it is", async () => {
    await ready;
    // RFC 9700 section 4.4: it leads people on to the other one, with what an attacker's own sign-in there was begun with, and waits for their codes.
    discovered = { authorization_response_iss_parameter_supported: false };
    const { records } = await application(memorySingleSignOn());
    const browser = visitor(net);
    for (const [provider, cause] of [
      [["second"], "other_provider"],
      [[], "other_provider"],
      [["evil", "second"], "other_provider"],
      [["evil"], undefined],
    ] as const) {
      const url = await begin(browser, "evil");
      expect(url.searchParams.get("redirect_uri")).toBe(`${CALLBACK}?provider=evil`);
      nonce = url.searchParams.get("nonce") ?? "";
      forge = {};
      asked.length = 0;
      const query = new URLSearchParams({ code: "c", state: url.searchParams.get("state") ?? "" });
      for (const one of provider) query.append("provider", one);
      const answer = await browser.open(`${CALLBACK}?${query}`, url.host);
      expect([provider, answer.status, asked.length]).toEqual([
        provider,
        cause === undefined ? 200 : 400,
        cause === undefined ? 1 : 0,
      ]);
      if (cause === undefined) expect(asked[0]?.get("redirect_uri")).toBe(`${CALLBACK}?provider=evil`);
    }
    discovered = {};
    expect(causes(records)).toEqual(["other_provider", "other_provider", "other_provider"]);
  });

  it("opens its own tenant alone", async () => {
    expect(await attempt({}, undefined, "other")).toMatchObject({
      status: 400,
      kind: "anonymous",
      cause: "not_in_tenant",
    });
  });

  it("cannot bring up a user of another provider by the same subject or address", async () => {
    await ready;
    const store = memorySingleSignOn();
    await store.link({ issuer: "https://idp.example", subject: "eve", userId: "user-eve", providerId: "real" }, 1);
    expect(await store.linked("https://evil.example", "eve")).toBeUndefined();
    expect(await attempt({ claims: { sub: "eve", email: "eve@acme.example" } })).toMatchObject({
      status: 403,
      cause: "link_required",
    });
    expect(await attempt({ claims: { email: "ada@elsewhere.example" } })).toMatchObject({
      status: 403,
      cause: "link_required",
    });
    expect(await attempt({ claims: { email_verified: "true" } })).toMatchObject({
      status: 403,
      cause: "link_required",
    });
  });

  it("is not asked again when it publishes itself under another name or over http", async () => {
    await ready;
    for (const lie of [
      { issuer: "https://idp.example" },
      { token_endpoint: "http://second.example/token" },
      { jwks_uri: "http://second.example/j" },
    ]) {
      discovered = lie;
      await application(memorySingleSignOn());
      const page = await visitor(net).open(`${APP}/sso/start?provider=second`);
      expect(page.status).toBe(503);
    }
    discovered = {};
  });

  it("does not begin for a link on another site until somebody clicks", async () => {
    await ready;
    await application(memorySingleSignOn());
    const browser = visitor(net);
    const page = await browser.open(`${APP}/sso/start?provider=evil&next=/me`, "evil.example");
    expect(goesTo(page)).toBe("/sso/start?provider=evil&next=/me");
    expect(page.body).not.toContain("http-equiv");
    expect(cookieLine(browser)).not.toContain("__Host-sso");
    for (const next of ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\tb"]) {
      const url = await begin(browser, "evil", next);
      nonce = url.searchParams.get("nonce") ?? "";
      forge = {};
      const back = await arrive(
        browser,
        callbackOf("evil", { code: "c", state: url.searchParams.get("state") ?? "", iss: url.origin }),
        "evil.example",
      );
      expect(goesTo(back)).toBe("/");
    }
  });

  it("cannot end sessions with a logout token that is anything but one", async () => {
    await ready;
    const store = memorySingleSignOn();
    const { records } = await application(store);
    await store.link({ issuer: "https://evil.example", subject: "ada", userId: "user-ada", providerId: "evil" }, 1);
    const now = Math.floor(Date.now() / 1000);
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const good = { iss: "https://evil.example", aud: "folio", sub: "ada", iat: now, exp: now + 60, events };
    const send = async (
      claims: object,
      header: object = {},
      key = keys.privateKey,
      provider = "evil",
    ): Promise<number> => {
      const token = await new SignJWT({ ...good, jti: crypto.randomUUID(), ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "k1", typ: "logout+jwt", ...header })
        .sign(key);
      const body = `${new URLSearchParams({ logout_token: token })}`;
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const url = `${APP}/sso/back-channel-logout?provider=${provider}`;
      return (await net.fetch(url, { method: "POST", headers, body })).status;
    };
    expect(await send({ jti: "once" })).toBe(200);
    expect(await send({ jti: "once" })).toBe(400);
    expect(await send({ nonce: "n" })).toBe(400);
    expect(await send({ events: {} })).toBe(400);
    expect(await send({ events: undefined })).toBe(400);
    expect(await send({ jti: undefined })).toBe(400);
    expect(await send({ sub: undefined })).toBe(400);
    expect(await send({ exp: now + 121 })).toBe(400);
    expect(await send({ iat: now - 300, exp: now - 180 })).toBe(400);
    expect(await send({ aud: "somebody" })).toBe(400);
    expect(await send({ iss: "https://idp.example" })).toBe(400);
    expect(await send({}, { typ: "JWT" })).toBe(400);
    expect(await send({}, {}, foreign.privateKey)).toBe(400);
    expect(await send({}, {}, keys.privateKey, "unheard-of")).toBe(400);
    expect(records.filter(({ event }) => event === "authn_sso_logout")).toHaveLength(1);
    expect(records.filter(({ event }) => event === "authn_sso_logout_fail")).toHaveLength(13);
  });
});

describe("what a provider's word is worth", () => {
  const provider = providerOf("p", "idp.example");
  it("is one factor, unless the contract says more", () => {
    const amr = ["pwd", "otp"];
    expect(assuranceOfClaims(provider, { sub: "a", amr }).factors).toEqual(["knowledge"]);
    expect(assuranceOfClaims({ ...provider, believesAmr: true }, { sub: "a", amr }).factors).toEqual([
      "knowledge",
      "possession",
    ]);
    for (const odd of [undefined, "mfa", [1], ["constructor"], Array(21).fill("mfa")])
      expect(assuranceOfClaims({ ...provider, believesAmr: true }, { sub: "a", amr: odd }).factors).toEqual([
        "knowledge",
      ]);
    const acr = { strong: { factors: ["possession", "inherence"], phishingResistant: true } } as const;
    expect(assuranceOfClaims({ ...provider, acr }, { sub: "a", acr: "strong" })).toEqual(acr.strong);
    expect(assuranceOfClaims({ ...provider, acr }, { sub: "a", acr: "toString" }).factors).toEqual(["knowledge"]);
  });

  it("covers an address only below a domain of the tenant's own", () => {
    const email = (address: unknown, verified: unknown = true) =>
      identityOf(provider, { sub: "a", email: address, email_verified: verified }).email;
    expect(email("ada@ACME.example")).toBe("ada@ACME.example");
    for (const odd of [
      "ada@evil.example",
      "ada@sub.acme.example",
      "ada@evil.example@acme.example",
      "ada@acme.example.",
      "<ada@acme.example>",
      1,
      undefined,
    ])
      expect(email(odd)).toBeUndefined();
    for (const odd of [false, "true", 1, null]) expect(email("ada@acme.example", odd)).toBeUndefined();
  });
});
