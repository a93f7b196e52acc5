import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../../test/support/command-line.ts";
import { OsvServer } from "../../../../test/support/osv-server.ts";
import { locked } from "../../../../test/support/project-folder.ts";
import { writeZip } from "../../../../test/support/zip-writer.ts";

const glacis = commandProcess();
const DAY_MS = 86_400_000;
const day = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

function hole(id: string, name: string, fixed: string, more: object = {}): { id: string } {
  return {
    id,
    modified: new Date().toISOString(),
    summary: `A hole in ${name}`,
    severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" }],
    affected: [
      { package: { ecosystem: "npm", name }, ranges: [{ type: "SEMVER", events: [{ introduced: "0" }, { fixed }] }] },
    ],
    ...more,
  } as { id: string };
}

const HOLE = hole("GHSA-aaaa-bbbb-cccc", "qs", "6.5.3", { aliases: ["CVE-2022-24999"] });
const ALIAS = hole("CVE-2022-24999", "qs", "6.5.3", { aliases: ["GHSA-aaaa-bbbb-cccc"] });
const PACKAGE = {
  name: "app",
  version: "1.0.0",
  private: true,
  dependencies: { express: "4.0.0" },
  devDependencies: { mocha: "1.0.0" },
};
const LOCK = {
  name: "app",
  lockfileVersion: 3,
  packages: {
    "": { ...PACKAGE },
    "node_modules/express": locked("express", "4.0.0", { dependencies: { qs: "~6.5.0" } }),
    "node_modules/qs": locked("qs", "6.5.2"),
    "node_modules/mocha": locked("mocha", "1.0.0", { dev: true, dependencies: { growl: "1.9.2" } }),
    "node_modules/growl": locked("growl", "1.9.2", { dev: true }),
  },
};

let folder: string;
let server: OsvServer;
let url: string;

async function serve(records: readonly { readonly id: string }[], pageSize?: number): Promise<void> {
  await server?.close();
  server = new OsvServer(records, pageSize);
  url = await server.listen();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "glacis-audit-"));
  write("package.json", PACKAGE);
  write("package-lock.json", LOCK);
  await serve([]);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, content: object | string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  const plain = typeof content === "string" || Buffer.isBuffer(content);
  writeFileSync(join(folder, path), plain ? content : JSON.stringify(content));
}

const environment = (): Readonly<Record<string, string>> => ({
  PATH: process.env["PATH"] ?? "",
  XDG_CACHE_HOME: join(folder, "cache"),
  NO_COLOR: "1",
});

const run = (...args: readonly string[]): Promise<Ended> =>
  glacis(["audit", ...args], { cwd: folder, env: environment() });

const online = (...args: readonly string[]): Promise<Ended> => run("--osv-api", url, ...args);

/** In a process that remembers nothing. */
const afresh = (): Promise<Ended> => spawnGlacis(["audit", "--osv-api", url], { cwd: folder, env: environment() });

interface Document {
  readonly source: string;
  readonly findings: readonly {
    readonly id: string;
    readonly severity: string;
    readonly fix: string;
    readonly detail: string;
  }[];
  readonly waived: readonly { readonly id: string }[];
  readonly advisories: readonly {
    readonly id: string;
    readonly aliases: readonly string[];
    readonly severity: { readonly level: string; readonly score: number };
    readonly fixedIn: string;
    readonly malicious: boolean;
    readonly path: { readonly names: readonly string[]; readonly dev: boolean };
  }[];
}

async function json(...args: readonly string[]): Promise<Document> {
  return JSON.parse((await online("--format", "json", ...args)).stdout) as Document;
}

/** Advisories alone: what else is found about the project has tests of its own. */
const ids = ({ findings }: Document): readonly string[] =>
  findings.map(({ id }) => id).filter((id) => id.startsWith("dependency-audit/"));

