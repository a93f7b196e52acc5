/**
 * A picture without what was recorded beside it: places, names, times, serial numbers, small pictures of what was cut away. No pixel is decoded: what
 * stays is copied byte for byte, and only what is listed here stays (catalog image-processing; ASVS 14.2.8; CWE-1230).
 */
import { crc32 } from "node:zlib";
import { readOrientation, writeOrientation, type Orientation } from "./image-orientation.ts";
import { colorTable, ImageReader, MOST_CHUNKS, skipScan, skipSubBlocks } from "./image-reader.ts";
import { planWebp } from "./image-metadata-webp.ts";
import { ImagePlan } from "./image-plan.ts";
import type { QuarantinedFile } from "./upload-fault.ts";
import type { ImageKind } from "./upload-image.ts";

const MOST_EXIF_BYTES = 65_536;

/** Each says whether it could read the whole. */
const PLANNERS: Readonly<Record<ImageKind, (reader: ImageReader, plan: ImagePlan) => Promise<boolean>>> = {
  png: planPng,
  jpg: planJpeg,
  gif: planGif,
  webp: planWebp,
};

/**
 * Says what of an image stays, in order.
 *
 * @returns `undefined` where it cannot be read to its end
 */
export async function withoutMetadata(file: QuarantinedFile, kind: ImageKind): Promise<ImagePlan | undefined> {
  const plan = new ImagePlan(file);
  return (await PLANNERS[kind](new ImageReader(file), plan)) ? plan : undefined;
}

/** What pixels and their colours need (PNG third edition section 11); chunks that no decoder may pass over are in it or refused. */
const PNG_KEPT = new Set(
  "IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split(" "),
);

async function planPng(reader: ImageReader, plan: ImagePlan): Promise<boolean> {
  plan.keep(0, 8);
  let at = 8;
  for (let chunks = 0; chunks < MOST_CHUNKS; chunks += 1) {
    const head = await reader.at(at, 8);
    if (head === undefined) return false;
    const length = head.readUInt32BE(0);
    const type = head.toString("latin1", 4, 8);
    const end = at + 12 + length;
    if (end > reader.file.size) return false;
    if (PNG_KEPT.has(type)) plan.keep(at, end);
    else if (/^[^a-z]/u.test(type)) return false;
    else if (type === "eXIf") {
      const tiff = await reader.at(at + 8, Math.min(length, MOST_EXIF_BYTES));
      plan.put(pngOrientation(readOrientation(tiff ?? Buffer.alloc(0))));
    }
    if (type === "IEND") return true;
    at = end;
  }
  return false;
}

function pngOrientation(orientation: Orientation): Buffer {
  if (orientation === 1) return Buffer.alloc(0);
  const body = Buffer.concat([Buffer.from("eXIf"), writeOrientation(orientation)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

const EXIF = "Exif\0\0";
const SOS = 0xda;

/** ITU-T T.81 table B.1: frames, tables, scans and the number of lines; no picture of today has another. */
const isPicture = (marker: number): boolean => marker >= 0xc0 && marker <= 0xdd && (marker < 0xd0 || marker > 0xd9);
/** Applications' own, extensions and comments. */
const isBeside = (marker: number): boolean => marker >= 0xe0 && marker <= 0xfe;

async function planJpeg(reader: ImageReader, plan: ImagePlan): Promise<boolean> {
  plan.keep(0, 2);
  let at = 2;
  let turned = false;
  for (let segments = 0; segments < MOST_CHUNKS; segments += 1) {
    const head = await reader.at(at, 2);
    if (head === undefined || head[0] !== 0xff) return false;
    const marker = head[1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) {
      plan.keep(at, at + 2);
      return true;
    }
    const length = (await reader.at(at + 2, 2))?.readUInt16BE(0);
    const segment = length === undefined || length < 2 ? undefined : await reader.at(at, 2 + length);
    if (segment === undefined || (!isPicture(marker) && !isBeside(marker))) return false;
    const end = at + segment.length;
    if (isPicture(marker)) plan.keep(at, end);
    else if (marker === 0xe1 && segment.toString("latin1", 4, 10) === EXIF) {
      // A viewer goes by the first.
      if (!turned) plan.put(jpegOrientation(readOrientation(segment.subarray(10))));
      turned = true;
    } else plan.put(jpegBeside(marker, segment));
    at = end;
    if (marker !== SOS) continue;
    at = await skipScan(reader, end);
    plan.keep(end, at);
  }
  return false;
}

function jpegOrientation(orientation: Orientation): Buffer {
  if (orientation === 1) return Buffer.alloc(0);
  return jpegSegment(0xe1, Buffer.concat([Buffer.from(EXIF, "latin1"), writeOrientation(orientation)]));
}

/** What says how to read colours and the shape of pixels: JFIF without its small picture, the profile, and which colours Adobe meant. */
function jpegBeside(marker: number, segment: Buffer): Buffer {
  const name = segment.toString("latin1", 4, 16);
  if (marker === 0xe0 && name.startsWith("JFIF\0") && segment.length >= 18)
    return jpegSegment(marker, Buffer.concat([segment.subarray(4, 16), Buffer.alloc(2)]));
  if (marker === 0xe2 && name === "ICC_PROFILE\0") return segment;
  if (marker === 0xee && name.startsWith("Adobe") && segment.length >= 16)
    return jpegSegment(marker, segment.subarray(4, 16));
  return Buffer.alloc(0);
}

function jpegSegment(marker: number, data: Buffer): Buffer {
  const segment = Buffer.concat([Buffer.from([0xff, marker, 0, 0]), data]);
  segment.writeUInt16BE(data.length + 2, 2);
  return segment;
}

const GRAPHIC_CONTROL = 0xf9;
const APPLICATION = 0xff;
/** How often to show an animation, and colours; of the former no more than it needs. */
const LOOPS = new Set(["NETSCAPE2.0", "ANIMEXTS1.0"]);
const LOOP_BYTES = 19;

async function planGif(reader: ImageReader, plan: ImagePlan): Promise<boolean> {
  const head = await reader.at(0, 13);
  if (head === undefined) return false;
  let at = 13 + colorTable(head[10] as number);
  if (at > reader.file.size) return false;
  plan.keep(0, at);
  for (let blocks = 0; blocks < MOST_CHUNKS; blocks += 1) {
    const block = await reader.at(at, 1);
    if (block?.[0] === 0x3b) {
      plan.keep(at, at + 1);
      return true;
    }
    const image = block?.[0] === 0x2c ? await reader.at(at, 10) : undefined;
    if (image === undefined && block?.[0] !== 0x21) return false;
    const data = image === undefined ? at + 2 : at + 11 + colorTable(image[9] as number);
    const end = await skipSubBlocks(reader, data);
    if (end === undefined || end > reader.file.size) return false;
    if (image !== undefined || (await isGifNeeded(reader, at, end))) plan.keep(at, end);
    at = end;
  }
  return false;
}

async function isGifNeeded(reader: ImageReader, at: number, end: number): Promise<boolean> {
  const head = await reader.at(at, Math.min(14, end - at));
  if (head?.[1] === GRAPHIC_CONTROL) return end - at === 8;
  if (head?.[1] !== APPLICATION || head[2] !== 11) return false;
  const name = head.toString("latin1", 3, 14);
  return name === "ICCRGBG1012" || (LOOPS.has(name) && end - at <= LOOP_BYTES);
}
