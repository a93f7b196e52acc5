/**
 * `npm run bench -- tenancy`: what the tenant costs a query on a million rows. The yardstick is the same query with a hand-written
 * `where tenant_id = $1` on a table without row-level security: one statement, one round trip. Over the loopback a round trip is nearly free,
 * so what is seen here is the work of both ends; over a network the round trips decide, and they stand beside it.
 */
import pg from "pg";
import { keyRing, newKey, tenantScope } from "glacis";
import { installTenantProof, tenantDatabase, tenantMigration } from "glacis/data";
import { median, printTable, rounded, saveResults } from "./harness.mjs";
import { onServer, throwawayDatabase } from "./throwaway-database.mjs";

const ROWS = 1_000_000;
const TENANTS = 1000;
const CALLS = 20;
const COLUMNS = "id, title, updated_at";
const LIST = "order by updated_at desc, id desc limit 50";
const TENANT = "00000000-0000-4000-8000-000000000042";

/** @param options `--rounds`, 150 unless said otherwise */
export async function run({ rounds = "150" } = {}) {
  const ground = await prepare();
  try {
    const ways = await waysOf(ground);
    await proveIndex(ground);
    const times = new Map(ways.map(({ label }) => [label, { point: [], list: [] }]));
    for (const way of ways) await warm(way);
    for (let round = 0; round < Number(rounds); round += 1) {
      // All ways in each round, and the first one elsewhere in the next: what else the machine does hits everyone alike.
      for (let index = 0; index < ways.length; index += 1) {
        const way = ways[(index + round) % ways.length];
        times.get(way.label).point.push(await microseconds(way.point));
        times.get(way.label).list.push(await microseconds(way.list));
      }
    }
    report(ways, times);
  } finally {
    await ground.close();
  }
}

async function microseconds(ask) {
  const before = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call += 1) await ask();
  return Number(process.hrtime.bigint() - before) / 1000 / CALLS;
}

async function warm({ point, list }) {
  const [one, many] = [await point(), await list()];
  if (one.length !== 1 || many.length !== 50) throw new Error("A way does not answer the question.");
  for (let call = 0; call < 200; call += 1) {
    await point();
    await list();
  }
}

function report(ways, times) {
  const [yardstick] = ways;
  const base = times.get(yardstick.label);
  const rows = ways.map(({ label, trips }) => {
    const { point, list } = times.get(label);
    // Each round against the same round of the yardstick: a ratio survives a busy machine better than a time.
    const ratioOf = (own, others) => rounded(median(own.map((time, round) => time / others[round])));
    return {
      label,
      trips,
      pointMicroseconds: rounded(median(point)),
      pointRatio: ratioOf(point, base.point),
      listMicroseconds: rounded(median(list)),
      listRatio: ratioOf(list, base.list),
    };
  });
  console.log(`${ROWS.toLocaleString("en")} rows of ${TENANTS} tenants, one connection, medians\n`);
  printTable([
    ["", "round trips", "point us", "x", "list of 50 us", "x"],
    ...rows.map((row) => [
      row.label,
      String(row.trips),
      row.pointMicroseconds.toFixed(0),
      row.pointRatio.toFixed(2),
      row.listMicroseconds.toFixed(0),
      row.listRatio.toFixed(2),
    ]),
  ]);
  saveResults("tenancy", { rows: ROWS, tenants: TENANTS, ways: rows });
}

async function prepare() {
  const { name: role, url, pool: owner, close } = await throwawayDatabase({ max: 1 });
  await owner.query(`create role ${role} login password '${role}'`);
  for (const table of ["hand", "held", "proved"]) await fill(owner, table);
  await owner.query(`grant select on hand to ${role}`);
  await owner.query(tenantMigration({ role, tables: [{ name: "held" }] }));
  await owner.query(tenantMigration({ role, proof: true, tables: [{ name: "proved" }] }));
  const keys = keyRing(newKey("k1"));
  await installTenantProof(owner, keys);
  url.username = role;
  url.password = role;
  const pools = [];
  return {
    owner,
    keys,
    pool(config = {}) {
      const pool = new pg.Pool({ connectionString: url.href, max: 1, ...config });
      pool.on("error", () => undefined).on("connect", (client) => client.on("error", () => undefined));
      pools.push(pool);
      return pool;
    },
    async close() {
      for (const pool of pools) await pool.end();
      await close();
      await onServer((admin) => admin.query(`drop role ${role}_keeper; drop role ${role}`));
    },
  };
}

