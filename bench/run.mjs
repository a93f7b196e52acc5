/** `npm run bench -- <name>`: one benchmark by name, such as `http`. Everything that follows the name goes to it. */
import { parseArgs } from "node:util";

const BENCHMARKS = ["audit", "auth", "authorization", "center", "data", "http", "outbound", "ratelimit", "tenancy"];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    requests: { type: "string" },
    only: { type: "string" },
  },
});
const [name] = positionals;
if (name === undefined || !BENCHMARKS.includes(name)) {
  console.error(`Which benchmark? ${BENCHMARKS.join(", ")}, such as: npm run bench -- http`);
  process.exit(2);
}
const { run } = await import(`./${name}.mjs`);
await run(values);
