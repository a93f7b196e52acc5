export {
  allowedHosts,
  ALLOWED_HOSTS_ADDRESS,
  ALLOWED_HOSTS_ANY_PORT,
  ALLOWED_HOSTS_BARE_SUFFIX,
  ALLOWED_HOSTS_EMPTY,
  ALLOWED_HOSTS_LOCAL,
  ALLOWED_HOSTS_NOT_ENFORCED,
  ALLOWED_HOSTS_ORIGIN_INSECURE,
  ALLOWED_HOSTS_ORIGIN_MISSING,
  type AllowedHostsOptions,
} from "./allowed-hosts.ts";
export { exposedFilesAndEndpoints, HEALTH_PATHS } from "./exposed-files-and-endpoints.ts";
export { EXPOSED_PATHS, type ExposedPath, type Exposure } from "./exposed-paths.ts";
export { concurrencyLimit, SHARE_TOO_LARGE, type ConcurrencyLimitOptions } from "./concurrency-limit.ts";
export {
  overloadProtection,
  SHEDS_TOO_LATE,
  type OverloadProtection,
  type OverloadProtectionOptions,
} from "./overload-protection.ts";
export {
  LIMIT_TOO_GENEROUS,
  SLOW_CLIENT_TOLERATED,
  requestLimits,
  type RequestLimits,
  type RequestLimitsOptions,
} from "./request-limits.ts";
export { runtimeHardening } from "./runtime-hardening.ts";
export { memoryRateLimits, type MemoryRateLimits, type MemoryRateLimitsOptions } from "./rate-limit-memory.ts";
export {
  postgresRateLimits,
  rateLimitMigration,
  type PostgresRateLimits,
  type PostgresRateLimitsOptions,
  type RateLimitDatabase,
} from "./rate-limit-postgres.ts";
export {
  redisRateLimits,
  type IoRedisClient,
  type NodeRedisClient,
  type RedisRateLimitsOptions,
} from "./rate-limit-redis.ts";
export { allowanceOf, type Allowance, type Tally } from "./gcra.ts";
export { dangerouslyAllowWhenStoreIsDown, type StoreDownPolicy } from "./rate-limit-guard.ts";
export {
  RATE_LIMIT_DRY_RUN,
  RATE_LIMIT_FAILS_OPEN,
  RATE_LIMIT_FIELDS_UNREADABLE,
  RATE_LIMIT_REFUSAL_INCOMPLETE,
  RATE_LIMIT_UNVERIFIED_KEY,
  STORE_PER_PROCESS,
} from "./rate-limit-rules.ts";
export { type Counters, type LimiterScope, type RateLimitStore } from "./rate-limit-store.ts";
export { type Dimension, type Subject, type SubjectFunction } from "./rate-limit-subject.ts";
export { type Rates, type RateTiers, type RateUsage } from "./rate-limit-tier.ts";
export { rateLimit, type ClientRateLimitOptions, type IdentityRateLimitOptions, type RateLimit } from "./rate-limit.ts";
export { parseRate, type Rate, type RateText } from "./rate.ts";
export {
  egressAllowlist,
  type Destination,
  type EgressAllowlist,
  type EgressAllowlistOptions,
  type SharedDataClass,
} from "./egress-allowlist.ts";
export { OutboundError, type OutboundBlock, type OutboundFailure } from "./outbound-error.ts";
export { type OutboundInit } from "./outbound-request.ts";
export {
  OUTBOUND_ANY_HOST,
  OUTBOUND_PRIVATE,
  OUTBOUND_PRIVATE_FOR_USERS,
  OUTBOUND_PROXY_BYPASSED,
} from "./outbound-rules.ts";
export { dangerouslyAllowAddresses, outbound, type Outbound, type OutboundOptions } from "./outbound.ts";
export { type ClientHeader } from "./proxy-chain.ts";
export { PROXY_MISSING_HEADER, PROXY_SHARED_ADDRESS, PROXY_UNEXPECTED_HEADER } from "./proxy-misuse.ts";
export { PROXY_FORWARDED_HOST, PROXY_HOPS_ONLY, PROXY_PLATFORM_UNDECLARED, PROXY_TOO_WIDE } from "./proxy-posture.ts";
export { publicUrl } from "./public-url.ts";
export {
  requestShape,
  REQUEST_SHAPE_HEADER_SIZE,
  REQUEST_SHAPE_LENIENT_PARSER,
  REQUEST_SHAPE_TRACE_OFFERED,
  type RequestShapeOptions,
} from "./request-shape.ts";
export { trustedProxies, type TrustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";
export {
  DNS_DANGLING,
  DNS_DKIM,
  DNS_DMARC,
  DNS_NO_CAA,
  DNS_NOT_VERIFIED,
  DNS_SPF,
  DNS_WILDCARD,
  dnsHygiene,
  inspectDns,
  type InspectDnsOptions,
  type MailInventory,
} from "./dns-hygiene.ts";
export { type DnsResolver } from "./dns-questions.ts";
