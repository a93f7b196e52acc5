import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  extendWebp,
  jpegSegment,
  ladenImage,
  RECORDED,
  writeAnimatedWebp,
  writeExif,
  writeGif,
  writeJpeg,
  writePng,
  writeWebp,
} from "../../../../test/support/upload-samples.ts";
import { imageProcessing } from "./image-processing.ts";
import { withoutMetadata } from "./image-metadata.ts";
import { readOrientation, writeOrientation } from "./image-orientation.ts";
import { judgeImage, type ImageKind } from "./upload-image.ts";

/** Without a comment, which the sample has even where it is empty. */
const JPEG = Buffer.from(writeJpeg().toString("latin1").replace("\xff\xfe\0\x02", ""), "latin1");
const CLEAN: Readonly<Record<ImageKind, Buffer>> = {
  png: writePng(),
  jpg: JPEG,
  gif: writeGif(1, 1, 3),
  webp: writeWebp(),
};
const KINDS = Object.keys(CLEAN) as readonly ImageKind[];

const fileOf = (content: Buffer) => ({
  path: "",
  size: content.length,
  read: async (position: number, length: number) => content.subarray(position, position + length),
});

async function strip(kind: ImageKind, content: Buffer): Promise<Buffer | undefined> {
  const plan = await withoutMetadata(fileOf(content), kind);
  if (plan === undefined) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of plan.bytes()) pieces.push(piece);
  const stripped = Buffer.concat(pieces);
  expect(stripped.length).toBe(plan.size);
  expect(await plan.isWhole()).toBe(stripped.equals(content));
  return stripped;
}

/** What a viewer finds of the orientation that was kept. */
function orientationIn(stripped: Buffer): number {
  const at = stripped.indexOf("MM\0*");
  return at === -1 ? 1 : readOrientation(stripped.subarray(at));
}

