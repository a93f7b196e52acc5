/** pnpm-lock.yaml, versions 6 and 9. */
import {
  boundPackages,
  DEPENDENCY_FIELDS,
  originOf,
  splitSpecifier,
  unreadable,
  type Dependency,
  type DependencyKind,
  type LockedPackage,
  type LockedProject,
  type Lockfile,
} from "./lockfile.ts";
import { own, tableOf, textEntries, textOf, type Table } from "../parsed-document.ts";
import { parseYaml } from "./yaml.ts";

/** @throws CannotCheck when it is no lockfile of version 6 or 9. */
export function parsePnpmLockfile(text: string, file: string): Lockfile {
  const documents = parseAll(text, file);
  const packages = new Map<string, LockedPackage>();
  const projects: LockedProject[] = [];
  const asked = new Map<string, ReadonlyMap<string, string>>();
  for (const document of documents) {
    const described = tableOf(document["packages"]);
    // Version 6 keeps what a package is and what it needs in one entry, version 9 in two.
    const snapshots = document["snapshots"] === undefined ? described : tableOf(document["snapshots"]);
    boundPackages(file, packages.size + Object.keys(snapshots).length);
    const keys = new Map(Object.keys(snapshots).map((key) => [plain(key), key]));
    for (const [key, snapshot] of Object.entries(snapshots))
      packages.set(key, packageOf(key, tableOf(snapshot), described, keys));
    for (const [folder, importer] of Object.entries(importersOf(document))) {
      const { dependencies, ranges } = projectDependencies(tableOf(importer), folder, keys);
      projects.push({ folder, name: undefined, version: undefined, dependencies });
      asked.set(folder, ranges);
    }
  }
  projects.sort((left, right) => Number(right.folder === ".") - Number(left.folder === "."));
  return { file, manager: "pnpm", projects, packages, asked };
}

function parseAll(text: string, file: string): readonly Table[] {
  let documents: readonly Table[];
  try {
    documents = parseYaml(text).map(({ value }) => tableOf(value));
  } catch (error) {
    throw unreadable(file, (error as Error).message);
  }
  const versions = documents.map((document) => String(document["lockfileVersion"]));
  const other = versions.find((version) => !/^[69](?:\.|$)/u.test(version));
  if (documents.length === 0 || other !== undefined)
    throw unreadable(file, `it is of version ${other ?? "none"}: 6 and 9 are read.`);
  return documents;
}

/** Without workspaces, version 6 writes the root's dependencies at the top. */
function importersOf(document: Table): Table {
  return document["importers"] === undefined ? { ".": document } : tableOf(document["importers"]);
}

const plain = (key: string): string => key.replace(/^\//u, "");
const withoutPeers = (key: string): string => key.replace(/\(.*$/u, "");

function packageOf(key: string, snapshot: Table, described: Table, keys: ReadonlyMap<string, string>): LockedPackage {
  const entry = tableOf(own(described, key) ?? own(described, withoutPeers(key)));
  const resolution = tableOf(entry["resolution"]);
  const [keyName, keyVersion] = splitSpecifier(withoutPeers(plain(key))) ?? [plain(key), ""];
  const address = textOf(resolution["tarball"]) ?? textOf(resolution["repo"]);
  const origin = resolution["type"] === "directory" ? "file" : resolution["type"] === "git" ? "git" : undefined;
  const fromKey = originOf(keyVersion);
  return {
    key,
    name: textOf(entry["name"]) ?? keyName,
    version: textOf(entry["version"]) ?? keyVersion,
    origin: origin ?? (fromKey === "remote" && /codeload\.github\.com/u.test(keyVersion) ? "git" : fromKey),
    resolved: address,
    integrity: textOf(resolution["integrity"]),
    installScript: entry["requiresBuild"] === true ? true : undefined,
    deprecated: textOf(entry["deprecated"]),
    licence: undefined,
    dependencies: [
      ...edges(textEntries(snapshot["dependencies"]), "prod", keys),
      ...edges(textEntries(snapshot["optionalDependencies"]), "optional", keys),
    ],
  };
}

function edges(
  entries: readonly (readonly [string, string])[],
  kind: DependencyKind,
  keys: ReadonlyMap<string, string>,
): readonly Dependency[] {
  return entries.flatMap(([name, version]) => {
    const to = keyOf(name, version, keys);
    return to === undefined ? [] : [{ name, range: undefined, to, kind }];
  });
}

/** A reference is a version, or the key of another package where the name is an alias. */
function keyOf(name: string, reference: string, keys: ReadonlyMap<string, string>): string | undefined {
  return keys.get(`${name}@${reference}`) ?? keys.get(plain(reference));
}

function projectDependencies(
  importer: Table,
  folder: string,
  keys: ReadonlyMap<string, string>,
): { readonly dependencies: readonly Dependency[]; readonly ranges: ReadonlyMap<string, string> } {
  const dependencies: Dependency[] = [];
  const ranges = new Map<string, string>();
  for (const [field, kind] of DEPENDENCY_FIELDS) {
    for (const [name, value] of Object.entries(tableOf(importer[field]))) {
      const { specifier, version } = tableOf(value);
      const range = textOf(specifier);
      if (range !== undefined) ranges.set(name, range);
      const reference = textOf(version) ?? "";
      const to = reference.startsWith("link:")
        ? joinFolder(folder, reference.slice("link:".length))
        : keyOf(name, reference, keys);
      if (to !== undefined) dependencies.push({ name, range, to, kind });
    }
  }
  return { dependencies, ranges };
}

function joinFolder(from: string, to: string): string {
  const parts: string[] = [];
  for (const part of `${from}/${to}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.length === 0 ? "." : parts.join("/");
}
