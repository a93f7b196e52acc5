import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "glacis-alarms-"));
afterAll(() => rmSync(folder, { recursive: true }));

function alarms(...args: readonly string[]): {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "alarms", ...args], { encoding: "utf8" });
  return { code: status, out: stdout, errors: stderr };
}

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("glacis alarms test", () => {
  it("shows which alarm an attack sets off, when, and who stands out", () => {
    const { code, out } = alarms("test", "--attack", "password-spraying");
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}00:03:00 {2}ALARM {2}error {5}HighFailedLogins$/mu);
    expect(out).toMatch(/^ {2}00:04:00 {2}ALARM {2}critical {2}PasswordSpraying {2}\["203\.0\.113\.66"\]$/mu);
    expect(out).toMatch(/OK .* HighFailedLogins/u);
  });

  it("says with its exit code that an attack goes unnoticed", () => {
    const definition = fileOf("empty.json", JSON.stringify({ MetricFilters: [], Alarms: [] }));
    const { code, out } = alarms("test", "--attack", "cross-tenant", "--file", definition);
    expect([code, out]).toEqual([1, expect.stringContaining("no alarm rang")]);
  });

  it("replays recorded events, and tries a pattern on them", () => {
    const line = (second: number): string =>
      JSON.stringify({
        time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
        event_type: "ssrf_blocked",
        status: "refused",
        event: "egress.blocked",
        severity: "warning",
      });
    const events = fileOf("events.jsonl", `${[1, 2, 3, 4].map(line).join("\n")}\n`);
    expect(alarms("test", "--events", events).out).toContain("SsrfAttempts");
    expect(alarms("test", "--events", events, "--pattern", '{ $.event = "egress.*" }').out).toContain("4 lines match.");
    expect(alarms("test", "--events", events, "--pattern", '{ $.event = "other" }').code).toBe(1);
  });
});

describe("glacis alarms test --deliver", () => {
  const configOf = (name: string, alarms: string): string =>
    fileOf(
      name,
      `import { glacis, keyRing, newKey, saas } from "glacis";
      import { mailAction } from "glacis/audit";
      const mail = (name, sendMail) => mailAction({ name, to: ["security@example.com"], sendMail });
      export const security = glacis(saas({
        origin: "https://app.example.com", mode: "test", keys: keyRing(newKey("k1")), audit: () => undefined, ${alarms}
      }));`,
    );
  const REFUSED = 'mail("pager", () => { throw new Error("connect ECONNREFUSED 192.0.2.1:25"); })';

  it("sends each receiver a message, and says which of them has not taken it and what to do", () => {
    symlinkSync(fileURLToPath(new URL("../../../../node_modules", import.meta.url)), join(folder, "node_modules"));
    const heard = configOf("heard.config.mjs", 'alarms: { actions: [mail("team", () => undefined)] }');
    expect(alarms("test", "--deliver", "--config", heard)).toEqual({
      code: 0,
      out: "team  has taken the message\n",
      errors: "",
    });
    const broken = configOf("broken.config.mjs", `alarms: { actions: [mail("team", () => undefined), ${REFUSED}] }`);
    const { code, out } = alarms("test", "--deliver", "--config", broken);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^team {2}has taken.*\npager {2}has not: .*ECONNREFUSED.*\n {2}It cannot be reached\. Compare/u,
    );
  });

  it("is a finding where nobody is told, and no answer where nothing rings", () => {
    const nobody = alarms("test", "--deliver", "--config", configOf("nobody.config.mjs", "alarms: {}"));
    expect([nobody.code, nobody.out]).toEqual([1, expect.stringContaining("Nobody is told")]);
    const none = alarms("test", "--deliver", "--config", configOf("none.config.mjs", ""));
    expect([none.code, none.errors]).toEqual([2, expect.stringContaining("nobody is told of alarms")]);
  });
});

describe("glacis alarms check", () => {
  it("names a filter whose field no event has", () => {
    const definition = fileOf(
      "dead.json",
      JSON.stringify({
        MetricFilters: [
          {
            FilterName: "Dead",
            FilterPattern: '{ $.outcome = "failed" }',
            MetricTransformations: [{ MetricName: "M", MetricValue: "1" }],
          },
        ],
        Alarms: [{ AlarmName: "A", MetricName: "M", Threshold: 1, Period: 60, EvaluationPeriods: 1 }],
      }),
    );
    const { code, out } = alarms("check", "--file", definition);
    expect([code, out]).toEqual([1, expect.stringContaining("No event has the field $.outcome.")]);
    expect(alarms("check").code).toBe(0);
  });

  it("refuses what is no definition with the place and exit code 2", () => {
    const definition = fileOf("bad.json", JSON.stringify({ Alarms: [{ AlarmNam: "x" }] }));
    const { code, errors } = alarms("check", "--file", definition);
    expect(code).toBe(2);
    expect(errors).toContain('Did you mean "AlarmName"?');
  });
});

describe("glacis alarms export", () => {
  it.each(["cloudformation", "terraform"])("writes %s as JSON", (format) => {
    expect(JSON.parse(alarms("export", "--to", format).out)).toBeTypeOf("object");
  });

  it("refuses a format that it does not know", () => {
    expect(alarms("export", "--to", "pulumi")).toMatchObject({ code: 2, out: "" });
  });
});
