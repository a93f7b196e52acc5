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

/** One call over one buffer is twice as fast as two updates. */
const scratch = Buffer.alloc(32 + LONGEST_LINE_BYTES);

/**
 * The hash over a line and all before it.
 *
 * @param previous in base64url
 * @throws RangeError when the body is longer than any line
 */
export function chainHash(previous: string, body: Uint8Array | string): string {
  const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  if (bytes > LONGEST_LINE_BYTES) throw new RangeError(`A line has ${LONGEST_LINE_BYTES} bytes at most.`);
  scratch.write(previous, 0, "base64url");
  if (typeof body === "string") scratch.write(body, 32);
  else scratch.set(body, 32);
  return hash("sha256", scratch.subarray(0, 32 + bytes), "base64url");
}

export interface ChainedLine {
  readonly text: string;
  readonly hash: string;
}

/** @param json an object in JSON, as `eventLine` writes it */
export function chainLine(json: string, seq: number, previous: string): ChainedLine {
  const body = `${json.slice(0, -1)},"seq":${seq}`;
  const next = chainHash(previous, body);
  return { text: `${body},"hash":"${next}"}\n`, hash: next };
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
