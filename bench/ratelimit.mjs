/**
 * What one rate limit decision costs, against the usual libraries and against the bare operation underneath (the limit): a Map, one script call,
 * one prepared statement. The rows of a section take turns, round after round; figures are medians over the rounds.
 */
import { median, printTable, rounded, saveResults } from "./harness.mjs";
import { measureCrowd } from "./ratelimit/crowd.mjs";
import { memoryRows } from "./ratelimit/memory.mjs";
import { postgresRows } from "./ratelimit/postgres.mjs";
import { redisRows } from "./ratelimit/redis.mjs";

const SECTIONS = [
  { name: "memory", title: "memory, 10 000 clients", open: memoryRows, inFlight: 1, decisions: 200_000 },
  { name: "redis", title: "Redis, 64 in flight", open: redisRows, inFlight: 64, decisions: 6400 },
  { name: "redis-single", title: "Redis, one at a time", open: redisRows, inFlight: 1, decisions: 1000 },
  { name: "postgres", title: "Postgres, one at a time", open: postgresRows, inFlight: 1, decisions: 400 },
  { name: "postgres-many", title: "Postgres, 16 in flight", open: postgresRows, inFlight: 16, decisions: 1600 },
];

/** @param options `rounds`, and `only` as the name of a section or `crowd` */
export async function run({ rounds = "9", only } = {}) {
  const results = {};
  for (const section of SECTIONS.filter(({ name }) => only === undefined || name === only)) {
    results[section.name] = await measure(section, Number(rounds));
  }
  if (only === undefined || only === "crowd") {
    results.crowd = await measureCrowd();
    console.log("\nmemory, a million clients and a million more");
    printTable([["", "value"], ...Object.entries(results.crowd).map(([name, value]) => [name, String(value)])]);
  }
  if (only === undefined)
    saveResults("ratelimit", { rounds: Number(rounds), unit: "microseconds per decision", results });
}

async function measure({ title, open, inFlight, decisions }, rounds) {
  const { rows, close } = await open();
  const times = new Map(rows.map(({ label }) => [label, []]));
  try {
    for (const row of rows) await timeOne(row, inFlight, decisions);
    for (let round = 0; round < rounds; round += 1) {
      // Each round starts with another row, so that no row always follows the same one.
      for (let turn = 0; turn < rows.length; turn += 1) {
        const row = rows[(round + turn) % rows.length];
        times.get(row.label).push(await timeOne(row, inFlight, decisions));
      }
    }
  } finally {
    await close();
  }
  return report(title, rows, times);
}

/** Microseconds of wall time for each decision. */
async function timeOne({ decide, synchronous = false }, inFlight, decisions) {
  const start = process.hrtime.bigint();
  if (synchronous) {
    for (let index = 0; index < decisions; index += 1) decide(index);
  } else {
    let next = 0;
    const work = async () => {
      while (next < decisions) await decide(next++);
    };
    await Promise.all(Array.from({ length: inFlight }, work));
  }
  return Number(process.hrtime.bigint() - start) / 1000 / decisions;
}

function report(title, rows, times) {
  const limit = rows.find(({ isLimit }) => isLimit).label;
  const ratioTo = (label, other) => median(times.get(label).map((time, round) => time / times.get(other)[round]));
  const figures = rows.map(({ label }) => ({
    label,
    microseconds: rounded(median(times.get(label))),
    timesTheLimit: rounded(ratioTo(label, limit)),
  }));
  console.log(`\n${title}`);
  printTable([
    ["", "us", "x limit"],
    ...figures.map(({ label, microseconds, timesTheLimit }) => [
      label,
      microseconds.toFixed(2),
      timesTheLimit.toFixed(2),
    ]),
  ]);
  return figures;
}
