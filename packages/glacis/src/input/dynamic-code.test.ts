import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { reasonOfError } from "../core/error-reason.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { CODE_FROM_STRINGS, dynamicCode } from "./dynamic-code.ts";

function rules(nodeOptions: readonly string[]): readonly unknown[] {
  return dynamicCode()
    .check({ ...currentDeployment("production"), nodeOptions })
    .map(({ rule }) => rule);
}

const PROBE = 'try { new Function("return 1")(); console.log("ran") } catch (error) { console.log(error.name) }';

describe("dynamicCode", () => {
  it("notes a process that can turn a text into code", () => {
    expect(rules([])).toEqual([CODE_FROM_STRINGS]);
    expect(rules(["--allow-code-generation-from-strings"])).toEqual([CODE_FROM_STRINGS]);
  });

  it.each(["--disallow-code-generation-from-strings", "--disallow_code_generation_from_strings"])(
    "believes %s, because Node does: new Function throws",
    (flag) => {
      expect(rules([flag])).toEqual([]);
      expect(execFileSync(process.execPath, [flag, "-e", PROBE], { encoding: "utf8" })).toBe("EvalError\n");
      const env = { ...process.env, NODE_OPTIONS: flag };
      expect(execFileSync(process.execPath, ["-e", PROBE], { encoding: "utf8", env })).toBe("EvalError\n");
    },
  );

  it("has the log told apart from other errors that a text was to be run", () => {
    const told = reasonOfError(new EvalError("Code generation from strings disallowed for this context"));
    expect(told).toMatchObject({ kind: "deny", reason: "internal_error" });
    expect(told.events[0]).toMatchObject({ event: "sys_code_generation_blocked", severity: "critical" });
  });
});
