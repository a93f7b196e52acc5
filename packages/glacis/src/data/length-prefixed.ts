/** Several texts as one run of bytes that only they can make: what a MAC is taken over must not read in two ways. */

/** A text with half a surrogate pair has no UTF-8 of its own: two such texts would become the same bytes. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** Each text in UTF-8, after its length in four bytes; the number of texts leads. The texts must be well-formed. */
export function lengthPrefixed(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(4 + lengths.reduce((sum, length) => sum + 4 + length, 0));
  let offset = bytes.writeUInt32BE(texts.length, 0);
  for (const [index, text] of texts.entries()) {
    offset = bytes.writeUInt32BE(lengths[index] as number, offset);
    offset += bytes.write(text, offset, "utf8");
  }
  return bytes;
}
