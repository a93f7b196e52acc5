/** The package.json of a project and of its workspaces. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CannotCheck } from "../outcome.ts";
import { readText } from "./bounded-file.ts";
import { listOf, own, tableOf, textOf, type Table } from "../parsed-document.ts";
import type { Manifest } from "./lockfile-yarn.ts";
import { parseYaml } from "./yaml.ts";

const MOST_WORKSPACES = 2000;
const DEEPEST = 6;

/** The root's comes first. @throws CannotCheck when there is none, or one is no JSON object */
export function readManifests(root: string): readonly Manifest[] {
  const content = readManifest(root, ".");
  if (content === undefined)
    throw new CannotCheck(
      "there is no package.json here.",
      "it says what the project depends on.",
      "run the command in the project's folder, or name that folder.",
    );
  const folders = workspacePatterns(root, content);
  const included = new Set(
    folders.filter((pattern) => !pattern.startsWith("!")).flatMap((pattern) => expand(root, pattern)),
  );
  for (const pattern of folders)
    if (pattern.startsWith("!")) for (const folder of expand(root, pattern.slice(1))) included.delete(folder);
  const workspaces = [...included].sort().slice(0, MOST_WORKSPACES);
  return [
    { folder: ".", content },
    ...workspaces.flatMap((folder) => {
      const found = readManifest(root, folder);
      return found === undefined ? [] : [{ folder, content: found }];
    }),
  ];
}

function readManifest(root: string, folder: string): Table | undefined {
  const path = join(root, folder, "package.json");
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
  } catch {
    // Answered below, like JSON that is no object.
  }
  throw new CannotCheck(
    `${path} is no JSON object.`,
    "what the project depends on is not known.",
    "correct it: npm pkg fix says where it is broken.",
  );
}

function workspacePatterns(root: string, manifest: Table): readonly string[] {
  const declared = own(manifest, "workspaces");
  const list = Array.isArray(declared) ? declared : own(tableOf(declared), "packages");
  const pnpm = readText(join(root, "pnpm-workspace.yaml"));
  const more = pnpm === undefined ? undefined : tableOf(firstDocument(pnpm))["packages"];
  return [list, more].flatMap(listOf).flatMap((value) => textOf(value) ?? []);
}

function firstDocument(text: string): unknown {
  try {
    return parseYaml(text)[0]?.value;
  } catch (error) {
    throw new CannotCheck(
      `pnpm-workspace.yaml could not be read: ${(error as Error).message}.`,
      "it says which packages belong to the project.",
      "correct it.",
    );
  }
}

/** Folders by a pattern of path segments, in which `*` is any part of a name and `**` any depth. Never leaves the root. */
function expand(root: string, pattern: string): readonly string[] {
  let folders = [""];
  for (const segment of pattern.split("/").filter((part) => part !== "" && part !== ".")) {
    if (segment === "..") return [];
    folders = folders.flatMap((folder) => step(root, folder, segment)).slice(0, MOST_WORKSPACES);
  }
  return folders.filter((folder) => folder !== "");
}

function step(root: string, folder: string, segment: string): readonly string[] {
  if (segment === "**") return [folder, ...below(root, folder, DEEPEST)];
  if (!segment.includes("*")) return [join(folder, segment)];
  const pattern = new RegExp(`^${segment.split(/\*+/u).map(escapeRegex).join("[^/]*")}$`, "u");
  return foldersIn(root, folder).filter((child) => pattern.test(child.slice(child.lastIndexOf("/") + 1)));
}

function below(root: string, folder: string, depth: number): readonly string[] {
  if (depth === 0) return [];
  return foldersIn(root, folder).flatMap((child) => [child, ...below(root, child, depth - 1)]);
}

function foldersIn(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
      .map(({ name }) => (folder === "" ? name : `${folder}/${name}`));
  } catch {
    return [];
  }
}

const escapeRegex = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/gu, "\\$&");
