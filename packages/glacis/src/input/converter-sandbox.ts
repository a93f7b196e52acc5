/** Converters of documents and media without network, within limits (catalog converter-sandbox; CWE-693; guide A03: the subprocess that converts). */
import { spawnSync } from "node:child_process";
import { basename, isAbsolute } from "node:path";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Argument } from "./command-argument.ts";
import { programs, type ProgramDeclaration } from "./command.ts";

const META: ControlMeta = {
  id: "converter-sandbox",
  title: "Document and media converters run isolated with safe policies",
  layer: "input",
  guide: ["A03"],
  owasp2021: ["A03", "A05", "A06"],
  owasp2025: ["A05", "A02", "A03"],
  asvs: ["v5.0.0-1.2.8", "v5.0.0-15.2.5"],
  cwe: ["CWE-693", "CWE-78", "CWE-94"],
};

export const SANDBOX_UNAVAILABLE: Rule = {
  id: "converter-sandbox/unavailable",
  severity: "error",
  what: "The sandbox of a converter cannot be started here.",
  why: "Every conversion fails, for none runs without its sandbox.",
  fix: "Install util-linux (unshare, prlimit), and let the container or the kernel make user namespaces.",
};
export const SANDBOX_GENEROUS: Rule = {
  id: "converter-sandbox/generous",
  severity: "warning",
  what: "A converter may take more than 2 GiB of memory or five minutes.",
  why: "A handful of documents that are made for it occupy the machine.",
  fix: "Give it what your largest honest document needs.",
};

export interface SandboxOptions {
  /** The largest address space of one process, in MiB. 512. */
  readonly memoryMiB?: number;
  /** How long it may take, and how much processor time each process may use, in seconds. 60. */
  readonly seconds?: number;
  /** The largest file that it may write, in MiB. 100. */
  readonly fileMiB?: number;
  /** Where the tools are. `/usr/bin/unshare` and `/usr/bin/prlimit`. */
  readonly unshare?: string;
  readonly prlimit?: string;
}

type Item<Declaration extends ProgramDeclaration> = Declaration["options"] extends readonly (infer One)[] ? One : never;

/** A declaration for `programs()` whose program runs in its sandbox; its arguments stay the same. */
export type SandboxedProgram<Declaration extends ProgramDeclaration> = Omit<
  Declaration,
  "path" | "options" | "timeoutMs"
> & {
  readonly path: string;
  readonly options: readonly (string | Extract<Item<Declaration>, Argument<string, never>>)[];
  readonly timeoutMs: number;
};

export interface Sandboxed<Declaration extends ProgramDeclaration> {
  readonly program: SandboxedProgram<Declaration>;
  readonly control: Control;
}

/** Options by which converters let documents run programs or read files. */
const DANGEROUS =
  /^-{1,2}(?:shell-escape|enable-write18|no-sandbox|disable-setuid-sandbox|disable-web-security|allow-file-access-from-files|enable-local-file-access|dNOSAFER|dDELAYSAFER)(?:=|$)/iu;

/**
 * Puts a declared program into a sandbox: namespaces of its own for users, processes and network, in which there is no network at all, and limits of
 * memory, time, files and processes. What is not available refuses the job: nothing ever runs outside. It reads what the application's user may read, so
 * give it a copy in a folder of its own, which `programs()` makes.
 *
 * @throws TypeError on an unknown option, a limit that is none, or an option of the converter that undoes the sandbox
 * @example
 * const pdf = sandboxed({ path: "/usr/bin/convert", endOfOptions: false, operands: [fileArgument("source", { prefix: "png:" })] });
 * const { run } = programs({ convert: pdf.program });
 */
export function sandboxed<const Declaration extends ProgramDeclaration>(
  declaration: Declaration,
  options: SandboxOptions = {},
): Sandboxed<Declaration> {
  rejectUnknownOptions("sandboxed", options, ["memoryMiB", "seconds", "fileMiB", "unshare", "prlimit"]);
  const { memoryMiB = 512, seconds = 60, fileMiB = 100 } = options;
  const { unshare = "/usr/bin/unshare", prlimit = "/usr/bin/prlimit" } = options;
  for (const [name, value] of Object.entries({ memoryMiB, seconds, fileMiB }))
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new TypeError(`sandboxed() needs ${name} as a whole number above zero.`);
  for (const path of [unshare, prlimit, declaration.path])
    if (!isAbsolute(path)) throw new TypeError("sandboxed() needs absolute paths: nothing is searched in PATH.");
  const own = declaration.options ?? [];
  const undoing = own.filter((option) => typeof option === "string").find((option) => DANGEROUS.test(option));
  if (undoing !== undefined) throw new TypeError(`sandboxed() takes no ${undoing}: it undoes what the sandbox is for.`);
  const { path: program, maxOutputBytes, environment, folder, exitStatuses, operands, endOfOptions } = declaration;
  const rest = { maxOutputBytes, environment, folder, exitStatuses, operands, endOfOptions };
  // A declaration that could not be run outside cannot be run inside either, and its own file is judged as well.
  const inside = programs({ [basename(program)]: declaration }).control;
  const limits = [
    `--as=${memoryMiB * MEBIBYTE}`,
    `--cpu=${seconds}`,
    `--fsize=${fileMiB * MEBIBYTE}`,
    "--nofile=256",
    "--core=0",
  ];
  const around = [...NAMESPACES, "--", prlimit, ...limits, "--"];
  const outside = { path: unshare, options: [...around, program, ...own], timeoutMs: seconds * 1000 };
  const judged = { name: basename(program), unshare, around, generous: memoryMiB > 2048 || seconds > 300 };
  return {
    program: { ...defined(rest), ...outside } as unknown as SandboxedProgram<Declaration>,
    control: {
      meta: META,
      rules: [SANDBOX_UNAVAILABLE, SANDBOX_GENEROUS, ...inside.rules],
      check: (deployment) => [...assess(judged), ...inside.check(deployment)],
    },
  };
}

/** What is not said must stay unsaid: the defaults are those of `programs`. */
function defined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const MEBIBYTE = 1_048_576;
/**
 * Nothing is shared but the files; what the program starts dies with it. Its `/proc` is its own, for that of the machine shows the environment of
 * every process of the same user.
 */
const NAMESPACES = [
  ..."--user --net --ipc --uts --mount --pid --fork".split(" "),
  "--kill-child=SIGKILL",
  "--mount-proc",
];

interface Judged {
  readonly name: string;
  readonly unshare: string;
  readonly around: readonly string[];
  readonly generous: boolean;
}

/** Starts the sandbox once around a program that does nothing. */
function assess({ name, unshare, around, generous }: Judged): readonly Finding[] {
  const at: Location = { kind: "setting", name: `sandboxed ${name}` };
  const { status } = spawnSync(unshare, [...around, "/bin/true"], { env: {}, stdio: "ignore", timeout: 10_000 });
  return [
    ...(status === 0 ? [] : [finding(SANDBOX_UNAVAILABLE, at)]),
    ...(generous ? [finding(SANDBOX_GENEROUS, at)] : []),
  ];
}
