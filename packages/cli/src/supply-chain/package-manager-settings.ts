/** What .npmrc, .yarnrc.yml and pnpm-workspace.yaml of the project say. The user's own files are not the project's policy. */
import { tableOf, wordOf, type Table } from "../parsed-document.ts";
import { parseYaml } from "../audit/yaml.ts";
import type { Project } from "./project.ts";

export interface PackageManagerSettings {
  /** Lower-case names; the last line counts, as in npm. */
  readonly npm: ReadonlyMap<string, string>;
  readonly yarn: Table;
  readonly pnpm: Table;
}

export function readSettings({ text }: Project): PackageManagerSettings {
  return {
    npm: parseNpmrc(text(".npmrc") ?? ""),
    yarn: yaml(text(".yarnrc.yml")),
    pnpm: yaml(text("pnpm-workspace.yaml")),
  };
}

/** Settings that cannot be read set nothing. */
function yaml(text: string | undefined): Table {
  try {
    return tableOf(parseYaml(text ?? "")[0]?.value);
  } catch {
    return {};
  }
}

/** Names are compared without their separators: npm takes `ignore-scripts` and `ignore_scripts` alike. */
export function parseNpmrc(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split(/\r?\n/u)) {
    if (/^\s*(?:[#;]|$)/u.test(line)) continue;
    const [name = "", ...value] = line.split("=");
    const plain = value
      .join("=")
      .trim()
      .replaceAll(/^["']|["']$/gu, "");
    const key = name.trim();
    settings.set(/[:/]/u.test(key) ? key : key.replaceAll("_", "-").toLowerCase(), value.length === 0 ? "true" : plain);
  }
  return settings;
}

/** Days of `minimumReleaseAge` and its like: a number of minutes, or words such as `3 days`. */
export function daysOf(value: unknown, minutes: boolean): number {
  if (typeof value === "number") return minutes ? value / 1440 : value;
  const [, amount, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/iu.exec(wordOf(value)) ?? [];
  if (amount === undefined) return 0;
  const scale = UNITS.find(({ pattern }) => pattern.test(unit));
  return Number(amount) * (scale?.days ?? (minutes ? 1 / 1440 : 1));
}

const UNITS = [
  { pattern: /^w(?:eeks?)?$/iu, days: 7 },
  { pattern: /^mo(?:nths?)?$/iu, days: 30 },
  { pattern: /^d(?:ays?)?$/iu, days: 1 },
  { pattern: /^h(?:ours?)?$/iu, days: 1 / 24 },
  { pattern: /^m(?:in(?:utes?)?)?$/iu, days: 1 / 1440 },
  { pattern: /^y(?:ears?)?$/iu, days: 365 },
];
