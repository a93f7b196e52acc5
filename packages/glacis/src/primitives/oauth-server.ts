/** An authorization server as its team configures it: the part of an oidc-provider configuration that is judged, as a structural shape. */
import { canParseUrl } from "./can-parse-url.ts";

/** A client of the server, named as in RFC 7591 section 2. */
export interface OauthServerClient {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly redirect_uris?: readonly string[];
  readonly grant_types?: readonly string[];
  readonly response_types?: readonly string[];
  readonly token_endpoint_auth_method?: string;
  readonly application_type?: string;
  readonly scope?: string;
}

/** A value, or what computes one for a request. */
type Setting<Value> = Value | ((...values: never[]) => unknown);

/** `new Provider(issuer, configuration)` of oidc-provider takes one; another server's is written down in the same words. */
export interface OauthServerConfiguration {
  readonly clients?: readonly OauthServerClient[];
  readonly clientDefaults?: Partial<OauthServerClient>;
  readonly pkce?: { readonly required?: Setting<boolean> };
  readonly ttl?: Readonly<Record<string, Setting<number>>>;
  readonly responseTypes?: readonly string[];
  readonly rotateRefreshToken?: Setting<boolean>;
  readonly features?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  readonly loadExistingGrant?: Setting<never>;
}

export interface OauthServer {
  /** Exactly as the server writes it. */
  readonly issuer: string;
  readonly configuration: OauthServerConfiguration;
}

/** A client with what the server assumes where it says nothing (RFC 7591 section 2). */
export type KnownClient = Required<Omit<OauthServerClient, "client_secret" | "scope">> &
  Pick<OauthServerClient, "client_secret" | "scope">;

export function clientsOf({
  configuration: { clients = [], clientDefaults = {} },
}: OauthServer): readonly KnownClient[] {
  return clients.map((client) => ({
    redirect_uris: [],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
    application_type: "web",
    ...clientDefaults,
    ...client,
  }));
}

/**
 * What a setting comes to for a client: itself, or what its function answers. Undefined where it is not there, and `"untold"` where the function cannot be
 * asked outside of a request: nobody knows then, and nobody should have to.
 */
export function settingFor(setting: unknown, client: KnownClient): unknown {
  if (typeof setting !== "function") return setting;
  try {
    const context = { oidc: { client, params: {}, entities: { Client: client } } };
    const answer: unknown = (setting as (...values: unknown[]) => unknown)(context, client, client);
    return answer instanceof Promise ? "untold" : answer;
  } catch {
    return "untold";
  }
}

/** Nobody has told this client apart from others: there is no secret that it could keep. */
export function isPublicClient({ token_endpoint_auth_method: method }: KnownClient): boolean {
  return method === "none";
}

/** What a server publishes (RFC 8414), where a probe has kept it. */
export function publishedBy(url: string, body: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (body === undefined || !/\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(?:\/|$)/u.test(url))
    return undefined;
  try {
    const document: unknown = JSON.parse(body);
    return typeof document === "object" && document !== null && !Array.isArray(document)
      ? (document as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A list of texts in what is published, or what RFC 8414 section 2 has for a server that leaves it out. */
export function textsIn(value: unknown, otherwise: readonly string[]): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : otherwise;
}

/** An authorization request that was sent (RFC 6749 section 4.1.1) and where its answer leads. */
export interface AuthorizationAttempt {
  readonly asked: URLSearchParams;
  readonly status: number;
  readonly location: URL | undefined;
  /** The server said no: on a page of its own, or by an error at the client's address. */
  readonly refused: boolean;
}

/** Read out of an observation of the authorization endpoint; undefined for anything else. */
export function attemptIn({
  url,
  status,
  headers,
}: {
  readonly url: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}): AuthorizationAttempt | undefined {
  if (!canParseUrl(url)) return undefined;
  const { searchParams: asked } = new URL(url);
  if (!asked.has("response_type") || !asked.has("client_id")) return undefined;
  const target = headers.find(([name]) => name === "location")?.[1] ?? "";
  const location = canParseUrl(target, url) ? new URL(target, url) : undefined;
  const error =
    location !== undefined &&
    (location.searchParams.has("error") || new URLSearchParams(location.hash.slice(1)).has("error"));
  return { asked, status, location, refused: status >= 400 || error };
}
