/**
 * What one outbound request costs over a connection that is kept alive, against plain undici without any vetting: its fetch (the limit, because it
 * answers alike) and its bare request. The server is a process of its own; the rows take turns, round after round; figures are medians.
 */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dangerouslyAllowAddresses, outbound } from "glacis/network";
import { Agent, fetch, request } from "undici";
import { median, printTable, rounded, saveResults } from "./harness.mjs";

const BODIES = [
  { name: "json", title: "1 kB of JSON, one at a time", path: "/json", requests: 1500 },
  { name: "page", title: "200 kB, one at a time", path: "/page", requests: 300 },
];

/** @param options `rounds`, and `only` as the name of a section */
export async function run({ rounds = "11", only } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "glacis-bench-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const subject = ["-subj", "/CN=bench", "-addext", "subjectAltName=DNS:api.example.com"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject], {
    stdio: "ignore",
  });
  const server = fork(new URL("outbound/server.mjs", import.meta.url), [key, cert]);
  try {
    const [port] = await once(server, "message");
    const ca = readFileSync(cert, "utf8");
    const results = {};
    for (const section of BODIES.filter(({ name }) => only === undefined || name === only))
      results[section.name] = await measure(section, port, ca, Number(rounds));
    if (only === undefined)
      saveResults("outbound", { rounds: Number(rounds), unit: "microseconds per request", results });
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
}

async function measure({ title, path, requests }, port, ca, rounds) {
  const url = `https://api.example.com:${port}${path}`;
  const { rows, close } = openRows(port, ca);
  const times = new Map(rows.map(({ label }) => [label, []]));
  for (const { send } of rows) await timeOne(send, url, requests);
  for (let round = 0; round < rounds; round += 1) {
    // Each round starts with another row, so that no row always follows the same one.
    for (let turn = 0; turn < rows.length; turn += 1) {
      const { label, send } = rows[(round + turn) % rows.length];
      times.get(label).push(await timeOne(send, url, requests));
    }
  }
  await close();
  const limit = times.get(rows[0].label);
  const figures = rows.map(({ label }) => ({
    label,
    microseconds: rounded(median(times.get(label))),
    timesTheLimit: rounded(median(times.get(label).map((time, round) => time / limit[round]))),
  }));
  console.log(`\n${title}`);
  printTable([
    ["", "us", "x limit"],
    ...figures.map((row) => [row.label, row.microseconds.toFixed(2), row.timesTheLimit.toFixed(2)]),
  ]);
  return figures;
}

function openRows(port, ca) {
  const agent = new Agent({
    connect: { ca, lookup: (_, { all }, done) => (all ? done(null, [LOCAL]) : done(null, LOCAL.address, 4)) },
  });
  const way = outbound({
    hosts: ["api.example.com"],
    ports: [port],
    ca,
    proxy: "direct",
    resolve: async () => [LOCAL.address],
    [dangerouslyAllowAddresses]: [LOCAL.address],
  });
  const rows = [
    { label: "undici fetch (limit)", send: async (url) => (await fetch(url, { dispatcher: agent })).text() },
    { label: "Glacis outbound", send: async (url) => (await way.fetch(url)).text() },
    {
      label: "undici request, no Response",
      send: async (url) => (await request(url, { dispatcher: agent })).body.text(),
    },
  ];
  return { rows, close: () => Promise.all([way.close(), agent.close()]) };
}

const LOCAL = { address: "127.0.0.1", family: 4 };

async function timeOne(send, url, requests) {
  const start = process.hrtime.bigint();
  for (let index = 0; index < requests; index += 1) await send(url);
  return Number(process.hrtime.bigint() - start) / 1000 / requests;
}
