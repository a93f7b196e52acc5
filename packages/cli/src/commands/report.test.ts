import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis, type Ended } from "../../../../test/support/command-line.ts";

const answer = commandProcess();
const folder = mkdtempSync(join(tmpdir(), "glacis-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ended> => answer(args, { cwd: folder });

const control = (id: string) => ({
  id,
  title: `The control ${id}`,
  layer: "transport",
  guide: ["A05"],
  owasp2021: ["A05"],
  owasp2025: ["A02"],
  asvs: ["v5.0.0-3.4.1"],
  cwe: ["CWE-319"],
});

const finding = (id: string, severity: string, more: object = {}) => ({
  id,
  severity,
  what: `What ${id} is.`,
  why: "Why.",
  fix: "How to mend it.",
  at: { kind: "setting", name: "hsts" },
  ...more,
});

function write(name: string, document: object, daysOld = 0): string {
  const time = new Date(Date.now() - daysOld * 86_400_000).toISOString();
  const whole = { format: 1, command: "check", time, findings: [], waived: [], controls: [], ...document };
  writeFileSync(join(folder, name), JSON.stringify(whole));
  return name;
}

/** The outcome of each control, as the page tells it. */
function outcomes(page: string): Readonly<Record<string, string>> {
  const panels = page.split("<article>").slice(1);
  return Object.fromEntries(
    panels.map((panel) => [/<code>([^<]+)<\/code>/u.exec(panel)?.[1], /class="mark (\w+)"/u.exec(panel)?.[1]]),
  ) as Readonly<Record<string, string>>;
}

describe("glacis report", () => {
  it("says of each control what the evidence says, the worst first", async () => {
    const check = write("check.json", {
      controls: ["a", "b", "c", "d"].map(control),
      findings: [finding("a/bad", "error"), finding("b/meh", "warning"), finding("d/note", "note")],
      waived: [
        finding("c/lived-with", "error", {
          waiver: { id: "c/x", reason: "in steps", owner: "ops", expires: "2027-01-31" },
        }),
      ],
    });
    const probe = write("probe.json", {
      command: "probe",
      controls: [control("d"), control("b")],
      findings: [finding("d/seen", "error")],
    });
    const { exitCode, stdout } = await spawnGlacis(["report", check, probe, "--title", "Acme"], { cwd: folder });
    expect(outcomes(stdout)).toEqual({ a: "fail", d: "fail", b: "warn", c: "waived" });
    expect(Object.keys(outcomes(stdout))).toEqual(["a", "d", "b", "c"]);
    expect(stdout).toContain("<title>Acme</title>");
    expect(stdout).toContain("check: passes, probe: fails");
    expect(stdout).toContain("Until 2027-01-31, ops: in steps");
    expect(stdout).toContain(
      createHash("sha256")
        .update(readFileSync(join(folder, check)))
        .digest("hex"),
    );
    expect(exitCode).toBe(1);
  });

  it("names what stands apart from every control, such as one that is missing", async () => {
    const check = write("missing.json", { findings: [finding("composition/control-missing", "error")] });
    const { exitCode, stdout } = await run("report", check);
    expect(outcomes(stdout)).toEqual({ composition: "fail" });
    expect(exitCode).toBe(1);
  });

  it("takes old evidence for none, but believes what it found", async () => {
    const old = write("old.json", { controls: [control("a"), control("b")], findings: [finding("b/bad", "error")] }, 8);
    expect(outcomes((await run("report", old)).stdout)).toEqual({ b: "fail", a: "stale" });
    expect(outcomes((await run("report", old, "--max-age", "30")).stdout)).toEqual({ b: "fail", a: "pass" });
  });

  it("takes the later of two documents of one command, whatever their order", async () => {
    const before = write("before.json", { controls: [control("a")], findings: [finding("a/bad", "error")] }, 1);
    const after = write("after.json", { controls: [control("a")] });
    for (const files of [
      [before, after],
      [after, before],
    ]) {
      const { exitCode, stdout } = await run("report", ...files);
      expect(outcomes(stdout)).toEqual({ a: "pass" });
      expect(exitCode).toBe(0);
    }
  });

  it("shows what others wrote as text, and loads and runs nothing", async () => {
    const hostile = '<script>alert(1)</script><img src=x onerror="alert(2)">';
    const check = write("hostile.json", {
      controls: [{ ...control("a"), title: hostile }],
      findings: [
        finding("a/bad", "error", {
          what: hostile,
          detail: hostile,
          at: { kind: "source", file: hostile, line: 1, column: 1 },
        }),
      ],
    });
    const { stdout } = await run("report", check, "--title", hostile);
    expect(stdout).not.toMatch(/<script|<img|<link|<iframe|<[^>]*\ssrc=|url\(|@import/iu);
    expect(stdout).toContain("&lt;script&gt;alert(1)");
  });

  it("is made of what a scan prints", async () => {
    writeFileSync(join(folder, "app.js"), 'app.get("/", (req, res) => eval(req.query.a));');
    const { stdout: printed } = await run("scan", "app.js", "--format", "json");
    writeFileSync(join(folder, "scan.json"), printed);
    const { exitCode, stdout } = await run("report", "scan.json");
    expect(outcomes(stdout)).toEqual({ "static-analysis": "fail" });
    expect(stdout).toContain("scan/code-injection");
    expect(exitCode).toBe(1);
  });

  it.each([
    ["nothing.json", undefined],
    ["text.json", "hello"],
    ["list.json", "[]"],
    ["other.json", '{"format":2}'],
    [
      "time.json",
      JSON.stringify({ format: 1, command: "check", time: "soon", findings: [], waived: [], controls: [] }),
    ],
    [
      "shape.json",
      JSON.stringify({ format: 1, command: "check", time: "2026-01-01", findings: [{}], waived: [], controls: [] }),
    ],
  ])("is not made at all of %s", async (name, content) => {
    if (content !== undefined) writeFileSync(join(folder, name), content);
    const { exitCode, stdout, stderr } = await run("report", name);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(`${name} is no evidence`);
  });

  it("bounds what it reads", async () => {
    writeFileSync(join(folder, "large.json"), "");
    truncateSync(join(folder, "large.json"), 20_000_001);
    expect((await run("report", "large.json")).exitCode).toBe(2);
    expect((await run("report", "check.json", "--max-age", "0")).exitCode).toBe(2);
  });
});
