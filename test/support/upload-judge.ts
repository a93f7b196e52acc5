import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archiveSafety } from "../../packages/glacis/src/input/archive-safety.ts";
import { imageProcessing } from "../../packages/glacis/src/input/image-processing.ts";
import type { UploadKindName } from "../../packages/glacis/src/input/upload-kind.ts";
import { uploadType, type UploadType } from "../../packages/glacis/src/input/upload-type.ts";

const KINDS: readonly UploadKindName[] = [
  "pdf",
  "docx",
  "xlsx",
  "pptx",
  "png",
  "jpg",
  "gif",
  "webp",
  "svg",
  "txt",
  "csv",
  "zip",
];

/** Everything that can be accepted, within the default limits. */
export const everyType: UploadType = uploadType(KINDS, {
  archive: archiveSafety().limits,
  image: imageProcessing().limits,
});

/** The code of the refusal that a file of that name and content gets, or "accepted". */
export async function judgeSample(
  filename: string,
  content: Buffer | string,
  declared = "application/octet-stream",
): Promise<string> {
  const expected = everyType.expect(filename, declared);
  if ("code" in expected) return expected.code;
  const folder = mkdtempSync(join(tmpdir(), "upload-sample-"));
  const path = join(folder, "sample");
  writeFileSync(path, content);
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const read = async (position: number, length: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(Math.min(length, size));
      return buffer.subarray(0, (await handle.read(buffer, 0, buffer.length, position)).bytesRead);
    };
    const watch = everyType.watch(expected);
    // Small chunks, so that whatever is looked for is cut somewhere.
    const step = size > 10_000 ? 65_536 : 37;
    for (let at = 0; at < size; at += step) {
      const found = watch(await read(at, step));
      if (found !== undefined) return found.code;
    }
    return (await everyType.judge({ path, size, read }, expected))?.code ?? "accepted";
  } finally {
    await handle.close();
    rmSync(folder, { recursive: true });
  }
}
