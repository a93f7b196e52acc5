/**
 * Whether `new URL(text, base)` succeeds. `URL.canParse` says so too until V8 compiles its caller: from then on Node 20 reads text beyond ASCII
 * in another encoding, and refuses `https://bücher.example`.
 *
 * @example
 * canParseUrl("https://bücher.example"); // true
 * canParseUrl("/documents"); // false
 */
export function canParseUrl(text: string, base?: string): boolean {
  try {
    return new URL(text, base).href !== "";
  } catch {
    return false;
  }
}
