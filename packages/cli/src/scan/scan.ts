/** The scan of a code base: reads, parses, walks, and says what it could not do. */
import { readFile } from "node:fs/promises";
import { dirname, resolve as resolvePath } from "node:path";
import { createInterpreter } from "./engine/interpreter.ts";
import { listSources } from "./files.ts";
import { collectFindings, type ScanFinding } from "./findings.ts";
import { parseSource, type SourceFile } from "./parse.ts";
import { SCAN_RULES } from "./rules/index.ts";
import { commentsOf, type Comment } from "./waivers.ts";

/** Larger files are generated, and take longer than they are worth. */
const MOST_BYTES = 2_000_000;
const MOST_MS = 600_000;

/** What a scan has found, and what it has not looked at. */
export interface Scanned {
  readonly findings: readonly ScanFinding[];
  readonly comments: readonly Comment[];
  readonly files: number;
  /** Files that do not parse, are too large, or came after the time was up: each with the reason. */
  readonly unread: readonly string[];
}

/**
 * Scans the sources below some paths.
 *
 * @param progress hears how many files are done, of how many
 * @throws CannotCheck when a path is not there
 */
export async function scan(paths: readonly string[], progress?: (done: number, all: number) => void): Promise<Scanned> {
  const started = Date.now();
  const unread: string[] = [];
  const listed = await listSources(paths);
  const files = new Map<string, SourceFile>();
  for (const { path, absolute, bytes } of listed) {
    if (bytes > MOST_BYTES) {
      unread.push(`${path}: larger than ${MOST_BYTES} bytes`);
      continue;
    }
    const parsed = parseSource(path, await readFile(absolute, "utf8"));
    if ("error" in parsed) unread.push(parsed.error);
    else files.set(absolute, parsed);
  }
  const places = new Map([...files].map(([absolute, file]) => [file, absolute]));
  const collector = collectFindings(SCAN_RULES);
  const interpreter = createInterpreter(
    collector.observer,
    (from, specifier) => find(files, places.get(from) ?? "", specifier),
    viewsOf([...files.values()]),
  );
  const walked: SourceFile[] = [];
  let done = 0;
  for (const file of files.values()) {
    if (Date.now() - started > MOST_MS) {
      unread.push(`${file.path}: the time was up`);
      continue;
    }
    attempt(file, unread, () => {
      interpreter.analyse(file);
      walked.push(file);
    });
    done += 1;
    progress?.(done, files.size);
  }
  for (const file of interpreter.importersFirst(walked)) attempt(file, unread, () => interpreter.finish(file));
  // What handlers put into a template is known by now.
  for (const file of walked) attempt(file, unread, () => collector.readText(file));
  return {
    findings: collector.findings,
    comments: [...files.values()].flatMap(commentsOf),
    files: listed.length,
    unread,
  };
}

/** Templates by the end of their path, with and without the ending of the file. */
function viewsOf(files: readonly SourceFile[]): (name: string) => readonly SourceFile[] {
  const views = files.filter(({ markup }) => markup !== undefined);
  return (name) => {
    const asked = `/${name.replace(/^\.?\//u, "")}`;
    return views.filter(({ path }) => [path, path.replace(/\.\w+$/u, "")].some((one) => `/${one}`.endsWith(asked)));
  };
}

/** One file that nests too deeply for the stack is a file that was not read, and no end of the scan. */
function attempt({ path }: SourceFile, unread: string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    unread.push(`${path}: nests too deeply`);
  }
}

/** Scans one text, as if it were a file of its own. */
export function scanText(path: string, text: string): readonly ScanFinding[] {
  const file = parseSource(path, text);
  if ("error" in file) throw new SyntaxError(file.error);
  const collector = collectFindings(SCAN_RULES);
  collector.readText(file);
  const interpreter = createInterpreter(collector.observer, () => undefined);
  interpreter.analyse(file);
  interpreter.finish(file);
  return collector.findings;
}

const ENDINGS = ["", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", "/index.ts", "/index.tsx", "/index.js"];

/** The file that an import means. An extension of JavaScript may stand for a TypeScript file. */
function find(files: ReadonlyMap<string, SourceFile>, from: string, specifier: string): SourceFile | undefined {
  const bases = specifier.startsWith(".")
    ? [resolvePath(dirname(from), specifier)]
    : /^[@~]\//u.test(specifier)
      ? roots(from).map((root) => resolvePath(root, specifier.slice(2)))
      : [];
  for (const base of bases) {
    const bare = base.replace(/\.[cm]?jsx?$/u, "");
    for (const ending of ENDINGS) {
      const file = files.get(base + ending) ?? files.get(bare + ending);
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

function roots(from: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder))
    folders.push(folder, resolvePath(folder, "src"));
  return folders;
}
