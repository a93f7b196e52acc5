import { newKey } from "glacis/data";
import type { Security } from "glacis";
import { bucketOf } from "./attachments/bucket.ts";
import { loadAssets } from "./assets.ts";
import { connectTo } from "./database/postgres.ts";
import { postgresTrail } from "./operations/audit-trail.ts";
import { readSettings } from "./operations/settings.ts";
import { guardOf } from "./security.ts";

/**
 * The composition that production would run, from the environment's own facts, without touching a database: what `glacis check` judges.
 *
 * @throws StartError naming the variable that is missing.
 */
export function productionSecurity(variables: Readonly<Record<string, string | undefined>>): Security {
  const settings = readSettings([], { ...variables, NODE_ENV: "production" });
  const database = connectTo(settings.databaseUrl ?? "");
  const keys = settings.keys ?? newKey("check");
  const auditLog = postgresTrail(settings, database);
  const storage = bucketOf(settings);
  const parts = { settings, keys, database, assets: loadAssets(), audit: () => undefined, auditLog, storage };
  return guardOf(parts).security;
}
