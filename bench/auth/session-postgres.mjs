/** A session lookup over Postgres: from the Cookie header to the user. */
import { dangerouslyProvedElsewhere, postgresSessions, SESSION_MIGRATION, sessions } from "glacis/authentication";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { throwawayDatabase } from "../throwaway-database.mjs";
import { browsersOf, factsOf, glacisSignIn } from "./session-request.mjs";

export async function postgresRows() {
  const { pool, close } = await throwawayDatabase({ max: 10 });
  await pool.query(SESSION_MIGRATION);
  const glacis = sessions({ store: postgresSessions(pool) });
  const cookieOf = await browsersOf((user) => glacisSignIn(glacis, dangerouslyProvedElsewhere, user));
  const { rows } = await pool.query("select id from glacis_sessions");
  const better = await betterAuthOn(pool);
  return {
    rows: [
      {
        label: "raw SELECT (limit)",
        isLimit: true,
        look: (turn) => pool.query("select * from glacis_sessions where id = $1", [rows[turn % rows.length].id]),
      },
      {
        label: "Glacis",
        isOurs: true,
        look: async (turn) => {
          const { principal } = await glacis.authenticate(factsOf(cookieOf(turn)));
          if (principal.kind !== "user") throw new Error("no user");
        },
      },
      { label: "better-auth", look: better },
    ],
    close,
  };
}

async function betterAuthOn(pool) {
  const auth = betterAuth({
    baseURL: "https://app.example.com",
    secret: "a secret of the benchmark alone, long enough",
    database: pool,
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  const cookies = [];
  // Its sign-up hashes a password each time, so these are fewer.
  for (let index = 0; index < 20; index += 1) {
    const { headers } = await auth.api.signUpEmail({
      body: { name: "Ada", email: `ada-${index}@example.com`, password: "a password of the benchmark" },
      returnHeaders: true,
    });
    const lines = headers.getSetCookie().map((line) => line.split(";")[0]);
    cookies.push(lines.join("; "));
  }
  return async (turn) => {
    const found = await auth.api.getSession({ headers: new Headers({ cookie: cookies[turn % cookies.length] }) });
    if (found === null) throw new Error("no user");
  };
}
