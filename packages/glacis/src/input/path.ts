/** Files inside one folder and nowhere else (catalog `path-traversal`; CWE-22, CWE-59, CWE-367). */
import { constants, existsSync, realpathSync, statSync } from "node:fs";
import { lstat, open, readlink, realpath, type FileHandle } from "node:fs/promises";
import { isAbsolute, join, parse, relative } from "node:path";
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { readPathName, type PathFault } from "./path-name.ts";

const META: ControlMeta = {
  id: "path-traversal",
  title: "File names stay inside a declared folder",
  layer: "input",
  guide: ["A01", "A03"],
  owasp2021: ["A01", "A03"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-5.3.2"],
  cwe: ["CWE-22", "CWE-23", "CWE-36", "CWE-73", "CWE-59"],
};

export const ROOT_HOLDS_CODE: Rule = {
  id: "path-traversal/root-holds-code",
  severity: "error",
  what: "A folder of files for users holds the application itself.",
  why: "A request can then read its source and configuration, or replace what runs next.",
  fix: "Give files a folder of their own, outside the application's.",
};
export const ROOT_WRITABLE: Rule = {
  id: "path-traversal/root-writable",
  severity: "warning",
  what: "Every user of the machine may write into a folder of files.",
  why: "Anybody can plant a file, or a link that leads elsewhere.",
  fix: "Take the right from others: chmod o-w.",
};

/**
 * A name that leads nowhere: refused, absent, or no plain file. It carries the status 404, so that one that is not caught tells the client
 * nothing about what exists. The message never repeats the name.
 */
export class PathError extends Error {
  override readonly name = "PathError";
  readonly reason: PathFault | "link" | "not-a-file" | "unavailable";
  readonly status = 404;

  constructor(reason: PathError["reason"], cause?: unknown) {
    const help =
      reason === "unavailable"
        ? "There is no such file, or it exists already, or it may not be opened: see the cause."
        : "Name files by ids that the application generated, and keep the user's name as data.";
    super(`The file was refused (${reason}). ${help}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

export interface WithinOptions {
  /** Whether names may have steps that start with a dot. No. */
  readonly allowHidden?: boolean;
  /** Receives an event for every name that tries to lead elsewhere, such as `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** The files of one folder. Every method throws `PathError` for a name that does not stay inside. */
export interface Folder {
  /** The absolute path of a name, by the name alone: it says nothing about links on the way. */
  readonly path: (name: string) => string;
  /** Opens a plain file for reading. No link is followed at any step. */
  readonly open: (name: string) => Promise<FileHandle>;
  /** Creates a file that did not exist, readable for its owner alone, and opens it for writing. The folder it lies in must exist. */
  readonly create: (name: string) => Promise<FileHandle>;
  readonly control: Control;
}

/**
 * Confines file names to a folder.
 *
 * @param root an existing folder, by its absolute path; a link in it is resolved once, here
 * @throws TypeError for anything else, and for the root of a file system
 * @example
 * const files = within("/srv/documents");
 * const handle = await files.open(`${tenantId}/${documentId}.pdf`);
 */
export function within(root: string, options: WithinOptions = {}): Folder {
  rejectUnknownOptions("within", options, ["allowHidden", "report"]);
  const { allowHidden = false, report = () => undefined } = options;
  const base = realRoot(root);

  function stepsOf(name: string): readonly string[] {
    const steps = readPathName(name, allowHidden);
    if (typeof steps === "string") throw new PathError(steps);
    return steps;
  }
  function reporting(error: unknown): never {
    if (error instanceof PathError && error.reason !== "unavailable") report(traversalEvent(error));
    throw error;
  }
  async function use(name: string, flags: number): Promise<FileHandle> {
    try {
      return await openBelow(base, stepsOf(name), flags);
    } catch (error) {
      return reporting(error);
    }
  }
  return {
    path(name) {
      try {
        return join(base, ...stepsOf(name));
      } catch (error) {
        return reporting(error);
      }
    },
    open: (name) => use(name, constants.O_RDONLY),
    create: (name) => use(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL),
    control: { meta: META, rules: [ROOT_HOLDS_CODE, ROOT_WRITABLE], check: (deployment) => assess(base, deployment) },
  };
}

function realRoot(root: string): string {
  const usable = typeof root === "string" && isAbsolute(root) && !root.includes("\0");
  if (!usable || !existsSync(root) || !statSync(root).isDirectory())
    throw new TypeError("within() needs the absolute path of a folder that exists. Create it at start.");
  const real = realpathSync(root);
  if (real === parse(real).root)
    throw new TypeError("within() cannot confine anything to the root of the file system.");
  return real;
}

/**
 * Opens the folder first, asks the kernel where it really is, and then opens the file relative to that very folder: whoever exchanges a step for
 * a link in between gains nothing. Where the system has no `/proc`, what was opened is compared with what lies at the path afterwards.
 */
async function openBelow(base: string, steps: readonly string[], flags: number): Promise<FileHandle> {
  const parent = join(base, ...steps.slice(0, -1));
  const last = steps.at(-1) as string;
  const folder = await open(parent, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW).catch(refuseAs);
  try {
    const held = `/proc/self/fd/${folder.fd}`;
    const where = await readlink(held).catch(() => undefined);
    if ((where ?? (await realpath(parent).catch(refuseAs))) !== parent) throw new PathError("link");
    const path = where === undefined ? join(parent, last) : `${held}/${last}`;
    // O_NONBLOCK, so that a pipe in the place of a file does not hold the request.
    const handle = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600).catch(refuseAs);
    try {
      await assertPlain(handle, where === undefined ? join(parent, last) : undefined);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } finally {
    await folder.close();
  }
}

async function assertPlain(handle: FileHandle, path: string | undefined): Promise<void> {
  const opened = await handle.stat();
  if (!opened.isFile()) throw new PathError("not-a-file");
  if (path === undefined) return;
  const [there, real] = await Promise.all([lstat(path), realpath(path)]).catch(refuseAs);
  if (there.dev !== opened.dev || there.ino !== opened.ino || real !== path) throw new PathError("link");
}

/** A step that is a link or no folder; everything else is "not there" to the client. */
function refuseAs(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  throw code === "ELOOP" || code === "ENOTDIR" ? new PathError("link", error) : new PathError("unavailable", error);
}

function traversalEvent({ reason }: PathError): AuditEvent {
  return {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "file.traversal",
    control: META.id,
    reason: "not_found",
    detail: reason,
  };
}

function assess(base: string, { mode }: Deployment): readonly Finding[] {
  if (mode !== "production") return [];
  const at: Location = { kind: "setting", name: "within" };
  const findings: Finding[] = [];
  const toWork = relative(base, process.cwd());
  const aboveWork = toWork === "" || (!toWork.startsWith("..") && !isAbsolute(toWork));
  if (aboveWork || existsSync(join(base, "package.json"))) findings.push(finding(ROOT_HOLDS_CODE, at, base));
  if ((statSync(base).mode & 0o002) !== 0) findings.push(finding(ROOT_WRITABLE, at, base));
  return findings;
}
