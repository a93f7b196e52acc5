export {
  serializeCookie,
  serializeCookieDeletion,
  type CookieAttributes,
  type SameSite,
} from "../primitives/set-cookie.ts";
export { attachment, inline, safeFilename } from "./content-disposition.ts";
export type { CookiePurpose, CookieRegistry, RegisteredCookie } from "./cookie-registry.ts";
export { cookies, type CookieOptions, type UnregisteredCookies } from "./cookies.ts";
export type { CorsOptions } from "./cors-policy.ts";
export { cors } from "./cors.ts";
export { hsts, type HstsOptions } from "./hsts.ts";
export { redirectGuard } from "./redirect-guard.ts";
export {
  isSafeRedirect,
  safeRedirect,
  type RedirectRefusal,
  type SafeRedirect,
  type SafeRedirectOptions,
} from "./safe-redirect.ts";
export { SECURITY_TXT_PATH, securityTxt, type SecurityTxt, type SecurityTxtOptions } from "./security-txt.ts";
export { tlsPeerVerification } from "./tls-peer-verification.ts";
