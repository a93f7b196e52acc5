/**
 * Refuses option names that a factory does not know, with the nearest known one: a misspelt security option must not be a silent default.
 *
 * @param owner the factory's name, as the user wrote it
 * @throws TypeError naming the unknown option and the correction, and where the options are no object: of a number or a text all would be lost
 * @example
 * rejectUnknownOptions("hsts", { maxAge: 1 }, ["maxAgeSeconds"]);
 * // TypeError: hsts() has no option "maxAge". Did you mean "maxAgeSeconds"?
 */
export function rejectUnknownOptions(owner: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new TypeError(`${owner}() takes its options as an object. Known options: ${known.join(", ")}.`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestWord(name, known);
    const hint = nearest === undefined ? `Known options: ${known.join(", ")}.` : `Did you mean "${nearest}"?`;
    throw new TypeError(`${owner}() has no option "${name}". ${hint}`);
  }
}

/**
 * Refuses an option that should be an object of names and values and is something else: spread, a text or a list would vanish silently.
 *
 * @throws TypeError naming the option
 */
export function rejectNonRecord(owner: string, name: string, value: unknown): void {
  if (value === undefined) return;
  const plain =
    typeof value === "object" &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  if (!plain) throw new TypeError(`${owner}() needs ${name} as an object of names and values.`);
}

/**
 * Refuses a bound that is no positive whole number: zero, a fraction or a text would switch it off.
 *
 * @throws TypeError naming the option
 */
export function rejectNonCounts(owner: string, counts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new TypeError(`${owner}() needs ${name} as a whole number greater than zero.`);
  }
}

/** The known word closest to a misspelt one, or undefined when none is close. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    const distance = lower.startsWith(word.toLowerCase()) ? 1 : editDistance(word.toLowerCase(), lower);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance, one row at a time. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const substitution = (row[j - 1] as number) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substitution));
    }
    row = next;
  }
  return row[right.length] as number;
}
