/** A file of any size as text, in pieces, with what would garble it refused. */
import { createReadStream } from "node:fs";
import { CannotCheck } from "../outcome.ts";

const PIECE_BYTES = 65_536;

/**
 * @returns pieces of the text; a UTF-8 byte order mark is gone, and a byte that is not UTF-8 has become U+FFFD
 * @throws CannotCheck when the file cannot be read, or is UTF-16
 */
export async function* textOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let isFirst = true;
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
      if (isFirst) rejectUtf16(bytes);
      isFirst = false;
      yield decoder.decode(bytes, { stream: true });
    }
  } catch (error) {
    if (error instanceof CannotCheck) throw error;
    throw new CannotCheck(
      `the export could not be read: ${(error as NodeJS.ErrnoException).code ?? "no reason given"}.`,
      "nobody knows what is in the rest of it.",
      "give the path of a file that this user may read.",
    );
  }
  yield decoder.decode();
}

function rejectUtf16(bytes: Buffer): void {
  const [first, second] = bytes;
  if (!(first === 0xff && second === 0xfe) && !(first === 0xfe && second === 0xff)) return;
  throw new CannotCheck(
    "the export is UTF-16.",
    "every address in it would be read wrongly.",
    "export it again as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8",
  );
}
