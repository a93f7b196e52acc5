import type { Node } from "../parse.ts";
import type { Run } from "./run.ts";
import type { Value } from "./value.ts";

/** Elements: their attributes are sinks, and their children hold expressions. */
export function element(run: Run, node: Node & { readonly type: "JSXElement" | "JSXFragment" }): Value {
  if (node.type === "JSXElement") {
    for (const attribute of node.openingElement.attributes) {
      const inside = attribute.type === "JSXSpreadAttribute" ? attribute.argument : attribute.value;
      if (inside === null) continue;
      run.observer.value(attribute, run.evaluate(inside), run);
    }
  }
  for (const child of node.children) {
    if (child.type === "JSXExpressionContainer" || child.type === "JSXElement" || child.type === "JSXFragment")
      run.evaluate(child);
  }
  return { taints: [], type: "object", api: "jsx" };
}

/** `function Page({ location })`: what a router hands to a component. */
export function shownAddress({ name, role }: Value, key: string): string {
  return name === "location" && role === undefined && (key === "search" || key === "hash") ? name : "";
}
