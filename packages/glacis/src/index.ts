export { glacis } from "./glacis.ts";
export {
  allOf,
  assurance,
  authenticated,
  hasRole,
  policyAccess,
  publicAccess,
  signInFirst,
  type AccessRule,
} from "./core/access.ts";
export { assertFit, BootError } from "./core/boot.ts";
export type { Endpoint, EndpointReply } from "./core/endpoint.ts";
export type { Control, ControlMeta, Deployment, Mode } from "./core/control.ts";
export { deny, type Deny, type DenyDetails } from "./core/decision.ts";
export { EVENT_CATALOGUE } from "./core/event-catalogue.ts";
export { auditEvent, eventFault } from "./core/event-entry.ts";
export type {
  AuditEvent,
  AuditRecord,
  AuditSink,
  EventContext,
  EventDetails,
  EventKey,
  EventSeverity,
  EventStatus,
  EventType,
} from "./core/event.ts";
export { Refusal } from "./core/error-reason.ts";
export type { Exchange } from "./core/exchange.ts";
export type { IdentifiedFacts, RequestFacts } from "./core/facts.ts";
export type { FieldSealer, KeySource } from "./core/keys.ts";
export {
  describeLocation,
  groupByRule,
  type Finding,
  type Location,
  type Rule,
  type Severity,
} from "./core/finding.ts";
export { COMPOSITION_RULES, judgeObservations, judgeSecurity, REQUIRED_CONTROLS } from "./core/judge.ts";
export { nearestWord } from "./core/options.ts";
export {
  ANONYMOUS,
  tenantScope,
  type Anonymous,
  type Delegation,
  type Principal,
  type Service,
  type TenantScope,
  type User,
} from "./core/principal.ts";
export type { RefusalBody, RefusalPageView } from "./core/problem.ts";
export { REASONS, type Reason } from "./core/reasons.ts";
export type { Observation } from "./core/response.ts";
export { routeRule, type RouteOptions, type RouteRule } from "./core/route.ts";
export { SealError } from "./core/seal.ts";
export { Secret } from "./core/secret.ts";
export type { Layers, Security } from "./core/security.ts";
export type { OutputOf, StandardIssue, StandardResult, StandardSchema } from "./core/standard-schema.ts";
export { applyWaivers, WAIVER_RULES, type Judgement, type Waiver } from "./core/waiver.ts";
export { currentDeployment, modeOf } from "./primitives/deployment.ts";
export { keyRing, newKey } from "./data/key-ring.ts";
export { authenticationPages, type AuthenticationPagesOptions } from "./presets/authentication-pages.ts";
export { libraryMigration, type LibraryMigrationOptions } from "./presets/library-migration.ts";
export { oauthServerControls } from "./presets/oauth-server-controls.ts";
export type { OauthConsentOptions } from "./authorization/oauth-consent.ts";
export type { OauthServer, OauthServerClient, OauthServerConfiguration } from "./primitives/oauth-server.ts";
export { outboxPage, type OutboxPageOptions } from "./presets/outbox-page.ts";
export { saas, type SaasLayers } from "./presets/saas.ts";
export type { SaasLimits, SaasOptions } from "./presets/saas-options.ts";
export type { SaasAlarms, SaasDetection, Watch } from "./presets/watch.ts";
export { withControls } from "./presets/with-controls.ts";
