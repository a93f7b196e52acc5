import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { newKey } from "glacis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../../test/support/command-line.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const MAIN = join(ROOT, "packages/cli/dist/main.js");
const answer = commandProcess();

/** A composition with a stand-in for each required control, so that a transcript shows the findings that it is about. */
const SECURITY = `
import { glacis, REQUIRED_CONTROLS, type Layers, type Security } from "glacis";
import { bareLayers, stubControl } from "glacis/testing";
import { hsts, type HstsOptions } from "glacis/transport";

// An enum and a bare import path: what TypeScript applications contain and Node alone does not run.
enum Name { hsts = "hsts" }

export function compose(options: HstsOptions, change: Partial<Layers> = {}): Security {
  const stubs = REQUIRED_CONTROLS.filter((id) => id !== Name.hsts).map((id) => stubControl(id, {}));
  return glacis(bareLayers({ mode: "production", network: stubs, transport: [hsts(options)], ...change }));
}
`;

const CONFIGS: Readonly<Record<string, string>> = {
  "glacis.config.ts": 'import { compose } from "./src/security";\nexport const security = compose({});',
  "short.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({ maxAgeSeconds: 300 });',
  "missing.config.ts":
    'import { bareLayers } from "glacis/testing";\nexport const layers = bareLayers({ mode: "production" });',
  "development.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({}, { mode: "development" });',
  "waived.config.ts": `import { compose } from "./src/security";
export const security = compose({ maxAgeSeconds: 300 });
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const entry = { id: "hsts/too-short", reason: "roll-out in steps", owner: process.env.WAIVER_OWNER ?? "platform" };
export const waivers = [{ ...entry, expires: day(Number(process.env.WAIVER_DAYS)) }];`,
  "throws.config.ts": 'throw new TypeError("GLACIS_KEYS is missing.");',
  "misspelt.config.ts": 'import { compose } from "./src/security";\nexport const securty = compose({});',
  "default.config.ts": 'import { compose } from "./src/security";\nexport default compose({});',
  "empty.config.ts": "export {};",
  "both.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({});\nexport const layers = security.layers;',
  "fake.config.ts": "export const security = { check: () => [] };",
  "incomplete.config.ts":
    'import { bareLayers } from "glacis/testing";\nconst { audit: _, ...layers } = bareLayers();\nexport { layers };',
  "waivers.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({});\nexport const waivers = "all";',
  "chatty.config.ts":
    'import { compose } from "./src/security";\nconsole.log("connecting");\nsetInterval(() => undefined, 1000);\nexport const security = compose({});',
  "saas.config.ts": `import { glacis, keyRing, newKey, saas } from "glacis";
import { auditTrail, mailAction, postgresAuditLog } from "glacis/audit";
import { generateKeyPairSync } from "node:crypto";
import pg from "pg";
const database = new pg.Pool();
const { privateKey: signingKey } = generateKeyPairSync("ed25519");
const anchors = [{ name: "elsewhere", publish: () => undefined }];
export const security = glacis(
  saas({
    origin: "https://app.example.com", keys: keyRing(newKey("k1")), proxies: ["10.0.0.0/8"], database,
    membership: async () => ({ roles: [] }),
    auditLog: postgresAuditLog({ database, origin: "app.example.com/audit", signingKey, anchors }),
    auditTrail: auditTrail({ resources: { document: { title: "internal" } } }),
    alarms: { actions: [mailAction({ to: ["security@example.com"], sendMail: () => undefined })] },
    detection: { honeyCredentials: ["a bait of 16 characters or more"] },
    logShipping: { destination: { name: "CloudWatch /app/security", owner: "platform team", readers: ["security"], retentionDays: 400 } },
  }),
);`,
  "weak.config.ts": `import { glacis, keyRing, saas } from "glacis";
export const security = glacis(saas({ origin: "https://app.example.com", keys: keyRing(process.env.GLACIS_KEYS) }));`,
  "[odd]#1?%.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({ maxAgeSeconds: 300 });',
  "syntax.config.ts": "export const security = ;",
  "common/package.json": "{}",
  "common/glacis.config.js": `const { glacis, REQUIRED_CONTROLS } = require("glacis");
const { bareLayers, stubControl } = require("glacis/testing");
const network = REQUIRED_CONTROLS.map((id) => stubControl(id, {}));
module.exports = { security: glacis(bareLayers({ mode: "production", network })) };`,
  "common/names.config.js":
    'const { bareLayers } = require("glacis/testing");\nexports.layers = bareLayers({ mode: "production" });\nexports.waivers = [];',
  "common/other.config.js":
    'const { bareLayers } = require("glacis/testing");\nmodule.exports = { layers: bareLayers(), layer: 1 };',
  "plain/glacis.config.js":
    'import { glacis, keyRing, saas } from "glacis";\nexport const security = glacis(saas({ origin: "https://app.example.com", keys: keyRing(process.env.GLACIS_KEYS) }));',
  "exits.config.ts": "process.exit(0);",
  "crashes.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({});\nsetImmediate(() => { throw new Error("later"); });\nawait new Promise((resolve) => setTimeout(resolve, 5_000));',
  "rejects.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({});\nvoid Promise.reject(new Error("lost"));',
  "parting.config.ts":
    'import { compose } from "./src/security";\nexport const security = compose({});\nprocess.nextTick(() => console.log("soon"));\nprocess.on("exit", () => console.log("bye"));',
  "controls.config.ts":
    'import { compose } from "./src/security";\nconst real = compose({});\nexport const security = { ...real, check: () => { throw new Error("broken check"); } };',
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "glacis-check-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [path, text] of Object.entries(CONFIGS)) write(path, text);
  write("src/security.ts", SECURITY);
  write("package.json", '{ "type": "module" }');
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(ROOT, "packages/glacis"), join(folder, "node_modules/glacis"), "dir");
  symlinkSync(join(ROOT, "node_modules/pg"), join(folder, "node_modules/pg"), "dir");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A configuration that ends the process, or leaves something running in it, has one of its own. */
