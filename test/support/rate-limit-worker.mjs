/**
 * One process of several that take from the same allowance as fast as they can. It says when it is ready, takes part in every race that it is told
 * of, and answers how many requests passed. It runs what is built, as an application would.
 */
import { allowanceOf, postgresRateLimits, redisRateLimits } from "glacis/network";
import pg from "pg";
import { createClient } from "redis";

const IN_FLIGHT = 10;
const [kind, url, place] = process.argv.slice(2);
const { store, close } = kind === "redis" ? await openRedis() : openPostgres();

async function openRedis() {
  const client = await createClient({ url }).connect();
  return { store: redisRateLimits({ client, prefix: place }), close: () => client.close() };
}

function openPostgres() {
  const pool = new pg.Pool({ connectionString: url, max: IN_FLIGHT });
  return { store: postgresRateLimits({ database: pool, table: place }), close: () => pool.end() };
}

/** @param {{ rates: import("glacis/network").Rate[], attempts: number }} task */
async function race({ rates, attempts }) {
  const counters = store.open({ name: "race", methods: [], allowances: rates.map(allowanceOf) });
  let left = attempts;
  let passed = 0;
  const take = async () => {
    while (left > 0) {
      left -= 1;
      if ((await counters.consume("everybody", 1, Date.now() * 1000)).allowed) passed += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, take));
  return { passed };
}

process.on("message", (task) => void race(task).then((result) => process.send(result)));
process.on("disconnect", () => void close());
process.send("ready");
