/** One OpenID provider as we know it (OpenID Connect Core 1.0, RFC 9700). The protocol is openid-client's work. */
import {
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientError,
  ClientSecretBasic,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  ResponseBodyError,
  type Configuration,
  type CustomFetch,
  type IDToken,
  type TokenEndpointResponse,
} from "openid-client";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Secret } from "../core/secret.ts";
import { publishedKeys, type KeySet } from "./jwt-keys.ts";
import { JWT_ALGORITHMS, type JwtAlgorithm } from "./jwt-verification.ts";
import type { Factor } from "./proof.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const TIMEOUT_SECONDS = 5;
const SKEW_SECONDS = 30;
const REDISCOVER_MS = 3_600_000;
const MOST_PROVIDERS = 1_000;
const DAY_SECONDS = 86_400;

/** The part of `fetch` that is used; `outbound.fetch` fits, and is the one to pass. */
export type SsoFetch = (url: string, init: RequestInit) => Promise<Response>;

/** An OpenID provider, and what is believed of it. */
export interface SsoProvider {
  /** Names it here, such as `acme-okta`. */
  readonly id: string;
  /** The only tenant that it signs people in to. */
  readonly tenantId: string;
  /** Exactly as the provider writes it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret<string>;
  /** What it signs ID tokens and logout tokens with: `RS256`, which every provider knows. */
  readonly algorithm?: JwtAlgorithm;
  /** `openid email` */
  readonly scope?: string;
  /** Domains that the tenant has proved to own; only an address below them that the provider has verified is handed on. */
  readonly domains?: readonly string[];
  /** How long ago somebody may have proved who he is to the provider, in seconds: a day. `"unknown"` for a provider that does not say. */
  readonly maxAgeSeconds?: number | "unknown";
  /** Which organisation an issuer of many must vouch for: `hd` at Google, `tid` at Microsoft. Anybody else is refused. */
  readonly organization?: SsoOrganization;
  /** What a value of `acr` is worth. Anything else is one factor. */
  readonly acr?: Readonly<Record<string, SsoAssurance>>;
  /** Believe the methods of `amr` (RFC 8176): only where the contract with the provider says that they are true. */
  readonly believesAmr?: boolean;
}

/** A claim that says for which organisation somebody comes, and what it must say. */
export interface SsoOrganization {
  readonly claim: string;
  readonly value: string;
}

/** What a provider's word is worth. */
export interface SsoAssurance {
  readonly factors: readonly Factor[];
  readonly phishingResistant?: boolean;
}

/** What a sign-in is begun with: all of it secret to the browser that began it. */
export interface SsoStart {
  readonly url: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** What a token endpoint gave. Nobody but `oauthTokenConfinement()` keeps it. */
export interface GivenTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresInSeconds?: number;
}

export type SsoFinish =
  | { readonly kind: "verified"; readonly claims: IDToken; readonly given: GivenTokens }
  | { readonly kind: "refused"; readonly cause: string };

export interface SsoClient {
  start(provider: SsoProvider, state: string): Promise<SsoStart>;
  /** Everything that came back, held against what was sent. @throws where the provider could not be asked */
  finish(
    provider: SsoProvider,
    callback: URL,
    expected: { readonly state: string; readonly nonce: string; readonly verifier: string },
  ): Promise<SsoFinish>;
  keys(provider: SsoProvider): Promise<KeySet>;
  /** New tokens for a refresh token; undefined when the provider knows it no more. @throws where the provider could not be asked */
  refresh(provider: SsoProvider, refreshToken: string): Promise<GivenTokens | undefined>;
  /** Where the provider ends its own session, when it can. */
  endSessionUrl(provider: SsoProvider): Promise<string | undefined>;
}

interface Known {
  readonly configuration: Configuration;
  readonly keys: KeySet;
  readonly atMs: number;
}

/** @param redirectUri where a provider sends people back to: an address for each, or one could be handed the codes of another (RFC 9700 section 4.4.2) */
export function ssoClient(
  fetch: SsoFetch,
  redirectUri: (providerId: string) => string,
  afterLogout: string,
): SsoClient {
  const about = knownProviders(fetch, redirectUri);
  return {
    async start(provider, state) {
      const { configuration } = await about(provider);
      const [nonce, verifier] = [randomNonce(), randomPKCECodeVerifier()];
      const maxAge = maxAgeOf(provider);
      const { scope = "openid email" } = provider;
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri(provider.id),
        scope,
        // OpenID Connect Core 1.0 section 11: without the person's word nobody is given access while he is away.
        ...(scope.split(" ").includes("offline_access") && { prompt: "consent" }),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...(maxAge !== undefined && { max_age: `${maxAge}` }),
      });
      return { url: url.href, nonce, verifier };
    },
    async finish(provider, callback, { state, nonce, verifier }) {
      const { configuration } = await about(provider);
      const maxAge = maxAgeOf(provider);
      try {
        const tokens = await authorizationCodeGrant(configuration, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
          ...(maxAge !== undefined && { maxAge }),
        });
        const claims = tokens.claims();
        if (claims === undefined) return { kind: "refused", cause: "no_id_token" };
        return { kind: "verified", claims, given: givenIn(tokens) };
      } catch (error) {
        return { kind: "refused", cause: causeOf(error) };
      }
    },
    keys: async (provider) => (await about(provider)).keys,
    async refresh(provider, refreshToken) {
      const { configuration } = await about(provider);
      try {
        return givenIn(await refreshTokenGrant(configuration, refreshToken));
      } catch (error) {
        if (error instanceof ResponseBodyError && error.error === "invalid_grant") return undefined;
        throw error;
      }
    },
    async endSessionUrl(provider) {
      const endpoint = (await about(provider)).configuration.serverMetadata().end_session_endpoint;
      if (endpoint === undefined || !endpoint.startsWith("https://")) return undefined;
      const url = new URL(endpoint);
      url.searchParams.set("client_id", provider.clientId);
      url.searchParams.set("post_logout_redirect_uri", afterLogout);
      return url.href;
    },
  };
}

