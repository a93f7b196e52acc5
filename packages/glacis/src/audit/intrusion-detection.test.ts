import { describe, expect, it } from "vitest";
import { publicAccess } from "../core/access.ts";
import { routeRule } from "../core/route.ts";
import { HONEY_ROUTES, intrusionDetection, type IntrusionDetectionOptions } from "./intrusion-detection.ts";

const TOKEN = "bait-credential-7f3a9c";

describe("intrusionDetection", () => {
  const production = {
    mode: "production",
    nodeVersion: "v22.0.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  } as const;

  it("finds that there is no bait, and a route of the application under a path that is", () => {
    const control = intrusionDetection();
    expect(control.check(production).map(({ rule }) => rule.id)).toEqual(["intrusion-detection/no-honey-credential"]);
    expect(intrusionDetection({ honeyCredentials: [TOKEN] }).check(production)).toEqual([]);
    const rule = routeRule(publicAccess("a test"));
    const declared = [HONEY_ROUTES[0], "/documents"].map((pattern) => ({
      method: "GET",
      pattern: pattern ?? "",
      rule,
    }));
    expect(control.checkRoutes?.(declared).map(({ rule: found }) => found.id)).toEqual([
      "intrusion-detection/honey-route-taken",
    ]);
  });

  it.each([
    { honeyCredentials: ["short"] },
    { honeyRoutes: ["/Admin"] },
    { honeyRoutes: ["/"] },
    { honeyRoutes: ["admin"] },
    { honeyTokens: [] },
  ])("refuses options that mean nothing: %j", (options) => {
    expect(() => intrusionDetection(options as IntrusionDetectionOptions)).toThrow(TypeError);
  });
});