async function fill(owner, table) {
  await owner.query(`create table ${table} (
    tenant_id uuid not null, id uuid primary key, title text not null, body text not null, updated_at timestamptz not null)`);
  await owner.query(
    `insert into ${table} select ('00000000-0000-4000-8000-' || lpad((n % ${TENANTS})::text, 12, '0'))::uuid, gen_random_uuid(),
       'Document ' || n, repeat('x', 100), now() - n * interval '1 second' from generate_series(1, ${ROWS}) n`,
  );
  await owner.query(`create unique index on ${table} (tenant_id, id)`);
  await owner.query(`create index on ${table} (tenant_id, updated_at desc, id desc)`);
  await owner.query(`vacuum analyze ${table}`);
}

async function waysOf({ owner, keys, pool }) {
  const idOf = async (table) =>
    (await owner.query(`select id from ${table} where tenant_id = $1 limit 1`, [TENANT])).rows[0].id;
  const ids = { hand: await idOf("hand"), held: await idOf("held"), proved: await idOf("proved") };
  const scope = tenantScope({ kind: "service", id: "bench", tenantId: TENANT, roles: [] });
  const byHand = pool();
  const careful = pool();
  const held = tenantDatabase({ database: pool() });
  const proved = tenantDatabase({ database: pool(), proof: keys });
  const unprepared = tenantDatabase({ database: pool(), prepare: false });
  const prepared = tenantDatabase({ database: pool(), prepare: true });
  const pipelined = tenantDatabase({ database: pool({ pipeline: true }) });
  const point = (table) => [`select ${COLUMNS} from ${table} where id = $1`, [ids[table]]];
  const list = (table) => [`select ${COLUMNS} from ${table} ${LIST}`, []];

  /** What applications write themselves for row-level security. */
  async function transaction([text, values]) {
    const client = await careful.connect();
    try {
      await client.query("begin");
      await client.query("select set_config('app.tenant_id', $1, true)", [TENANT]);
      const { rows } = await client.query(text, values);
      await client.query("commit");
      return rows;
    } finally {
      client.release();
    }
  }
  const hand = (text, values) => byHand.query(text, values).then(({ rows }) => rows);
  const single = (tenants, table) => ({
    point: () => tenants.forTenant(scope, { readOnly: true }).query(...point(table)),
    list: () => tenants.forTenant(scope, { readOnly: true }).query(...list(table)),
  });
  const whole = (tenants, table) => ({
    point: () => tenants.withTenant(scope, (connection) => connection.query(...point(table)), { readOnly: true }),
    list: () => tenants.withTenant(scope, (connection) => connection.query(...list(table)), { readOnly: true }),
  });
  return [
    {
      label: "where tenant_id = $1, by hand (yardstick)",
      trips: 1,
      point: () => hand(`select ${COLUMNS} from hand where tenant_id = $1 and id = $2`, [TENANT, ids.hand]),
      list: () => hand(`select ${COLUMNS} from hand where tenant_id = $1 ${LIST}`, [TENANT]),
    },
    {
      label: "the same, prepared",
      trips: 1,
      point: () =>
        hand({ name: "point", text: `select ${COLUMNS} from hand where tenant_id = $1 and id = $2` }, [
          TENANT,
          ids.hand,
        ]),
      list: () => hand({ name: "list", text: `select ${COLUMNS} from hand where tenant_id = $1 ${LIST}` }, [TENANT]),
    },
    { label: "forTenant", trips: 1, ...single(held, "held") },
    { label: "forTenant, proved", trips: 1, ...single(proved, "proved") },
    { label: "forTenant, prepare: false", trips: 1, ...single(unprepared, "held") },
    { label: "forTenant, pipelined pool", trips: 1, ...single(pipelined, "held") },
    { label: "withTenant", trips: 2, ...whole(held, "held") },
    { label: "withTenant, prepare: true", trips: 2, ...whole(prepared, "held") },
    { label: "withTenant, proved", trips: 2, ...whole(proved, "proved") },
    {
      label: "begin, set_config, query, commit, by hand",
      trips: 4,
      point: () => transaction(point("held")),
      list: () => transaction(list("held")),
    },
  ];
}

/** A list that reads the rows of all tenants would be fast enough here and nowhere else. */
async function proveIndex({ pool, keys }) {
  const scope = tenantScope({ kind: "service", id: "bench", tenantId: TENANT, roles: [] });
  for (const [table, proof] of [
    ["held", undefined],
    ["proved", keys],
  ]) {
    const tenants = tenantDatabase({ database: pool(), ...(proof !== undefined && { proof }) });
    const plan = await tenants.forTenant(scope).query(`explain select ${COLUMNS} from ${table} ${LIST}`);
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    if (
      !/Index (?:Only )?Scan using \w+_tenant_id_updated_at/u.test(text) ||
      /Seq Scan on (?:held|proved)/u.test(text)
    ) {
      throw new Error(`The list does not use the tenant's index:\n${text}`);
    }
  }
}
