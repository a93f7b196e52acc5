/**
 * A response's head as the controls see it: over lines that Node has not seen yet, or over what is stored in the response. Classes for the reason
 * of ADR 1: a head is drafted for every response, and methods on a prototype cost no closures.
 */
import type { OutgoingHttpHeader, ServerResponse } from "node:http";
import type { ResponseDraft } from "../core/response.ts";

/** Name, value, name, value ...; names in lower case. The form that Node writes fastest. */
export type HeaderLines = string[];

/** A draft over header lines; what is set ends up in them. */
export class FlatDraft implements ResponseDraft {
  readonly status: number;
  readonly mediaType: string;
  readonly #lines: HeaderLines;

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
    return found;
  }

  hasAny(names: ReadonlySet<string>): boolean {
    const lines = this.#lines;
    for (let index = 0; index < lines.length; index += 2) if (names.has(lines[index] as string)) return true;
    return false;
  }

  add(name: string, value: string): void {
    this.#lines.push(name, value);
  }

  set(name: string, value: string): void {
    const lines = this.#lines;
    let index = 0;
    while (index < lines.length && lines[index] !== name) index += 2;
    if (index < lines.length) this.#removeFrom(name, index + 2);
    lines[index] = name;
    lines[index + 1] = value;
  }

  remove(name: string): void {
    this.#removeFrom(name, 0);
  }

  removeAny(names: ReadonlySet<string>): void {
    const lines = this.#lines;
    for (let index = lines.length - 2; index >= 0; index -= 2)
      if (names.has(lines[index] as string)) lines.splice(index, 2);
  }

  setCookieLines(cookies: readonly string[]): void {
    this.#removeFrom("set-cookie", 0);
    for (const cookie of cookies) this.#lines.push("set-cookie", cookie);
  }

  #removeFrom(name: string, start: number): void {
    const lines = this.#lines;
    for (let index = lines.length - 2; index >= start; index -= 2) if (lines[index] === name) lines.splice(index, 2);
  }
}

/** A draft over headers that the application has set one by one. They stay where its own code can read them back. */
export class StoredDraft implements ResponseDraft {
  readonly status: number;
  readonly mediaType: string;
  readonly #response: ServerResponse;

  constructor(status: number, response: ServerResponse) {
    this.status = status;
    this.#response = response;
    this.mediaType = mediaTypeOf(this.get("content-type"));
  }

  get setCookies(): readonly string[] {
    const value = this.#response.getHeader("set-cookie");
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [String(value)];
  }

  get(name: string): string | undefined {
    return joined(this.#response.getHeader(name));
  }

  hasAny(names: ReadonlySet<string>): boolean {
    return this.#response.getHeaderNames().some((name) => names.has(name));
  }

  add(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  set(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  remove(name: string): void {
    this.#response.removeHeader(name);
  }

  removeAny(names: ReadonlySet<string>): void {
    for (const name of this.#response.getHeaderNames()) if (names.has(name)) this.#response.removeHeader(name);
  }

  setCookieLines(cookies: readonly string[]): void {
    if (cookies.length === 0) this.#response.removeHeader("set-cookie");
    else this.#response.setHeader("set-cookie", cookies);
  }
}

function joined(value: OutgoingHttpHeader | undefined): string | undefined {
  return value === undefined ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
}

function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined) return "";
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
