import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { authenticated } from "../core/access.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Principal } from "../core/principal.ts";
import { routeRule } from "../core/route.ts";
import type { Authenticate } from "../core/security.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { saas } from "../presets/saas.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { refusedBearer } from "./bearer-credential.ts";
import { fixedKeys, publishedKeys, type KeyFetch, type KeySet } from "./jwt-keys.ts";
import type { PublicKeys } from "./jwt-verification.ts";
import { jwt, type JwtIssuer } from "./jwt.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const SECONDS = NOW / 1000;
const ISSUER = "https://issuer.example";
const AUDIENCE = "https://api.example.com";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const published = (key: KeyObject, kid: string, alg: string) =>
  ({ ...key.export({ format: "jwk" }), kid, alg, use: "sig" }) as PublicKeys["keys"][number];
const keySet = (...keys: PublicKeys["keys"]): PublicKeys => ({ keys });
const ours = keySet(published(ec.publicKey, "k1", "ES256"));

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

interface Forgery {
  readonly header?: object;
  readonly claims?: object;
  readonly key?: KeyObject;
  readonly signature?: (input: string) => string;
}

/** A token that is good, but for what the forgery says. */
function tokenOf({ header = {}, claims = {}, key = ec.privateKey, signature }: Forgery = {}): string {
  const head = { alg: "ES256", kid: "k1", typ: "at+jwt", ...header };
  const body = { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: SECONDS - 10, exp: SECONDS + 300, ...claims };
  const input = `${encode(head)}.${encode(body)}`;
  const made = (): string =>
    sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
  return `${input}.${signature === undefined ? made() : signature(input)}`;
}

const issuerOf = (options: Partial<JwtIssuer> = {}): JwtIssuer => ({
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ["ES256"],
  keys: fixedKeys(ours),
  principal: ({ sub }) => ({
    kind: "user",
    id: sub as UserId,
    tenantId: "alpha" as TenantId,
    roles: [],
    assurance: 1,
    authenticatedAtMs: NOW,
  }),
  ...options,
});

const session: Authenticate = () => ({
  principal: { kind: "service", id: "by-cookie", tenantId: "alpha" as TenantId, roles: [] },
  session: { id: "s" },
});

async function ask(token: string, options: Partial<JwtIssuer> = {}, nowMs: number = NOW): Promise<string> {
  const facts = sketchExchange({ nowMs, headers: { authorization: `Bearer ${token}`, cookie: "__Host-session=x" } });
  const { principal } = await jwt({ issuers: [issuerOf(options)] }).authenticate(session)(facts);
  const cause = refusedBearer(facts)?.events[0]?.detail;
  if (cause !== undefined) expect(principal.kind).toBe("anonymous");
  return cause ?? (principal as Exclude<Principal, { kind: "anonymous" }>).id;
}

