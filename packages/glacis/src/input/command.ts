/** Programs started without a shell, from a list, with typed arguments (catalog `command-injection`; guide A03; CWE-78, CWE-88). */
import { realpathSync, statSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, normalize } from "node:path";
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import type { Argument } from "./command-argument.ts";
import { CommandError } from "./command-error.ts";
import { runProcess, type CommandResult } from "./command-process.ts";

const META: ControlMeta = {
  id: "command-injection",
  title: "Programs run without a shell, from a list, with typed arguments",
  layer: "input",
  guide: ["A03"],
  owasp2021: ["A03"],
  owasp2025: ["A05"],
  asvs: ["v5.0.0-1.2.5"],
  cwe: ["CWE-78", "CWE-77", "CWE-88"],
};

export const PROGRAM_MISSING: Rule = {
  id: "command-injection/program-missing",
  severity: "error",
  what: "A declared program is not there, or is no executable file.",
  why: "Every request that needs it fails, and whoever can create the file chooses what runs.",
  fix: "Install it in the image, or correct the path.",
};
export const PROGRAM_WRITABLE: Rule = {
  id: "command-injection/program-writable",
  severity: "error",
  what: "Others than its owner may replace a declared program.",
  why: "Whoever can write the file, or the folder that it lies in, runs code with the rights of the application.",
  fix: "Let root own it, and take the write permission from group and others: chmod go-w.",
};

/** A program and its command line: `options`, then `--`, then `operands`. */
export interface ProgramDeclaration {
  /** The absolute path of the executable: nothing is searched in PATH. */
  readonly path: string;
  readonly options?: readonly (string | Argument<string, never>)[];
  readonly operands?: readonly (string | Argument<string, never>)[];
  /** Whether the program knows `--`. Where it does not (ImageMagick, ffmpeg), operands take no text, only files, numbers and choices. */
  readonly endOfOptions?: boolean;
  /** 30 000. */
  readonly timeoutMs?: number;
  /** Both streams together. 10 MiB. */
  readonly maxOutputBytes?: number;
  /** The whole environment. Empty. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where it runs. A new folder that is deleted afterwards. */
  readonly folder?: string;
  /** What counts as success. 0. */
  readonly exitStatuses?: readonly number[];
}

type Places<Declaration extends ProgramDeclaration> = Extract<
  | (Declaration["options"] extends readonly (infer Item)[] ? Item : never)
  | (Declaration["operands"] extends readonly (infer Item)[] ? Item : never),
  Argument<string, never>
>;

/** What `run` takes for a declared program: a value for each of its arguments. */
export type CommandValues<Declaration extends ProgramDeclaration> = {
  readonly [Place in Places<Declaration> as Place["name"]]: Place extends Argument<string, infer Value> ? Value : never;
};

export interface RunOptions {
  /** Written to the program's standard input, which is closed otherwise. */
  readonly input?: string | Uint8Array;
  /** Kills the program and what it has started. */
  readonly signal?: AbortSignal;
}

export interface Programs<Declarations extends Readonly<Record<string, ProgramDeclaration>>> {
  /**
   * Runs a declared program to its end.
   *
   * @throws CommandError when a value is refused or the program fails; the reason of the signal when that aborts
   */
  readonly run: <Name extends keyof Declarations & string>(
    program: Name,
    values: CommandValues<Declarations[Name]>,
    options?: RunOptions,
  ) => Promise<CommandResult>;
  readonly control: Control;
}

