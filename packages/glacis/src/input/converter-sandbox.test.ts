import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { integerArgument, textArgument } from "./command-argument.ts";
import { CommandError } from "./command-error.ts";
import { programs } from "./command.ts";
import { sandboxed } from "./converter-sandbox.ts";
import { latexText } from "./latex-text.ts";
import { Refusal } from "../core/error-reason.ts";

const CURL = "/usr/bin/curl";
const DD = existsSync("/usr/bin/dd") ? "/usr/bin/dd" : "/bin/dd";
const SLEEP = existsSync("/usr/bin/sleep") ? "/usr/bin/sleep" : "/bin/sleep";

const works =
  spawnSync("/usr/bin/unshare", ["--user", "--net", "--pid", "--fork", "--mount-proc", "/bin/true"]).status === 0;
if (!works) process.stderr.write("\nSKIPPED: user namespaces are not available here, so the sandbox proves nothing.\n");

let stop: (() => void) | undefined;
afterEach(() => stop?.());

const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ran",
    (error: unknown) => (error instanceof CommandError ? error.reason : "threw"),
  );

describe.runIf(works)("a converter in its sandbox", () => {
  it("has no network, where it has one outside", async () => {
    const server = createServer((_, response) => response.end("from inside")).listen(0, "127.0.0.1");
    stop = () => void server.close();
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const declaration = {
      path: CURL,
      options: ["--silent", "--max-time", "5"],
      operands: [integerArgument("port", { min: 1, max: 65_535, prefix: "http://127.0.0.1:" })],
    } as const;
    const { run } = programs({ free: declaration, caught: sandboxed(declaration).program });
    expect((await run("free", { port })).stdout.toString()).toBe("from inside");
    expect(await failure(run("caught", { port }))).toBe("exit-status");
  });

  it("gets no more memory than it may, and writes no larger file", async () => {
    const buffer = (size: string) =>
      ({ path: DD, endOfOptions: false, operands: ["if=/dev/zero", "of=/dev/null", "count=1", `bs=${size}`] }) as const;
    const file = (count: number) =>
      ({ path: DD, endOfOptions: false, operands: ["if=/dev/zero", "of=out", "bs=1M", `count=${count}`] }) as const;
    const { run } = programs({
      small: sandboxed(buffer("64M")).program,
      large: sandboxed(buffer("1G")).program,
      short: sandboxed(file(2), { fileMiB: 4 }).program,
      long: sandboxed(file(8), { fileMiB: 4 }).program,
    });
    expect(await failure(run("small", {}))).toBe("ran");
    expect(await failure(run("large", {}))).toBe("exit-status");
    expect(await failure(run("short", {}))).toBe("ran");
    expect(["exit-status", "killed"]).toContain(await failure(run("long", {})));
  });

  it("does not see the environment of other processes", async () => {
    const read = { path: "/bin/cat", operands: [`/proc/${process.pid}/environ`] } as const;
    const { run } = programs({ free: read, caught: sandboxed(read).program });
    expect((await run("free", {})).stdout.toString()).toContain("PATH=");
    expect(await failure(run("caught", {}))).toBe("exit-status");
  });

  it("ends when its time is over, with what it has started", async () => {
    const { run } = programs({ sleep: sandboxed({ path: SLEEP, operands: ["60"] }, { seconds: 1 }).program });
    expect(await failure(run("sleep", {}))).toBe("timed-out");
  });

  it("takes the arguments that it takes outside", async () => {
    const echo = {
      path: existsSync("/usr/bin/printf") ? "/usr/bin/printf" : "/bin/printf",
      operands: ["%s", textArgument("what", { pattern: /[a-z ]+/u })],
    } as const;
    const { run } = programs({ echo: sandboxed(echo).program });
    expect((await run("echo", { what: "as it is" })).stdout.toString()).toBe("as it is");
    expect(await failure(run("echo", { what: "--x" }))).toBe("argument-refused");
  });
});

describe("sandboxed", () => {
  const production = currentDeployment("production");
  const ids = (control: { check: (deployment: typeof production) => readonly { rule: { id: string } }[] }) =>
    control.check(production).map(({ rule }) => rule.id);

  it.runIf(works)("finds a sandbox that cannot start, and limits that are none", () => {
    expect(ids(sandboxed({ path: SLEEP }).control)).toEqual([]);
    expect(ids(sandboxed({ path: SLEEP }, { prlimit: "/nowhere/prlimit" }).control)).toEqual([
      "converter-sandbox/unavailable",
    ]);
    expect(ids(sandboxed({ path: SLEEP }, { memoryMiB: 4096 }).control)).toEqual(["converter-sandbox/generous"]);
    expect(ids(sandboxed({ path: "/nowhere/convert" }).control)).toEqual(["command-injection/program-missing"]);
  });

  it("refuses the job where there is no sandbox", async () => {
    const { run } = programs({
      sleep: sandboxed({ path: SLEEP, operands: ["0"] }, { unshare: "/nowhere/unshare" }).program,
    });
    expect(await failure(run("sleep", {}))).toBe("not-started");
  });

  it("refuses shells, relative paths, and options that undo it", () => {
    expect(() => sandboxed({ path: "/bin/sh" })).toThrow(/runs whatever/u);
    expect(() => sandboxed({ path: "convert" })).toThrow(/absolute/u);
    for (const option of ["--shell-escape", "-shell-escape", "--no-sandbox", "-dNOSAFER", "--enable-local-file-access"])
      expect(() => sandboxed({ path: SLEEP, options: [option] })).toThrow(/undoes/u);
    expect(() => sandboxed({ path: SLEEP }, { memory: 1 } as never)).toThrow(/Did you mean "memoryMiB"/u);
    expect(() => sandboxed({ path: SLEEP }, { seconds: 0 })).toThrow(/above zero/u);
  });
});

describe("latexText", () => {
  it("lets text through that only sets type", () => {
    const text = String.raw`\section*{One} 5\% of \textbf{A \& B}: $\frac{1}{2}\,\alpha_i \le$ \\ \begin{itemize}\item x\end{itemize}`;
    expect(() => latexText(text)).toThrow(Refusal);
    expect(latexText(text, { allow: ["le"] })).toBe(text);
  });

  it.each([
    String.raw`\write18{id}`,
    String.raw`\immediate\write18{id}`,
    String.raw`\input{/etc/passwd}`,
    String.raw`\input /etc/passwd`,
    String.raw`\include{x}`,
    String.raw`\openin5=/etc/passwd`,
    String.raw`\catcode92=12`,
    String.raw`\def\x{\x\x}\x`,
    String.raw`\csname input\endcsname{/etc/passwd}`,
    String.raw`\usepackage{verbatim}`,
    String.raw`\begin{filecontents}{x}`,
    String.raw`\begin {verbatim}`,
    String.raw`\begin%
{filecontents}`,
    String.raw`^^5cinput{/etc/passwd}`,
    String.raw`\lstinputlisting{/etc/passwd}`,
    String.raw`\href{run:x}{y}`,
    String.raw`\includegraphics{http://evil.test/x}`,
    "\\",
    "\\é",
  ])("refuses %s", (text) => {
    expect(() => latexText(text)).toThrow(Refusal);
  });
});
