/**
 * What security costs a request, in CPU time by the server's own accounting. Every row proves first that it does its work; then the rows of a
 * framework take turns, round after round, so that whatever else the machine does falls on all of them alike. Rounds are short and many: what a
 * neighbour does to a machine lasts longer than a round, so that it meets all rows of one, and a median over many forgets it. Added cost is the
 * difference from the bare server in the same round; figures are medians over the rounds. The order of the rows is drawn anew for each round:
 * who runs after a stack that fills the caches pays for it.
 *
 * Every row of a framework serves the same application, and parses JSON on the one route that takes it. The guard makes the checks of Glacis and
 * nothing else. What is no check has a row of its own: a database, a policy or a list of destinations asks to know the request behind every wait,
 * which Node before 24 charges to everything asynchronous. Neither the usual stacks nor the guard offer that.
 *
 * Under Express a figure below zero is no mistake: Glacis lets V8 recognise Express's requests (`adapters/express-shape.ts`), which saves more than
 * the checks cost.
 */
import assert from "node:assert/strict";
import { median, printTable, rounded, saveResults } from "./harness.mjs";
import { loadsFor, serialize } from "./http/application.mjs";
import { startLoad, startServer } from "./http/processes.mjs";
import { prove, signIn } from "./http/proofs.mjs";

const GUARD = "hand-inlined guard (limit)";
const FOLLOWED = "Glacis, each request known behind every wait";
const ROWS = [
  { framework: "node", stack: "bare", server: "node:http", label: "bare" },
  { framework: "node", stack: "guard", server: "node:http", label: GUARD },
  { framework: "express", stack: "bare", server: "Express 5", label: "bare" },
  {
    framework: "express",
    stack: "usual",
    server: "Express 5",
    label: "helmet, cors, express-rate-limit, express-session, csrf-csrf",
  },
  { framework: "express", stack: "glacis", server: "Express 5", label: "Glacis" },
  { framework: "express", stack: "followed", server: "Express 5", label: FOLLOWED },
  { framework: "express", stack: "guard", server: "Express 5", label: GUARD },
  { framework: "fastify", stack: "bare", server: "Fastify 5", label: "bare" },
  {
    framework: "fastify",
    stack: "usual",
    server: "Fastify 5",
    label: "its helmet, cors, rate-limit, session, csrf plugins",
  },
  { framework: "fastify", stack: "glacis", server: "Fastify 5", label: "Glacis" },
  { framework: "fastify", stack: "followed", server: "Fastify 5", label: FOLLOWED },
  { framework: "fastify", stack: "guard", server: "Fastify 5", label: GUARD },
  { framework: "hono", stack: "bare", server: "Hono 4", label: "bare" },
  {
    framework: "hono",
    stack: "usual",
    server: "Hono 4",
    label: "its secure-headers, cors, csrf, hono-rate-limiter, hono-sessions",
  },
  { framework: "hono", stack: "glacis", server: "Hono 4", label: "Glacis" },
  { framework: "hono", stack: "followed", server: "Hono 4", label: FOLLOWED },
  { framework: "hono", stack: "guard", server: "Hono 4", label: GUARD },
];

/** How many times less than the ecosystem's stack, by framework; and how many times the limit. */
const TIMES_LESS = { express: 6, fastify: 4, hono: 10 };
const TIMES_LIMIT = 1.5;

/** Requests per minute that no row reaches while it is measured. */
const MEASURED_LIMIT = 500_000;
const CONNECTIONS = 16;
const WARM_UP = 4;
/** How often every server is started anew: what V8 has compiled in one process, and how, stays so for as long as that process lives. */
const GENERATIONS = 3;
/** Requests before each measurement that do not count: a server that has waited for its turn has shrunk its heap and forgotten its caches. */
const SETTLE = 500;

/**
 * @param only a framework, or several separated by commas
 */
export async function run({ rounds = "45", requests = "500", only } = {}) {
  const wanted = only?.split(",");
  const rows = ROWS.filter(({ framework }) => wanted === undefined || wanted.includes(framework));
  await proveAll(rows);
  const generations = [];
  for (let generation = 1; generation <= GENERATIONS; generation += 1) {
    const measured = [];
    for (const framework of new Set(rows.map((row) => row.framework))) {
      console.log(`servers ${generation} of ${GENERATIONS}: ${framework}`);
      const peers = rows.filter((row) => row.framework === framework);
      measured.push(...(await measureAll(peers, Math.ceil(Number(rounds) / GENERATIONS), Number(requests))));
    }
    generations.push(measured);
  }
  const measured = joined(generations);
  const results = summarize(measured);
  print(results);
  if (wanted === undefined) saveResults("http", { rounds: Number(rounds), requests: Number(requests), rows: results });
}

