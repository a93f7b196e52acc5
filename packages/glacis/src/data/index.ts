export { keyRing, newKey } from "./key-ring.ts";
export { secretsManagement } from "./secrets-management.ts";
export { systemDatabase, type SystemDatabase, type SystemDatabaseOptions } from "./system-scope.ts";
export type { TenantConnection } from "./tenant-connection.ts";
export {
  currentTenant,
  keepTenant,
  runAsTenant,
  TenantContextMissing,
  TenantIsolationError,
} from "./tenant-context.ts";
export type { TenantEmbedded, TenantPool } from "./tenant-driver.ts";
export { installTenantProof } from "./tenant-proof.ts";
export { tenantMigration, type TenantMigrationOptions } from "./tenant-migration.ts";
export type { TenantReference, TenantTable } from "./tenant-table.ts";
export { tenantDatabase, type TenantDatabase, type TenantDatabaseOptions, type TenantWorkOptions } from "./tenant.ts";
