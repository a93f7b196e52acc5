/**
 * What it costs to seal, open and index one field, against Node's own AES-256-GCM and HMAC (the limit) and against other libraries; and to render a page
 * of fifty rows; and to receive a file of 100 MB. The rows take turns, round after round; figures are medians over the rounds, in processor time of this
 * process, and for the file in seconds. What another library takes in times the limit is the floor: nothing that calls Node's cipher once for each
 * value can be faster than it by more than that.
 */
import { peerRows } from "./data/field-peers.mjs";
import { fieldRows, fieldValues } from "./data/field.mjs";
import { htmlRows } from "./data/html.mjs";
import { measureUpload } from "./data/upload.mjs";
import { median, printTable, rounded, saveResults } from "./harness.mjs";

const SIZES = [32, 1024];
const OPERATIONS = 20_000;

/** @param options `rounds` */
export async function run({ rounds = "9" } = {}) {
  const results = {};
  for (const bytes of SIZES) {
    const values = fieldValues(bytes);
    const rows = [...fieldRows(values), ...(await peerRows(values))];
    results[`field-${bytes}`] = await measure(`fields of ${bytes} bytes`, rows, Number(rounds));
  }
  results.html = await measure("a page of fifty rows", htmlRows(), Number(rounds));
  saveResults("data", { rounds: Number(rounds), unit: "microseconds of processor time per operation", results });
  await measureUpload(Number(rounds));
}

async function measure(title, rows, rounds) {
  const times = new Map(rows.map(({ label }) => [label, []]));
  for (const row of rows) await timeOne(row);
  for (let round = 0; round < rounds; round += 1) {
    // Each round starts with another row, so that no row always follows the same one.
    for (let turn = 0; turn < rows.length; turn += 1) {
      const row = rows[(round + turn) % rows.length];
      times.get(row.label).push(await timeOne(row));
    }
  }
  return report(title, rows, times);
}

async function timeOne({ run: operation, isAsync = false, operations = OPERATIONS }) {
  const start = process.cpuUsage();
  if (isAsync) for (let index = 0; index < operations; index += 1) await operation();
  else for (let index = 0; index < operations; index += 1) operation();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / operations;
}

function report(title, rows, times) {
  const figures = rows.map(({ group, label }) => {
    const limit = times.get(rows.find((row) => row.group === group && row.isLimit).label);
    const ours = times.get(rows.find((row) => row.group === group && row.label.includes("Glacis")).label);
    const against = (others) => rounded(median(times.get(label).map((time, round) => time / others[round])));
    return {
      label,
      microseconds: rounded(median(times.get(label))),
      timesTheLimit: against(limit),
      timesGlacis: against(ours),
    };
  });
  console.log(`\n${title}`);
  printTable([
    ["", "us", "x limit", "x Glacis"],
    ...figures.map(({ label, microseconds, timesTheLimit, timesGlacis }) => [
      label,
      microseconds.toFixed(2),
      timesTheLimit.toFixed(2),
      timesGlacis.toFixed(2),
    ]),
  ]);
  return figures;
}
