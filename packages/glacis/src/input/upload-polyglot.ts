/** Files that are two things at once: an image or a PDF that a browser, a server or an unpacker would read as something else (CWE-434). */
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";

/** The longest of what is looked for. */
const OVERLAP = 40;
const ARCHIVE_END = Buffer.from("PK\x05\x06", "latin1");
const ARCHIVE_END_BYTES = 22;
const MOST_COMMENT = 65_535;
/** Five bytes at least, or as rare: shorter ones stand in any large picture by chance. PHP, ASP and JSP, includes of servers, and pages. */
const ACTIVE =
  /<\?php|<\?=[\s@(\\/*]{0,8}(?:\$_|`\$)|<\?[=\s][\s@(\\/*]{0,8}(?:[a-z_]{4,11}\s?\(|[a-z_]{4,11}\)\s?\(|\$[a-z_]\w{0,15}\s?[=[({]|`[\w $./-]{1,24}`)|<%[@=!]?\s?(?:page|import|eval|execute|response|request|server)|<!--#(?:exec|include)|<script|<html|<!doctype|<iframe|<svg(?:>|[\s/]{1,8}[a-z:-]{1,24}[\s=/>])/iu;
/** Where a PHP archive begins, whatever stands in front of it. */
const PHP_ARCHIVE = "__HALT_COMPILER";
const BRACKET = 0x3c;
/** What stands behind the bracket of each. */
const FOLLOWING: ReadonlySet<number | undefined> = new Set(Buffer.from("?%!sShHiI", "latin1"));
const BYTES_PER_LOOK = 128;

/** Whether an unpacker, which reads from the end, finds an archive here. */
export async function judgeTrailingArchive(file: QuarantinedFile): Promise<UploadFault | undefined> {
  const start = Math.max(0, file.size - ARCHIVE_END_BYTES - MOST_COMMENT);
  const tail = await file.read(start, file.size - start);
  for (let at = tail.indexOf(ARCHIVE_END); at !== -1; at = tail.indexOf(ARCHIVE_END, at + 1)) {
    // Unpackers differ in how exactly the comment must reach the end of the file.
    if (at + ARCHIVE_END_BYTES <= tail.length && at + ARCHIVE_END_BYTES + tail.readUInt16LE(at + 20) >= tail.length - 4)
      return fault("polyglot");
  }
  return undefined;
}

/** Looks at the chunks of a file as they pass; the first fault is final. */
export type ChunkWatch = (chunk: Buffer) => UploadFault | undefined;

/** Whether code that a server or a browser would run stands anywhere in a file. */
export function watchActiveContent(): ChunkWatch {
  let tail: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const seam = Buffer.concat([tail, chunk.subarray(0, OVERLAP)]);
    tail = chunk.length < OVERLAP ? seam.subarray(-OVERLAP) : Buffer.from(chunk.subarray(-OVERLAP));
    return holdsActive(chunk) || holdsActive(seam) ? fault("polyglot") : undefined;
  };
}

/**
 * A picture has a bracket in some 256 bytes, and few of them are followed by one of these letters: to look at those alone takes a fifth of the time
 * that the pattern takes for all. Where brackets stand closer, the pattern has the rest.
 */
function holdsActive(bytes: Buffer): boolean {
  if (bytes.includes(PHP_ARCHIVE)) return true;
  let looks = bytes.length / BYTES_PER_LOOK;
  for (let at = bytes.indexOf(BRACKET); at !== -1; at = bytes.indexOf(BRACKET, at + 1)) {
    if (looks <= 0) return ACTIVE.test(bytes.toString("latin1", at));
    looks -= 1;
    if (FOLLOWING.has(bytes[at + 1]) && ACTIVE.test(bytes.toString("latin1", at, at + OVERLAP))) return true;
  }
  return false;
}

/** The same for the beginning alone. */
export async function judgeActiveBeginning(file: QuarantinedFile, length: number): Promise<UploadFault | undefined> {
  return watchActiveContent()(await file.read(0, length));
}
