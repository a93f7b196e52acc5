/** What the benchmarks share: medians, tables, and results that say on what they were measured. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

export function median(values) {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const rounded = (value) => Math.round(value * 100) / 100;

/** @param rows lists of text, the heading first; every column but the first is right-aligned */
export function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    console.log(cells.join("  "));
    if (index === 0) console.log(widths.map((width) => "-".repeat(width)).join("  "));
  }
}

/** Writes `results/<name>.json`. */
export function saveResults(name, results) {
  const folder = new URL("results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const [processor] = cpus();
  const machine = { node: process.version, processor: processor?.model ?? "unknown", cores: cpus().length };
  const document = { measured: new Date().toISOString().slice(0, 10), machine, ...results };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(document, undefined, 2)}\n`);
}
