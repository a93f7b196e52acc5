export {
  LIMIT_TOO_GENEROUS,
  SLOW_CLIENT_TOLERATED,
  requestLimits,
  type RequestLimits,
  type RequestLimitsOptions,
} from "./request-limits.ts";
