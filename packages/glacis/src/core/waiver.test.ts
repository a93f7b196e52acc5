import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeLocation, finding, type Finding, type Rule } from "./finding.ts";
import { applyWaivers, type Waiver } from "./waiver.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const rule = (id: Rule["id"]): Rule => ({ id, severity: "error", what: "what", why: "why", fix: "fix" });
const SHORT = rule("hsts/too-short");
const MISSING = rule("composition/control-missing");
const FINDINGS: readonly Finding[] = [
  finding(SHORT, { kind: "setting", name: "hsts" }),
  finding(SHORT, { kind: "setting", name: "other" }),
  finding(MISSING, { kind: "setting", name: "csrf" }),
  finding(MISSING, { kind: "setting", name: "csp" }),
];
const WAIVER: Waiver = { id: "hsts/too-short", reason: "roll-out", owner: "platform", expires: "2026-12-31" };

function judge(...waivers: readonly unknown[]) {
  const { standing, waived } = applyWaivers(FINDINGS, waivers as readonly Waiver[], [SHORT, MISSING], NOW);
  return { standing: standing.map((found) => found.rule.id), waived: waived.length };
}

describe("waivers", () => {
  it("take every finding of their rule out and keep it listed", () => {
    expect(judge(WAIVER)).toEqual({
      standing: ["composition/control-missing", "composition/control-missing"],
      waived: 2,
    });
  });

  it("take out one place alone where they name it", () => {
    expect(judge({ ...WAIVER, at: "hsts" }).waived).toBe(1);
    expect(judge({ ...WAIVER, id: "composition/control-missing", at: "csrf" }).waived).toBe(1);
  });

  it("cannot cover every missing control at once", () => {
    expect(judge({ ...WAIVER, id: "composition/control-missing" })).toMatchObject({ waived: 0 });
    expect(judge({ ...WAIVER, id: "composition/control-missing" }).standing).toContain("waiver/incomplete");
  });

  it.each(["id", "reason", "owner", "expires"])("waive nothing without %s, and are a finding", (name) => {
    for (const value of [undefined, "", "  ", "\u200B\u2060", "...", 7]) {
      const { standing, waived } = judge({ ...WAIVER, [name]: value });
      expect(waived).toBe(0);
      expect(standing).toContain("waiver/incomplete");
    }
  });

  it.each(["At", "place", "path", "location", "until"])(
    "waive nothing with the field %s that there is not: what was meant as one place would be every place",
    (name) => {
      const { standing, waived } = judge({ ...WAIVER, [name]: "hsts" });
      expect(waived).toBe(0);
      expect(standing).toContain("waiver/incomplete");
    },
  );

  it.each([null, undefined, "hsts/too-short", 1, {}, []])("survive being %j", (waiver) => {
    expect(judge(waiver).standing).toContain("waiver/incomplete");
  });

  it.each(["2026-02-30", "31.12.2026", "2026-12-31T00:00:00Z", "soon", "2026-13-01"])(
    "need a day that exists, not %s",
    (expires) => {
      expect(judge({ ...WAIVER, expires }).standing).toContain("waiver/incomplete");
    },
  );

  it("hold through their last day and are a finding from the next on", () => {
    expect(judge({ ...WAIVER, expires: "2026-11-26" }).waived).toBe(2);
    const late = judge({ ...WAIVER, expires: "2026-11-25" });
    expect(late.waived).toBe(0);
    expect(late.standing).toContain("waiver/expired");
    const midnight = Date.parse("2026-11-26T00:00:00Z");
    const { waived } = applyWaivers(FINDINGS, [{ ...WAIVER, expires: "2026-11-25" }], [SHORT, MISSING], midnight);
    expect(waived).toEqual([]);
  });

  it("run for 90 days and no longer", () => {
    expect(judge({ ...WAIVER, expires: "2027-02-24" }).waived).toBe(2);
    expect(judge({ ...WAIVER, expires: "2027-02-25" }).standing).toContain("waiver/too-long");
    const midnight = Date.parse("2026-11-26T00:00:00Z");
    const { waived } = applyWaivers(FINDINGS, [{ ...WAIVER, expires: "2027-02-24" }], [SHORT, MISSING], midnight);
    expect(waived).toHaveLength(2);
  });

  it("know the rule of what was found, whoever found it", () => {
    expect(applyWaivers(FINDINGS, [WAIVER], [], NOW).waived).toHaveLength(2);
  });

  it("are complained of by their rule, or by their number where they name none", () => {
    const waivers = [
      { ...WAIVER, expires: "soon" },
      { ...WAIVER, id: "" },
    ];
    const { standing } = applyWaivers(FINDINGS, waivers, [SHORT, MISSING], NOW);
    const complaints = standing.filter(({ rule: { id } }) => id === "waiver/incomplete");
    expect(complaints.map(({ at }) => describeLocation(at))).toEqual(["waivers: hsts/too-short", "waivers: 1"]);
  });

  it("are a finding when no control has the rule, and a note when nothing was found", () => {
    expect(judge({ ...WAIVER, id: "hsts/to-short" }).standing).toContain("waiver/unknown");
    expect(judge({ ...WAIVER, at: "elsewhere" }).standing).toContain("waiver/unused");
  });

  it("never make a finding vanish: it stands or it is listed as waived", () => {
    const text = fc.constantFrom("hsts/too-short", "composition/control-missing", "", "x", "2026-12-01", "csrf");
    const waiver = fc.record({ id: text, at: text, reason: text, owner: text, expires: text }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(waiver, { maxLength: 5 }), (waivers) => {
        const judged = applyWaivers(FINDINGS, waivers as unknown as readonly Waiver[], [SHORT, MISSING], NOW);
        for (const found of FINDINGS) {
          const listed = judged.waived.filter((entry) => entry.finding === found).length;
          expect(listed + Number(judged.standing.includes(found))).toBe(1);
        }
      }),
    );
  });
});
