/**
 * What it costs to know who is asking: the Cookie header in, the user out. The limit is the bare read underneath. Rows of a section take turns, round
 * after round; time is wall time, and CPU is what this process spent.
 */
import { median, printTable, rounded } from "../harness.mjs";
import { postgresRows } from "./session-postgres.mjs";
import { redisRows } from "./session-redis.mjs";

const SECTIONS = [
  { name: "session-redis", title: "session lookup, Redis, one at a time", open: redisRows, inFlight: 1, lookups: 1000 },
  {
    name: "session-redis-many",
    title: "session lookup, Redis, 64 in flight",
    open: redisRows,
    inFlight: 64,
    lookups: 6400,
  },
  {
    name: "session-postgres",
    title: "session lookup, Postgres, one at a time",
    open: postgresRows,
    inFlight: 1,
    lookups: 400,
  },
  {
    name: "session-postgres-many",
    title: "session lookup, Postgres, 10 in flight",
    open: postgresRows,
    inFlight: 10,
    lookups: 1000,
  },
];

/** @param options `rounds`, and `only` as the name of a section */
export async function measureSessions({ rounds = "9", only } = {}) {
  const results = {};
  for (const section of SECTIONS.filter(({ name }) => only === undefined || name === only)) {
    results[section.name] = await measure(section, Number(rounds));
  }
  return results;
}

async function measure({ title, open, inFlight, lookups }, rounds) {
  const { rows, close } = await open();
  const samples = new Map(rows.map(({ label }) => [label, []]));
  try {
    for (const row of rows) await timeOne(row, inFlight, lookups);
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < rows.length; turn += 1) {
        const row = rows[(round + turn) % rows.length];
        samples.get(row.label).push(await timeOne(row, inFlight, lookups));
      }
    }
  } finally {
    await close();
  }
  return report(title, rows, samples);
}

/** Microseconds of wall time and of CPU for each lookup. */
async function timeOne({ look }, inFlight, lookups) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  let next = 0;
  const work = async () => {
    while (next < lookups) {
      await look(next++);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const wall = Number(process.hrtime.bigint() - start) / 1000 / lookups;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / lookups };
}

function report(title, rows, samples) {
  const limit = rows.find(({ isLimit }) => isLimit).label;
  const ours = rows.find(({ isOurs }) => isOurs).label;
  const ratio = (label, other, figure) =>
    rounded(median(samples.get(label).map((sample, round) => sample[figure] / samples.get(other)[round][figure])));
  const figures = rows.map(({ label }) => ({
    label,
    wallMicroseconds: rounded(median(samples.get(label).map(({ wall }) => wall))),
    cpuMicroseconds: rounded(median(samples.get(label).map(({ cpu }) => cpu))),
    timesTheLimit: ratio(label, limit, "wall"),
    cpuTimesOurs: ratio(label, ours, "cpu"),
    cpuTimesTheLimit: ratio(label, limit, "cpu"),
  }));
  console.log(`\n${title}`);
  printTable([
    ["", "us", "x limit", "CPU us", "CPU x ours", "CPU x limit"],
    ...figures.map((row) => [
      row.label,
      row.wallMicroseconds.toFixed(1),
      row.timesTheLimit.toFixed(2),
      row.cpuMicroseconds.toFixed(1),
      row.cpuTimesOurs.toFixed(2),
      row.cpuTimesTheLimit.toFixed(2),
    ]),
  ]);
  const peer = figures.find(({ label }) => label !== limit && label !== ours);
  // One at a time the round trip's system calls are most of it; several in flight share them, which is how ours comes below the limit.
  console.log(
    `${peer.label} spends ${peer.cpuTimesOurs.toFixed(1)} times our CPU; a lookup that asks alone cannot do better than ${peer.cpuTimesTheLimit.toFixed(1)}, the bare read.`,
  );
  return figures;
}
