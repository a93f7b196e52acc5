import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import {
  allowInsecureRequests,
  clientCredentialsGrant,
  ClientSecretBasic,
  customFetch,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  randomDPoPKeyPair,
} from "openid-client";
import { Provider } from "oidc-provider";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { json, type Route } from "../../../../test/conformance/application.ts";
import { express5Build } from "../../../../test/conformance/frameworks/express.ts";
import { internet } from "../../../../test/support/identity-provider.ts";
import { authenticated } from "../core/access.ts";
import { routeRule } from "../core/route.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { memorySingleUse } from "../data/single-use.ts";
import { glacis } from "../glacis.ts";
import { overloadProtection } from "../network/overload-protection.ts";
import { saas } from "../presets/saas.ts";
import { withControls } from "../presets/with-controls.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { refusedBearer } from "./bearer-credential.ts";
import { dpop } from "./dpop.ts";
import { fixedKeys, publishedKeys } from "./jwt-keys.ts";
import { jwt, type JwtIssuer } from "./jwt.ts";

const API = "https://api.example.com";
const NOW = Date.parse("2026-11-26T12:00:00Z");
const keys = keyRing(newKey("k1"));
const issuerKeys = await generateKeyPair("ES256");
const holder = await generateKeyPair("ES256", { extractable: true });
const stranger = await generateKeyPair("ES256", { extractable: true });
const publicKey = await exportJWK(holder.publicKey);
const thumbprint = await calculateJwkThumbprint(publicKey);

