/** Which files are read: those of the given paths, without what others have written or built. */
import { lstat, readdir, readFile, realpath } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { CannotCheck } from "../outcome.ts";
import { ignoreRules, type Ignored } from "./gitignore.ts";

const SKIPPED = new Set([
  "node_modules",
  "dist",
  ".git",
  "build",
  "coverage",
  ".next",
  ".nuxt",
  ".output",
  ".svelte-kit",
  "vendor",
  "bower_components",
]);
const SOURCES = /\.(?:[cm]?[jt]sx?|vue|svelte|astro|html?|ejs|eta|hbs|handlebars|mustache|njk|nunjucks|pug|jade)$/u;
/** Types alone, what a tool has written, and tests: in those the untrusted text is their own. */
const NOT_SOURCES = /\.d\.[cm]?ts$|\.min\.[cm]?js$|\.(?:test|spec)\.[cm]?[jt]sx?$/u;
const MOST_FILES = 50_000;

export interface Listed {
  /** Relative to the working directory. */
  readonly path: string;
  readonly absolute: string;
  readonly bytes: number;
}

/**
 * Lists the sources below some paths, in a fixed order. Links are not followed; a file that is named itself is read whatever it is called.
 *
 * @throws CannotCheck when a path is not there
 */
export async function listSources(paths: readonly string[]): Promise<readonly Listed[]> {
  const listed = new Map<string, Listed>();
  for (const path of paths) {
    const absolute = resolve(path);
    const found = await lstat(absolute).catch(() => undefined);
    if (found === undefined) throw missing(path);
    const add = (file: string, bytes: number): void => {
      listed.set(file, { path: shown(file), absolute: file, bytes });
      if (listed.size > MOST_FILES) throw tooMany();
    };
    if (found.isFile()) add(absolute, found.size);
    else {
      const folder = found.isSymbolicLink() ? await realpath(absolute) : absolute;
      await walk(folder, [await ignoreRules(folder)], add);
    }
  }
  return [...listed.values()].toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

async function walk(
  folder: string,
  ignored: readonly Ignored[],
  add: (file: string, bytes: number) => void,
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (SKIPPED.has(entry.name) || isIgnored(ignored, path, true)) continue;
      const own = await readFile(join(path, ".gitignore"), "utf8").catch(() => undefined);
      await walk(path, own === undefined ? ignored : [...ignored, await ignoreRules(path, own)], add);
    } else if (
      entry.isFile() &&
      SOURCES.test(entry.name) &&
      !NOT_SOURCES.test(entry.name) &&
      !isIgnored(ignored, path, false)
    ) {
      add(path, (await lstat(path)).size);
    }
  }
}

function isIgnored(rules: readonly Ignored[], path: string, isFolder: boolean): boolean {
  let ignored = false;
  for (const rule of rules) ignored = rule(path, isFolder) ?? ignored;
  return ignored;
}

function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return (path === "" || path.startsWith("..") ? file : path).split(sep).join("/");
}

function missing(path: string): CannotCheck {
  return new CannotCheck(
    `there is no ${path} here.`,
    "what was not read was not looked at, and may hold anything.",
    "name files and folders that exist, or none for the working directory.",
  );
}

function tooMany(): CannotCheck {
  return new CannotCheck(
    `there are more than ${MOST_FILES} sources.`,
    "a scan of them would not end in useful time.",
    "name the folders that are yours, or list the rest in .gitignore.",
  );
}
