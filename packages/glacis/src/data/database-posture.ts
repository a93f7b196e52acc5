/** The database that the application is connected to, judged: who asks, what protects the rows, and what leads around it (guide A01, A04). */
import type { Control } from "../core/control.ts";
import type { Finding, Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { databaseExposure } from "./database-exposure.ts";
import { collectFacts, type PostureClient, type PostureOptions } from "./posture/collect.ts";
import { judgeAccounts } from "./posture/accounts.ts";
import { judgeGrants } from "./posture/grants.ts";
import { found } from "./posture/judging.ts";
import { judgeKeys } from "./posture/keys.ts";
import { judgeObjects } from "./posture/objects.ts";
import { judgePolicies } from "./posture/policies.ts";
import { judgeHabits } from "./posture/policy-habits.ts";
import { judgeReach } from "./posture/reach.ts";
import { judgeRoles } from "./posture/roles.ts";
import { POSTURE_RULES, UNREAD } from "./posture/rules.ts";
import { judgeServer } from "./posture/server.ts";
import { judgeTables } from "./posture/tables.ts";
import { tenantIsolation } from "./tenant-isolation.ts";
import { tenantReferentialIntegrity } from "./tenant-referential-integrity.ts";

const OPTION_NAMES = ["role", "tenantColumn", "tables", "shared", "schemas", "setting"];

/** Every rule that a posture may find. */
export const DATABASE_RULES: readonly Rule[] = POSTURE_RULES;

/**
 * Reads the catalogs over the application's own connection and judges what it finds. It changes nothing, and needs no privilege that the
 * application does not have. Each finding carries the SQL that mends it where SQL can.
 *
 * @param client a `pg` client or pool as the application uses it, or PGlite
 * @throws when the connection fails; an area that cannot be read is a finding.
 * @example
 * const posture = await databasePosture(pool, { shared: ["countries"] });
 * const layers = saas(options);
 * glacis({ ...layers, environment: [...layers.environment, ...databaseControls(posture)] });
 */
export async function databasePosture(
  client: PostureClient,
  options: PostureOptions = {},
): Promise<readonly Finding[]> {
  rejectUnknownOptions("databasePosture", options, OPTION_NAMES);
  if (typeof client?.query !== "function") throw new TypeError("databasePosture() needs a connection with query().");
  const { facts, unread } = await collectFacts(client, options);
  return [
    ...unread.map(({ area, reason }) => found(UNREAD, area, reason)),
    ...judgeRoles(facts),
    ...judgeServer(facts, Date.now()),
    ...judgeGrants(facts),
    ...judgeAccounts(facts),
    ...judgeReach(facts),
    ...judgeTables(facts),
    ...judgePolicies(facts),
    ...judgeHabits(facts),
    ...judgeObjects(facts),
    ...judgeKeys(facts),
  ];
}

/** The posture as controls, so that a production start and `glacis check` count it, with its waivers. */
export function databaseControls(posture: readonly Finding[]): readonly Control[] {
  return [tenantIsolation(posture), tenantReferentialIntegrity(posture), databaseExposure(posture)];
}
