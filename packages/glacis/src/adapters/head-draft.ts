import type { ConstantHeaders, HeaderNames, ResponseDraft } from "../core/response.ts";
import { mediaTypeOf } from "../core/wire.ts";

/** Name, value, name, value ...; names in lower case. The form that Node writes fastest. */
export type HeaderLines = string[];

const NONE: ConstantHeaders = { names: [], values: new Map() };

/**
 * A response's head as the controls see it, over header lines that Node has not seen yet; what is set ends up in them. Constants stay beside them
 * for whoever can send them as they are, until one of them is changed. A class for the reason of ADR 1: a head is drafted for every response, and
 * methods on a prototype cost no closures.
 */
export class HeadDraft implements ResponseDraft {
  readonly status: number;
  readonly mediaType: string;
  readonly #lines: HeaderLines;
  #constants = NONE;

  constructor(status: number, lines: HeaderLines) {
    this.status = status;
    this.#lines = lines;
    this.mediaType = mediaTypeOf(this.get("content-type"));
  }

  get setCookies(): readonly string[] {
    const lines = this.#lines;
    const cookies: string[] = [];
    for (let index = 0; index < lines.length; index += 2)
      if (lines[index] === "set-cookie") cookies.push(lines[index + 1] as string);
    return cookies;
  }

  get(name: string): string | undefined {
    const lines = this.#lines;
    let found: string | undefined;
    for (let index = 0; index < lines.length; index += 2)
      if (lines[index] === name) found = found === undefined ? lines[index + 1] : `${found}, ${lines[index + 1]}`;
    return found ?? this.#constants.values.get(name);
  }

  hasAny(names: HeaderNames): boolean {
    const lines = this.#lines;
    for (let index = 0; index < lines.length; index += 2) if (names.has(lines[index] as string)) return true;
    return names.areAmong(this.#constants);
  }

  add(name: string, value: string): void {
    this.#lines.push(name, value);
  }

  addConstants(headers: ConstantHeaders): void {
    this.#constants = headers;
  }

  set(name: string, value: string): void {
    const constant = this.#constants.values.get(name);
    if (constant === value) return;
    if (constant !== undefined) this.spellOut();
    const lines = this.#lines;
    let index = 0;
    while (index < lines.length && lines[index] !== name) index += 2;
    if (index < lines.length) this.#removeFrom(name, index + 2);
    lines[index] = name;
    lines[index + 1] = value;
  }

  remove(name: string): void {
    if (this.#constants.values.has(name)) this.spellOut();
    this.#removeFrom(name, 0);
  }

  removeAny(names: HeaderNames): void {
    if (names.areAmong(this.#constants)) this.spellOut();
    const lines = this.#lines;
    for (let index = lines.length - 2; index >= 0; index -= 2)
      if (names.has(lines[index] as string)) lines.splice(index, 2);
  }

  setCookieLines(cookies: readonly string[]): void {
    this.#removeFrom("set-cookie", 0);
    for (const cookie of cookies) this.#lines.push("set-cookie", cookie);
  }

  /** The headers that are in no line. */
  get constants(): ConstantHeaders {
    return this.#constants;
  }

  /** Makes lines of the constants. */
  spellOut(): void {
    for (const [name, value] of this.#constants.values) this.#lines.push(name, value);
    this.#constants = NONE;
  }

  #removeFrom(name: string, start: number): void {
    const lines = this.#lines;
    for (let index = lines.length - 2; index >= start; index -= 2) if (lines[index] === name) lines.splice(index, 2);
  }
}
