import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A project on the disk: its files by path, those that are no text as JSON. */
export type ProjectFiles = Readonly<Record<string, string | object>>;

/** Writes the files into a new folder, and hands it to the work; with `git`, as a repository that tracks them all. */
export function withProject<Result>(files: ProjectFiles, work: (root: string) => Result, git = false): Result {
  const root = mkdtempSync(join(tmpdir(), "glacis-project-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
    }
    if (git) {
      const run = (...args: readonly string[]): void => {
        execFileSync(
          "git",
          ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false", ...args],
          {
            cwd: root,
            stdio: "ignore",
          },
        );
      };
      run("init", "--quiet");
      run("add", "--all");
      run("commit", "--quiet", "-m", "begin");
    }
    return work(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A lockfile of npm over these packages, by their place. */
export function npmLock(root: object, packages: Readonly<Record<string, object>> = {}): object {
  return { lockfileVersion: 3, packages: { "": root, ...packages } };
}

/** An entry as the registry gives it. */
export function locked(name: string, version: string, more: object = {}): object {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const resolved = `https://registry.npmjs.org/${name}/-/${base}-${version}.tgz`;
  return { version, resolved, integrity: `sha512-${Buffer.alloc(64, 1).toString("base64")}`, ...more };
}
