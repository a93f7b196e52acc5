/** CloudFormation templates, as far as what they say can be known before they are deployed. */
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { ControlMeta, Finding, Rule } from "glacis";
import { readText } from "../audit/bounded-file.ts";
import { listOf, own, tableOf, textOf, type Table } from "../parsed-document.ts";
import { CannotCheck } from "../outcome.ts";

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_TEMPLATES = 200;

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: Table;
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The stage whose template it is in; empty where none was named. */
  readonly stage: string;
}

/** What was read: the resources of all templates together. */
export interface Infrastructure {
  readonly files: readonly string[];
  readonly stages: readonly string[];
  readonly resources: readonly Resource[];
}

/**
 * @param targets files or folders such as `cdk.out`, each perhaps with the name of its stage: `staging=cdk.out/staging`
 * @throws CannotCheck for what is no template, or none at all: nothing that was not read may look clean
 */
export function readInfrastructure(targets: readonly string[]): Infrastructure {
  const named = targets.map((target) => {
    const [, stage = "", path = ""] = /^(?:([a-z][a-z0-9-]*)=)?(.+)$/su.exec(target) ?? [];
    return { stage, files: filesOf(path) };
  });
  const resources = named.flatMap(({ stage, files }) => files.flatMap((file) => resourcesOf(file, stage)));
  return {
    files: named.flatMap(({ files }) => files),
    stages: [...new Set(named.map(({ stage }) => stage))].filter((stage) => stage !== ""),
    resources,
  };
}

function filesOf(path: string): readonly string[] {
  const about = statSync(path, { throwIfNoEntry: false });
  if (about?.isFile() === true) return [path];
  const found = about?.isDirectory() === true ? templatesIn(path) : [];
  if (found.length > 0 && found.length <= MOST_TEMPLATES) return found;
  throw new CannotCheck(
    found.length > 0 ? `${path} holds more than ${MOST_TEMPLATES} templates.` : `there is no template at ${path}.`,
    "what was not read was not judged.",
    "name a CloudFormation template in JSON, or a folder with *.template.json such as cdk.out.",
  );
}

/** The CDK gives each of its stages a folder within the folder. */
function templatesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name.startsWith("assembly-") ? templatesIn(path) : [];
      return /\.template(?:\.json)?$/u.test(entry.name) ? [path] : [];
    });
}

function resourcesOf(file: string, stage: string): readonly Resource[] {
  const text = readText(file, MOST_BYTES) ?? "";
  let template: unknown;
  try {
    template = JSON.parse(text);
  } catch {
    throw noTemplate(file, "it is not JSON");
  }
  const { Resources, Transform } = tableOf(template);
  if (Transform !== undefined) throw noTemplate(file, "a transform makes other resources of it when it is deployed");
  const resources = Object.entries(tableOf(Resources));
  if (resources.length === 0) throw noTemplate(file, "it has no Resources");
  const lines = text.split("\n");
  return resources.map(([id, value]) => {
    const { Type, Properties } = tableOf(value);
    const line = Math.max(
      0,
      lines.findIndex((candidate) => candidate.trimStart().startsWith(`${JSON.stringify(id)}:`)),
    );
    return { id, type: textOf(Type) ?? "", properties: tableOf(Properties), file, line: line + 1, stage };
  });
}

function noTemplate(file: string, reason: string): CannotCheck {
  return new CannotCheck(
    `${basename(file)} could not be judged: ${reason}.`,
    "what was not read was not judged.",
    "name a CloudFormation template in JSON: cdk synth writes them, and YAML has to be converted first.",
  );
}

/** What a control makes of templates. */
export interface InfrastructureControl {
  readonly meta: ControlMeta;
  readonly rules: readonly Rule[];
  readonly judge: (infrastructure: Infrastructure) => readonly Finding[];
}

export function atResource(rule: Rule, { file, line, id }: Resource, detail?: string): Finding {
  const about = detail === undefined ? id : `${id}: ${detail}`;
  return { rule, at: { kind: "source", file, line, column: 1 }, detail: about };
}

export function ofType({ resources }: Infrastructure, ...types: readonly string[]): readonly Resource[] {
  return resources.filter(({ type }) => types.includes(type));
}

/** A value that only the deployment knows: a parameter, a condition, an import. */
export function isUnknown(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && /^(?:Ref$|Fn::)/u.test(onlyKey(value));
}

function onlyKey(value: object): string {
  const [first = "", ...others] = Object.keys(value);
  return others.length === 0 ? first : "";
}

/** The logical id that a value refers to, whichever attribute of it. */
export function referred(value: unknown): string | undefined {
  const table = tableOf(value);
  const attribute = own(table, "Fn::GetAtt");
  return textOf(own(table, "Ref")) ?? textOf(listOf(attribute)[0]) ?? textOf(attribute)?.split(".", 1)[0];
}

/** The resource that a value refers to, in the same template. */
export function referredFrom({ resources }: Infrastructure, from: Resource, value: unknown): Resource | undefined {
  const id = referred(value);
  return resources.find((candidate) => candidate.id === id && candidate.file === from.file);
}

/** A list that may be written as its only entry; undefined where the deployment decides it. */
export function entriesOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined) return [];
  if (isUnknown(value)) return undefined;
  return Array.isArray(value) ? (value as readonly unknown[]) : [value];
}

/** The same where each entry is asked by itself: what the deployment decides is one entry. */
export function listed(value: unknown): readonly unknown[] {
  return entriesOf(value) ?? [value];
}

/** The text that a value becomes, with `*`-free gaps where only the deployment knows: `arn:aws:iam::{?}:root`. */
export function textIn(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const join = listOf(own(tableOf(value), "Fn::Join"));
  if (join.length === 2)
    return listOf(join[1])
      .map(textIn)
      .join(textOf(join[0]) ?? "");
  const sub = own(tableOf(value), "Fn::Sub");
  const pattern = textOf(sub) ?? textOf(listOf(sub)[0]);
  return pattern === undefined ? GAP : pattern.replaceAll(/\$\{[^}]*\}/gu, GAP);
}

export const GAP = "{?}";

/** CloudFormation takes `true` and `"true"`. Undefined where the deployment decides, or nothing is said. */
export function flagOf(value: unknown): boolean | undefined {
  const text = String(value).toLowerCase();
  return text === "true" ? true : text === "false" ? false : undefined;
}
