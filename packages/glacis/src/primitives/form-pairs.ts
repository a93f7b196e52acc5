/** `application/x-www-form-urlencoded` (WHATWG URL section 5.1), read strictly: what is malformed is refused and never repaired. */
import { namesReservedKey } from "./reserved-keys.ts";

/** Names are flat: `a[b]` is a field called `a[b]`. What occurs several times is a list in order. No prototype. */
export type FormFields = Readonly<Record<string, string | readonly string[]>>;

export type FormFlaw = "form_fields" | "form_encoding" | "prototype_pollution";

/**
 * @param most fields; one more is a flaw
 * @example
 * formPairs("tag=a&tag=b&q=two+words", 1000); // { fields: { tag: ["a", "b"], q: "two words" } }
 */
export function formPairs(
  text: string,
  most: number,
): { readonly fields: FormFields; readonly flaw?: undefined } | { readonly flaw: FormFlaw } {
  const fields = Object.create(null) as Record<string, string | string[]>;
  if (text === "") return { fields };
  const pairs = text.split("&", most + 1);
  if (pairs.length > most) return { flaw: "form_fields" };
  for (const pair of pairs) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeComponent(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decodeComponent(pair.slice(equals + 1));
    if (name === undefined || value === undefined) return { flaw: "form_encoding" };
    if (namesReservedKey(name)) return { flaw: "prototype_pollution" };
    const earlier = fields[name];
    if (earlier === undefined) fields[name] = value;
    else if (typeof earlier === "string") fields[name] = [earlier, value];
    else earlier.push(value);
  }
  return { fields };
}

/** Strict: a stray percent sign, overlong or otherwise invalid UTF-8 is undefined, never a replacement character. */
function decodeComponent(encoded: string): string | undefined {
  if (!encoded.includes("%") && !encoded.includes("+")) return encoded;
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