async function proveAll(rows) {
  const heads = new Map();
  for (const row of rows) {
    const { framework, stack } = row;
    heads.set(`${framework}/${stack}`, await prove(row));
    if (stack === "guard" && heads.has(`${framework}/glacis`)) {
      assert.deepEqual(heads.get(`${framework}/guard`), heads.get(`${framework}/glacis`), "both send the same headers");
    }
  }
  console.log(`${rows.length} rows do the work that they are measured for.`);
}

async function measureAll(rows, rounds, count) {
  const load = startLoad();
  const running = [];
  for (const row of rows) {
    const server = await startServer(row, MEASURED_LIMIT);
    const jobs = Object.entries(loadsFor(await signIn(server.port, row))).map(([name, request]) => ({
      name,
      job: { port: server.port, bytes: serialize(request).toString("base64"), status: request.status },
      samples: [],
    }));
    running.push({ row, server, jobs });
  }
  // Compiled code first: the warm-up takes turns too, because what a server has served last shapes what it is compiled for.
  for (let round = -WARM_UP; round < rounds; round += 1) {
    const turn = round + WARM_UP;
    for (const index of rotated([0, 1, 2], turn)) {
      for (const { server, jobs } of shuffled(running)) {
        const { job, samples } = jobs[index];
        await load.run({ ...job, count: SETTLE, connections: CONNECTIONS });
        const before = await server.cpuMicroseconds();
        const elapsedMs = await load.run({ ...job, count, connections: CONNECTIONS });
        const cpu = ((await server.cpuMicroseconds()) - before) / count;
        if (round >= 0) samples.push({ cpu, rate: (count / elapsedMs) * 1000 });
      }
    }
  }
  load.stop();
  for (const { server } of running) server.stop();
  return running;
}

/** The samples of all generations of a row's servers as those of one. */
function joined([first, ...others]) {
  return first.map(({ row, jobs }, server) => ({
    row,
    jobs: jobs.map(({ name, samples }, job) => ({
      name,
      samples: [...samples, ...others.flatMap((generation) => generation[server].jobs[job].samples)],
    })),
  }));
}

/** Fisher and Yates. */
function shuffled(list) {
  const drawn = [...list];
  for (let last = drawn.length - 1; last > 0; last -= 1) {
    const index = Math.floor(Math.random() * (last + 1));
    [drawn[index], drawn[last]] = [drawn[last], drawn[index]];
  }
  return drawn;
}

const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);

function summarize(measured) {
  const bareOf = ({ framework }, index) =>
    measured.find(({ row }) => row.framework === framework && row.stack === "bare").jobs[index].samples;
  return measured.map(({ row, jobs }) => {
    const loads = jobs.map(({ name, samples }, index) => {
      const bare = bareOf(row, index);
      return [
        name,
        {
          cpuMicroseconds: rounded(median(samples.map(({ cpu }) => cpu))),
          addedMicroseconds: rounded(median(samples.map(({ cpu }, round) => cpu - bare[round].cpu))),
          throughputKept: rounded(median(samples.map(({ rate }, round) => rate / bare[round].rate))),
        },
      ];
    });
    return { ...row, loads: Object.fromEntries(loads) };
  });
}

function print(results) {
  const names = Object.keys(results[0].loads);
  const heading = ["CPU microseconds per request: added (total)", ...names, "throughput kept"];
  const lines = results.map(({ server, label, loads }) => {
    const figures = Object.values(loads);
    const kept = figures.map(({ throughputKept }) => `${Math.round(throughputKept * 100)}%`);
    const cells = figures.map(
      ({ addedMicroseconds, cpuMicroseconds }) => `${addedMicroseconds.toFixed(0)} (${cpuMicroseconds.toFixed(0)})`,
    );
    return [`${server}, ${label}`, ...cells, kept.join(" ")];
  });
  printTable([heading, ...lines]);
  console.log();
  printTable([["Added by Glacis", ...names, "target"], ...comparisons(results)]);
}

/** No ratio says how much less nothing is: where a server got no slower, the table says that. */
const times = (cost, unit) => (cost <= 0 || unit <= 0 ? "one adds nothing" : (cost / unit).toFixed(1));

function comparisons(results) {
  const added = (framework, stack) => {
    const row = results.find((candidate) => candidate.framework === framework && candidate.stack === stack);
    return Object.values(row.loads).map(({ addedMicroseconds }) => addedMicroseconds);
  };
  const frameworks = new Set(results.filter(({ stack }) => stack === "glacis").map(({ framework }) => framework));
  return [...frameworks].flatMap((framework) => {
    const glacis = added(framework, "glacis");
    const limit = added(framework, "guard").map((value, index) => times(glacis[index], value));
    const stack = added(framework, "usual").map((value, index) => times(value, glacis[index]));
    return [
      [`${framework}: times the limit`, ...limit, `at most ${TIMES_LIMIT}`],
      [`${framework}: times less than its stack`, ...stack, `at least ${TIMES_LESS[framework]}`],
    ];
  });
}
