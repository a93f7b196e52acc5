/** Brings the rules and the walk together, and keeps each finding once. */
import type { Finding } from "glacis";
import type { Observer } from "./engine/run.ts";
import type { Step, Taint } from "./engine/value.ts";
import { childrenOf, positionOf, type Node, type SourceFile } from "./parse.ts";
import type { Report, ScanRule } from "./rule.ts";

/** A place on the way from a source to a sink. */
export interface FlowStep {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export interface ScanFinding extends Finding {
  readonly rule: ScanRule;
  readonly at: { readonly kind: "source"; readonly file: string; readonly line: number; readonly column: number };
  /** From the source to the sink; empty where the rule looks at one place alone. */
  readonly flow: readonly FlowStep[];
}

export interface Collector {
  readonly observer: Observer;
  /** Asks the rules that look at the text alone. */
  readText(file: SourceFile): void;
  readonly findings: readonly ScanFinding[];
}

export function collectFindings(rules: readonly ScanRule[]): Collector {
  const found = new Map<string, ScanFinding>();
  const reporter =
    (rule: ScanRule, file: SourceFile): Report =>
    (node, detail, taint) => {
      const at = { kind: "source" as const, file: file.path, ...positionOf(file.lines, node.start) };
      const key = `${rule.id}\n${at.file}:${at.line}`;
      const certain = taint?.source !== "parameter" && taint?.source !== "stored";
      if (found.has(key) && !(certain && found.get(key)?.rule.severity !== rule.severity)) return;
      found.set(key, {
        rule: certain ? rule : lessCertain(rule),
        at,
        detail,
        flow: taint === undefined ? [] : flowOf(taint, at, detail),
      });
    };
  const calling = rules.filter(({ calls }) => calls !== undefined);
  const assigning = rules.filter(({ assigns }) => assigns !== undefined);
  const valuing = rules.filter(({ values }) => values !== undefined);
  const reading = rules.filter(({ nodes }) => nodes !== undefined);
  const observer: Observer = {
    call: (call) => {
      for (const rule of calling) rule.calls?.(call, reporter(rule, call.run.module.file));
    },
    assign: (assignment) => {
      for (const rule of assigning) rule.assigns?.(assignment, reporter(rule, assignment.run.module.file));
    },
    value: (node, value, run) => {
      for (const rule of valuing) rule.values?.(node, value, run, reporter(rule, run.module.file));
    },
  };
  return {
    observer,
    readText: (file) => {
      for (const rule of rules) {
        const report = reporter(rule, file);
        if (file.markup !== undefined)
          rule.markup?.(file.markup, file.path, (start, detail) => report({ ...file.program, start }, detail), file);
      }
      const asked = reading.map((rule) => ({ rule, report: reporter(rule, file) }));
      visit(file.program, [], (node, parents) => {
        for (const { rule, report } of asked) rule.nodes?.(node, parents, file, report);
      });
    },
    get findings() {
      return [...found.values()];
    },
  };
}

/** Who calls a library is not known, and may have checked what they pass. */
function lessCertain(rule: ScanRule): ScanRule {
  return rule.severity === "error" ? { ...rule, severity: "warning" } : rule;
}

const DEEPEST = 400;

function visit(node: Node, parents: Node[], see: (node: Node, parents: readonly Node[]) => void): void {
  see(node, parents);
  if (parents.length > DEEPEST) return;
  parents.push(node);
  for (const child of childrenOf(node)) visit(child, parents, see);
  parents.pop();
}

function flowOf(taint: Taint, at: ScanFinding["at"], detail: string | undefined): readonly FlowStep[] {
  const steps: FlowStep[] = [];
  for (let step: Step | undefined = taint.step; step !== undefined; step = step.before) {
    steps.push({ file: step.file.path, ...positionOf(step.file.lines, step.node.start), text: step.text });
  }
  steps.reverse();
  return [...steps, { file: at.file, line: at.line, column: at.column, text: detail ?? "is used here" }];
}