export interface ProgramsOptions {
  /** Receives an event for every refused value, such as `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

const DECLARATION_NAMES: readonly string[] = [
  "path",
  "options",
  "operands",
  "endOfOptions",
  "timeoutMs",
  "maxOutputBytes",
  "environment",
  "folder",
  "exitStatuses",
] satisfies readonly (keyof ProgramDeclaration)[];

/** What takes another program as text, or runs one in other clothes: a list of programs that holds one of these lists everything. */
const LAUNCHERS =
  /^(?:(?:ba|da|z|k|mk|c|tc|fi|a)?sh|busybox|toybox|env|xargs|sudo|su|doas|pkexec|runuser|setpriv|systemd-run|chroot|nsenter|nohup|setsid|nice|ionice|chrt|taskset|stdbuf|flock|strace|time|timeout|watch|script|ssh|find|parallel|eval|cmd|powershell|pwsh|wsl)(?:\.exe)?$|\.(?:bat|cmd|ps1|vbs)$/iu;

/**
 * Declares the programs that this application starts. There is no shell anywhere: each argument reaches the program as one argument.
 *
 * @throws TypeError for a relative path, a shell or launcher, an unknown option, or text before which nothing ends the options
 * @example
 * const { run } = programs({
 *   convert: {
 *     path: "/usr/bin/convert",
 *     endOfOptions: false,
 *     operands: [fileArgument("source", { prefix: "png:" }), fileArgument("target", { prefix: "pdf:" })],
 *   },
 * });
 * await run("convert", { source: "/srv/uploads/5f2c", target: "/srv/pdf/5f2c" }, { signal });
 */
export function programs<const Declarations extends Readonly<Record<string, ProgramDeclaration>>>(
  declarations: Declarations,
  options: ProgramsOptions = {},
): Programs<Declarations> {
  rejectUnknownOptions("programs", options, ["report"]);
  const { report = () => undefined } = options;
  const known = new Map(Object.entries(declarations).map(([name, given]) => [name, checkDeclaration(name, given)]));
  return {
    async run(program, values, { input, signal } = {}) {
      const declared = known.get(program);
      if (declared === undefined)
        throw new TypeError(`run() knows no program "${program}". Declared are: ${[...known.keys()].join(", ")}.`);
      let argv: readonly string[];
      try {
        argv = commandLine(program, declared, values);
      } catch (error) {
        if (error instanceof CommandError) report(rejectedEvent(error));
        throw error;
      }
      const { path, timeoutMs = 30_000, maxOutputBytes = 10 * 1024 * 1024, exitStatuses = [0], folder } = declared;
      const environment = { ...declared.environment };
      return runProcess({
        program,
        path,
        argv,
        environment,
        folder,
        timeoutMs,
        maxOutputBytes,
        exitStatuses,
        input,
        signal,
      });
    },
    control: {
      meta: META,
      rules: [PROGRAM_MISSING, PROGRAM_WRITABLE],
      check: (deployment) => [...known].flatMap(([name, { path }]) => assess(name, path, deployment)),
    },
  };
}

function checkDeclaration(name: string, declared: ProgramDeclaration): ProgramDeclaration {
  const owner = `programs({ ${name} })`;
  rejectUnknownOptions(owner, declared, DECLARATION_NAMES);
  rejectNonRecord(owner, "environment", declared.environment);
  const { path, options = [], operands = [], endOfOptions = true, folder } = declared;
  if (typeof path !== "string" || !isAbsolute(path) || normalize(path) !== path || path.includes("\0"))
    throw new TypeError(`${owner} needs path as the absolute path of the executable, such as "/usr/bin/convert".`);
  if (LAUNCHERS.test(basename(path)))
    throw new TypeError(
      `${owner} cannot be ${basename(path)}: it runs whatever its arguments say. Declare the program itself, with its arguments.`,
    );
  if (folder !== undefined && !isAbsolute(folder)) throw new TypeError(`${owner} needs folder as an absolute path.`);
  for (const limit of ["timeoutMs", "maxOutputBytes"] as const) {
    const value = declared[limit] ?? 1;
    if (!(Number.isInteger(value) && value > 0 && value < 2 ** 31))
      throw new TypeError(`${owner} needs ${limit} as a whole number greater than zero.`);
  }
  const places = [...options, ...operands].filter((item) => typeof item !== "string");
  if (new Set(places.map((place) => place.name)).size !== places.length)
    throw new TypeError(`${owner} names an argument twice.`);
  const literals = [...options, ...operands].filter((item) => typeof item === "string");
  if (literals.some((text) => text.includes("\0"))) throw new TypeError(`${owner} has a NUL in an argument.`);
  const loose = operands.find((item) => typeof item !== "string" && item.kind === "text" && item.prefix === "");
  if (!endOfOptions && loose !== undefined)
    throw new TypeError(
      `${owner} takes text where nothing ends the options. Use fileArgument, integerArgument or choiceArgument.`,
    );
  return declared;
}

function commandLine(program: string, declared: ProgramDeclaration, values: object): readonly string[] {
  const { options = [], operands = [], endOfOptions = true } = declared;
  const unused = new Set(Object.keys(values));
  const written = (item: string | Argument<string, never>): string => {
    if (typeof item === "string") return item;
    unused.delete(item.name);
    const value: unknown = Object.hasOwn(values, item.name)
      ? (values as Record<string, unknown>)[item.name]
      : undefined;
    const read = item.read(value);
    if (typeof read === "string")
      throw new CommandError("argument-refused", program, { argument: item.name, fault: read });
    return item.prefix + read.text;
  };
  const line = [
    ...options.map(written),
    ...(endOfOptions && operands.length > 0 ? ["--"] : []),
    ...operands.map(written),
  ];
  const [unknown] = unused;
  if (unknown !== undefined) throw new TypeError(`${program} has no argument "${unknown}".`);
  return line;
}

function rejectedEvent({ fault }: CommandError): AuditEvent {
  return {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "exec.rejected",
    control: META.id,
    reason: "input_invalid",
    ...(fault !== undefined && { detail: fault }),
  };
}

/** The machine that is judged is the one that runs: a laptop has other programs. */
function assess(name: string, path: string, { mode }: Deployment): readonly Finding[] {
  if (mode !== "production") return [];
  const at: Location = { kind: "setting", name: `programs.${name}` };
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch {
    return [finding(PROGRAM_MISSING, at, path)];
  }
  if (!stats.isFile() || (stats.mode & 0o111) === 0) return [finding(PROGRAM_MISSING, at, path)];
  const replaceable = (stats.mode & 0o022) !== 0 || [path, realpathSync(path)].some(liesInTheOpen);
  return replaceable ? [finding(PROGRAM_WRITABLE, at, path)] : [];
}

/** Whether everybody may put another file, or another folder, in its place: what is sticky only its owner removes. */
function liesInTheOpen(path: string): boolean {
  for (let folder = dirname(path), below = path; folder !== below; below = folder, folder = dirname(folder)) {
    const { mode } = statSync(folder);
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) return true;
  }
  return false;
}
