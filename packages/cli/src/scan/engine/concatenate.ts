import { TEXTUAL } from "./kinds.ts";
import { deepTaints, madeSafe, mergeTaints, type Part, type Value } from "./value.ts";

/** Texts put together. */
export function concatenate(values: readonly Value[]): Value {
  const taints = mergeTaints(...values.map((value) => deepTaints(value)));
  const parts: Part[] = [];
  for (const value of values) {
    const own =
      value.parts ??
      (value.literal === undefined ? [deepTaints(value).length > 0 ? null : undefined] : [String(value.literal)]);
    for (const part of own) {
      const last = parts.at(-1);
      if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
      else if (part !== "" || parts.length === 0) parts.push(part);
    }
  }
  return { taints: madeSafe(taints, TEXTUAL), type: "string", parts: parts.slice(0, 60) };
}
