import { allowanceOf, postgresRateLimits, rateLimitMigration } from "glacis/network";
import { RateLimiterPostgres } from "rate-limiter-flexible";
import { throwawayDatabase } from "../throwaway-database.mjs";

const CLIENTS = 1000;
const RATE = { limit: 100_000, windowSeconds: 600 };
const COUNT = {
  name: "count",
  text: `insert into counts (key, count, expires_at) values ($1, 1, $2)
on conflict (key) do update set count = counts.count + 1 returning count, expires_at`,
};

export async function postgresRows() {
  const { pool, close } = await throwawayDatabase({ max: 16 });
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
    close,
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
