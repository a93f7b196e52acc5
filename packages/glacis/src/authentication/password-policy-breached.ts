/** Passwords that a breach made public, asked by range: five of forty digits of a hash leave the application (NIST SP 800-63B-4 section 3.1.1.2; ASVS 6.2.12). */
import { rejectUnknownOptions } from "../core/options.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** Where exposed passwords are looked up: `breachedPasswordRange`, or your own copy of the list. */
export interface BreachedPasswords {
  /**
   * @param sha1 of the password, 40 hexadecimal digits in upper case
   * @param signal aborts when the time for an answer is over
   * @throws whatever keeps it from knowing; the policy then says `not_checked`
   */
  readonly isBreached: (sha1: string, signal: AbortSignal) => Promise<boolean>;
}

/** The part of `fetch` that a lookup needs; `layers.outbound.fetch` fits. */
export type RangeFetch = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
) => Promise<Response>;

export interface BreachedPasswordRangeOptions {
  /** The guarded way out: `layers.outbound.fetch`, which must allow the host. */
  readonly fetch: RangeFetch;
  /** The address that a prefix is appended to. `https://api.pwnedpasswords.com/range/` */
  readonly url?: string;
}

/** Why a lookup gave no answer. */
export class BreachLookupError extends Error {
  override readonly name = "BreachLookupError";
  readonly reason: "status" | "too_large" | "unreadable";
  constructor(reason: BreachLookupError["reason"]) {
    super(`The range of exposed passwords could not be read: ${reason}.`);
    this.reason = reason;
  }
}

const PREFIX = 5;
/** A padded range is some 40 KB. */
const MOST_BYTES = 1_048_576;
const LINE = /^[0-9A-F]{35}:\d{1,12}$/u;

/**
 * Looks a hash up by its first five digits, as Have I Been Pwned serves them. The answer is padded, so that its size does not tell the prefix.
 *
 * @throws TypeError on an unknown option or an address that is no URL ending in a slash
 * @example
 * passwordPolicy({ breached: breachedPasswordRange({ fetch: layers.outbound.fetch }) });
 */
export function breachedPasswordRange(options: BreachedPasswordRangeOptions): BreachedPasswords {
  rejectUnknownOptions("breachedPasswordRange", options, ["fetch", "url"]);
  const { fetch, url = "https://api.pwnedpasswords.com/range/" } = options;
  if (typeof fetch !== "function") throw new TypeError("breachedPasswordRange() needs fetch: layers.outbound.fetch.");
  if (!canParseUrl(url) || !url.endsWith("/"))
    throw new TypeError("breachedPasswordRange() needs url as an absolute address that ends in a slash.");
  return {
    async isBreached(sha1, signal) {
      const response = await fetch(url + sha1.slice(0, PREFIX), { headers: { "add-padding": "true" }, signal });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new BreachLookupError("status");
      }
      return holds(await boundedText(response), sha1.slice(PREFIX));
    },
  };
}

async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.byteLength;
    // Leaving the loop cancels the rest.
    if (size > MOST_BYTES) throw new BreachLookupError("too_large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("latin1");
}

/** A range is never empty, and half an answer is none. Padding has the count 0. */
function holds(text: string, suffix: string): boolean {
  const lines = text.trimEnd().split(/\r?\n/u);
  if (!lines.every((line) => LINE.test(line))) throw new BreachLookupError("unreadable");
  return lines.some((line) => line.startsWith(suffix) && Number(line.slice(suffix.length + 1)) > 0);
}
