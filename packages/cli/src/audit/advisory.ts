/** Which known holes the installed packages have. */
import type { DependencyPath } from "./dependency-path.ts";
import type { LockedPackage } from "./lockfile.ts";
import { fixedVersion, judgeVersion, lastAffected } from "./osv-range.ts";
import type { OsvRecord } from "./osv-record.ts";
import { severityOf, type Severity } from "./severity.ts";

/** One hole in one installed version, however many databases describe it and however often it is installed. */
export interface Advisory {
  /** The id that people search for: GHSA first, then CVE, then any other. */
  readonly id: string;
  /** Every other id. */
  readonly aliases: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly severity: Severity;
  /** Somebody put it there on purpose: the package itself is the attack. */
  readonly malicious: boolean;
  /** CISA lists it as used in attacks. */
  readonly knownExploited: boolean;
  readonly path: DependencyPath;
  /** The keys of the installed copies. */
  readonly keys: readonly string[];
  readonly fixedIn: string | undefined;
  /** The last version that has the hole, where no record names the one that mends it. */
  readonly affectedUntil: string | undefined;
}

/** Where advisories come from. */
export interface AdvisorySource {
  /** For people: `api.osv.dev`, or a path. */
  readonly name: string;
  /**
   * Every record that may concern one of these packages; more than that does no harm.
   *
   * @throws CannotCheck when not all of them could be asked for
   */
  readonly recordsFor: (
    packages: readonly { readonly name: string; readonly version: string }[],
  ) => Promise<AdvisoryAnswer>;
}

export interface AdvisoryAnswer {
  /** By `name@version`. */
  readonly records: ReadonlyMap<string, readonly OsvRecord[]>;
  /** When the newest record was written, in milliseconds since the epoch; undefined where the answer is of this moment. */
  readonly newestMs: number | undefined;
  /** How many records the source holds, where that is known. */
  readonly size: number | undefined;
}

/** Packages that the public databases can know. */
export function auditable(packages: Iterable<LockedPackage>): readonly LockedPackage[] {
  return [...packages].filter(({ origin }) => origin === "registry" || origin === "bundled" || origin === "remote");
}

export function advisories(
  packages: readonly LockedPackage[],
  answer: AdvisoryAnswer,
  paths: ReadonlyMap<string, DependencyPath>,
  exploited: ReadonlySet<string>,
): readonly Advisory[] {
  const copies = new Map<string, LockedPackage[]>();
  for (const known of packages) {
    const label = `${known.name}@${known.version}`;
    const group = copies.get(label);
    if (group === undefined) copies.set(label, [known]);
    else group.push(known);
  }
  const found = [...copies].flatMap(([label, installed]) => {
    const { name, version } = installed[0] as LockedPackage;
    const records = (answer.records.get(label) ?? []).filter((record) => {
      const judged = judgeVersion(record, name, version);
      // A source that answered for this version with a record that names no package knows something that the record does not say.
      return judged === "affected" || (judged === "silent" && record.affected.length === 0 && !record.withdrawn);
    });
    const path = bestPath(installed, paths);
    return groupByAlias(records).map((group) =>
      describe(group, { name, version, path, keys: installed.map(({ key }) => key) }, exploited),
    );
  });
  return found.toSorted(
    (left, right) =>
      compare(left.name, right.name) || compare(left.version, right.version) || compare(left.id, right.id),
  );
}

function describe(
  group: readonly OsvRecord[],
  about: Pick<Advisory, "name" | "version" | "path" | "keys">,
  exploited: ReadonlySet<string>,
): Advisory {
  const ids = [...new Set(group.flatMap((record) => [record.id, ...record.aliases]))].toSorted(byPreference);
  const [id = "", ...aliases] = ids;
  const malicious = group.some((record) => record.id.startsWith("MAL-") || record.weaknesses.includes("CWE-506"));
  const knownExploited = ids.some((known) => exploited.has(known));
  const severity = severityOf(group, about.name);
  const fixedIn = fixedVersion(group, about.name, about.version);
  return {
    ...about,
    id,
    aliases,
    summary: group.find((record) => record.summary !== "")?.summary ?? "",
    severity: malicious || knownExploited ? { ...severity, level: "critical" } : severity,
    malicious,
    knownExploited,
    fixedIn,
    affectedUntil: fixedIn === undefined ? lastAffected(group, about.name, about.version) : undefined,
  };
}

/** Production before development, then the shortest. */
function bestPath(installed: readonly LockedPackage[], paths: ReadonlyMap<string, DependencyPath>): DependencyPath {
  const [best] = installed
    .flatMap(({ key }) => paths.get(key) ?? [])
    .toSorted((left, right) => Number(left.dev) - Number(right.dev) || left.names.length - right.names.length);
  return best ?? { names: [], direct: false, dev: false };
}

/** Records that call each other by name are one finding, over any number of steps. */
export function groupByAlias(records: readonly OsvRecord[]): readonly (readonly OsvRecord[])[] {
  const groups: { readonly ids: Set<string>; readonly records: OsvRecord[] }[] = [];
  for (const record of new Map(records.map((known) => [known.id, known])).values()) {
    const ids = [record.id, ...record.aliases];
    const touching = groups.filter((group) => ids.some((id) => group.ids.has(id)));
    const merged = { ids: new Set(ids), records: [record] };
    for (const group of touching) {
      for (const id of group.ids) merged.ids.add(id);
      merged.records.unshift(...group.records);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push(merged);
  }
  return groups.map((group) => group.records);
}

const PREFERENCE = ["MAL-", "GHSA-", "CVE-"];

function byPreference(left: string, right: string): number {
  return preference(left) - preference(right) || compare(left, right);
}

function preference(id: string): number {
  const index = PREFERENCE.findIndex((prefix) => id.startsWith(prefix));
  return index === -1 ? PREFERENCE.length : index;
}

/** By code units: the order must not depend on the machine's language. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
