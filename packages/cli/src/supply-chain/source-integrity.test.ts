import { describe, expect, it } from "vitest";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { sourceIntegrity } from "./source-integrity.ts";

const WORKFLOW = { ".github/workflows/ci.yml": "on: push\n" };
const judge = (files: object): readonly string[] =>
  judged(sourceIntegrity, files as Parameters<typeof judged>[1], true).filter((line) => !line.startsWith("unsigned"));

describe("the source", () => {
  it("has owners where it has workflows", () => {
    expect(judge({})).toEqual([]);
    expect(judge(WORKFLOW)).toEqual(["no-code-owners .github/CODEOWNERS:1"]);
  });

  it.each([
    ["* @team", true],
    ["/.github/ @team", true],
    [".github/workflows/ @team", true],
    ["# * @team", false],
    ["/src/ @team", false],
    ["* @team\n/.github/", false],
    ["*.ts @team", false],
  ])("has owners of its workflows by %j", (text, owned) => {
    expect(judge({ ...WORKFLOW, CODEOWNERS: text })).toEqual(owned ? [] : ["workflows-unowned CODEOWNERS:1"]);
  });

  it("is remarked upon where its last commit is not signed, and not judged outside a repository", () => {
    expect(judged(sourceIntegrity, {}, true)).toEqual(["unsigned .git/HEAD:1"]);
    expect(judged(sourceIntegrity, WORKFLOW)).toEqual([]);
  });
});
