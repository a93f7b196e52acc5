import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Whether a path is ignored, or named as an exception; undefined where nothing is said about it. */
export type Ignored = (path: string, isFolder: boolean) => boolean | undefined;

/** The rules of a folder's `.gitignore`, as gitignore(5) reads them. A folder without one has none. */
export async function ignoreRules(folder: string, text?: string): Promise<Ignored> {
  const content = text ?? (await readFile(join(folder, ".gitignore"), "utf8").catch(() => ""));
  const rules = content.split(/\r?\n/u).flatMap(toRule);
  return (path, isFolder) => {
    const name = relative(folder, path).split(sep).join("/");
    let ignored: boolean | undefined;
    for (const { pattern, negated, foldersOnly } of rules) {
      if ((!foldersOnly || isFolder) && pattern.test(name)) ignored = !negated;
    }
    return ignored;
  };
}

interface IgnoreRule {
  readonly pattern: RegExp;
  readonly negated: boolean;
  readonly foldersOnly: boolean;
}

function toRule(line: string): readonly IgnoreRule[] {
  const text = line.replace(/(?<!\\)\s+$/u, "");
  if (text === "" || text.startsWith("#") || text.length > 1000) return [];
  const negated = text.startsWith("!");
  const foldersOnly = text.endsWith("/");
  const glob = text.slice(negated ? 1 : 0, foldersOnly ? -1 : undefined);
  const anchored = glob.includes("/");
  const source = toPattern(glob.replace(/^\//u, ""));
  return [{ pattern: new RegExp(`^${anchored ? "" : "(?:.*/)?"}${source}$`, "u"), negated, foldersOnly }];
}

function toPattern(glob: string): string {
  return glob.replaceAll(/\*\*\/|\/\*\*|\*+|\?|\\?[\s\S]/gu, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "/**") return "/.*";
    if (part.startsWith("*")) return "[^/]*";
    if (part === "?") return "[^/]";
    return part.replace(/^\\(?=.)/u, "").replaceAll(/[.+^${}()|[\]\\/-]/gu, String.raw`\$&`);
  });
}
