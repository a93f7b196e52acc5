/** The slowest of a hundred requests, with auditing on and off: two servers that take turns. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HEADERS = {
  host: "app.example.com",
  accept: "application/json",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-proto": "https",
};

async function startServer(mode, directory) {
  const child = fork(new URL("server.mjs", import.meta.url), [mode, directory], {
    env: { ...process.env, NODE_ENV: "production", GLACIS_ENV: "test" },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ port }] = await once(child, "message");
  return { port, agent: new Agent({ keepAlive: true, maxSockets: 1 }), stop: () => child.disconnect() };
}

function get({ port, agent }) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = request({ host: "127.0.0.1", port, agent, path: "/documents", headers: HEADERS }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`Expected 200, got ${response.statusCode}`));
      response.resume().on("end", () => resolve(performance.now() - start));
    });
    sent.on("error", reject).end();
  });
}

const percentile = (times, share) => times.toSorted((left, right) => left - right)[Math.floor(times.length * share)];

/** @returns for each round, the 99th percentile of both in milliseconds */
export async function requestRounds(rounds, requests) {
  const directory = mkdtempSync(join(tmpdir(), "glacis-bench-audit-"));
  const servers = { off: await startServer("off", directory), on: await startServer("on", directory) };
  const figures = [];
  try {
    for (const server of Object.values(servers)) for (let index = 0; index < 1000; index += 1) await get(server);
    for (let round = 0; round < rounds; round += 1) {
      const times = { off: [], on: [] };
      // Turn by turn, so that whatever else the machine does falls on both.
      for (let index = 0; index < requests; index += 1)
        for (const mode of index % 2 === 0 ? ["off", "on"] : ["on", "off"]) times[mode].push(await get(servers[mode]));
      figures.push({ off: percentile(times.off, 0.99), on: percentile(times.on, 0.99) });
    }
  } finally {
    for (const { stop, agent } of Object.values(servers)) {
      agent.destroy();
      stop();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    rmSync(directory, { recursive: true });
  }
  return figures;
}
