/**
 * What it costs to know afterwards: a durable event against a bare append with the same wait for the disk, verifying a log, alarms over events as
 * they pass, redaction of clean lines, and the slowest of a hundred requests with all of it on and off. Rows that are compared take turns; figures are
 * medians over the rounds.
 */
import { alarmEngine, memoryAlarms, readAlarmDefinitions, redactText, SECURITY_ALARMS } from "glacis/audit";
import { bareAppend, durable, verified } from "./audit/log.mjs";
import { recordOf } from "./audit/records.mjs";
import { requestRounds } from "./audit/requests.mjs";
import { median, printTable, rounded, saveResults } from "./harness.mjs";

const EVENTS = 102_400;
const VERIFIED = 1_000_000;

const SECTIONS = {
  log: measureLog,
  verify: measureVerify,
  alarms: measureAlarms,
  redaction: measureRedaction,
  requests: measureRequests,
};

/** @param options `rounds`, and `only` as the name of a section */
export async function run({ rounds = "5", only } = {}) {
  const results = {};
  for (const [name, measure] of Object.entries(SECTIONS)) {
    if (only !== undefined && only !== name) continue;
    Object.assign(results, await measure(Number(rounds)));
  }
  printTable([["", "measured"], ...Object.entries(results).map(([name, value]) => [name, String(value)])]);
  if (only === undefined) saveResults("audit", { rounds: Number(rounds), results });
}

async function measureLog(rounds) {
  const rates = { own: [], bare: [] };
  await durable(EVENTS / 10);
  await bareAppend(EVENTS / 10);
  for (let round = 0; round < rounds; round += 1) {
    rates.own.push(await durable(EVENTS));
    rates.bare.push(await bareAppend(EVENTS));
  }
  return {
    "durable events per second": Math.round(median(rates.own)),
    "bare append, events per second": Math.round(median(rates.bare)),
    "share of the bare append": rounded(median(rates.own.map((rate, round) => rate / rates.bare[round]))),
  };
}

async function measureVerify() {
  return { "seconds to verify 1,000,000 events": rounded(await verified(VERIFIED)) };
}

async function measureAlarms(rounds) {
  const definitions = readAlarmDefinitions(SECURITY_ALARMS);
  const records = Array.from({ length: 10_000 }, (_, index) => recordOf(index));
  const rates = [];
  for (let round = 0; round <= rounds; round += 1) {
    const engine = alarmEngine({ definitions, sink: () => undefined, store: memoryAlarms() });
    const start = performance.now();
    for (let pass = 0; pass < 20; pass += 1) for (const record of records) engine.audit(record);
    rates.push((20 * records.length * 1000) / (performance.now() - start));
  }
  return { [`events per second past ${definitions.filters.length} filters`]: Math.round(median(rates.slice(1))) };
}

/** What a process writes: sentences, events of this library, and what stands before a request in an access log. None has anything to hide. */
const CLEAN = {
  "clean lines": [
    "The request to list documents of the folder was answered after 12 ms from the cache of this process. ".repeat(10),
  ],
  "clean lines of JSON": Array.from({ length: 50 }, (_, index) => JSON.stringify(recordOf(index))),
  "clean lines of an access log": Array.from(
    { length: 50 },
    (_, index) =>
      `198.51.100.${index} - - [27/Nov/2026:05:12:10 +0000] "GET /documents/${index}/edit HTTP/1.1" 200 5124 "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
  ),
};

async function measureRedaction(rounds) {
  const results = {};
  for (const [name, lines] of Object.entries(CLEAN)) {
    const characters = lines.reduce((sum, line) => sum + line.length, 0);
    const passes = Math.ceil(20_000_000 / characters);
    const rates = [];
    for (let round = 0; round <= rounds; round += 1) {
      const start = performance.now();
      for (let pass = 0; pass < passes; pass += 1) for (const line of lines) redactText(line);
      rates.push((passes * characters) / 1000 / (performance.now() - start));
    }
    results[`redaction of ${name}, MB per second`] = Math.round(median(rates.slice(1)));
  }
  return results;
}

async function measureRequests(rounds) {
  const figures = await requestRounds(rounds, 2000);
  return {
    "p99 of a request without auditing, ms": rounded(median(figures.map(({ off }) => off))),
    "p99 of a request with auditing, ms": rounded(median(figures.map(({ on }) => on))),
    "p99 with auditing, times without": rounded(median(figures.map(({ off, on }) => on / off))),
  };
}
