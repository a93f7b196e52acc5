/** A line of a chained log: the event's JSON, its number, and a hash over all that and the hash before it. */
import { createHash } from "node:crypto";

/** `,"hash":"` and 43 characters and `"}`. */
const SUFFIX_BYTES = 54;
const NUMBERED = /,"seq":([1-9]\d{0,15})$/u;
const HASHED = /^,"hash":"([A-Za-z0-9_-]{43})"\}$/u;
/** Longer than any line that is written. */
export const LONGEST_LINE_BYTES = 100_000;

/** Where a chain begins. */
export const FIRST_HASH: Buffer = Buffer.alloc(32);

export function chainHash(previous: Uint8Array, body: Uint8Array | string): Buffer {
  return createHash("sha256").update(previous).update(body).digest();
}

export interface ChainedLine {
  readonly text: string;
  readonly hash: Buffer;
}

/** @param json an object in JSON, as `eventLine` writes it */
export function chainLine(json: string, seq: number, previous: Uint8Array): ChainedLine {
  const body = `${json.slice(0, -1)},"seq":${seq}`;
  const hash = chainHash(previous, body);
  return { text: `${body},"hash":"${hash.toString("base64url")}"}\n`, hash };
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
