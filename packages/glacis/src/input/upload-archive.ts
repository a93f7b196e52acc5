/** ZIP archives, read as a suspicious person reads them: both directories, every byte counted, nothing between the entries (CWE-409, CWE-22, CWE-59). */
import { crc32 } from "node:zlib";
import {
  fromBufferPromise,
  getFileNameLowLevel,
  openPromise,
  type Entry,
  type LocalFileHeader,
  type ZipFile,
} from "yauzl";
import { readPathName } from "./path-name.ts";
import { fault, type UploadFault } from "./upload-fault.ts";

/** Bounds on one archive. */
export interface ArchiveLimits {
  /** Files and folders. 1000. */
  readonly maxEntries: number;
  /** All of them unpacked, in bytes. 100 MiB. */
  readonly maxTotalBytes: number;
  /** Unpacked to packed, where there is enough of it to matter. 100. */
  readonly maxRatio: number;
}

export interface ArchiveContents {
  readonly names: readonly string[];
  /** What the caller asked to keep. */
  readonly kept: ReadonlyMap<string, Buffer>;
}

/** Looks at one entry as it is unpacked; the first fault is final. */
export interface EntryWatch {
  chunk(bytes: Buffer): UploadFault | undefined;
  end(): UploadFault | undefined;
}

export interface ArchiveReading {
  readonly limits: ArchiveLimits;
  /** Whether the content of an entry is handed over. */
  readonly keep: (name: string) => boolean;
  /** Judges an entry by its name and first bytes. */
  readonly judgeEntry: (name: string, head: Buffer) => UploadFault | undefined;
  /** Who looks at all of an entry; undefined where its name and beginning say enough. */
  readonly watch?: (name: string) => EntryWatch | undefined;
}

interface Item {
  readonly name: string;
  readonly entry: Entry;
  start: number;
  end: number;
}

/** Small things compress well by nature. */
const RATIO_FLOOR_BYTES = 256 * 1024;
const HEAD_BYTES = 512;
const MOST_KEPT_BYTES = 16 * 1024 * 1024;
const FILE_TYPES = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const UNICODE_PATH = 0x7075;
const ZIP64 = 1;
const FOUR_BYTES = 0xffffffff;
/** Signature, CRC and two sizes of eight bytes. */
const LONGEST_DESCRIPTOR = 24;

/** Reads an archive to its last byte. @param source its path, or the archive itself */
export async function readArchive(
  source: string | Buffer,
  reading: ArchiveReading,
): Promise<ArchiveContents | UploadFault> {
  let zip: ZipFile;
  try {
    const options = { decodeStrings: false, autoClose: false };
    zip = await (typeof source === "string" ? openPromise(source, options) : fromBufferPromise(source, options));
  } catch (error) {
    return damaged(error);
  }
  try {
    const items = await listItems(zip, reading.limits);
    if ("code" in items) return items;
    return (await judgeLayout(zip, items)) ?? (await unpack(zip, items, reading));
  } catch (error) {
    return damaged(error);
  } finally {
    zip.close();
  }
}

/** yauzl says with plain errors that an archive is broken; an error with a code comes from the system and is no judgement. */
function damaged(error: unknown): UploadFault {
  if (error instanceof Error && "code" in error && !String(error.code).startsWith("Z_")) throw error;
  return fault("archive_malformed");
}

async function listItems(zip: ZipFile, limits: ArchiveLimits): Promise<Item[] | UploadFault> {
  if (zip.entryCount > limits.maxEntries) return fault("archive_entries", "maxEntries", limits.maxEntries);
  const items: Item[] = [];
  const seen = new Set<string>();
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
    const found = judgeMetadata(name, entry, seen, limits);
    if (found !== undefined) return found;
    total += entry.uncompressedSize;
    if (total > limits.maxTotalBytes) return fault("archive_total", "maxTotalBytes", limits.maxTotalBytes);
    items.push({ name, entry, start: entry.relativeOffsetOfLocalHeader, end: 0 });
  }
  // A file that is the folder of another: which of the two is kept, and where, depends on who unpacks.
  if ([...seen].some((name) => foldersOf(name).some((folder) => seen.has(folder)))) return fault("archive_duplicate");
  const packed = items.reduce((sum, { entry }) => sum + entry.compressedSize, 0);
  return exceedsRatio(total, packed, limits) ? fault("archive_ratio", "maxRatio", limits.maxRatio) : items;
}

function judgeMetadata(name: string, entry: Entry, seen: Set<string>, limits: ArchiveLimits): UploadFault | undefined {
  const folder = name.endsWith("/");
  if (typeof readPathName(folder ? name.slice(0, -1) : name, true) === "string") return fault("archive_name");
  // What some systems hold for the same name would replace one entry by another.
  const folded = name.normalize("NFKC").toLowerCase();
  if (seen.has(folded)) return fault("archive_duplicate");
  seen.add(folded);
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPES;
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY) return fault("archive_link");
  if ((entry.generalPurposeBitFlag & 0x2041) !== 0) return fault("archive_encrypted");
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) return fault("archive_method");
  if (folder && entry.uncompressedSize !== 0) return fault("archive_disagrees");
  if (entry.extraFields.some(({ id, data }) => id === UNICODE_PATH && data.subarray(5).toString() !== name))
    return fault("archive_disagrees");
  if (exceedsRatio(entry.uncompressedSize, entry.compressedSize, limits))
    return fault("archive_ratio", "maxRatio", limits.maxRatio);
  return undefined;
}

