/** The scripts that browsers get: those of a folder, and those in a page. What is read here is judged and never run. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Location } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import { pageOf, pageTags } from "./page-tags.ts";

export interface ClientScript {
  readonly text: string;
  /** The place of a character in it. */
  readonly locate: (index: number) => Location;
}

const MOST_FILES = 2000;
const MOST_BYTES = 5_000_000;

/**
 * The scripts below a folder, in order.
 *
 * @throws Error for a folder that cannot be read or holds too much: an unanswered question counts as a no
 */
export function scriptsIn(folder: string): readonly ClientScript[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(?:[cm]?js|jsx|tsx?|html?)$/u.test(file) && !/(?:^|[\\/])node_modules[\\/]/u.test(file))
    .toSorted();
  if (files.length > MOST_FILES) throw new Error(`More than ${MOST_FILES} scripts in the folder.`);
  return files.flatMap((file) => {
    const path = join(folder, file);
    if (statSync(path).size > MOST_BYTES) throw new Error(`A script of more than ${MOST_BYTES} bytes: ${file}.`);
    const text = readFileSync(path, "utf8");
    return [{ text: withoutComments(text), locate: (index) => placeIn(file, text, index) } satisfies ClientScript];
  });
}

function placeIn(file: string, text: string, index: number): Location {
  const before = text.slice(0, index).split("\n");
  return { kind: "source", file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** The scripts within a page that a probe has kept. */
export function scriptsOf(observation: Observation): readonly ClientScript[] {
  const page = pageOf(observation);
  if (page === undefined) return [];
  const at: Location = { kind: "response", url: observation.url, header: undefined };
  return [...pageTags(page)]
    .filter(({ name, text }) => name === "script" && text !== "")
    .map(({ text }) => ({ text: withoutComments(text), locate: () => at }));
}

/** Comments become spaces of the same length; texts stay. */
function withoutComments(code: string): string {
  return code.replaceAll(PIECES, (piece) => (piece.startsWith("//") || piece.startsWith("/*") ? blank(piece) : piece));
}

const PIECES = /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)|"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?|`(?:[^`\\]|\\[^])*`?/gu;

function blank(comment: string): string {
  return comment.replaceAll(/[^\n]/gu, " ");
}
