import { describe, expect, it } from "vitest";
import { glacis } from "../glacis.ts";
import { bareLayers, stubControl } from "../testing/layers.ts";
import { publicAccess } from "./access.ts";
import type { DeclaredRoute, Deployment } from "./control.ts";
import { describeLocation, finding, type Finding, type Rule } from "./finding.ts";
import { judgeObservations, judgeSecurity, REQUIRED_CONTROLS } from "./judge.ts";
import type { Observation } from "./response.ts";
import { routeRule } from "./route.ts";

const WEAK: Rule = { id: "test/weak", severity: "error", what: "It is weak.", why: "Because.", fix: "Strengthen it." };
const NOW = Date.parse("2026-11-26");
const production: Deployment = {
  mode: "production",
  nodeVersion: "22.20.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: NOW,
};
const complete = REQUIRED_CONTROLS.map((id) => stubControl(id, {}));
const waiver = { id: "test/weak", reason: "migration", owner: "platform", expires: "2026-12-24" };

function compose(...controls: readonly ReturnType<typeof stubControl>[]) {
  return glacis(bareLayers({ network: [...complete, ...controls], mode: "production" }));
}

const told = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ rule, at }) => `${rule.id} at ${describeLocation(at)}`);

const weak = stubControl("test", {
  rules: [WEAK],
  check: () => [finding(WEAK, { kind: "setting", name: "here" })],
});

describe("judgeSecurity", () => {
  it("honours waivers that the caller alone knows, beside those of the layers", () => {
    expect(judgeSecurity(compose(weak), production).waived).toHaveLength(0);
    expect(judgeSecurity(compose(weak), production, [waiver]).waived).toMatchObject([{ waiver }]);
  });

  it("knows its own rules, so that a waiver of one is superfluous and not unknown", () => {
    const extra = [
      { ...waiver, id: "waiver/expired" },
      { ...waiver, id: "composition/check-crashed", at: "hsts" },
    ];
    expect(told(judgeSecurity(compose(), production, extra).standing)).toEqual([
      "waiver/unused at waivers: waiver/expired",
      "waiver/unused at waivers: composition/check-crashed",
    ]);
  });

  it("asks controls about the routes that were sealed", () => {
    const routed = stubControl("routed", {
      rules: [WEAK],
      checkRoutes: (routes: readonly DeclaredRoute[]) =>
        routes.map(({ method, pattern }) => finding(WEAK, { kind: "route", method, pattern })),
    });
    const security = compose(routed);
    security.seal([{ method: "GET", pattern: "/a", rule: routeRule(publicAccess("front page")), fix: "" }]);
    expect(told(judgeSecurity(security, production).standing)).toEqual(["test/weak at GET /a"]);
  });

  it("tells of a check that crashed in one line", () => {
    const crash = stubControl("crash", {
      check: () => {
        throw new Error("first\nsecond");
      },
    });
    const { standing } = judgeSecurity(compose(crash), production);
    expect(told(standing)).toEqual(["composition/check-crashed at crash"]);
    expect(standing[0]?.detail).toBe("Error: first");
  });
});

describe("judgeObservations", () => {
  const observation = { url: "https://app.example.com/a" } as Observation;

  it("names what several answers share at one address once", () => {
    const seen = stubControl("seen", {
      observe: ({ url }: Observation) => [finding(WEAK, { kind: "response", url, header: undefined })],
    });
    const other = { ...observation, url: "https://app.example.com/b" };
    expect(told(judgeObservations([seen], [observation, observation, other]))).toEqual([
      "test/weak at https://app.example.com/a",
      "test/weak at https://app.example.com/b",
    ]);
  });

  it("takes a control that crashes over an answer for a finding, and names it", () => {
    const crash = stubControl("crash", {
      observe: () => {
        throw new Error("first\nsecond");
      },
    });
    expect(judgeObservations([crash], [observation])).toMatchObject([
      { rule: { id: "composition/check-crashed" }, detail: "crash: Error: first" },
    ]);
  });
});

describe("a sealed route table", () => {
  it("changes no more", () => {
    const routes = compose().seal([
      { method: "GET", pattern: "/a", rule: routeRule(publicAccess("front page")), fix: "" },
    ]);
    expect(Object.isFrozen(routes)).toBe(true);
    expect(routes.every((route) => Object.isFrozen(route))).toBe(true);
  });
});
