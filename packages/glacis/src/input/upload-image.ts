/** Images by their own headers: how many pixels and frames a decoder would have to hold, and whether anything stands behind the end (CWE-400). */
import { colorTable, ImageReader, MOST_CHUNKS, skipScan, skipSubBlocks } from "./image-reader.ts";
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";

/** Bounds on one image. */
export interface ImageLimits {
  /** Width times height. 50 million. */
  readonly maxPixels: number;
  /** Frames of an animation. 100. */
  readonly maxFrames: number;
}

export interface ImageOptions extends ImageLimits {
  /** What becomes of what was recorded beside a picture, such as its place; `remove`. */
  readonly metadata: "remove" | "keep";
}

/** What a walk through the file found. */
interface ImageShape {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Where the image ends. */
  readonly end: number;
}

export type ImageKind = "png" | "jpg" | "gif" | "webp";

const WALKERS: Readonly<Record<ImageKind, (reader: ImageReader) => Promise<ImageShape | undefined>>> = {
  png: walkPng,
  jpg: walkJpeg,
  gif: walkGif,
  webp: walkWebp,
};

/** Judges an image without decoding a pixel. */
export async function judgeImage(
  file: QuarantinedFile,
  kind: ImageKind,
  limits: ImageLimits,
): Promise<UploadFault | undefined> {
  const shape = await WALKERS[kind](new ImageReader(file));
  if (shape === undefined || shape.width === 0 || shape.height === 0) return fault("image_malformed");
  if (shape.width * shape.height > limits.maxPixels) return fault("image_pixels", "maxPixels", limits.maxPixels);
  if (shape.frames > limits.maxFrames) return fault("image_frames", "maxFrames", limits.maxFrames);
  if (shape.end === file.size) return undefined;
  return kind === "jpg" && (await isCameraTrailer(file, shape.end)) ? undefined : fault("trailing_data");
}

/** Cameras put a second picture, a short film or their own record behind a JPEG. */
async function isCameraTrailer(file: QuarantinedFile, end: number): Promise<boolean> {
  const head = await file.read(end, 16);
  if (head.readUIntBE(0, Math.min(3, head.length)) === 0xffd8ff) return true;
  if (head.subarray(4, 8).toString("latin1") === "ftyp") return true;
  const tail = await file.read(file.size - 4, 4);
  return tail.toString("latin1") === "SEFT";
}

/** PNG third edition section 5: signature, then length, type, data, CRC; IHDR first, IEND last. */
async function walkPng(reader: ImageReader): Promise<ImageShape | undefined> {
  let at = 8;
  let size: readonly [number, number] | undefined;
  let [promised, frames] = [1, 0];
  for (let chunks = 0; chunks < MOST_CHUNKS; chunks += 1) {
    const head = await reader.at(at, 8);
    if (head === undefined) return undefined;
    const length = head.readUInt32BE(0);
    const type = head.toString("latin1", 4, 8);
    // A second header would be another size, and decoders differ in which of the two they take.
    if ((size === undefined) !== (type === "IHDR")) return undefined;
    const data = type === "IHDR" || type === "acTL" ? await reader.at(at + 8, 8) : undefined;
    if (type === "IHDR") size = [data?.readUInt32BE(0) ?? 0, data?.readUInt32BE(4) ?? 0];
    if (type === "acTL") promised = Math.max(promised, data?.readUInt32BE(0) ?? 0);
    if (type === "fcTL") frames += 1;
    at += 12 + length;
    if (type === "IEND")
      return { width: size?.[0] ?? 0, height: size?.[1] ?? 0, frames: Math.max(promised, frames), end: at };
  }
  return undefined;
}

/** ITU-T T.81 annex B: segments until the scan, then entropy-coded data whose only markers are restarts, until EOI. */
async function walkJpeg(reader: ImageReader): Promise<ImageShape | undefined> {
  let at = 2;
  let size: readonly [number, number] = [0, 0];
  for (let segments = 0; segments < MOST_CHUNKS; segments += 1) {
    const head = await reader.at(at, 2);
    if (head === undefined || head[0] !== 0xff) return undefined;
    const marker = head[1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) return { width: size[0], height: size[1], frames: 1, end: at + 2 };
    const length = (await reader.at(at + 2, 2))?.readUInt16BE(0);
    if (length === undefined || length < 2) return undefined;
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const frame = await reader.at(at + 5, 4);
      // A second frame header would give the picture another size.
      if (frame === undefined || size[0] !== 0) return undefined;
      size = [frame.readUInt16BE(2), frame.readUInt16BE(0)];
    }
    at += 2 + length;
    if (marker === 0xda) at = await skipScan(reader, at);
  }
  return undefined;
}

/** GIF89a appendix: logical screen, then extensions and images as chains of sub-blocks, then the trailer. */
async function walkGif(reader: ImageReader): Promise<ImageShape | undefined> {
  const head = await reader.at(6, 7);
  if (head === undefined) return undefined;
  let [width, height, frames] = [head.readUInt16LE(0), head.readUInt16LE(2), 0];
  let at = 13 + colorTable(head[4] as number);
  for (let blocks = 0; blocks < MOST_CHUNKS; blocks += 1) {
    const kind = (await reader.at(at, 1))?.[0];
    if (kind === 0x3b) return { width, height, frames, end: at + 1 };
    if (kind === 0x2c) {
      const image = await reader.at(at + 1, 9);
      if (image === undefined) return undefined;
      frames += 1;
      width = Math.max(width, image.readUInt16LE(0) + image.readUInt16LE(4));
      height = Math.max(height, image.readUInt16LE(2) + image.readUInt16LE(6));
      at += 11 + colorTable(image[8] as number);
    } else if (kind === 0x21) at += 2;
    else return undefined;
    const end = await skipSubBlocks(reader, at);
    if (end === undefined) return undefined;
    at = end;
  }
  return undefined;
}

/** WebP container (RFC 9649 section 2): RIFF size, then chunks padded to even length. */
async function walkWebp(reader: ImageReader): Promise<ImageShape | undefined> {
  const riff = await reader.at(0, 12);
  if (riff === undefined) return undefined;
  const end = 8 + riff.readUInt32LE(4);
  let [width, height, frames] = [0, 0, 0];
  for (let at = 12; at < end;) {
    const head = await reader.at(at, 8);
    if (head === undefined) return undefined;
    const size = await webpSize(reader, head.toString("latin1", 0, 4), at + 8);
    if (size === undefined) return undefined;
    width = Math.max(width, size.width);
    height = Math.max(height, size.height);
    frames += size.frames;
    if (frames > MOST_CHUNKS) return undefined;
    at += 8 + head.readUInt32LE(4) + (head.readUInt32LE(4) % 2);
  }
  return { width, height, frames: Math.max(frames, 1), end };
}

const NOTHING = { width: 0, height: 0, frames: 0 };

async function webpSize(reader: ImageReader, type: string, at: number): Promise<typeof NOTHING | undefined> {
  if (type === "ANMF") return { ...NOTHING, frames: 1 };
  if (type !== "VP8X" && type !== "VP8 " && type !== "VP8L") return NOTHING;
  const data = await reader.at(at, 10);
  if (data === undefined) return undefined;
  if (type === "VP8X") return { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1, frames: 0 };
  if (type === "VP8 ")
    return { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff, frames: 0 };
  const bits = data.readUInt32LE(1);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, frames: 0 };
}
