import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { PathError, within } from "./path.ts";

const ground = realpathSync(mkdtempSync(join(tmpdir(), "glacis-path-")));
const root = join(ground, "files");
const events: AuditEvent[] = [];
mkdirSync(join(root, "a/b"), { recursive: true });
mkdirSync(join(ground, "outside/deep/deeper"), { recursive: true });
writeFileSync(join(ground, "outside/deep/deeper/secret"), "secret");
mkdirSync(join(ground, "files-of-others"));
writeFileSync(join(ground, "outside/secret"), "secret");
writeFileSync(join(ground, "files-of-others/secret"), "secret");
writeFileSync(join(root, "a/b/report.pdf"), "report");
writeFileSync(join(root, "a/.hidden"), "hidden");
symlinkSync(join(ground, "outside/secret"), join(root, "link-to-file"));
symlinkSync(join(ground, "outside"), join(root, "link-to-folder"));
symlinkSync("../../outside/secret", join(root, "a/relative-link"));
symlinkSync("b/report.pdf", join(root, "a/link-inside"));
symlinkSync("loop", join(root, "loop"));

const files = within(root, { report: (event) => events.push(event) });
beforeEach(() => (events.length = 0));
afterAll(() => rmSync(ground, { recursive: true }));

async function failure(pending: Promise<unknown>): Promise<PathError> {
  const error: unknown = await pending.then(
    () => expect.fail("It was opened."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PathError);
  return error as PathError;
}

async function contents(name: string, folder = files): Promise<string> {
  const handle = await folder.open(name);
  try {
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

describe("within()", () => {
  it("reads and creates files inside", async () => {
    expect(await contents("a/b/report.pdf")).toBe("report");
    expect(files.path("a/b/report.pdf")).toBe(join(root, "a/b/report.pdf"));
    const handle = await files.create("a/new.txt");
    await handle.writeFile("new");
    expect((await handle.stat()).mode & 0o777).toBe(0o600);
    await handle.close();
    expect(readFileSync(join(root, "a/new.txt"), "utf8")).toBe("new");
    expect((await failure(files.create("a/new.txt"))).reason).toBe("unavailable");
    expect(readFileSync(join(root, "a/new.txt"), "utf8")).toBe("new");
  });

  it.each([
    "büro.pdf",
    "日本.txt",
    "a-b_c (1).tar.gz",
    "100%",
    "5f2c",
    "x".repeat(255),
    "con-tract.pdf",
    "nullable",
    "a..b",
    "a~b",
  ])("takes the name %j", (name) => {
    expect(files.path(name)).toBe(join(root, name));
  });

  it.each([
    ["..", "traversal"],
    ["../outside/secret", "traversal"],
    ["../files-of-others/secret", "traversal"],
    ["a/../../outside/secret", "traversal"],
    ["a/b/../report.pdf", "traversal"],
    ["a/..", "traversal"],
    [".", "traversal"],
    ["./a", "traversal"],
    ["a/./b", "traversal"],
    ["..\\outside\\secret", "traversal"],
    ["a\\..\\..\\outside", "traversal"],
    ["a\\b", "separator"],
    ["CON .txt", "reserved-name"],
    ["a/lpt1  .x", "reserved-name"],
    ["a//b", "separator"],
    ["a/", "separator"],
    ["/etc/passwd", "absolute"],
    ["//server/share", "absolute"],
    ["\\\\server\\share", "absolute"],
    ["\\\\?\\C:\\x", "absolute"],
    ["C:\\x", "absolute"],
    ["c:/x", "absolute"],
    ["c:x", "absolute"],
    ["%2e%2e/outside", "encoded"],
    ["%2e%2e%2foutside", "encoded"],
    ["..%2foutside", "encoded"],
    ["..%5coutside", "encoded"],
    ["%252e%252e%252foutside", "encoded"],
    ["%c0%ae%c0%ae/outside", "encoded"],
    ["%u002e%u002e/outside", "encoded"],
    ["a%00.pdf", "encoded"],
    ["&#46;&#46;/outside", "encoded"],
    ["．．/outside", "encoded"],
    ["a／b", "encoded"],
    ["‥/outside", "encoded"],
    ["․․/outside", "encoded"],
    ["a＼b", "encoded"],
    ["a℀b", "encoded"],
    ["a\0.pdf", "control-character"],
    ["a\n", "control-character"],
    ["a\u202efdp.exe", "control-character"],
    ["a\u200b", "control-character"],
    ["\ud800", "control-character"],
    [".env", "hidden"],
    ["a/.hidden", "hidden"],
    [".git/config", "hidden"],
    ["...", "reserved-name"],
    ["a.", "reserved-name"],
    ["a ", "reserved-name"],
    [" a", "reserved-name"],
    ["a /b", "reserved-name"],
    ["CON", "reserved-name"],
    ["nul.txt", "reserved-name"],
    ["a/aux", "reserved-name"],
    ["COM1.log", "reserved-name"],
    ["lpt9", "reserved-name"],
    ["com¹", "reserved-name"],
    ["conin$", "reserved-name"],
    ["report:stream", "reserved-character"],
    ["a.txt::$DATA", "reserved-character"],
    ["PROGRA~1", "reserved-character"],
    ["a*", "reserved-character"],
    ["a|b", "reserved-character"],
    ["a".repeat(256), "too-long"],
    ["ü".repeat(128), "too-long"],
    ["a/".repeat(600), "too-long"],
    [`${"a/".repeat(32)}a`, "too-deep"],
    ["", "not-text"],
    [undefined as unknown as string, "not-text"],
    [["a"] as unknown as string, "not-text"],
  ])("refuses %j as %s, with an event", async (name, reason) => {
    const error = await failure(files.open(name));
    expect(error).toMatchObject({ reason, status: 404 });
    expect(events).toMatchObject([{ event: "file.traversal", detail: reason, reason: "not_found" }]);
    expect(() => files.path(name)).toThrow(PathError);
    expect((await failure(files.create(name))).reason).toBe(reason);
  });

  it.each([
    "link-to-file",
    "link-to-folder/secret",
    "link-to-folder/deep/secret",
    "link-to-folder/deep/deeper/secret",
    "a/relative-link",
    "a/link-inside",
    "loop",
    "a/b/report.pdf/x",
  ])("follows no link at %s", async (name) => {
    expect((await failure(files.open(name))).reason).toBe("link");
    expect(events).toHaveLength(1);
  });

  it("creates nothing through a link", async () => {
    expect((await failure(files.create("link-to-folder/planted"))).reason).toBe("link");
    expect(existsSync(join(ground, "outside/planted"))).toBe(false);
    symlinkSync(join(ground, "outside/dangling"), join(root, "dangling"));
    await failure(files.create("dangling"));
    expect(existsSync(join(ground, "outside/dangling"))).toBe(false);
  });

  it("opens plain files alone, and does not wait for a pipe", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect((await failure(files.open("a"))).reason).toBe("not-a-file");
    expect((await failure(files.open("pipe"))).reason).toBe("not-a-file");
  });

  it("says of an absent file what it says of a forbidden one, and reports no attack", async () => {
    const error = await failure(files.open("a/absent"));
    expect(error).toMatchObject({ reason: "unavailable", status: 404 });
    expect(error.message).not.toContain("absent");
    expect((await failure(files.open("absent/absent"))).reason).toBe("unavailable");
    expect(events).toEqual([]);
  });

  it("never reads outside while somebody exchanges a folder for a link", async () => {
    const [real, parked, trap] = ["race", "race-parked", "race-trap"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(real);
    writeFileSync(join(real, "secret"), "inside");
    symlinkSync(join(ground, "outside"), trap);
    const done = new AbortController();
    const swapping = (async () => {
      while (!done.signal.aborted) {
        renameSync(real, parked);
        renameSync(trap, real);
        await new Promise((resolve) => setImmediate(resolve));
        renameSync(real, trap);
        renameSync(parked, real);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const seen = new Map<string, number>();
    const both = (): boolean => seen.has("link") && seen.has("inside");
    // On a busy machine the two may keep step for a while.
    for (let attempt = 0; attempt < 1500 || (!both() && attempt < 100_000); attempt += 1) {
      const outcome = await contents("race/secret").catch((error: unknown) => (error as PathError).reason);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    done.abort();
    await swapping;
    expect(seen.get("secret")).toBeUndefined();
    expect(seen.get("link")).toBeGreaterThan(0);
    expect(seen.get("inside")).toBeGreaterThan(0);
  });

  it("keeps every name that it takes inside, in every reading of it", () => {
    const piece = fc.constantFrom(..."a . .. / \\ % 2e 2f : ~ ．  ／ \0 ü con C:".split(" "));
    const name = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 10 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(name, (candidate) => {
        let path: string;
        try {
          path = files.path(candidate);
        } catch (error) {
          expect(error).toBeInstanceOf(PathError);
          return;
        }
        expect(path.startsWith(`${root}/`)).toBe(true);
        expect(path).not.toMatch(/\\|\/\.|\0/u);
        expect(join(root, candidate.normalize("NFKC")).startsWith(`${root}/`)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it("opens hidden files where it is told to, and still no traversal", async () => {
    const all = within(root, { allowHidden: true });
    expect(await contents("a/.hidden", all)).toBe("hidden");
    for (const name of ["..", "../outside/secret", "a/./b"])
      expect((await failure(all.open(name))).reason).toBe("traversal");
  });

  it("takes no root but an existing folder", () => {
    const nonsense: readonly unknown[] = [
      "files",
      "./files",
      "",
      "/",
      join(ground, "absent"),
      join(ground, "outside/secret"),
      undefined,
    ];
    for (const wrong of nonsense) expect(() => within(wrong as string)).toThrow(TypeError);
    expect(() => within(root, { hidden: true } as object)).toThrow(/no option "hidden"/u);
    const linked = join(ground, "linked-root");
    symlinkSync(root, linked);
    expect(within(linked).path("x")).toBe(join(root, "x"));
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
  const judge = (folder: string): readonly string[] =>
    within(folder)
      .control.check(production)
      .map(({ rule }) => rule.id);

  it("finds a folder that holds the application, or that everybody may write", () => {
    expect(judge(root)).toEqual([]);
    expect(judge(process.cwd())).toEqual(["path-traversal/root-holds-code"]);
    const open = join(ground, "open");
    mkdirSync(open);
    writeFileSync(join(open, "package.json"), "{}");
    chmodSync(open, 0o777);
    expect(judge(open)).toEqual(["path-traversal/root-holds-code", "path-traversal/root-writable"]);
    expect(within(open).control.check({ ...production, mode: "test" })).toEqual([]);
  });
});
