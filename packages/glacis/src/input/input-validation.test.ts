import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { publicAccess } from "../core/access.ts";
import { routeRule, type RouteOptions } from "../core/route.ts";
import { input } from "./input.ts";
import { inputValidation } from "./input-validation.ts";

function found(method: string, pattern: string, options: RouteOptions = {}): readonly string[] {
  const rule = routeRule(publicAccess("a test"), options);
  const findings = inputValidation().checkRoutes?.([{ method, pattern, rule }]) ?? [];
  return findings.map(({ rule: { id }, detail }) => (detail === undefined ? id : `${id} ${detail}`));
}

describe("the route table", () => {
  it.each([
    ["POST", "/documents"],
    ["PUT", "/documents/:id"],
    ["PATCH", "/x"],
    ["DELETE", "/x"],
    ["ALL", "/x"],
    ["GET", "/documents/:id"],
    ["GET", "/files/*"],
  ])("must say what it takes: %s %s", (method, pattern) => {
    expect(found(method, pattern)).toEqual(["input-validation/undeclared"]);
    expect(found(method, pattern, { input: input({}) })).toEqual([]);
  });

  it("need not say it of a page without parameters", () => {
    expect(found("GET", "/about")).toEqual([]);
  });

  it("names what a declaration leaves open", () => {
    expect(found("POST", "/x", { input: input({ body: { a: z.string(), b: v.string() } }) })).toEqual([
      "input-validation/unbounded body/a",
      "input-validation/unseen body/b",
    ]);
  });

  it("takes nothing for an input that is none", () => {
    expect(() => routeRule(publicAccess("a test"), { input: z.string() as never })).toThrow(/what input/u);
  });
});
