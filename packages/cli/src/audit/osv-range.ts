/** Does a record affect a version? The evaluation algorithm of the OSV schema, with the order of versions that npm uses. */
import type { OsvAffected, OsvEvent, OsvRange, OsvRecord } from "./osv-record.ts";
import { compareVersions, isComparable, isVersion, satisfies } from "./version.ts";

/** `silent` where the record says nothing about the package at all. */
export type OsvAnswer = "affected" | "unaffected" | "silent";

/**
 * Judges one version of an npm package.
 *
 * @param version an exact one; what is no version is affected only where the record lists it letter by letter
 */
export function judgeVersion(record: OsvRecord, name: string, version: string): OsvAnswer {
  const entries = record.affected.filter((entry) => entry.ecosystem === "npm" && entry.name === name);
  if (entries.length === 0) return "silent";
  if (record.withdrawn) return "unaffected";
  return entries.some((entry) => affects(entry, version)) ? "affected" : "unaffected";
}

function affects(entry: OsvAffected, version: string): boolean {
  if (entry.versions.includes(version)) return true;
  if (!isVersion(version)) return false;
  return entry.ranges.some((range) => isVersionRange(range) && includes(range, version, entry.lastKnownAffected));
}

/** The exports of OSV.dev say SEMVER and GitHub's own files ECOSYSTEM; for npm both mean the precedence of semver. */
function isVersionRange({ type }: OsvRange): boolean {
  return type === "SEMVER" || type === "ECOSYSTEM";
}

/** At one version a fix comes before what is introduced anew, so that doubt means affected; what was last affected comes after both. */
const ORDER = { fixed: 0, introduced: 1, last_affected: 2, limit: 3 } as const;

function includes({ events }: OsvRange, version: string, lastKnownAffected: string | undefined): boolean {
  const limits = events.filter(({ kind }) => kind === "limit");
  if (limits.length > 0 && !limits.some((limit) => limit.version === "*" || compare(version, limit.version) < 0))
    return false;
  let affected = false;
  // An end that is no version ends nothing.
  const bounds = events.filter(
    (event) => event.kind === "introduced" || (event.kind !== "limit" && isComparable(event.version)),
  );
  for (const event of bounds.toSorted(byVersion)) {
    const order = compare(version, event.version);
    if (event.kind === "introduced" && order >= 0) affected = true;
    else if (event.kind === "fixed" && order >= 0) affected = false;
    else if (event.kind === "last_affected" && order > 0) affected = false;
  }
  const open = limits.length === 0 && bounds.every(({ kind }) => kind === "introduced");
  // Without an upper bound the record means every version ever; where its author knew better, the range says so in words.
  return affected && open && lastKnownAffected !== undefined ? satisfies(version, lastKnownAffected, true) : affected;
}

function byVersion(left: OsvEvent, right: OsvEvent): number {
  if (left.version === right.version) return ORDER[left.kind] - ORDER[right.kind];
  if (left.version === "0") return -1;
  if (right.version === "0") return 1;
  return compareVersions(left.version, right.version) || ORDER[left.kind] - ORDER[right.kind];
}

/** "0" comes before everything, pre-releases of 0.0.0 included. */
function compare(version: string, bound: string): number {
  return bound === "0" ? 1 : compareVersions(version, bound);
}

/**
 * The highest version that a record calls the last one, where each that affects the present version has such an end or a fix.
 *
 * @returns undefined where there is none
 */
export function lastAffected(records: readonly OsvRecord[], name: string, version: string): string | undefined {
  const ranges = records
    .flatMap(({ affected }) => affected.filter((entry) => entry.ecosystem === "npm" && entry.name === name))
    .flatMap((entry) => entry.ranges.filter((range) => isVersionRange(range) && includes(range, version, undefined)));
  const ends = ranges.map(({ events }) =>
    events
      .flatMap((event) => (event.kind === "last_affected" && isVersion(event.version) ? [event.version] : []))
      .toSorted(compareVersions)
      .find((end) => compareVersions(end, version) >= 0),
  );
  return ends.length === 0 || ends.includes(undefined)
    ? undefined
    : (ends as string[]).toSorted(compareVersions).at(-1);
}

/**
 * The lowest version above the present one that is named as a fix and that none of the records affects.
 *
 * @returns undefined where there is none
 */
export function fixedVersion(records: readonly OsvRecord[], name: string, version: string): string | undefined {
  const fixes = records
    .flatMap(({ affected }) => affected.filter((entry) => entry.ecosystem === "npm" && entry.name === name))
    .flatMap(({ ranges }) => ranges.filter(isVersionRange).flatMap(({ events }) => events))
    .flatMap((event) => (event.kind === "fixed" && isVersion(event.version) ? [event.version] : []))
    .filter((fix) => compareVersions(fix, version) > 0)
    .toSorted(compareVersions);
  return fixes.find((fix) => records.every((record) => judgeVersion(record, name, fix) !== "affected"));
}
