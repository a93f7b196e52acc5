import { describe, expect, it } from "vitest";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { sbom } from "./sbom.ts";

const judge = (steps: string): readonly string[] =>
  judged(sbom, { ".github/workflows/release.yml": `on: push\njobs:\n  release:\n    steps: [${steps}]\n` });

describe("a bill of materials", () => {
  it("is made where something is published", () => {
    expect(judge("{ run: npm test }")).toEqual([]);
    expect(judge("{ run: npm publish }")).toEqual(["absent .github/workflows/release.yml:3 release"]);
    expect(judge("{ run: docker push x }")).toEqual(["absent .github/workflows/release.yml:3 release"]);
    expect(judge("{ run: npx glacis sbom > sbom.json }, { run: npm publish }")).toEqual([]);
    expect(judge("{ uses: anchore/sbom-action@v1 }, { run: docker push x }")).toEqual([]);
  });
});
