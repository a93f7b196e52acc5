import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { lastResort } from "./last-resort.ts";

const library = JSON.stringify(new URL("../../dist/audit/index.js", import.meta.url).href);

function run(fault: string, close: string, closeMs = 2000) {
  const script = `
    import { lastResort } from ${library};
    const report = (event) => process.stdout.write(JSON.stringify(event) + "\\n");
    lastResort({ report, close: ${close}, closeMs: ${closeMs} });
    setInterval(() => undefined, 1000);
    ${fault}`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
  const lines = stdout.toString().trimEnd().split("\n");
  return { status, said: lines.map((line) => (line.startsWith("{") ? (JSON.parse(line) as object) : line)) };
}

describe("lastResort", () => {
  const closes = `async () => { process.stdout.write("closed\\n"); }`;

  it("reports what nobody caught, closes, and ends the process with 1", () => {
    const { status, said } = run(`setTimeout(() => { throw new Error("password=hunter2"); }, 1);`, closes);
    expect(said).toMatchObject([{ event: "sys_error", detail: "uncaught_exception", status: "failed" }, "closed"]);
    expect(status).toBe(1);
  });

  it("does so for a promise that was rejected", () => {
    const { status, said } = run(`void Promise.reject(new Error("x"));`, closes);
    expect(said).toMatchObject([{ event: "sys_error", detail: "unhandled_rejection" }, "closed"]);
    expect(status).toBe(1);
  });

  it("ends when closing fails, throws or hangs, and closes once however many errors come", () => {
    const fault = `setTimeout(() => { throw new Error("a"); }, 1); setTimeout(() => { throw new Error("b"); }, 5);`;
    for (const close of ["async () => { throw new Error('c'); }", "() => { throw new Error('c'); }"])
      expect(run(`setTimeout(() => { throw new Error("a"); }, 1);`, close)).toMatchObject({
        status: 1,
        said: [{ detail: "uncaught_exception" }, { detail: "close_failed" }],
      });
    const hangs = run(fault, `() => { process.stdout.write("closing\\n"); return new Promise(() => undefined); }`, 100);
    expect(hangs).toMatchObject({ status: 1, said: [{ event: "sys_error" }, "closing", { event: "sys_error" }] });
  });

  it("takes its handler away again, and no unknown option", () => {
    const before = process.listenerCount("uncaughtException");
    const remove = lastResort({ report: () => undefined, close: async () => undefined });
    expect(process.listenerCount("uncaughtException")).toBe(before + 1);
    remove();
    expect(process.listenerCount("uncaughtException")).toBe(before);
    expect(() => lastResort({ onExit: 1 } as never)).toThrow(TypeError);
  });
});
