import { describe, expect, it } from "vitest";
import { parseOsvRecord, type OsvRecord } from "./osv-record.ts";
import { severityOf } from "./severity.ts";

function record(more: object): OsvRecord {
  const parsed = parseOsvRecord({ id: "A-1", affected: [{ package: { ecosystem: "npm", name: "p" } }], ...more });
  if (parsed === undefined) throw new Error("no record");
  return parsed;
}

const vector = (type: string, score: string): OsvRecord => record({ severity: [{ type, score }] });

describe("the severity of an advisory", () => {
  it.each([
    ["CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, "high"],
    ["CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", 5.3, "moderate"],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, "low"],
    ["CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, "critical"],
  ])("is what the vector of %s comes to: %s", (type, text, score, level) => {
    expect(severityOf([vector(type, text)], "p")).toEqual({ level, score, vector: text });
  });

  it("is the word of its author before the vector, whatever its case", () => {
    const both = record({
      severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L" }],
      database_specific: { severity: "Medium" },
    });
    expect(severityOf([both], "p")).toMatchObject({ level: "moderate", score: 5.3 });
    expect(severityOf([record({ database_specific: { severity: "LOW" } })], "p").level).toBe("low");
  });

  it("is the worst that any alias says, of this package", () => {
    const low = record({ database_specific: { severity: "LOW" } });
    const critical = record({
      affected: [{ package: { ecosystem: "npm", name: "p" }, database_specific: { severity: "CRITICAL" } }],
    });
    expect(severityOf([low, critical], "p").level).toBe("critical");
    expect(severityOf([low, critical], "q").level).toBe("low");
  });

  it.each(["CVSS:3.1/AV:N", "CVSS:3.1/AV:Q/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", "9.8", "", "CVSS:9.9/AV:N"])(
    "is high where nobody has said otherwise: %s",
    (score) => {
      expect(severityOf([vector("CVSS_V3", score)], "p").level).toBe("high");
      expect(severityOf([record({})], "p").level).toBe("high");
    },
  );
});
