/** For `npx glacis check`, in this folder and after a build. */
import { productionSecurity } from "./dist/check.js";

export { ENFORCED_POLICIES as policies } from "./dist/database/access-policies.js";

export const security = productionSecurity(process.env);