const tokenWith = (claims: object): Promise<string> =>
  new SignJWT({
    iss: "https://issuer.example",
    aud: API,
    sub: "job",
    scope: "rows:read rows:write",
    iat: NOW / 1000,
    exp: NOW / 1000 + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", kid: "k1", typ: "at+jwt" })
    .sign(issuerKeys.privateKey);
const bound = await tokenWith({ cnf: { jkt: thumbprint } });
const ath = (token: string): string => createHash("sha256").update(token).digest("base64url");

let proofs = dpop({ origin: API, keys, store: memorySingleUse({ now: () => NOW }) });
let nonce = "";
beforeEach(() => {
  proofs = dpop({ origin: API, keys, store: memorySingleUse({ now: () => NOW }) });
  nonce = proofs.challenge("proof_nonce", NOW)[1]?.[1] ?? "";
});

interface Forgery {
  readonly claims?: object;
  readonly header?: object;
  readonly key?: CryptoKey;
}

const proofWith = async ({ claims = {}, header = {}, key = holder.privateKey }: Forgery = {}): Promise<string> =>
  new SignJWT({
    jti: randomUUID(),
    htm: "GET",
    htu: `${API}/rows`,
    iat: NOW / 1000,
    ath: ath(bound),
    nonce,
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: publicKey, ...header })
    .sign(key);

async function ask(headers: readonly string[], options: Partial<JwtIssuer> = {}) {
  const rawHeaders = ["Host", "api.example.com", ...headers];
  const facts = sketchExchange({ nowMs: NOW, target: "/rows?page=2", rawHeaders });
  const issuer: JwtIssuer = {
    issuer: "https://issuer.example",
    audience: API,
    algorithms: ["ES256"],
    keys: fixedKeys({ keys: [{ ...(await exportJWK(issuerKeys.publicKey)), kid: "k1", alg: "ES256" }] }),
    principal: () => ({ kind: "service", id: "job", tenantId: "acme", roles: [] }) as never,
    ...options,
  };
  const tokens = jwt({ issuers: [issuer], dpop: proofs });
  const { principal, headers: answered } = await tokens.authenticate(() => {
    throw new Error("Nobody else's.");
  })(facts);
  const denial = refusedBearer(facts);
  return { cause: denial?.events[0]?.detail, told: denial?.headers, principal, answered };
}
const present = (token: string, proof: string): readonly string[] => ["Authorization", `DPoP ${token}`, "DPoP", proof];

describe("a token that is bound to a key", () => {
  it("opens with a proof of that key, and says what it was given for", async () => {
    const { cause, principal, answered } = await ask(present(bound, await proofWith()));
    expect(cause).toBeUndefined();
    expect(principal).toMatchObject({
      id: "job",
      delegation: { issuer: "https://issuer.example", subject: "job", scopes: ["rows:read", "rows:write"] },
    });
    expect(answered).toEqual([["dpop-nonce", nonce]]);
  });

  it.each<readonly [string, Forgery, string]>([
    ["another key", { header: { jwk: {} } }, "proof_malformed"],
    ["a key that did not sign", { key: stranger.privateKey }, "proof_malformed"],
    ["another type", { header: { typ: "jwt" } }, "proof_malformed"],
    ["no key", { header: { jwk: undefined } }, "proof_malformed"],
    ["another method", { claims: { htm: "POST" } }, "proof_request"],
    ["a method in other letters", { claims: { htm: "get" } }, "proof_request"],
    ["another path", { claims: { htu: `${API}/rowsx` } }, "proof_request"],
    ["another host", { claims: { htu: "https://evil.example/rows" } }, "proof_request"],
    ["plain http", { claims: { htu: "http://api.example.com/rows" } }, "proof_request"],
    ["a name in the address", { claims: { htu: "https://a@api.example.com/rows" } }, "proof_request"],
    ["no address", { claims: { htu: undefined } }, "proof_request"],
    ["61 seconds of age", { claims: { iat: NOW / 1000 - 61 } }, "proof_time"],
    ["a time to come", { claims: { iat: NOW / 1000 + 31 } }, "proof_time"],
    ["no time", { claims: { iat: undefined } }, "proof_time"],
    ["another token's hash", { claims: { ath: ath("other") } }, "proof_token"],
    ["no token's hash", { claims: { ath: undefined } }, "proof_token"],
    ["an invented nonce", { claims: { nonce: "A".repeat(43) } }, "proof_nonce"],
    ["no nonce", { claims: { nonce: undefined } }, "proof_nonce"],
    ["no id", { claims: { jti: undefined } }, "proof_malformed"],
    ["an endless id", { claims: { jti: "x".repeat(257) } }, "proof_malformed"],
  ])("does not open with %s", async (_, forgery, cause) => {
    const outcome = await ask(present(bound, await proofWith(forgery)));
    expect(outcome.cause).toBe(cause);
    expect(outcome.principal.kind).toBe("anonymous");
    const error = cause === "proof_nonce" ? "use_dpop_nonce" : "invalid_dpop_proof";
    expect(outcome.told?.[0]?.[1]).toContain(`DPoP error="${error}"`);
    expect(outcome.told?.[1]).toEqual(["dpop-nonce", nonce]);
  });

  it("does not open for another key's holder, with its secret half shown, or twice with one proof", async () => {
    const own = { jwk: await exportJWK(stranger.publicKey) };
    expect((await ask(present(bound, await proofWith({ header: own, key: stranger.privateKey })))).cause).toBe(
      "proof_key",
    );
    const secret = { jwk: await exportJWK(holder.privateKey) };
    expect((await ask(present(bound, await proofWith({ header: secret })))).cause).toBe("proof_malformed");
    const proof = await proofWith();
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => ask(present(bound, proof))));
    expect(outcomes.map(({ cause }) => cause).toSorted()).toEqual([
      ...Array<string>(63).fill("proof_replayed"),
      undefined,
    ]);
  });

  it("does not open without a proof, with two, or as a bearer's", async () => {
    const proof = await proofWith();
    expect((await ask(["Authorization", `DPoP ${bound}`])).cause).toBe("proof_missing");
    expect((await ask([...present(bound, proof), "DPoP", proof])).cause).toBe("proof_missing");
    expect((await ask(["Authorization", `Bearer ${bound}`, "DPoP", proof])).cause).toBe("proof_missing");
    const odd = await tokenWith({ cnf: { "x5t#S256": "A" } });
    expect((await ask(["Authorization", `Bearer ${odd}`])).cause).toBe("proof_missing");
  });

  it("is asked for where the issuer's tokens must be bound", async () => {
    const free = await tokenWith({});
    expect((await ask(["Authorization", `Bearer ${free}`])).cause).toBeUndefined();
    expect((await ask(["Authorization", `Bearer ${free}`], { proofOfPossession: "required" })).cause).toBe(
      "proof_unbound",
    );
    expect((await ask(present(free, await proofWith()))).cause).toBe("proof_unbound");
  });

  it("takes a nonce of the window before, and none that is older", async () => {
    const before = proofs.challenge("proof_nonce", NOW - 300_000)[1]?.[1];
    const older = proofs.challenge("proof_nonce", NOW - 600_000)[1]?.[1];
    expect((await ask(present(bound, await proofWith({ claims: { nonce: before } })))).cause).toBeUndefined();
    expect((await ask(present(bound, await proofWith({ claims: { nonce: older } })))).cause).toBe("proof_nonce");
  });
});

