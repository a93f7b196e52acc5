import { describe, expect, it } from "vitest";
import { describeError } from "./pipeline.ts";
import { Secret } from "./secret.ts";

const LONGEST = 8192;

describe("describeError", () => {
  it("names the class and says what happened, so much at most", () => {
    expect(describeError(new TypeError("no such file"))).toMatch(/^TypeError: no such file/u);
    expect(describeError("hunter2 and more")).toBe("Non-error thrown: string");
    expect(describeError(new Error("x".repeat(1_000_000)))).toHaveLength(LONGEST + "[more]".length);
  });

  it("shows no part of a secret that has been revealed, at its end either", () => {
    const secret = new Secret("an-outgoing-password-4711").reveal();
    for (let before = 0; before <= secret.length; before += 1) {
      const error = new Error("y".repeat(LONGEST - "Error: ".length - before) + secret + "z".repeat(10_000));
      expect(describeError(error)).not.toContain(secret.slice(0, 8));
    }
  });
});
