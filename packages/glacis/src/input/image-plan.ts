/** What of an image stays: ranges of the file as it came, and bytes that stand in the place of others. */
import { ImageReader } from "./image-reader.ts";
import type { QuarantinedFile } from "./upload-fault.ts";

const AT_ONCE = 65_536;

interface Range {
  readonly start: number;
  end: number;
}

/** Holds places and a few small pieces, never the picture. */
export class ImagePlan {
  readonly #reader: ImageReader;
  readonly #pieces: (Range | Buffer)[] = [];
  #size = 0;

  constructor(file: QuarantinedFile) {
    this.#reader = new ImageReader(file);
  }

  /** In bytes, so far. */
  get size(): number {
    return this.#size;
  }

  keep(start: number, end: number): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && !Buffer.isBuffer(last) && last.end === start) last.end = end;
    else this.#pieces.push({ start, end });
    this.#size += end - start;
  }

  put(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Whether all of it stays as it came, so that nothing is to be written anew. */
  async isWhole(): Promise<boolean> {
    if (this.#size !== this.#reader.file.size) return false;
    let at = 0;
    for (const piece of this.#pieces) {
      const same = Buffer.isBuffer(piece)
        ? (await this.#reader.at(at, piece.length))?.equals(piece)
        : piece.start === at;
      if (same !== true) return false;
      at += Buffer.isBuffer(piece) ? piece.length : piece.end - piece.start;
    }
    return true;
  }

  async *bytes(): AsyncGenerator<Buffer, void> {
    for (const piece of this.#pieces) {
      if (Buffer.isBuffer(piece)) yield piece;
      else
        for (let at = piece.start; at < piece.end; at += AT_ONCE) {
          const bytes = await this.#reader.at(at, Math.min(AT_ONCE, piece.end - at));
          if (bytes === undefined) throw new Error("A file in quarantine became shorter.");
          yield bytes;
        }
    }
  }
}
