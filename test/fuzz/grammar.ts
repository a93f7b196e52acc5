/** Texts that look like something: pieces of a grammar, whole examples cut and mended, and noise. */
import fc from "fast-check";

const NOISE = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 6 }),
  fc.constantFrom(
    "\0",
    "\r\n",
    "\ud800",
    "\u202e",
    "\u2028",
    "\ufeff",
    "%00",
    "%2e%2e",
    "%ff",
    "__proto__",
    "a".repeat(300),
    "\u0130",
    "\u212a",
  ),
);

/**
 * @param pieces tokens of the grammar
 * @param examples whole texts that parse, or nearly do
 */
export function like(pieces: readonly string[], examples: readonly string[]): fc.Arbitrary<string> {
  const built = fc
    .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: NOISE }), {
      maxLength: 24,
    })
    .map((parts) => parts.join(""));
  const mended = fc
    .tuple(fc.constantFrom(...examples), fc.nat(200), fc.nat(8), NOISE, fc.boolean())
    .map(([example, at, cut, noise, twice]) => {
      const start = at % (example.length + 1);
      const text = example.slice(0, start) + noise + example.slice(start + cut);
      return twice ? text + text : text;
    });
  return fc.oneof(
    { weight: 4, arbitrary: built },
    { weight: 4, arbitrary: mended },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  );
}

/** Anything at all, for what takes `unknown`. */
export const ANYTHING: fc.Arbitrary<unknown> = fc.anything({
  withBigInt: true,
  withDate: true,
  withNullPrototype: true,
  withTypedArray: true,
});
