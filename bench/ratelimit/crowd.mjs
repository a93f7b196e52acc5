/** A million clients, then a million strangers who displace them: how much memory, and how long the slowest request waited. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { PerformanceObserver, performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { allowanceOf, memoryRateLimits } from "glacis/network";
import { rounded } from "../harness.mjs";

const CLIENTS = 1_000_000;
const NOW_US = Date.now() * 1000;

const HERE = fileURLToPath(import.meta.url);

/** In a process of its own, so that its memory is nobody else's. */
export async function measureCrowd() {
  const [result] = await once(fork(HERE), "message");
  return result;
}

async function measure() {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const collections = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) collections.push([startTime, startTime + duration]);
  });
  observer.observe({ entryTypes: ["gc"] });

  const allowances = [allowanceOf({ limit: 60, windowSeconds: 60 })];
  collect();
  const before = process.memoryUsage();
  const counters = memoryRateLimits({ maxSubjects: CLIENTS }).open({ name: "crowd", methods: [], allowances });
  const nobody = await slowest({ consume: () => undefined }, 0);
  const arriving = await slowest(counters, 0);
  collect();
  const after = process.memoryUsage();
  const displacing = await slowest(counters, CLIENTS);
  await setImmediate();
  observer.disconnect();
  const megabytes = (name) => Math.round((after[name] - before[name]) / 1e6);
  return {
    "clients remembered": counters.size,
    "heap, MB": megabytes("heapUsed"),
    "heap and typed arrays, MB": megabytes("heapUsed") + megabytes("arrayBuffers"),
    "resident, MB": megabytes("rss"),
    ...describe("the loop alone", nobody, collections),
    ...describe("arriving", arriving, collections),
    ...describe("displacing", displacing, collections),
  };
}

/**
 * Every request that took more than half a millisecond, with its times. `cpu` is what this process worked meanwhile: on a shared machine the wall
 * clock also shows when somebody else had the processor.
 */
async function slowest(counters, from) {
  const slow = [];
  for (let index = from; index < from + CLIENTS; index += 1) {
    const client = `${(index >> 16) + 1}.${(index >> 8) & 255}.${index & 255}.7`;
    const before = process.cpuUsage();
    const start = performance.now();
    counters.consume(client, 1, NOW_US);
    const end = performance.now();
    if (end - start > 0.5) {
      const { user, system } = process.cpuUsage(before);
      slow.push({ start, end, wall: end - start, cpu: (user + system) / 1000 });
    }
    // Lets the observer of collections speak.
    if (index % 10_000 === 0) await setImmediate();
  }
  return slow;
}

function describe(phase, slow, collections) {
  const own = slow.filter(({ start, end }) => !collections.some(([from, to]) => from < end && to > start));
  const longest = (some, clock) => rounded(Math.max(0, ...some.map((request) => request[clock])));
  return {
    [`${phase}: slowest request, ms`]: longest(slow, "wall"),
    [`${phase}: slowest request, ms of CPU`]: longest(slow, "cpu"),
    [`${phase}: slowest without a garbage collection, ms of CPU`]: longest(own, "cpu"),
    [`${phase}: requests over 5 ms of CPU`]: slow.filter(({ cpu }) => cpu > 5).length,
  };
}

if (process.argv[1] === HERE) process.send(await measure());
