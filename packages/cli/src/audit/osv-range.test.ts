import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { groupByAlias } from "./advisory.ts";
import { fixedVersion, judgeVersion, lastAffected } from "./osv-range.ts";
import { parseOsvRecord, type OsvRecord } from "./osv-record.ts";

interface VersionCase {
  readonly record: string;
  readonly package: string;
  readonly version: string;
  readonly affected: boolean;
}

const vectors = loadVectors<VersionCase>("osv_ranges");

function record(affected: unknown, more: object = {}): OsvRecord {
  const parsed = parseOsvRecord({ id: "TEST-1", affected, ...more });
  if (parsed === undefined) throw new Error("no record");
  return parsed;
}

function semver(...events: readonly object[]): OsvRecord {
  return record([{ package: { ecosystem: "npm", name: "p" }, ranges: [{ type: "SEMVER", events }] }]);
}

const affects = (judged: OsvRecord, version: string): boolean => judgeVersion(judged, "p", version) === "affected";

describe("a record of known holes", () => {
  it.runIf(vectors !== undefined)("affects the versions that it is recorded to affect, and no other", () => {
    const records = new Map((vectors!["records"] as readonly { id: string }[]).map((value) => [value.id, value]));
    const wrong = vectors?.cases.filter((known) => {
      const parsed = parseOsvRecord(records.get(known.record));
      return (
        (parsed !== undefined && judgeVersion(parsed, known.package, known.version) === "affected") !== known.affected
      );
    });
    expect(vectors?.cases.length).toBeGreaterThan(300);
    expect(wrong).toEqual([]);
  });

  it.runIf(vectors !== undefined)("is one with those that it is an alias of, over any number of steps", () => {
    for (const { records, groups } of vectors!["aliases"] as readonly {
      readonly records: readonly object[];
      readonly groups: readonly (readonly string[])[];
    }[]) {
      const parsed = records.flatMap((value) => parseOsvRecord(value) ?? []);
      const found = groupByAlias(parsed).map((group) => group.map(({ id }) => id).toSorted());
      expect(found.toSorted()).toEqual(groups.map((group) => group.toSorted()).toSorted());
    }
  });

  it("includes where it was introduced and excludes where it was fixed", () => {
    const judged = semver({ introduced: "1.0.0" }, { fixed: "1.2.0" });
    expect(["0.9.9", "1.0.0", "1.1.9", "1.2.0"].map((version) => affects(judged, version))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it.each([
    ["1.0.0-rc.1", false],
    ["1.2.0-rc.1", true],
    ["1.2.0+build.7", false],
    ["1.1.0+build.7", true],
    ["v1.1.0", true],
  ])("orders %s as semver does", (version, expected) => {
    expect(affects(semver({ introduced: "1.0.0" }, { fixed: "1.2.0" }), version)).toBe(expected);
  });

  it("takes 0 for the beginning of time, pre-releases of 0.0.0 included", () => {
    expect(affects(semver({ introduced: "0" }), "0.0.0-alpha")).toBe(true);
  });

  it("includes what was last affected, even where it was introduced at the same version", () => {
    const judged = semver({ introduced: "1.5.0" }, { last_affected: "1.5.0" });
    expect(["1.4.9", "1.5.0", "1.5.1"].map((version) => affects(judged, version))).toEqual([false, true, false]);
  });

  it("sorts its events first, and stays affected where it was fixed and broken again at once", () => {
    const judged = semver({ fixed: "2.0.0" }, { introduced: "2.0.0" }, { introduced: "1.0.0" }, { fixed: "3.0.0" });
    expect(affects(judged, "2.0.0")).toBe(true);
    expect(affects(judged, "3.0.0")).toBe(false);
  });

  it("ends at the highest of its limits, and nowhere at a star", () => {
    const judged = semver({ introduced: "0" }, { limit: "1.0.0" }, { limit: "2.0.0" });
    expect(["0.5.0", "1.5.0", "2.0.0"].map((version) => affects(judged, version))).toEqual([true, true, false]);
    expect(affects(semver({ introduced: "0" }, { limit: "*" }), "9.0.0")).toBe(true);
  });

  it("counts versions that are listed beside ranges, letter by letter", () => {
    const judged = record([
      {
        package: { ecosystem: "npm", name: "p" },
        versions: ["7.0.0"],
        ranges: [{ type: "SEMVER", events: [{ introduced: "1.0.0" }, { fixed: "1.0.1" }] }],
      },
    ]);
    expect(["1.0.0", "7.0.0", "7.0.1"].map((version) => affects(judged, version))).toEqual([true, true, false]);
  });

  it("says nothing of other packages and ecosystems, by commits, or once it is withdrawn", () => {
    const range = { type: "SEMVER", events: [{ introduced: "0" }] };
    expect(judgeVersion(semver({ introduced: "0" }), "P", "1.0.0")).toBe("silent");
    expect(judgeVersion(record([{ package: { ecosystem: "PyPI", name: "p" }, ranges: [range] }]), "p", "1.0.0")).toBe(
      "silent",
    );
    const git = record([{ package: { ecosystem: "npm", name: "p" }, ranges: [{ ...range, type: "GIT" }] }]);
    expect(affects(git, "1.0.0")).toBe(false);
    const withdrawn = record([{ package: { ecosystem: "npm", name: "p" }, ranges: [range] }], {
      withdrawn: "2026-01-01T00:00:00Z",
    });
    expect(affects(withdrawn, "1.0.0")).toBe(false);
  });

  it("without a beginning affects nothing, and an unreadable version is in no range", () => {
    expect(affects(semver({ fixed: "2.0.0" }), "1.0.0")).toBe(false);
    expect(affects(semver({ introduced: "0" }, { fixed: "soon" }), "1.0.0")).toBe(true);
    expect(affects(semver({ introduced: "0" }), "git+ssh://example.com/p")).toBe(false);
  });

  it("survives what is no record at all", () => {
    for (const value of [null, 7, "x", [], {}, { id: 7 }, { id: "../../etc/passwd" }])
      expect(parseOsvRecord(value)).toBeUndefined();
    const odd = parseOsvRecord({
      id: "A-1",
      affected: [null, { ranges: "x" }, { package: 7, ranges: [{ events: [7] }] }],
    });
    expect(odd && judgeVersion(odd, "p", "1.0.0")).toBe("silent");
  });

  it("prints no control characters and no change of direction in what its author wrote", () => {
    expect(parseOsvRecord({ id: "A-1", summary: "a\u001b[2Jb\u202ec\nd" })?.summary).toBe("a [2Jb c d");
  });
});

describe("the last version that has a hole", () => {
  it("is that of the ranges around the present one, and none where a range has no end", () => {
    const first = semver(
      { introduced: "0" },
      { last_affected: "1.2.0" },
      { introduced: "2.0.0" },
      { last_affected: "2.5.0" },
    );
    expect(lastAffected([first], "p", "1.0.0")).toBe("1.2.0");
    expect(lastAffected([first, semver({ introduced: "0" }, { last_affected: "1.9.0" })], "p", "1.0.0")).toBe("1.9.0");
    expect(lastAffected([first, semver({ introduced: "0" })], "p", "1.0.0")).toBeUndefined();
    expect(lastAffected([], "p", "1.0.0")).toBeUndefined();
  });
});

describe("the version that mends", () => {
  it("is the lowest that no record of the group affects", () => {
    const first = semver({ introduced: "0" }, { fixed: "1.2.0" }, { introduced: "2.0.0" }, { fixed: "2.1.0" });
    const second = semver({ introduced: "0" }, { fixed: "1.3.0" });
    expect(fixedVersion([first], "p", "1.0.0")).toBe("1.2.0");
    expect(fixedVersion([first], "p", "2.0.5")).toBe("2.1.0");
    expect(fixedVersion([first, second], "p", "1.0.0")).toBe("1.3.0");
    expect(fixedVersion([semver({ introduced: "0" })], "p", "1.0.0")).toBeUndefined();
  });
});
