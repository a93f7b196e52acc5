/** Values that nobody can guess (catalog csprng). */
import { randomBytes } from "node:crypto";

const LEAST_BITS = 128;
const MOST_BITS = 4096;

/**
 * A random text of the system's generator in base64url: for keys, links and codes that people do not type. `Math.random`, times, counters and UUIDs
 * are no substitute: they can be guessed, or have fewer bits than they look.
 *
 * @param bits how many are random, at least 128 and a multiple of 8. 256 unless you say otherwise
 * @throws TypeError for fewer; whatever the generator throws, and never a weaker value
 * @example
 * const apiKey = `shop_${randomToken()}`;
 */
export function randomToken(bits = 256): string {
  if (!Number.isSafeInteger(bits) || bits < LEAST_BITS || bits > MOST_BITS || bits % 8 !== 0)
    throw new TypeError(`randomToken() needs bits as a multiple of 8 from ${LEAST_BITS} to ${MOST_BITS}.`);
  return randomBytes(bits / 8).toString("base64url");
}
