/** How much of a text may belong to one secret that goes on behind the cut: a key in PEM has some three thousand characters. */
const LONGEST_SECRET = 4096;

/**
 * The beginning of a text, cleaned before it is cut: of a secret that the cut goes through, what is left would be known to no pattern and shown. It looks at
 * little more than it returns, however long the text is.
 *
 * @param longest in UTF-16 units; a longer text ends with `[more]`
 */
export function cleanBeginning(text: string, longest: number, clean: (text: string) => string): string {
  if (text.length <= longest) return clean(text);
  const seen = text.slice(0, longest + LONGEST_SECRET);
  const shown = clean(seen);
  // Behind this may stand the half of a secret that goes on where nobody looks.
  const sure = seen.length === text.length ? shown.length : Math.max(0, shown.length - LONGEST_SECRET);
  return `${shown.slice(0, Math.min(longest, sure))}[more]`;
}
