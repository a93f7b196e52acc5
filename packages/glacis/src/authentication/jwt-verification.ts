/** The one place where JSON Web Tokens are verified (RFC 7519, held to RFC 8725). It uses jose: signatures are no work for an application. */
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  decodeProtectedHeader,
  EmbeddedJWK,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
} from "jose";

/** Asymmetric algorithms alone: a verifier that also takes HMAC can be made to use a public key as its secret. */
export const JWT_ALGORITHMS = [
  "EdDSA",
  "Ed25519",
  "ES256",
  "ES384",
  "ES512",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
] as const;

export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** Public keys as an issuer publishes them (RFC 7517). */
export type PublicKeys = JSONWebKeySet;

/** What a token must be. Nothing of it is ever taken from the token. */
export interface JwtRules {
  readonly issuer: string;
  readonly audience: string;
  /** Audiences that may stand beside ours. */
  readonly otherAudiences: readonly string[];
  readonly algorithms: readonly JwtAlgorithm[];
  /** The media type in the header, such as `at+jwt`; undefined takes any, or none. */
  readonly typ: string | undefined;
  readonly skewSeconds: number;
  /** From `iat` to `exp`. */
  readonly maxLifetimeSeconds: number;
}

export type JwtClaims = Readonly<JWTPayload> & { readonly exp: number; readonly iat: number; readonly iss: string };

/** Why a token is no good: for the log, never for the client. */
export type JwtFlaw =
  | "malformed"
  | "header_forbidden"
  | "algorithm"
  | "type"
  | "unknown_key"
  | "signature"
  | "issuer"
  | "audience"
  | "expired"
  | "not_yet"
  | "lifetime"
  | "claims";

export type JwtVerdict =
  | { readonly kind: "verified"; readonly claims: JwtClaims }
  | { readonly kind: "refused"; readonly flaw: JwtFlaw };

const LONGEST_TOKEN = 8192;
const LONGEST_KID = 256;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/u;
/** A key, or a place to fetch one from, that the token itself brings; and whatever changes how it is to be read. */
const FORBIDDEN_HEADERS = ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "epk"];

const resolvers = new WeakMap<PublicKeys, JWTVerifyGetKey>();

/** Whether a text has the shape of a signed token, and is no longer than one may be. */
export function looksLikeJwt(token: string): boolean {
  return token.length <= LONGEST_TOKEN && COMPACT.test(token);
}

/**
 * Verifies signature, type, issuer, audience and times of a token. What is missing is refused: `exp` and `iat` are required.
 *
 * @param nowMs milliseconds since the epoch
 * @throws what is no flaw of the token, such as a published key that is none
 */
export async function verifyJwt(token: string, keys: PublicKeys, rules: JwtRules, nowMs: number): Promise<JwtVerdict> {
  const flaw = looksLikeJwt(token) ? headerFlaw(token, rules) : "malformed";
  if (flaw !== undefined) return { kind: "refused", flaw };
  try {
    const { payload } = await jwtVerify(token, resolverOf(keys), {
      algorithms: [...rules.algorithms],
      issuer: rules.issuer,
      audience: rules.audience,
      clockTolerance: rules.skewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ["exp", "iat", "iss", "aud"],
      ...(rules.typ !== undefined && { typ: rules.typ }),
    });
    const other = claimsFlaw(payload, rules, nowMs);
    return other === undefined ? { kind: "verified", claims: payload as JwtClaims } : { kind: "refused", flaw: other };
  } catch (error) {
    return { kind: "refused", flaw: flawOf(error) };
  }
}

/** A token that its sender signed with a key that stands in it, and that key's thumbprint (RFC 7638): it proves the key and nothing else. */
export interface OwnKeyProof {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly thumbprint: string;
}

/** The caller compares the thumbprint with one that somebody else vouches for. Times are his to judge too. */
export async function verifyByOwnKey(token: string, typ: string): Promise<OwnKeyProof | undefined> {
  if (!looksLikeJwt(token)) return undefined;
  try {
    const { jwk, crit } = decodeProtectedHeader(token);
    if (jwk === undefined || crit !== undefined || "d" in jwk || "k" in jwk) return undefined;
    // An iat in the future is the caller's matter; jose would only judge exp and nbf, which a proof does not have.
    const { payload } = await jwtVerify(token, EmbeddedJWK, { algorithms: [...JWT_ALGORITHMS], typ });
    return { claims: payload, thumbprint: await calculateJwkThumbprint(jwk) };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The issuer that a token names, not yet believed: only to choose whose rules it is held to. */
export function namedIssuer(token: string): string | undefined {
  if (!looksLikeJwt(token)) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString("utf8"));
    const issuer = (claims as { readonly iss?: unknown } | null)?.iss;
    return typeof issuer === "string" ? issuer : undefined;
  } catch {
    return undefined;
  }
}

function headerFlaw(token: string, { algorithms, typ }: JwtRules): JwtFlaw | undefined {
  let header: Readonly<Record<string, unknown>>;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    return "malformed";
  }
  if (FORBIDDEN_HEADERS.some((name) => Object.hasOwn(header, name))) return "header_forbidden";
  if (!(algorithms as readonly unknown[]).includes(header["alg"])) return "algorithm";
  const { kid } = header;
  if (kid !== undefined && (typeof kid !== "string" || kid.length > LONGEST_KID)) return "header_forbidden";
  return typ !== undefined && mediaType(header["typ"]) !== mediaType(typ) ? "type" : undefined;
}

/** RFC 7515 section 4.1.9: `application/` may be left out. */
function mediaType(typ: unknown): string | undefined {
  return typeof typ === "string" ? typ.toLowerCase().replace(/^application\//u, "") : undefined;
}

function claimsFlaw(
  { aud, exp, iat, sub }: JWTPayload,
  { audience, otherAudiences, maxLifetimeSeconds, skewSeconds }: JwtRules,
  nowMs: number,
): JwtFlaw | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.some((one) => one !== audience && !otherAudiences.includes(one as string))) return "audience";
  if (typeof exp !== "number" || typeof iat !== "number" || !(exp > iat) || !(exp - iat <= maxLifetimeSeconds))
    return "lifetime";
  if (iat > nowMs / 1000 + skewSeconds) return "not_yet";
  return sub !== undefined && (typeof sub !== "string" || sub === "" || sub.length > 255) ? "claims" : undefined;
}

/** What is not jose's own verdict is a fault, and refuses as one. */
function flawOf(error: unknown): JwtFlaw {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FLAWS[error.claim] ?? "claims";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "signature";
  if (error instanceof errors.JOSEAlgNotAllowed) return "algorithm";
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return "unknown_key";
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  )
    return "malformed";
  throw error;
}

const CLAIM_FLAWS: Readonly<Record<string, JwtFlaw>> = {
  iss: "issuer",
  aud: "audience",
  nbf: "not_yet",
  typ: "type",
};

function resolverOf(keys: PublicKeys): JWTVerifyGetKey {
  let resolver = resolvers.get(keys);
  if (resolver === undefined) {
    resolver = createLocalJWKSet(keys);
    resolvers.set(keys, resolver);
  }
  return resolver;
}
