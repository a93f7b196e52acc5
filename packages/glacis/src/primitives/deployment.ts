import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import type { Deployment, Mode } from "../core/control.ts";

/**
 * The mode that the environment declares. Production is assumed unless something says otherwise in so many words: a forgotten variable must
 * not open the developer's door (catalog `debug-off`).
 */
export function modeOf(variables: Readonly<Record<string, string | undefined>>): Mode {
  const declared = variables["GLACIS_ENV"] ?? variables["NODE_ENV"];
  return declared === "development" || declared === "test" ? declared : "production";
}

/** `.env`, `.env.local`, `.env.production`; what is committed as a pattern to fill in is none. */
const ENV_FILE = /^\.env(?!.*\.?(?:example|sample|template|dist|schema)$)(?:\..+)?$/u;

/** This process, as `check` judges it. */
export function currentDeployment(mode: Mode = modeOf(process.env)): Deployment {
  const variables = new Map(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  return {
    mode,
    nodeVersion: process.versions.node,
    variables,
    nodeOptions: [...process.execArgv, ...flagsIn(process.env["NODE_OPTIONS"] ?? "")],
    ...(process.getuid !== undefined && { userId: process.getuid() }),
    envFiles: envFilesHere(),
    trackedEnvFiles: envFilesTracked(),
    nowMs: Date.now(),
  };
}

/** The flags in NODE_OPTIONS as Node reads them: a blank ends one, except between double quotes, where a backslash saves what follows it. */
function flagsIn(text: string): readonly string[] {
  const words = text.match(/(?:[^ "]|"(?:[^"\\]|\\.)*")+/gsu) ?? [];
  return words.map((word) =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"/gsu, (_, quoted: string) => quoted.replaceAll(/\\(.)/gsu, "$1")),
  );
}

/** The names of flags, without values and spelt with dashes, as Node takes them for the same. */
export function flagNames(nodeOptions: readonly string[]): readonly string[] {
  return nodeOptions.map((flag) => (flag.split("=", 1)[0] as string).replaceAll("_", "-"));
}

/** A process that may not list its own directory, as under Node's permission model, has nothing to say about it. */
function envFilesHere(): readonly string[] {
  try {
    return readdirSync(process.cwd()).filter((name) => ENV_FILE.test(name));
  } catch {
    return [];
  }
}

/** Where there is no repository, or no git, there is nothing to track; what production runs on seldom has either. */
function envFilesTracked(): readonly string[] {
  if (!existsSync(".git")) return [];
  try {
    const args = ["-c", "core.fsmonitor=false", "ls-files", "-z", "--", ":(glob)**/.env*"];
    const listed = execFileSync("git", args, { encoding: "utf8", timeout: 2_000, stdio: ["ignore", "pipe", "ignore"] });
    return listed.split("\0").filter((path) => ENV_FILE.test(path.slice(path.lastIndexOf("/") + 1)));
  } catch {
    return [];
  }
}
