/** Tokens: cut, mended and invented, and such as their issuer signed with nonsense in them. */
import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import {
  namedIssuer,
  verifyByOwnKey,
  verifyJwt,
  type JwtRules,
} from "../../packages/glacis/src/authentication/jwt-verification.ts";
import { like } from "./grammar.ts";
import { holds, target, type Target } from "./target.ts";

const NOW = 1_700_000_000;
const RULES: JwtRules = {
  issuer: "https://issuer.example",
  audience: "https://api.example.com",
  otherAudiences: [],
  algorithms: ["ES256"],
  typ: "at+jwt",
  skewSeconds: 5,
  maxLifetimeSeconds: 600,
};
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keys = { keys: [{ ...key.publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256", use: "sig" }] };
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? "").toString("base64url");

function tokenOf(header: unknown, claims: unknown): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

const HEADER = { alg: "ES256", kid: "k1", typ: "at+jwt" };
const CLAIMS = { iss: RULES.issuer, aud: RULES.audience, sub: "ada", iat: NOW - 10, exp: NOW + 300 };
const GOOD = tokenOf(HEADER, CLAIMS);
const PIECES = [".", "e30", encode(HEADER), encode(CLAIMS), encode({ ...HEADER, alg: "none" }), "=", "A", "_", "-"];
const NONSENSE = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(1e308, -1, "", [], {}, null, "9".repeat(400)));

const read = async (token: string): Promise<boolean> => {
  namedIssuer(token);
  await verifyByOwnKey(token, "dpop+jwt");
  return (await verifyJwt(token, keys, RULES, NOW * 1000)).kind === "verified";
};

export const JWT: readonly Target[] = [
  target(
    "token as text",
    like(PIECES, [GOOD]),
    async (token) => holds(!(await read(token)) || token === GOOD, "only what was signed is verified"),
    { share: 0.5 },
  ),
  target(
    "token of its issuer",
    fc.tuple(
      fc.dictionary(fc.constantFrom("alg", "kid", "typ", "crit", "b64", "jwk", "cty", "x5u"), NONSENSE, { maxKeys: 2 }),
      fc.dictionary(fc.constantFrom("iss", "aud", "sub", "iat", "exp", "nbf", "cnf", "act"), NONSENSE, { maxKeys: 3 }),
    ),
    async ([header, claims]) => {
      const verified = await read(tokenOf({ ...HEADER, ...header }, { ...CLAIMS, ...claims }));
      const { iss, exp, iat } = { ...CLAIMS, ...claims } as Readonly<Record<string, unknown>>;
      const fits = iss === RULES.issuer && typeof exp === "number" && typeof iat === "number";
      holds(!verified || fits, "what is verified has its issuer and its times");
    },
    { share: 0.2 },
  ),
];
