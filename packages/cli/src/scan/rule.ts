import type { Rule } from "glacis";
import { KIND, NOT_TWO_SLASHES, STARTS_WITH_SLASH } from "./engine/kinds.ts";
import type { Assignment, Call, Run } from "./engine/run.ts";
import { deepTaints, type SourceKind, type Taint, type Value } from "./engine/value.ts";
import type { Node, SourceFile } from "./parse.ts";

/** One weakness, and how to see it in a program. */
export interface ScanRule extends Rule {
  readonly id: `scan/${string}`;
  readonly cwe: readonly string[];
  /** Of the Top Ten of 2021. */
  readonly owasp: string;
  /** Code in which the rule finds something, and the same code mended. Documentation and tests show both. */
  readonly bad: string;
  readonly good: string;
  /** Hears of every call, with what is known of its arguments. */
  readonly calls?: (call: Call, report: Report) => void;
  /** Hears of every assignment to a property. */
  readonly assigns?: (assignment: Assignment, report: Report) => void;
  /** Hears of JSX attributes and tagged templates. */
  readonly values?: (node: Node, value: Value, run: Run, report: Report) => void;
  /** Looks at pages and templates. */
  readonly markup?: (
    text: string,
    path: string,
    report: (offset: number, detail?: string) => void,
    file: SourceFile,
  ) => void;
  /** Looks at the text alone. */
  readonly nodes?: (node: Node, parents: readonly Node[], file: SourceFile, report: Report) => void;
}

/** @param taint the way from source to sink, where there is one */
export type Report = (node: Node, detail?: string, taint?: Taint) => void;

const SOURCES: readonly SourceKind[] = ["remote"];

/** The first untrusted text in a value that can still do harm of a kind, as things stand where it is asked. */
export function untrusted(
  run: Run,
  value: Value | undefined,
  kind: number,
  sources: readonly SourceKind[] = SOURCES,
  depth = 3,
): Taint | undefined {
  return deepTaints(value, depth).find(({ label, safe, source }) => {
    if (!sources.includes(source) || (safe & kind) === kind) return false;
    const known = safe | run.state.knownAbout(label);
    if ((known & kind) === kind) return false;
    const local = STARTS_WITH_SLASH | NOT_TWO_SLASHES;
    // What starts with a slash has no scheme.
    if (kind === KIND.href && (known & STARTS_WITH_SLASH) !== 0) return false;
    return !(kind === KIND.redirect && (known & local) === local);
  });
}

/** The untrusted text at a value itself, not inside of it. */
export function untrustedItself(
  run: Run,
  value: Value | undefined,
  kind: number,
  sources?: readonly SourceKind[],
): Taint | undefined {
  return untrusted(run, value, kind, sources, 0);
}

/** Is the host, or what stands before it, chosen from outside? What comes after the first slash is a path. */
export function controlsHost(value: Value): boolean {
  const { parts } = value;
  if (parts === undefined) return value.taints.length > 0;
  let known = "";
  for (const part of parts) {
    if (part === null)
      return !/^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]+[/?#]/iu.test(known) && !/^\/[^/\\]|^\.|^[?#]/u.test(known);
    // A base address of the configuration is not the client's.
    if (part === undefined) return false;
    known += part;
  }
  return false;
}

/** An option that is surely set to a value, such as `shell: true`. */
export function option(value: Value | undefined, name: string): Value | undefined {
  return value?.fields?.get(name);
}

export function isTrue(value: Value | undefined): boolean {
  return value !== undefined && value.literal !== false && value.literal !== null && value.literal !== undefined;
}