describe("a picture that somebody sent", () => {
  it.each(KINDS)("loses what was recorded beside it and not a byte of itself: %s", async (kind) => {
    const stripped = await strip(kind, ladenImage(kind, CLEAN[kind]));
    const expected = kind === "webp" ? extendWebp(CLEAN.webp, 1, 1) : CLEAN[kind];
    expect(stripped?.equals(expected)).toBe(true);
    expect(await judgeImage(fileOf(expected), kind, imageProcessing().limits)).toBeUndefined();
  });

  it.each(KINDS)("is stored as it came where nothing was recorded: %s", async (kind) => {
    expect((await strip(kind, CLEAN[kind]))?.equals(CLEAN[kind])).toBe(true);
  });

  it("stays the way up that the camera held it, and says nothing else of the camera", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<ImageKind>("png", "jpg", "webp"),
        fc.integer({ min: 0, max: 9 }),
        fc.string({ unit: "binary-ascii", minLength: 12, maxLength: 60_000 }),
        async (kind, orientation, record) => {
          const laden = ladenImage(kind, CLEAN[kind], { orientation, record });
          const stripped = await strip(kind, laden);
          expect(stripped?.includes(record)).toBe(false);
          expect(orientationIn(stripped as Buffer)).toBe(orientation >= 1 && orientation <= 8 ? orientation : 1);
          expect(await judgeImage(fileOf(stripped as Buffer), kind, imageProcessing().limits)).toBeUndefined();
          expect((await strip(kind, stripped as Buffer))?.equals(stripped as Buffer)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps its colours: the profile and what Adobe says of them, without the small picture of what was cut away", async () => {
    const profile = jpegSegment(0xe2, `ICC_PROFILE\0\x01\x01${"p".repeat(200)}`);
    const adobe = jpegSegment(0xee, "Adobe\0\x64\0\0\0\0\x01");
    const thumbnail = jpegSegment(0xe0, `JFIF\0\x01\x01\0\0\x01\0\x01\x02\x02${"t".repeat(12)}`);
    const header = JPEG.subarray(2, 20);
    const body = JPEG.subarray(20);
    const start = JPEG.subarray(0, 2);
    const longer = jpegSegment(0xee, `Adobe\0\x64\0\0\0\0\x01${RECORDED}`);
    const stripped = await strip("jpg", Buffer.concat([start, thumbnail, profile, longer, body]));
    expect(stripped?.equals(Buffer.concat([start, header, profile, adobe, body]))).toBe(true);
    const png = writePng(1, 1, [
      ["iCCP", "p"],
      ["gAMA", "0000"],
      ["sRGB", "\0"],
      ["pHYs", "000000000"],
    ]);
    expect((await strip("png", png))?.equals(png)).toBe(true);
  });

  it("keeps its animation, and of the number of rounds no more than that", async () => {
    expect(await strip("webp", writeAnimatedWebp(3))).toEqual(writeAnimatedWebp(3, ""));
    const loop = Buffer.from("21ff0b4e45545343415045322e300301000000", "hex");
    const gif = Buffer.concat([CLEAN.gif.subarray(0, 19), loop, CLEAN.gif.subarray(19)]);
    expect((await strip("gif", gif))?.equals(gif)).toBe(true);
  });

  it("loses what stands between the scans of a JPEG, and a second record of the camera", async () => {
    const scan = Buffer.from("ffda0008010100003f0012ff0034ffd056", "hex");
    const note = jpegSegment(0xfe, RECORDED);
    const exif = (orientation: number): Buffer =>
      jpegSegment(0xe1, Buffer.concat([Buffer.from("Exif\0\0"), writeExif(orientation, "II")]));
    const laden = Buffer.concat([
      JPEG.subarray(0, 2),
      exif(6),
      exif(3),
      JPEG.subarray(2, -2),
      note,
      scan,
      note,
      JPEG.subarray(-2),
    ]);
    const kept = jpegSegment(0xe1, Buffer.concat([Buffer.from("Exif\0\0"), writeOrientation(6)]));
    const expected = Buffer.concat([JPEG.subarray(0, 2), kept, JPEG.subarray(2, -2), scan, JPEG.subarray(-2)]);
    expect((await strip("jpg", laden))?.equals(expected)).toBe(true);
  });

  it.each<[string, ImageKind, Buffer]>([
    ["a chunk that no decoder may pass over", "png", writePng(1, 1, [["PRIV", ""]])],
    [
      "a chunk longer than the file",
      "png",
      Buffer.concat([CLEAN.png.subarray(0, 33), Buffer.from("7fffffff49444154", "hex")]),
    ],
    [
      "a marker that no picture has",
      "jpg",
      Buffer.concat([JPEG.subarray(0, 2), Buffer.from("ff020004abcd", "hex"), JPEG.subarray(2)]),
    ],
    ["a second beginning", "jpg", Buffer.concat([JPEG.subarray(0, 2), JPEG])],
    ["a segment shorter than its own length", "jpg", Buffer.from("ffd8ffe00001", "hex")],
    ["no end", "gif", CLEAN.gif.subarray(0, -1)],
    [
      "a block that is none",
      "gif",
      Buffer.concat([CLEAN.gif.subarray(0, 19), Buffer.from([0x22]), CLEAN.gif.subarray(19)]),
    ],
    [
      "a frame too short for its head",
      "webp",
      extendWebp(Buffer.from("RIFF\x10\0\0\0WEBPANMF\x04\0\0\0\0\0\0\0", "latin1"), 1, 1, 2),
    ],
    ["a chunk longer than its file", "webp", Buffer.from("RIFF\x0c\0\0\0WEBPVP8L\x09\0\0\0", "latin1")],
  ])("is refused where it has %s", async (_, kind, content) => {
    expect(await strip(kind, content)).toBeUndefined();
  });

  it("is never more than it was by more than the few bytes of an orientation, whatever is in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...KINDS),
        fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
        fc.nat(5000),
        async (kind, changes, cut) => {
          const content = Buffer.from(ladenImage(kind, CLEAN[kind], { orientation: 6 }));
          for (const [at, byte] of changes) content[at % content.length] = byte;
          const end = cut % 3 === 0 ? cut % content.length : content.length;
          const stripped = await strip(kind, content.subarray(0, end));
          expect(stripped?.length ?? 0).toBeLessThanOrEqual(end + 40);
        },
      ),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) },
    );
  }, 3_600_000);
});

describe("a camera's record", () => {
  it("says an orientation in either order of bytes, or none", () => {
    for (const order of ["II", "MM"] as const)
      for (let value = 0; value < 12; value += 1)
        expect(readOrientation(writeExif(value, order))).toBe(value >= 1 && value <= 8 ? value : 1);
    for (let value = 1; value <= 8; value += 1) expect(readOrientation(writeOrientation(value as 1))).toBe(value);
  });

  it("that is none that can be read says none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const orientation = readOrientation(Buffer.concat([Buffer.from("II*\0"), bytes]));
        expect(orientation >= 1 && orientation <= 8).toBe(true);
      }),
    );
    const elsewhere = writeExif(6);
    elsewhere.writeUInt32BE(0xffffffff, 4);
    expect(readOrientation(elsewhere)).toBe(1);
    const long = writeExif(6);
    long.writeUInt16BE(4, 24);
    expect(readOrientation(long)).toBe(1);
  });
});
