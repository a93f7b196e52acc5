/** Waivers of a command that loads no configuration: a JSON list of the same entries. */
import type { Waiver } from "glacis";
import { readText } from "./audit/bounded-file.ts";
import { CannotCheck } from "./outcome.ts";

/** No file means no waivers. @throws CannotCheck for a file that is no list, for it was meant to say something */
export function readWaiversFile(path: string): readonly Waiver[] {
  const text = readText(path);
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value as readonly Waiver[];
  } catch {
    // Answered below, like JSON that is no list.
  }
  throw new CannotCheck(
    `${path} is not a list of waivers.`,
    "what is waived there would be found, or what is not would be missed.",
    'write [{ "id": "GHSA-...", "reason": "...", "owner": "...", "expires": "2027-01-31" }].',
  );
}
