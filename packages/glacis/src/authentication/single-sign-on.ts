/** Single sign-on by OpenID Connect (catalog oauth-client-binding; RFC 9700). */
import { assurance, publicAccess, type AccessRule } from "../core/access.ts";
import type { Control } from "../core/control.ts";
import type { Answer, Deny } from "../core/decision.ts";
import type { Endpoint, EndpointReply } from "../core/endpoint.ts";
import type { Exchange } from "../core/exchange.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { routeRule } from "../core/route.ts";
import type { Csrf } from "./csrf.ts";
import { federatedLogout, judgeLogout } from "./federated-logout.ts";
import { idpAccountLinking, judgeLinking } from "./idp-account-linking.ts";
import { judgeIdTokenRules, oidcIdToken } from "./oidc-id-token.ts";
import { fieldsInvalid, readFields, type FieldRules } from "./route-fields.ts";
import { isProviderId, unlink } from "./single-sign-on-accounts.ts";
import { comeBack, goToProvider, type SsoFlow } from "./single-sign-on-flow.ts";
import { backChannelLogout } from "./single-sign-on-logout.ts";
import { askFirst, goOn, pathOr } from "./single-sign-on-page.ts";
import { requireProvider, ssoClient, type SsoFetch, type SsoProvider } from "./single-sign-on-provider.ts";
import { refuseSignIn, SINGLE_SIGN_ON_META, SSO_MEMORY_STORE } from "./single-sign-on-rules.ts";
import type { LinkedIdentity } from "./single-sign-on-store.ts";
import { stepUp } from "./step-up.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface SingleSignOnOptions extends Pick<SsoFlow, "origin" | "store" | "sessions" | "provider" | "user"> {
  /** The guarded fetch: `layers.outbound.fetch`. */
  readonly fetch: SsoFetch;
  /**
   * Asked when somebody comes for the first time: the id of the user that he is from now on, whom you may make here; undefined refuses, and he links
   * the account while signed in otherwise. Find nobody by `identity.name`; `identity.email` is there only when provider and domain vouch for it.
   */
  readonly firstSignIn?: NonNullable<SsoFlow["firstSignIn"]>;
  /** `layers.accounts.flows`: people are then told by mail of identities that were linked and unlinked, and nobody unlinks the last way into an account. */
  readonly flows?: NonNullable<SsoFlow["flows"]>;
  /** Keeps the tokens of integrations: `oauthTokenConfinement(...)`. Without it they are dropped once the ID token is read. */
  readonly tokens?: NonNullable<SsoFlow["tokens"]>;
  /** The providers that are known when the application starts, for `check`. Those that tenants set up are judged by `checkSsoProvider`. */
  readonly providers?: readonly SsoProvider[];
  /** `layers.csrf`: with it a link to `/sso/sign-out` shows a form that asks. Without it the address is only posted to. */
  readonly csrf?: Pick<Csrf, "token">;
  /** Where the endpoints are: `/sso`. */
  readonly prefix?: string;
  /** Where people are sent who owe a second factor: `/sign-in/second-factor`. */
  readonly secondFactorPath?: string;
  /** Where people prove again before they link or unlink: `/confirm`. */
  readonly confirmPath?: string;
  /** Where people are sent who must enrol one: `/sign-in/enrol`. */
  readonly enrolmentPath?: string;
}

export interface SingleSignOn {
  /** Of the client, its tokens, its accounts and its logout: for `authentication` of the layers. */
  readonly controls: readonly Control<IdentifiedFacts>[];
  /** For `layers.endpoints`: start, callback, link, unlink, sign-out and back-channel logout. */
  readonly endpoints: readonly Endpoint[];
  /** The identities of a user, for the page on which he links and unlinks. */
  readonly identities: (userId: string) => Promise<readonly LinkedIdentity[]>;
  /** What to register at a provider, exactly, and at no other. */
  readonly redirectUri: (providerId: string) => string;
  readonly backChannelLogoutUri: (providerId: string) => string;
  readonly postLogoutRedirectUri: string;
}

