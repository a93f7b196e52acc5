/** The body of the hand-inlined guard: JSON within the bounds that Glacis keeps. */
import { isUtf8 } from "node:buffer";

/** The document, or undefined when it is malformed, too deep, too wide or uses a reserved key. */
export function parseJson(bytes) {
  if (!isUtf8(bytes)) return undefined;
  try {
    const value = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null && sound(value, 32, { left: 10_000 }) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sound(node, depth, keys) {
  if (depth === 0) return false;
  if (Array.isArray(node))
    return node.every((value) => typeof value !== "object" || value === null || sound(value, depth - 1, keys));
  for (const key of Object.keys(node)) {
    keys.left -= 1;
    if (keys.left < 0 || key === "__proto__" || key === "constructor" || key === "prototype") return false;
    const value = node[key];
    if (typeof value === "object" && value !== null && !sound(value, depth - 1, keys)) return false;
    if (typeof value === "number" && !Number.isFinite(value)) return false;
  }
  return true;
}
