/** The Vary field: names that a response depends on (RFC 9110 section 12.5.5). */
import { recent } from "./recent.ts";

const LONGEST_KNOWN = 256;

/**
 * Makes a function that joins names to whatever Vary the application wrote. It writes few different ones, so each answer is kept.
 *
 * @param added such as `Origin` or `Cookie, Origin`
 */
export function joinVary(added: string): (existing: string | undefined) => string {
  const known = recent<string>(64);
  return (existing) => {
    if (existing === undefined) return added;
    const kept = known.get(existing);
    if (kept !== undefined) return kept;
    const present = varyNames(existing);
    const missing = added.split(", ").filter((name) => !present.has(name.toLowerCase()) && !present.has("*"));
    const joined = [existing, ...missing].filter((part) => part.trim() !== "").join(", ");
    if (existing.length <= LONGEST_KNOWN) known.set(existing, joined);
    return joined;
  };
}

/** The names in lower case. */
export function varyNames(vary: string): ReadonlySet<string> {
  return new Set(vary.split(",").map((name) => name.trim().toLowerCase()));
}
