/**
 * What 200 parallel sign-ins do to a server: how many passwords it checks against what the same process checks without a server, what a page
 * costs meanwhile, and how much memory it takes. Who is sent away comes again within a second, far sooner than Retry-After asks: a flood is not
 * polite, but it does not march in step either.
 */
import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { median, printTable, rounded } from "../harness.mjs";

const CLIENTS = 200;
const DIRECT_MS = 3000;
const FLOOD_MS = 4000;
const QUIET_MS = 4000;
const LEAST_WAIT_MS = 250;
const MOST_WAIT_MS = 750;

/** @param options `rounds` */
export async function measureFlood({ rounds = "5" } = {}) {
  const server = fork(new URL("flood-server.mjs", import.meta.url));
  const visitor = fork(new URL("flood-visitor.mjs", import.meta.url));
  const [{ port }] = await once(server, "message");
  const pages = async (ms) => (await ask(visitor, { port, ms })).p99;
  const samples = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const { perSecond: direct } = await ask(server, { directMs: DIRECT_MS });
    const quietP99 = await pages(QUIET_MS);
    const [signIns, floodP99] = await Promise.all([flood(port, FLOOD_MS), pages(FLOOD_MS)]);
    const { residentMiB } = await ask(server, {});
    samples.push({ direct, signIns, quietP99, floodP99, residentMiB });
  }
  server.disconnect();
  visitor.disconnect();
  return report(samples);
}

async function ask(child, message) {
  child.send(message);
  return (await once(child, "message"))[0];
}

function signIn(port, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: "127.0.0.1", path: "/sign-in", agent }, (response) => {
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
      if ((await signIn(port, agent)) !== 200) await delay(randomInt(LEAST_WAIT_MS, MOST_WAIT_MS));
      else if (performance.now() - start < ms) done += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  return (done * 1000) / ms;
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
