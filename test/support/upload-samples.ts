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
