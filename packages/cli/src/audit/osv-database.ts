/** Advisories from a local export of OSV: a folder of JSON files, the ZIP of an ecosystem, or one JSON file. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fromBufferPromise, type Entry, type ZipFile } from "yauzl";
import { CannotCheck } from "../outcome.ts";
import type { AdvisorySource } from "./advisory.ts";
import { readText } from "./bounded-file.ts";
import { parseOsvRecord, type OsvRecord } from "./osv-record.ts";

const MOST_ENTRIES = 2_000_000;
const MOST_RECORD_BYTES = 16 * 1024 * 1024;
const MOST_ARCHIVE_BYTES = 1024 ** 3;
const DEEPEST = 8;

/** @throws CannotCheck, once it is asked, when there is no record, or one that cannot be read */
export function osvDatabase(path: string): AdvisorySource {
  return {
    name: path,
    recordsFor: async (packages) => {
      const labels = new Map<string, string[]>();
      for (const { name, version } of packages) labels.set(name, [...(labels.get(name) ?? []), `${name}@${version}`]);
      const records = new Map<string, OsvRecord[]>();
      let size = 0;
      let newestMs = 0;
      await eachRecord(path, (record) => {
        size += 1;
        newestMs = Math.max(newestMs, Date.parse(record.modified ?? "") || 0);
        const names = record.affected.filter(({ ecosystem }) => ecosystem === "npm").map(({ name }) => name);
        for (const name of new Set(names)) {
          for (const label of new Set(labels.get(name))) records.set(label, [...(records.get(label) ?? []), record]);
        }
      });
      if (size === 0) throw unusable(path, "it holds no record.");
      return { records, newestMs: newestMs === 0 ? undefined : newestMs, size };
    },
  };
}

async function eachRecord(path: string, take: (record: OsvRecord) => void): Promise<void> {
  let kind: "folder" | "file";
  try {
    kind = statSync(path).isDirectory() ? "folder" : "file";
  } catch {
    throw unusable(path, "it is not there.");
  }
  if (kind === "folder") readFolder(path, path, take, 0);
  else if (/\.zip$/iu.test(path)) await readZip(path, take);
  else readDocument(path, path, readText(path) ?? "", take);
}

function readFolder(root: string, folder: string, take: (record: OsvRecord) => void, depth: number): void {
  if (depth > DEEPEST) throw unusable(root, "its folders are nested too deeply.");
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith(".")) readFolder(root, path, take, depth + 1);
    else if (entry.isFile() && entry.name.endsWith(".json"))
      readDocument(root, path, readText(path, MOST_RECORD_BYTES) ?? "", take);
  }
}

/** One record, or a list of them. A file that is neither might have been the one that counts. */
function readDocument(root: string, file: string, text: string, take: (record: OsvRecord) => void): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable(root, `${file} is no JSON.`);
  }
  for (const item of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
    const record = parseOsvRecord(item);
    if (record === undefined) throw unusable(root, `${file} is no record of OSV.`);
    take(record);
  }
}

async function readZip(path: string, take: (record: OsvRecord) => void): Promise<void> {
  let zip: ZipFile;
  try {
    zip = await fromBufferPromise(readArchive(path), { autoClose: false });
  } catch (error) {
    throw unusable(path, `it is no ZIP archive: ${(error as Error).message}`);
  }
  try {
    if (zip.entryCount > MOST_ENTRIES) throw unusable(path, `it has more than ${MOST_ENTRIES} entries.`);
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith(".json")) continue;
      if (entry.uncompressedSize > MOST_RECORD_BYTES) throw unusable(path, `${entry.fileName} is too large.`);
      readDocument(path, entry.fileName, await textOfEntry(zip, entry), take);
    }
  } catch (error) {
    if (error instanceof CannotCheck) throw error;
    throw unusable(path, `it is damaged: ${(error as Error).message}`);
  } finally {
    zip.close();
  }
}

/** In one piece: a read from the disk for each of several hundred thousand entries takes longer than all else. */
function readArchive(path: string): Buffer {
  const { size } = statSync(path);
  if (size > MOST_ARCHIVE_BYTES) throw new Error(`it is larger than ${MOST_ARCHIVE_BYTES} bytes.`);
  return readFileSync(path);
}

/** The size that an entry declares is held to by the reader of the archive. */
async function textOfEntry(zip: ZipFile, entry: Entry): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function unusable(path: string, reason: string): CannotCheck {
  return new CannotCheck(
    `the advisories of ${path} could not be read: ${reason}`,
    "packages that nobody has looked up count as not judged, and never as sound.",
    "fetch the export anew (docs/supply-chain.md says where it is), and name it with --database.",
  );
}
