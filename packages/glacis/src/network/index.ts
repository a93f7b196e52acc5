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