const LINK_FIELDS: FieldRules = { provider: { most: 64 }, next: { most: 2048, optional: true } };
const FORM = "application/x-www-form-urlencoded";
const OPTIONS = [
  "origin",
  "store",
  "sessions",
  "provider",
  "user",
  "fetch",
  "flows",
  "firstSignIn",
  "tokens",
  "providers",
  "csrf",
  "prefix",
  "secondFactorPath",
  "confirmPath",
  "enrolmentPath",
];

/**
 * Signs people in through the provider of their tenant: authorization code with PKCE (S256), state, nonce and issuer, bound to the browser that began,
 * each once. An identity is issuer and subject, never an address, and a provider opens its own tenant alone. What comes back ends in
 * `sessions.establish`, so the MFA policy has the last word.
 *
 * @throws TypeError on an unknown option, or an origin or path that is none.
 * @example
 * const sso = singleSignOn({ origin, store: postgresSingleSignOn(pool), sessions: layers.sessions, fetch: layers.outbound.fetch, provider, user });
 * export const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...sso.endpoints] });
 */
export function singleSignOn(options: SingleSignOnOptions): SingleSignOn {
  rejectUnknownOptions("singleSignOn", options, OPTIONS);
  const { origin, prefix = "/sso", store, fetch } = options;
  requireAddresses(options);
  const { providers = [] } = options;
  for (const known of providers) requireProvider(known);
  const at = (path: string, providerId: string): string =>
    `${origin}${prefix}${path}?provider=${encodeURIComponent(providerId)}`;
  const redirectUri = (providerId: string): string => at("/callback", providerId);
  const postLogoutRedirectUri = `${origin}/`;
  const flow: SsoFlow = {
    ...options,
    firstSignIn: options.firstSignIn,
    tokens: options.tokens,
    flows: options.flows,
    secondFactorPath: options.secondFactorPath ?? "/sign-in/second-factor",
    enrolmentPath: options.enrolmentPath ?? "/sign-in/enrol",
    client: ssoClient(fetch, redirectUri, postLogoutRedirectUri),
  };
  // To link an identity is to give it the account, and to unlink one is to close a way in.
  const recent = stepUp({ level: 1, page: options.confirmPath ?? "/confirm" });
  return {
    redirectUri,
    postLogoutRedirectUri,
    identities: async (userId) => store.identities(userId),
    backChannelLogoutUri: (providerId) => at("/back-channel-logout", providerId),
    controls: [
      {
        meta: SINGLE_SIGN_ON_META,
        rules: [SSO_MEMORY_STORE],
        check: ({ mode }) =>
          store.kind === "memory" && mode === "production"
            ? [finding(SSO_MEMORY_STORE, { kind: "setting", name: "singleSignOn.store" })]
            : [],
      },
      oidcIdToken(providers),
      idpAccountLinking(providers),
      federatedLogout(providers),
    ],
    endpoints: [
      page(`${prefix}/start`, (request) => start(flow, request)),
      page(`${prefix}/callback`, (request) =>
        comeBack(flow, request, new URL(`${origin}${prefix}/callback?${request.query}`)),
      ),
      form(`${prefix}/link`, recent, LINK_FIELDS, (request, fields) => startLink(flow, request, fields)),
      form(`${prefix}/unlink`, recent, LINK_FIELDS, (request, fields) => unlink(flow, request, fields)),
      form(`${prefix}/sign-out`, assurance(1), {}, (request) => signOut(flow, request)),
      ...confirmation(`${prefix}/sign-out`, options.csrf),
      {
        method: "POST",
        path: `${prefix}/back-channel-logout`,
        rule: routeRule(publicAccess("logout by an identity provider, verified by its signature"), {
          kind: "api",
          csrfExempt: "verified by the signature of the logout token",
          bodyBytes: 16_384,
        }),
        accepts: [FORM],
        handle: async (request, body) => {
          const tokens = new URLSearchParams(body).getAll("logout_token");
          const provider = await providerIn(flow, new URLSearchParams(request.query));
          return backChannelLogout(flow, provider, tokens.length === 1 ? (tokens[0] as string) : "", request);
        },
      },
    ],
  };
}

