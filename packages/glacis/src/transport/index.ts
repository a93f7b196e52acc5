export {
  serializeCookie,
  serializeCookieDeletion,
  type CookieAttributes,
  type SameSite,
} from "../primitives/set-cookie.ts";
export type { CookiePurpose, CookieRegistry, RegisteredCookie } from "./cookie-registry.ts";
export { cookies, type CookieOptions, type UnregisteredCookies } from "./cookies.ts";
export { hsts, type HstsOptions } from "./hsts.ts";
export { tlsPeerVerification } from "./tls-peer-verification.ts";
