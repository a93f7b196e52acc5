/** A session lookup over Postgres: from the Cookie header to the user. */
import { dangerouslyProvedElsewhere, postgresSessions, SESSION_MIGRATION, sessions } from "glacis/authentication";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import pg from "pg";
import { browsersOf, factsOf, glacisSignIn } from "./session-request.mjs";

const SERVER = process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

export async function postgresRows() {
  const name = `glacis_bench_${process.pid}_${Date.now()}`;
  const admin = new pg.Client({ connectionString: SERVER });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 10 });
  pool.on("error", () => undefined);
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
    async close() {
      await pool.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
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