describe("glacis audit", () => {
  it("names the hole, how the package came here, and the command that mends it", async () => {
    await serve([HOLE]);
    const { stdout, exitCode } = await afresh();
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      "error    dependency-audit/GHSA-aaaa-bbbb-cccc  at qs@6.5.2 (high 7.5; production; app > express@4.0.0 > qs@6.5.2; fixed in 6.5.3; CVE-2022-24999)",
    );
    expect(stdout).toContain("A hole in qs.");
    expect(stdout).toContain("fix: npm update qs\n");
  });

  it("counts records that are aliases once", async () => {
    await serve([ALIAS, HOLE]);
    expect(ids(await json())).toEqual(["dependency-audit/GHSA-aaaa-bbbb-cccc"]);
  });

  it("follows every page of an answer, and asks about each version once", async () => {
    const holes = Array.from({ length: 7 }, (_, index) => hole(`GHSA-0000-0000-000${index}`, "qs", "6.5.3"));
    await serve(holes, 2);
    expect(ids(await json())).toHaveLength(7);
    expect(server.asked.filter((line) => line.startsWith("POST"))).toHaveLength(4);
  });

  it("keeps what it has read, until the server says that it was modified", async () => {
    await serve([HOLE]);
    await afresh();
    await afresh();
    expect(server.asked.filter((line) => line.startsWith("GET"))).toHaveLength(1);
    await serve([{ ...HOLE, modified: "2026-11-20T00:00:00Z" } as typeof HOLE]);
    await afresh();
    expect(server.asked.filter((line) => line.startsWith("GET"))).toHaveLength(1);
  });

  it.each([["truncated"], ["reset"], [429], [500], [503]] as const)("asks again after %s", async (fault) => {
    await serve([HOLE]);
    server.faults.push(fault);
    expect(ids(await json())).toEqual(["dependency-audit/GHSA-aaaa-bbbb-cccc"]);
  });

  it.each([
    ["429, again and again", [429, 429, 429, 429]],
    ["a truncated answer, again and again", ["truncated", "truncated", "truncated", "truncated"]],
    ["405, as some mirrors do", [405]],
    ["an answer with a part missing", ["short"]],
    ["a redirection", ["redirect", "redirect", "redirect", "redirect"]],
  ] as const)("exits 2 and prints no result on %s", async (_, faults) => {
    server.faults.push(...faults);
    const { stdout, stderr, exitCode } = await online("--format", "json");
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toMatch(/^glacis: the advisories could not be asked for: .+\n {2}why: .+\n {2}fix: .+\n$/u);
  });

  it("exits 2 when nobody answers, when a record is not there, and when asked to use plain http", async () => {
    await server.close();
    expect((await online()).exitCode).toBe(2);
    await serve([HOLE]);
    server.faults.push("answer", 404);
    expect((await online()).exitCode).toBe(2);
    expect((await run("--osv-api", "http://example.com")).stderr).toContain("is no https URL");
  });

  it("tells production from development, and leaves the latter out when asked to", async () => {
    await serve([hole("GHSA-dddd-dddd-dddd", "growl", "1.10.0")]);
    const { advisories, findings } = await json();
    expect(advisories[0]?.path).toMatchObject({ dev: true, names: ["app", "mocha@1.0.0", "growl@1.9.2"] });
    expect(findings.find(({ id }) => id.endsWith("dddd"))?.fix).toContain(
      'write { "growl": "1.10.0" } in the "overrides"',
    );
    expect(ids(await json("--omit", "dev"))).toEqual([]);
  });

  it("fails from the severity on that it is told, and always for a package that is malicious", async () => {
    const low = { database_specific: { severity: "LOW" } };
    await serve([hole("GHSA-eeee-eeee-eeee", "qs", "6.5.3", low)]);
    const severity = async (...args: readonly string[]): Promise<string | undefined> =>
      (await json(...args)).findings.find(({ id }) => id.startsWith("dependency-audit/"))?.severity;
    expect(await severity()).toBe("error");
    expect(await severity("--fail-on", "moderate")).toBe("note");
    await serve([hole("MAL-2026-1", "qs", "6.5.3", low)]);
    expect(await severity("--fail-on", "critical")).toBe("error");
    expect((await json()).advisories[0]).toMatchObject({ malicious: true, severity: { level: "critical" } });
  });

  it("counts a hole that is under attack as critical", async () => {
    await serve([HOLE]);
    write("kev.json", { vulnerabilities: [{ cveID: "CVE-2022-24999" }] });
    expect((await json("--known-exploited", "kev.json")).advisories[0]?.severity.level).toBe("critical");
    write("kev.json", {});
    expect((await online("--known-exploited", "kev.json")).exitCode).toBe(2);
  });

  it.each(["GHSA-aaaa-bbbb-cccc", "CVE-2022-24999", "dependency-audit/CVE-2022-24999"])(
    "takes a waiver for %s, with a reason, an owner and an end",
    async (id) => {
      await serve([HOLE]);
      write(".glacis-audit.json", [{ id, at: "qs@6.5.2", reason: "not reachable", owner: "team", expires: day(30) }]);
      const document = await json();
      expect(ids(document)).toEqual([]);
      expect(document.waived.map((found) => found.id)).toEqual(["dependency-audit/GHSA-aaaa-bbbb-cccc"]);
    },
  );

  it("says so when a waiver has expired, is incomplete, or waives what has gone", async () => {
    await serve([HOLE]);
    const waiver = { id: "CVE-2022-24999", reason: "r", owner: "o", expires: day(-1) };
    write(".glacis-audit.json", [
      waiver,
      { ...waiver, expires: day(9), id: "GHSA-gone-gone-gone" },
      { ...waiver, owner: "" },
    ]);
    const found = (await json()).findings.map(({ id }) => id);
    expect(found).toEqual(
      expect.arrayContaining([
        "dependency-audit/GHSA-aaaa-bbbb-cccc",
        "waiver/expired",
        "waiver/unused",
        "waiver/incomplete",
      ]),
    );
    write(".glacis-audit.json", "{}");
    expect((await online()).exitCode).toBe(2);
  });

  it("reads an export of OSV instead: a folder, a ZIP archive or a file, without a network", async () => {
    write("osv/npm/GHSA-aaaa-bbbb-cccc.json", HOLE);
    write("all.zip", writeZip([{ name: "GHSA-aaaa-bbbb-cccc.json", data: JSON.stringify(HOLE) }]));
    write("list.json", JSON.stringify([HOLE]));
    for (const path of ["osv", "all.zip", "list.json"]) {
      const { stdout, exitCode } = await run("--database", path, "--osv-api", "https://invalid.invalid");
      expect({ path, exitCode }).toEqual({ path, exitCode: 1 });
      expect(stdout).toContain("dependency-audit/GHSA-aaaa-bbbb-cccc");
    }
  });

  it("exits 2 for an export that is absent, empty, damaged or something else", async () => {
    mkdirSync(join(folder, "empty"));
    write("damaged.zip", writeZip([{ name: "a.json", data: JSON.stringify(HOLE) }]).subarray(0, 60));
    write("half.zip", writeZip([{ name: "a.json", data: "{" }]));
    write("other.json", { hello: "world" });
    write("mixed/a.json", HOLE);
    write("mixed/b.json", "<html>");
    for (const path of ["nowhere", "empty", "damaged.zip", "half.zip", "other.json", "mixed"])
      expect({ path, exitCode: (await run("--database", path)).exitCode }).toEqual({ path, exitCode: 2 });
  });

  it("remarks that an export is old", async () => {
    write("osv/a.json", { ...HOLE, modified: "2020-01-01T00:00:00Z" });
    const { stdout } = await run("--database", "osv");
    expect(stdout).toContain("warning  dependency-audit/advisories-old  at osv (newest of 2020-01-01)");
  });

  it("gives code scanning a result for each place", async () => {
    await serve([HOLE]);
    const log = JSON.parse((await online("--format", "sarif")).stdout) as {
      readonly runs: readonly { readonly results: readonly { readonly ruleId: string; readonly level: string }[] }[];
    };
    expect(log.runs[0]?.results).toContainEqual(
      expect.objectContaining({ ruleId: "dependency-audit/GHSA-aaaa-bbbb-cccc", level: "error" }),
    );
  });

  it("exits 2 where there is no project, and for a lockfile that it cannot read", async () => {
    rmSync(join(folder, "package.json"));
    expect((await online()).exitCode).toBe(2);
    write("package.json", PACKAGE);
    for (const broken of ["{", '{"lockfileVersion":1,"dependencies":{}}', "[]"]) {
      write("package-lock.json", broken);
      expect({ broken, exitCode: (await online()).exitCode }).toEqual({ broken, exitCode: 2 });
    }
  });
});
