/** A row's server, in a process of its own. Reports the CPU time that this process has used, on request. */
import { pathToFileURL } from "node:url";

const [framework, stack, limit] = process.argv.slice(2);
const { stacks } = await import(pathToFileURL(new URL(`servers/${framework}.mjs`, import.meta.url).pathname).href);
const port = await stacks[stack](Number(limit));

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicroseconds: user + system });
});
process.on("disconnect", () => process.exit());
process.send({ port });
