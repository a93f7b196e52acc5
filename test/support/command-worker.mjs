/**
 * Answers command lines of the built program one after the other. Loading it is most of what a short command costs, and happens here once;
 * between two commands nothing is kept but the program itself: folder, environment, output and the modules of the project are each one's own.
 */
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { run } from "../../packages/cli/dist/program.js";

const { cache } = createRequire(import.meta.url);
let last = Promise.resolve();

process.on("message", (message) => {
  last = last.then(() => answer(message));
});
process.on("disconnect", () => process.exit());

async function answer({ id, args, cwd, env }) {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  const written = { stdout: "", stderr: "" };
  for (const name of Object.keys(written)) {
    process[name].write = (text, ...rest) => {
      written[name] += text;
      rest.findLast((one) => typeof one === "function")?.();
      return true;
    };
  }
  const exitCode = await run(args);
  for (const name of Object.keys(written)) delete process[name].write;
  for (const path of Object.keys(cache)) if (path.startsWith(realpathSync(cwd))) delete cache[path];
  process.send({ id, ...written, exitCode });
}
