/** What the preset asks: the few facts that only the team knows, and what may be other than its default. */
import type { PostgresAuditLog } from "../audit/audit-log-postgres.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import type { AuthPathwayConsistencyOptions } from "../authentication/auth-pathway-consistency.ts";
import type { BearerCredential } from "../authentication/bearer-credential.ts";
import type { AuthenticationDatabase } from "../authentication/database.ts";
import type { SsoRequirement } from "../authentication/idp-account-linking.ts";
import type { MfaOptions } from "../authentication/mfa-required.ts";
import type { ProofMethod } from "../authentication/proof.ts";
import type { ReadMembership } from "../authentication/session-recognition.ts";
import type { SessionStore } from "../authentication/session-record.ts";
import type { AdminInterfaceOptions } from "../authorization/admin-interface.ts";
import type { Mode } from "../core/control.ts";
import type { AuditSink } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import type { Layers } from "../core/security.ts";
import type { Waiver } from "../core/waiver.ts";
import type { ConcurrencyLimitOptions } from "../network/concurrency-limit.ts";
import type { EgressAllowlistOptions } from "../network/egress-allowlist.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";
import type { Rates } from "../network/rate-limit-tier.ts";
import type { TrustedProxiesOptions } from "../network/trusted-proxies.ts";
import type { CookieRegistry } from "../transport/cookie-registry.ts";
import type { CorsOptions } from "../transport/cors-policy.ts";
import type { SecurityTxtOptions } from "../transport/security-txt.ts";
import type { AccountSystem } from "./account-system.ts";
import type { SaasAlarms, SaasDetection, SaasLogShipping } from "./watch.ts";

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
  /** Requests of one user and of one tenant that are worked on at a time: `{ perUser: 20 }`. 10 and 100; more wait for their turn. */
  readonly concurrency?: ConcurrencyLimitOptions;
  /** Shares the counters between instances: `redisRateLimits(...)` or `postgresRateLimits(...)`. */
  readonly limitStore?: RateLimitStore;
  /** Keeps sessions elsewhere than in `database`: `redisSessions({ client })`. */
  readonly sessionStore?: SessionStore;
  /** Who must prove a second factor. Whoever has one, unless you say otherwise, which is a finding. */
  readonly mfa?: MfaOptions;
  /** A user's roles now, asked at each request; undefined ends the session. Without it roles are those of the sign-in, which is a finding. */
  readonly membership?: ReadMembership;
  /** Whose tenant has its people come through its own provider alone: passwords then open nothing. */
  readonly ssoRequired?: SsoRequirement;
  /** Which ways in count, and those of the application's own: `{ methods: ["passkey"], own: [{ pattern, method, throttledBy }] }`. */
  readonly pathways?: AuthPathwayConsistencyOptions & { readonly methods?: readonly ProofMethod[] };
  /** Where administration is, and for whom: `{ host: "admin.example.com", roles: ["operator"] }`. */
  readonly admin?: Omit<AdminInterfaceOptions, "origin">;
  /** Ways in for programs, by `Authorization: Bearer`: `[apiKeys(...)]`. */
  readonly bearer?: readonly BearerCredential[];
  /** Sign-up, sign-in, second factors, resets and API keys, with their routes: `accounts({ name, application, mail })`. */
  readonly accounts?: AccountSystem;
  /** Other https origins that a redirect may lead to. */
  readonly redirectTo?: readonly string[];
  /** Where the application may connect to: `{ allow: [{ host: "api.stripe.com", purpose: "payments" }] }`. Nowhere without it. */
  readonly outbound?: Omit<EgressAllowlistOptions, "origin" | "report">;
  /** How people report a vulnerability: served as `/.well-known/security.txt`. */
  readonly securityTxt?: SecurityTxtOptions;
  /** Exact paths that a load balancer may ask over plain HTTP and that are neither shed nor counted. `/healthz`. */
  readonly healthPaths?: readonly string[];
  /** Where events go. JSON lines on stdout unless you say otherwise. */
  readonly audit?: AuditSink;
  /** Keeps events where a change shows, beside `audit`: `await openAuditLog(...)` or `postgresAuditLog(...)`. Without it that is a finding. */
  readonly auditLog?: AuditLog | PostgresAuditLog;
  /** What customers can read of what was done to their data: `auditTrail({ resources })`. Without it that is a finding. */
  readonly auditTrail?: AuditTrail;
  /** Who is called when it matters: `{ actions: [mailAction(...)] }`. Without it nothing rings, which is a finding. */
  readonly alarms?: SaasAlarms;
  /** Bait of your own, and where addresses are: `{ honeyCredentials: [...] }`. Attacks are detected without it too. */
  readonly detection?: SaasDetection;
  /** Where events go from here: `{ destination: { name, owner, readers, retentionDays }, url, fetch }`. Without it that is a finding. */
  readonly logShipping?: SaasLogShipping;
  readonly waivers?: readonly Waiver[];
  /** A refused page in your own design. */
  readonly refusalPage?: Layers["refusalPage"];
}

export const SAAS_OPTIONS: readonly (keyof SaasOptions)[] = [
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
  "concurrency",
  "limitStore",
  "sessionStore",
  "mfa",
  "membership",
  "ssoRequired",
  "pathways",
  "admin",
  "bearer",
  "accounts",
  "redirectTo",
  "outbound",
  "securityTxt",
  "healthPaths",
  "audit",
  "auditLog",
  "auditTrail",
  "alarms",
  "detection",
  "logShipping",
  "waivers",
  "refusalPage",
];