/** What a provider publishes about itself, for an hour; one question for many sign-ins, and none remembered that failed. */
function knownProviders(
  fetch: SsoFetch,
  redirectUri: (providerId: string) => string,
): (provider: SsoProvider) => Promise<Known> {
  const known = new Map<string, Promise<Known>>();
  return async (provider) => {
    requireProvider(provider);
    const { id, issuer, clientId, clientSecret, algorithm } = provider;
    const key = JSON.stringify([id, issuer, clientId, algorithm, clientSecret.reveal()]);
    const held = await known.get(key);
    if (held !== undefined && Date.now() - held.atMs < REDISCOVER_MS) return held;
    if (known.size >= MOST_PROVIDERS) known.clear();
    const asked = discover(provider, fetch, redirectUri(id));
    known.set(key, asked);
    asked.catch(() => known.delete(key));
    return asked;
  };
}

async function discover(provider: SsoProvider, fetch: SsoFetch, redirectUri: string): Promise<Known> {
  const { issuer, clientId, clientSecret, algorithm = "RS256" } = provider;
  const metadata = { id_token_signed_response_alg: algorithm, [clockTolerance]: SKEW_SECONDS };
  const asFetch: CustomFetch = (url, { method, headers, body, redirect, signal }) => {
    // openid-client leaves the query out, and a provider compares the whole (RFC 6749 section 4.1.3).
    if (body instanceof URLSearchParams && body.has("redirect_uri")) body.set("redirect_uri", redirectUri);
    return fetch(url, { method, headers, redirect, body: (body ?? null) as string | null, ...(signal && { signal }) });
  };
  const configuration = await discovery(new URL(issuer), clientId, metadata, ClientSecretBasic(clientSecret.reveal()), {
    [customFetch]: asFetch,
    timeout: TIMEOUT_SECONDS,
    // Signatures are verified although the token came over TLS: a proxy in between is not the provider.
    execute: [enableNonRepudiationChecks],
  });
  const server = configuration.serverMetadata();
  // openid-client compares as URLs; an issuer is a text (OpenID Connect Discovery 1.0 section 4.3).
  if (server.issuer !== issuer) throw new Error("The provider calls itself by another issuer.");
  for (const endpoint of [server.authorization_endpoint, server.token_endpoint, server.jwks_uri]) {
    if (endpoint === undefined || !endpoint.startsWith("https://"))
      throw new Error("The provider publishes an endpoint that is not https.");
  }
  const keys = publishedKeys({ url: server.jwks_uri as string, fetch });
  return { configuration, keys, atMs: Date.now() };
}

export function requireProvider(provider: SsoProvider): void {
  rejectUnknownOptions("singleSignOn({ provider })", provider, [
    "id",
    "tenantId",
    "issuer",
    "clientId",
    "clientSecret",
    "algorithm",
    "scope",
    "domains",
    "organization",
    "maxAgeSeconds",
    "acr",
    "believesAmr",
  ]);
  const { id, tenantId, issuer, clientId, algorithm = "RS256", organization } = provider;
  if (organization !== undefined && ![organization.claim, organization.value].every((one) => /^\S{1,255}$/u.test(one)))
    throw new TypeError('A provider\'s organization is such as { claim: "hd", value: "acme.example" }.');
  if (![id, tenantId, clientId].every((text) => typeof text === "string" && text !== ""))
    throw new TypeError("A provider needs id, tenantId and clientId.");
  if (!canParseUrl(issuer) || !issuer.startsWith("https://") || /[?#]/u.test(issuer))
    throw new TypeError("A provider's issuer is an https address without query.");
  if (!JWT_ALGORITHMS.includes(algorithm))
    throw new TypeError(`A provider's algorithm is one of ${JWT_ALGORITHMS.join(", ")}.`);
}

function givenIn(tokens: TokenEndpointResponse): GivenTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresInSeconds } = tokens;
  return {
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expiresInSeconds !== undefined && { expiresInSeconds }),
  };
}

function maxAgeOf({ maxAgeSeconds = DAY_SECONDS }: SsoProvider): number | undefined {
  return maxAgeSeconds === "unknown" ? undefined : maxAgeSeconds;
}

/** What the provider or its messenger did wrong; a provider that does not answer is a fault, and refuses as one. */
function causeOf(error: unknown): string {
  if (error instanceof AuthorizationResponseError) return "provider_said_no";
  if (error instanceof ResponseBodyError) return "code_refused";
  if (error instanceof ClientError && error.code !== undefined && /^OAUTH_(?!TIMEOUT|ABORT)/u.test(error.code))
    return error.code.toLowerCase();
  throw error;
}
