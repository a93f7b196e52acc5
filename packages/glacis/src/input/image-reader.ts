/** What every walk through an image needs: bytes through one window, and the ends of what has no length of its own. */
import type { QuarantinedFile } from "./upload-fault.ts";

/** More chunks, segments or blocks than any picture has. */
export const MOST_CHUNKS = 100_000;

/** Reads small pieces through one window, so that a walk over many chunks is not as many reads. */
export class ImageReader {
  readonly file: QuarantinedFile;
  #start = 0;
  #window: Buffer = Buffer.alloc(0);

  constructor(file: QuarantinedFile) {
    this.file = file;
  }

  async at(position: number, length: number): Promise<Buffer | undefined> {
    if (position + length > this.file.size) return undefined;
    if (position < this.#start || position + length > this.#start + this.#window.length) {
      this.#window = await this.file.read(position, Math.max(length, 65_536));
      this.#start = position;
    }
    return this.#window.subarray(position - this.#start, position - this.#start + length);
  }
}

/** The place of the next marker that is neither a stuffed byte nor a restart. */
export async function skipScan(reader: ImageReader, start: number): Promise<number> {
  let at = start;
  while (at < reader.file.size) {
    const window = await reader.at(at, Math.min(65_536, reader.file.size - at));
    if (window === undefined) break;
    let found = window.indexOf(0xff);
    while (found !== -1 && found + 1 < window.length) {
      const next = window[found + 1] as number;
      if (next !== 0 && (next < 0xd0 || next > 0xd7) && next !== 0xff) return at + found;
      found = window.indexOf(0xff, found + 1);
    }
    at += found === -1 || at + window.length >= reader.file.size ? window.length : found;
  }
  return at;
}

/** The bytes of the table of colours that these flags announce. */
export function colorTable(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** The place behind the chain of sub-blocks that begins here. */
export async function skipSubBlocks(reader: ImageReader, start: number): Promise<number | undefined> {
  let at = start;
  for (;;) {
    const length = (await reader.at(at, 1))?.[0];
    if (length === undefined) return undefined;
    at += 1 + length;
    if (length === 0) return at;
  }
}
