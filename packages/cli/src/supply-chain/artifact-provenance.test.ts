import { describe, expect, it } from "vitest";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { artifactProvenance } from "./artifact-provenance.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
function judge(job: string, files: object = {}): readonly string[] {
  const text = `on: push\njobs:\n  release:\n${job.replaceAll(/^/gmu, "    ")}\n`;
  return judged(artifactProvenance, { ".github/workflows/release.yml": text, ...files });
}

const PACKAGE = ["package .github/workflows/release.yml:3 release"];
const IMAGE = ["image .github/workflows/release.yml:3 release"];

describe("what is published", () => {
  it.each([
    ["steps: [{ run: npm publish }]", PACKAGE],
    ["steps: [{ run: npm publish --provenance=false }]", PACKAGE],
    ["steps: [{ run: npm publish --provenance }]", []],
    ["steps: [{ run: npm publish --dry-run }]", []],
    ["env: { NPM_CONFIG_PROVENANCE: 'true' }\nsteps: [{ run: pnpm publish }]", []],
    ["permissions: { id-token: write }\nsteps: [{ run: npm publish }]", []],
    ["permissions: { id-token: write }\nsteps: [{ run: npm publish, env: { NODE_AUTH_TOKEN: x } }]", PACKAGE],
  ])("as a package says how it was built: %j", (job, expected) => {
    expect(judge(job)).toEqual(expected);
  });

  it("may say so in the package or in .npmrc", () => {
    const manifest = { name: "app", publishConfig: { provenance: true } };
    expect(judge("steps: [{ run: npm publish }]", { "package.json": manifest })).toEqual([]);
    expect(judge("steps: [{ run: npm publish }]", { ".npmrc": "provenance=true\n" })).toEqual([]);
  });

  it.each([
    [`steps: [{ uses: docker/build-push-action@${SHA}, with: { push: true } }]`, IMAGE],
    [`steps: [{ uses: docker/build-push-action@${SHA}, with: { push: false } }]`, []],
    ["steps: [{ run: docker push x }]", IMAGE],
    [`steps: [{ run: docker push x }, { uses: actions/attest-build-provenance@${SHA} }]`, []],
    ["steps: [{ run: docker push x }, { run: cosign sign x }]", []],
  ])("as an image is attested: %j", (job, expected) => {
    expect(judge(job)).toEqual(expected);
  });
});