/** Without the slash at their end, which is how a file would be called. */
function foldersOf(name: string): readonly string[] {
  return [...name.matchAll(/\//gu)].map(({ index }) => name.slice(0, index));
}

function exceedsRatio(unpacked: number, packed: number, { maxRatio }: ArchiveLimits): boolean {
  return unpacked > RATIO_FLOOR_BYTES && unpacked > packed * maxRatio;
}

/** The entries lie one behind the other from the first byte to the directory, and the directory reaches to the end: nothing is shared, nothing hidden. */
async function judgeLayout(zip: ZipFile, items: readonly Item[]): Promise<UploadFault | undefined> {
  for (const item of items) {
    const local = await zip.readLocalFileHeaderPromise(item.entry);
    if (!agrees(item.entry, local)) return fault("archive_disagrees");
    item.end = local.fileDataStart + item.entry.compressedSize;
  }
  const ordered = items.toSorted((one, other) => one.start - other.start);
  let end = 0;
  let slack = 0;
  for (const { start, end: next, entry } of ordered) {
    if (start < end) return fault("archive_overlap");
    if (start > end + slack) return fault("archive_disagrees");
    end = next;
    slack = (entry.generalPurposeBitFlag & 8) === 0 ? 0 : LONGEST_DESCRIPTOR;
  }
  const { start: directory, end: directoryEnd } = directoryOf(zip, items);
  if (directory < end) return fault("archive_overlap");
  const tail = zip.fileSize - directoryEnd - zip.comment.length;
  // The end record alone, or with the record and locator of ZIP64 in front of it.
  return directory > end + slack || (tail !== 22 && tail !== 98) ? fault("archive_disagrees") : undefined;
}

/** The cursor stands behind the last entry by now; the types of yauzl call it a boolean. */
function directoryOf(zip: ZipFile, items: readonly Item[]): { readonly start: number; readonly end: number } {
  const end = zip.readEntryCursor as unknown as number;
  const length = items.reduce(
    (sum, { entry }) => sum + 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength,
    0,
  );
  return { start: end - length, end };
}

/** APPNOTE 4.4: with a data descriptor the local sizes may be zero. */
function agrees(entry: Entry, local: LocalFileHeader): boolean {
  if (!local.fileName.equals(entry.fileNameRaw) || local.compressionMethod !== entry.compressionMethod) return false;
  if (((local.generalPurposeBitFlag ^ entry.generalPurposeBitFlag) & 0x2849) !== 0) return false;
  const late = (local.generalPurposeBitFlag & 8) !== 0;
  const sizes = localSizes(local);
  const same = (here: number, there: number): boolean => here === there || (late && here === 0);
  return (
    same(local.crc32, entry.crc32) &&
    same(sizes.unpacked, entry.uncompressedSize) &&
    same(sizes.packed, entry.compressedSize)
  );
}

function localSizes({ extraField, compressedSize, uncompressedSize }: LocalFileHeader): {
  readonly packed: number;
  readonly unpacked: number;
} {
  if (compressedSize !== FOUR_BYTES && uncompressedSize !== FOUR_BYTES)
    return { packed: compressedSize, unpacked: uncompressedSize };
  for (let at = 0; at + 4 <= extraField.length; at += 4 + extraField.readUInt16LE(at + 2)) {
    if (extraField.readUInt16LE(at) === ZIP64 && at + 20 <= extraField.length)
      return {
        unpacked: Number(extraField.readBigUInt64LE(at + 4)),
        packed: Number(extraField.readBigUInt64LE(at + 12)),
      };
  }
  return { packed: -1, unpacked: -1 };
}

/** Inflates every entry, which yauzl ends at the declared size, and holds it against its checksum. */
async function unpack(
  zip: ZipFile,
  items: readonly Item[],
  { keep, judgeEntry, watch }: ArchiveReading,
): Promise<ArchiveContents | UploadFault> {
  const kept = new Map<string, Buffer>();
  let room = MOST_KEPT_BYTES;
  for (const { name, entry } of items) {
    const wanted = keep(name);
    if (wanted) room -= entry.uncompressedSize;
    if (room < 0) return fault("archive_total", "keptBytes", MOST_KEPT_BYTES);
    let sum = 0;
    let head: Buffer = Buffer.alloc(0);
    const chunks: Buffer[] = [];
    const watching = watch?.(name);
    for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      const seen = watching?.chunk(chunk);
      if (seen !== undefined) return seen;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      if (wanted) chunks.push(chunk);
    }
    if (sum !== entry.crc32) return fault("archive_disagrees");
    const found = judgeEntry(name, head) ?? watching?.end();
    if (found !== undefined) return found;
    if (wanted) kept.set(name, Buffer.concat(chunks));
  }
  return { names: items.map(({ name }) => name), kept };
}
