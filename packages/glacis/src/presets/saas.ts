import type { ActorScores } from "../audit/actor-score.ts";
import { debugOff } from "../audit/debug-off.ts";
import { authPathwayConsistency } from "../authentication/auth-pathway-consistency.ts";
import type { BearerCredential } from "../authentication/bearer-credential.ts";
import { csrf, type Csrf } from "../authentication/csrf.ts";
import { mfaRequired } from "../authentication/mfa-required.ts";
import { memorySessions } from "../authentication/session-memory.ts";
import { postgresSessions } from "../authentication/session-postgres.ts";
import { sessions, type Sessions } from "../authentication/session.ts";
import { adminInterface } from "../authorization/admin-interface.ts";
import { authorizationFreshness } from "../authorization/authorization-freshness.ts";
import { oauthResourceServer } from "../authorization/oauth-resource-server.ts";
import type { Control, Mode } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Authenticate, Layers } from "../core/security.ts";
import { keyManagement } from "../data/key-management.ts";
import { secretsManagement } from "../data/secrets-management.ts";
import { sensitiveUrls } from "../data/sensitive-urls.ts";
import { thirdPartySharing } from "../data/third-party-sharing.ts";
import { concurrencyLimit } from "../network/concurrency-limit.ts";
import { canonicalization } from "../input/canonicalization.ts";
import { dynamicCode } from "../input/dynamic-code.ts";
import { inputValidation } from "../input/input-validation.ts";
import { prototypePollution } from "../input/prototype-pollution.ts";
import { templateInjection } from "../input/template-injection.ts";
import { xmlAndDeserialization } from "../input/xml-and-deserialization.ts";
import { allowedHosts } from "../network/allowed-hosts.ts";
import { exposedFilesAndEndpoints } from "../network/exposed-files-and-endpoints.ts";
import { egressAllowlist, type EgressAllowlist } from "../network/egress-allowlist.ts";
import { overloadProtection } from "../network/overload-protection.ts";
import { memoryRateLimits } from "../network/rate-limit-memory.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";
import { rateLimit } from "../network/rate-limit.ts";
import { requestLimits } from "../network/request-limits.ts";
import { requestShape } from "../network/request-shape.ts";
import { runtimeHardening } from "../network/runtime-hardening.ts";
import { trustedProxies } from "../network/trusted-proxies.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";
import { modeOf } from "../primitives/deployment.ts";
import { parseOrigin } from "../primitives/origin.ts";
import { followRequests } from "../primitives/request-context.ts";
import { systemSources } from "../primitives/sources.ts";
import { cacheControl } from "../transport/cache-control.ts";
import { clientCodeSafety } from "../transport/client-code-safety.ts";
import { clientStorage } from "../transport/client-storage.ts";
import { contentSecurityPolicy } from "../transport/content-security-policy.ts";
import { contentTypeOptions } from "../transport/content-type-options.ts";
import { cookies } from "../transport/cookies.ts";
import { cors } from "../transport/cors.ts";
import { crossOriginPolicies } from "../transport/cross-origin-policies.ts";
import { cspReportEndpoint } from "../transport/csp-report.ts";
import { frameOptions } from "../transport/frame-options.ts";
import { hsts } from "../transport/hsts.ts";
import { httpsOnly } from "../transport/https-only.ts";
import { obsoleteHeaders } from "../transport/obsolete-headers.ts";
import { permissionsPolicy } from "../transport/permissions-policy.ts";
import { redirectGuard } from "../transport/redirect-guard.ts";
import { referrerPolicy } from "../transport/referrer-policy.ts";
import { resourceIsolation } from "../transport/resource-isolation.ts";
import { internalTls } from "../transport/internal-tls.ts";
import { safeMethods } from "../transport/safe-methods.ts";
import { securityTxt } from "../transport/security-txt.ts";
import { externalAssets } from "../transport/subresource-integrity.ts";
import { tlsCertificate } from "../transport/tls-certificate.ts";
import { tlsPeerVerification } from "../transport/tls-peer-verification.ts";
import { tlsVersion } from "../transport/tls-version.ts";
import type { Accounts, AccountSystem } from "./account-system.ts";
import { composeWatch, type Watch } from "./watch.ts";

import { SAAS_OPTIONS, type SaasOptions } from "./saas-options.ts";

/** The layers, and the tools that handlers call. */
export interface SaasLayers extends Layers {
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  /** The only `fetch` to use. */
  readonly outbound: EgressAllowlist;
  /** The alarms and the chain of the audit log, for the Security Center; to be closed before the database is. */
  readonly watch: Watch;
}

const HEALTH_PATHS = ["/healthz"];

