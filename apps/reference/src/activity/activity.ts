import { tenantScope, type User } from "glacis";
import { exportAuditTrail, type TrailEntry } from "glacis/audit";
import type { Database } from "../database/database.ts";
import { trail } from "./trail.ts";

/** What was done in a workspace, for whoever answers for it. */
export interface Activity {
  /** @param before the last entry that was seen; newer ones without it */
  page(user: User, before: string | undefined): Promise<readonly TrailEntry[]>;
  file(user: User, format: "csv" | "json"): Promise<string>;
}

export const ACTIVITY_PAGE = 50;

export function activityIn(database: Database): Activity {
  return {
    // One more than is shown says whether there are more.
    page: (user, before) =>
      database.withTenant(tenantScope(user), (_, connection) =>
        trail.page(connection, { limit: ACTIVITY_PAGE + 1, ...(before !== undefined && { before }) }),
      ),
    file: (user, format) =>
      database.withTenant(tenantScope(user), async (_, connection) => {
        const parts: string[] = [];
        for await (const part of exportAuditTrail(trail, connection, format)) parts.push(part);
        return parts.join("");
      }),
  };
}
