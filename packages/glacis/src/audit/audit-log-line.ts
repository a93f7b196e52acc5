/** A line of a chained log: the event's JSON, its number, and a hash over all that and the hash before it. */
import { hash } from "node:crypto";

/** `,"hash":"` and 43 characters and `"}`. */
const SUFFIX_BYTES = 54;
const NUMBERED = /,"seq":([1-9]\d{0,15})$/u;
const HASHED = /^,"hash":"([A-Za-z0-9_-]{43})"\}$/u;
/** Longer than any line that is written. */
export const LONGEST_LINE_BYTES = 100_000;

/** Where a chain begins. */
export const FIRST_HASH: string = Buffer.alloc(32).toString("base64url");

const HASH_BYTES = 32;
/** `,"seq":` and sixteen digits at most. */
const NUMBER_BYTES = 23;
/** A hash and what it is taken over: one call over one buffer is twice as fast as two updates. What is too long fits in and shows that it is. */
const scratch = Buffer.alloc(HASH_BYTES + LONGEST_LINE_BYTES + NUMBER_BYTES + 4);

/**
 * The hash over a line and all before it.
 *
 * @param previous in base64url
 * @throws RangeError when the body is longer than any line
 */
export function chainHash(previous: string, body: Uint8Array | string): string {
  if (typeof body === "string") return hashAfter(previous, HASH_BYTES + scratch.write(body, HASH_BYTES));
  if (body.length > LONGEST_LINE_BYTES) throw tooLong();
  scratch.set(body, HASH_BYTES);
  return hashAfter(previous, HASH_BYTES + body.length);
}

/** The hash over the one before and what stands behind it in `scratch`. */
function hashAfter(previous: string, end: number): string {
  if (end - HASH_BYTES > LONGEST_LINE_BYTES) throw tooLong();
  scratch.write(previous, 0, HASH_BYTES, "base64url");
  return hash("sha256", scratch.subarray(0, end), "base64url");
}

function tooLong(): RangeError {
  return new RangeError(`A line has ${LONGEST_LINE_BYTES} bytes at most.`);
}

export interface ChainedLines {
  readonly bytes: Buffer;
  /** Of each line. */
  readonly hashes: readonly string[];
}

/**
 * Chains events in order and writes their lines one after another, each encoded once.
 *
 * @param events objects in JSON, as `eventLine` writes them
 * @param seq the number of the first
 * @param previous in base64url
 * @throws RangeError when one is longer than any line
 */
export function chainLines(events: readonly string[], seq: number, previous: string): ChainedLines {
  const bytes = Buffer.allocUnsafe(events.reduce((sum, json) => sum + mostBytes(json), 0));
  const hashes: string[] = [];
  let hash = previous;
  let at = 0;
  for (const json of events) {
    const end = writeBody(json, seq + hashes.length);
    hash = hashAfter(hash, end);
    hashes.push(hash);
    at += scratch.copy(bytes, at, HASH_BYTES, end);
    at += bytes.write(`,"hash":"${hash}"}\n`, at, "latin1");
  }
  return { bytes: bytes.subarray(0, at), hashes };
}

/** A character is three bytes at most. */
function mostBytes(json: string): number {
  return json.length * 3 + NUMBER_BYTES + SUFFIX_BYTES + 1;
}

/** Puts an event's number in the place of its last brace. @returns where the body ends in `scratch` */
function writeBody(json: string, seq: number): number {
  const end = HASH_BYTES + scratch.write(json, HASH_BYTES) - 1;
  return end + scratch.write(`,"seq":${seq}`, end, "latin1");
}

export interface ReadLine {
  readonly seq: number;
  /** What stands in the line. */
  readonly claimed: string;
  readonly body: Uint8Array;
}

/** Takes a line apart, its line break left out; undefined when it has another shape. */
export function readLine(line: Buffer): ReadLine | undefined {
  if (line.length <= SUFFIX_BYTES || line.length > LONGEST_LINE_BYTES) return undefined;
  const body = line.subarray(0, line.length - SUFFIX_BYTES);
  const claimed = HASHED.exec(line.toString("latin1", line.length - SUFFIX_BYTES))?.[1];
  const seq = NUMBERED.exec(body.toString("latin1", Math.max(0, body.length - 24)))?.[1];
  return claimed === undefined || seq === undefined ? undefined : { seq: Number(seq), claimed, body };
}