it("is not asked for in words that nobody knows, nor without somebody who judges it", () => {
  const make = (proofOfPossession: string, judge?: typeof proofs) => () =>
    jwt({
      issuers: [
        {
          issuer: "https://issuer.example",
          audience: API,
          algorithms: ["ES256"],
          keys: fixedKeys({ keys: [{ ...publicKey, kid: "k1" }] }),
          principal: () => undefined,
          proofOfPossession: proofOfPossession as "required",
        },
      ],
      ...(judge && { dpop: judge }),
    });
  expect(make("require", proofs)).toThrow(/proofOfPossession/u);
  expect(make("required")).toThrow(/dpop/u);
  expect(make("required", proofs)).not.toThrow();
});

describe("with a real authorization server and a real client", () => {
  const net = internet();
  afterAll(() => net.close());

  it("opens by scope and proof, over the wire", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const provider = new Provider("https://idp.example", {
      clients: [
        {
          client_id: "job",
          client_secret: "a secret of the client, long enough",
          grant_types: ["client_credentials"],
          response_types: [],
          redirect_uris: [],
        },
      ],
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "RS256" }] },
      features: {
        clientCredentials: { enabled: true },
        dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 1), requireNonce: () => false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => API,
          getResourceServerInfo: () => ({
            scope: "rows:read",
            audience: API,
            accessTokenFormat: "jwt",
            accessTokenTTL: 300,
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
    });
    provider.proxy = true;
    await net.serve("idp.example", provider.callback());
    const tokens = jwt({
      issuers: [
        {
          issuer: "https://idp.example",
          audience: API,
          algorithms: ["RS256"],
          keys: publishedKeys({ url: "https://idp.example/jwks", fetch: (url, init) => net.fetch(url, init) }),
          proofOfPossession: "required",
          principal: ({ sub }) => ({ kind: "service", id: String(sub), tenantId: "acme", roles: [] }) as never,
        },
      ],
      dpop: dpop({ origin: API, keys, store: memorySingleUse() }),
    });
    const layers = saas({
      origin: API,
      keys,
      mode: "test",
      proxies: ["127.0.0.1/32"],
      bearer: [tokens],
      audit: () => {},
    });
    const rule = (scope: string) => routeRule(authenticated(), { kind: "api", scopes: [scope] });
    const routes: Route[] = [
      { method: "GET", path: "/rows", rule: rule("rows:read"), behave: ({ exchange }) => json(exchange.principal) },
      { method: "GET", path: "/secrets", rule: rule("secrets:read"), behave: () => json("secret") },
    ];
    net.know(
      "api.example.com",
      await express5Build(
        { routes, groups: [] },
        glacis(withControls(layers, overloadProtection({ shedAtDelayMs: 10_000 }))),
      ),
    );

    const asFetch = (url: string, init: object): Promise<Response> => net.fetch(url, init);
    const client = await discovery(
      new URL("https://idp.example"),
      "job",
      undefined,
      ClientSecretBasic("a secret of the client, long enough"),
      { [customFetch]: asFetch, execute: [allowInsecureRequests] },
    );
    const DPoP = getDPoPHandle(client, await randomDPoPKeyPair("ES256"));
    const given = await clientCredentialsGrant(client, { scope: "rows:read", resource: API }, { DPoP });
    expect(given.token_type).toBe("dpop");
    const open = (path: string, handle = DPoP) =>
      fetchProtectedResource(client, given.access_token, new URL(`${API}${path}`), "GET", undefined, undefined, {
        DPoP: handle,
      });
    // The first try has no nonce; the client learns it from the refusal and tries again.
    const rows = await open("/rows");
    expect(rows.status).toBe(200);
    expect(await rows.json()).toMatchObject({ id: "job", delegation: { scopes: ["rows:read"], clientId: "job" } });
    await expect(open("/secrets")).rejects.toMatchObject({ status: 403 });
    const thief = getDPoPHandle(client, await randomDPoPKeyPair("ES256"));
    await expect(open("/rows", thief)).rejects.toMatchObject({ status: 401 });
    const copied = await net.fetch(`${API}/rows`, { headers: { authorization: `Bearer ${given.access_token}` } });
    expect(copied.status).toBe(401);
  });
});
