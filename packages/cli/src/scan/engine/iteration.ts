/** Methods that ask a function about each element of a list. */
import { EVERY } from "./kinds.ts";
import { elementOf, newObject } from "./members.ts";
import type { Call } from "./run.ts";
import { deepTaints, join, UNKNOWN, type Clear, type Value } from "./value.ts";

export const ITERATING: ReadonlySet<string> = new Set([
  "forEach",
  "map",
  "flatMap",
  "filter",
  "find",
  "findLast",
  "some",
  "every",
  "reduce",
  "reduceRight",
  "sort",
  "toSorted",
  "findIndex",
]);

export function iterate(call: Call, receiver: Value): Value {
  const { run, name, args } = call;
  const element = elementOf(receiver);
  const [callback, initial] = args;
  const reduces = name.startsWith("reduce");
  const whole = name === "reduce" ? folded(call, receiver) : undefined;
  if (whole !== undefined) return whole;
  const given = reduces
    ? [initial ?? UNKNOWN, element]
    : name.includes("ort")
      ? [element, element]
      : [element, { taints: [], type: "number" as const }];
  let result = run.apply(callback ?? UNKNOWN, given);
  // Once more, for what has been gathered in the first turn.
  if (name === "forEach") run.apply(callback ?? UNKNOWN, given);
  if (reduces) result = join(result, run.apply(callback ?? UNKNOWN, [result, element]));
  switch (name) {
    case "map":
    case "flatMap":
      return { ...newObject(run, "array"), element: name === "map" ? result : elementOf(result) };
    case "filter":
    case "find":
    case "findLast": {
      const kept = bakeFacts(element, result.facts?.yes ?? []);
      const whole = bakeFacts(
        {
          taints: receiver.taints.map((taint) => ({
            ...taint,
            safe: taint.safe | factKinds(`${taint.label}.*`, result.facts?.yes ?? []),
          })),
        },
        [],
      );
      return name === "filter"
        ? { taints: whole.taints.filter(({ safe }) => (safe & EVERY) !== EVERY), type: "array", element: kept }
        : kept;
    }
    case "every":
      return {
        taints: [],
        type: "boolean",
        ...(result.facts && {
          facts: {
            yes: [...result.facts.yes, ...ofWhole(result.facts.yes)],
            no: [],
          },
        }),
      };
    case "some":
      return {
        taints: [],
        type: "boolean",
        ...(result.facts && {
          facts: {
            yes: deepTaints(element).length === 0 ? result.facts.yes : [],
            no: [...result.facts.no, ...ofWhole(result.facts.no)],
          },
        }),
      };
    case "reduce":
    case "reduceRight":
      return result;
    case "sort":
    case "toSorted":
      return receiver;
    default:
      return UNKNOWN;
  }
}

/** What holds for each element holds for the list. */
function ofWhole(facts: readonly Clear[]): readonly Clear[] {
  return facts
    .filter(({ label }) => label.endsWith(".*"))
    .map(({ label, kinds }) => ({ label: label.slice(0, -2), kinds }));
}

function factKinds(label: string, facts: readonly Clear[]): number {
  return facts.filter((fact) => fact.label === label).reduce((kinds, fact) => kinds | fact.kinds, 0);
}

/** `from(list).pipe(map(first), mergeMap(second))`: what each operator makes of what came before. */
export function piped({ run, args }: Call, receiver: Value): Value {
  let value = receiver;
  for (const operator of args) {
    const made = run.apply(operator, [value]);
    if (/\.(?:\w*[mM]ap|scan|reduce)\(\)$/u.test(operator.api ?? "")) value = made;
  }
  return value;
}

/** A list of which each element is known, one after the other. */
function folded({ run, args: [callback, initial] }: Call, receiver: Value): Value | undefined {
  const items = [...(receiver.fields ?? [])];
  const isKnown = receiver.type === "array" && items.length <= MOST_FOLDED;
  if (!isKnown || initial === undefined || callback === undefined || items.length === 0) return undefined;
  if (items.some(([key, item]) => !/^\d+$/u.test(key) || item.closure === undefined)) return undefined;
  return items.reduce((value, [, item]) => run.apply(callback, [value, item]), initial);
}

const MOST_FOLDED = 12;

function bakeFacts(value: Value, facts: readonly Clear[]): Value {
  const taints = value.taints
    .map((taint) => ({ ...taint, safe: taint.safe | factKinds(taint.label, facts) }))
    .filter(({ safe }) => (safe & EVERY) !== EVERY);
  return { ...value, taints };
}
