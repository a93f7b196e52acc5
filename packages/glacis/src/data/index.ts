export { keyRing, newKey } from "./key-ring.ts";
export { secretsManagement } from "./secrets-management.ts";
export {
  tenantDatabase,
  TenantIsolationError,
  type TenantConnection,
  type TenantDatabase,
  type TenantDatabaseOptions,
  type TenantEmbedded,
  type TenantPool,
} from "./tenant.ts";
