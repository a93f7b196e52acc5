export { keyRing, newKey } from "./key-ring.ts";
export { secretsManagement } from "./secrets-management.ts";
export {
  currentTenant,
  keepTenant,
  runAsTenant,
  TenantContextMissing,
  TenantIsolationError,
} from "./tenant-context.ts";
export type { TenantEmbedded, TenantPool } from "./tenant-driver.ts";
export { installTenantProof } from "./tenant-proof.ts";
export {
  tenantDatabase,
  type TenantConnection,
  type TenantDatabase,
  type TenantDatabaseOptions,
  type TenantWorkOptions,
} from "./tenant.ts";
