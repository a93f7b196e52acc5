import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { choiceArgument, fileArgument, integerArgument, textArgument } from "./command-argument.ts";
import { CommandError } from "./command-error.ts";
import { programs, type ProgramDeclaration } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "glacis-command-"));
const events: AuditEvent[] = [];
beforeEach(() => (events.length = 0));
afterAll(() => rmSync(folder, { recursive: true }));

/** Node itself stands in for every program: it says what it was given. */
const node = process.execPath;
const script = (source: string): readonly string[] => ["-e", source];
const SAYS = script("console.log(JSON.stringify([process.argv.slice(1), process.cwd(), Object.keys(process.env)]))");

const text = textArgument("text", { pattern: /[^]*/u });
const { run } = programs(
  {
    says: { path: node, options: SAYS, operands: [text] },
    convert: {
      path: node,
      endOfOptions: false,
      options: [
        ...script("console.log(JSON.stringify(process.argv.slice(1)))"),
        "resize",
        integerArgument("width", { min: 1, max: 4000 }),
        choiceArgument("quality", ["low", "high"], { prefix: "quality=" }),
      ],
      operands: [fileArgument("source", { prefix: "png:" }), fileArgument("target", { prefix: "pdf:" })],
    },
    env: { path: node, options: SAYS, environment: { LANG: "C" }, folder },
  },
  { report: (event) => events.push(event) },
);

