import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../../test/support/command-line.ts";

const answer = commandProcess();
const BAD =
  'import { find } from "./store.js";\napp.get("/", async (req, res) => res.json(await find(req.query.name)));\n';
const STORE = 'export const find = (name) =>\n  db.query("select * from t where name = \'" + name + "\'");\n';
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "glacis-scan-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write("across/app.ts", BAD);
  write("across/store.ts", STORE);
  write("clean/app.ts", 'app.get("/", (req, res) => db.query("select $1", [req.query.a]));');
  write("broken/app.ts", "const = ;");
  write("broken-and-bad/app.ts", "const = ;");
  write("broken-and-bad/b.ts", "app.get('/', (req, res) => eval(req.query.a));");
  write(
    "waived/a.js",
    `app.get("/", (req, res) => {\n  // glacis-waive scan/code-injection: a playground (platform team, until ${inDays(30)})\n  eval(req.query.a);\n});`,
  );
  write(
    "waived-file/a.js",
    `// glacis-waive-file scan/code-injection: a playground (platform team, until ${inDays(30)})\napp.get("/", (req, res) => {\n  eval(req.query.a);\n  eval(req.query.b);\n});`,
  );
  write("waived-file-beside/a.js", "app.get('/', (req, res) => eval(req.query.a));");
  write(
    "waived-file-beside/b.js",
    `// glacis-waive-file scan/code-injection: a playground (platform team, until ${inDays(30)})`,
  );
  write(
    "expired/a.js",
    `app.get("/", (req, res) => {\n  // glacis-waive scan/code-injection: a playground (platform team, until ${inDays(-2)})\n  eval(req.query.a);\n});`,
  );
  write(
    "unexplained/a.js",
    'app.get("/", (req, res) => {\n  // glacis-waive scan/code-injection\n  eval(req.query.a);\n});',
  );
  const bad = "app.get('/', (req, res) => eval(req.query.a));";
  write("skips/node_modules/x/a.js", bad);
  write("skips/dist/a.js", bad);
  write("skips/generated/a.js", bad);
  write("skips/.gitignore", "generated/\n*.gen.js\n!kept.gen.js\n");
  write("skips/b.gen.js", bad);
  write("skips/a.test.js", bad);
  write("skips/a.js", "export {};");
  write("elsewhere/a.js", bad);
  symlinkSync(join(folder, "elsewhere"), join(folder, "skips/link"), "dir");
  mkdirSync(join(folder, "empty"));
  for (let index = 0; index < 600; index += 1) {
    write(`ring/f${index}.ts`, `import { next } from "./f${(index + 1) % 600}.ts";\nexport const here = () => next;\n`);
  }
  write("deep/a.js", `export const deep = ${"(".repeat(2000)}1${")".repeat(2000)} + ${"!".repeat(30_000)}1;`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const scan = (...args: readonly string[]): Promise<Ended> => answer(["scan", ...args], { cwd: folder });

describe("glacis scan", () => {
  it("follows text from one file into another and ends with 1", async () => {
    const { stdout, exitCode } = await spawnGlacis(["scan", "across"], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("scan/sql-injection  at across/store.ts:2:3");
    expect(stdout).toContain("across/app.ts:2:");
    expect(stdout).toContain("CWE-89");
  });

  it("ends with 0 where there is nothing to find", async () => {
    const { stdout, exitCode } = await scan("clean");
    expect(stdout).toBe("1 file, 0 errors, 0 warnings, 0 notes, 0 waived, 0 unread. Clean.\n");
    expect(exitCode).toBe(0);
  });

  it("ends with 2 where a path is not there, where there is nothing to read, and where a file does not parse", async () => {
    expect(await scan("nowhere")).toMatchObject({ exitCode: 2, stdout: "" });
    expect(await scan("empty")).toMatchObject({ exitCode: 2, stdout: "" });
    const { stdout, exitCode } = await scan("broken");
    expect(stdout).toContain("unread   broken/app.ts:1: ");
    expect(exitCode).toBe(2);
    expect((await scan("broken-and-bad")).exitCode).toBe(1);
  });

  it("survives chains of imports and nesting of any depth", async () => {
    expect(await scan("ring")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("600 files") as string });
    expect((await scan("deep")).exitCode).not.toBeNull();
  });

  it("waives what a comment explains, and nothing else", async () => {
    expect(await scan("waived")).toMatchObject({ exitCode: 0 });
    expect((await scan("waived")).stdout).toContain("platform team: a playground");
    expect(await scan("waived-file")).toMatchObject({ exitCode: 0 });
    expect(await scan("waived-file-beside")).toMatchObject({ exitCode: 1 });
    const expired = await scan("expired");
    expect(expired).toMatchObject({ exitCode: 1 });
    expect(expired.stdout).toContain("waiver/expired");
    const unexplained = await scan("unexplained");
    expect(unexplained).toMatchObject({ exitCode: 1 });
    expect(unexplained.stdout).toContain("waiver/incomplete");
  });

  it("leaves out what others have written, what git ignores, tests and links", async () => {
    expect(await scan("skips")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("1 file, ") as string });
    expect((await scan("skips/generated/a.js")).exitCode).toBe(1);
  });

  it("prints one JSON document with the way of the text", async () => {
    const { stdout } = await scan("across", "--format", "json");
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly { readonly id: string; readonly flow: readonly { readonly file: string }[] }[];
    };
    expect(findings[0]).toMatchObject({ id: "scan/sql-injection", severity: "error", cwe: ["CWE-89"] });
    expect(findings[0]?.flow.map(({ file }) => file)).toEqual(
      expect.arrayContaining(["across/app.ts", "across/store.ts"]),
    );
  });

  it("prints SARIF with code flows and suppressed results", async () => {
    const { stdout } = await scan("across", "waived", "--format", "sarif");
    const log = JSON.parse(stdout) as {
      readonly version: string;
      readonly runs: readonly { readonly results: readonly Record<string, unknown>[] }[];
    };
    expect(log.version).toBe("2.1.0");
    const [first, second] = log.runs[0]?.results ?? [];
    expect(first?.["codeFlows"]).toHaveLength(1);
    expect(second?.["suppressions"]).toMatchObject([{ kind: "inSource", status: "accepted" }]);
  });
});
