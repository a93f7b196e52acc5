/** Somebody who reads pages one after another, in a process of his own: beside 200 clients he would wait for their event loop, not for the server. */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 2;

function read(port, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: "127.0.0.1", path: "/page", agent }, (response) => {
      response.resume().on("end", resolve);
    });
    outgoing.on("error", reject).end();
  });
}

process.on("message", async ({ port, ms }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const start = performance.now();
  const times = [];
  while (performance.now() - start < ms) {
    const began = performance.now();
    await read(port, agent);
    times.push(performance.now() - began);
    await delay(PAUSE_MS);
  }
  agent.destroy();
  const sorted = times.toSorted((left, right) => left - right);
  process.send({ p99: sorted[Math.floor(sorted.length * 0.99)] });
});
process.on("disconnect", () => process.exit());
