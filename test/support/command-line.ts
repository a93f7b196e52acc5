import { fork, spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const MAIN = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const WORKER = fileURLToPath(new URL("command-worker.mjs", import.meta.url));

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** Where a command runs. */
export interface Place {
  readonly cwd?: string;
  /** The whole environment; without it, the test's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The program in a process of its own, as a shell starts it: for each command once, and wherever it is the process that is tried. */
export function spawnGlacis(args: readonly string[], { cwd, env }: Place = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, ...(env !== undefined && { env }) });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ stdout, stderr, exitCode }));
  });
}

interface Waiting {
  readonly resolve: (ended: Ended) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The program in one process for a whole suite, which spares each command what loading it takes. The process begins with the first command and
 * ends with the suite; a command that ends its process belongs to `spawnGlacis`.
 */
export function commandProcess(): (args: readonly string[], place?: Place) => Promise<Ended> {
  const waiting = new Map<number, Waiting>();
  let child: ChildProcess | undefined;
  let asked = 0;

  function begin(): ChildProcess {
    const begun = fork(WORKER, { execArgv: [] });
    begun.on("message", ({ id, ...ended }: Ended & { readonly id: number }) => {
      waiting.get(id)?.resolve(ended);
      waiting.delete(id);
    });
    begun.on("exit", () => {
      for (const { reject } of waiting.values()) reject(new Error("The command ended its process. Use spawnGlacis()."));
      waiting.clear();
    });
    return begun;
  }

  afterAll(() => child?.disconnect());
  return (args, { cwd = process.cwd(), env = process.env } = {}) => {
    child ??= begin();
    asked += 1;
    child.send({ id: asked, args, cwd, env: { ...env } });
    return new Promise((resolve, reject) => waiting.set(asked, { resolve, reject }));
  };
}
