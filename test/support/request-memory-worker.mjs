/**
 * Lets requests come and go through the controls that remember them, sixteen at a time, and says how many bytes each of them has left in V8's old
 * generation. Needs `--expose-gc`.
 */
import { setImmediate as turn } from "node:timers/promises";
import { getHeapSpaceStatistics } from "node:v8";
import { concurrencyLimit, overloadProtection } from "glacis/network";
import { sketchExchange } from "glacis/testing";

const IN_FLIGHT = 16;
const REQUESTS = 40_000;
const OUTCOME = { status: 200, durationMs: 1, aborted: false };
const USER = { kind: "user", id: "user-1", tenantId: "tenant-1", roles: [], authenticatedAtMs: 0, assurance: 1 };
const controls = [overloadProtection(), concurrencyLimit({ perUser: 100 })];
const underWay = [];

function oldBytes() {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space").space_used_size;
}

async function serve(requests) {
  for (let count = 0; count < requests; count += 1) {
    if (underWay.length === IN_FLIGHT) {
      const over = underWay.splice(count % IN_FLIGHT, 1)[0];
      for (const control of controls) control.done(over, OUTCOME);
    }
    const exchange = sketchExchange({ principal: USER });
    for (const control of controls) {
      if (control.decide(exchange).kind !== "allow") throw new Error("A request was refused.");
    }
    underWay.push(exchange);
    if (count % 50 === 0) await turn();
  }
}

await serve(3000);
globalThis.gc();
globalThis.gc();
// A full collection on the way would hide what was left: growth is added up, and what is collected is not taken off.
let left = 0;
for (let part = 0; part < 40; part += 1) {
  const before = oldBytes();
  await serve(REQUESTS / 40);
  left += Math.max(0, oldBytes() - before);
}
process.send(left / REQUESTS);
