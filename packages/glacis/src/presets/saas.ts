import { debugOff } from "../audit/debug-off.ts";
import type { PostgresAuditLog } from "../audit/audit-log-postgres.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { BearerCredential } from "../authentication/bearer-credential.ts";
import { csrf, type Csrf } from "../authentication/csrf.ts";
import type { AuthenticationDatabase } from "../authentication/database.ts";
import { mfaRequired, type MfaOptions } from "../authentication/mfa-required.ts";
import { memorySessions } from "../authentication/session-memory.ts";
import { postgresSessions } from "../authentication/session-postgres.ts";
import type { SessionStore } from "../authentication/session-record.ts";
import { sessions, type Sessions } from "../authentication/session.ts";
import type { Mode } from "../core/control.ts";
import type { AuditEvent, AuditSink } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Authenticate, Layers } from "../core/security.ts";
import type { Waiver } from "../core/waiver.ts";
import { keyManagement } from "../data/key-management.ts";
import { secretsManagement } from "../data/secrets-management.ts";
import { sensitiveUrls } from "../data/sensitive-urls.ts";
import { thirdPartySharing } from "../data/third-party-sharing.ts";
import { canonicalization } from "../input/canonicalization.ts";
import { dynamicCode } from "../input/dynamic-code.ts";
import { inputValidation } from "../input/input-validation.ts";
import { prototypePollution } from "../input/prototype-pollution.ts";
import { templateInjection } from "../input/template-injection.ts";
import { xmlAndDeserialization } from "../input/xml-and-deserialization.ts";
import { allowedHosts } from "../network/allowed-hosts.ts";
import { egressAllowlist, type EgressAllowlist, type EgressAllowlistOptions } from "../network/egress-allowlist.ts";
import { overloadProtection } from "../network/overload-protection.ts";
import { memoryRateLimits } from "../network/rate-limit-memory.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";
import type { Rates } from "../network/rate-limit-tier.ts";
import { rateLimit } from "../network/rate-limit.ts";
import { requestLimits } from "../network/request-limits.ts";
import { requestShape } from "../network/request-shape.ts";
import { runtimeHardening } from "../network/runtime-hardening.ts";
import { trustedProxies, type TrustedProxiesOptions } from "../network/trusted-proxies.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";
import { modeOf } from "../primitives/deployment.ts";
import { systemSources } from "../primitives/sources.ts";
import { cacheControl } from "../transport/cache-control.ts";
import { contentSecurityPolicy } from "../transport/content-security-policy.ts";
import { contentTypeOptions } from "../transport/content-type-options.ts";
import type { CookieRegistry } from "../transport/cookie-registry.ts";
import { cookies } from "../transport/cookies.ts";
import type { CorsOptions } from "../transport/cors-policy.ts";
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
import { securityTxt, type SecurityTxtOptions } from "../transport/security-txt.ts";
import { tlsCertificate } from "../transport/tls-certificate.ts";
import { tlsPeerVerification } from "../transport/tls-peer-verification.ts";
import { tlsVersion } from "../transport/tls-version.ts";
import { composeWatch, type SaasAlarms, type SaasDetection, type Watch } from "./watch.ts";

/** How often, for each kind of caller. A text such as `60/m`, or several that all hold. */
export interface SaasLimits {
  /** One address, whoever is behind it, before anything else is done. 600 a minute. */
  readonly client?: Rates;
  /** One address without a session. 60 a minute. Stylesheets and other assets do not count here, only against `client`. */
  readonly anonymous?: Rates;
  /** One user, wherever from. 300 a minute. */
  readonly user?: Rates;
  /** One verified service. 600 a minute. */
  readonly service?: Rates;
}

