export { keyRing, newKey } from "./key-ring.ts";
export { secretsManagement } from "./secrets-management.ts";
