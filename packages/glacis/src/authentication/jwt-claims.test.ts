import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { saas } from "../presets/saas.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { refusedBearer } from "./bearer-credential.ts";
import { fixedKeys } from "./jwt-keys.ts";
import { jwt, type JwtIssuer } from "./jwt.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const AT = NOW / 1000;
const { publicKey, privateKey } = await generateKeyPair("ES256");
const keys = fixedKeys({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] });

const tokensOf = (options: Partial<JwtIssuer> = {}) =>
  jwt({
    issuers: [
      {
        issuer: "https://issuer.example",
        audience: "https://api.example.com",
        algorithms: ["ES256"],
        keys,
        principal: () => ({ kind: "service", id: "job", tenantId: "acme", roles: [] }) as never,
        ...options,
      },
    ],
  });

async function ask(claims: object, typ = "at+jwt", options: Partial<JwtIssuer> = {}) {
  const said = {
    iss: "https://issuer.example",
    aud: "https://api.example.com",
    sub: "job",
    iat: AT - 10,
    exp: AT + 290,
  };
  const token = await new SignJWT({ ...said, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "k1", typ })
    .sign(privateKey);
  const facts = sketchExchange({ nowMs: NOW, headers: { authorization: `Bearer ${token}` } });
  await tokensOf(options).authenticate(() => ({ principal: { kind: "anonymous" }, session: undefined }))(facts);
  const denial = refusedBearer(facts);
  return denial && [denial.events[0]?.control, denial.events[0]?.detail, denial.headers[0]?.[1]];
}

const refused = (detail: string) => ["jwt-claims", detail, 'Bearer error="invalid_token"'];

describe("what a token says of itself", () => {
  it.each<readonly [string, object, string]>([
    ["no end", { exp: undefined }, "claims"],
    ["no beginning", { iat: undefined }, "claims"],
    ["an end 31 seconds ago", { iat: AT - 300, exp: AT - 31 }, "expired"],
    ["a beginning in 31 seconds", { nbf: AT + 31 }, "not_yet"],
    ["a making in the future", { iat: AT + 31, exp: AT + 100 }, "not_yet"],
    ["ten minutes and a second", { iat: AT, exp: AT + 601 }, "lifetime"],
    ["another audience", { aud: "https://other.example.com" }, "audience"],
    ["a second audience", { aud: ["https://api.example.com", "https://other.example.com"] }, "audience"],
    ["an audience with a slash", { aud: "https://api.example.com/" }, "audience"],
    ["no audience", { aud: undefined }, "audience"],
  ])("is refused with %s", async (_, claims, detail) => {
    expect(await ask(claims)).toEqual(refused(detail));
  });

  it.each(["JWT", "id_token", "logout+jwt", "reset+jwt", ""])("is refused with the type %j", async (typ) => {
    expect(await ask({}, typ)).toEqual(refused("type"));
  });

  it("counts within the skew of the clocks, and in a list of one audience", async () => {
    expect(await ask({ iat: AT - 300, exp: AT - 29 })).toBeUndefined();
    expect(await ask({ nbf: AT + 29 })).toBeUndefined();
    expect(await ask({ iat: AT, exp: AT + 600 })).toBeUndefined();
    expect(await ask({ aud: ["https://api.example.com"] })).toBeUndefined();
  });

  it("is refused for an issuer with a slash, which nobody knows", async () => {
    expect((await ask({ iss: "https://issuer.example/" }))?.[1]).toBe("unknown_issuer");
  });
});

describe("what is left open", () => {
  const judged = (options: Partial<JwtIssuer>) =>
    tokensOf(options).posture?.flatMap((control) => control.check({} as never).map(({ rule }) => rule.id));

  it("is found, and nothing is by default", () => {
    expect(judged({})).toEqual([]);
    expect(judged({ maxLifetimeSeconds: 3_600 })).toEqual([]);
    expect(judged({ typ: "any", maxLifetimeSeconds: 7_200, skewSeconds: 60, otherAudiences: ["other"] })).toEqual([
      "jwt-claims/untyped",
      "jwt-claims/long-lived",
      "jwt-claims/clock-slack",
      "jwt-claims/other-audience",
    ]);
  });

  it("is judged by the preset that mounts the tokens", () => {
    const layers = saas({ origin: "https://app.example.com", keys: keyRing(newKey("k1")), bearer: [tokensOf()] });
    expect(layers.authentication.map(({ meta }) => meta.id)).toContain("jwt-claims");
  });
});
