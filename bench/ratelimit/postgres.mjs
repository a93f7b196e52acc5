import { allowanceOf, postgresRateLimits, rateLimitMigration } from "glacis/network";
import pg from "pg";
import { RateLimiterPostgres } from "rate-limiter-flexible";

const CLIENTS = 1000;
const RATE = { limit: 100_000, windowSeconds: 600 };
const SERVER = process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
const COUNT = {
  name: "count",
  text: `insert into counts (key, count, expires_at) values ($1, 1, $2)
on conflict (key) do update set count = counts.count + 1 returning count, expires_at`,
};

export async function postgresRows() {
  const database = `glacis_bench_${process.pid}_${Date.now()}`;
  const admin = new pg.Client({ connectionString: SERVER });
  await admin.connect();
  await admin.query(`create database ${database}`);
  const url = new URL(SERVER);
  url.pathname = `/${database}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 16 });
  // Dropping the database may overtake the goodbye of a connection.
  pool.on("error", () => undefined).on("connect", (client) => client.on("error", () => undefined));
  await pool.query(
    "create unlogged table counts (key text primary key, count int not null, expires_at bigint not null)",
  );
  await pool.query(rateLimitMigration());
  const allowances = [allowanceOf(RATE)];
  const counters = postgresRateLimits({ database: pool }).open({ name: "bench", methods: [], allowances });
  const flexible = await openFlexible(pool);
  const subjects = Array.from({ length: CLIENTS }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
  const of = (index) => subjects[index % CLIENTS];
  const rows = [
    {
      label: "raw prepared upsert, unlogged (limit)",
      isLimit: true,
      decide: (n) => pool.query({ ...COUNT, values: [of(n), 600_000] }),
    },
    { label: "Glacis", decide: (n) => counters.consume(of(n), 1, 0) },
    { label: "rate-limiter-flexible", decide: (n) => flexible.consume(of(n)) },
  ];
  return {
    rows,
    async close() {
      await pool.end();
      await admin.query(`drop database ${database} with (force)`);
      await admin.end();
    },
  };
}

/** Its table is made by itself, and then unlogged like ours. */
async function openFlexible(pool) {
  const flexible = await new Promise((resolve, reject) => {
    const limiter = new RateLimiterPostgres(
      { storeClient: pool, storeType: "pool", tableName: "flexible", points: RATE.limit, duration: RATE.windowSeconds },
      (error) => (error === undefined ? resolve(limiter) : reject(error)),
    );
  });
  await pool.query("alter table flexible set unlogged");
  return flexible;
}
