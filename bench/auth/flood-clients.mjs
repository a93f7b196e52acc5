/** The flood, in a process of the lowest priority: attackers bring computers of their own, and take no time from those of the server and the visitor. */
import { randomInt } from "node:crypto";
import { constants, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { openSocket } from "./flood-socket.mjs";

const LEAST_WAIT_MS = 250;
const MOST_WAIT_MS = 750;

setPriority(constants.priority.PRIORITY_LOW);

process.on("message", async ({ port, clients, ms }) => {
  const start = performance.now();
  const done = { signedIn: 0, sentAway: 0 };
  const client = async () => {
    const socket = openSocket(port, "/sign-in");
    while (performance.now() - start < ms) {
      const status = await socket.ask();
      if (performance.now() - start >= ms) break;
      if (status === 200) done.signedIn += 1;
      else {
        done.sentAway += 1;
        await delay(randomInt(LEAST_WAIT_MS, MOST_WAIT_MS));
      }
    }
    socket.end();
  };
  await Promise.all(Array.from({ length: clients }, client));
  process.send({ signInsPerSecond: (done.signedIn * 1000) / ms, sentAwayPerSecond: (done.sentAway * 1000) / ms });
});
process.on("disconnect", () => process.exit());