async function failure(pending: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await pending.then(
    () => expect.fail("It ran."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

const single = (declaration: ProgramDeclaration) => programs({ it: declaration }).run;

describe("run()", () => {
  it.each([
    "photo.png; rm -rf ~",
    "$(id)",
    "`id`",
    "a | id",
    "a && id",
    "a > /tmp/x",
    "a 'b' \"c\" \\d",
    "* ? [a] {b,c} ~",
    "%PATH% !x! ^",
    "a=b",
    "ünïcödé 日本 🎉",
    " leading and trailing ",
    "-".padStart(2, "a"),
  ])("passes %j as one argument that nothing interprets", async (value) => {
    const { stdout, exitStatus } = await run("says", { text: value });
    const [argv] = JSON.parse(stdout.toString()) as [string[]];
    expect([argv, exitStatus]).toEqual([[value], 0]);
  });

  it("ends the options before the operands, unless the program does not know that or takes none", async () => {
    // Behind a file of a program, node hands on what it finds.
    const file = join(folder, "says.cjs");
    writeFileSync(file, "console.log(JSON.stringify(process.argv.slice(2)))");
    const seen = async (declaration: Omit<ProgramDeclaration, "path">): Promise<unknown> => {
      const { stdout } = await single({ path: node, ...declaration })("it", {} as never);
      return JSON.parse(stdout.toString());
    };
    expect(await seen({ options: [file, "-v"], operands: ["a"] })).toEqual(["-v", "--", "a"]);
    expect(await seen({ options: [file], operands: ["a"], endOfOptions: false })).toEqual(["a"]);
    expect(await seen({ options: [file, "-v"] })).toEqual(["-v"]);
  });

  it("gives an empty environment and a folder of its own, which is gone afterwards", async () => {
    const { stdout } = await run("says", { text: "x" });
    const [, cwd, environment] = JSON.parse(stdout.toString()) as [string[], string, string[]];
    expect(cwd).toMatch(/glacis-run-/u);
    expect(existsSync(cwd)).toBe(false);
    expect(environment).toEqual([]);
  });

  it("gives the declared environment and folder, and nothing of its own", async () => {
    const { stdout } = await run("env", {});
    expect(JSON.parse(stdout.toString())).toEqual([[], folder, ["LANG"]]);
  });

  it("runs the guide's conversion without a name that ImageMagick could read as anything else", async () => {
    const values = {
      source: "/srv/uploads/5f2c.png",
      target: "/srv/pdf/5f2c.pdf",
      width: 800,
      quality: "high",
    } as const;
    const { stdout } = await run("convert", values);
    expect(JSON.parse(stdout.toString())).toEqual([
      "resize",
      "800",
      "quality=high",
      "png:/srv/uploads/5f2c.png",
      "pdf:/srv/pdf/5f2c.pdf",
    ]);
    for (const source of [
      [
        "-write",
        "@/etc/passwd",
        "msl:/tmp/x",
        "ephemeral:/tmp/x",
        "https://evil.example/x.png",
        "|id",
        "uploads/a.png",
        "",
      ],
      [
        "/srv/../etc/passwd",
        "/srv/./a",
        "/srv//a",
        "/srv/a/",
        "/srv/a[0]",
        "/srv/%d.png",
        "/srv/*.png",
        "/srv/a b",
        "/srv/a:b",
      ],
      ["/srv/a\0.png", "/srv/a\n", "/srv/\u202ea", `/${"a".repeat(1100)}`],
    ].flat()) {
      const error = await failure(run("convert", { ...values, source }));
      expect(error, source).toMatchObject({ reason: "argument-refused", argument: "source", status: 422 });
    }
  });

  it.each([
    ["", "empty"],
    ["-rf", "leading-option-character"],
    ["--exec=id", "leading-option-character"],
    ["+x", "leading-option-character"],
    ["@/etc/passwd", "leading-option-character"],
    ["a\0b", "control-character"],
    ["a\nb", "control-character"],
    ["a\rb", "control-character"],
    ["a\u001b[31m", "control-character"],
    ["a\u2028b", "control-character"],
    ["\ud800", "control-character"],
    ["a".repeat(256), "too-long"],
    [5 as unknown as string, "not-text"],
    [["a"] as unknown as string, "not-text"],
    [undefined as unknown as string, "not-text"],
  ])("refuses the text %j as %s, with an event that does not repeat it", async (value, fault) => {
    const error = await failure(run("says", { text: value }));
    expect(error).toMatchObject({ reason: "argument-refused", program: "says", argument: "text", fault });
    expect(events).toEqual([
      {
        event_type: "input_validation",
        status: "refused",
        severity: "warning",
        event: "exec.rejected",
        control: "command-injection",
        reason: "input_invalid",
        detail: fault,
      },
    ]);
    if (typeof value === "string" && value.length > 2) expect(error.message).not.toContain(value);
  });

  it("matches a pattern with the whole value, whatever its flags are", () => {
    const read = (pattern: RegExp, value: string): unknown => textArgument("x", { pattern }).read(value);
    expect(read(/\d+x\d+/u, "20x30")).toEqual({ text: "20x30" });
    for (const value of ["20x30;id", "a20x30", "20x30\n"]) expect(read(/\d+x\d+/u, value)).toBeTypeOf("string");
    expect(read(/a|b/u, "ac")).toBe("pattern");
    const sticky = textArgument("x", { pattern: /a/gmy });
    expect([sticky.read("a"), sticky.read("a")]).toEqual([{ text: "a" }, { text: "a" }]);
  });

  it.each([0, 4001, 1.5, Number.NaN, Infinity, "5", "5; id", null, 2 ** 60])("refuses the number %j", (value) => {
    expect(integerArgument("n", { min: 1, max: 4000 }).read(value)).toBe("number");
  });

  it("takes no choice but a declared one", () => {
    const { read } = choiceArgument("c", ["low", "high"]);
    expect(read("low")).toEqual({ text: "low" });
    for (const value of ["LOW", "toString", "", undefined, ["low"]]) expect(read(value)).toBe("choice");
  });

  it("never lets through what could be an option, a list of arguments or two lines", () => {
    const readers = [text, fileArgument("f"), textArgument("w", { pattern: /\S+/u })];
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."-+@/a.\n\0\u2028 ") }));
    fc.assert(
      fc.property(value, fc.constantFrom(...readers), (candidate, { read }) => {
        const result = read(candidate);
        if (typeof result === "string") return;
        expect(result.text).toBe(candidate);
        expect(candidate).not.toMatch(/^[-+@]|[\0\r\n\u2028]/u);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("limits", () => {
  const LEAVES_A_CHILD = `
    const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "inherit" });
    require("node:fs").writeFileSync("${folder}/pid", String(child.pid));
    setTimeout(() => {}, 60000);`;

  async function expectGone(): Promise<void> {
    const { readFileSync } = await import("node:fs");
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    const status = (): string => {
      try {
        return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] ?? "";
      } catch {
        return "gone";
      }
    };
    for (let tries = 0; tries < 50 && !["gone", "Z"].includes(status()); tries += 1) await delay(20);
    // A process that nobody has reaped yet runs no more.
    expect(["gone", "Z"]).toContain(status());
  }

  it("kill a program that takes too long, with what it has started", async () => {
    const error = await failure(single({ path: node, options: script(LEAVES_A_CHILD), timeoutMs: 1500 })("it", {}));
    expect(error.reason).toBe("timed-out");
    await expectGone();
  });

  it("kill it when the caller's signal says so, with that signal's reason", async () => {
    const controller = new AbortController();
    const pending = single({ path: node, options: script(LEAVES_A_CHILD) })("it", {}, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("the client left")), 1000);
    await expect(pending).rejects.toThrow("the client left");
    await expectGone();
    const never = single({ path: node, options: script("") })(
      "it",
      {},
      { signal: AbortSignal.abort(new Error("early")) },
    );
    await expect(never).rejects.toThrow("early");
  });

  it("wait for nobody that an ended program has left with its streams", async () => {
    const leaves = script(
      LEAVES_A_CHILD.replace(/setTimeout\(\(\) => \{\}, 60000\);$/u, 'console.log("done"); process.exit(0)'),
    );
    const started = performance.now();
    const { stdout } = await single({ path: node, options: leaves, timeoutMs: 20_000 })("it", {});
    expect(stdout.toString()).toBe("done\n");
    expect(performance.now() - started).toBeLessThan(10_000);
    await expectGone();
  });

  it.each(["stdout", "stderr"])("kill a program that writes too much to %s", async (stream) => {
    const floods = script(`setInterval(() => process.${stream}.write("a".repeat(65536)), 0)`);
    const error = await failure(single({ path: node, options: floods, maxOutputBytes: 200_000 })("it", {}));
    expect(error.reason).toBe("output-too-large");
  });

  it("turn a failure into an error that keeps what the program wrote out of logs", async () => {
    const fails = script('console.error("secret detail"); process.exit(3)');
    const error = await failure(single({ path: node, options: fails })("it", {}));
    expect(error).toMatchObject({ reason: "exit-status", exitStatus: 3, stderr: "secret detail\n", status: undefined });
    expect(`${error.message}${JSON.stringify(error)}${error.stack}`).not.toContain("secret detail");
    const tolerated = await single({ path: node, options: fails, exitStatuses: [0, 3] })("it", {});
    expect(tolerated.exitStatus).toBe(3);
  });

  it("say when a program was ended by somebody else, or never started", async () => {
    const killed = await failure(
      single({ path: node, options: script('process.kill(process.pid, "SIGTERM")') })("it", {}),
    );
    expect(killed).toMatchObject({ reason: "killed", signal: "SIGTERM" });
    expect((await failure(single({ path: join(folder, "absent") })("it", {}))).reason).toBe("not-started");
  });

  it("give standard input, and survive a program that does not read it", async () => {
    const echo = single({ path: node, options: script("process.stdin.pipe(process.stdout)") });
    expect((await echo("it", {}, { input: "given" })).stdout.toString()).toBe("given");
    expect((await echo("it", {})).stdout.toString()).toBe("");
    const ignores = single({ path: node, options: script("process.exit(0)") });
    expect((await ignores("it", {}, { input: Buffer.alloc(5_000_000) })).exitStatus).toBe(0);
  });
});

describe("a declaration", () => {
  it.each(
    "sh bash dash zsh busybox toybox env xargs sudo pkexec flock stdbuf strace cmd.exe powershell find ssh".split(" "),
  )("cannot be %s", (name) => {
    expect(() => programs({ it: { path: `/usr/bin/${name}` } })).toThrow(/runs whatever its arguments say/u);
  });

  it.each([
    "convert",
    "./convert",
    "../bin/convert",
    "",
    "/usr/bin/../bin/convert",
    "/usr/bin/con\0vert",
    "/opt/x.bat",
  ])("cannot have the path %j", (path) => {
    expect(() => programs({ it: { path } })).toThrow(TypeError);
  });

  it("is refused where it says less than it seems", () => {
    const declare = (change: object) => () => programs({ it: { path: node, ...change } });
    expect(declare({ endOfOptions: false, operands: [text] })).toThrow(/nothing ends the options/u);
    expect(declare({ shell: true })).toThrow(/no option "shell"/u);
    expect(declare({ options: [text], operands: [text] })).toThrow(/twice/u);
    expect(declare({ options: ["-a\0b"] })).toThrow(/NUL/u);
    expect(declare({ timeoutMs: 0 })).toThrow(/timeoutMs/u);
    expect(declare({ maxOutputBytes: Infinity })).toThrow(/maxOutputBytes/u);
    expect(declare({ environment: "PATH=/bin" })).toThrow(/environment/u);
    expect(declare({ folder: "tmp" })).toThrow(/absolute/u);
    expect(() => integerArgument("n", { min: -1, max: 1 })).toThrow(/prefix/u);
    expect(() => choiceArgument("c", [])).toThrow(/at least one/u);
    expect(() => textArgument("t", { pattern: "x" as unknown as RegExp })).toThrow(/pattern/u);
  });

  it("is the only thing that run() knows", async () => {
    await expect(run("rm" as "says", { text: "x" })).rejects.toThrow(/knows no program "rm"/u);
    await expect(run("toString" as "says", { text: "x" })).rejects.toThrow(/knows no program/u);
    await expect(run("says", { text: "x", more: "y" } as { text: string })).rejects.toThrow(/no argument "more"/u);
    const inherited = Object.create({ text: "x" }) as { text: string };
    expect((await failure(run("says", inherited))).fault).toBe("not-text");
  });
});

describe("check", () => {
  const production: Deployment = {
    mode: "production",
    nodeVersion: "22.20.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  };

  it("finds a program that is missing, is none, or may be replaced", () => {
    const judge = (path: string): readonly string[] =>
      programs({ it: { path } })
        .control.check(production)
        .map(({ rule }) => rule.id);
    const file = join(folder, "program");
    expect(judge(file)).toEqual(["command-injection/program-missing"]);
    writeFileSync(file, "");
    chmodSync(file, 0o644);
    expect(judge(file)).toEqual(["command-injection/program-missing"]);
    chmodSync(file, 0o755);
    expect(judge(file)).toEqual([]);
    chmodSync(file, 0o775);
    expect(judge(file)).toEqual(["command-injection/program-writable"]);
    expect(judge(folder)).toEqual(["command-injection/program-missing"]);
    chmodSync(file, 0o755);
    chmodSync(folder, 0o707);
    const link = join(mkdtempSync(join(folder, "links-")), "program");
    symlinkSync(file, link);
    for (const path of [file, link]) expect(judge(path)).toEqual(["command-injection/program-writable"]);
    chmodSync(folder, 0o1707);
    expect(judge(link)).toEqual([]);
    expect(programs({ it: { path: "/absent" } }).control.check({ ...production, mode: "test" })).toEqual([]);
  });
});
