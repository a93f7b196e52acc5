/** Why a program did not run, or did not finish. */

const CAUSES = {
  "argument-refused": "A value does not have the form that its argument declares.",
  "not-started": "The program could not be started. Check its path and that it may be executed.",
  "timed-out": "The program ran longer than its limit and was killed. Give it less work, or raise timeoutMs.",
  "output-too-large":
    "The program wrote more than its limit and was killed. Let it write to a file, or raise maxOutputBytes.",
  "exit-status":
    "The program reported a failure. Its exit status and what it wrote to stderr are properties of this error.",
  killed: "The program was ended by a signal that did not come from here.",
} as const;

export type CommandFailure = keyof typeof CAUSES;

/** What a value was refused for. Never the value. */
export type ArgumentFault =
  | "not-text"
  | "too-long"
  | "empty"
  | "control-character"
  | "leading-option-character"
  | "pattern"
  | "number"
  | "choice"
  | "path"
  | "special-character";

export interface CommandErrorDetail {
  readonly argument?: string;
  readonly fault?: ArgumentFault;
  readonly exitStatus?: number | undefined;
  readonly signal?: string | undefined;
  readonly stderr?: string;
  readonly cause?: unknown;
}

/**
 * A program that was refused or failed. The message names the program and the argument, never a value or what the program wrote. A refused
 * value carries the status 422, so that one that is not caught answers the client without detail.
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly reason: CommandFailure;
  readonly program: string;
  readonly argument: string | undefined;
  readonly fault: ArgumentFault | undefined;
  readonly exitStatus: number | undefined;
  readonly signal: string | undefined;
  declare readonly stderr: string;
  readonly status: number | undefined;

  constructor(reason: CommandFailure, program: string, detail: CommandErrorDetail = {}) {
    const { argument, fault, exitStatus, signal, stderr = "", cause } = detail;
    const where = argument === undefined ? "" : `, argument ${argument} (${fault})`;
    const how = exitStatus === undefined ? "" : ` (status ${exitStatus})`;
    super(`${program}${where}: ${CAUSES[reason]}${how}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.program = program;
    this.argument = argument;
    this.fault = fault;
    this.exitStatus = exitStatus;
    this.signal = signal;
    // Programs repeat file names and contents: it stays out of what loggers print of an error.
    Object.defineProperty(this, "stderr", { value: stderr, enumerable: false });
    this.status = reason === "argument-refused" ? 422 : undefined;
  }
}
