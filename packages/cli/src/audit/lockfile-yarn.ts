/** yarn.lock, the classic format and that of Yarn 2 and later. Neither says what the project asked for: its package.json does. */
import {
  boundPackages,
  DEPENDENCY_FIELDS,
  isRegistryAddress,
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

/** A package.json of the project, and its folder. */
export interface Manifest {
  readonly folder: string;
  readonly content: Table;
}

/** @throws CannotCheck when it is neither format. */
export function parseYarnLockfile(text: string, file: string, manifests: readonly Manifest[]): Lockfile {
  const classic = !/^__metadata:/mu.test(text);
  const entries = classic ? parseClassic(text, file) : parseBerry(text, file);
  boundPackages(file, entries.size);
  const keys = new Map<string, string>();
  for (const key of entries.keys()) for (const descriptor of key.split(/, ?/u)) keys.set(descriptor, key);
  const packages = new Map<string, LockedPackage>();
  const workspaces = new Map<string, string>();
  for (const [key, entry] of entries) {
    const folder = /@workspace:([^@]+)$/u.exec(textOf(entry["resolution"]) ?? "")?.[1];
    if (folder !== undefined) workspaces.set(key, folder);
    else packages.set(key, packageOf(key, entry, keys, classic));
  }
  const names = new Map(manifests.map(({ folder, content }) => [textOf(content["name"]), folder]));
  const projects = manifests.map((manifest): LockedProject => {
    const dependencies = DEPENDENCY_FIELDS.flatMap(([field, kind]) =>
      textEntries(own(manifest.content, field)).flatMap(([name, range]): Dependency[] => {
        const key = keyOf(name, range, keys);
        const to = key === undefined ? names.get(name) : (workspaces.get(key) ?? key);
        return to === undefined ? [] : [{ name, range, to, kind }];
      }),
    );
    const { name, version } = manifest.content;
    return { folder: manifest.folder, name: textOf(name), version: textOf(version), dependencies };
  });
  return { file, manager: classic ? "yarn-classic" : "yarn", projects, packages, asked: undefined };
}

/** The range of a project in the keys of a lockfile; Yarn 2 and later write the protocol that package.json leaves out. */
function keyOf(name: string, range: string, keys: ReadonlyMap<string, string>): string | undefined {
  return keys.get(`${name}@${range}`) ?? keys.get(`${name}@npm:${range}`);
}

function packageOf(key: string, entry: Table, keys: ReadonlyMap<string, string>, classic: boolean): LockedPackage {
  const descriptor = key.split(/, ?/u, 1)[0] as string;
  const [asked, range = ""] = splitSpecifier(descriptor) ?? [descriptor];
  const resolution = textOf(entry["resolution"]);
  const resolved = textOf(entry["resolved"]);
  const [berryName, reference = ""] = resolution === undefined ? [] : (splitSpecifier(resolution) ?? []);
  const alias = classic && range.startsWith("npm:") ? splitSpecifier(range.slice("npm:".length))?.[0] : undefined;
  const checksum = textOf(entry["checksum"]);
  return {
    key,
    name: berryName ?? alias ?? asked,
    version: textOf(entry["version"]) ?? "0.0.0",
    origin: classic ? classicOrigin(range, resolved) : originOf(reference.replace(/^(?:npm|patch):.*$/u, "1.0.0")),
    resolved: classic ? resolved : reference.startsWith("npm:") ? undefined : reference,
    integrity: textOf(entry["integrity"]) ?? classicHash(resolved) ?? (checksum && berryChecksum(checksum)),
    installScript: undefined,
    deprecated: undefined,
    licence: undefined,
    dependencies: [
      ...edges(entry["dependencies"], "prod", keys),
      ...edges(entry["optionalDependencies"], "optional", keys),
    ],
  };
}

function classicOrigin(range: string, resolved: string | undefined): LockedPackage["origin"] {
  const asked = originOf(range);
  if (asked !== "registry") return asked;
  return resolved !== undefined && !isRegistryAddress(resolved) ? originOf(resolved) : "registry";
}

/** Old entries have a SHA-1 behind the address and nothing else. */
function classicHash(resolved: string | undefined): string | undefined {
  const hex = /#([0-9a-f]{40})$/u.exec(resolved ?? "")?.[1];
  return hex === undefined ? undefined : `sha1-${Buffer.from(hex, "hex").toString("base64")}`;
}

/** `10c0/<hex>`: the SHA-512 of Yarn's own archive of the package, which is not that of the registry's. */
function berryChecksum(checksum: string): string | undefined {
  const hex = /(?:^|\/)([0-9a-f]{128})$/u.exec(checksum)?.[1];
  return hex === undefined ? undefined : `sha512-${Buffer.from(hex, "hex").toString("base64")}`;
}

function edges(value: unknown, kind: DependencyKind, keys: ReadonlyMap<string, string>): readonly Dependency[] {
  return textEntries(value).flatMap(([name, range]) => {
    const to = keyOf(name, range, keys);
    return to === undefined ? [] : [{ name, range, to, kind }];
  });
}

function parseBerry(text: string, file: string): ReadonlyMap<string, Table> {
  try {
    const [document] = parseYaml(text);
    const entries = Object.entries(tableOf(document?.value)).filter(([key]) => key !== "__metadata");
    return new Map(entries.map(([key, entry]) => [key, tableOf(entry)]));
  } catch (error) {
    throw unreadable(file, (error as Error).message);
  }
}

const LINE = /^( *)(?:"((?:[^"\\]|\\.)*)"|([^\s":,]\S*?))(?::$| (?:"((?:[^"\\]|\\.)*)"|(\S.*))$)/u;

/** Headings at the margin, properties two spaces in, dependencies four. */
function parseClassic(text: string, file: string): ReadonlyMap<string, Table> {
  if (!text.includes("yarn lockfile v1")) throw unreadable(file, "it is of no version that is known.");
  const entries = new Map<string, Record<string, unknown>>();
  let entry: Record<string, unknown> = {};
  let group: Record<string, unknown> = {};
  for (const [index, raw] of text.split(/\r?\n/u).entries()) {
    if (raw.trim() === "" || raw.startsWith("#")) continue;
    if (!raw.startsWith(" ")) {
      if (!raw.endsWith(":")) throw unreadable(file, `line ${index + 1} is no entry.`);
      entry = Object.create(null) as Record<string, unknown>;
      entries.set(raw.slice(0, -1).replaceAll('"', ""), entry);
      continue;
    }
    const match = LINE.exec(raw);
    if (match === null) throw unreadable(file, `line ${index + 1} is neither a property nor a dependency.`);
    const [, indent = "", quotedName, bareName, quotedValue, bareValue] = match;
    const name = quotedName ?? bareName ?? "";
    const value = quotedValue ?? bareValue;
    if (value === undefined) {
      group = Object.create(null) as Record<string, unknown>;
      entry[name] = group;
    } else (indent.length > 2 ? group : entry)[name] = value;
  }
  return entries;
}
