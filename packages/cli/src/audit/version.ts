/** Versions and ranges, by the package that npm itself uses. */
import semver from "semver";

/** Is it an exact version? `1.2` is none, although some records write it. */
export function isVersion(text: string): boolean {
  return semver.valid(text, { loose: true }) !== null;
}

/** Is it a version, or one that lacks only its last parts? */
export function isComparable(text: string): boolean {
  return parsed(text) !== null;
}

/** The precedence of semver: build metadata does not count. What lacks a part has zeros there; what is no version comes first. */
export function compareVersions(left: string, right: string): number {
  const [one, other] = [parsed(left), parsed(right)];
  if (one === null || other === null) return one === other ? 0 : one === null ? -1 : 1;
  return one.compare(other);
}

function parsed(text: string): semver.SemVer | null {
  const exact = semver.parse(text, { loose: true });
  if (exact !== null) return exact;
  const [, major, minor = ".0", rest = ""] = /^v?(\d+)(\.\d+)?(-[\w.-]+)?$/u.exec(text) ?? [];
  return major === undefined ? null : semver.parse(`${major}${minor}.0${rest}`, { loose: true });
}

/** @param prereleases whether a pre-release lies in every range that surrounds it, as for advisories, or only where the range names one, as for installs */
export function satisfies(version: string, range: string, prereleases = false): boolean {
  return semver.satisfies(version, range, { loose: true, includePrerelease: prereleases });
}

/** Is it a range of versions at all, and not a tag, an address or a path? */
export function isRange(text: string): boolean {
  return semver.validRange(text, { loose: true }) !== null;
}
