/** Rates as people write them: a count, a slash, a period (guide: `5/m`, `100/h`, `1000/d`, `10000/h`). */

type Unit = "s" | "m" | "h" | "d";

/** A rate in text: `5/m` is five per minute, `100/10s` a hundred per ten seconds. A typing error is a type error. */
export type RateText = `${number}/${Unit}` | `${number}/${number}${Unit}`;

/** So many requests in so many seconds. */
export interface Rate {
  readonly limit: number;
  readonly windowSeconds: number;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const GRAMMAR = /^([0-9]+)\/([0-9]*)([smhd])$/u;
const EXAMPLES = 'such as "5/m", "100/h", "1000/d" or "100/10s"';

/** Longer windows outlive most deployments, and mistakes in them outlive most memories. */
const LONGEST_WINDOW_SECONDS = 366 * 86_400;
/** Above this the refill of one request is shorter than a hundred clock ticks, and rounding it would bend the limit by over one percent. */
const MOST_PER_SECOND = 10_000;

/**
 * Parses a rate. The whole text must be the rate: no spaces, no capitals, no missing unit, nothing behind it.
 *
 * @throws TypeError that quotes the text and says what to write instead.
 * @example
 * parseRate("100/10s"); // { limit: 100, windowSeconds: 10 }
 */
export function parseRate(text: string): Rate {
  if (typeof text !== "string") throw new TypeError(`A rate is a text, ${EXAMPLES}; got ${typeof text}.`);
  const shown = JSON.stringify(text.slice(0, 40));
  const [, count = "", multiple = "", unit = ""] = GRAMMAR.exec(text) ?? [];
  if (unit === "") throw new TypeError(`${shown} is not a rate. Write a count, a slash and a period, ${EXAMPLES}.`);
  if ((count.startsWith("0") && count !== "0") || multiple.startsWith("0")) {
    throw new TypeError(`The rate ${shown} has a number that starts with zero. Write plain numbers, ${EXAMPLES}.`);
  }
  const windowSeconds = (multiple === "" ? 1 : Number(multiple)) * (UNIT_SECONDS[unit] as number);
  return checkRate({ limit: Number(count), windowSeconds }, shown);
}

/**
 * Holds a rate to what every store can count exactly.
 *
 * @param shown how the message names the rate
 * @throws TypeError on a zero, a fraction, or a number out of range.
 */
export function checkRate(rate: Rate, shown: string = JSON.stringify(rate)): Rate {
  const { limit, windowSeconds } = rate;
  if (limit === 0) {
    throw new TypeError(`The rate ${shown} would refuse everything. Close the route by its access rule instead.`);
  }
  if (!Number.isSafeInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > LONGEST_WINDOW_SECONDS) {
    throw new TypeError(`The period of the rate ${shown} must be between one second and 366 days.`);
  }
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TypeError(`The count of the rate ${shown} must be a whole number from 1.`);
  }
  if (limit > windowSeconds * MOST_PER_SECOND) {
    throw new TypeError(`The rate ${shown} is more than ${MOST_PER_SECOND} per second, which no limit here can count.`);
  }
  return { limit, windowSeconds };
}

/**
 * One rate or several, as a list without contradictions, shortest window first.
 *
 * @throws TypeError when there is none, or two for the same window: the larger would never act.
 */
export function parseRates(rates: RateText | Rate | readonly (RateText | Rate)[]): readonly Rate[] {
  const list: readonly (RateText | Rate)[] = Array.isArray(rates) ? rates : [rates as RateText | Rate];
  if (list.length === 0) throw new TypeError(`A rate limit needs at least one rate, ${EXAMPLES}.`);
  if (list.length > 8) throw new TypeError("A rate limit takes at most 8 rates.");
  const parsed = list.map((rate) => (typeof rate === "object" && rate !== null ? checkRate(rate) : parseRate(rate)));
  parsed.sort((left, right) => left.windowSeconds - right.windowSeconds);
  for (const [index, { windowSeconds }] of parsed.entries()) {
    if (parsed[index + 1]?.windowSeconds === windowSeconds) {
      throw new TypeError(`Two rates share the window of ${windowSeconds} s. Keep the smaller one.`);
    }
  }
  return parsed;
}
