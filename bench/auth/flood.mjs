/**
 * What 200 parallel sign-ins do to a server: how many passwords it checks against what the same process checks without a server, what a page
 * costs meanwhile, and how much memory it takes. Who is sent away comes again after half a second.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { median, printTable, rounded } from "../harness.mjs";

const CLIENTS = 200;
const DIRECT_MS = 3000;
const FLOOD_MS = 4000;
const QUIET_MS = 1500;

/** @param options `rounds` */
export async function measureFlood({ rounds = "5" } = {}) {
  const child = fork(new URL("flood-server.mjs", import.meta.url));
  const [{ port }] = await once(child, "message");
  const ask = async (message) => {
    child.send(message);
    return (await once(child, "message"))[0];
  };
  const samples = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const { perSecond: direct } = await ask({ directMs: DIRECT_MS });
    const quietP99 = await pages(port, QUIET_MS);
    const [signIns, floodP99] = await Promise.all([flood(port, FLOOD_MS), pages(port, FLOOD_MS)]);
    const { residentMiB } = await ask({});
    samples.push({ direct, signIns, quietP99, floodP99, residentMiB });
  }
  child.disconnect();
  return report(samples);
}

function send(port, agent, path) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: "127.0.0.1", path, agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    outgoing.on("error", reject).end();
  });
}

async function flood(port, ms) {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const start = performance.now();
  let done = 0;
  const client = async () => {
    while (performance.now() - start < ms) {
      if ((await send(port, agent, "/sign-in")) !== 200) await delay(500);
      else if (performance.now() - start < ms) done += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  return (done * 1000) / ms;
}

/** The 99th percentile of a small page, in milliseconds. */
async function pages(port, ms) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const start = performance.now();
  const times = [];
  while (performance.now() - start < ms) {
    const began = performance.now();
    await send(port, agent, "/page");
    times.push(performance.now() - began);
    await delay(2);
  }
  agent.destroy();
  return times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)];
}

function report(samples) {
  const middle = (figure) => rounded(median(samples.map(figure)));
  const figures = {
    directPerSecond: middle(({ direct }) => direct),
    signInsPerSecond: middle(({ signIns }) => signIns),
    shareOfDirect: middle(({ signIns, direct }) => signIns / direct),
    pageP99QuietMs: middle(({ quietP99 }) => quietP99),
    pageP99FloodMs: middle(({ floodP99 }) => floodP99),
    timesQuiet: middle(({ floodP99, quietP99 }) => floodP99 / quietP99),
    mostResidentMiB: rounded(Math.max(...samples.map(({ residentMiB }) => residentMiB))),
  };
  console.log("\n200 parallel sign-ins");
  printTable([["", "value"], ...Object.entries(figures).map(([name, value]) => [name, String(value)])]);
  return figures;
}
