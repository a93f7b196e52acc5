export {
  serializeCookie,
  serializeCookieDeletion,
  type CookieAttributes,
  type SameSite,
} from "../primitives/set-cookie.ts";
export { cacheControl } from "./cache-control.ts";
export { attachment, inline, safeFilename } from "../primitives/content-disposition.ts";
export {
  contentSecurityPolicy,
  CSP_REPORT_PATH,
  dangerouslyAllowSource,
  DOCUMENT_DIRECTIVES,
  type ContentSecurityPolicyOptions,
  type TrustedTypes,
} from "./content-security-policy.ts";
export { contentTypeOptions } from "./content-type-options.ts";
export type { CookiePurpose, CookieRegistry, RegisteredCookie } from "./cookie-registry.ts";
export { cookies, type CookieOptions, type UnregisteredCookies } from "./cookies.ts";
export type { CorsOptions } from "./cors-policy.ts";
export { cors } from "./cors.ts";
export { crossOriginPolicies, type CrossOriginPoliciesOptions } from "./cross-origin-policies.ts";
export {
  NONCE,
  type CspDirectiveName,
  type CspDirectives,
  type CspDirectiveValue,
  type CspSource,
  type DangerousSource,
} from "./csp-directives.ts";
export { repeatedNonces } from "./csp-assess.ts";
export { gradeCsp, type CspGrade, type CspLetter, type CspWeakness } from "./csp-grade.ts";
export { extendDirectives, renderPolicy } from "./csp-policy.ts";
export { cspReportEndpoint, type CspReportOptions } from "./csp-report.ts";
export type { EmbeddablePath } from "./embedding.ts";
export { frameOptions, type FrameOptions } from "./frame-options.ts";
export { hsts, type HstsOptions } from "./hsts.ts";
export { httpsOnly, type HttpsOnlyOptions } from "./https-only.ts";
export { obsoleteHeaders } from "./obsolete-headers.ts";
export {
  permissionsPolicy,
  type PermissionsAllowlist,
  type PermissionsFeature,
  type PermissionsPolicyOptions,
} from "./permissions-policy.ts";
export { redirectGuard } from "./redirect-guard.ts";
export { referrerPolicy, type ReferrerPolicy, type ReferrerPolicyOptions } from "./referrer-policy.ts";
export { resourceIsolation } from "./resource-isolation.ts";
export {
  isSafeRedirect,
  safeRedirect,
  type RedirectRefusal,
  type SafeRedirect,
  type SafeRedirectOptions,
} from "./safe-redirect.ts";
export { SECURITY_TXT_PATH, securityTxt, type SecurityTxt, type SecurityTxtOptions } from "./security-txt.ts";
export { tlsPeerVerification } from "./tls-peer-verification.ts";
export { SAFE_METHOD_ACTS, SAFE_METHOD_SHARED, safeMethods } from "./safe-methods.ts";
export {
  INTERNAL_EXCEPTION,
  INTERNAL_PLAINTEXT,
  INTERNAL_UNVERIFIED,
  internalTls,
  postgresTls,
  type InternalTlsOptions,
  type PoolTls,
  type TlsDatabase,
} from "./internal-tls.ts";
export {
  MTLS_LONG_LIVED,
  mutualTls,
  type MtlsService,
  type MutualTls,
  type MutualTlsOptions,
} from "./mtls-service-identity.ts";
export {
  CERTIFICATE_BY_HAND,
  CERTIFICATE_EXPIRING,
  CERTIFICATE_LONG,
  CERTIFICATE_NAME,
  CERTIFICATE_UNTRUSTED,
  CERTIFICATE_WEAK,
  tlsCertificate,
  type TlsCertificateOptions,
} from "./tls-certificate.ts";
export { probeTls, type ProbeTlsOptions } from "./tls-probe.ts";
export {
  TLS_EDGE_UNKNOWN,
  TLS_NO_13,
  TLS_SERVER_OPTIONS,
  TLS_TOO_OLD,
  TLS_WEAK_SUITE,
  tlsVersion,
  type TlsVersionOptions,
} from "./tls-version.ts";
export {
  CLIENT_OBSOLETE,
  clientCodeSafety,
  MESSAGE_FROM_ANYONE,
  MESSAGE_TO_ANYONE,
  onMessage,
  type ClientCodeSafetyOptions,
  type MessageReceiver,
  type MessageTarget,
} from "./client-code-safety.ts";
export {
  clientStorage,
  judgeStorage,
  STORAGE_SECRET,
  STORAGE_VALUE,
  type ClientStorageOptions,
} from "./client-storage.ts";
export {
  ASSET_CHANGED,
  ASSET_UNLISTED,
  ASSET_UNPINNED,
  ASSET_UNVERSIONED,
  externalAssets,
  type AssetResponse,
  type ExternalAsset,
  type ExternalAssets,
} from "./subresource-integrity.ts";