const ENVIRONMENT = [
  debugOff(),
  runtimeHardening(),
  secretsManagement(),
  tlsPeerVerification(),
  inputValidation(),
  internalTls(),
  tlsVersion(),
  tlsCertificate(),
  externalAssets().control,
  clientStorage(),
  clientCodeSafety(),
  safeMethods(),
  dynamicCode(),
  templateInjection(),
  exposedFilesAndEndpoints(),
];

/**
 * The secure default for a multi-tenant SaaS: every layer filled, in order, nothing left to switch on. Replace or add a control by value with
 * `withControls`.
 *
 * @throws TypeError on an unknown option, and on whatever the controls refuse.
 * @example
 * const layers = saas({ origin: "https://app.example.com", keys: keyRing(process.env.GLACIS_KEYS), proxies: ["10.0.0.0/8"], database: pool });
 * export const security = glacis(layers);
 */
export function saas(
  options: SaasOptions & { readonly accounts: AccountSystem },
): SaasLayers & { readonly accounts: Accounts };
export function saas(options: SaasOptions): SaasLayers;
export function saas(options: SaasOptions): SaasLayers {
  rejectUnknownOptions("saas", options, SAAS_OPTIONS);
  parseOrigin("saas({ origin })", options.origin);
  if (reportsInRequests(options)) followRequests();
  const { origin, keys, mode = modeOf(process.env), database } = options;
  const watching = composeWatch(options);
  const report = (event: AuditEvent): void => watching.sink({ time: new Date().toISOString(), ...event });
  const limitStore = options.limitStore ?? memoryRateLimits();
  const people = options.accounts?.prepare({ origin, keys, mode, database, limitStore, report });
  const layers = layersOf({
    ...options,
    mode,
    watching,
    report,
    limitStore,
    bearer: [...(people?.bearer ?? []), ...(options.bearer ?? [])],
    ...(people && {
      membership: options.membership ?? people.membership,
      mfa: { enrolled: people.enrolled, ...options.mfa },
      outbound: { ...options.outbound, allow: [...(options.outbound?.allow ?? []), ...people.outbound] },
    }),
  });
  return people === undefined ? layers : people.mount(layers);
}

/** Whether something is composed that reports events while a request waits for it, and is given no request to say which. */
function reportsInRequests({ database, accounts, outbound }: SaasOptions): boolean {
  return database !== undefined || accounts !== undefined || outbound !== undefined;
}

interface SaasParts extends SaasOptions {
  readonly mode: Mode;
  readonly limitStore: RateLimitStore;
  readonly bearer: readonly BearerCredential[];
  readonly watching: ReturnType<typeof composeWatch>;
  readonly report: (event: AuditEvent) => void;
}

/** A process that compiles what it serves, or shares a laptop with a test run, is late for reasons that no request gave it. */
const BESIDE_OTHER_WORK = { shedAtDelayMs: 2_000 } as const;

function layersOf(options: SaasParts): SaasLayers {
  const { origin, keys, mode, watching, report, healthPaths = HEALTH_PATHS, bearer } = options;
  const session = sessionsOf(options);
  const guard = csrf({ origin, keys, ...trustedBy(options) });
  const proxies = trustedProxies(isList(options.proxies) ? { proxies: options.proxies } : options.proxies);
  const limits = requestLimits();
  const rates = rateLimits(options);
  const disclosure = options.securityTxt === undefined ? undefined : securityTxt(options.securityTxt);
  const { watch, sink, environment, bait } = watching;
  const outbound = egressAllowlist({ allow: [], ...options.outbound, origin, report });
  return {
    mode,
    origin,
    interpretation: { sources: systemSources(), resolve: proxies.resolve, parseCookies: parseCookieHeader },
    environment: [
      ...ENVIRONMENT,
      ...environment,
      keyManagement({ keys }),
      thirdPartySharing({ destinations: outbound.destinations }),
    ],
    network: [
      proxies.control,
      // First what must close the connection, then what is counted: a refusal further down costs its client a request of its allowance, or
      // foreign hosts and odd paths would fill the log without end.
      requestShape(),
      overloadProtection({ exemptPaths: healthPaths, ...(mode !== "production" && BESIDE_OTHER_WORK) }),
      rates.client,
      canonicalization(),
      allowedHosts({ origin, mode, ...hostsOf(options) }),
      limits.control,
      prototypePollution(),
      sensitiveUrls(),
      ...outbound.controls,
    ],
    transport: [
      ...transportOf(options, mode, healthPaths),
      ...(disclosure === undefined ? [] : [disclosure.control]),
      bait,
    ],
    authenticate: bearer.reduceRight<Authenticate>((next, one) => one.authenticate(next), session.authenticate),
    authentication: [
      ...heldBack(watch.actors, options.limitStore),
      session.control,
      session.mfaControl,
      waysIn(options),
      rates.identity,
      concurrencyLimit(options.concurrency),
      ...bearer.flatMap(({ control, posture = [] }) => [control, ...posture]),
      xmlAndDeserialization(),
      resourceIsolation(),
      guard.control,
    ],
    authorization: [
      oauthResourceServer({ takesTokens: bearer.some(({ delegates }) => delegates === true) }),
      authorizationFreshness({ readAtEachRequest: options.membership !== undefined }),
      adminInterface({ ...options.admin, origin }),
    ],
    body: limits.body,
    server: limits.server,
    endpoints: [cspReportEndpoint({ origin }), ...(disclosure === undefined ? [] : [disclosure.endpoint])],
    audit: sink,
    controlTimeoutMs: 5_000,
    ...(options.waivers && { waivers: options.waivers }),
    ...(options.refusalPage && { refusalPage: options.refusalPage }),
    sessions: session,
    csrf: guard,
    outbound,
    watch,
  };
}

