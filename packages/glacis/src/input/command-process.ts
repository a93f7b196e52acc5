/** One child process within limits, and its whole group ended with it. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError, type CommandFailure } from "./command-error.ts";

export interface ProcessPlan {
  readonly program: string;
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string | undefined;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly exitStatuses: readonly number[];
  readonly input: string | Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface CommandResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitStatus: number;
}

/** Where processes have groups, killing the group reaches what the program has started itself. */
const GROUPS = process.platform !== "win32";

/** Runs in a folder of its own that is gone afterwards, unless the declaration names one. */
export async function runProcess(plan: ProcessPlan): Promise<CommandResult> {
  plan.signal?.throwIfAborted();
  if (plan.folder !== undefined) return execute(plan, plan.folder);
  const folder = await mkdtemp(join(tmpdir(), "glacis-run-"));
  try {
    return await execute(plan, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function execute(plan: ProcessPlan, cwd: string): Promise<CommandResult> {
  const { program, path, argv, environment, timeoutMs, maxOutputBytes, input, signal } = plan;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stdin = input === undefined ? "ignore" : "pipe";
    const child = spawn(path, argv, {
      cwd,
      env: environment,
      shell: false,
      detached: GROUPS,
      windowsHide: true,
      stdio: [stdin, "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let stopped: { readonly error: unknown } | undefined;
    const stop = (error: unknown): void => {
      stopped ??= { error };
      killGroup(child);
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const collect = (list: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxOutputBytes) stop(new CommandError("output-too-large", program));
      else list.push(chunk);
    };
    const timer = setTimeout(() => stop(new CommandError("timed-out", program)), timeoutMs);
    const abort = (): void => stop(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    child.stdout?.on("data", collect(out)).on("error", () => undefined);
    child.stderr?.on("data", collect(err)).on("error", () => undefined);
    // A program may well end without reading what it is given.
    child.stdin?.on("error", () => undefined).end(input);
    child.on("error", (cause) => (stopped ??= { error: new CommandError("not-started", program, { cause }) }));
    // What the program left running in its group has no business without it, and may hold its streams open.
    child.on("exit", () => killGroup(child));
    child.on("close", (code, signalName) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (stopped !== undefined) return reject(stopped.error);
      const stderr = Buffer.concat(err).toString();
      if (code !== null && plan.exitStatuses.includes(code))
        return resolve({ stdout: Buffer.concat(out), stderr, exitStatus: code });
      const reason: CommandFailure = code === null ? "killed" : "exit-status";
      const detail = { exitStatus: code ?? undefined, signal: signalName ?? undefined, stderr };
      return reject(new CommandError(reason, program, detail));
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (GROUPS) process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // Already gone.
  }
}
