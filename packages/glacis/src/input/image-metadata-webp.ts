/** WebP without what was recorded beside the picture (RFC 9649 section 2.7). */
import { readOrientation, writeOrientation, type Orientation } from "./image-orientation.ts";
import { MOST_CHUNKS, type ImageReader } from "./image-reader.ts";
import type { ImagePlan } from "./image-plan.ts";

const MOST_EXIF_BYTES = 65_536;
const KEPT = new Set(["VP8X", "ICCP", "ANIM", "ANMF", "ALPH", "VP8 ", "VP8L"]);
const KEPT_IN_FRAME = new Set(["ALPH", "VP8 ", "VP8L"]);
/** Width, height, place and duration, before the chunks of a frame. */
const FRAME_HEAD = 16;
const [EXIF_FLAG, XMP_FLAG] = [0x08, 0x04];

interface Chunk {
  readonly type: string;
  readonly start: number;
  /** Where its data ends, before a byte that makes it even. */
  readonly end: number;
}

/** @returns whether the whole could be read */
export async function planWebp(reader: ImageReader, plan: ImagePlan): Promise<boolean> {
  const riff = await reader.at(0, 12);
  const chunks = riff && (await readChunks(reader, 12, 8 + riff.readUInt32LE(4)));
  if (riff === undefined || chunks === undefined) return false;
  const orientation = await orientationOf(reader, chunks);
  const head = Buffer.from(riff);
  plan.put(head);
  for (const chunk of chunks) {
    if (chunk.type === "VP8X") await keepFlags(reader, plan, chunk, orientation);
    else if (chunk.type === "ANMF") {
      if (!(await keepFrame(reader, plan, chunk))) return false;
    } else if (KEPT.has(chunk.type)) keepChunk(plan, chunk);
    else if (chunk.type === "EXIF" && orientation !== 1) plan.put(exif(orientation));
  }
  head.writeUInt32LE(plan.size - 8, 4);
  return true;
}

async function readChunks(reader: ImageReader, from: number, end: number): Promise<readonly Chunk[] | undefined> {
  const chunks: Chunk[] = [];
  for (let at = from; at < end;) {
    const head = await reader.at(at, 8);
    if (head === undefined || chunks.length === MOST_CHUNKS) return undefined;
    const length = head.readUInt32LE(4);
    const chunk = { type: head.toString("latin1", 0, 4), start: at, end: at + 8 + length };
    if (chunk.end > end || chunk.end > reader.file.size) return undefined;
    chunks.push(chunk);
    at = chunk.end + (length % 2);
  }
  return chunks;
}

/** A viewer looks for it only where the picture's own chunk says that there is one. */
async function orientationOf(reader: ImageReader, chunks: readonly Chunk[]): Promise<Orientation> {
  const [exifs, extended] = ["EXIF", "VP8X"].map((name) => chunks.filter(({ type }) => type === name));
  const [chunk] = exifs ?? [];
  if (chunk === undefined || exifs?.length !== 1 || extended?.length !== 1) return 1;
  const data = await reader.at(chunk.start + 8, Math.min(chunk.end - chunk.start - 8, MOST_EXIF_BYTES));
  // Some writers put there what a JPEG begins it with.
  return readOrientation(data?.toString("latin1", 0, 6) === "Exif\0\0" ? data.subarray(6) : (data ?? Buffer.alloc(0)));
}

async function keepFlags(reader: ImageReader, plan: ImagePlan, chunk: Chunk, orientation: Orientation): Promise<void> {
  const flags = Buffer.from((await reader.at(chunk.start, 9)) ?? []);
  flags[8] = ((flags[8] as number) & ~(EXIF_FLAG | XMP_FLAG)) | (orientation === 1 ? 0 : EXIF_FLAG);
  plan.put(flags);
  keepFrom(plan, chunk.start + 9, chunk);
}

async function keepFrame(reader: ImageReader, plan: ImagePlan, { start, end }: Chunk): Promise<boolean> {
  const inner = await readChunks(reader, start + 8 + FRAME_HEAD, end);
  const frameHead = await reader.at(start, 8);
  if (inner === undefined || frameHead === undefined || end - start < 8 + FRAME_HEAD) return false;
  const head = Buffer.from(frameHead);
  plan.put(head);
  const before = plan.size;
  plan.keep(start + 8, start + 8 + FRAME_HEAD);
  for (const chunk of inner) if (KEPT_IN_FRAME.has(chunk.type)) keepChunk(plan, chunk);
  head.writeUInt32LE(plan.size - before, 4);
  return true;
}

function keepChunk(plan: ImagePlan, chunk: Chunk): void {
  keepFrom(plan, chunk.start, chunk);
}

/** With the byte that makes it even, which says nothing. */
function keepFrom(plan: ImagePlan, from: number, { start, end }: Chunk): void {
  plan.keep(from, end);
  if ((end - start) % 2 === 1) plan.put(Buffer.alloc(1));
}

function exif(orientation: Orientation): Buffer {
  const tiff = writeOrientation(orientation);
  const head = Buffer.alloc(8);
  head.write("EXIF", "latin1");
  head.writeUInt32LE(tiff.length, 4);
  return Buffer.concat([head, tiff]);
}
