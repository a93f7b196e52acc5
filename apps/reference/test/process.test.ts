import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeClient } from "./support/client.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { ROOT } from "../../../test/support/repository.ts";
import { temporaryFolder } from "./support/folio.ts";

const script = fileURLToPath(new URL("../start.mjs", import.meta.url));
const children = new Set<ChildProcess>();

interface Process {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
  /** Resolves when the text has been said, rejects when the process ends first. */
  says(text: string): Promise<void>;
}

/** The command itself, as a user types it. */
function run(environment: Readonly<Record<string, string>>, ...argv: readonly string[]): Process {
  return runOf(script, environment, ...argv);
}

function runOf(file: string, environment: Readonly<Record<string, string>>, ...argv: readonly string[]): Process {
  const { NODE_ENV: _, GLACIS_ENV: __, DATABASE_URL: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [file, ...argv], { env: { ...inherited, ...environment } });
  children.add(child);
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += String(chunk);
      for (const listener of listeners) listener();
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(text)) resolve();
      };
      listeners.add(look);
      look();
      void exit.then(() => reject(new Error(`It ended before it said "${text}":\n${output}`)));
    });
  return { child, output: () => output, exit, says };
}

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

describe("npm start", () => {
  let folder: string;
  let port: number;
  beforeAll(async () => {
    folder = temporaryFolder();
    port = await freePort();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const environment = () => ({ DATA_DIR: folder, PORT: String(port) });
  const client = () => makeClient(`http://127.0.0.1:${port}`, `http://localhost:${port}`);
  const alice = { email: "alice@alpha.test", password: "Alice-Correct-Horse-9" };

  it("says where it runs, who may sign in and what protects it, and keeps its data over a restart", async () => {
    const first = run(environment());
    await first.says("Stop with Ctrl+C");
    for (const part of [
      `http://localhost:${port}`,
      folder,
      "Alpha Surveying",
      "Bravo Textiles",
      alice.email,
      alice.password,
      "controls on",
      "/security",
      "/outbox",
    ]) {
      expect(first.output()).toContain(part);
    }
    expect((await client().ask("/healthz")).json).toEqual({ status: "ok" });
    const writer = client();
    await writer.signIn(alice);
    const created = await writer.ask("/api/documents", { method: "POST", json: { title: "Survives" } });
    expect(created.status).toBe(201);
    first.child.kill("SIGTERM");
    expect(await first.exit).toBe(0);
    expect(existsSync(join(folder, "lock"))).toBe(false);

    const second = run(environment());
    await second.says("Stop with Ctrl+C");
    const found = await writer.ask(`/api/documents/${String(created.json["id"])}`);
    expect(found.json).toMatchObject({ title: "Survives" });
    second.child.kill("SIGINT");
    expect(await second.exit).toBe(0);
  }, 180_000);

  it("refuses a folder that another one has, and recovers a folder whose owner was killed", async () => {
    const first = run(environment());
    await first.says("Stop with Ctrl+C");
    const rival = run({ ...environment(), PORT: String(await freePort()) });
    expect(await rival.exit).toBe(1);
    expect(rival.output()).toMatch(/Another Folio \(process \d+\) is running on .*DATA_DIR/u);
    first.child.kill("SIGKILL");
    await first.exit;
    const heir = run(environment());
    await heir.says("Stop with Ctrl+C");
    heir.child.kill("SIGTERM");
    expect(await heir.exit).toBe(0);
  }, 180_000);

  it("says that a port is taken, before it does anything slow", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, "127.0.0.1", resolve));
    const late = run({ ...environment(), DATA_DIR: join(folder, "unused") });
    expect(await late.exit).toBe(1);
    expect(late.output()).toContain(`Port ${port} on 127.0.0.1 is taken`);
    expect(late.output()).not.toMatch(/^ {4}at /mu);
    expect(existsSync(join(folder, "unused"))).toBe(false);
    await new Promise((resolve) => holder.close(resolve));
  }, 60_000);

  it("refuses a misspelt argument and a production without its facts, in one sentence each", async () => {
    const misspelt = run(environment(), "--test-targt");
    expect(await misspelt.exit).toBe(1);
    expect(misspelt.output()).toContain("--test-target");
    const production = run({ ...environment(), NODE_ENV: "production" });
    expect(await production.exit).toBe(1);
    expect(production.output()).toContain("ORIGIN");
  }, 60_000);
});

/** The sources as they come from a fresh clone, with what is installed here. */
function clone(): string {
  const to = realpathSync(temporaryFolder());
  cpSync(join(ROOT, "tsconfig.base.json"), join(to, "tsconfig.base.json"));
  for (const part of [join("packages", "glacis"), join("apps", "reference")]) {
    const made = (path: string) => ["dist", "node_modules", ".data"].includes(basename(path));
    cpSync(join(ROOT, part), join(to, part), { recursive: true, filter: (path) => !made(path) });
  }
  const installed = join(to, "node_modules");
  mkdirSync(installed);
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    symlinkSync(
      name === "glacis" ? join(to, "packages", "glacis") : join(ROOT, "node_modules", name),
      join(installed, name),
    );
  }
  return to;
}

/** What the library's build has made, without the references to source maps. */
function programsIn(root: string): ReadonlyMap<string, string> {
  const dist = join(root, "packages", "glacis", "dist");
  const names = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  const text = (name: string) => readFileSync(join(dist, name), "utf8").replace(/\/\/# sourceMappingURL=.*/u, "");
  return new Map(names.map((name) => [name, text(name).trimEnd()]));
}

describe("npm start in a fresh clone", () => {
  it("makes the programs that a build makes, and no record of one", async () => {
    const folder = clone();
    const environment = { DATA_DIR: join(folder, "data"), PORT: String(await freePort()) };
    const first = runOf(join(folder, "apps", "reference", "start.mjs"), environment);
    await first.says("Stop with Ctrl+C");
    first.child.kill("SIGTERM");
    expect(await first.exit).toBe(0);

    const here = programsIn(ROOT);
    const programs = [...programsIn(folder)];
    expect(programs.length).toBeGreaterThan(500);
    expect(programs.filter(([name, text]) => here.get(name) !== text).map(([name]) => name)).toEqual([]);
    expect(existsSync(join(folder, "packages", "glacis", "dist", "build.tsbuildinfo"))).toBe(false);
    rmSync(folder, { recursive: true, force: true });
  }, 180_000);
});

describe("npm start -- --test-target", () => {
  it("starts from nothing each time and says ready with the address", async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const environment = { DATA_DIR: join(folder, "target"), PORT: String(port) };
    const first = run(environment, "--test-target");
    await first.says(`ready http://127.0.0.1:${port}`);
    const client = makeClient(`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`);
    await client.signIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" });
    await client.ask("/api/documents", { method: "POST", json: { title: "Gone tomorrow" } });
    const log = join(environment.DATA_DIR, "events.jsonl");
    await expect.poll(() => readFileSync(log, "utf8"), { timeout: 10_000 }).toContain("authn_login_success");
    first.child.kill("SIGTERM");
    expect(await first.exit).toBe(0);
    const second = run(environment, "--test-target");
    await second.says(`ready http://127.0.0.1:${port}`);
    const again = makeClient(`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`);
    await again.signIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" });
    expect((await again.ask("/api/documents?q=tomorrow")).json["documents"]).toEqual([]);
    second.child.kill("SIGTERM");
    await second.exit;
    rmSync(folder, { recursive: true, force: true });
  }, 180_000);
});
