import { crc32, deflateSync } from "node:zlib";

/** A PDF of one empty page with whatever else is said. */
export function writePdf(catalog = "", objects: readonly (string | Buffer)[] = []): Buffer {
  const parts = [
    "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    `1 0 obj\n<< /Type /Catalog /Pages 2 0 R ${catalog} >>\nendobj\n`,
    "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
    "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 10] >>\nendobj\n",
    ...objects,
    "trailer\n<< /Root 1 0 R /Size 9 >>\nstartxref\n0\n%%EOF\n",
  ];
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
}

/** An object stream (ISO 32000-2 section 7.5.7) that holds one object. */
export function writeObjectStream(number: number, body: string, dictionary = "/Filter /FlateDecode"): Buffer {
  const pairs = `${number} 0 `;
  const packed = deflateSync(Buffer.from(pairs + body, "latin1"));
  return Buffer.concat([
    Buffer.from(
      `8 0 obj\n<< /Type /ObjStm /N 1 /First ${pairs.length} ${dictionary} /Length ${packed.length} >>\nstream\r\n`,
    ),
    packed,
    Buffer.from("\nendstream\nendobj\n"),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A PNG that says it is so large; the pixels are those of one. */
export function writePng(width = 1, height = 1, extra: readonly (readonly [string, string])[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    pngChunk("IHDR", header),
    ...extra.map(([type, data]) => pngChunk(type, Buffer.from(data, "latin1"))),
    pngChunk("IDAT", deflateSync(Buffer.alloc(2))),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The segments of a JPEG around a scan of a few bytes. */
export function writeJpeg(width = 1, height = 1, comment = ""): Buffer {
  const frame = Buffer.from("ffc0000b080000000001011100", "hex");
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  const note = Buffer.from(comment, "latin1");
  const segment = Buffer.from([0xff, 0xfe, 0, 0]);
  segment.writeUInt16BE(note.length + 2, 2);
  return Buffer.concat([
    Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex"),
    segment,
    note,
    frame,
    Buffer.from("ffda0008010100003f0012ff0034ffd056ffd9", "hex"),
  ]);
}

/** A GIF of one pixel and so many frames. */
export function writeGif(width = 1, height = 1, frames = 1): Buffer {
  const head = Buffer.from("474946383961000000008000000000000000ff", "hex");
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  const frame = Buffer.from("2c0000000001000100000202440100", "hex");
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from([0x3b])]);
}

/** A lossless WebP header of that size. */
export function writeWebp(width = 1, height = 1): Buffer {
  const data = Buffer.alloc(12);
  data[0] = 0x2f;
  data.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 1);
  const head = Buffer.alloc(8);
  head.write("VP8L", "latin1");
  head.writeUInt32LE(data.length, 4);
  const riff = Buffer.alloc(12);
  riff.write("RIFF", "latin1");
  riff.writeUInt32LE(4 + 8 + data.length, 4);
  riff.write("WEBP", 8, "latin1");
  return Buffer.concat([riff, head, data]);
}

export const SVG: string =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs><path d="M0 0h10" fill="url(#a)"/></svg>';

/** What stands in every place of a laden picture where somebody could read of a person. */
export const RECORDED = "46.948 N 7.447 E, camera 0815 of Ada";

/** A camera's record: which way is up, and its maker's note. */
export function writeExif(orientation: number, order: "II" | "MM" = "MM", note = RECORDED): Buffer {
  const tiff = Buffer.alloc(38);
  const short = (value: number, at: number): number =>
    order === "II" ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const long = (value: number, at: number): number =>
    order === "II" ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  tiff.write(order, "latin1");
  short(42, 2);
  long(8, 4);
  short(2, 8);
  for (const [at, tag, type, count] of [
    [10, 0x010f, 2, note.length],
    [22, 0x0112, 3, 1],
  ] as const) {
    short(tag, at);
    short(type, at + 2);
    long(count, at + 4);
  }
  long(tiff.length, 18);
  short(orientation, 30);
  return Buffer.concat([tiff, Buffer.from(note, "latin1")]);
}

export function jpegSegment(marker: number, data: Buffer | string): Buffer {
  const content = typeof data === "string" ? Buffer.from(data, "latin1") : data;
  const segment = Buffer.concat([Buffer.from([0xff, marker, 0, 0]), content]);
  segment.writeUInt16BE(content.length + 2, 2);
  return segment;
}

function webpChunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, "latin1");
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

function webpFile(...chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  const riff = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  riff.writeUInt32LE(4 + body.length, 4);
  return Buffer.concat([riff, body]);
}

/** A simple WebP in the extended form, with those flags. */
export function extendWebp(
  image: Buffer,
  width: number,
  height: number,
  flags = 0,
  ...more: readonly Buffer[]
): Buffer {
  const head = Buffer.alloc(10);
  head[0] = flags;
  head.writeUIntLE(width - 1, 4, 3);
  head.writeUIntLE(height - 1, 7, 3);
  const [from, old] = image.toString("latin1", 12, 16) === "VP8X" ? [30, image[20] as number] : [12, 0];
  head[0] |= old;
  return webpFile(webpChunk("VP8X", head), image.subarray(from), ...more);
}

/** A WebP of frames, each with a chunk that is none of a frame's. */
export function writeAnimatedWebp(frames: number, beside = RECORDED): Buffer {
  const frame = Buffer.concat([
    Buffer.alloc(16),
    writeWebp().subarray(12),
    ...(beside === "" ? [] : [webpChunk("MINE", Buffer.from(beside, "latin1"))]),
  ]);
  const animation = webpChunk("ANIM", Buffer.alloc(6));
  return extendWebp(webpFile(animation, ...Array.from({ length: frames }, () => webpChunk("ANMF", frame))), 1, 1, 0x02);
}

/** The image with everything that cameras, phones and editors record beside one. */
export function ladenImage(
  kind: "png" | "jpg" | "gif" | "webp",
  image: Buffer,
  { orientation = 1, width = 1, height = 1, record = RECORDED } = {},
): Buffer {
  const exif = writeExif(orientation, "MM", record);
  const text = Buffer.from(record, "latin1");
  const insert = (at: number, ...pieces: readonly Buffer[]): Buffer =>
    Buffer.concat([image.subarray(0, at), ...pieces, image.subarray(at)]);
  const blocks = (data: Buffer): Buffer =>
    Buffer.concat([
      ...Array.from({ length: Math.ceil(data.length / 255) }, (_, index) => {
        const block = data.subarray(index * 255, index * 255 + 255);
        return Buffer.concat([Buffer.from([block.length]), block]);
      }),
      Buffer.alloc(1),
    ]);
  if (kind === "png")
    return insert(
      33,
      ...["tEXt", "zTXt", "iTXt", "tIME", "sPLT", "caBX"].map((type) => pngChunk(type, text)),
      pngChunk("eXIf", exif),
    );
  if (kind === "gif") {
    const table = ((image[10] as number) & 0x80) === 0 ? 0 : 3 * 2 ** (((image[10] as number) & 7) + 1);
    const application = (name: string): Buffer => Buffer.from(`\x21\xff\x0b${name}`, "latin1");
    return insert(
      13 + table,
      Buffer.from("\x21\xfe", "latin1"),
      blocks(text),
      application("XMP DataXMP"),
      blocks(text),
      application("NETSCAPE2.0"),
      blocks(Buffer.concat([Buffer.from([1, 0, 0]), text])),
    );
  }
  if (kind === "webp")
    return extendWebp(
      image,
      width,
      height,
      0x0c,
      webpChunk("EXIF", exif),
      webpChunk("XMP ", text),
      webpChunk("MINE", text),
    );
  const laden = insert(
    2,
    jpegSegment(0xe1, Buffer.concat([Buffer.from("Exif\0\0"), exif])),
    jpegSegment(0xe1, `http://ns.adobe.com/xap/1.0/\0${record}`),
    jpegSegment(0xe0, `JFXX\0\x13${record}`),
    jpegSegment(0xe2, `MPF\0${record}`),
    jpegSegment(0xeb, `JP${record}`),
    jpegSegment(0xed, `Photoshop 3.0\0${record}`),
    jpegSegment(0xfe, record),
  );
  return Buffer.concat([laden, writeJpeg(1, 1, record)]);
}
