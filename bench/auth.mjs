/** What signing in and staying signed in cost. */
import { saveResults } from "./harness.mjs";
import { measureEnumeration } from "./auth/enumeration.mjs";
import { measureFlood } from "./auth/flood.mjs";
import { measureSessions } from "./auth/session.mjs";

/** @param options `rounds`, `requests` of each kind, and `only` as the name of a section, such as `session-redis` or `enumeration` */
export async function run({ rounds = "9", requests = "2000", only } = {}) {
  if (only === "enumeration") {
    await measureEnumeration({ each: Number(requests), save: (results) => saveResults("auth-enumeration", results) });
    return;
  }
  const results = await measureSessions({ rounds, only });
  if (only === undefined || only === "flood") results.flood = await measureFlood({ rounds });
  if (only === undefined) saveResults("auth", { rounds: Number(rounds), unit: "microseconds per lookup", results });
}