/** The few facts that only the team knows. */
export interface SaasOptions {
  /** The one public origin, such as `https://app.example.com`. Links are built from it; its host is allowed. */
  readonly origin: string;
  /** Master keys: `keyRing(process.env.GLACIS_KEYS)`. */
  readonly keys: KeySource;
  /** The addresses of your proxies, or how to find the client behind them. Without it nobody's forwarded headers are believed. */
  readonly proxies?: readonly string[] | TrustedProxiesOptions;
  /** Keeps sessions: a `pg` pool or PGlite with `SESSION_MIGRATION` applied. Without it sessions live in memory, which is a finding. */
  readonly database?: AuthenticationDatabase;
  /** More host names that the application answers to. */
  readonly hosts?: readonly string[];
  /** `NODE_ENV` or `GLACIS_ENV` decide unless you say; production when neither does. */
  readonly mode?: Mode;
  /** Origins that may read responses across sites. */
  readonly cors?: CorsOptions;
  /** Other origins whose pages may change state here. */
  readonly trustedOrigins?: readonly string[];
  /** The application's own cookies. One that is not listed is dropped in production, and an error elsewhere. */
  readonly cookies?: CookieRegistry;
  readonly limits?: SaasLimits;
  /** Shares the counters between instances: `redisRateLimits(...)` or `postgresRateLimits(...)`. */
  readonly limitStore?: RateLimitStore;
  /** Keeps sessions elsewhere than in `database`: `redisSessions({ client })`. */
  readonly sessionStore?: SessionStore;
  /** Who must prove a second factor. Whoever has one, unless you say otherwise, which is a finding. */
  readonly mfa?: MfaOptions;
  /** Ways in for programs, by `Authorization: Bearer`: `[apiKeys(...)]`. */
  readonly bearer?: readonly BearerCredential[];
  /** Other https origins that a redirect may lead to. */
  readonly redirectTo?: readonly string[];
  /** Where the application may connect to: `{ allow: [{ host: "api.stripe.com", purpose: "payments" }] }`. Nowhere without it. */
  readonly outbound?: Omit<EgressAllowlistOptions, "origin" | "report">;
  /** How people report a vulnerability: served as `/.well-known/security.txt`. */
  readonly securityTxt?: SecurityTxtOptions;
  /** Exact paths that a load balancer may ask over plain HTTP and that are never shed. `/healthz`. */
  readonly healthPaths?: readonly string[];
  /** Where events go. JSON lines on stdout unless you say otherwise. */
  readonly audit?: AuditSink;
  /** Keeps events where a change shows, beside `audit`: `await openAuditLog(...)` or `postgresAuditLog(...)`. Without it that is a finding. */
  readonly auditLog?: AuditLog | PostgresAuditLog;
  /** Who is called when it matters: `{ actions: [mailAction(...)] }`. Without it nothing rings, which is a finding. */
  readonly alarms?: SaasAlarms;
  /** Bait of your own, and where addresses are: `{ honeyCredentials: [...] }`. Attacks are detected without it too. */
  readonly detection?: SaasDetection;
  readonly waivers?: readonly Waiver[];
  /** A refused page in your own design. */
  readonly refusalPage?: Layers["refusalPage"];
}

/** The layers, and the tools that handlers call. */
export interface SaasLayers extends Layers {
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  /** The only `fetch` to use. */
  readonly outbound: EgressAllowlist;
  /** The alarms and the chain of the audit log, for the Security Center; to be closed before the database is. */
  readonly watch: Watch;
}

const OPTION_NAMES: readonly (keyof SaasOptions)[] = [
  "origin",
  "keys",
  "proxies",
  "database",
  "hosts",
  "mode",
  "cors",
  "trustedOrigins",
  "cookies",
  "limits",
  "limitStore",
  "sessionStore",
  "mfa",
  "bearer",
  "redirectTo",
  "outbound",
  "securityTxt",
  "healthPaths",
  "audit",
  "auditLog",
  "alarms",
  "detection",
  "waivers",
  "refusalPage",
];

const ENVIRONMENT = [
  debugOff(),
  runtimeHardening(),
  secretsManagement(),
  tlsPeerVerification(),
  inputValidation(),
  internalTls(),
  tlsVersion(),
  tlsCertificate(),
  safeMethods(),
  dynamicCode(),
  templateInjection(),
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
export function saas(options: SaasOptions): SaasLayers {
  rejectUnknownOptions("saas", options, OPTION_NAMES);
  const { origin, keys, mode = modeOf(process.env), healthPaths = ["/healthz"], bearer = [] } = options;
  const store =
    options.sessionStore ?? (options.database === undefined ? memorySessions() : postgresSessions(options.database));
  const session = sessions({ store, mfa: mfaRequired(options.mfa) });
  const guard = csrf({ origin, keys, ...(options.trustedOrigins && { trustedOrigins: options.trustedOrigins }) });
  const proxies = trustedProxies(isList(options.proxies) ? { proxies: options.proxies } : options.proxies);
  const limits = requestLimits();
  const rates = rateLimits(options);
  const disclosure = options.securityTxt === undefined ? undefined : securityTxt(options.securityTxt);
  const { watch, sink, environment, bait } = composeWatch(options);
  const report = (event: AuditEvent): void => sink({ time: new Date().toISOString(), ...event });
  const outbound = egressAllowlist({ allow: [], ...options.outbound, origin, report });
  const hosts = options.hosts === undefined ? {} : { hosts: [new URL(origin).host, ...options.hosts] };
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
      overloadProtection({ exemptPaths: healthPaths }),
      rates.client,
      canonicalization(),
      allowedHosts({ origin, mode, ...hosts }),
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
      session.control,
      session.mfaControl,
      rates.identity,
      ...bearer.flatMap(({ control, posture = [] }) => [control, ...posture]),
      xmlAndDeserialization(),
      resourceIsolation(),
      guard.control,
    ],
    authorization: [],
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

function rateLimits({ limits = {}, limitStore }: SaasOptions) {
  rejectUnknownOptions("saas({ limits })", limits, ["client", "anonymous", "user", "service"]);
  const { client = "600/m", anonymous = "60/m", user = "300/m", service = "600/m" } = limits;
  const store = limitStore ?? memoryRateLimits();
  return {
    client: rateLimit({ name: "client", rates: client, by: "client", store }),
    identity: rateLimit({
      name: "identity",
      rates: { anonymous, user, service },
      by: "user",
      cost: exceptAssets,
      store,
    }),
  };
}

/** A page brings its assets along: counting them would let a visitor see ten pages a minute. */
function exceptAssets({ route }: IdentifiedFacts): number {
  return route.kind === "asset" ? 0 : 1;
}

function isList(proxies: SaasOptions["proxies"]): proxies is readonly string[] {
  return Array.isArray(proxies);
}
