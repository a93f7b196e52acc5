export { glacis } from "./glacis.ts";
export {
  allOf,
  assurance,
  authenticated,
  hasRole,
  policyAccess,
  publicAccess,
  type AccessRule,
} from "./core/access.ts";
export type { Control, ControlMeta, Deployment, Mode } from "./core/control.ts";
export type { AuditEvent, AuditRecord, AuditSink } from "./core/event.ts";
export { Refusal } from "./core/error-reason.ts";
export type { Finding, Location, Rule, Severity } from "./core/finding.ts";
export {
  ANONYMOUS,
  tenantScope,
  type Anonymous,
  type Principal,
  type Service,
  type TenantScope,
  type User,
} from "./core/principal.ts";
export { REASONS, type Reason } from "./core/reasons.ts";
export { routeRule, type RouteOptions, type RouteRule } from "./core/route.ts";
export { SealError } from "./core/seal.ts";
export type { Layers, Security } from "./core/security.ts";
