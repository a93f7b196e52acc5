/** package-lock.json and npm-shrinkwrap.json, versions 2 and 3. */
import {
  boundPackages,
  isRegistryAddress,
  originOf,
  unreadable,
  type Dependency,
  type DependencyKind,
  type LockedPackage,
  type LockedProject,
  type Lockfile,
  type PackageOrigin,
} from "./lockfile.ts";
import { own, tableOf, textEntries, textOf, type Table } from "../parsed-document.ts";

const FIELDS: readonly (readonly [string, DependencyKind])[] = [
  ["peerDependencies", "peer"],
  ["devDependencies", "dev"],
  ["dependencies", "prod"],
  ["optionalDependencies", "optional"],
];

/** @throws CannotCheck when it is no lockfile of version 2 or 3. */
export function parseNpmLockfile(text: string, file: string): Lockfile {
  const document = parse(text, file);
  const entries = new Map(Object.entries(tableOf(document["packages"])).map(([key, entry]) => [key, tableOf(entry)]));
  if (entries.size === 0)
    throw unreadable(
      file,
      `it is of version ${String(document["lockfileVersion"])}, without "packages": 2 and 3 are read.`,
    );
  boundPackages(file, entries.size);
  const packages = new Map<string, LockedPackage>();
  const projects: LockedProject[] = [];
  const asked = new Map<string, ReadonlyMap<string, string>>();
  for (const [key, entry] of entries) {
    if (entry["link"] === true) continue;
    if (key === "" || !key.split("/").includes("node_modules")) {
      projects.push(projectOf(key, entry, document, entries));
      asked.set(key === "" ? "." : key, askedBy(entry));
    } else packages.set(key, packageOf(key, entry, entries, file));
  }
  projects.sort((left, right) => Number(right.folder === ".") - Number(left.folder === "."));
  return { file, manager: "npm", projects, packages, asked };
}

function parse(text: string, file: string): Table {
  try {
    return tableOf(JSON.parse(text));
  } catch {
    throw unreadable(file, "it is no JSON.");
  }
}

function projectOf(key: string, entry: Table, document: Table, entries: ReadonlyMap<string, Table>): LockedProject {
  return {
    folder: key === "" ? "." : key,
    name: textOf(entry["name"]) ?? (key === "" ? textOf(document["name"]) : key.split("/").at(-1)),
    version: textOf(entry["version"]),
    dependencies: dependenciesOf(key, entry, entries, FIELDS),
  };
}

function packageOf(key: string, entry: Table, entries: ReadonlyMap<string, Table>, file: string): LockedPackage {
  const version = textOf(entry["version"]);
  const resolved = textOf(entry["resolved"]);
  if (version === undefined && resolved === undefined) throw unreadable(file, `${key} has no version.`);
  return {
    key,
    name: textOf(entry["name"]) ?? installedName(key),
    version: version ?? "0.0.0",
    origin: packageOrigin(entry, resolved),
    resolved,
    integrity: textOf(entry["integrity"]),
    installScript: entry["hasInstallScript"] === true,
    deprecated: textOf(entry["deprecated"]),
    licence: textOf(entry["license"]),
    // What a dependency needs to develop itself is not installed.
    dependencies: dependenciesOf(
      key,
      entry,
      entries,
      FIELDS.filter(([, kind]) => kind !== "dev"),
    ),
  };
}

function packageOrigin(entry: Table, resolved: string | undefined): PackageOrigin {
  if (entry["inBundle"] === true) return "bundled";
  if (resolved === undefined) return "registry";
  const origin = originOf(resolved);
  return origin === "remote" && isRegistryAddress(resolved) ? "registry" : origin;
}

function installedName(key: string): string {
  return key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length);
}

function askedBy(entry: Table): ReadonlyMap<string, string> {
  return new Map(FIELDS.filter(([, kind]) => kind !== "peer").flatMap(([field]) => textEntries(own(entry, field))));
}

function dependenciesOf(
  from: string,
  entry: Table,
  entries: ReadonlyMap<string, Table>,
  fields: typeof FIELDS,
): readonly Dependency[] {
  const found = new Map<string, Dependency>();
  for (const [field, kind] of fields) {
    for (const [name, range] of textEntries(own(entry, field))) {
      const to = resolve(from, name, entries);
      if (to !== undefined) found.set(name, { name, range, to, kind });
    }
  }
  return [...found.values()];
}

/** Node's own algorithm: the nearest node_modules on the way up. A link leads to the workspace that it names. */
function resolve(from: string, name: string, entries: ReadonlyMap<string, Table>): string | undefined {
  let folder = from;
  for (;;) {
    const key = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const entry = entries.get(key);
    if (entry !== undefined) return entry["link"] === true ? textOf(entry["resolved"]) : key;
    if (folder === "") return undefined;
    const parent = folder.lastIndexOf("/node_modules/");
    folder = parent === -1 ? "" : folder.slice(0, parent);
  }
}