function transportOf(
  { origin, cors: corsOptions, redirectTo, cookies: registry }: SaasOptions,
  mode: Mode,
  healthPaths: readonly string[],
) {
  return [
    httpsOnly({ origin, exempt: healthPaths }),
    cors(corsOptions),
    hsts(),
    contentSecurityPolicy(),
    contentTypeOptions(),
    frameOptions(),
    referrerPolicy(),
    crossOriginPolicies(),
    permissionsPolicy(),
    obsoleteHeaders(),
    redirectGuard({ origin, allow: redirectTo ?? [] }),
    cookies({ registry: registry ?? {}, unregistered: mode === "production" ? "drop" : "refuse" }),
    cacheControl(),
  ];
}

function waysIn({ pathways: { own, ...others } = {} }: SaasOptions) {
  rejectUnknownOptions("saas({ pathways })", others, ["methods"]);
  return authPathwayConsistency(own && { own });
}

function sessionsOf({ sessionStore, database, mfa, membership, ssoRequired, pathways }: SaasOptions): Sessions {
  const store = sessionStore ?? (database === undefined ? memorySessions() : postgresSessions(database));
  return sessions({
    store,
    mfa: mfaRequired(mfa),
    ...(membership && { membership }),
    ...(ssoRequired && { ssoRequired }),
    ...(pathways?.methods && { methods: pathways.methods }),
  });
}

/** Besides the origin's own: those that are named, and administration's. */
function hostsOf({ origin, hosts = [], admin }: SaasOptions): { readonly hosts?: readonly string[] } {
  const more = [...hosts, ...(admin?.host ? [admin.host] : [])];
  return more.length === 0 ? {} : { hosts: [new URL(origin).host, ...more] };
}

/** Administration has pages of its own, which change state on their own host. */
function trustedBy({ trustedOrigins = [], admin }: SaasOptions): { readonly trustedOrigins?: readonly string[] } {
  const more = [...trustedOrigins, ...(admin?.host ? [`https://${admin.host}`] : [])];
  return more.length === 0 ? {} : { trustedOrigins: more };
}

function rateLimits({ limits = {}, limitStore: store, healthPaths = HEALTH_PATHS }: SaasParts) {
  rejectUnknownOptions("saas({ limits })", limits, ["client", "anonymous", "user", "service"]);
  const { client = "600/m", anonymous = "60/m", user = "300/m", service = "600/m" } = limits;
  // A load balancer asks from the address that also stands for whoever sends a chain that is not believed: he could use up what it is asked by.
  const health = new Set(healthPaths);
  const exceptHealth = ({ path }: RequestFacts): number => (health.has(path) ? 0 : 1);
  return {
    client: rateLimit({ name: "client", rates: client, by: "client", cost: exceptHealth, store }),
    identity: rateLimit({
      name: "identity",
      rates: { anonymous, user, service },
      by: "user",
      // A page brings its assets along: counting them would let a visitor see ten pages a minute.
      cost: (facts) => (facts.route.kind === "asset" ? 0 : exceptHealth(facts)),
      store,
    }),
  };
}

/** Whom his attacks have caught up with: shut out, or slowed down to a request in three seconds. With `observe` neither is ever asked for a counter. */
function heldBack(
  { control, slowed, response }: ActorScores,
  store: RateLimitStore,
): readonly Control<IdentifiedFacts>[] {
  if (response === "observe") return [control];
  const cost = (facts: IdentifiedFacts): number => (slowed(facts) === undefined ? 0 : 1);
  return [control, rateLimit({ name: "held-back", rates: "20/m", by: slowed, cost, store })];
}

/** A text is a list that lacks its brackets, and trustedProxies() says so. */
function isList(proxies: SaasOptions["proxies"]): proxies is readonly string[] {
  return Array.isArray(proxies) || typeof proxies === "string";
}
