import { MemoryStore } from "express-rate-limit";
import { allowanceOf, memoryRateLimits, rateLimit } from "glacis/network";
import { RateLimiterMemory } from "rate-limiter-flexible";

const CLIENTS = 10_000;
const LIMIT = 1000;
const WINDOW_SECONDS = 600;

/** Addresses in an order of chance, the same for every row. */
function clients() {
  const addresses = Array.from({ length: CLIENTS }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
  return Array.from({ length: 1 << 16 }, () => addresses[Math.floor(Math.random() * CLIENTS)]);
}

/** The least that counts: one Map, one number for each client. */
function bareMap() {
  const { intervalUs, burstUs } = allowanceOf({ limit: LIMIT, windowSeconds: WINDOW_SECONDS });
  const arrivals = new Map();
  return (client, nowUs) => {
    const known = arrivals.get(client);
    const arrival = known === undefined || known < nowUs ? nowUs : known;
    const used = arrival + intervalUs - nowUs;
    if (used > burstUs) return { allowed: false, usedUs: used - intervalUs };
    arrivals.set(client, arrival + intervalUs);
    return { allowed: true, usedUs: used };
  };
}

export function memoryRows() {
  const order = clients();
  const of = (index) => order[index & 0xffff];
  const bare = bareMap();
  const allowances = [allowanceOf({ limit: LIMIT, windowSeconds: WINDOW_SECONDS })];
  const counters = memoryRateLimits().open({ name: "bench", methods: [], allowances });
  const rates = { limit: LIMIT, windowSeconds: WINDOW_SECONDS };
  const control = rateLimit({ name: "bench", rates, by: "client", store: memoryRateLimits() });
  const facts = order.slice(0, 4096).map((client) => ({ client, method: "GET", receivedAtMs: Date.now() }));
  const flexible = new RateLimiterMemory({ points: LIMIT, duration: WINDOW_SECONDS });
  const express = new MemoryStore();
  express.init({ windowMs: WINDOW_SECONDS * 1000 });
  const refused = () => undefined;
  const rows = [
    { label: "bare Map GCRA (limit)", isLimit: true, synchronous: true, decide: (n) => bare(of(n), Date.now() * 1000) },
    { label: "Glacis, store", synchronous: true, decide: (n) => counters.consume(of(n), 1, Date.now() * 1000) },
    {
      label: "Glacis, control with response fields",
      synchronous: true,
      decide: (n) => control.decide(facts[n & 4095]),
    },
    { label: "express-rate-limit, store", decide: (n) => express.increment(of(n)) },
    { label: "rate-limiter-flexible", decide: (n) => flexible.consume(of(n)).catch(refused) },
  ];
  return { rows, close: () => express.shutdown() };
}
