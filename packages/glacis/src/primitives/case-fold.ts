/**
 * Unicode's full case folding, which JavaScript lacks: what differs in case alone becomes the same text. Each code point for itself, so that a
 * sigma folds alike wherever it stands. The dotless i stays what it is: upper case would make it an i.
 */
export function caseFold(text: string): string {
  let folded = "";
  for (const point of text) folded += point === "ı" ? point : point.toLowerCase().toUpperCase().toLowerCase();
  // Two letters out of one may end in a capital sigma's final form.
  return folded.replaceAll("ς", "σ");
}
