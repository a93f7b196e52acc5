/** Somebody who reads pages one after another, in a process of his own: beside 200 clients he would wait for their event loop, not for the server. */
import { setTimeout as delay } from "node:timers/promises";
import { openSocket } from "./flood-socket.mjs";

const PAUSE_MS = 2;

process.on("message", async ({ port, ms }) => {
  const page = openSocket(port, "/page");
  const start = performance.now();
  const times = [];
  while (performance.now() - start < ms) {
    const began = performance.now();
    await page.ask();
    times.push(performance.now() - began);
    await delay(PAUSE_MS);
  }
  page.end();
  const sorted = times.toSorted((left, right) => left - right);
  process.send({ p99: sorted[Math.floor(sorted.length * 0.99)], pages: sorted.length });
});
process.on("disconnect", () => process.exit());