describe("a token", () => {
  it("of the issuer, for this API, of the right type and within its time says who it is", async () => {
    expect(await ask(tokenOf())).toBe("ada");
    expect(await ask(tokenOf({ header: { typ: "application/at+jwt" } }))).toBe("ada");
    expect(await ask(tokenOf({ claims: { aud: [AUDIENCE] } }))).toBe("ada");
  });

  it.each<readonly [string, Forgery, string]>([
    ["no algorithm", { header: { alg: "none" }, signature: () => "" }, "malformed"],
    ["no algorithm and some signature", { header: { alg: "none" } }, "algorithm"],
    ["no algorithm in other letters", { header: { alg: "NonE" } }, "algorithm"],
    ["an empty signature", { signature: () => "" }, "malformed"],
    ["a signature of zeros", { signature: () => encode("\0".repeat(64)) }, "signature"],
    ["another algorithm of the family", { header: { alg: "ES384" } }, "algorithm"],
    ["a stranger's signature", { key: stranger.privateKey }, "signature"],
    [
      "its own key",
      { header: { jwk: stranger.publicKey.export({ format: "jwk" }) }, key: stranger.privateKey },
      "header_forbidden",
    ],
    [
      "the address of its key",
      { header: { jku: "https://evil.example/jwks" }, key: stranger.privateKey },
      "header_forbidden",
    ],
    ["the address of its certificate", { header: { x5u: "https://evil.example/c" } }, "header_forbidden"],
    ["its own certificate", { header: { x5c: ["AAAA"] } }, "header_forbidden"],
    ["something critical", { header: { crit: ["exp"], exp: 1 } }, "header_forbidden"],
    ["an unencoded body", { header: { crit: ["b64"], b64: false } }, "header_forbidden"],
    ["a key id that is a path", { header: { kid: "../../dev/null" }, key: stranger.privateKey }, "unknown_key"],
    ["a key id that is SQL", { header: { kid: "k1' or '1'='1" } }, "unknown_key"],
    ["a key id that is no text", { header: { kid: ["k1"] } }, "header_forbidden"],
    ["an endless key id", { header: { kid: "k".repeat(257) } }, "header_forbidden"],
    ["the type of an ID token", { header: { typ: "JWT" } }, "type"],
    ["no type", { header: { typ: undefined } }, "type"],
    ["another audience", { claims: { aud: "https://other.example" } }, "audience"],
    ["another audience besides", { claims: { aud: [AUDIENCE, "https://other.example"] } }, "audience"],
    ["no audience", { claims: { aud: undefined } }, "audience"],
    ["an audience in other letters", { claims: { aud: AUDIENCE.toUpperCase() } }, "audience"],
    ["an issuer with a slash", { claims: { iss: `${ISSUER}/` } }, "unknown_issuer"],
    ["no issuer", { claims: { iss: undefined } }, "unknown_issuer"],
    ["an end 31 s ago", { claims: { exp: SECONDS - 31 } }, "expired"],
    ["no end", { claims: { exp: undefined } }, "claims"],
    ["an end that is text", { claims: { exp: "9999999999" } }, "claims"],
    ["no beginning", { claims: { iat: undefined } }, "claims"],
    ["a beginning in 31 s", { claims: { iat: SECONDS + 31, exp: SECONDS + 60 } }, "not_yet"],
    ["use in 31 s at the earliest", { claims: { nbf: SECONDS + 31 } }, "not_yet"],
    ["a life of more than an hour", { claims: { iat: SECONDS, exp: SECONDS + 3_601 } }, "lifetime"],
    ["an end before its beginning", { claims: { iat: SECONDS + 20, exp: SECONDS + 10 } }, "lifetime"],
    ["a subject that is no text", { claims: { sub: 1 } }, "claims"],
    ["more than 8 KiB", { claims: { padding: "x".repeat(8192) } }, "malformed"],
  ])("with %s is refused", async (_, forgery, cause) => {
    expect(await ask(tokenOf(forgery))).toBe(cause);
  });

  /** A token whose header and body are exactly these texts, and whose signature is good. */
  function written(body: string | Buffer, header = '{"alg":"ES256","kid":"k1","typ":"at+jwt"}'): string {
    const input = `${encode(header)}.${Buffer.from(body).toString("base64url")}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key: ec.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  }
  const claims = (more: string): string =>
    `{"iss":"${ISSUER}","aud":"${AUDIENCE}","sub":"ada","iat":${SECONDS - 10},"exp":${SECONDS + 300}${more}}`;

  it.each<readonly [string, string | Buffer, string]>([
    ["a body that is a list", "[]", "unknown_issuer"],
    ["a body that is nothing", "null", "unknown_issuer"],
    ["another token in it", tokenOf(), "unknown_issuer"],
    ["an issuer in a list", claims(`,"iss":["${ISSUER}"]`), "unknown_issuer"],
    ["a second issuer", claims(',"iss":"https://evil.example"'), "unknown_issuer"],
    ["a second audience by the same name", claims(',"aud":"https://other.example"'), "audience"],
    ["an audience in a list of a list", claims(`,"aud":[["${AUDIENCE}"]]`), "audience"],
    ["no audience in its list", claims(',"aud":[]'), "audience"],
    ["an audience that is an object", claims(`,"aud":{"0":"${AUDIENCE}","length":1}`), "audience"],
    ["an end beyond all numbers", claims(',"exp":1e999'), "lifetime"],
    ["a beginning before all numbers", claims(',"iat":-1e999'), "lifetime"],
    ["an end that is no number", claims(',"exp":NaN'), "unknown_issuer"],
    ["an end in a list", claims(`,"exp":[${SECONDS + 300}]`), "claims"],
    ["an end that is true", claims(',"exp":true'), "claims"],
    ["a not-before that is text", claims(',"nbf":"0"'), "not_yet"],
    ["a subject by its prototype", claims(',"sub":{"toString":"ada"}'), "claims"],
    ["bytes that are no text", Buffer.from([...Buffer.from(claims("")).subarray(0, -1), 0xff, 0x7d]), "unknown_issuer"],
  ])("well signed with %s is refused", async (_, body, cause) => {
    expect(await ask(written(body))).toBe(cause);
  });

  it.each([
    ['{"alg":"ES256","alg":"none","kid":"k1","typ":"at+jwt"}', "algorithm"],
    ['{"alg":["ES256"],"kid":"k1","typ":"at+jwt"}', "algorithm"],
    ['{"alg":"ES256","kid":"k1","typ":["at+jwt"]}', "type"],
    ['{"alg":"ES256","kid":"k1\\u0000","typ":"at+jwt"}', "unknown_key"],
    ['{"alg":"ES256","kid":"__proto__","typ":"at+jwt"}', "unknown_key"],
    ['{"alg":"ES256","kid":"k1","typ":"at+jwt","\\u006aku":"https://evil.example"}', "header_forbidden"],
    ['{"alg":"ES256","kid":"k1","typ":"at+jwt","crit":[]}', "header_forbidden"],
    ['{"alg":"ES256","kid":"k1","typ":"at+jwt","b64":true}', "header_forbidden"],
    ["[]", "malformed"],
    ["null", "malformed"],
  ])("well signed under the header %s is refused", async (header, cause) => {
    expect(await ask(written(claims(""), header))).toBe(cause);
  });

  it("well signed in numbers that are not whole counts to the part of a second", async () => {
    expect(await ask(written(claims(`,"exp":${SECONDS + 0.5}`)))).toBe("ada");
    expect(await ask(written(claims(`,"exp":${SECONDS + 0.5}`)), {}, NOW + 31_000)).toBe("expired");
  });

  it("without a key's name is refused where the issuer has several, and by a key that is for something else", async () => {
    const nameless = tokenOf({ header: { kid: undefined } });
    expect(await ask(nameless)).toBe("ada");
    const two = keySet(...ours.keys, published(stranger.publicKey, "k2", "ES256"));
    expect(await ask(nameless, { keys: fixedKeys(two) })).toBe("unknown_key");
    for (const change of [{ use: "enc" }, { alg: "ES384" }, { key_ops: ["sign"] }]) {
      const keys = fixedKeys(keySet({ ...(ours.keys[0] as PublicKeys["keys"][number]), ...change }));
      expect(await ask(tokenOf(), { keys })).toBe("unknown_key");
    }
  });

  it("signed by HMAC with the public key as the secret is refused", async () => {
    const pem = rsa.publicKey.export({ format: "pem", type: "spki" });
    const keys = fixedKeys(keySet(published(rsa.publicKey, "k1", "RS256")));
    const hmac = (input: string): string => createHmac("sha256", pem).update(input).digest("base64url");
    expect(await ask(tokenOf({ header: { alg: "HS256" }, signature: hmac }), { keys, algorithms: ["RS256"] })).toBe(
      "algorithm",
    );
    const good = (input: string): string => sign("sha256", Buffer.from(input), rsa.privateKey).toString("base64url");
    expect(await ask(tokenOf({ header: { alg: "RS256" }, signature: good }), { keys, algorithms: ["RS256"] })).toBe(
      "ada",
    );
  });

  it("of somebody whom the application does not know is refused", async () => {
    expect(await ask(tokenOf(), { principal: () => undefined })).toBe("nobody");
    await expect(ask(tokenOf(), { principal: () => ({ kind: "user", tenantId: "" }) as never })).rejects.toThrow(
      "tenant",
    );
  });

  it("never passes when one character of it changes", async () => {
    const token = tokenOf();
    const place = fc.nat({ max: token.lastIndexOf(".") - 1 });
    await fc.assert(
      fc.asyncProperty(place, fc.stringMatching(/^[\w.-]$/u), async (at, letter) => {
        fc.pre(token[at] !== letter);
        const outcome = await ask(token.slice(0, at) + letter + token.slice(at + 1));
        expect(outcome).not.toBe("ada");
      }),
    );
  });

  it("is left to whoever comes next when it is not of this kind", async () => {
    expect(await ask("opaque-token")).toBe("by-cookie");
    expect(await ask("a.b")).toBe("by-cookie");
    expect(await ask("a.b.!")).toBe("malformed");
  });
});

describe("published keys", () => {
  let served: () => { readonly status: number; readonly body: string } = () => ({
    status: 200,
    body: JSON.stringify(ours),
  });
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches += 1;
    const { status, body } = served();
    setTimeout(() => response.writeHead(status, { location: "/elsewhere" }).end(body), 20);
  }).listen(0, "127.0.0.1");
  afterAll(() => void server.close());

  async function fresh(options: { readonly report?: (event: AuditEvent) => void } = {}): Promise<KeySet> {
    if (!server.listening) await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const local: KeyFetch = (url, init) =>
      fetch(url.replace("https://issuer.example", `http://127.0.0.1:${port}`), init);
    fetches = 0;
    served = () => ({ status: 200, body: JSON.stringify(ours) });
    return publishedKeys({ url: "https://issuer.example/jwks", fetch: local, ...options });
  }

  it("are fetched once for many requests, and again when they are ten minutes old", async () => {
    const keys = await fresh();
    const many = await Promise.all(Array.from({ length: 64 }, () => ask(tokenOf(), { keys })));
    expect(new Set(many)).toEqual(new Set(["ada"]));
    expect(fetches).toBe(1);
    await keys.current(NOW + 599_000);
    expect(fetches).toBe(1);
    await keys.current(NOW + 601_000);
    await expect.poll(() => fetches).toBe(2);
  });

  it("are fetched anew for a key that is new, and once in 30 seconds for keys that somebody invents", async () => {
    const keys = await fresh();
    expect(await ask(tokenOf(), { keys })).toBe("ada");
    served = () => ({
      status: 200,
      body: JSON.stringify(keySet(...ours.keys, published(stranger.publicKey, "k2", "ES256"))),
    });
    const rotated = tokenOf({
      header: { kid: "k2" },
      key: stranger.privateKey,
      claims: { iat: SECONDS, exp: SECONDS + 600 },
    });
    expect(await ask(rotated, { keys })).toBe("unknown_key");
    expect(await ask(rotated, { keys }, NOW + 30_000)).toBe("ada");
    expect(fetches).toBe(2);
    const invented = Array.from({ length: 50 }, (_, at) =>
      tokenOf({ header: { kid: `no-${at}` }, claims: { exp: SECONDS + 3_000 } }),
    );
    for (const token of invented) expect(await ask(token, { keys }, NOW + 31_000)).toBe("unknown_key");
    expect(fetches).toBe(2);
    await Promise.all(invented.map((token) => ask(token, { keys }, NOW + 61_000)));
    expect(fetches).toBe(3);
  });

  it("stay in use for a day while the issuer does not answer, and then nobody is let in", async () => {
    const events: AuditEvent[] = [];
    const keys = await fresh({ report: (event) => void events.push(event) });
    const first = await keys.current(NOW);
    served = () => ({ status: 500, body: "" });
    expect(await keys.current(NOW + 700_000)).toBe(first);
    await expect(keys.newer(first, NOW + 700_001)).rejects.toThrow("status 500");
    expect(await keys.current(NOW + 86_399_000)).toBe(first);
    await expect(Promise.resolve(keys.current(NOW + 86_400_000 + 60_000))).rejects.toThrow();
    expect(events[0]).toMatchObject({ event: "sys_issuer_keys_unavailable", status: "failed" });
  });

  it("are refused when they are not keys, too many, too long, private, or elsewhere", async () => {
    const priv = keySet(ec.privateKey.export({ format: "jwk" }));
    for (const [status, body] of [
      [200, "{}"],
      [200, '{"keys":[]}'],
      [200, "not json"],
      [200, JSON.stringify({ keys: Array(101).fill(ours.keys[0]) })],
      [200, " ".repeat(262_145)],
      [200, JSON.stringify(priv)],
      [302, JSON.stringify(ours)],
    ] as const) {
      const keys = await fresh();
      served = () => ({ status, body });
      await expect(ask(tokenOf(), { keys })).rejects.toThrow();
    }
    for (const url of ["http://issuer.example/jwks", "https://user@issuer.example/jwks", "jwks", "file:///etc/passwd"])
      expect(() => publishedKeys({ url, fetch })).toThrow(/https/u);
  });
});

