/** What both formats of a bill of materials say of a package. */
import { createHash } from "node:crypto";
import { dependencyPaths } from "../audit/dependency-path.ts";
import type { Dependency, LockedPackage, Lockfile } from "../audit/lockfile.ts";

export interface Component {
  /** The package URL, which is its id as well: two installed copies of one version are one component. */
  readonly purl: string;
  readonly group: string | undefined;
  readonly name: string;
  readonly version: string;
  /** Only what develops and tests the project needs it. */
  readonly dev: boolean;
  readonly hashes: readonly { readonly algorithm: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512"; readonly hex: string }[];
  readonly licence: string | undefined;
  readonly address: string | undefined;
  readonly dependsOn: readonly string[];
}

export interface Inventory {
  readonly root: {
    readonly purl: string;
    readonly name: string;
    readonly version: string;
    readonly dependsOn: readonly string[];
  };
  /** By package URL. */
  readonly components: readonly Component[];
  /** Of everything above: the same for the same lockfile, on every machine. */
  readonly digest: string;
}

/** @param omitDev leave out what only development needs */
export function inventory(
  lockfile: Lockfile,
  about: { readonly name: string; readonly version: string },
  omitDev: boolean,
): Inventory {
  const paths = dependencyPaths(lockfile);
  const kept = [...lockfile.packages.values()].filter(({ key }) => !omitDev || paths.get(key)?.dev !== true);
  const purls = new Map(kept.map((known) => [known.key, purlOf(known)]));
  const targets = (dependencies: readonly Dependency[]): readonly string[] =>
    sorted(dependencies.flatMap(({ to }) => purls.get(to) ?? []));
  const components = new Map<string, Component>();
  for (const known of kept) {
    const purl = purls.get(known.key) as string;
    const before = components.get(purl);
    const slash = known.name.startsWith("@") ? known.name.indexOf("/") : -1;
    components.set(purl, {
      purl,
      group: slash === -1 ? undefined : known.name.slice(0, slash),
      name: known.name.slice(slash + 1),
      version: known.version,
      dev: paths.get(known.key)?.dev === true && before?.dev !== false,
      hashes: before?.hashes ?? hashesOf(known, lockfile),
      licence: before?.licence ?? known.licence,
      address: before?.address ?? known.resolved,
      dependsOn: sorted([...(before?.dependsOn ?? []), ...targets(known.dependencies)]),
    });
  }
  const root = {
    ...about,
    purl: npmPurl(about.name, about.version),
    dependsOn: targets(lockfile.projects.flatMap(({ dependencies }) => dependencies)),
  };
  const list = [...components.values()].toSorted((left, right) => compare(left.purl, right.purl));
  const digest = createHash("sha256")
    .update(JSON.stringify([root, list]))
    .digest("hex");
  return { root, components: list, digest };
}

/** github.com/package-url/purl-spec, type npm. */
function purlOf({ name, version, origin, resolved }: LockedPackage): string {
  const purl = npmPurl(name, version);
  if (origin === "registry" || origin === "bundled" || resolved === undefined) return purl;
  return `${purl}?${origin === "git" ? "vcs_url" : "download_url"}=${encodeURIComponent(resolved)}`;
}

export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.split("/").map(encodeURIComponent).join("/")}@${encodeURIComponent(version)}`;
}

const ALGORITHMS = { sha1: "SHA-1", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" } as const;

/** The checksum of Yarn 2 and later is of its own archive, and nobody else could compare it. */
function hashesOf({ integrity = "" }: LockedPackage, { manager }: Lockfile): Component["hashes"] {
  if (manager === "yarn") return [];
  return integrity.split(/\s+/u).flatMap((text) => {
    const [, name = "", base64 = ""] = /^(sha1|sha256|sha384|sha512)-([A-Za-z0-9+/]+=*)(?:\?.*)?$/u.exec(text) ?? [];
    const algorithm = ALGORITHMS[name as keyof typeof ALGORITHMS];
    return algorithm === undefined ? [] : [{ algorithm, hex: Buffer.from(base64, "base64").toString("hex") }];
  });
}

function sorted(purls: readonly string[]): readonly string[] {
  return [...new Set(purls)].toSorted(compare);
}

/** By code units: the order must not depend on the machine's language. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

const SIMPLE = String.raw`\(*[A-Za-z0-9][A-Za-z0-9.+-]*\)*`;
const EXPRESSION = new RegExp(`^${SIMPLE}(?: (?:AND|OR|WITH) ${SIMPLE})*$`, "u");

/** Is it written like an SPDX expression? `SEE LICENSE IN x` and `UNLICENSED` are none. */
export function isSpdxExpression(licence: string): boolean {
  return EXPRESSION.test(licence) && licence !== "UNLICENSED";
}
