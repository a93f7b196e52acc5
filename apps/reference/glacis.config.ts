/** For `npx glacis check`, in this folder and after a build. */
import { productionSecurity } from "./dist/check.js";

export const security = productionSecurity(process.env);
