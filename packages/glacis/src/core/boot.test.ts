import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { glacis } from "../glacis.ts";
import { bareLayers, stubControl } from "../testing/layers.ts";
import { assertFit, BootError } from "./boot.ts";
import type { Deployment } from "./control.ts";
import { finding, type Rule } from "./finding.ts";
import { REQUIRED_CONTROLS } from "./judge.ts";

const WEAK: Rule = { id: "test/weak", severity: "error", what: "It is weak.", why: "Because.", fix: "Strengthen it." };
const RISKY: Rule = { ...WEAK, id: "test/risky", severity: "warning" };

const production: Deployment = {
  mode: "production",
  nodeVersion: "22.20.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};

function compose(rules: readonly Rule[], change: Parameters<typeof bareLayers>[0] = {}) {
  const complete = REQUIRED_CONTROLS.map((id) => stubControl(id, {}));
  const judged = stubControl("test", {
    rules,
    check: () => rules.map((rule) => finding(rule, { kind: "setting", name: "here" }, "7 bits")),
  });
  return glacis(bareLayers({ network: [...complete, judged], mode: "production", ...change }));
}

function refusal(work: () => void): BootError {
  try {
    work();
  } catch (error) {
    if (error instanceof BootError) return error;
    throw error;
  }
  throw new Error("It started.");
}

describe("assertFit", () => {
  it("lets a sound composition start", () => {
    expect(() => assertFit(compose([]), production)).not.toThrow();
  });

  it("says it once where nothing catches it", () => {
    const error = refusal(() => assertFit(compose([WEAK]), production));
    expect(inspect(error).split("test/weak")).toHaveLength(2);
  });

  it("refuses a production start on an error and says what is wrong, where, and what to change", () => {
    const error = refusal(() => assertFit(compose([WEAK, RISKY]), production));
    expect(error.code).toBe("unfit_for_production");
    expect(error.findings.map(({ rule }) => rule.id)).toEqual(["test/weak"]);
    expect(error.message).toBe(
      [
        "1 finding stands between this configuration and production. Nothing listens until it is fixed:",
        "",
        "  test/weak  at here (7 bits)",
        "          It is weak.",
        "          fix: Strengthen it.",
        "",
        "The same list comes from: npx glacis check --deploy",
        "",
      ].join("\n"),
    );
  });

  it("starts with warnings alone", () => {
    expect(() => assertFit(compose([RISKY]), production)).not.toThrow();
  });

  it("refuses a composition that lacks a control, naming it", () => {
    const error = refusal(() => assertFit(glacis(bareLayers({ mode: "production" })), production));
    // All but the ten that an application can be without.
    expect(error.findings).toHaveLength(REQUIRED_CONTROLS.length - 10);
    expect(error.findings.map(({ rule }) => rule.id)).toEqual(error.findings.map(() => "composition/control-missing"));
    expect(error.message).toContain(
      `composition/control-missing  at ${REQUIRED_CONTROLS.slice(0, error.findings.length).join(", ")}`,
    );
    expect(error.message).toContain(", error-handling,");
  });

  it("refuses when a check crashes: an unanswered question is a no", () => {
    const crash = stubControl("crash", {
      check: () => {
        throw new Error("boom");
      },
    });
    const complete = REQUIRED_CONTROLS.map((id) => stubControl(id, {}));
    const security = glacis(bareLayers({ network: [...complete, crash], mode: "production" }));
    expect(refusal(() => assertFit(security, production)).message).toContain("composition/check-crashed  at crash");
  });

  it("refuses layers composed for development in a production environment", () => {
    const error = refusal(() => assertFit(compose([], { mode: "development" }), production));
    expect(error.findings.map(({ rule }) => rule.id)).toEqual(["composition/developer-answers"]);
  });

  it("judges production layers wherever they run, so that a variable cannot switch the check off", () => {
    expect(() => assertFit(compose([WEAK]), { ...production, mode: "development" })).toThrow(BootError);
  });

  it("asks nothing of a laptop", () => {
    expect(() =>
      assertFit(compose([WEAK], { mode: "development" }), { ...production, mode: "development" }),
    ).not.toThrow();
  });

  it("honours a waiver until its day", () => {
    const waivers = [{ id: "test/weak", reason: "migration", owner: "platform", expires: "2026-12-24" }];
    const security = compose([WEAK], { waivers });
    expect(() => assertFit(security, production)).not.toThrow();
    expect(() => assertFit(security, { ...production, nowMs: Date.parse("2026-12-25") })).toThrow(BootError);
  });
});
