/** A line of a chained log: the event's JSON, its number, and a hash over all that and the hash before it. */
import { hash } from "node:crypto";

/** `,"hash":"` and 43 characters and `"}`. */
const SUFFIX_BYTES = 54;
const NUMBERED = /,"seq":([1-9]\d{0,15})(?:,"commit":([1-9]\d{0,15}))?$/u;
const HASHED = /^,"hash":"([A-Za-z0-9_-]{43})"\}$/u;
/** Longer than any line that is written. */
export const LONGEST_LINE_BYTES = 100_000;

const HASH_BYTES = 32;
/** Where a chain begins. */
export const FIRST_HASH: string = Buffer.alloc(HASH_BYTES).toString("base64url");

/** What stands in a log between a hash and the next line. A hash is over its predecessor as text, this, and its own line: over one piece of the file. */
const LINK = '"}\n';
const LINKED_BYTES = 43 + LINK.length;
/** `,"seq":` and `,"commit":` with sixteen digits each at most. */
const NUMBERS_BYTES = 49;
const scratch = Buffer.alloc(LINKED_BYTES + LONGEST_LINE_BYTES);

/**
 * The hash over a line and all before it.
 *
 * @param previous in base64url
 * @throws RangeError when the body is longer than any line
 */
export function chainHash(previous: string, body: Uint8Array | string): string {
  if (typeof body === "string") return hash("sha256", previous + LINK + body, "base64url");
  if (body.length > LONGEST_LINE_BYTES) throw new RangeError(`A line has ${LONGEST_LINE_BYTES} bytes at most.`);
  scratch.write(previous + LINK, 0, "latin1");
  scratch.set(body, LINKED_BYTES);
  return hash("sha256", scratch.subarray(0, LINKED_BYTES + body.length), "base64url");
}

export interface ChainedLines {
  readonly bytes: Buffer;
  /** Of the last line. */
  readonly hash: string;
}

/** How many bytes `chainLines` may need. */
export function mostBytes(events: readonly string[]): number {
  let characters = 0;
  for (const json of events) characters += json.length;
  // A character is three bytes at most.
  return LINKED_BYTES + characters * 3 + events.length * (NUMBERS_BYTES + SUFFIX_BYTES + 1);
}

/**
 * Chains events in order and writes their lines one after another, each encoded once; the last says which commit it ends.
 *
 * @param into at least `mostBytes` long
 * @param events objects in JSON, as `eventLine` writes them
 * @param seq the number of the first
 * @param previous in base64url
 */
export function chainLines(
  into: Buffer,
  events: readonly string[],
  seq: number,
  previous: string,
  commit: number,
): ChainedLines {
  const last = seq + events.length - 1;
  let hashed = previous;
  /** Where the last hash begins. */
  let from = 0;
  let at = into.write(previous + LINK, 0, "latin1");
  let number = seq;
  for (const json of events) {
    // The numbers stand in the place of the event's last brace.
    at = putNumber(into, put(into, at + into.write(json, at) - 1, SEQ), number);
    if (number === last) at = putNumber(into, put(into, at, COMMIT), commit);
    hashed = hash("sha256", into.subarray(from, at), "base64url");
    from = put(into, at, HASH);
    at = put(into, from + into.write(hashed, from, "latin1"), LINK_BYTES);
    number += 1;
  }
  return { bytes: into.subarray(LINKED_BYTES, at), hash: hashed };
}

const SEQ = Buffer.from(',"seq":');
const COMMIT = Buffer.from(',"commit":');
const HASH = Buffer.from(',"hash":"');
const LINK_BYTES = Buffer.from(LINK);

/** For a few bytes a loop takes a fraction of the time of a call, or of a text made for them. @returns where they end */
function put(into: Buffer, at: number, bytes: Buffer): number {
  for (let index = 0; index < bytes.length; index += 1) into[at + index] = bytes[index] as number;
  return at + bytes.length;
}

/** In decimal digits. @returns where they end */
function putNumber(into: Buffer, at: number, number: number): number {
  let end = at + 1;
  for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) end += 1;
  for (let index = end - 1, rest = number; index >= at; index -= 1, rest = Math.floor(rest / 10))
    into[index] = 48 + (rest % 10);
  return end;
}

export interface ReadLine {
  readonly seq: number;
  /** Which commit the line ends, if any. */
  readonly commit: number | undefined;
  /** What stands in the line. */
  readonly claimed: string;
  readonly body: Uint8Array;
}

/** Takes a line apart, its line break left out; undefined when it has another shape. */
export function readLine(line: Buffer): ReadLine | undefined {
  if (line.length <= SUFFIX_BYTES || line.length > LONGEST_LINE_BYTES) return undefined;
  const body = line.subarray(0, line.length - SUFFIX_BYTES);
  const claimed = HASHED.exec(line.toString("latin1", line.length - SUFFIX_BYTES))?.[1];
  const numbers = NUMBERED.exec(body.toString("latin1", Math.max(0, body.length - NUMBERS_BYTES)));
  if (claimed === undefined || numbers === null) return undefined;
  const commit = numbers[2] === undefined ? undefined : Number(numbers[2]);
  return { seq: Number(numbers[1]), commit, claimed, body };
}
