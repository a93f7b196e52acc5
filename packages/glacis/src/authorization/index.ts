export {
  adaptiveAccess,
  newPlace,
  tenantNetworks,
  type AccessSignal,
  type AdaptiveAccessOptions,
  type NewPlaceOptions,
  type Signalled,
} from "./adaptive-access.ts";
export {
  ACCESS_PLACE_MIGRATION,
  ACCESS_PLACE_TABLES,
  memoryAccessPlaces,
  postgresAccessPlaces,
  type AccessPlace,
  type AccessPlaceDatabase,
  type AccessPlaceStore,
} from "./adaptive-access-store.ts";
export { ADMIN_PATHS, adminInterface, type AdminInterfaceOptions } from "./admin-interface.ts";
export { accessPolicy, type AccessPolicy, type AccessPolicyOptions, type Authorized } from "./access-policy.ts";
export { authorizationFreshness, oncePerRequest } from "./authorization-freshness.ts";
export type { ColumnDeclaration, Columns, ColumnType, RowOf } from "./columns.ts";
export type { FieldRule } from "./field-rules.ts";
export type { ListFilter, ListFilterOptions, SqlTag } from "./list-filter.ts";
export { isLastHolderRefusal, lastHolderStays, type LastHolderOptions } from "./last-holder.ts";
export {
  above,
  anyOf,
  atLeast,
  atMost,
  below,
  caller,
  contains,
  isNull,
  isPresent,
  not,
  opaque,
  related,
  sameAs,
  type ConditionSource,
  type Related,
  type RelationOptions,
} from "./match.ts";
export { objectLevelAuthorization } from "./object-level-authorization.ts";
export { oauthResourceServer, type OauthResourceServerOptions } from "./oauth-resource-server.ts";
export { ownership, type Ownership, type OwnershipOptions } from "./ownership.ts";
export {
  checkPolicyDrift,
  policyDrift,
  policyPosture,
  type DriftConnection,
  type EnforcedPolicy,
  type LivePolicy,
  type TableSecurity,
} from "./policy-drift.ts";
export type { PolicyDecision } from "./policy-judge.ts";
export { policyRoute } from "./policy-route.ts";
export { acrossTenants, type AcrossTenants } from "./read-policy.ts";
export { roleHierarchy, type RoleChange, type RoleHierarchy, type RoleHierarchyOptions } from "./role-hierarchy.ts";
export { rowSecurity, rowSettings, type RowPolicy, type RowSecurity, type RowSecurityOptions } from "./row-security.ts";
export type { ActionKind, Statement } from "./statements.ts";
export {
  supportImpersonation,
  type ReadSubject,
  type SupportImpersonation,
  type SupportImpersonationOptions,
  type SupportRequest,
  type VisitRefusal,
  type VisitResult,
  type VisitWanted,
} from "./support-impersonation.ts";
export {
  memorySupport,
  postgresSupport,
  SUPPORT_MIGRATION,
  type SupportConsent,
  type SupportDatabase,
  type SupportStore,
  type SupportVisit,
} from "./support-store.ts";
