import { describe, expect, it } from "vitest";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { ciHardening } from "./ci-hardening.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const DIGEST = `sha256:${"a".repeat(64)}`;
const FILE = ".github/workflows/ci.yml";

/** A workflow that nothing is wrong with, but for what is put into it. */
function workflow({ on = "push", top = "permissions: {}", job = "", steps = "- run: npm ci" } = {}): string {
  return `on: ${on}
${top}
concurrency: ci
jobs:
  test:
    runs-on: ubuntu-latest
    permissions: { contents: read }
    timeout-minutes: 5
${job.replaceAll(/^/gmu, "    ")}
    steps:
${steps.replaceAll(/^/gmu, "      ")}
`;
}

const judge = (text: string, file = FILE): readonly string[] => judged(ciHardening, { [file]: text });
const step = (text: string, on?: string): readonly string[] =>
  judge(workflow({ steps: text, ...(on !== undefined && { on }) }));
const rules = (found: readonly string[]): readonly string[] => found.map((line) => line.split(" ")[0] as string);

describe("a workflow", () => {
  it("that is hardened has no finding", () => {
    expect(
      step(`- uses: actions/checkout@${SHA} # v6\n  with: { persist-credentials: false }\n- run: npm ci && npm test`),
    ).toEqual([]);
  });

  it.each([
    ["actions/setup-node@v6", true],
    ["actions/setup-node@main", true],
    ["actions/setup-node@0123456", true],
    ["docker://alpine:3", true],
    ["actions/setup-node", true],
    [`actions/setup-node@${SHA}`, false],
    [`docker://alpine@${DIGEST}`, false],
    ["./.github/actions/own", false],
  ])("uses %s", (uses, found) => {
    expect(rules(step(`- uses: ${uses}`))).toEqual(found ? ["unpinned-action"] : []);
  });

  it("says where", () => {
    expect(step("- run: npm ci\n- name: x\n  uses: a/b@v1")).toEqual([`unpinned-action ${FILE}:13 a/b@v1`]);
  });

  it.each([
    ["echo ${{ github.event.issue.title }}", true],
    ["echo ${{ github.event.pull_request.head.ref }}", true],
    ["echo ${{ github['event']['comment'].body }}", true],
    ["echo ${{ GITHUB.EVENT.commits[0].message }}", true],
    ["echo ${{ github.event.commits[matrix.index].message }}", true],
    ["echo ${{ format('{0}', github.head_ref) }}", true],
    ["echo '${{ toJSON(github.event) }}'", true],
    ["echo '${{ toJSON(github) }}'", true],
    ["echo ${{\n  github.event.review.body\n}}", true],
    ["echo ${{ github.event.pull_request.number }} ${{ github.event.pull_request.head.sha }} ${{ github.sha }}", false],
    ["echo ${{ github.repository }} ${{ matrix.node }}", false],
    ['echo "$TITLE"', false],
  ])("runs %j", (run, found) => {
    expect(rules(step(`- run: ${JSON.stringify(run)}`))).toEqual(found ? ["injection"] : []);
  });

  it("gives a stranger's words to a script as a variable, or to an action that does not run them", () => {
    expect(step('- run: echo "$T"\n  env: { T: "${{ github.event.issue.title }}" }')).toEqual([]);
    const script = `- uses: actions/github-script@${SHA}\n  with: { script: "log('\${{ github.event.issue.title }}')" }`;
    expect(rules(step(script))).toEqual(["injection"]);
    expect(step(`- uses: a/label@${SHA}\n  with: { title: "\${{ github.event.issue.title }}" }`)).toEqual([]);
  });

  it.each([
    ["", ["token-permissions"]],
    ["permissions: write-all", ["token-permissions"]],
    ["permissions: read-all", []],
    ["permissions: { contents: read }", []],
  ])("has rights that are written down: %j", (top, expected) => {
    const text = workflow({ top }).replace("    permissions: { contents: read }\n", "");
    expect(rules(judge(text))).toEqual(expected);
  });

  it("gives no job more because another one needs it", () => {
    const text = `${workflow({ top: "permissions: { contents: write }" }).replace("    permissions: { contents: read }\n", "")}  other:\n    runs-on: x\n    timeout-minutes: 5\n    steps: []\n`;
    expect(judge(text)).toEqual([`token-permissions ${FILE}:5 every job has contents: write`]);
  });

  it("does not check out the code of strangers where it has secrets", () => {
    const checkout = (ref: string): string =>
      `- uses: actions/checkout@${SHA}\n  with: { persist-credentials: false, ref: "${ref}" }`;
    expect(rules(step(checkout("${{ github.event.pull_request.head.sha }}"), "pull_request_target"))).toEqual([
      "privileged-trigger",
      "untrusted-checkout",
    ]);
    expect(
      rules(step(checkout("refs/pull/${{ github.event.number }}/merge"), "[push, pull_request_target]")),
    ).toContain("untrusted-checkout");
    expect(rules(step("- run: gh pr checkout 1", "{ workflow_run: { workflows: [a] } }"))).toContain(
      "untrusted-checkout",
    );
    expect(rules(step("- run: gh pr checkout 1", "issue_comment"))).toEqual(["untrusted-checkout"]);
    expect(rules(step(checkout("main"), "pull_request_target"))).toEqual(["privileged-trigger"]);
    expect(step(checkout("${{ github.event.pull_request.head.sha }}"), "pull_request")).toEqual([]);
  });

  it("keeps secrets from strangers, and from workflows that need fewer", () => {
    const run = "- run: npm ci\n  env: { K: '${{ secrets.KEY }}', T: '${{ secrets.GITHUB_TOKEN }}' }";
    expect(step(run)).toEqual([]);
    const folded = '- run: npm ci\n  env: { K: "${{\\nsecrets.KEY }}" }';
    expect(step(folded, "pull_request_target")).toContain(`secrets-to-strangers ${FILE}:5 KEY`);
    expect(step(run, "pull_request_target")).toContain(`secrets-to-strangers ${FILE}:5 KEY`);
    const called = `on: push\npermissions: {}\nconcurrency: x\njobs:\n  a:\n    uses: a/b/.github/workflows/c.yml@v1\n    secrets: inherit\n`;
    expect(rules(judge(called))).toEqual(["unpinned-action", "secrets-inherited"]);
  });

  it.each(["AWS_SECRET_ACCESS_KEY", "NPM_TOKEN", "GCP_CREDENTIALS", "AZURE_CLIENT_SECRET"])(
    "asks for %s as a token of minutes",
    (name) => {
      expect(step(`- run: npm ci\n  env: { K: "\${{ secrets['${name}'] }}" }`)).toEqual([
        `long-lived-key ${FILE}:5 ${name}`,
      ]);
    },
  );

  it.each([
    ["npm install", true],
    ["npm i -g tool", true],
    ["cd x && npm install\nnpm test", true],
    ["yarn", true],
    ["yarn install --immutable", false],
    ["yarn test", false],
    ["pnpm install", false],
    ["pnpm install --no-frozen-lockfile", true],
    ["npx --yes tool", true],
    ["npx tsc", false],
    ["npm ci", false],
  ])("installs with %j", (run, found) => {
    expect(rules(step(`- run: ${JSON.stringify(run)}`))).toEqual(found ? ["unfrozen-install"] : []);
  });

  it("leaves no token behind, ends, and takes its turn", () => {
    expect(rules(step(`- uses: actions/checkout@${SHA}`))).toEqual(["credentials-kept"]);
    expect(rules(judge(workflow().replace("    timeout-minutes: 5\n", "")))).toEqual(["no-timeout"]);
    expect(rules(judge(workflow().replace("concurrency: ci\n", "")))).toEqual(["no-concurrency"]);
    expect(rules(step("- run: npm ci\n  env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: true }"))).toEqual([]);
    expect(rules(step("- run: npm ci\n  env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: 'true' }"))).toEqual([
      "unsecure-commands",
    ]);
  });

  it("runs strangers on machines that are thrown away, in images by digest", () => {
    const own = workflow({ on: "pull_request" }).replace("ubuntu-latest", "[self-hosted, linux]");
    expect(rules(judge(own))).toEqual(["self-hosted-runner"]);
    expect(rules(judge(workflow({ job: "container: node:24\nservices: { db: { image: postgres:18 } }" })))).toEqual([
      "unpinned-image",
      "unpinned-image",
    ]);
    expect(judge(workflow({ job: `container: { image: "node@${DIGEST}" }` }))).toEqual([]);
  });

  it.each(["on: [", "a: b: c", "", "- list"])("that cannot be read is a finding: %j", (text) => {
    expect(rules(judge(text))).toEqual(["unreadable"]);
  });

  it("with a million beginnings of expressions is read in no time", () => {
    const run = "${{ github} } ".repeat(70_000);
    const startMs = performance.now();
    expect(rules(step(`- run: ${JSON.stringify(run)}`))).toEqual([]);
    expect(rules(step(`- run: ${JSON.stringify(run.repeat(2))}`))).toEqual(["unreadable"]);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it("is judged in composite actions that git tracks as well", () => {
    const action =
      "runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n    - run: echo ${{ github.head_ref }}\n      shell: bash\n";
    expect(rules(judged(ciHardening, { ".github/actions/x/action.yml": action }, true))).toEqual([
      "unpinned-action",
      "injection",
    ]);
  });
});
