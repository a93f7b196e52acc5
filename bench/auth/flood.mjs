/**
 * What 200 parallel sign-ins do to a server: how many passwords it checks against what the same process checks without a server, what a page
 * costs meanwhile, and how much memory it takes. Who is sent away comes again within a second, far sooner than Retry-After asks: a flood is not
 * polite, but it does not march in step either.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { median, printTable, rounded } from "../harness.mjs";

const CLIENTS = 200;
const DIRECT_MS = 3000;
const FLOOD_MS = 6000;
const QUIET_MS = 4000;

/** @param options `rounds` */
export async function measureFlood({ rounds = "5" } = {}) {
  const server = fork(new URL("flood-server.mjs", import.meta.url));
  const visitor = fork(new URL("flood-visitor.mjs", import.meta.url));
  const clients = fork(new URL("flood-clients.mjs", import.meta.url));
  const [{ port }] = await once(server, "message");
  const pages = async (ms) => (await ask(visitor, { port, ms })).p99;
  const samples = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    const { perSecond: direct } = await ask(server, { directMs: DIRECT_MS });
    const quietP99 = await pages(QUIET_MS);
    const [flood, floodP99] = await Promise.all([
      ask(clients, { port, clients: CLIENTS, ms: FLOOD_MS }),
      pages(FLOOD_MS),
    ]);
    const { residentMiB } = await ask(server, {});
    samples.push({ direct, ...flood, quietP99, floodP99, residentMiB });
  }
  for (const child of [server, visitor, clients]) child.disconnect();
  return report(samples);
}

async function ask(child, message) {
  child.send(message);
  return (await once(child, "message"))[0];
}

function report(samples) {
  const middle = (figure) => rounded(median(samples.map(figure)));
  const figures = {
    directPerSecond: middle(({ direct }) => direct),
    signInsPerSecond: middle(({ signInsPerSecond }) => signInsPerSecond),
    sentAwayPerSecond: middle(({ sentAwayPerSecond }) => sentAwayPerSecond),
    shareOfDirect: middle(({ signInsPerSecond, direct }) => signInsPerSecond / direct),
    pageP99QuietMs: middle(({ quietP99 }) => quietP99),
    pageP99FloodMs: middle(({ floodP99 }) => floodP99),
    timesQuiet: middle(({ floodP99, quietP99 }) => floodP99 / quietP99),
    mostResidentMiB: rounded(Math.max(...samples.map(({ residentMiB }) => residentMiB))),
  };
  console.log("\n200 parallel sign-ins");
  printTable([["", "value"], ...Object.entries(figures).map(([name, value]) => [name, String(value)])]);
  return figures;
}
