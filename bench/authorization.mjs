/**
 * What one authorization decision costs: twenty statements with roles, ownership and tenant, against the usual libraries and against the same
 * policy written by hand (the limit). Every row answers every question as the limit does. Each measurement is a process of its own, so that no
 * library warms or spoils another's code; rows take turns, and figures are medians.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PEERS } from "./authorization/peers.mjs";
import { median, printTable, rounded, saveResults } from "./harness.mjs";

const MEASURE = fileURLToPath(new URL("authorization/measure.mjs", import.meta.url));
const runProcess = promisify(execFile);

/** @param options `rounds`, and `only` as the beginning of a label beside the limit and Glacis */
export async function run({ rounds = "5", only } = {}) {
  const peers = PEERS.filter(({ label }, index) => only === undefined || index < 2 || label.startsWith(only));
  const times = new Map(peers.map(({ label }) => [label, []]));
  for (let round = 0; round < Number(rounds); round += 1) {
    // Each round starts with another row, so that no row always follows the same one.
    for (let turn = 0; turn < peers.length; turn += 1) {
      const { label } = peers[(round + turn) % peers.length];
      const { stdout } = await runProcess(process.execPath, [MEASURE, label]);
      times.get(label).push(JSON.parse(stdout));
    }
  }
  const results = report(peers, times);
  if (only !== undefined) return;
  saveResults("authorization", {
    rounds: Number(rounds),
    unit: "microseconds of processor time per decision",
    results,
  });
}

function report(peers, times) {
  const [limit, ours] = peers.map(({ label }) => label);
  const ratio = (label, other) =>
    rounded(median(times.get(label).map((time, round) => time / times.get(other)[round])));
  const figures = peers.map(({ label }) => ({
    label,
    microseconds: Number(median(times.get(label)).toFixed(4)),
    timesTheLimit: ratio(label, limit),
    timesGlacis: ratio(label, ours),
  }));
  console.log("\none decision, 20 statements");
  const rows = figures.map(({ label, microseconds, timesTheLimit, timesGlacis }) => [
    label,
    microseconds.toFixed(4),
    timesTheLimit.toFixed(2),
    timesGlacis.toFixed(2),
  ]);
  printTable([["", "us", "x limit", "x Glacis"], ...rows]);
  return figures;
}