const ALONE = /exits|crashes|rejects|controls|chatty|parting|^check --deploy$|^--version$|^$/u;

function glacis(args: string, environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const env = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", ...environment };
  return (ALONE.test(args) ? spawnGlacis : answer)(args.split(" ").filter(Boolean), { cwd: folder, env });
}

/** Command, stdout, stderr and exit code as a person would paste them; what depends on the machine is named. */
async function transcript(args: string, environment?: Readonly<Record<string, string>>): Promise<string> {
  const { stdout, stderr, exitCode } = await glacis(args, environment);
  return `$ glacis ${args}\n${stdout}${stderr === "" ? "" : `--- stderr\n${stderr}`}--- exit ${exitCode}`
    .replaceAll(process.versions.node, "<node>")
    .replaceAll(/\d+ controls/gu, "<n> controls");
}

describe("glacis check", () => {
  it("says so and exits 0 when nothing is found", async () => {
    expect(await transcript("check --deploy")).toBe(`$ glacis check --deploy
glacis check: glacis.config.ts, production, Node <node>, <n> controls

0 errors, 0 warnings, 0 notes, 0 waived. Clean.
--- exit 0`);
  });

  it("finds nothing that counts in what saas() composes", async () => {
    const { stdout, exitCode } = await glacis("check --deploy --config saas.config.ts");
    expect(stdout).toContain("\n0 errors, 0 warnings, ");
    expect(exitCode).toBe(0);
  });

  it("reports secrets of the environment by name and never by value", async () => {
    const environment = {
      SESSION_SECRET: "changeme-hunter2",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      NODE_NO_WARNINGS: "1",
    };
    const { stdout, exitCode } = await glacis("check --config saas.config.ts", environment);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^error {4}secrets-management\/placeholder {2}at SESSION_SECRET$/mu);
    expect(stdout).toMatch(/^error {4}tls-peer-verification\/off {2}at NODE_TLS_REJECT_UNAUTHORIZED$/mu);
    expect(stdout).not.toContain("hunter2");
  });

  it("passes on the correction when the composition itself refuses, without quoting a key", async () => {
    const { stderr, exitCode } = await glacis("check --config weak.config.ts", { GLACIS_KEYS: "k1:hunter2" });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("weak.config.ts could not be loaded: TypeError: Key 1 of the ring");
    expect(stderr).not.toContain("hunter2");
  });

  it("prints what, where, why and fix of a warning, and lets it pass on a laptop", async () => {
    expect(await transcript("check --config short.config.ts")).toBe(`$ glacis check --config short.config.ts
glacis check: short.config.ts, production, Node <node>, <n> controls

warning  hsts/too-short  at hsts (max-age=300)
         Strict-Transport-Security lasts less than one year.
         why: A browser forgets a short policy between visits, and the next visit can be downgraded to HTTP.
         fix: Use maxAgeSeconds: 63_072_000, or a ramp with an end date while you roll out.

0 errors, 1 warning, 0 notes, 0 waived. Clean; a deployment counts warnings too: --deploy.
--- exit 0`);
  });

  it("counts the same warning before a deployment", async () => {
    const { stdout, exitCode } = await glacis("check --deploy --config short.config.ts");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("1 warning, 0 notes, 0 waived. Not fit:");
  });

  it("counts an error always: a control that is missing", async () => {
    const { stdout, exitCode } = await glacis("check --config missing.config.ts");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^error +composition\/control-missing {2}at .*\bcsrf\b/mu);
  });

  it("counts layers composed for development when the environment is production", async () => {
    expect((await glacis("check --config development.config.ts")).exitCode).toBe(1);
    expect((await glacis("check --config development.config.ts", { NODE_ENV: "development" })).exitCode).toBe(0);
  });

  it("takes a waived finding out of the verdict and lists it with its reason", async () => {
    const { stdout, exitCode } = await glacis("check --deploy --config waived.config.ts", { WAIVER_DAYS: "30" });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^waived {3}hsts\/too-short {2}at hsts\n {9}until \d{4}-\d\d-\d\d, platform: roll-out in steps$/mu,
    );
    expect(stdout).toContain("0 warnings, 0 notes, 1 waived. Clean.");
  });

  it.each([
    ["-1", "waiver/expired"],
    ["120", "waiver/too-long"],
    ["x", "could not be loaded"],
  ])("does not honour a waiver that ends %s days from now", async (days, expected) => {
    const { stdout, stderr, exitCode } = await glacis("check --deploy --config waived.config.ts", {
      WAIVER_DAYS: days,
    });
    expect(exitCode).toBeGreaterThan(0);
    expect(stdout + stderr).toContain(expected);
  });

  it.each([
    ["nowhere.config.ts", "there is no nowhere.config.ts here."],
    ["throws.config.ts", "throws.config.ts could not be loaded: TypeError: GLACIS_KEYS is missing."],
    ["misspelt.config.ts", 'misspelt.config.ts exports "securty", which means nothing here.'],
    ["default.config.ts", 'default.config.ts exports "default", which means nothing here.'],
    ["empty.config.ts", "empty.config.ts exports neither security nor layers."],
    ["both.config.ts", "both.config.ts exports both security and layers."],
    ["fake.config.ts", "fake.config.ts exports a security that glacis() did not make."],
    ["incomplete.config.ts", 'the layers of incomplete.config.ts do not compose: TypeError: glacis() needs "audit".'],
    ["waivers.config.ts", "waivers.config.ts exports waivers that are no list."],
    ["syntax.config.ts", "syntax.config.ts could not be loaded:"],
  ])("exits 2 for %s, and says what, why and what to do on stderr alone", async (config, message) => {
    const { stdout, stderr, exitCode } = await glacis(`check --format json --config ${config}`);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toContain(`glacis: ${message}`);
    expect(stderr).toMatch(/\n {2}why: .+\n {2}fix: .+\n$/u);
  });

  it.each(["exits", "crashes", "rejects", "controls"])(
    "does not call clean or judged what nobody has judged: a configuration that %s",
    async (name) => {
      const { stderr, exitCode } = await glacis(`check --config ${name}.config.ts`);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^glacis: .+\n {2}why: .+\n {2}fix: /mu);
    },
  );

  it("finds the configuration of a project in plain JavaScript", async () => {
    const env = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", GLACIS_KEYS: newKey("k1") };
    const { stdout } = await answer(["check"], { cwd: join(folder, "plain"), env });
    expect(stdout).toContain("glacis check: glacis.config.js, production");
  });

  it.each([
    ["glacis.config.js", 0],
    ["names.config.js", 1],
    ["other.config.js", 2],
  ])("reads what CommonJS exports: %s", async (config, expected) => {
    const env = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production" };
    const { exitCode } = await answer(["check", "--deploy", "--config", config], { cwd: join(folder, "common"), env });
    expect(exitCode).toBe(expected);
  });

  it("suggests the export that was meant", async () => {
    expect((await glacis("check --config misspelt.config.ts")).stderr).toContain('fix: did you mean "security"?');
  });

  it.each(["", "chek", "check --depoly", "check --format xml", "check --config"])(
    "exits 2 when asked for something that is not there: glacis %s",
    async (args) => {
      const { stdout, exitCode } = await glacis(args);
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    },
  );

  it("prints its version and its help and exits 0", async () => {
    expect(await transcript("--version")).toBe("$ glacis --version\n0.1.0\n--- exit 0");
    expect((await glacis("check --help")).stdout).toContain("Exit code: 0 clean, 1 findings, 2 could not check.");
  });

  it("keeps a document parseable when the configuration prints, and ends although it left a timer running", async () => {
    const { stdout, stderr, exitCode } = await glacis("check --format json --config chatty.config.ts");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ format: 1, clean: true, findings: [] });
    expect(stderr).toBe("connecting\n");
  });

  it("keeps what a configuration prints on its way out from behind the document", async () => {
    const { stdout, stderr, exitCode } = await glacis("check --format json --config parting.config.ts");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ clean: true });
    expect(stderr).toBe("soon\nbye\n");
  });

  it.skipIf(!existsSync("/dev/full"))("does not call clean what it could not write down", async () => {
    const full = openSync("/dev/full", "w");
    const env = { PATH: process.env["PATH"] ?? "", NODE_ENV: "production" };
    const child = spawn(process.execPath, [MAIN, "check"], { cwd: folder, env, stdio: ["ignore", full, "pipe"] });
    const [stderr, exitCode] = await Promise.all([
      text(child.stderr as Readable),
      new Promise((resolve) => child.on("close", resolve)),
    ]);
    closeSync(full);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("glacis: the answer could not be written: ");
  });

  it("lets no waiver move the cursor, turn a line around or write one of its own", async () => {
    const environment = { WAIVER_DAYS: "30", WAIVER_OWNER: "team\u001B[2J\n0 errors\u202E" };
    const { stdout } = await glacis("check --config waived.config.ts", environment);
    expect(stdout).toMatch(/^ {9}until \S+, team \[2J 0 errors : roll-out in steps$/mu);
  });

  it("gives programs every finding with its place, and every control that was asked", async () => {
    const { stdout } = await glacis("check --deploy --format json --config short.config.ts");
    const document = JSON.parse(stdout) as { readonly controls: readonly unknown[] };
    expect(document).toMatchObject({
      tool: { name: "glacis", version: "0.1.0" },
      config: "short.config.ts",
      mode: "production",
      deploy: true,
      clean: false,
      findings: [
        { id: "hsts/too-short", severity: "warning", at: { kind: "setting", name: "hsts" }, django: ["security.W004"] },
      ],
      waived: [],
    });
    expect(document.controls).toContainEqual(
      expect.objectContaining({
        id: "hsts",
        layer: "transport",
        guide: expect.arrayContaining(["A02"]) as string[],
        findings: 1,
      }),
    );
  });

  it("writes no escape codes where nobody looks at colours", async () => {
    expect((await glacis("check --config short.config.ts")).stdout).not.toContain("\u001B");
  });
});

