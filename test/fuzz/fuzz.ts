/**
 * Throws inputs at every parser of the library: `npm run fuzz`, with `-- --runs 5000000` and `-- --seed 42` to repeat a run. A million unless you
 * say otherwise. Fails on a crash, on an error of a class that the parser does not throw on purpose, and on a result that does not hold.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzzAll, type Result } from "./run.ts";
import { TARGETS } from "./targets.ts";

const MOST = 0x7fff_0000;
const { values } = parseArgs({ options: { runs: { type: "string" }, seed: { type: "string" } } });
const runs = wholeNumber("runs", values.runs ?? "1000000");
const seed = wholeNumber("seed", values.seed ?? String(randomInt(MOST)));
const terminal = process.stdout.isTTY && process.env["CI"] === undefined;
const write = (text: string): void => void process.stdout.write(text);

write(`${runs} inputs over ${TARGETS.length} parsers, seed ${seed}\n`);
let done = 0;
const results = await fuzzAll(seed, runs, (result) => {
  done += 1;
  if (!terminal) return write(`${line(result)}\n`);
  write(`\r\u001b[2K[${done}/${TARGETS.length}] ${line(result)}`);
});
if (terminal) write("\r\u001b[2K");
const total = results.reduce((sum, { runs: each }) => sum + each, 0);
const seconds = results.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
const failures = results.filter(({ failure }) => failure !== undefined);
for (const { name, failure } of failures) write(`\n${name}:\n${failure}\n`);
write(
  `${total} inputs in ${seconds.toFixed(0)} s, ${failures.length} of ${results.length} parsers failed; repeat with --seed ${seed}\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;

function line({ name, runs: count, milliseconds, failure }: Result): string {
  return `${name}: ${count} in ${milliseconds.toFixed(0)} ms${failure === undefined ? "" : ", FAILED"}`;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!/^\d{1,10}$/u.test(text) || number > MOST) throw new TypeError(`--${name} is a whole number up to ${MOST}.`);
  return number;
}
