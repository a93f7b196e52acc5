/** What signing in and staying signed in cost. */
import { saveResults } from "./harness.mjs";
import { measureSessions } from "./auth/session.mjs";

/** @param options `rounds`, and `only` as the name of a section, such as `session-redis` */
export async function run({ rounds = "9", only } = {}) {
  const results = await measureSessions({ rounds, only });
  if (only === undefined) saveResults("auth", { rounds: Number(rounds), unit: "microseconds per lookup", results });
}
