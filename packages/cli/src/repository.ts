/** Reads a git repository, files and history, for what looks like a secret. Git's own helpers, filters and hooks stay out of it. */
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { scanLine, scanText, type SecretHit } from "glacis/data";
import { CannotCheck } from "./outcome.ts";

const MOST_BYTES = 10_000_000;

/** The tracked files and those that are neither tracked nor ignored, as they are on the disk. */
export async function scanTree(folder: string): Promise<readonly SecretHit[]> {
  const listed: string[] = [];
  await git(folder, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], (line) => listed.push(line));
  const hits: SecretHit[] = [];
  for (const file of new Set(listed.join("\n").split("\0"))) {
    const text = file === "" ? undefined : await readText(join(folder, file));
    if (text !== undefined) hits.push(...scanText(text, file));
  }
  return hits;
}

/** A file that is gone, is no file or holds no text has nothing to say; one that may not be read is an error. */
async function readText(path: string): Promise<string | undefined> {
  const file = await open(path, "r").catch((error: { readonly code?: unknown }) => {
    if (["ENOENT", "ELOOP", "EISDIR", "ENXIO"].includes(String(error.code))) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, MOST_BYTES));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const content = bytes.subarray(0, bytesRead);
    return content.subarray(0, 8000).includes(0) ? undefined : content.toString("utf8");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "EISDIR") return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

const LOG = [
  "log",
  "--all",
  "--full-history",
  "--patch",
  "-m",
  "--unified=0",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  // An attribute that calls a file binary would hide what was in it.
  "--text",
  "--no-renames",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "--format=commit %H%n%w(0,4,4)%B",
];

/** Every line that any commit of any branch, tag or stash has added, and every message. The newest comes first. */
export async function scanHistory(folder: string): Promise<readonly SecretHit[]> {
  const hits: SecretHit[] = [];
  let commit = "";
  let file = "";
  let line = 0;
  /** Lines of the present hunk that are still to come: only there does a plus mean an added line. */
  let added = 0;
  await git(folder, LOG, (text) => {
    if (added > 0) {
      // Removed lines come first, and a note about a missing newline last.
      if (!text.startsWith("+")) return;
      if (!text.includes("\0")) hits.push(...scanLine(text.slice(1), { file, line, commit }));
      added -= 1;
      line += 1;
      return;
    }
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/u.exec(text);
    if (hunk !== null) {
      line = Number(hunk[1]);
      added = Number(hunk[2] ?? "1");
    } else if (/^commit [0-9a-f]{40,64}$/u.test(text)) {
      commit = text.slice("commit ".length, "commit ".length + 12);
      file = "(message)";
      line = 0;
    } else if (text.startsWith("+++ ")) file = text.replace(/^\+\+\+ "?(?:b\/)?/u, "").replace(/"$/u, "");
    // Only a message is indented.
    else if (text.startsWith("    ")) hits.push(...scanLine(text.slice(4), { file, line: 0, commit }));
  });
  return hits;
}

/** Runs git and hands over its output line by line, so that a history of gigabytes needs no memory. */
async function git(folder: string, args: readonly string[], take: (line: string) => void): Promise<void> {
  const quiet = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "diff.external="];
  const environment = { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", GIT_PAGER: "" };
  const child = spawn("git", [...quiet, ...args], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(-1));
    child.once("close", (code) => resolve(code ?? -1));
  });
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) take(line);
  if ((await ended) !== 0)
    throw new CannotCheck(
      "git could not read the repository.",
      "secrets that nobody has looked for count as not found, and are there.",
      "run it inside a git repository with its whole history: a shallow clone has none (fetch-depth: 0).",
    );
}