/** Opened from our own pages or by hand; a link on another site must be confirmed, or it could sign people in unasked. */
async function start(flow: SsoFlow, request: Exchange): Promise<Answer | Deny> {
  const parameters = new URLSearchParams(request.query);
  const provider = await providerIn(flow, parameters);
  if (provider === undefined) return refuseSignIn("unknown_provider");
  const site = request.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return goOn(pathOr(request.wire.target, request.path), false);
  return goToProvider(flow, request, provider, pathOr(parameters.get("next"), "/"), undefined);
}

async function startLink(flow: SsoFlow, request: Exchange, fields: URLSearchParams): Promise<Answer | Deny> {
  const { principal } = request;
  const provider = await providerIn(flow, fields);
  if (provider === undefined || principal.kind !== "user" || principal.tenantId !== provider.tenantId)
    return refuseSignIn("unknown_provider");
  // An identity that a visitor has linked would be a way in after the visit.
  if (principal.actor !== undefined) return refuseSignIn("visitor", { user_id: principal.id });
  return goToProvider(flow, request, provider, pathOr(fields.get("next"), "/"), principal.id);
}

/** For a link, which must not sign anybody out by itself. */
function confirmation(path: string, csrf: SingleSignOnOptions["csrf"]): readonly Endpoint[] {
  if (csrf === undefined) return [];
  return [
    page(path, async (request) =>
      request.principal.kind === "user" ? askFirst(path, "Sign out", csrf.token(request)) : goOn("/"),
    ),
  ];
}

/**
 * A provider judged as it stands, such as one that a tenant is setting up: refuse it while there is an error among the findings.
 *
 * @throws TypeError for what is no provider at all.
 */
export function checkSsoProvider(provider: SsoProvider): readonly Finding[] {
  requireProvider(provider);
  return [...judgeIdTokenRules(provider), ...judgeLinking(provider), ...judgeLogout(provider)];
}

/** Here first, and then at the provider, which asks whoever comes without a hint. */
async function signOut(flow: SsoFlow, request: Exchange): Promise<Answer> {
  await flow.sessions.end(request);
  const { principal } = request;
  const id = principal.kind === "user" ? await flow.store.lastProvider(principal.id) : undefined;
  const provider = id === undefined ? undefined : await flow.provider(id);
  const url = provider === undefined ? undefined : await flow.client.endSessionUrl(provider).catch(() => undefined);
  return goOn(url ?? "/");
}

async function providerIn(flow: SsoFlow, parameters: URLSearchParams): Promise<SsoProvider | undefined> {
  const id = parameters.get("provider") ?? "";
  const provider = isProviderId(id) ? await flow.provider(id) : undefined;
  if (provider !== undefined && provider.id !== id)
    throw new TypeError("provider() must answer with the provider asked for.");
  return provider;
}

function page(path: string, handle: (request: Exchange) => Promise<Answer | Deny>): Endpoint {
  const rule = routeRule(publicAccess("single sign-on"), { kind: "page" });
  return { method: "GET", path, rule, accepts: [], handle };
}

function form(
  path: string,
  access: AccessRule,
  rules: FieldRules,
  handle: (request: Exchange, fields: URLSearchParams) => Promise<EndpointReply>,
): Endpoint {
  const rule = routeRule(access, { kind: "page", bodyBytes: 16_384 });
  return {
    method: "POST",
    path,
    rule,
    accepts: [FORM],
    handle(request) {
      const read = readFields(request, rules);
      return read.ok ? handle(request, new URLSearchParams(read.values)) : fieldsInvalid(read.errors);
    },
  };
}

function requireAddresses({ origin, prefix = "/sso", provider, user, fetch }: SingleSignOnOptions): void {
  if (
    !canParseUrl(origin) ||
    new URL(origin).origin !== origin ||
    !/^https:|^http:\/\/(?:localhost|127\.0\.0\.1)(?::|$)/u.test(origin)
  )
    throw new TypeError('singleSignOn() needs the public origin, such as "https://app.example.com".');
  if (!/^(?:\/[\w-]+)+$/u.test(prefix)) throw new TypeError('singleSignOn() needs a plain prefix, such as "/sso".');
  for (const part of [provider, user, fetch]) {
    if (typeof part !== "function") throw new TypeError("singleSignOn() needs provider, user and fetch as functions.");
  }
}
