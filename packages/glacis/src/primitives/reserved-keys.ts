/**
 * Keys that reach an object's prototype when code merges or assigns by name (CWE-1321). No field of a request may carry one, at any depth.
 */
export function isReservedKey(key: string): boolean {
  return key === "__proto__" || key === "constructor" || key === "prototype";
}

/**
 * Whether any segment of a form or query name is reserved. Names are flat text here, but libraries further in expand `a[__proto__][b]` and
 * `a.constructor.b` to objects, so both notations count.
 */
export function namesReservedKey(name: string): boolean {
  if (!name.includes("proto") && !name.includes("constructor")) return false;
  return name.split(SEPARATORS).some(isReservedKey);
}

const SEPARATORS = /[[\].]/u;
