import type { IdentifiedFacts } from "./facts.ts";
import type { TlsObservation } from "./tls-observation.ts";

/**
 * Names to look for among a response's headers. Nearly none of those is one of them, so a table says first whether a name could be, by its length and
 * its last letter.
 */
export class HeaderNames {
  readonly #names: ReadonlySet<string>;
  readonly #places = new Uint8Array(PLACES);
  #asked: ConstantHeaders | undefined = undefined;
  #among = false;

  /** @param names lower case */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    for (const name of this.#names) this.#places[placeOf(name)] = 1;
  }

  has(name: string): boolean {
    return this.#places[placeOf(name)] === 1 && this.#names.has(name);
  }

  /** Whether any of them is a constant. Asked anew only where the constants are others than last time. */
  areAmong(constants: ConstantHeaders): boolean {
    if (constants !== this.#asked) {
      this.#among = constants.names.some((name) => this.#names.has(name));
      this.#asked = constants;
    }
    return this.#among;
  }
}

const PLACES = 256;

function placeOf(name: string): number {
  const { length } = name;
  return ((length << 3) ^ name.charCodeAt(length - 1)) & (PLACES - 1);
}

/** A response just before its head is written. Names are lower case. */
export interface ResponseDraft {
  readonly status: number;
  /** The Content-Type without parameters, lower case; empty when none is set. */
  readonly mediaType: string;
  /** A header that the application or an earlier control has set; several values joined by `, `. */
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  /** Adds a header that is known to be absent. */
  add(name: string, value: string): void;
  /** Adds headers that are known to be absent, at most once. Whoever sends them may have them ready. */
  addConstants(headers: ConstantHeaders): void;
  remove(name: string): void;
  /** Whether any of these headers is set: one pass, however many they are. */
  hasAny(names: HeaderNames): boolean;
  removeAny(names: HeaderNames): void;
  /** Every Set-Cookie line so far. */
  readonly setCookies: readonly string[];
  /** Replaces every Set-Cookie line. */
  setCookieLines(lines: readonly string[]): void;
}

/** Headers that are the same on every response of an occasion: one object for the life of the process. */
export interface ConstantHeaders {
  readonly names: readonly string[];
  readonly values: ReadonlyMap<string, string>;
}

/** When a header belongs on a response. `document` is a response that a browser renders: HTML, XHTML, SVG. `data` is every other. */
export type HeaderOccasion = "always" | "https" | "document" | "data";

/** A header that a control puts on every response of an occasion: refusals, 404s, redirects and streams included. */
export interface HeaderRule {
  readonly name: string;
  /** A constant is computed once; a function is called per response, for values such as a nonce. */
  readonly value: string | ((facts: IdentifiedFacts) => string);
  readonly on: HeaderOccasion;
  /**
   * Called when the application has set the header itself; returns what goes out. Without it ours replaces theirs.
   * The law: what goes out is never weaker than ours.
   */
  readonly reconcile?: (theirs: string, ours: string) => string;
}

/** A response as a probe or a test saw it on the wire. Names are lower case, duplicates kept. */
export interface Observation {
  readonly url: string;
  readonly scheme: "http" | "https";
  /** What was asked with, where it was not GET. */
  readonly method?: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What was sent, where the probe kept it: a page, or a document that is published. */
  readonly body?: string;
  /** What the probe saw of the connection's TLS, where it looked. */
  readonly tls?: TlsObservation;
}

/** Every value of a header in an observation. */
export function observed(observation: Observation, name: string): readonly string[] {
  return observation.headers.filter(([candidate]) => candidate === name).map(([, value]) => value);
}
