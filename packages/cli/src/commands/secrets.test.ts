import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
function newSecret(): string {
  const letters = randomBytes(64)
    .toString("base64")
    .replaceAll(/[^A-Za-z0-9]/gu, "");
  // One that says by chance that it is none would not be found.
  return /fake/iu.test(letters) ? newSecret() : `ghp_${letters.slice(0, 36)}`;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "glacis-secrets-"));
  git("init", "--quiet", "--initial-branch=main");
  write("README.md", "nothing to see\n");
  commit("begin");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function git(...args: readonly string[]): string {
  const who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...who, ...args], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function write(file: string, text: string | Buffer): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

function commit(message: string): void {
  git("add", "--all");
  git("commit", "--quiet", "--allow-empty", "-m", message);
}

function secrets(...args: readonly string[]): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "secrets", ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

describe("glacis secrets", () => {
  it("finds nothing where nothing is", () => {
    expect(secrets()).toMatchObject({ status: 0, out: "No secrets found.\n" });
  });

  it("finds a secret of today, tracked or about to be, and no ignored one, and prints none", () => {
    const secret = newSecret();
    write(".gitignore", "ignored.txt\n");
    write("ignored.txt", newSecret());
    write("src/a file.ts", `one\nconst x = "${secret}";\n`);
    const { status, out } = secrets("--no-history");
    expect(status).toBe(1);
    expect(out).toContain("src/a file.ts:2:12");
    expect(out).not.toContain("ignored.txt");
    expect(out).not.toContain(secret);
  });

  it("finds what was deleted, merged, stashed, tagged, or written into a message, with its commit", () => {
    const lost = {
      deleted: newSecret(),
      merged: newSecret(),
      stashed: newSecret(),
      tagged: newSecret(),
      said: newSecret(),
    };
    write("deleted.txt", lost.deleted);
    commit("add");
    rmSync(join(folder, "deleted.txt"));
    commit("remove");
    git("checkout", "--quiet", "-b", "side");
    write("README.md", "side\n");
    commit("side");
    git("checkout", "--quiet", "main");
    write("README.md", "main\n");
    commit("main");
    try {
      git("merge", "--quiet", "side");
    } catch {
      write("README.md", `both ${lost.merged}\n`);
    }
    commit("merge");
    write("README.md", "clean\n");
    commit("clean");
    git("checkout", "--quiet", "--detach");
    write("tagged.txt", lost.tagged);
    commit("detached");
    git("tag", "v1");
    git("checkout", "--quiet", "main");
    commit(`say @@ -1 +1,99 @@\n\ndiff --git a/x b/x\n${lost.said}`);
    write("README.md", lost.stashed);
    git("stash");
    const { status, out } = secrets();
    expect(status).toBe(1);
    for (const file of ["deleted.txt:1:1", "README.md:1:6", "tagged.txt:1:1", "(message):0:1", "README.md:1:1"])
      expect(out).toContain(file);
    expect(out.match(/in commit [0-9a-f]{12}/gu)).toHaveLength(5);
    for (const secret of Object.values(lost)) expect(out).not.toContain(secret);
    expect(secrets("--no-history").status).toBe(0);
  });

  it("finds what an attribute calls binary, and a driver of the repository would run for", () => {
    const secret = newSecret();
    write(".gitattributes", "*.pem binary\n*.txt diff=evil\n");
    write("key.pem", `${secret}\n`);
    write("note.txt", `${newSecret()}\n`);
    commit("add");
    rmSync(join(folder, "key.pem"));
    rmSync(join(folder, "note.txt"));
    commit("remove");
    git("config", "diff.evil.command", "touch ran");
    git("config", "diff.evil.textconv", "touch ran");
    const { out } = secrets();
    expect(out).toContain("key.pem:1:1");
    expect(out).toContain("note.txt:1:1");
    expect(existsSync(join(folder, "ran"))).toBe(false);
  });

  it("takes a waiver with a reason, and none that has expired", () => {
    write("a.txt", newSecret());
    const found = JSON.parse(secrets("--format", "json").out) as { detail: string }[];
    const fingerprint = /fingerprint ([0-9a-f]{32})/u.exec(found[0]?.detail ?? "")?.[1];
    const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const waive = (expires: string): void =>
      write(".glacis-secrets.json", JSON.stringify([{ fingerprint, reason: "a test", owner: "team", expires }]));
    waive(day(30));
    expect(secrets().status).toBe(0);
    waive(day(-1));
    expect(secrets().status).toBe(1);
    write(".glacis-secrets.json", "{");
    expect(secrets()).toMatchObject({ status: 2 });
  });

  it("reads no pictures, follows no links, and says so when there is no repository", () => {
    write("picture.bin", Buffer.concat([Buffer.from([0, 1, 2]), Buffer.from(newSecret())]));
    execFileSync("ln", ["-s", "/etc", join(folder, "link")]);
    expect(secrets().status).toBe(0);
    rmSync(join(folder, ".git"), { recursive: true });
    const { status, err } = secrets();
    expect(status).toBe(2);
    expect(err).toContain("git could not read");
  });
});
