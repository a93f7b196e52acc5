/** What a lockfile says, whichever package manager wrote it. */
import { CannotCheck } from "../outcome.ts";

/** Where the content of a package comes from. */
export type PackageOrigin = "registry" | "workspace" | "git" | "remote" | "file" | "bundled";

export type DependencyKind = "prod" | "dev" | "optional" | "peer";

/** That one package needs another. */
export interface Dependency {
  /** The name that it is imported by; an alias may stand for another package. */
  readonly name: string;
  /** The range that was asked for, where the lockfile tells. */
  readonly range: string | undefined;
  /** The key of the package that answers to it. */
  readonly to: string;
  readonly kind: DependencyKind;
}

/** Where a package.json says what it asks for, and of which kind that is. npm has peers as well. */
export const DEPENDENCY_FIELDS: readonly (readonly [string, DependencyKind])[] = [
  ["devDependencies", "dev"],
  ["dependencies", "prod"],
  ["optionalDependencies", "optional"],
];

/** One installed package. Two copies of one version are two of them. */
export interface LockedPackage {
  readonly key: string;
  /** The name that it is published under. */
  readonly name: string;
  readonly version: string;
  readonly origin: PackageOrigin;
  readonly resolved: string | undefined;
  /** Subresource Integrity hashes, separated by spaces. */
  readonly integrity: string | undefined;
  /** The lockfile does not say where it is undefined. */
  readonly installScript: boolean | undefined;
  readonly deprecated: string | undefined;
  /** An SPDX expression, where the lockfile tells. */
  readonly licence: string | undefined;
  readonly dependencies: readonly Dependency[];
}

/** The project itself or one of its workspaces. */
export interface LockedProject {
  /** Relative to the lockfile; `.` is the root. */
  readonly folder: string;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly dependencies: readonly Dependency[];
}

/** Yarn 1 is another program than what came after it. */
export type PackageManager = "npm" | "pnpm" | "yarn" | "yarn-classic";

export interface Lockfile {
  readonly file: string;
  readonly manager: PackageManager;
  /** The root comes first. */
  readonly projects: readonly LockedProject[];
  readonly packages: ReadonlyMap<string, LockedPackage>;
  /** What the projects asked for when it was written, by folder, kind-blind: name to range. Undefined where the format does not tell. */
  readonly asked: ReadonlyMap<string, ReadonlyMap<string, string>> | undefined;
}

const MOST_PACKAGES = 100_000;

/** @throws CannotCheck when there are more packages than anybody installs. */
export function boundPackages(file: string, count: number): void {
  if (count <= MOST_PACKAGES) return;
  throw unreadable(file, `it lists ${count} packages; ${MOST_PACKAGES} are read.`);
}

/** A lockfile that cannot be understood: nothing about it is known, and that is no pass. */
export function unreadable(file: string, reason: string): CannotCheck {
  return new CannotCheck(
    `${file} could not be read: ${reason}`,
    "packages that nobody has looked at count as not judged.",
    "write it anew with the package manager of the project, and commit it.",
  );
}

/** What a specifier or a resolved address says about where a package comes from. */
export function originOf(address: string): PackageOrigin {
  if (/^(?:git[+:@]|github:|gitlab:|bitbucket:|gist:|ssh:)|^[\w.-]+\/[\w.-]+(?:#.*)?$|\.git(?:#.*)?$/u.test(address))
    return "git";
  if (/^(?:file|portal):|^\.{0,2}\//u.test(address)) return "file";
  if (/^(?:link|workspace):/u.test(address)) return "workspace";
  return /^https?:/u.test(address) ? "remote" : "registry";
}

/** The tarballs of a registry stand under `/-/`, those of GitHub's under `/download/`. */
export function isRegistryAddress(address: string): boolean {
  return /^https?:\/\/[^?#]+(?:\/-\/[^/?#]+\.tgz|\/download\/@[^/]+\/[^/]+\/[^?#]+)(?:$|[?#])/u.test(address);
}

/** Splits `@scope/name@rest` at the second at-sign. */
export function splitSpecifier(text: string): readonly [string, string] | undefined {
  const at = text.indexOf("@", 1);
  return at === -1 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}
