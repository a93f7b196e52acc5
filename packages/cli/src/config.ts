/** Loads `glacis.config.ts`. jiti, because Node 20 runs no TypeScript and Node 22 runs only files without enums or bare import paths. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { glacis, nearestWord, type Layers, type Security, type Waiver } from "glacis";
import type { EnforcedPolicy } from "glacis/authorization";
import type { PostureOptions } from "glacis/data";
import { createJiti } from "jiti";
import { CannotCheck } from "./outcome.ts";

const EXPORTS: readonly string[] = ["database", "layers", "policies", "security", "waivers"];
const LOAD_TIMEOUT_MS = 30_000;
/** Where a configuration stands that nobody names. */
export const CONFIG_FILES = ["glacis.config.ts", "glacis.config.js", "glacis.config.mjs"] as const;

const EXAMPLE = 'export { security } from "./src/security.ts";';

/** What a configuration says. */
export interface Config {
  readonly security: Security;
  /** Waivers of the configuration itself, beside those of the layers. */
  readonly waivers: readonly Waiver[];
  /** How `--database` should look at the database. */
  readonly database: PostureOptions;
  /** The access policies that `--database` compares with the row-level security of their tables. */
  readonly policies: readonly EnforcedPolicy[];
}

/** The configuration of the working directory, if it has one; a project of plain JavaScript writes its own in that. */
export function presentConfig(): string | undefined {
  return CONFIG_FILES.find((name) => existsSync(name));
}

/**
 * Imports a configuration and composes it.
 *
 * @param path relative to the working directory
 * @throws CannotCheck when there is none, when it throws, or when it exports something else than it should.
 */
export async function loadConfig(path: string): Promise<Config> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new CannotCheck(
      `there is no ${path} here.`,
      "the check judges the layers that the application composes, and this file says which those are.",
      `create ${path} with one line such as ${EXAMPLE} or name another file with --config.`,
    );
  }
  const exported = exportsOf(await importWithin(file, path));
  refuseUnknown(exported, path);
  return {
    security: composed(exported, path),
    waivers: waiversOf(exported, path),
    database: databaseOf(exported, path),
    policies: policiesOf(exported, path),
  };
}

type Exported = Readonly<Record<string, unknown>>;

async function importWithin(file: string, path: string): Promise<Exported> {
  const jiti = createJiti(pathToFileURL(file).href, { fsCache: false, interopDefault: false, tsconfigPaths: true });
  const restore = keepStandardOutputClean();
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const late = new Error(`It did not finish loading within ${LOAD_TIMEOUT_MS / 1000} seconds.`);
    timer = setTimeout(() => reject(late), LOAD_TIMEOUT_MS);
  });
  try {
    const module = await Promise.race([jiti.import<Exported>(pathToFileURL(file).href), expired]);
    // A rejection that nothing handles, and what prints a tick later, belong to loading: the first ends the check, the second is no part of its answer.
    await setImmediate();
    return module;
  } catch (error) {
    throw new CannotCheck(
      `${path} could not be loaded: ${describe(error)}`,
      "a composition that does not load protects nothing and cannot be judged.",
      "correct what the message names; give the command the environment variables that the application reads.",
    );
  } finally {
    clearTimeout(timer);
    restore();
  }
}

/** What a configuration prints while it loads must not end up inside a JSON or SARIF document. */
function keepStandardOutputClean(): () => void {
  const { stdout, stderr } = process;
  const original = Object.getOwnPropertyDescriptor(stdout, "write");
  stdout.write = stderr.write.bind(stderr);
  return () => {
    if (original === undefined) Reflect.deleteProperty(stdout, "write");
    else Object.defineProperty(stdout, "write", original);
  };
}

/** What CommonJS exports arrives as `default`, with or without its names beside it. */
function exportsOf(module: Exported): Exported {
  const { default: whole, ...named } = module;
  const names = typeof whole === "object" && whole !== null ? Object.keys(whole) : [];
  const isWhole = names.length > 0 && names.every((name) => EXPORTS.includes(name));
  return isWhole && Object.entries(named).every(([name, value]) => (whole as Exported)[name] === value)
    ? (whole as Exported)
    : module;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `it threw a ${typeof error}.`;
}

function refuseUnknown(exported: Exported, path: string): void {
  for (const name of Object.keys(exported)) {
    if (EXPORTS.includes(name)) continue;
    const nearest = nearestWord(name, EXPORTS);
    throw new CannotCheck(
      `${path} exports "${name}", which means nothing here.`,
      "a misspelt export would be a part of the policy that silently does not count.",
      nearest === undefined || name === "default"
        ? `export ${EXPORTS.join(", ")} by name and nothing else.`
        : `did you mean "${nearest}"?`,
    );
  }
}

function composed({ security, layers }: Exported, path: string): Security {
  if ((security === undefined) === (layers === undefined)) {
    throw new CannotCheck(
      `${path} exports ${security === undefined ? "neither" : "both"} security ${security === undefined ? "nor" : "and"} layers.`,
      "the check judges exactly one composition.",
      `export the one that the application mounts, such as ${EXAMPLE}`,
    );
  }
  if (security !== undefined) {
    if (isSecurity(security)) return security;
    throw new CannotCheck(
      `${path} exports a security that glacis() did not make.`,
      "only a composed policy can be judged.",
      "export the value that glacis(saas({ ... })) returns.",
    );
  }
  try {
    return glacis(layers as Layers);
  } catch (error) {
    throw new CannotCheck(
      `the layers of ${path} do not compose: ${describe(error)}`,
      "the application would not start with them either.",
      "correct what the message names.",
    );
  }
}

function isSecurity(value: unknown): value is Security {
  if (typeof value !== "object" || value === null) return false;
  const { check, controls, layers } = value as Partial<Security>;
  return typeof check === "function" && Array.isArray(controls) && typeof layers === "object" && layers !== null;
}

function waiversOf({ waivers = [] }: Exported, path: string): readonly Waiver[] {
  if (Array.isArray(waivers)) return waivers as readonly Waiver[];
  throw new CannotCheck(
    `${path} exports waivers that are no list.`,
    "a waiver that cannot be read would waive nothing, or everything.",
    "export a list of { id, reason, owner, expires }.",
  );
}

function policiesOf({ policies = [] }: Exported, path: string): readonly EnforcedPolicy[] {
  if (Array.isArray(policies) && policies.every(isEnforcedPolicy)) return policies;
  throw new CannotCheck(
    `${path} exports policies that are no list of { policy, options }.`,
    "a policy that is left out is never compared with the database.",
    "export a list such as [{ policy: documentPolicy, options: { restrictive: true } }], with the options of rowSecurity().",
  );
}

function isEnforcedPolicy(value: unknown): value is EnforcedPolicy {
  const { policy } = (value ?? {}) as { readonly policy?: { readonly resource?: unknown; readonly model?: unknown } };
  return typeof policy?.resource === "string" && typeof policy.model === "object";
}

function databaseOf({ database = {} }: Exported, path: string): PostureOptions {
  if (typeof database === "object" && database !== null && !Array.isArray(database)) return database;
  throw new CannotCheck(
    `${path} exports a database that is no object of options.`,
    "tables that are read by another column than is meant would be judged wrongly.",
    'export what databasePosture() takes, such as { shared: ["countries"] }.',
  );
}