describe("glacis check --format sarif", () => {
  it("is a SARIF 2.1.0 log whose results refer to described rules", async () => {
    const { stdout, exitCode } = await glacis("check --deploy --format sarif --config missing.config.ts");
    const log = JSON.parse(stdout) as Sarif;
    expect(exitCode).toBe(1);
    expect(log.version).toBe("2.1.0");
    expect(log.$schema).toMatch(/^https:.*sarif-schema-2\.1\.0\.json$/u);
    const [run] = log.runs;
    expect(run?.invocations).toMatchObject([{ executionSuccessful: true, exitCode: 1 }]);
    const rules = run?.tool.driver.rules ?? [];
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(rule.shortDescription.text).not.toBe("");
      expect(rule.help.markdown).toContain("**Fix:**");
      expect(["error", "warning", "note"]).toContain(rule.defaultConfiguration.level);
    }
    expect(run?.results.length).toBeGreaterThan(0);
    for (const result of run?.results ?? []) {
      expect(rules[result.ruleIndex]?.id).toBe(result.ruleId);
      const [location] = result.locations;
      expect(location?.physicalLocation.artifactLocation.uri).toBe("missing.config.ts");
      expect(location?.physicalLocation.region.startLine).toBeGreaterThanOrEqual(1);
    }
    const prints = (run?.results ?? []).map((result) => result.partialFingerprints["ruleAndPlace/v1"]);
    expect(new Set(prints).size).toBe(prints.length);
  });

  it("names a file as a URI, whatever characters its name has", async () => {
    const { stdout } = await glacis("check --format sarif --config [odd]#1?%.config.ts");
    const [run] = (JSON.parse(stdout) as Sarif).runs;
    expect(run?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe("%5Bodd%5D%231%3F%25.config.ts");
  });

  it("shows a waived finding as a suppressed result with its justification", async () => {
    const { stdout } = await glacis("check --format sarif --config waived.config.ts", { WAIVER_DAYS: "30" });
    const [run] = (JSON.parse(stdout) as Sarif).runs;
    expect(run?.results).toHaveLength(1);
    expect(run?.results[0]).toMatchObject({
      ruleId: "hsts/too-short",
      level: "warning",
      message: { text: expect.stringContaining(" At hsts (max-age=300). ") },
      suppressions: [
        { kind: "external", justification: expect.stringContaining("roll-out in steps (platform, until") },
      ],
    });
  });
});

