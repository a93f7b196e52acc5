import { describe, expect, it } from "vitest";
import { templateOf } from "../../../../test/support/infrastructure-judge.ts";
import { withProject, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

function infra(
  files: ProjectFiles,
  ...args: readonly string[]
): { readonly code: number | null; readonly out: string } {
  return withProject(files, (cwd) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "infra", ...args], { cwd, encoding: "utf8" });
    return { code: status, out: stdout + stderr };
  });
}

const OPEN = templateOf({ D: ["RDS::DBInstance", { PubliclyAccessible: true }] });
const CLOSED = templateOf({ D: ["RDS::DBInstance", { PubliclyAccessible: false }] });

describe("glacis infra", () => {
  it("judges every template of cdk.out, and says where each finding stands", () => {
    const { code, out } = infra({
      "cdk.out/app.template.json": JSON.stringify(OPEN, undefined, 1),
      "cdk.out/tree.json": {},
    });
    expect(out).toContain("glacis infra: cdk.out, 1 template, 1 resource, 8 controls");
    expect(out).toContain("error    database-exposure/publicly-accessible  at cdk.out/app.template.json:3:1 (D)");
    expect(code).toBe(1);
  });

  it("is clean where nothing is found, and fails for warnings before a deployment", () => {
    const unknown = templateOf({ D: ["RDS::DBInstance"] });
    expect(infra({ "a.json": CLOSED }, "a.json", "--deploy").code).toBe(0);
    expect(infra({ "a.json": unknown }, "a.json").code).toBe(0);
    expect(infra({ "a.json": unknown }, "a.json", "--deploy").code).toBe(1);
  });

  it("compares stages that are named", () => {
    const { out } = infra({ "a.json": CLOSED, "b.json": CLOSED }, "staging=a.json", "production=b.json");
    expect(out).not.toContain("not-compared");
  });

  it("does not call nothing clean", () => {
    const { code, out } = infra({ "cdk.out/manifest.json": {} });
    expect(out).toContain("there is no template at cdk.out");
    expect(code).toBe(2);
  });

  it("lives with a finding for as long as a waiver says", () => {
    const waiver = {
      id: "database-exposure/publicly-accessible",
      reason: "migration",
      owner: "ada",
      expires: "2999-01-01",
    };
    expect(infra({ "a.json": OPEN, ".glacis-infra.json": [waiver] }, "a.json").out).toContain("waived");
  });
});
