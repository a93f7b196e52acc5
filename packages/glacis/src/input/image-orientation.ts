/** The one thing of a camera's record that a picture needs to be seen as it was taken: which way is up (Exif 3.0 section 4.6.5, tag 0x0112). */
const TAG = 0x0112;
const SHORT = 3;

/** How a viewer turns and mirrors the picture: 1 not at all, up to 8. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/**
 * Reads the orientation from a TIFF structure, as Exif holds one; 1 where it says none, or is none that can be read.
 *
 * @param tiff begins with the order of bytes, `II` or `MM`
 */
export function readOrientation(tiff: Buffer): Orientation {
  const order = tiff.toString("latin1", 0, 4);
  if (tiff.length < 8 || (order !== "II*\0" && order !== "MM\0*")) return 1;
  const little = order.startsWith("II");
  const short = (at: number): number =>
    at + 2 > tiff.length ? 0 : little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at);
  const directory = little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  for (let entry = 0; entry < short(directory); entry += 1) {
    const at = directory + 2 + entry * 12;
    if (at + 12 > tiff.length) return 1;
    if (short(at) !== TAG) continue;
    const value = short(at + 8);
    return short(at + 2) === SHORT && value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** A TIFF structure that says this orientation, and nothing else. */
export function writeOrientation(orientation: Orientation): Buffer {
  const tiff = Buffer.from("4d4d002a0000000800010112000300000001000000000000000000", "hex").subarray(0, 26);
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
}