describe("jwt() in saas()", () => {
  async function post(token: string) {
    const events: AuditEvent[] = [];
    const keys = keyRing(newKey("k1"));
    const bearer = [jwt({ issuers: [issuerOf()] })];
    const security = glacis(
      saas({ origin: "https://app.example.com", keys, mode: "test", bearer, audit: (one) => void events.push(one) }),
    );
    const rawHeaders = ["Host", "app.example.com", "Content-Length", "0", "Authorization", `Bearer ${token}`];
    const exchange = security.begin({
      method: "POST",
      target: "/x",
      httpVersion: "1.1",
      rawHeaders,
      peerAddress: "192.0.2.1",
      encrypted: true,
    });
    const rule = routeRule(authenticated(), { kind: "api", scopes: [] });
    return { verdict: await security.enter(exchange, { method: "POST", pattern: "/x", rule }), events };
  }

  it("needs no CSRF token for a user who came by a token, and says one word to every other", async () => {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + 300 };
    expect((await post(tokenOf({ claims: times }))).verdict).toEqual({ kind: "proceed" });
    const { verdict, events } = await post(tokenOf({ claims: { ...times, aud: "other" } }));
    expect(verdict).toMatchObject({ kind: "respond", status: 401 });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ event: "authn_token_rejected", detail: "audience" });
  });

  it("takes no algorithm that lets a token choose, and judges what is too wide", () => {
    const make = (options: Partial<JwtIssuer>) => jwt({ issuers: [issuerOf(options)] });
    for (const algorithms of [[], ["HS256"], ["none"], ["ES256", "RS256"], ["ES256", "HS256"], "ES256"] as never[])
      expect(() => make({ algorithms })).toThrow(/algorithms/u);
    expect(() => make({ audience: "" })).toThrow(/audience/u);
    expect(() => make({ skewSeconds: 61 })).toThrow(/skew/u);
    expect(() => make({ maxLifetimeSeconds: Number.POSITIVE_INFINITY })).toThrow(/maxLifetime/u);
    expect(() => make({ aud: "x" } as never)).toThrow(/audience/u);
    expect(() => jwt({ issuers: [issuerOf(), issuerOf()] })).toThrow(/once/u);
  });
});