describe("glacis check --format json", () => {
  it("lists a waived finding with its whole waiver, and beside no finding that stands", async () => {
    const { stdout } = await glacis("check --deploy --format json --config waived.config.ts", { WAIVER_DAYS: "30" });
    expect(JSON.parse(stdout)).toMatchObject({
      deploy: true,
      clean: true,
      findings: [],
      waived: [
        {
          id: "hsts/too-short",
          detail: "max-age=300",
          waiver: { reason: "roll-out in steps", owner: "platform", expires: expect.any(String) },
        },
      ],
    });
  });
});

describe("glacis check --format text", () => {
  it("names two dozen places of a rule and counts the others", async () => {
    const { stdout } = await glacis("check --config missing.config.ts");
    const [, places = "", more] = /control-missing {2}at (.*), and (\d+) more$/mu.exec(stdout) ?? [];
    expect(places.split(", ")).toHaveLength(24);
    expect(Number(more)).toBeGreaterThan(0);
  });
});

interface Sarif {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly invocations: readonly unknown[];
    readonly tool: {
      readonly driver: {
        readonly rules: readonly {
          readonly id: string;
          readonly shortDescription: { readonly text: string };
          readonly help: { readonly markdown: string };
          readonly defaultConfiguration: { readonly level: string };
        }[];
      };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly partialFingerprints: Readonly<Record<string, string>>;
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string };
          readonly region: { readonly startLine: number };
        };
      }[];
    }[];
  }[];
}
