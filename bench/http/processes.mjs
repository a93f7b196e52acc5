/** Child processes of the benchmark: one per server, one for the load. */
import { fork } from "node:child_process";

const script = (name) => new URL(name, import.meta.url);

function message(child, complaints = () => "") {
  return new Promise((resolve, reject) => {
    const failed = (code) => reject(new Error(`A benchmark process ended with code ${code}. ${complaints()}`));
    child.once("exit", failed);
    child.once("message", (value) => {
      child.off("exit", failed);
      resolve(value);
    });
  });
}

/** Starts a row's server. @param limit requests per minute that its limiter allows */
export async function startServer({ framework, stack }, limit) {
  const child = fork(script("server.mjs"), [framework, stack, String(limit)], {
    // V8 collects garbage with threads that wait for one another by spinning. Where the load has the other core, what they burn says nothing of the work.
    execArgv: ["--single-threaded-gc"],
    // Frameworks as in production. The composition is of mode test, because sessions and counters in memory are no production.
    env: { ...process.env, NODE_ENV: "production", GLACIS_ENV: "test" },
    // Proofs are refused on purpose, and refusals are logged.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  const { port } = await message(child, () => complaints);
  return {
    port,
    async cpuMicroseconds() {
      child.send("cpu");
      return (await message(child, () => complaints)).cpuMicroseconds;
    },
    stop: () => child.disconnect(),
  };
}

export function startLoad() {
  const child = fork(script("load.mjs"));
  return {
    /** @returns elapsed milliseconds */
    async run(job) {
      child.send(job);
      const { elapsedMs, error } = await message(child);
      if (error !== undefined) throw new Error(error);
      return elapsedMs;
    },
    stop: () => child.disconnect(),
  };
}
